package program

import (
	"fmt"
	"slices"
	"strings"
)

// TrapKind is what a guest did that can't be done.
type TrapKind int

// The kinds. Machine code that is kept has them as numbers: a new one comes last.
const (
	Unreachable TrapKind = iota
	Abort
	OutOfBounds
	StackOverflow
	DivideByZero
	IntegerOverflow
	InvalidConversion
	InvalidTableAccess
	IndirectCallType
	UnalignedAtomic
	SharedMemoryExpected
	TooManyWaiters
	NullPointer
)

// The signals that a native program would have got, by their numbers on Linux.
const (
	sigILL  = 4
	sigABRT = 6
	sigBUS  = 7
	sigFPE  = 8
	sigSEGV = 11
)

// traps tells the kinds in our words and as signals. Abort is an unreachable seen closer.
var traps = [...]struct {
	text   string
	signal int
}{
	Unreachable:          {"unreachable code was reached", sigILL},
	Abort:                {"abort was called", sigABRT},
	OutOfBounds:          {"out of bounds memory access", sigSEGV},
	StackOverflow:        {"stack overflow", sigSEGV},
	DivideByZero:         {"integer divide by zero", sigFPE},
	IntegerOverflow:      {"integer overflow", sigFPE},
	InvalidConversion:    {"conversion of a NaN to an integer", sigFPE},
	InvalidTableAccess:   {"call through a function pointer that is null or wild", sigSEGV},
	IndirectCallType:     {"call through a function pointer of another type", sigSEGV},
	UnalignedAtomic:      {"unaligned atomic memory access", sigBUS},
	SharedMemoryExpected: {"wait on memory that is not shared", sigILL},
	TooManyWaiters:       {"too many threads wait on one address", sigILL},
	NullPointer:          {"access through a null pointer", sigSEGV},
}

func (k TrapKind) String() string { return traps[k].text }

// Error makes a kind an error: a host function that panics with it traps where the program has called it.
func (k TrapKind) Error() string { return k.String() }

// Trap is a guest's own fault: the end of the rank.
type Trap struct {
	Kind   TrapKind
	Detail string // what more is known; may be empty
	// Frames is where it happened, innermost first: "relax", or for modules compiled with -g "relax (stencil.c:42:7)".
	// After 30 the last is "...". Empty where the engine knows none: when calls nest too deep.
	Frames []string

	// Outermost is the last of them.
	Outermost Frame
}

// Error is one line on what happened and one for each frame.
func (t *Trap) Error() string {
	text := t.Kind.String()
	if t.Detail != "" {
		text += ": " + t.Detail
	}
	return text + Backtrace(t.Frames)
}

// Signal is the number of the signal that would have ended a native program.
func (t *Trap) Signal() int { return traps[t.Kind].signal }

// Backtrace puts frames below a message, a line each; a function that called itself takes one line.
func Backtrace(frames []string) string {
	var text strings.Builder
	for i := 0; i < len(frames); {
		same := 1
		for i+same < len(frames) && frames[i+same] == frames[i] {
			same++
		}
		if frames[i] == Omitted {
			text.WriteString("\n    " + Omitted)
		} else {
			text.WriteString("\n    at " + frames[i])
		}
		if same > 1 {
			fmt.Fprintf(&text, " (%d times)", same)
		}
		i += same
	}
	return text.String()
}

// Omitted is the last frame where there were more than the engine tells.
const Omitted = "..."

