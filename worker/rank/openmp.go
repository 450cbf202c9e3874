package rank

import (
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/faasmrun/faasmrun/internal/openmp"
	"github.com/faasmrun/faasmrun/omp"
	"github.com/faasmrun/faasmrun/omp/profile"
	"github.com/faasmrun/faasmrun/worker/program"
)

// UsesOpenMP reports whether a program imports anything of OpenMP.
func UsesOpenMP(p *program.Program) bool {
	for _, im := range p.Imports {
		if openmp.IsCall(im.Module, im.Name) {
			return true
		}
	}
	return false
}

// OpenMPWarnings says which of a rank's variables for OpenMP make no sense, and what is done instead.
func OpenMPWarnings(env []string) []string {
	_, warnings := omp.Environment(env, 1, maxThreads)
	return warnings
}

// OpenMPThreads is how many threads a team of a rank has with that environment, and where that does not say so on so
// many processors; 0: on one.
func OpenMPThreads(env []string, processors uint32) int {
	s, _ := omp.Environment(env, int(max(1, min(processors, maxThreads))), maxThreads)
	return s.Threads()
}

// OpenMPProfile is what Config.OpenMPStats has measured; nil without it. Any goroutine may ask at any time.
func (r *Rank) OpenMPProfile() *profile.Rank {
	p := r.omp.Profile()
	if p != nil {
		p.Rank = r.number
	}
	return p
}

// member is a thread as OpenMP sees it.
type member struct{ *Thread }

// Bytes implements omp.Host.
func (m member) Bytes(address, size uint64) []byte { return m.bytes(address, size) }

// Grow implements omp.Host.
func (m member) Grow(size uint64) (address uint64, ok bool) { return m.instance.Grow(size) }

// CallTable implements omp.Host.
func (m member) CallTable(function uint32, params string, args ...uint64) error {
	return m.instance.CallTable(function, params, args...)
}

// CallTableResult implements omp.Host.
func (m member) CallTableResult(function uint32, params string, args ...uint64) (int32, error) {
	return m.instance.CallTableResult(function, params, args...)
}

// RunResult implements omp.Host.
func (m member) RunResult(function uint32, params string, args ...uint64) (int32, error) {
	return m.instance.RunResult(function, params, args...)
}

// Wait implements omp.Host.
func (m member) Wait(key uint64, word *atomic.Uint32, value uint32) {
	m.mpi.CheckEnded()
	m.waitsAt.Store(uint64(m.omp.Place()))
	m.waiter.WaitOn(key, word, value)
	m.waitsAt.Store(0)
}

// Notify implements omp.Host.
func (m member) Notify(key uint64, count uint32) { m.waiter.Notify(key, count) }

// Print implements omp.Host.
func (m member) Print(descriptor uint32, text []byte) { m.rank.wasi.Print(descriptor, text) }

// Start implements omp.Host.
func (m member) Start(stack uint64, t *omp.Thread) (scratch uint64, err error) {
	other, err := m.newThread(stack, 0)
	if err != nil {
		return 0, err
	}
	if err := m.makeInstance(other, other.space.stack); err != nil {
		other.leave()
		return 0, fmt.Errorf("thread %d: %w", other.number, err)
	}
	other.omp = t
	m.rank.goThread(other, func() (err error) {
		defer func() { // what a wait between two regions panics with, as a host call would
			if ended := recover(); ended != nil {
				var ok bool
				if err, ok = ended.(error); !ok {
					err = &program.InternalError{Value: fmt.Sprint(ended)}
				}
			}
		}()
		return t.Work(member{other})
	})
	return other.space.scratch, nil
}

// initial is the thread as OpenMP sees it: one of a team's, or one that the program has made.
func (t *Thread) initial() *omp.Thread {
	if t.omp == nil {
		t.omp = t.rank.omp.Initial(member{t})
	}
	return t.omp
}

// hostname is what gethostname gives a program.
func hostname(env []string) string {
	for _, v := range env {
		if name, found := strings.CutPrefix(v, "HOSTNAME="); found && name != "" {
			return name
		}
	}
	return "wasm"
}
