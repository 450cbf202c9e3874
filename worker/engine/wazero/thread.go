package wazero

import (
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/program"
)

// A program whose threads share its memory imports that. In wazero a memory is a module's: one that has nothing else is
// made for each rank, and each thread's instance imports from it. What an instance imports is resolved by modules'
// names, so the name is one of which no function is imported (internal/waits sees to that).

// memoryName is what the one export of a memory's module is called.
const memoryName = "memory"

// importedMemory is the name of the module that a program imports its memory from.
func (m *Module) importedMemory() (module string, ok bool) {
	for _, d := range m.compiled.ImportedMemories() {
		module, _, ok = d.Import()
	}
	return module, ok
}

// compileMemory makes the module of the program's memory, if it imports one.
func (m *Module) compileMemory() error {
	imports := m.compiled.ImportedMemories()
	if len(imports) == 0 {
		return nil
	}
	from, name, _ := imports[0].Import()
	for _, im := range m.program.Imports {
		if im.Kind == wasm.KindFunction && im.Module == from {
			return fmt.Errorf("engine: the program imports its memory and functions from one module, %s",
				program.Printable(from))
		}
	}
	least, most := m.program.Memory(maxPages)
	file := (&wasm.Module{Memories: []wasm.Limits{{Min: least, Max: most, HasMax: true, Shared: true}},
		Exports: []wasm.Export{{Name: name, Kind: wasm.KindMemory}}}).Encode()
	var err error
	if m.memory, err = m.runtime.CompileModule(context.Background(), file); err != nil {
		return fmt.Errorf("engine: make a shared memory: %w", err)
	}
	return nil
}

// withMemory is the context in which an instance of the program finds its memory.
func (in *Instance) withMemory() (context.Context, error) {
	allocator := experimental.MemoryAllocatorFunc(func(_, _ uint64) experimental.LinearMemory { return in.mem })
	ctx := experimental.WithMemoryAllocator(context.Background(), allocator)
	if in.module.memory == nil {
		return ctx, nil
	}
	if in.shared == nil {
		var err error
		config := wazero.NewModuleConfig().WithName("")
		if in.shared, err = in.module.runtime.InstantiateModule(ctx, in.module.memory, config); err != nil {
			return nil, err
		}
	}
	from, _ := in.module.importedMemory()
	ctx = experimental.WithCloseNotifier(ctx, experimental.CloseNotifyFunc(leaveMemory))
	return experimental.WithImportResolver(ctx, func(name string) api.Module {
		if name == from {
			return in.shared
		}
		return nil
	}), nil
}

// wazero, closing an instance, frees the memory that it uses, also where that is imported and others use it. Nothing
// stands between its forgetting the instance and that but the call of a notifier, which therefore does not return where
// the context says so.
type memoryStays struct{}

func leaveMemory(ctx context.Context, _ uint32) {
	if ctx.Value(memoryStays{}) != nil {
		panic(memoryStays{})
	}
}

// closeThread closes the instance of a thread and leaves its memory to the others.
func closeThread(guest api.Module) (err error) {
	defer func() {
		if r := recover(); r != nil && r != (memoryStays{}) {
			err = fmt.Errorf("close a thread: %v", r)
		}
	}()
	return guest.Close(context.WithValue(context.Background(), memoryStays{}, true))
}

// Thread implements engine.Instance.
func (in *Instance) Thread(host any, s engine.ThreadSpace) (engine.Instance, error) {
	if _, _, err := in.ThreadLocals(); err != nil {
		return nil, err
	}
	t := &Instance{module: in.module, mem: in.mem, shared: in.shared, further: true, stack: &s.Stack,
		callbacks: map[callbackType]*callback{},
		context:   callContext{Context: context.Background(), host: host}}
	if err := t.instantiate(); err != nil {
		return nil, err
	}
	t.guest.ExportedGlobal(engine.StackPointer).(api.MutableGlobal).Set(s.Stack.Top)
	if t.guest.ExportedFunction(engine.InitLocals) != nil {
		if err := t.callExport(engine.InitLocals, []uint64{s.Locals}); err != nil {
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
	switch guest := in.guest; {
	case guest == nil:
		return 0, 0, errors.New("engine: the instance is closed")
	case in.shared == nil:
		return 0, 0, errors.New("the program has a memory of its own, which threads can't share: link it with -pthread " +
			"-Wl,--shared-memory")
	default:
		pointer, ok := guest.ExportedGlobal(engine.StackPointer).(api.MutableGlobal)
		if !ok {
			return 0, 0, fmt.Errorf("the program does not export %s, so that a thread can have no stack of its own",
				engine.StackPointer)
		}
		init := guest.ExportedFunction(engine.InitLocals)
		if init == nil {
			return 0, 1, nil
		}
		if params := init.Definition().ParamTypes(); len(params) != 1 || params[0] != pointer.Type() ||
			len(init.Definition().ResultTypes()) != 0 {
			return 0, 0, fmt.Errorf("the program's %s is no function that takes an address", engine.InitLocals)
		}
		sizes, aligns := guest.ExportedGlobal(engine.LocalsSize), guest.ExportedGlobal(engine.LocalsAlign)
		if sizes == nil || aligns == nil {
			return 0, 0, fmt.Errorf("the program does not export %s and %s", engine.LocalsSize, engine.LocalsAlign)
		}
		return sizes.Get(), max(aligns.Get(), 1), nil
	}
}
