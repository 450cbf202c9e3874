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
		r.waiter.Interrupt()
	}
	return fatal
}

// runHandlers runs the handlers of the signals that have come, and reports whether what they interrupted is to go on.
// It panics with what ends the program there, or with an exception that leaves a handler.
func (r *Rank) runHandlers() (resume bool) {
	resume = true
	for {
		d, ok := r.wasi.NextSignal()
		if !ok {
			return resume
		}
		again, err := host{r}.CallTableResult(d.Dispatcher, "i", uint64(d.Signal))
		r.wasi.Handled(d)
		if err != nil {
			panic(err)
		}
		resume = resume && again != 0
	}
}

// HandleSignals implements mpi.Host.
func (h host) HandleSignals() { h.runHandlers() }
