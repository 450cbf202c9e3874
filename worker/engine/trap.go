package engine

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/sys"
)

// TrapKind is what a guest did that can't be done.
type TrapKind int

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
)

// The signals that a native program would have got, by their numbers on Linux.
const (
	sigILL  = 4
	sigABRT = 6
	sigBUS  = 7
	sigFPE  = 8
	sigSEGV = 11
)

// traps tells the kinds in our words and as signals. "engine" is how wazero words it; abort is an unreachable seen
// closer.
var traps = [...]struct {
	engine, text string
	signal       int
}{
	Unreachable:          {"unreachable", "unreachable code was reached", sigILL},
	Abort:                {"", "abort was called", sigABRT},
	OutOfBounds:          {"out of bounds memory access", "out of bounds memory access", sigSEGV},
	StackOverflow:        {"stack overflow", "stack overflow", sigSEGV},
	DivideByZero:         {"integer divide by zero", "integer divide by zero", sigFPE},
	IntegerOverflow:      {"integer overflow", "integer overflow", sigFPE},
	InvalidConversion:    {"invalid conversion to integer", "conversion of a NaN to an integer", sigFPE},
	InvalidTableAccess:   {"invalid table access", "call through a function pointer that is null or wild", sigSEGV},
	IndirectCallType:     {"indirect call type mismatch", "call through a function pointer of another type", sigSEGV},
	UnalignedAtomic:      {"unaligned atomic", "unaligned atomic memory access", sigBUS},
	SharedMemoryExpected: {"expected shared memory", "wait on memory that is not shared", sigILL},
	TooManyWaiters:       {"too many waiters", "too many threads wait on one address", sigILL},
}

// trapKinds finds a kind by wazero's words.
var trapKinds = func() map[string]TrapKind {
	kinds := map[string]TrapKind{}
	for kind, t := range traps {
		if t.engine != "" {
			kinds[t.engine] = TrapKind(kind)
		}
	}
	return kinds
}()

func (k TrapKind) String() string { return traps[k].text }

