package rank

import (
	"github.com/faasmrun/faasmrun/mpi"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/futex"
)

// Thread is a thread of a rank's program: an instance over the rank's memory. Every host call is one of a thread's.
type Thread struct {
	rank     *Rank
	number   int // 0 is the one that runs main
	instance engine.Instance
	mpi      *mpi.Thread
	waiter   *futex.Thread
}

// host is a thread as MPI sees it.
type host struct{ *Thread }

func (h host) Memory() []byte { return h.rank.memory.Bytes() }

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

// HandleSignals implements mpi.Host.
func (h host) HandleSignals() { h.runHandlers() }

// waiter is a thread as waiting on shared memory sees it.
type waiter struct{ *Thread }

// Memory implements futex.Hooks.
func (w waiter) Memory() []byte { return w.rank.memory.Bytes() }

// Count implements futex.Hooks.
func (w waiter) Count(waits bool) { w.mpi.Count(waits) }

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
