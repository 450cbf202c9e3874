package conformance

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/snapshot/linear"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/futex"
	"github.com/faasmrun/faasmrun/worker/program"
)

// Functions of the threaded program, by pointer. Each takes an i32 that it may not need.
const (
	fnReport    = 1 + iota // notes its stack pointer, its thread-local base, its argument
	fnCount                // adds to the i32 at countAddress so many times, atomically, and calls nothing each time
	fnTrap                 // traps
	fnSpin                 // computes until the i32 at stopAddress is not 0
	fnWait                 // waits at waitAddress for ever and notes the outcome
	fnNotify               // notifies so many there and notes how many were woken
	fnGrow                 // grows the memory by a page and notes where
	fnLoad                 // notes the i32 at an address
	fnOverflow             // stores far below its stack, and beyond all memory
	fnSetGlobal            // sets a global of its own and notes it
	fnExit                 // ends by a host call
)

const (
	countAddress = 1024
	stopAddress  = 1028
	waitAddress  = 1032
	localsInit   = 1040 // where the program's data has the first value of its thread-local variable
	mainStack    = 4096
)

// threaded is a program of several threads, with addresses of 32 or 64 bits, as it runs: it imports a shared memory and
// exports what wasm-ld does.
func threaded(t testing.TB, wide bool, change func(m *wasm.Module)) []byte {
	address := wasm.I32
	if wide {
		address = wasm.I64
	}
	i32 := wasm.I32
	m := &wasm.Module{
		Types: []wasm.FuncType{{}, {Params: []wasm.ValueType{i32}}, {Params: []wasm.ValueType{address}}},
		Imports: []wasm.Import{
			{Module: "env", Name: "note", Kind: wasm.KindFunction, Type: 1},
			{Module: "env", Name: "memory", Kind: wasm.KindMemory,
				Memory: wasm.Limits{Min: 1, Max: 8, HasMax: true, Shared: true, Is64: wide}},
			{Module: "env", Name: "nothing", Kind: wasm.KindFunction},
			{Module: "env", Name: "exit", Kind: wasm.KindFunction}},
		Tables: []wasm.Table{{Type: wasm.FuncRef, Limits: wasm.Limits{Min: 16}}},
		Exports: []wasm.Export{{Name: "memory", Kind: wasm.KindMemory},
			{Name: "_start", Kind: wasm.KindFunction, Index: 3},
			{Name: engine.InitLocals, Kind: wasm.KindFunction, Index: 4},
			{Name: engine.StackPointer, Kind: wasm.KindGlobal},
			{Name: engine.LocalsSize, Kind: wasm.KindGlobal, Index: 2},
			{Name: engine.LocalsAlign, Kind: wasm.KindGlobal, Index: 3}},
		HasCount: true,
	}
	value := func(n int64, of wasm.ValueType) wasm.Expr {
		var c wasm.Code
		if of == wasm.I64 {
			c.I64(n)
		} else {
			c.I32(int32(n))
		}
		c.Op(wasm.OpEnd)
		return wasm.Expr(c)
	}
	global := func(n int64, mutable bool, of wasm.ValueType) {
		m.Globals = append(m.Globals, wasm.Global{GlobalType: wasm.GlobalType{Type: of, Mutable: mutable},
			Init: value(n, of)})
	}
	global(mainStack, true, address) // __stack_pointer
	global(0, true, address)         // __tls_base
	global(4, false, address)        // __tls_size
	global(4, false, address)        // __tls_align
	global(11, true, i32)
	m.SetNames(&wasm.Names{Globals: map[uint32]string{0: engine.StackPointer}})
	m.Data = []wasm.Data{{Passive: true, Bytes: []byte{77, 0, 0, 0}}}
	define := func(name string, typ uint32, body func(c *wasm.Code)) {
		var c wasm.Code
		body(&c)
		c.Op(wasm.OpEnd)
		n := m.Names()
		n.Functions[3+uint32(len(m.Functions))] = name
		m.SetNames(n)
		m.Functions = append(m.Functions, wasm.Function{Type: typ, Body: wasm.Expr(c)})
	}
	number := func(c *wasm.Code, n int64) { *c = append(*c, value(n, address)[:len(value(n, address))-1]...) }
	note := func(c *wasm.Code, of wasm.ValueType) {
		c.Convert(of, i32)
		c.Index(wasm.OpCall, 0)
	}
	argument := func(c *wasm.Code) { c.Index(wasm.OpLocalGet, 0) }
	define("_start", 0, func(c *wasm.Code) {})
	define(engine.InitLocals, 2, func(c *wasm.Code) {
		argument(c)
		c.Index(wasm.OpGlobalSet, 1)
		argument(c)
		c.I32(0)
		c.I32(4)
		c.Op(wasm.OpMemoryInit)
		c.Raw([]byte{0, 0})
	})
	table := []uint32{}
	entry := func(name string, body func(c *wasm.Code)) {
		table = append(table, 3+uint32(len(m.Functions)))
		define(name, 1, body)
	}
	entry("report", func(c *wasm.Code) {
		c.Index(wasm.OpGlobalGet, 0)
		note(c, address)
		c.Index(wasm.OpGlobalGet, 1)
		note(c, address)
		c.Index(wasm.OpGlobalGet, 1)
		c.Memory(wasm.OpI32Load, wasm.MemArg{Align: 2})
		note(c, i32)
		argument(c)
		note(c, i32)
	})
	entry("count", func(c *wasm.Code) {
		c.Block(wasm.OpLoop, wasm.BlockVoid)
		number(c, countAddress)
		c.I32(1)
		c.Memory(opAtomicAdd, wasm.MemArg{Align: 2})
		c.Op(wasm.OpDrop)
		c.Index(wasm.OpCall, 1)
		argument(c)
		c.I32(1)
		c.Op(wasm.OpI32Sub)
		c.Index(wasm.OpLocalTee, 0)
		c.Index(wasm.OpBrIf, 0)
		c.Op(wasm.OpEnd)
	})
	entry("trap", func(c *wasm.Code) { c.Op(wasm.OpUnreachable) })
	entry("spin", func(c *wasm.Code) {
		c.Block(wasm.OpLoop, wasm.BlockVoid)
		number(c, stopAddress)
		c.Memory(opAtomicLoad, wasm.MemArg{Align: 2})
		c.Op(wasm.OpI32Eqz)
		c.Index(wasm.OpBrIf, 0)
		c.Op(wasm.OpEnd)
	})
	entry("wait", func(c *wasm.Code) {
		number(c, waitAddress)
		c.I32(0)
		c.I64(-1)
		c.Memory(wasm.OpAtomicWait32, wasm.MemArg{Align: 2})
		note(c, i32)
	})
	entry("notify", func(c *wasm.Code) {
		number(c, waitAddress)
		argument(c)
		c.Memory(wasm.OpAtomicNotify, wasm.MemArg{Align: 2})
		note(c, i32)
	})
	entry("grow", func(c *wasm.Code) {
		number(c, 1)
		c.Op(wasm.OpMemoryGrow)
		c.Raw([]byte{0})
		note(c, address)
	})
	entry("load", func(c *wasm.Code) {
		argument(c)
		c.Convert(i32, address)
		c.Memory(wasm.OpI32Load, wasm.MemArg{Align: 2})
		note(c, i32)
	})
	entry("overflow", func(c *wasm.Code) {
		number(c, 64)
		c.Index(wasm.OpGlobalSet, 0)
		number(c, 1<<31-8)
		c.Memory(wasm.OpI32Load, wasm.MemArg{Align: 2})
		c.Op(wasm.OpDrop)
	})
	entry("set global", func(c *wasm.Code) {
		c.Index(wasm.OpGlobalGet, 4)
		note(c, i32)
		argument(c)
		c.Index(wasm.OpGlobalSet, 4)
	})
	entry("leave", func(c *wasm.Code) { c.Index(wasm.OpCall, 2) })
	m.Elements = []wasm.Element{{Offset: value(1, i32), Type: wasm.FuncRef, Functions: table}}
	if change != nil {
		change(m)
	}
	return m.Encode()
}

