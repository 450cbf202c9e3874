package machinecode

import "golang.org/x/sys/unix"

// FaultsEnd reports whether faults of foreign code end it.
const FaultsEnd = true

// saved is what the assembly saves and goes back by, and what it notes of a fault.
type saved struct {
	registers [18]uintptr // as ucontext_t has them
	back      [5]uintptr  // what IRETQ takes
	signal    uintptr     // 0: there was no fault
	address   uintptr
	at        uintptr
}

// Fault is what has ended the code since it, or other code on the goroutine, was asked for last; nil: nothing has.
func (e Entered) Fault() *Fault {
	s := &e.goroutine.saved
	if s.signal == 0 {
		return nil
	}
	f := &Fault{Signal: unix.Signal(s.signal), Code: s.at, Address: s.address}
	s.signal = 0
	return f
}
