package native

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/machinecode"
	"github.com/faasmrun/faasmrun/worker/program"
)

// call enters the guest by one of its ways in. arguments, which machine has given, hold the results afterwards.
func (in *Instance) call(enter uintptr, arguments []uint64) (err error) {
	if cause := in.stop.Load(); cause != nil {
		return *cause
	}
	if arguments == nil {
		return in.trap(program.StackOverflow, nil)
	}
	outer, calling := in.machine.Mark(), in.calling
	defer func() {
		in.nesting--
		if r := recover(); r != nil {
			err = in.panicked(r)
		}
		in.machine.Reset(outer)
		in.calling = calling
	}()
	in.nesting++
	in.calling = -1
	event := in.machine.Enter(enter, uintptr(in.block), in.memory.base, arguments)
	for {
		switch event {
		case machinecode.Returned:
			return nil
		case machinecode.Called: // a service that can't be, or there is an end
			if cause := in.stop.Load(); cause != nil {
				return *cause
			}
			return in.trap(in.refused, in.backtrace(in.machine.Registers(), true))
		case machinecode.Interrupted:
			stopPoint()
			if cause := in.stop.Load(); cause != nil {
				return *cause
			}
		case machinecode.Trapped:
			return in.trapped()
		case machinecode.Faulted:
			return in.faulted()
		}
		event = in.machine.Resume()
	}
}

// stopPoint is where the goroutine stops if Go has asked it to: any function does, that needs more of its stack than
// the little which is always there.
//
//go:noinline
func stopPoint() {
	var much [256]byte
	use(&much)
}

//go:noinline
func use(*[256]byte) {}

// services is the number of the first call that is the engine's to serve; those below are imports.
const services = 1 << 32

// called serves a call that the code has made. It reports whether the code is to go on, or traps.
func (in *Instance) called() (goOn bool) {
	number, _ := in.machine.Call()
	if number >= services {
		var trapped bool
		in.refused, trapped = in.serve(number - services)
		return !trapped
	}
	in.calling = int(number)
	if in.callers {
		in.findCaller()
	}
	words := in.machine.Words(in.module.words[number])
	if in.pending >= 0 {
		in.callThrowing(in.module.bindings[number], words)
	} else {
		in.module.bindings[number](in.host, words)
	}
	in.calling = -1
	return in.stop.Load() == nil
}

// callThrowing calls a host function of a program with exceptions: one that panics with ErrThrown returns to it
// instead.
func (in *Instance) callThrowing(f engine.HostFunc[any], words []uint64) {
	defer func() {
		if r := recover(); r != nil && r != engine.ErrThrown {
			panic(r)
		}
	}()
	f(in.host, words)
}

// findCaller notes where the host call comes from.
func (in *Instance) findCaller() {
	in.caller = engine.Caller{}
	n := 0
	for _, f := range in.backtrace(in.machine.Registers(), true) {
		if f.Host != "" || n == len(in.caller) {
			return
		}
		in.caller[n].Function = uint32(f.Function) + 1
		if in.module.program.HasLines() {
			in.caller[n].Offset = uint32(f.Offset)
		}
		n++
	}
}

// backtrace tells the frames of the call that is under way.
func (in *Instance) backtrace(r machinecode.Registers, called bool) []program.Frame {
	return in.module.locations.backtrace(in.machine, r, called)
}

// panicked says what ended a call from what a host function, or the engine, has panicked with.
func (in *Instance) panicked(value any) error {
	p := in.module.program
	var frames []program.Frame
	if in.calling >= 0 {
		frames = append(frames, program.Frame{Host: in.module.imported[in.calling]})
		frames = append(frames, in.backtrace(in.machine.RegistersAt(in.machine.Mark()), true)...)
	}
	err, isError := value.(error)
	var fault runtime.Error
	if kind, ok := value.(program.TrapKind); ok && len(frames) > 0 { // the host's frame is none of the program's
		return in.trap(kind, frames[1:])
	}
	if !isError || in.calling < 0 || errors.As(err, &fault) {
		return &program.InternalError{Value: fmt.Sprint(value), Frames: p.Describe(frames), Stack: string(debug.Stack())}
	}
	return p.NewHostError(err, frames)
}

// trapped says what ended a call that the code itself has ended. Where it was is a function and a line of it.
func (in *Instance) trapped() error {
	kind, where := in.machine.Call()
	frames := in.backtrace(in.machine.Registers(), true)
	if at, ok := in.module.locations.at(uint32(where>>32), uint64(uint32(where))); ok {
		if len(frames) == 0 || frames[0].Function != at.Function {
			frames = append([]program.Frame{{}}, frames...)
		}
		frames[0] = at
	}
	return in.trap(program.TrapKind(kind), frames)
}

// faulted says what ended a call that the processor has refused to go on with.
func (in *Instance) faulted() error {
	f := in.machine.Fault()
	frames := in.backtrace(in.machine.Registers(), false)
	_, before, size := in.memory.Addresses()
	if kind, ok := f.Trap(in.memory.base, uintptr(before), uintptr(size), uintptr(in.memory.Lowest())); ok {
		return in.trap(kind, frames)
	}
	return f.Unexplained(in.module.program, frames, in.memory.base, uintptr(len(in.memory.Bytes())))
}

// trap is a fault of the guest's.
func (in *Instance) trap(kind program.TrapKind, frames []program.Frame) *program.Trap {
	return in.module.program.Trap(kind, frames, in.global, in.stack)
}

// global reads one of the guest's globals.
func (in *Instance) global(index int) (v uint64, wide, ok bool) {
	if index < 0 || index >= len(in.globals) {
		return 0, false, false
	}
	v = in.globals[index][0]
	if wide = in.module.isWide(index); !wide {
		v = uint64(uint32(v))
	}
	return v, wide, true
}