const (
	opAtomicLoad = wasm.OpAtomicFence + 13 // i32.atomic.load
	opAtomicAdd  = wasm.OpAtomicFence + 27 // i32.atomic.rmw.add
)

// process is a rank of several threads: their instances over one memory.
type process struct {
	t      testing.TB
	queue  futex.Queue
	main   *host
	memory *linear.Memory
}

func newProcess(t testing.TB, file []byte) *process {
	t.Helper()
	m, err := engine.Make(newEngine(t, engine.Options{}), file)
	if err != nil {
		t.Fatal(err)
	}
	_, most := m.Memory()
	p := &process{t: t, memory: memory(t, m, most)}
	p.main = &host{t: t}
	p.main.waiting = newWaiting(p.main, &p.queue)
	if p.main.instance, err = m.Instantiate(p.main, p.memory); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.main.instance.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// thread makes the thread of a number, with a stack of 1 KiB.
func (p *process) thread(number uint64) *host {
	p.t.Helper()
	h := &host{t: p.t}
	h.waiting = newWaiting(h, &p.queue)
	low := 8192 + number*2048
	var err error
	h.instance, err = p.main.instance.Thread(h, engine.ThreadSpace{
		Stack: program.Stack{Low: low, Top: low + 1024}, Locals: low + 1024})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		if err := h.instance.Close(); err != nil {
			p.t.Error(err)
		}
	})
	return h
}

