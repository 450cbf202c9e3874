package wazero

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/faasmrun/faasmrun/internal/eh"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/program"
)

// maxNesting bounds how deep a guest may be called back from a host call that a guest called back … A level costs stack
// in Go, whose overflow would end the process: 13 KiB on wazero, 3 natively. OpenMP's tasks that wait for tasks need
// many: a search of an unbalanced tree (UTS) is 1572 deep.
const maxNesting = 4000

// Instance implements engine.Instance.
type Instance struct {
	module  *Module
	guest   api.Module
	mem     engine.Memory
	shared  api.Module     // the memory's, where the program imports it
	further bool           // a thread that Thread made: the memory is another's to free
	stack   *program.Stack // its own; nil: main's
	context callContext
	nesting int // guest calls on the Go stack

	callbacks map[callbackType]*callback

	pending api.Global // reports whether an exception is under way; nil in a program that has none
	thrown  api.Global // what the exception carries; may be nil
}

// Instantiate implements engine.Module.
func (m *Module) Instantiate(host any, mem engine.Memory) (engine.Instance, error) {
	in := &Instance{module: m, mem: mem, callbacks: map[callbackType]*callback{},
		context: callContext{Context: context.Background(), host: host}}
	if err := in.instantiate(); err != nil {
		in.Close()
		return nil, err
	}
	return in, nil
}

func (in *Instance) instantiate() (err error) {
	if err := in.module.prepare(); err != nil {
		return err
	}
	least, _ := in.module.Memory()
	// wazero slices what the allocator returns without looking: ask before it does.
	if !in.further && in.mem.Reallocate(least) == nil && least > 0 {
		return fmt.Errorf("the program needs %d MiB of memory to begin with, which is more than it may have (or than the "+
			"machine has left): raise --mem-per-rank", (least+1<<20-1)>>20)
	}
	defer endRankOnFault()()
	defer func() {
		if r := recover(); r != nil {
			err = newInternalError(r)
		}
	}()
	if in.context.Context, err = in.withMemory(); err != nil {
		return err
	}
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions()
	in.guest, err = in.module.runtime.InstantiateModule(&in.context, in.module.compiled, config)
	in.context.Context = context.Background()
	if err != nil {
		return fmt.Errorf("the program can't be set up: %w", err)
	}
	if in.module.program.Throws {
		in.pending, in.thrown = in.guest.ExportedGlobal(eh.Pending), in.guest.ExportedGlobal(eh.Value)
	}
	if start := in.module.program.Start; start != "" {
		return in.callExport(start, nil)
	}
	return nil
}

// Memory implements engine.Instance.
func (in *Instance) Memory() []byte { return in.mem.Bytes() }

// Grow implements engine.Instance.
func (in *Instance) Grow(size uint64) (address uint64, ok bool) {
	if in.guest == nil {
		return 0, false
	}
	if size > maxPages<<16 {
		return 0, false
	}
	before, ok := in.guest.Memory().Grow(uint32((size + 1<<16 - 1) >> 16))
	if !ok || before >= maxPages { // a full memory, of which nothing was wanted
		return 0, false
	}
	return uint64(before) << 16, true
}

// Start implements engine.Instance.
func (in *Instance) Start() error {
	if in.guest == nil {
		return errors.New("engine: the instance is closed")
	}
	if in.further {
		return errors.New("engine: a program is started by its first thread")
	}
	defer endRankOnFault()()
	if err := in.callExport("_start", nil); err != nil {
		return err
	}
	return in.uncaught()
}

// endRankOnFault makes this goroutine's faults on addresses that are not mapped (a copy to the memory of a rank that is
// gone, in a host call) panics: an InternalError of this rank, where else the process would end with all its ranks.
func endRankOnFault() (restore func()) {
	old := debug.SetPanicOnFault(true)
	return func() { debug.SetPanicOnFault(old) }
}

// Stop implements engine.Instance.
func (in *Instance) Stop(cause error) { in.context.cause.CompareAndSwap(nil, &cause) }

// callExport calls an export that is called once.
func (in *Instance) callExport(name string, stack []uint64) error {
	return in.call(newEntry(in.guest.ExportedFunction(name), &in.context), stack)
}

