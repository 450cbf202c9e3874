package rank

import (
	"fmt"
	"sync/atomic"

	"github.com/faasmrun/faasmrun/internal/openmp"
	"github.com/faasmrun/faasmrun/mpi"
	"github.com/faasmrun/faasmrun/omp"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/futex"
	"github.com/faasmrun/faasmrun/worker/program"
	"github.com/faasmrun/faasmrun/worker/wasi"
)

// Thread is a thread of a rank's program: an instance over the rank's memory. Every host call is one of a thread's.
type Thread struct {
	rank     *Rank
	number   int // 0 is the one that runs main
	instance engine.Instance
	mpi      *mpi.Thread
	waiter   *futex.Thread
	omp      *omp.Thread
	waitsAt  atomic.Uint64 // an omp.Place: where it waits in OpenMP; 0: it does not
	pending  *wasi.Pending
	counted  bool // as one that waits for ever; guarded by the rank's queue

	space  space  // of a further thread
	record uint64 // where pthread_create notes the thread; 0: it did not make it
}

// maxThreads bounds the threads of a rank.
const maxThreads = openmp.MostThreads

// errTooManyThreads is that a rank has maxThreads.
var errTooManyThreads = fmt.Errorf("the rank has %d threads, and may have no more", maxThreads)

// newThread makes a further thread of the program, with a stack of a size. It runs nothing yet: goThread starts it, and
// leave takes it back. It is called in a host call of t's.
func (t *Thread) newThread(stack, guard uint64) (*Thread, error) {
	r := t.rank
	if r.threads.count() >= maxThreads {
		return nil, errTooManyThreads
	}
	s, err := t.newSpace(stack, guard)
	if err != nil {
		return nil, err
	}
	other := &Thread{rank: r, number: int(r.spawned.Add(1)), space: s}
	other.waiter = futex.NewThread(&r.queue, waiter{other})
	other.mpi = r.mpi.NewThread(other.number, host{other})
	other.pending = wasi.NewPending(other.mpi.SuspendsOutside)
	return other, nil
}

// makeInstance makes another thread's instance, and has libc know of it. stack is where it has its stack.
func (t *Thread) makeInstance(other *Thread, stack program.Stack) (err error) {
	if other.number == 1 { // main makes it: there is no other yet
		if err := t.instance.CallExport(engine.StartThreads); err != nil {
			return err
		}
	}
	s := other.space.thread()
	s.Stack = stack
	if other.instance, err = t.instance.Thread(other, s); err != nil {
		return err
	}
	return other.instance.CallExport(engine.EnterThread)
}

// Run runs a function of the program's table, outside of a host call.
func (t *Thread) Run(function uint32, params string, args ...uint64) error {
	return t.instance.Run(function, params, args...)
}

// leave gives back what a thread other than main has, behind its end, and then tells who waits for that. The count of
// threads that may yet do something comes last: another does by then.
func (t *Thread) leave() {
	if t.omp != nil && t.record != 0 {
		t.omp.End()
	}
	if t.instance != nil {
		t.instance.Close()
	}
	t.rank.spaces.put(t.space)
	t.tellEnd()
	t.mpi.Retire()
}

// host is a thread as MPI sees it.
type host struct{ *Thread }

func (h host) Memory() []byte { return h.rank.memory.Bytes() }

// Lowest is the first address of the memory that may be touched.
func (h host) Lowest() uint64 { return h.rank.memory.Lowest() }

// Open is how many bytes may be touched from an address on.
func (h host) Open(address uint64) uint64 { return h.rank.memory.Open(address) }

// CallTable runs the program while the thread is in a host call.
func (h host) CallTable(index uint32, params string, args ...uint64) error {
	return h.instance.CallTable(index, params, args...)
}

// CallTableResult does so with a function that returns an int.
func (h host) CallTableResult(index uint32, params string, args ...uint64) (int32, error) {
	return h.instance.CallTableResult(index, params, args...)
}

// Grow makes room in the program's memory.
func (h host) Grow(size uint64) (address uint64, ok bool) { return h.instance.Grow(size) }

// Waits implements mpi.Host.
func (h host) Waits() string {
	if at := omp.Place(h.waitsAt.Load()); at != 0 {
		if text := at.Describe(h.rank.readable); text != "" {
			return text
		}
	}
	if f := h.waiter.Function(); f != "" {
		return f
	}
	return "waiting for another thread of its own"
}

// HandleSignals implements mpi.Host.
func (h host) HandleSignals() { h.runHandlers() }

// waiter is a thread as waiting on shared memory sees it.
type waiter struct{ *Thread }

// Memory implements futex.Hooks.
func (w waiter) Memory() []byte { return w.rank.memory.Bytes() }

// Lowest implements futex.Hooks.
func (w waiter) Lowest() uint64 { return w.rank.memory.Lowest() }

// Open implements futex.Hooks.
func (w waiter) Open(address uint64) uint64 { return w.rank.memory.Open(address) }

// Count implements futex.Hooks. A wait that a signal will interrupt has an end: the handler may notify.
func (w waiter) Count(waits bool) {
	if waits = waits && !w.rank.wasi.SignalToCome(); w.counted != waits {
		w.counted = waits
		w.mpi.Count(waits)
	}
}

// Settle implements futex.Hooks.
func (w waiter) Settle() { w.mpi.Settle() }

// Interrupted implements futex.Hooks.
func (w waiter) Interrupted() {
	if w.rank.wasi.SignalDue() {
		w.runHandlers()
	}
}

// Done implements futex.Hooks.
func (w waiter) Done() <-chan struct{} { return w.rank.mpi.Done() }

// End implements futex.Hooks.
func (w waiter) End() { w.mpi.CheckEnded() }
