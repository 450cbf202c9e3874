// Package rank owns one rank's life: its instance over a linear memory, the module's imports, running it, describing
// its state, and how it ended. It gives mpi and worker/wasi, which don't know each other, what they need of the engine
// and of the memory. It leaves to worker/executor which ranks there are, where their input and output go, and what the
// end of one means for the others.
package rank

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/faasmrun/faasmrun/mpi"
	"github.com/faasmrun/faasmrun/omp"
	"github.com/faasmrun/faasmrun/snapshot/linear"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/futex"
	"github.com/faasmrun/faasmrun/worker/wasi"
)

// Config is what the executor gives a rank.
type Config struct {
	Rank     int // in MPI_COMM_WORLD
	Module   engine.Module
	World    *mpi.World
	MaxBytes uint64 // ceiling of the linear memory; 0: the module's own
	// Processors is how many OpenMP tells the program of, and how many threads a team has by default; Cores how many the
	// rank has to itself.
	Processors, Cores int
	// Initialized is called on the rank's goroutine when it comes out of MPI_Init.
	Initialized func()
	// Killed is called on a goroutine of its own when an alarm is to end the rank, which may be computing: the program has
	// no handler for it.
	Killed func(signal int)
	// OpenMPStats has what the program does with OpenMP be measured, for OpenMPProfile.
	OpenMPStats bool
	WASI        wasi.Config // Memory, Lowest, Open, Done and the functions are filled in
}

// Mount shows a rank a directory of the host.
type Mount = wasi.Mount

// Locks are the locks of files that a job's ranks on one node have and wait for.
type Locks = wasi.Locks

// NamesFiles reports whether a program of the module names its files as the host does: what is relative to its working
// directory, and what begins with a slash. To any other "/" is its working directory.
func NamesFiles(m engine.Module) bool { return m.Program().HasImport(wasi.System, "cwd") }

// Rank is one rank of a job.
type Rank struct {
	number   int
	onInit   func()
	onKill   func(signal int)
	memory   *linear.Memory
	module   engine.Module
	mpi      *mpi.Rank
	wasi     *wasi.Process
	queue    futex.Queue // of threads that wait on the memory
	spaces   spaces
	omp      *omp.Runtime
	main     *Thread
	handling atomic.Pointer[Thread] // the one that runs signals' handlers

	sites     sites
	waits     atomic.Pointer[string] // what the WASI call waits for that the rank is in; nil while it doesn't
	unblocked func()                 // clears waits; made once, so that waiting allocates little
	ended     atomic.Pointer[Exit]
	over      chan struct{} // closed once ended is set
	live      atomic.Int32  // threads that run, which are
	threads   running
	spawned   atomic.Int32  // threads besides main so far
	stopped   chan struct{} // closed when none does any more
	retiring  atomic.Int32
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
	r := &Rank{number: c.Rank, onInit: c.Initialized, onKill: c.Killed, module: c.Module,
		over: make(chan struct{}), stopped: make(chan struct{})}
	r.main = &Thread{rank: r}
	r.main.waiter = futex.NewThread(&r.queue, waiter{r.main})
	r.unblocked = func() { r.waits.Store(nil) }
	if r.memory, err = linear.New(most, linear.Reserve(c.Module.Reserve()), c.Module.Lowest()); err != nil {
		return nil, err
	}
	r.mpi = c.World.NewRank(c.Rank, host{r.main})
	r.main.mpi = r.mpi.Main()
	r.main.pending = wasi.NewPending(r.main.mpi.SuspendsOutside)
	r.omp = omp.New(omp.Config{Env: c.WASI.Env, Hostname: hostname(c.WASI.Env), Processors: max(c.Processors, 1),
		Cores: max(c.Cores, 1), Limit: maxThreads, Stats: c.OpenMPStats, Read: r.readable})
	r.main.omp = r.omp.Initial(member{r.main})
	c.WASI.Memory, c.WASI.Lowest, c.WASI.Open = r.memory.Bytes, r.memory.Lowest(), r.memory.Open
	c.WASI.Blocked = r.blocked
	c.WASI.Done = r.mpi.Done()
	c.WASI.Alarmed = func() {
		if r.Signal(sigALRM) {
			r.onKill(sigALRM)
		}
	}
	c.WASI.Expected = r.queue.Recount
	c.WASI.Waited = func() time.Duration {
		r.main.mpi.MeasureWaits() // if it isn't on already: what counts is differences
		return r.main.mpi.Waited() + r.main.waiter.Waited()
	}
	if r.wasi, err = wasi.New(c.WASI); err != nil {
		r.memory.Free()
		return nil, err
	}
	if c.Module.Program().HasImport(wasi.System, "cpu_time") {
		r.main.mpi.MeasureWaits()
	}
	if r.main.instance, err = c.Module.Instantiate(r.main, r.memory); err != nil { // which frees the memory
		r.wasi.Close()
		return nil, err
	}
	return r, nil
}

