package native

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/internal/eh"
	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/machinecode"
	"github.com/faasmrun/faasmrun/worker/program"
)

// maxNesting bounds how deep a guest may be called back from a host call that a guest called back … A level costs stack
// in Go, whose overflow would end the process: 13 KiB on wazero, 3 natively. OpenMP's tasks that wait for tasks need
// many: a search of an unbalanced tree (UTS) is 1572 deep.
const maxNesting = 4000

// Instance implements engine.Instance.
type Instance struct {
	module  *Module
	memory  *memory
	further bool           // a thread that Thread made: the memory is another's to free
	stack   *program.Stack // its own; nil: main's
	host    any

	block    unsafe.Pointer // of the state; nil once closed
	size     uintptr
	state    *state
	globals  []value // in the block, as
	tables   []table // these
	grown    []mapping
	dropped  []bool // the data segments
	droppedE []bool // the element segments

	machine *machinecode.Stack
	nesting int                   // guest calls on the Go stack
	calling int                   // the import of the host call that is under way; -1: none
	refused program.TrapKind      // how the program traps at the service that it has asked for
	stop    atomic.Pointer[error] // what Stop was told
	callers bool                  // each host call notes its caller
	caller  engine.Caller

	callbacks       map[callbackType]uintptr
	pending, thrown int // globals of exceptions; -1: the program has none
}

// state is the C's struct Instance, behind which the globals stand. A global's value is of two words.
type state struct {
	callHost, trap uintptr
	memory         uintptr
	memoryBytes    uintptr // where the size is, which is the state's of a rank's first thread
	tables         uintptr
	bytes          uint64 // of the memory
	_              [26]uint64
}

// value is one of any type.
type value [2]uint64

// table is the C's struct Table.
type table struct {
	elements uintptr
	size     uint64
}

// mapping is memory outside of Go's.
type mapping struct {
	start unsafe.Pointer
	size  uintptr
}

