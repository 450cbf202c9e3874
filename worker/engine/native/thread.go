package native

import (
	"fmt"

	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/worker/engine"
)

// threading is what the module has for threads.
type threading struct {
	err         error // why it can have none
	pointer     int   // the global that is the stack pointer
	init        int   // of code.enter; -1: there are no thread-local variables
	size, align int   // globals
}

// findThreading looks at what the module exports for threads.
func (m *Module) findThreading(decoded *wasm.Module) threading {
	none := func(format string, args ...any) threading { return threading{err: fmt.Errorf(format, args...)} }
	if len(decoded.Memories) == len(m.spaces.Memories) {
		return none("the program has a memory of its own, which threads can't share: link it with -pthread " +
			"-Wl,--shared-memory")
	}
	pointer, t, ok := m.global(engine.StackPointer)
	if !ok || !t.Mutable {
		return none("the program does not export %s, so that a thread can have no stack of its own", engine.StackPointer)
	}
	found := threading{pointer: pointer, init: -1}
	init, ok := m.exports[engine.InitLocals]
	if !ok || init.Kind != wasm.KindFunction {
		return found
	}
	takes, _ := m.spaces.FunctionType(init.Index)
	if len(takes.Params) != 1 || takes.Params[0] != t.Type || len(takes.Results) != 0 {
		return none("the program's %s is no function that takes an address", engine.InitLocals)
	}
	var sized, aligned bool
	found.init = init.enter
	found.size, _, sized = m.global(engine.LocalsSize)
	found.align, _, aligned = m.global(engine.LocalsAlign)
	if !sized || !aligned {
		return none("the program does not export %s and %s", engine.LocalsSize, engine.LocalsAlign)
	}
	return found
}

// Thread implements engine.Instance.
func (in *Instance) Thread(host any, s engine.ThreadSpace) (engine.Instance, error) {
	if _, _, err := in.ThreadLocals(); err != nil {
		return nil, err
	}
	t := &Instance{module: in.module, memory: in.memory, further: true, stack: &s.Stack, host: host}
	if err := t.instantiate(); err != nil {
		t.Close()
		return nil, err
	}
	how := &in.module.threading
	t.globals[how.pointer] = value{s.Stack.Top}
	if how.init >= 0 {
		words := t.machine.Arguments(1)
		words[0] = s.Locals
		if err := t.call(in.module.code.enter[how.init], words); err != nil {
			t.Close()
			return nil, fmt.Errorf("the variables of a thread can't be made: %w", err)
		}
	}
	return t, nil
}

// Run implements engine.Instance.
func (in *Instance) Run(index uint32, params string, args ...uint64) error {
	_, err := in.runTable(index, callbackType{params, ""}, args)
	return err
}

// RunResult implements engine.Instance.
func (in *Instance) RunResult(index uint32, params string, args ...uint64) (int32, error) {
	return in.runTable(index, callbackType{params, "i"}, args)
}

func (in *Instance) runTable(index uint32, t callbackType, args []uint64) (int32, error) {
	defer endRankOnFault()()
	result, err := in.callTable(index, t, args)
	if err == engine.ErrThrown {
		err = in.uncaught()
	}
	return result, err
}

// ThreadLocals implements engine.Instance.
func (in *Instance) ThreadLocals() (size, align uint64, err error) {
	how := &in.module.threading
	switch {
	case in.block == nil:
		return 0, 0, errClosed
	case how.err != nil:
		return 0, 0, how.err
	case how.init < 0:
		return 0, 1, nil
	}
	size, _, _ = in.global(how.size)
	align, _, _ = in.global(how.align)
	return size, max(align, 1), nil
}

// isWide reports whether a global is an i64.
func (m *Module) isWide(global int) bool { return m.spaces.Globals[global].Type == wasm.I64 }