// CallExport implements engine.Instance.
func (in *Instance) CallExport(name string) error {
	if in.guest == nil {
		return errors.New("engine: the instance is closed")
	}
	f := in.guest.ExportedFunction(name)
	if f == nil || len(f.Definition().ParamTypes())+len(f.Definition().ResultTypes()) > 0 {
		return nil
	}
	return in.call(newEntry(f, &in.context), nil)
}

// call enters the guest.
func (in *Instance) call(e *entry, stack []uint64) (err error) {
	if cause := in.context.cause.Load(); cause != nil {
		return *cause
	}
	if e.err != nil {
		return unstoppable(e.err)
	}
	before := e.foreign.Enter()
	defer func() {
		before.Leave()
		in.nesting--
		if r := recover(); r != nil {
			err = newInternalError(r)
		}
	}()
	in.nesting++
	if err := e.function.CallWithStack(&in.context, stack); err != nil {
		return in.failure(err, before.Fault())
	}
	runtime.KeepAlive(stack) // the code has put its results there
	return nil
}

// Close implements engine.Instance.
func (in *Instance) Close() error {
	if !in.further {
		defer in.mem.Free()
	}
	guest, shared := in.guest, in.shared
	in.guest, in.shared, in.callbacks = nil, nil, nil
	var errs []error
	switch {
	case guest == nil:
	case shared != nil:
		errs = append(errs, closeThread(guest))
	default:
		errs = append(errs, guest.Close(context.Background()))
	}
	if shared != nil && !in.further {
		errs = append(errs, shared.Close(context.Background()))
	}
	return errors.Join(errs...)
}

// callbackType is a type of function pointers.
type callbackType program.Signature

// callback calls function pointers of one type. wazero's functions have one stack each and can't be entered again while
// they run, hence a pool.
type callback struct {
	name string
	idle []*callbackCall
}

type callbackCall struct {
	enter *entry
	stack []uint64 // the pointer, then the arguments; the result comes back in place of the pointer
}

// CallTable implements engine.Instance.
func (in *Instance) CallTable(index uint32, params string, args ...uint64) error {
	_, err := in.callTable(index, callbackType{params, ""}, args)
	return err
}

// CallTableResult implements engine.Instance.
func (in *Instance) CallTableResult(index uint32, params string, args ...uint64) (int32, error) {
	return in.callTable(index, callbackType{params, "i"}, args)
}

func (in *Instance) callTable(index uint32, t callbackType, args []uint64) (int32, error) {
	if in.guest == nil {
		return 0, errors.New("engine: the instance is closed")
	}
	if len(args) != len(t.Params) {
		return 0, fmt.Errorf("engine: %d arguments for the parameters %q", len(args), t.Params)
	}
	if in.nesting > maxNesting {
		return 0, &program.Trap{Kind: program.StackOverflow, Detail: "functions called back from host calls nest too deep"}
	}
	defer func(outer engine.Caller) { in.context.caller = outer }(in.context.caller)
	c := in.callbacks[t]
	if c == nil {
		name, ok := in.module.program.Callback(program.Signature(t))
		if !ok { // no function of the module has that type
			return 0, program.BadPointer(program.IndirectCallType, index, len(args))
		}
		c = &callback{name: name}
		t.Params = strings.Clone(t.Params) // the caller's string may be part of something large
		in.callbacks[t] = c
	}
	call := c.take(in)
	defer c.put(call)
	call.stack[0] = uint64(index)
	copy(call.stack[1:], args)
	if err := in.call(call.enter, call.stack); err != nil {
		return 0, in.module.program.CalledBack(err, index, len(args))
	}
	if in.throwing() {
		return 0, engine.ErrThrown
	}
	return int32(call.stack[0]), nil
}

func (c *callback) take(in *Instance) *callbackCall {
	if n := len(c.idle); n > 0 {
		call := c.idle[n-1]
		c.idle = c.idle[:n-1]
		return call
	}
	f := in.guest.ExportedFunction(c.name)
	return &callbackCall{newEntry(f, &in.context), make([]uint64, len(f.Definition().ParamTypes()))}
}

func (c *callback) put(call *callbackCall) { c.idle = append(c.idle, call) }