func newMapping(size uintptr) (mapping, error) {
	size = (max(size, 1) + pageSize - 1) &^ (pageSize - 1)
	start, err := unix.MmapPtr(-1, 0, nil, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	return mapping{start, size}, err
}

func (m mapping) free() { unix.MunmapPtr(m.start, m.size) }

// memory is a linear memory, which the threads of a rank share.
type memory struct {
	engine.Memory
	most uint64
	base uintptr

	mu    sync.Mutex // held while it grows
	bytes *uint64    // its size as the code sees it
}

// grow adds pages, and gives how many there were.
func (m *memory) grow(pages uint64) (before uint64, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	size := uint64(len(m.Bytes()))
	if pages > (m.most-min(size, m.most))>>16 || m.Reallocate(size+pages<<16) == nil && size+pages<<16 > 0 {
		return 0, false
	}
	atomic.StoreUint64(m.bytes, uint64(len(m.Bytes())))
	return size >> 16, true
}

// Instantiate implements engine.Module.
func (m *Module) Instantiate(host any, mem engine.Memory) (engine.Instance, error) {
	least, most := m.Memory()
	in := &Instance{module: m, memory: &memory{Memory: mem, most: most}, host: host}
	err := m.prepare()
	if err == nil && mem.Reallocate(least) == nil && least > 0 {
		err = fmt.Errorf("the program needs %d MiB of memory to begin with, which is more than it may have (or than the "+
			"machine has left): raise --mem-per-rank", (least+1<<20-1)>>20)
	}
	base, before, size := mem.Addresses()
	if need := m.Reserve(); err == nil && (before < need.Before || size < need.Size) {
		err = fmt.Errorf("engine: the program's memory has %d addresses to itself and %d before it, and its code needs %d "+
			"and %d", size, before, need.Size, need.Before)
	}
	in.memory.base = base
	if err == nil {
		err = in.instantiate()
	}
	if err != nil {
		in.Close()
		return nil, err
	}
	return in, nil
}

// instantiate makes all that an instance has besides its memory, and runs the start function.
func (in *Instance) instantiate() (err error) {
	m := in.module
	in.callers = m.engine.options.Callers
	in.calling, in.callbacks = -1, map[callbackType]uintptr{}
	in.pending, in.thrown = m.exceptions()
	in.dropped, in.droppedE = make([]bool, len(m.data)), make([]bool, len(m.elements))
	if in.machine, err = machinecode.NewStack(m.code.low, m.code.end, in.called); err != nil {
		return err
	}
	if err := in.lay(); err != nil {
		return fmt.Errorf("the program can't be set up: %w", err)
	}
	if err := in.begin(); err != nil {
		return fmt.Errorf("the program can't be set up: %w", err)
	}
	if m.start < 0 {
		return nil
	}
	defer endRankOnFault()()
	return in.call(m.code.enter[m.start], in.machine.Arguments(0))
}

// lay makes the state.
func (in *Instance) lay() error {
	m := in.module
	globals, tables := len(m.spaces.Globals), len(m.spaces.Tables)
	size := unsafe.Sizeof(state{}) + uintptr(globals)*unsafe.Sizeof(value{}) + uintptr(tables)*unsafe.Sizeof(table{})
	elements := size
	for _, t := range m.spaces.Tables {
		size += uintptr(t.Limits.Min) * unsafe.Sizeof(entry{})
	}
	block, err := newMapping(size)
	if err != nil {
		return err
	}
	in.block, in.size = block.start, block.size
	in.state = (*state)(in.block)
	at := unsafe.Add(in.block, unsafe.Sizeof(state{}))
	in.globals = unsafe.Slice((*value)(at), globals)
	at = unsafe.Add(at, uintptr(globals)*unsafe.Sizeof(value{}))
	in.tables = unsafe.Slice((*table)(at), tables)
	from := uintptr(in.block) + elements
	for i, t := range m.spaces.Tables {
		in.tables[i] = table{from, t.Limits.Min}
		from += uintptr(t.Limits.Min) * unsafe.Sizeof(entry{})
	}
	if in.memory.bytes == nil {
		in.memory.bytes = &in.state.bytes
		*in.memory.bytes = uint64(len(in.memory.Bytes()))
	}
	*in.state = state{callHost: m.engine.callHost, trap: m.engine.trap, memory: in.memory.base, tables: uintptr(at),
		memoryBytes: uintptr(unsafe.Pointer(in.memory.bytes)), bytes: in.state.bytes}
	return nil
}

// elements are those of a table.
func (in *Instance) elements(t uint32) []entry {
	// The table is of a mapping of the instance's own, which no garbage collector moves.
	return unsafe.Slice(*(**entry)(unsafe.Pointer(&in.tables[t].elements)), in.tables[t].size)
}

// Memory implements engine.Instance.
func (in *Instance) Memory() []byte { return in.memory.Bytes() }

// Grow implements engine.Instance.
func (in *Instance) Grow(size uint64) (address uint64, ok bool) {
	if in.block == nil || size > widePages<<16 {
		return 0, false
	}
	before, ok := in.memory.grow((size + 1<<16 - 1) >> 16)
	if !ok || before<<16 >= in.memory.most { // a full memory, of which nothing was wanted
		return 0, false
	}
	return before << 16, true
}

// errClosed is of an instance that was closed.
var errClosed = errors.New("engine: the instance is closed")

// Start implements engine.Instance.
func (in *Instance) Start() error {
	if in.block == nil {
		return errClosed
	}
	if in.further {
		return errors.New("engine: a program is started by its first thread")
	}
	defer endRankOnFault()()
	start := in.module.exports["_start"]
	if err := in.call(in.module.code.enter[start.enter], in.machine.Arguments(0)); err != nil {
		return err
	}
	return in.uncaught()
}

// CallExport implements engine.Instance.
func (in *Instance) CallExport(name string) error {
	if in.block == nil {
		return errClosed
	}
	x, ok := in.module.exports[name]
	if !ok || x.Kind != wasm.KindFunction {
		return nil
	}
	if t, _ := in.module.spaces.FunctionType(x.Index); len(t.Params)+len(t.Results) > 0 {
		return nil
	}
	return in.call(in.module.code.enter[x.enter], in.machine.Arguments(0))
}

// endRankOnFault makes this goroutine's faults on addresses that are not mapped (a copy to the memory of a rank that is
// gone, in a host call) panics: an InternalError of this rank, where else the process would end with all its ranks.
func endRankOnFault() (restore func()) {
	old := debug.SetPanicOnFault(true)
	return func() { debug.SetPanicOnFault(old) }
}

// throwing reports whether an exception has left the guest.
func (in *Instance) throwing() bool { return in.pending >= 0 && uint32(in.globals[in.pending][0]) != 0 }

// uncaught is the error for an exception that left the program.
func (in *Instance) uncaught() error {
	if !in.throwing() {
		return nil
	}
	value, wide := uint64(0), false
	if in.thrown >= 0 {
		value, wide, _ = in.global(in.thrown)
	}
	what := eh.Describe(in.memory.Bytes(), in.memory.Open, uint32(in.globals[in.pending][0]), value, wide)
	return &program.Uncaught{What: program.Printable(what)}
}

// Stop implements engine.Instance.
func (in *Instance) Stop(cause error) { in.stop.CompareAndSwap(nil, &cause) }

// Close implements engine.Instance.
func (in *Instance) Close() error {
	if !in.further {
		defer in.memory.Free()
	}
	if in.machine != nil {
		in.machine.Free()
	}
	for _, m := range in.grown {
		m.free()
	}
	if in.block != nil {
		unix.MunmapPtr(in.block, in.size)
	}
	in.machine, in.grown, in.block, in.state, in.globals, in.tables, in.callbacks = nil, nil, nil, nil, nil, nil, nil
	in.pending, in.thrown = -1, -1
	return nil
}

// callbackType is a type of function pointers.
type callbackType program.Signature

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
	if in.block == nil {
		return 0, errClosed
	}
	if len(args) != len(t.Params) {
		return 0, fmt.Errorf("engine: %d arguments for the parameters %q", len(args), t.Params)
	}
	if in.nesting > maxNesting {
		return 0, &program.Trap{Kind: program.StackOverflow, Detail: "functions called back from host calls nest too deep"}
	}
	defer func(outer engine.Caller) { in.caller = outer }(in.caller)
	enter, known := in.callbacks[t]
	if !known {
		name, ok := in.module.program.Callback(program.Signature(t))
		if !ok { // no function of the module has that type
			return 0, program.BadPointer(program.IndirectCallType, index, len(args))
		}
		enter = in.module.code.enter[in.module.exports[name].enter]
		t.Params = strings.Clone(t.Params) // the caller's string may be part of something large
		in.callbacks[t] = enter
	}
	words := in.machine.Arguments(1 + len(args))
	if words != nil {
		words[0] = uint64(index)
		copy(words[1:], args)
	}
	if err := in.call(enter, words); err != nil {
		return 0, in.module.program.CalledBack(err, index, len(args))
	}
	if in.throwing() {
		return 0, engine.ErrThrown
	}
	return int32(words[0]), nil
}

// Caller implements engine.Instance.
func (in *Instance) Caller() engine.Caller { return in.caller }
