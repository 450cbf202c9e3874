// Package machinecode runs machine code that was made of programs, without cgo: on stacks of its own, with ways out to
// Go and back, and with what the processor refuses there (an address that is not mapped, a full stack) as the end of
// that call, where else the process would end with every rank in it. worker/engine/native stands on it, and says what a
// call to the host is, what a trap is, and what the code is. Faults in Go's code stay Go's.
//
// The code runs on the goroutine that enters it, so that a rank is a goroutine like any other: a host call comes back
// to Go on the goroutine's own stack, and may park there as long as it likes. What Go sees of it all is a function
// that takes its time.
//
// Signals: Go handles every signal on a stack for signals, and returns to what was interrupted. This package puts a
// handler of its own before Go's for the four signals of faults, and for the one by which Go asks a goroutine to stop.
// That handler looks where the stack pointer was. Machine code of programs, and nothing else, runs on stacks that are
// cut from one reservation; if it was there, the handler has the code go on elsewhere: after a fault at the end of the
// call, else at a way out to Go that saves every register. What was not there goes on to Go's handler, as if this one
// were not there. It takes no lock, allocates nothing and calls nothing.
//
// Machine code that another library enters, on stacks that it makes itself, can be stopped by the same signal, and its
// faults end it as its own traps do: see Foreign. Where that runs the handler knows from what the goroutine has said
// before.
//
// Where signals are not Go's alone it does not work: a library that installs handlers of its own later on, and whatever
// brings cgo, which has Go's handlers on other stacks.
package machinecode

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/worker/program"
)

// Event is how code has come out to Go.
type Event uint64

// The events. After those marked * the code waits for Resume; after the others its frames are there to be looked at,
// until the stack is entered again, and it can't go on.
const (
	Returned    Event = iota // the call is over
	Called                   // * to the host, which has not served it: see Stack.Call
	Interrupted              // * by Go, or by somebody's signal; nothing is to be done
	Trapped                  // see Stack.Call
	Faulted                  // see Stack.Fault
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

// Trap is the fault as a program's trap, whose linear memory has that many addresses reserved before base and from
// there on, of which the lowest are closed for null pointers. It is false for what no program can do that was made
// machine code as it should be.
func (f *Fault) Trap(base, before, size, lowest uintptr) (kind program.TrapKind, ok bool) {
	switch {
	case f.StackFull:
		return program.StackOverflow, true
	case f.Signal == unix.SIGFPE:
		return program.DivideByZero, true
	case f.Signal == unix.SIGILL:
		return program.Unreachable, true
	case f.Signal == unix.SIGSEGV && f.Address-base < lowest:
		return program.NullPointer, true
	case f.Signal == unix.SIGSEGV && f.Address-(base-before) < before+size:
		return program.OutOfBounds, true
	}
	return 0, false
}

// Unexplained is what a person is told of a call that a fault has ended, at these frames of a program, where it is no
// trap of the program's, whose linear memory has that many bytes from base on.
func (f *Fault) Unexplained(p *program.Program, frames []program.Frame, base, size uintptr) error {
	if f.Signal == unix.SIGBUS && f.Address-base < size {
		return errors.New("the machine has no memory left for what the program has written to" +
			program.Backtrace(p.Describe(frames)))
	}
	return &program.InternalError{Value: f.Error(), Frames: p.Describe(frames)}
}

// Registers are the integer registers of code that is not running, by their numbers in DWARF's debug information.
type Registers [17]uint64

// Numbers of registers.
const (
	RBP = 6
	RSP = 7
	RIP = 16 // of the instruction that comes next, or has faulted
)
