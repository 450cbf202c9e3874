package wazero

import (
	"encoding/binary"
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

	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/worker/machinecode"
	"github.com/faasmrun/faasmrun/worker/program"
)

// Here, and nowhere else, meaning is read from wazero's words: what ended a call it says in an error's text, with the
// stack below it. A module that it is given has no names, so that no program can put words there (program.Encode); each
// frame is a function's index, and by a stub of debug information its offset in the code. prove makes sure that this
// wazero words its errors so.

// trapKinds finds a kind of trap by wazero's words.
var trapKinds = map[string]program.TrapKind{
	"unreachable":                   program.Unreachable,
	"out of bounds memory access":   program.OutOfBounds,
	"stack overflow":                program.StackOverflow,
	"integer divide by zero":        program.DivideByZero,
	"integer overflow":              program.IntegerOverflow,
	"invalid conversion to integer": program.InvalidConversion,
	"invalid table access":          program.InvalidTableAccess,
	"indirect call type mismatch":   program.IndirectCallType,
	"unaligned atomic":              program.UnalignedAtomic,
	"expected shared memory":        program.SharedMemoryExpected,
	"too many waiters":              program.TooManyWaiters,
}

// failure says what ended a call, from the error that wazero made of it: a text with frames, wrapping what was thrown;
// and from the fault that has ended it, if one has.
func (in *Instance) failure(err error, by *machinecode.Fault) error {
	text, frames, stack := dissect(err.Error())
	cause := errors.Unwrap(err)
	var exit *sys.ExitError
	var stop stopped
	var fault runtime.Error
	kind, faulted := cause.(program.TrapKind)
	switch {
	case errors.As(err, &stop):
		return stop.cause
	case errors.As(err, &exit):
		return errors.New("engine: the instance was closed while it ran")
	case isTrap(err):
		return in.trap(trapKinds[err.Error()], nil)
	case isTrap(cause) && by != nil:
		return in.faulted(by, frames)
	case isTrap(cause):
		return in.trap(trapKinds[cause.Error()], frames)
	case faulted: // by a host function, whose frame is none of the program's
		return in.trap(kind, frames[min(1, len(frames)):])
	case errors.As(err, &fault):
		return &program.InternalError{Value: fault.Error(), Frames: in.module.program.Describe(frames), Stack: stack}
	case cause == nil:
		return &program.InternalError{Value: text, Frames: in.module.program.Describe(frames), Stack: stack}
	case errors.As(cause, new(*program.HostError)), strings.Contains(err.Error(), stackTitle):
		return in.module.program.NewHostError(cause, frames)
	}
	return err
}

// isTrap reports whether it is one of wazero's own errors, whose type it keeps to itself.
func isTrap(err error) bool {
	if fmt.Sprintf("%T", err) != "*wasmruntime.Error" {
		return false
	}
	_, known := trapKinds[err.Error()]
	return known
}

// faulted says what ended a call by a fault: wazero's code compares addresses with the memory's size, not with where it
// is closed.
func (in *Instance) faulted(f *machinecode.Fault, frames []program.Frame) error {
	base, before, size := in.mem.Addresses()
	if kind, ok := f.Trap(base, uintptr(before), uintptr(size), uintptr(in.mem.Lowest())); ok {
		return in.trap(kind, frames)
	}
	return f.Unexplained(in.module.program, frames, base, uintptr(len(in.mem.Bytes())))
}

// trap is a fault of the guest's.
func (in *Instance) trap(kind program.TrapKind, frames []program.Frame) *program.Trap {
	return in.module.program.Trap(kind, frames, in.global, in.stack)
}

// global reads one of the guest's globals, exported or not.
func (in *Instance) global(index int) (value uint64, wide, ok bool) {
	guest, internal := in.guest.(experimental.InternalModule)
	if !internal || index >= guest.NumGlobal() {
		return 0, false, false
	}
	g := guest.Global(index)
	return g.Get(), g.Type() == api.ValueTypeI64, true
}

func newInternalError(panicked any) *program.InternalError {
	return &program.InternalError{Value: fmt.Sprint(panicked), Stack: string(debug.Stack())}
}

const (
	stackTitle   = "\nwasm stack trace:\n\t"
	goStackTitle = "\n\nGo runtime stack trace:\n"
)

// dissect takes wazero's text apart: the message, the guest's frames, and the Go stack if there is one.
func dissect(text string) (message string, frames []program.Frame, goStack string) {
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
			frames[len(frames)-1].Offset = offsetIn(source)
		case strings.HasPrefix(line, "... "):
			frames = append(frames, program.Frame{Host: program.Omitted})
		default:
			frames = append(frames, newFrame(line))
		}
	}
	return message, frames, goStack
}

// newFrame reads a line as ".$12(i32,f64) i32", of a function of the module, or as "mpi.MPI_Send(i32)", of the host's.
func newFrame(line string) program.Frame {
	name, _, _ := strings.Cut(line, "(")
	if digits, ok := strings.CutPrefix(name, ".$"); ok {
		if index, err := strconv.ParseUint(digits, 10, 32); err == nil {
			return program.Frame{Function: int(index)}
		}
	}
	return program.Frame{Host: program.Printable(name)}
}

// lineStub are sections of debug information of one unit without a name: all of the code is line 1 of one file, so
// that wazero writes each frame's offset and this line.
func lineStub() []wasm.Custom {
	const first, last = 1, 1<<31 - 1 // wazero takes 0 and the last addresses for code that was thrown away
	abbrev := []byte{
		1, 0x11, 0, // entry 1: a compilation unit without children
		0x11, 0x01, // low_pc: an address
		0x12, 0x06, // high_pc: a length of 4 bytes
		0x10, 0x17, // stmt_list: an offset
		0, 0, 0,
	}
	u32 := binary.LittleEndian.AppendUint32
	unit := u32([]byte{4, 0}, 0) // version, offset of the abbreviations
	unit = append(unit, 4, 1)    // size of an address, entry 1
	unit = u32(u32(u32(unit, first), last-first), 0)
	header := []byte{
		1, 1, 1, 0xfb, 14, 13, // one byte an instruction, one instruction each; is_stmt, line_base, line_range, opcode_base
		0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1, // arguments of the opcodes
		0,                  // no directories
		'x', 0, 0, 0, 0, 0, // one file
	}
	address := func(at uint32) []byte { return u32([]byte{0, 5, 2}, at) }
	program := slices.Concat(address(first), []byte{1}, address(last), []byte{0, 1, 1}) // a row, and the end
	table := slices.Concat(u32([]byte{4, 0}, uint32(len(header))), header, program)
	section := func(name string, data []byte) wasm.Custom {
		return wasm.Custom{Name: name, Data: data, After: dataSection}
	}
	return []wasm.Custom{
		section(".debug_abbrev", abbrev),
		section(".debug_info", append(u32(nil, uint32(len(unit))), unit...)),
		section(".debug_line", append(u32(nil, uint32(len(table))), table...)),
	}
}

const dataSection = 11 // the last section of a module

// offsetIn reads the offset from what wazero writes of a frame's source, "0x1f: x:1"; 0 if there is none.
func offsetIn(text string) uint64 {
	digits, _, _ := strings.Cut(strings.TrimPrefix(text, "0x"), ":")
	offset, err := strconv.ParseUint(digits, 16, 32)
	if err != nil {
		return 0
	}
	return offset
}
