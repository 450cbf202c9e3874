package rank

// waiter is the rank's thread as waiting on shared memory sees it.
type waiter struct{ *Rank }

// Memory implements futex.Hooks.
func (w waiter) Memory() []byte { return w.memory.Bytes() }

// Count implements futex.Hooks.
func (w waiter) Count(waits bool) { w.mpi.Main().Count(waits) }

// Settle implements futex.Hooks.
func (w waiter) Settle() { w.mpi.Main().Settle() }

// Interrupted implements futex.Hooks.
func (w waiter) Interrupted() {
	if w.wasi.SignalDue() {
		w.runHandlers()
	}
}

// Done implements futex.Hooks.
func (w waiter) Done() <-chan struct{} { return w.ending }

// End implements futex.Hooks.
func (w waiter) End() { w.mpi.CheckEnded() }