// Trap is what a fault of some kind at these frames was, seen closer: from the names of compilers' and linkers' own
// functions, and from what the global holds that is the C stack pointer, which global reads. stack is the thread's,
// where that is not the one that the linker laid out for main.
func (p *Program) Trap(kind TrapKind, frames []Frame, global func(index int) (value uint64, wide, ok bool),
	stack *Stack) *Trap {
	t := &Trap{Kind: kind, Frames: p.Describe(frames)}
	innermost := ""
	if n := len(frames); n > 0 {
		t.Outermost = frames[n-1]
		innermost = p.name(frames[0])
	}
	switch {
	case t.Kind == Unreachable && innermost == "abort":
		t.Kind = Abort
	case t.Kind == Unreachable && strings.HasPrefix(innermost, "signature_mismatch:"):
		t.Detail = strings.TrimPrefix(innermost, "signature_mismatch:") +
			" was declared with other types than it is defined with"
	case t.Kind == Unreachable && strings.HasPrefix(innermost, "undefined_weak:"):
		t.Detail = strings.TrimPrefix(innermost, "undefined_weak:") + " is declared but nowhere defined"
	case t.Kind == Unreachable && strings.HasSuffix(innermost, "_bitcast_invalid"):
		t.Kind = IndirectCallType
		t.Detail = strings.TrimSuffix(strings.TrimPrefix(innermost, ".L"), "_bitcast_invalid")
	case t.Kind == OutOfBounds, t.Kind == NullPointer:
		size := p.stackOverflow(global, stack)
		if size > 0 {
			t.Kind = StackOverflow
		}
		switch {
		case size > 0 && stack != nil:
			t.Detail = fmt.Sprintf("the %d KiB of the thread's stack are full; large arrays belong on the heap, or give "+
				"threads larger stacks (OMP_STACKSIZE, pthread_attr_setstacksize)", (size+1023)>>10)
		case size > 0:
			t.Detail = fmt.Sprintf("the %d KiB of the program's stack are full; large arrays belong on the heap, or link with "+
				"a larger stack (-Wl,-z,stack-size=BYTES)", (size+1023)>>10)
		}
	case t.Kind == StackOverflow:
		t.Detail = "calls nest too deep (endless recursion?)"
	}
	return t
}

// redZone is how far below the stack pointer a function that calls nothing may store without moving it (clang's
// WebAssemblyFrameLowering).
const redZone = 128

// Stack is where the C stack of a thread is, from its lowest address to where it begins.
type Stack struct{ Low, Top uint64 }

// stackOverflow returns the size of the stack if the stack pointer has left it. wasm-ld puts main's stack first, so
// that it grows towards address 0 and leaves memory there, or comes to where null pointers trap; nothing moves the
// pointer back after a trap.
func (p *Program) stackOverflow(global func(int) (value uint64, wide, ok bool), stack *Stack) (size uint64) {
	if p.stackPointer < 0 {
		return 0
	}
	if stack == nil {
		stack = &Stack{Low: p.Lowest, Top: uint64(p.stackTop)}
	}
	pointer, wide, ok := global(p.stackPointer)
	if !wide {
		pointer = uint64(uint32(pointer)) // below 0 it is above the top
	}
	if !ok || pointer >= stack.Low+redZone && pointer <= stack.Top {
		return 0
	}
	return stack.Top - stack.Low
}

// HostError is the panic of a host function with an error value: an exit, an abort, an error in a call's arguments.
type HostError struct {
	Err error

	program *Program
	frames  []Frame
}

// NewHostError is an error that a host function panicked with, called from these frames. Where the guest was called
// back by a host call of another guest function, their frames are joined.
func (p *Program) NewHostError(err error, frames []Frame) *HostError {
	if inner, ok := err.(*HostError); ok {
		return &HostError{Err: inner.Err, program: p, frames: slices.Concat(inner.frames, frames)}
	}
	return &HostError{Err: err, program: p, frames: frames}
}

// Frames is the stack from the host function that panicked outwards. Its lines are looked up by this call: most that
// end so have just exited.
func (e *HostError) Frames() []string { return e.program.Describe(e.frames) }

func (e *HostError) Error() string { return e.Err.Error() }
func (e *HostError) Unwrap() error { return e.Err }

// InternalError is a fault of a host function: it panicked with something else than an error of its own.
type InternalError struct {
	Value  string
	Frames []string // of the guest
	Stack  string   // of Go; empty if it is not known
}

func (e *InternalError) Error() string {
	text := "internal error in faasmrun (please report it): " + e.Value + Backtrace(e.Frames)
	if e.Stack != "" {
		text += "\n" + e.Stack
	}
	return text
}

// Uncaught is the end of a rank by an exception that nobody caught, in a program whose own runtime did not see to it.
type Uncaught struct {
	What string // the exception's type, as far as it is known
}

func (u *Uncaught) Error() string { return "terminate: " + u.What }

// Signal is the number of the signal that would have ended a native program: terminate calls abort.
func (u *Uncaught) Signal() int { return sigABRT }