// Trap is a guest's own fault: the end of the rank.
type Trap struct {
	Kind   TrapKind
	Detail string // what more is known; may be empty
	// Frames is where it happened, innermost first: "relax", or for modules compiled with -g "relax (stencil.c:42:7)".
	// After 30 the last is "...". Empty where wazero knows none: when calls nest too deep.
	Frames []string

	outermost frame // the last of them
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
		if frames[i] == omitted {
			text.WriteString("\n    " + omitted)
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

// omitted is the last frame where there were more than wazero tells.
const omitted = "..."

// HostError is the panic of a host function with an error value: an exit, an abort, an error in a call's arguments.
type HostError struct {
	Err    error
	module *Module
	frames []frame
}

// Frames is the stack from the host function that panicked outwards. Its lines are looked up by this call: most that
// end so have just exited.
func (e *HostError) Frames() []string { return e.module.describe(e.frames) }

// frame is an entry of wazero's stack trace.
type frame struct {
	function string // of the host, or omitted; empty for one of the module
	index    int    // of the module's
	offset   uint64 // in the code that runs; 0 if it is not known
}

// describe makes text of frames, with files and lines where they are known.
func (m *Module) describe(frames []frame) []string {
	var offsets []uint64
	for _, f := range frames {
		offsets = append(offsets, f.offset)
	}
	lines := m.layout.lines(offsets)
	var text []string
	for _, f := range frames {
		name := m.name(f)
		if at := lines[f.offset]; at != "" {
			name += " (" + at + ")"
		}
		text = append(text, name)
	}
	return text
}

// name is a frame's function.
func (m *Module) name(f frame) string {
	if f.function != "" {
		return f.function
	}
	return m.layout.functionName(f.index)
}

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

func newInternalError(panicked any) *InternalError {
	return &InternalError{Value: fmt.Sprint(panicked), Stack: string(debug.Stack())}
}

// failure says what ended a call, from the error that wazero made of it: a text with frames, wrapping what was thrown.
func (in *Instance) failure(err error) error {
	text, frames, stack := dissect(err.Error())
	cause := errors.Unwrap(err)
	var exit *sys.ExitError
	var fault runtime.Error
	switch {
	case errors.As(err, &exit):
		return errors.New("engine: the instance was closed while it ran")
	case isTrap(err):
		return in.trap(err.Error(), nil)
	case isTrap(cause):
		return in.trap(cause.Error(), frames)
	case errors.As(err, &fault):
		return &InternalError{Value: fault.Error(), Frames: in.module.describe(frames), Stack: stack}
	case cause == nil:
		return &InternalError{Value: text, Frames: in.module.describe(frames), Stack: stack}
	case errors.As(cause, new(*HostError)), strings.Contains(err.Error(), stackTitle):
		return in.module.flatten(cause, frames)
	}
	return err
}

// isTrap knows wazero's own errors, whose type it keeps to itself.
func isTrap(err error) bool {
	if fmt.Sprintf("%T", err) != "*wasmruntime.Error" {
		return false
	}
	_, known := trapKinds[err.Error()]
	return known
}

// flatten joins the frames of a guest that was called back with those of the guest that it was called from.
func (m *Module) flatten(err error, frames []frame) error {
	if inner, ok := err.(*HostError); ok {
		return &HostError{Err: inner.Err, module: m, frames: slices.Concat(inner.frames, frames)}
	}
	return &HostError{Err: err, module: m, frames: frames}
}

func (in *Instance) trap(text string, frames []frame) *Trap {
	t := &Trap{Kind: trapKinds[text], Frames: in.module.describe(frames)}
	innermost := ""
	if n := len(frames); n > 0 {
		t.outermost = frames[n-1]
		innermost = in.module.name(frames[0])
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
	case t.Kind == OutOfBounds:
		if size := in.stackOverflow(); size > 0 {
			t.Kind = StackOverflow
			t.Detail = fmt.Sprintf("the %d KiB of the program's stack are full; large arrays belong on the heap, or "+
				"link with a "+
				"larger stack (-Wl,-z,stack-size=BYTES)", (size+1023)>>10)
		}
	case t.Kind == StackOverflow:
		t.Detail = "calls nest too deep (endless recursion?)"
	}
	return t
}

// redZone is how far below the stack pointer a function that calls nothing may store without moving it (clang's
// WebAssemblyFrameLowering).
const redZone = 128

// stackOverflow returns the size of the stack if the stack pointer has left it. wasm-ld puts the stack first, so that
// it grows towards address 0 and leaves memory there; nothing moves the pointer back after a trap.
func (in *Instance) stackOverflow() (size int64) {
	index := in.module.layout.stackPointer
	guest, ok := in.guest.(experimental.InternalModule)
	if index < 0 || !ok || index >= guest.NumGlobal() {
		return 0
	}
	top := in.module.layout.stackTop
	global := guest.Global(index)
	pointer := int64(global.Get())
	if global.Type() == api.ValueTypeI32 {
		pointer = int64(int32(pointer))
	}
	if pointer >= redZone && pointer <= top {
		return 0
	}
	return top
}

const (
	stackTitle   = "\nwasm stack trace:\n\t"
	goStackTitle = "\n\nGo runtime stack trace:\n"
)

// dissect takes wazero's text apart: the message, the guest's frames, and the Go stack if there is one.
func dissect(text string) (message string, frames []frame, goStack string) {
	i := strings.LastIndex(text, stackTitle)
	if i < 0 {
		return text, nil, ""
	}
	message, rest := strings.TrimSuffix(text[:i], " (recovered by wazero)"), text[i+len(stackTitle):]
	rest, goStack, _ = strings.Cut(rest, goStackTitle)
	for _, line := range strings.Split(rest, "\n\t") {
		source, isSource := strings.CutPrefix(line, "\t")
		switch {
		case line == "":
		case isSource && len(frames) > 0:
			frames[len(frames)-1].offset = offsetIn(source)
		case strings.HasPrefix(line, "... "):
			frames = append(frames, frame{function: omitted})
		default:
			frames = append(frames, newFrame(line))
		}
	}
	return message, frames, goStack
}

// newFrame reads a line as ".$12(i32,f64) i32", of a function of the module, or as "mpi.MPI_Send(i32)", of the host's.
func newFrame(line string) frame {
	name, _, _ := strings.Cut(line, "(")
	if digits, ok := strings.CutPrefix(name, ".$"); ok {
		if index, err := strconv.ParseUint(digits, 10, 32); err == nil {
			return frame{index: int(index)}
		}
	}
	return frame{function: printable(name)}
}