func mebibytes(n uint64) uint64 { return (n + 1<<20 - 1) >> 20 }

// Run runs the program and returns its end, which is that of the first thread to end the rank: main by returning, each
// by an exit, an abort or a trap. The others may not have stopped then: see Stopped. Run is called once.
func (r *Rank) Run() Exit {
	r.goThread(r.main, func() error {
		if UsesOpenMP(r.module.Program()) {
			r.main.omp.Announce()
		}
		return r.main.instance.Start()
	})
	<-r.over
	return *r.ended.Load()
}

// goThread runs a thread's code on a goroutine of its own.
func (r *Rank) goThread(t *Thread, code func() error) {
	r.live.Add(1)
	r.threads.add(t)
	go func() {
		err := code()
		ends := errors.Is(err, errThreadEnds) // and the others go on
		if !ends && (err != nil || t == r.main) {
			r.end(t, err)
		}
		r.threads.remove(t)
		switch {
		case t != r.main:
			t.leave()
		case ends:
			t.tellEnd()
			t.mpi.Leave()
		}
		if r.live.Add(-1) == 0 {
			close(r.stopped)
			r.retire()
		}
	}()
}

// end ends the rank because a thread has, if no other was earlier: the rest of the threads break off in the host call
// that they are in, or where they compute.
func (r *Rank) end(t *Thread, err error) {
	e := r.exit(t, err)
	if r.ended.CompareAndSwap(nil, &e) {
		close(r.over)
		cause := errors.New("another thread of the rank has ended it")
		r.mpi.End(cause)
		r.Stop(cause)
	}
}

// Stop ends the rank where it computes, as the end of its world does where it waits. Any goroutine may call it.
func (r *Rank) Stop(cause error) { r.threads.stop(&mpi.Ended{Cause: cause}) }

// running are the threads of a rank that run.
type running struct {
	mu    sync.Mutex // guards all below
	set   map[*Thread]bool
	cause error // what they were stopped with, and those that come are; nil: nothing
}

func (r *running) add(t *Thread) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.set == nil {
		r.set = map[*Thread]bool{}
	}
	r.set[t] = true
	if r.cause != nil {
		t.instance.Stop(r.cause)
	}
}

func (r *running) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.set)
}

func (r *running) remove(t *Thread) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.set, t)
}

func (r *running) stop(cause error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cause = cause
	for t := range r.set {
		t.instance.Stop(cause)
	}
}

// Stopped reports whether every thread has stopped, within a time after the rank's end.
func (r *Rank) Stopped(within time.Duration) bool {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-r.stopped:
		return true
	case <-timer.C:
		return false
	}
}

// Retire says that the rank, which has ended, will wake no other. If all others wait, their job ends here.
func (r *Rank) Retire() { r.retire() }

// retire is called by Retire and by the last thread that stops, and takes effect when both have come.
func (r *Rank) retire() {
	if r.retiring.Add(1) == 2 {
		r.main.mpi.Retire()
	}
}

// Ended reports whether the program has come to its end.
func (r *Rank) Ended() bool { return r.ended.Load() != nil }

// Missed is the last absolute name that the program has asked for and that is nowhere it sees; "": there was none.
func (r *Rank) Missed() string { return r.wasi.Missed() }

// Resident is how many bytes the linear memory really occupies.
func (r *Rank) Resident() uint64 {
	n, err := r.memory.Resident()
	if err != nil {
		return 0
	}
	return n
}

// Close gives back what the rank holds. None of its threads may run.
func (r *Rank) Close() {
	r.wasi.Close()
	r.main.instance.Close()
}

// Where describes for a person what the rank is doing. Any goroutine may call it.
func (r *Rank) Where() string {
	if e := r.ended.Load(); e != nil {
		return e.where()
	}
	if what := r.waits.Load(); what != nil {
		return *what
	}
	if r.live.Load() == 1 && r.main.waiter.Waits() { // until a time, too
		return host{r.main}.Waits()
	}
	return r.mpi.Activity()
}

func (r *Rank) blocked(what string) func() {
	r.waits.Store(&what)
	return r.unblocked
}
