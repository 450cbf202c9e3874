// Package rank owns one rank's life: its instance over a linear memory, the module's imports, running it, describing
// its state, and how it ended. It gives mpi and worker/wasi, which don't know each other, what they need of the engine
// and of the memory. It leaves to worker/executor which ranks there are, where their input and output go, and what the
// end of one means for the others.
package rank

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/faasmrun/faasmrun/mpi"
	"github.com/faasmrun/faasmrun/snapshot/linear"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/futex"
	"github.com/faasmrun/faasmrun/worker/safepoint"
	"github.com/faasmrun/faasmrun/worker/wasi"
)

// Config is what the executor gives a rank.
type Config struct {
	Rank     int // in MPI_COMM_WORLD
	Module   engine.Module
	World    *mpi.World
	Thread   *safepoint.Thread // where garbage waits for it to be inside a host call
	MaxBytes uint64            // ceiling of the linear memory; 0: the module's own
	// Initialized is called on the rank's goroutine when it comes out of MPI_Init.
	Initialized func()
	// Killed is called on a goroutine of its own when an alarm is to end the rank, which may be computing: the program has
	// no handler for it.
	Killed func(signal int)
	WASI   wasi.Config // Memory, Blocked, Waited and Alarmed are filled in
}

// Mount shows a rank a directory of the host.
type Mount = wasi.Mount

// Rank is one rank of a job.
type Rank struct {
	number   int
	onInit   func()
	onKill   func(signal int)
	memory   *linear.Memory
	module   engine.Module
	instance engine.Instance
	mpi      *mpi.Rank
	wasi     *wasi.Process
	queue    futex.Queue     // of threads that wait on the memory
	waiter   *futex.Thread   // the program's one thread, there
	ending   <-chan struct{} // closed when the world is ended

	sites     sites
	waits     atomic.Pointer[string] // what the WASI call waits for that the rank is in; nil while it doesn't
	unblocked func()                 // clears waits; made once, so that waiting allocates little
	ended     atomic.Pointer[Exit]
}

// New gives a rank its memory and its instance. Nothing of the program runs yet, but its start section, if it has one.
func New(c Config) (made *Rank, err error) {
	least, most := c.Module.Memory()
	if c.MaxBytes > 0 {
		most = min(most, c.MaxBytes)
	}
	if least > most {
		return nil, fmt.Errorf("the program begins with %d MiB of memory; the job allows a rank %d MiB", mebibytes(least),
			mebibytes(most))
	}
	r := &Rank{number: c.Rank, onInit: c.Initialized, onKill: c.Killed, module: c.Module, ending: c.World.Done()}
	r.waiter = futex.NewThread(&r.queue, waiter{r})
	r.unblocked = func() { r.waits.Store(nil) }
	if r.memory, err = linear.New(most); err != nil {
		return nil, err
	}
	c.WASI.Memory = r.memory.Bytes
	c.WASI.Blocked = r.blocked
	c.WASI.Alarmed = func() {
		if r.Signal(sigALRM) {
			r.onKill(sigALRM)
		}
	}
	c.WASI.Waited = func() time.Duration {
		r.mpi.MeasureWaits() // if it isn't on already: what counts is differences
		return r.mpi.Waited() + r.waiter.Waited()
	}
	if r.wasi, err = wasi.New(c.WASI); err != nil {
		r.memory.Free()
		return nil, err
	}
	r.mpi = c.World.NewRank(c.Rank, host{r})
	if c.Module.Program().HasImport(wasi.System, "cpu_time") {
		r.mpi.MeasureWaits()
	}
	if r.instance, err = c.Module.Instantiate(r, c.Thread, r.memory); err != nil { // which frees the memory
		r.wasi.Close()
		return nil, err
	}
	return r, nil
}

func mebibytes(n uint64) uint64 { return (n + 1<<20 - 1) >> 20 }

// Run runs the program to its end. It is called once.
func (r *Rank) Run() Exit {
	e := r.exit(r.instance.Start())
	r.ended.Store(&e)
	return e
}

// Retire says that the rank, which has ended, will wake no other. If all others wait, their job ends here.
func (r *Rank) Retire() { r.mpi.Retire() }

// Ended reports whether the program has come to its end.
func (r *Rank) Ended() bool { return r.ended.Load() != nil }

// Resident is how many bytes the linear memory really occupies.
func (r *Rank) Resident() uint64 {
	n, err := r.memory.Resident()
	if err != nil {
		return 0
	}
	return n
}

// Close gives back what the rank holds. It must not be running.
func (r *Rank) Close() {
	r.wasi.Close()
	r.instance.Close()
}

// Where describes for a person what the rank is doing. Any goroutine may call it.
func (r *Rank) Where() string {
	if e := r.ended.Load(); e != nil {
		return e.where()
	}
	if what := r.waits.Load(); what != nil {
		return *what
	}
	if r.waiter.Waits() {
		return "waiting for another thread of its own"
	}
	return r.mpi.Activity()
}

func (r *Rank) blocked(what string) func() {
	r.waits.Store(&what)
	return r.unblocked
}

// host is the rank as MPI sees it.
type host struct{ *Rank }

func (h host) Memory() []byte { return h.memory.Bytes() }

// CallTable runs the program while the rank is in a host call.
func (h host) CallTable(index uint32, params string, args ...uint64) error {
	return h.instance.CallTable(index, params, args...)
}

// CallTableResult does so with a function that returns an int.
func (h host) CallTableResult(index uint32, params string, args ...uint64) (int32, error) {
	return h.instance.CallTableResult(index, params, args...)
}

// Grow makes room in the program's memory.
func (h host) Grow(size uint64) (address uint64, ok bool) { return h.instance.Grow(size) }
