// Package fault runs machine code that was made of a program, on a stack of its own and without cgo, and makes what the
// processor refuses there (an address that is not mapped, a division by zero, a full stack) the end of that call: an
// error, where else the process would end with every rank in it. An engine of machine code without checks of its own
// stands on it. It leaves to that engine how code comes about and how it calls the host; faults in Go's code stay Go's.
//
// How it works: Go handles every signal on a stack for signals, and returns to what was interrupted. This package puts
// a handler of its own before Go's for the four signals of faults. That handler looks where the stack pointer was.
// Machine code of programs, and nothing else, runs on stacks that are cut from one reservation; if it was there, the
// handler returns not to the fault but to the end of the call. Otherwise it goes on to Go's handler, as if it were not
// there. It takes no lock, allocates nothing and calls nothing.
//
// Where that is not the case it does not work: a library that installs handlers of its own later on, and whatever
// brings cgo, which has Go's handlers on other stacks.
package fault

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/worker/program"
)

// Fault is what the processor refused.
type Fault struct {
	Signal  unix.Signal
	Code    uintptr // where the instruction stands
	Address uintptr // what it wanted to touch; of other signals than SIGSEGV and SIGBUS, where it stands
	// StackFull reports whether it wanted to touch what lies below the stack.
	StackFull bool
}

func (f *Fault) Error() string {
	return fmt.Sprintf("%s at %#x of machine code, address %#x", unix.SignalName(f.Signal), f.Code, f.Address)
}

// Trap is the fault as a program's trap, whose linear memory has that many addresses reserved from base on. It is false
// for what no program can do that was made machine code as it should be.
func (f *Fault) Trap(base, reserved uintptr) (kind program.TrapKind, ok bool) {
	switch {
	case f.StackFull:
		return program.StackOverflow, true
	case f.Signal == unix.SIGFPE:
		return program.DivideByZero, true
	case f.Signal == unix.SIGILL:
		return program.Unreachable, true
	case f.Address-base < reserved:
		return program.OutOfBounds, true
	}
	return 0, false
}