// word is an i32 of the memory, as another thread sees it.
func (p *process) word(address uint64) *uint32 {
	return (*uint32)(unsafe.Pointer(&p.memory.Bytes()[address]))
}

func (h *host) runs(function uint32, argument uint64) error {
	return h.instance.Run(function, "i", argument)
}

func bothWidths(t *testing.T, test func(t *testing.T, wide bool)) {
	for _, wide := range []bool{false, true} {
		t.Run(map[bool]string{false: "32 bits", true: "64 bits"}[wide], func(t *testing.T) { test(t, wide) })
	}
}

// testThreads: each thread has a stack, variables, globals and a host of its own; the memory, its growth too, is one.
func testThreads(t *testing.T) {
	bothWidths(t, func(t *testing.T, wide bool) {
		p := newProcess(t, threaded(t, wide, nil))
		if size, align, err := p.main.instance.ThreadLocals(); size != 4 || align != 4 || err != nil {
			t.Fatalf("%d bytes, %d, %v", size, align, err)
		}
		if err := p.main.instance.Start(); err != nil {
			t.Fatal(err)
		}
		threads := []*host{p.thread(0), p.thread(1)}
		if err := threads[0].instance.Start(); err == nil {
			t.Error("a further thread starts the program")
		}
		check := func(h *host, want string) {
			t.Helper()
			if got := strings.Join(h.calls, " "); got != want {
				t.Errorf("noted %s, not %s", got, want)
			}
			h.calls = nil
		}
		for i, h := range threads {
			top := 8192 + i*2048 + 1024
			for range 2 {
				if err := h.runs(fnReport, uint64(i)); err != nil {
					t.Fatal(err)
				}
				check(h, fmt.Sprintf("%d %d 77 %d", top, top, i))
			}
			binary.LittleEndian.PutUint32(p.memory.Bytes()[top:], 77) // was made anew in each
		}
		if err := p.main.runs(fnReport, 9); err != nil {
			t.Fatal(err)
		}
		check(p.main, "4096 0 0 9")
		for i, h := range append(threads, p.main) {
			for range 2 {
				if err := h.runs(fnSetGlobal, uint64(20+i)); err != nil {
					t.Fatal(err)
				}
			}
			check(h, fmt.Sprintf("11 %d", 20+i))
		}
		if err := threads[0].runs(fnGrow, 0); err != nil {
			t.Fatal(err)
		}
		check(threads[0], "1")
		if at, ok := threads[1].instance.Grow(1); !ok || at != 2<<16 {
			t.Errorf("a page at %d, %t", at, ok)
		}
		*p.word(2<<16 + 8) = 55
		for _, h := range append(threads, p.main) {
			if err := h.runs(fnLoad, 2<<16+8); err != nil || len(h.instance.Memory()) != 3<<16 {
				t.Errorf("%v, %d bytes", err, len(h.instance.Memory()))
			}
			check(h, "55")
		}
		// One that is closed leaves the memory, and that it may grow, to the others.
		gone := p.thread(2)
		if err := errors.Join(gone.instance.Close(), gone.instance.Close()); err != nil {
			t.Error(err)
		}
		if err := errors.Join(threads[0].runs(fnLoad, 2<<16+8), threads[0].runs(fnGrow, 0)); err != nil {
			t.Error(err)
		}
		check(threads[0], "55 3")
	})
}

