package rank

// sigALRM is what a timer sends.
const sigALRM = 14

// Catches reports whether the program has a handler for a signal, or blocks it to wait for it.
func (r *Rank) Catches(number int) bool { return r.wasi.Catches(number) }

// Signal delivers a signal from outside to the program. Its handler runs in the host call that the rank is in, or in
// its next one. Signal reports whether there is no handler and the signal's default action is to end the rank, which
// the caller must then do. Any goroutine may call it.
func (r *Rank) Signal(number int) (fatal bool) {
	fatal = r.wasi.Signal(number)
	if !fatal {
		r.mpi.Interrupt()
		r.main.waiter.Interrupt()
	}
	return fatal
}

// runHandlers runs the handlers of the signals that have come, and reports whether what they interrupted is to go on.
// One thread at a time does, for they change the mask of the process; it runs those that come meanwhile. It panics with
// what ends the program there, or with an exception that leaves a handler.
func (t *Thread) runHandlers() (resume bool) {
	r := t.rank
	if outermost := r.handling.CompareAndSwap(nil, t); outermost {
		defer r.handling.Store(nil)
	} else if r.handling.Load() != t {
		return true
	}
	resume = true
	for {
		d, ok := r.wasi.NextSignal()
		if !ok {
			return resume
		}
		again, err := t.instance.CallTableResult(d.Dispatcher, "i", uint64(d.Signal))
		r.wasi.Handled(d)
		if err != nil {
			panic(err)
		}
		resume = resume && again != 0
	}
}