// testThreadsAtOnce: threads compute, call the host and are made at the same time.
func testThreadsAtOnce(t *testing.T) {
	const threads, rounds = 4, 5000
	bothWidths(t, func(t *testing.T, wide bool) {
		p := newProcess(t, threaded(t, wide, nil))
		var running sync.WaitGroup
		errs := make([]error, threads)
		hosts := make([]*host, threads)
		for i := range threads {
			running.Go(func() {
				hosts[i] = &host{t: t}
				low := 8192 + uint64(i)*2048
				hosts[i].instance, errs[i] = p.main.instance.Thread(hosts[i],
					engine.ThreadSpace{Stack: program.Stack{Low: low, Top: low + 1024}, Locals: low + 1024})
				if errs[i] != nil {
					return
				}
				errs[i] = errors.Join(hosts[i].runs(fnCount, rounds), hosts[i].runs(fnReport, uint64(i)))
			})
		}
		err := p.main.runs(fnCount, rounds)
		running.Wait()
		if err = errors.Join(append(errs, err)...); err != nil {
			t.Fatal(err)
		}
		if got := atomic.LoadUint32(p.word(countAddress)); got != (threads+1)*rounds {
			t.Errorf("counted %d", got)
		}
		for i, h := range hosts {
			if got := h.calls[3]; got != fmt.Sprint(i) {
				t.Errorf("thread %d called with %s", i, got)
			}
			if err := h.instance.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// testThreadTraps: a trap, an exit or a full stack ends the call of that thread alone, and says where it was; the
// others go on, until their host has them end.
func testThreadTraps(t *testing.T) {
	bothWidths(t, func(t *testing.T, wide bool) {
		p := newProcess(t, threaded(t, wide, nil))
		spinning, failing := p.thread(0), p.thread(1)
		ended := make(chan error)
		go func() { ended <- spinning.runs(fnSpin, 0) }()
		for _, c := range []struct {
			function uint32
			kind     program.TrapKind
			text     string
		}{{fnTrap, program.Unreachable, "unreachable code was reached\n    at trap"},
			{fnLoad, program.OutOfBounds, "out of bounds memory access\n    at load"},
			{fnOverflow, program.StackOverflow, "the 1 KiB of the thread's stack are full"}} {
			var trap *program.Trap
			if err := failing.runs(c.function, 1<<30); !errors.As(err, &trap) || trap.Kind != c.kind ||
				!strings.Contains(err.Error(), c.text) {
				t.Errorf("%v", err)
			}
		}
		if err := failing.runs(fnExit, 0); !errors.Is(err, errExit) {
			t.Errorf("%v", err)
		}
		select {
		case err := <-ended:
			t.Errorf("the other thread ended: %v", err)
		default:
		}
		atomic.StoreUint32(p.word(stopAddress), 1)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// testThreadsWait: threads wait for each other by the memory that they share, and the end of one wait is no end of
// another.
func testThreadsWait(t *testing.T) {
	bothWidths(t, func(t *testing.T, wide bool) {
		p := newProcess(t, threaded(t, wide, nil))
		waiters, ended := []*host{p.thread(0), p.thread(1), p.thread(2)}, make(chan int)
		errs := make([]error, len(waiters))
		for i, h := range waiters {
			go func() {
				errs[i] = h.runs(fnWait, 0)
				ended <- i
			}()
			<-h.waiting.begun
		}
		if err := p.main.runs(fnNotify, 1); err != nil {
			t.Fatal(err)
		}
		if first := <-ended; first != 0 || errs[0] != nil {
			t.Errorf("thread %d was woken: %v", first, errs[first])
		}
		close(waiters[2].waiting.done)
		if second := <-ended; second != 2 || !errors.Is(errs[2], errExit) {
			t.Errorf("thread %d was ended: %v", second, errs[second])
		}
		if err := p.main.runs(fnNotify, 1<<31); err != nil {
			t.Fatal(err)
		}
		if third := <-ended; third != 1 || errs[1] != nil {
			t.Errorf("thread %d was woken: %v", third, errs[third])
		}
		if got := strings.Join(append(p.main.calls, waiters[0].calls...), " "); got != "1 1 0" {
			t.Errorf("noted %s", got)
		}
	})
}

// testNoThreads: programs that can't have threads say why.
func testNoThreads(t *testing.T) {
	without := func(export string) func(m *wasm.Module) {
		return func(m *wasm.Module) {
			for i := range m.Exports {
				if m.Exports[i].Name == export {
					m.Exports[i].Name = "something else"
				}
			}
		}
	}
	for _, c := range []struct {
		change func(m *wasm.Module)
		says   string
	}{
		{func(m *wasm.Module) {
			m.Memories, m.Imports = []wasm.Limits{m.Imports[1].Memory}, append(m.Imports[:1:1], m.Imports[2:]...)
		}, "a memory of its own"},
		{without(engine.StackPointer), "does not export __stack_pointer"},
		{without(engine.LocalsAlign), "does not export __tls_size and __tls_align"},
		{func(m *wasm.Module) { m.Exports[2].Index = 3 }, "no function that takes an address"},
	} {
		p := newProcess(t, threaded(t, true, c.change))
		_, _, err := p.main.instance.ThreadLocals()
		if _, failed := p.main.instance.Thread(&host{}, engine.ThreadSpace{}); err == nil || failed == nil ||
			!strings.Contains(err.Error(), c.says) || failed.Error() != err.Error() {
			t.Errorf("%v, %v", err, failed)
		}
	}
	none := newProcess(t, threaded(t, true, without(engine.InitLocals)))
	if size, align, err := none.main.instance.ThreadLocals(); size != 0 || align != 1 || err != nil {
		t.Errorf("%d, %d, %v", size, align, err)
	}
	if err := none.thread(0).runs(fnTrap, 0); err == nil {
		t.Error("a thread without variables does not run")
	}
}

// testSharedMemoriesRefused: a memory that is handed in must be one that threads can share.
func testSharedMemoriesRefused(t *testing.T) {
	e := newEngine(t, engine.Options{})
	for _, c := range []struct {
		change func(m *wasm.Module)
		says   string
	}{
		{func(m *wasm.Module) { m.Imports[1].Memory.Shared = false }, "imports its memory (env.memory), which only"},
		{func(m *wasm.Module) { m.Data[0].Passive, m.Data[0].Offset = false, m.Elements[0].Offset },
			"data segment 0 is copied there whenever a thread begins"},
		{func(m *wasm.Module) { m.Exports[0].Name = "mem" }, "exports no memory"},
	} {
		if _, err := engine.Make(e, threaded(t, false, c.change)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v", err)
		}
	}
}
