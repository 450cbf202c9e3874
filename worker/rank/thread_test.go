package rank_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/mpi"
	"github.com/faasmrun/faasmrun/scheduler/core/result"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/engine/wazero"
	"github.com/faasmrun/faasmrun/worker/rank"
)

// Functions of the threaded program, by pointer: what a thread may do.
const (
	fnReturn = iota
	fnTrap
	fnExit   // with status 7
	fnWait   // for ever
	fnNotify // one that waits there, and once more until there is one
	fnSpin   // for ever
	fnSleep  // for an hour
	fnAbort  // MPI_Abort with code 9, before MPI_Init
)

// threaded is a program that starts a thread for each of these functions, and then does another itself. failed gets
// what the last one failed with.
func threaded(t *testing.T, failed *atomic.Uint32, main uint32, threads ...uint32) engine.Module {
	t.Helper()
	i32, i64 := wasm.I32, wasm.I64
	m := &wasm.Module{
		Types: []wasm.FuncType{{}, {Params: []wasm.ValueType{i32}}, {Params: []wasm.ValueType{i64, i64, i64, i64},
			Results: []wasm.ValueType{i32}}, {Params: []wasm.ValueType{i64, i32}, Results: []wasm.ValueType{i32}},
			{Params: []wasm.ValueType{i64, i64}, Results: []wasm.ValueType{i32}}, {Params: []wasm.ValueType{i64}}},
		Imports: []wasm.Import{{Module: "faasmrun", Name: "thread_start", Kind: wasm.KindFunction, Type: 4},
			{Module: "wasi_snapshot_preview1", Name: "proc_exit", Kind: wasm.KindFunction, Type: 1},
			{Module: "wasi_snapshot_preview1", Name: "poll_oneoff", Kind: wasm.KindFunction, Type: 2},
			{Module: "mpi", Name: "MPI_Abort", Kind: wasm.KindFunction, Type: 3},
			{Module: "env", Name: "memory", Kind: wasm.KindMemory,
				Memory: wasm.Limits{Min: 1, Max: 4096, HasMax: true, Shared: true, Is64: true}},
			{Module: "test", Name: "failed", Kind: wasm.KindFunction, Type: 1}},
		Tables: []wasm.Table{{Type: wasm.FuncRef, Limits: wasm.Limits{Min: 8}}},
		Exports: []wasm.Export{{Name: "memory", Kind: wasm.KindMemory},
			{Name: "_start", Kind: wasm.KindFunction, Index: 5},
			{Name: engine.StackPointer, Kind: wasm.KindGlobal}},
		Globals: []wasm.Global{{GlobalType: wasm.GlobalType{Type: i64, Mutable: true}, Init: wasm.ConstExpr(i64)}},
	}
	names := &wasm.Names{Functions: map[uint32]string{}}
	define := func(name string, body func(c *wasm.Code)) {
		var c wasm.Code
		body(&c)
		c.Op(wasm.OpEnd)
		names.Functions[uint32(5+len(m.Functions))] = name
		m.Functions = append(m.Functions, wasm.Function{Type: 5, Body: wasm.Expr(c)})
	}
	define("_start", func(c *wasm.Code) {
		for i, f := range threads {
			record := int64(1024 + 32*i)
			c.I64(record)
			c.I64(1) // the least stack that there is
			c.Memory(wasm.OpI64Store, wasm.MemArg{Align: 3, Offset: 8})
			c.I64(int64(f))
			c.I64(record)
			c.Index(wasm.OpCall, 0)
			c.Index(wasm.OpCall, 4)
		}
		c.I64(0)
		c.Index(wasm.OpCall, 6+main)
	})
	m.Functions[0].Type = 0
	define("return", func(*wasm.Code) {})
	define("trap", func(c *wasm.Code) { c.Op(wasm.OpUnreachable) })
	define("exit", func(c *wasm.Code) {
		c.I32(7)
		c.Index(wasm.OpCall, 1)
	})
	define("wait", func(c *wasm.Code) {
		c.I64(8)
		c.I32(0)
		c.I64(-1)
		c.Memory(wasm.OpAtomicWait32, wasm.MemArg{Align: 2})
		c.Op(wasm.OpDrop)
	})
	define("notify", func(c *wasm.Code) {
		c.Block(wasm.OpLoop, wasm.BlockVoid)
		c.I64(8)
		c.I32(1)
		c.Memory(wasm.OpAtomicNotify, wasm.MemArg{Align: 2})
		c.Op(wasm.OpI32Eqz)
		c.Index(wasm.OpBrIf, 0)
		c.Op(wasm.OpEnd)
	})
	define("spin", func(c *wasm.Code) {
		c.Block(wasm.OpLoop, wasm.BlockVoid)
		c.Index(wasm.OpBr, 0)
		c.Op(wasm.OpEnd)
	})
	define("sleep", func(c *wasm.Code) { // a subscription to the monotonic clock at 64, its event at 128
		c.I64(80)
		c.I32(1)
		c.Memory(wasm.OpI32Store, wasm.MemArg{Align: 2})
		c.I64(88)
		c.I64(int64(time.Hour))
		c.Memory(wasm.OpI64Store, wasm.MemArg{Align: 3})
		for _, v := range []int64{64, 128, 1, 192} {
			c.I64(v)
		}
		c.Index(wasm.OpCall, 2)
		c.Op(wasm.OpDrop)
	})
	define("abort", func(c *wasm.Code) {
		c.I64(0x101) // MPI_COMM_WORLD
		c.I32(9)
		c.Index(wasm.OpCall, 3)
		c.Op(wasm.OpDrop)
	})
	var zero wasm.Code
	zero.I32(0)
	zero.Op(wasm.OpEnd)
	m.Elements = []wasm.Element{{Offset: wasm.Expr(zero), Type: wasm.FuncRef,
		Functions: []uint32{6, 7, 8, 9, 10, 11, 12, 13}}}
	m.SetNames(names)
	e, err := wazero.New(engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	failing := engine.Import{Module: "test", Name: "failed", Params: "i", Wide: true,
		Call: func(_ any, stack []uint64) { failed.Store(uint32(stack[0])) }}
	if err := e.Link(append(rank.Imports(), failing)); err != nil {
		t.Fatal(err)
	}
	module, err := engine.Make(e, m.Encode())
	if err != nil {
		t.Fatal(err)
	}
	return module
}

// A rank ends with its first thread that ends it, told with that one's number, and the others end with it, whatever
// they wait for.
func TestThreadsEndTheirRank(t *testing.T) {
	for _, c := range []struct {
		name    string
		main    uint32
		threads []uint32
		cause   result.Cause
		number  int32
		text    string
	}{
		{"a trap", fnWait, []uint32{fnWait, fnSleep, fnTrap}, result.Trapped, 4,
			"thread 3: unreachable code was reached\n    at trap"},
		{"an exit", fnSleep, []uint32{fnWait, fnExit}, result.Exited, 7, ""},
		{"an abort", fnWait, []uint32{fnSleep, fnAbort}, result.Aborted, 9, "rank 0, thread 2: MPI_Abort: called with"},
		{"a trap of main", fnTrap, []uint32{fnWait, fnSleep}, result.Trapped, 4, "unreachable code was reached"},
		{"main returns", fnReturn, []uint32{fnWait, fnSleep}, result.Exited, 0, ""},
		{"main was woken", fnWait, []uint32{fnReturn, fnNotify, fnSleep}, result.Exited, 0, ""},
	} {
		var failed atomic.Uint32
		w := mpi.NewWorld(mpi.WorldConfig{Size: 2}) // the other rank goes on
		r, ended := run(t, w, 0, threaded(t, &failed, c.main, c.threads...))
		x := <-ended
		if x.Cause != c.cause || x.Number != c.number || !strings.HasPrefix(x.Text, c.text) || c.text == "" && x.Text != "" {
			t.Errorf("%s: %+v", c.name, x)
		}
		if !r.Stopped(10 * time.Second) {
			t.Errorf("%s: a thread is left", c.name)
		}
		if errno := failed.Load(); errno != 0 {
			t.Errorf("%s: errno %d", c.name, errno)
		}
	}
}

// When all threads wait, and none has an end of its own, that is a deadlock; one that sleeps may yet notify.
func TestThreadsDeadlock(t *testing.T) {
	var failed atomic.Uint32
	_, ended := run(t, mpi.NewWorld(mpi.WorldConfig{Size: 1}), 0, threaded(t, &failed, fnWait, fnWait, fnReturn, fnWait))
	x := <-ended
	const each = "waiting for another thread of its own"
	if x.Cause != result.Ended || x.EndedWith == nil || !strings.Contains(x.EndedWith.Error(),
		"rank 0: thread 0: "+each+"; thread 1: "+each+"; thread 3: "+each) {
		t.Errorf("%+v", x)
	}
}

// A thread that computes ends with its rank, and is no reason to tell the end later.
func TestEndBesideAThreadThatComputes(t *testing.T) {
	for _, c := range []struct {
		main   uint32
		thread uint32
		cause  result.Cause
	}{{fnSpin, fnTrap, result.Trapped}, {fnReturn, fnSpin, result.Exited}} {
		var failed atomic.Uint32
		r, ended := run(t, mpi.NewWorld(mpi.WorldConfig{Size: 1}), 0, threaded(t, &failed, c.main, c.thread))
		if x := <-ended; x.Cause != c.cause {
			t.Errorf("%+v", x)
		}
		if !r.Stopped(10 * time.Second) {
			t.Fatal("a thread computes for ever")
		}
	}
}

// eAGAIN is WASI's number, and the program's.
const eAGAIN = 6

// A rank has so many threads at once, and goes on where it is refused one more.
func TestMostThreads(t *testing.T) {
	var failed atomic.Uint32
	threads := make([]uint32, 1024) // main is one
	for i := range threads {
		threads[i] = fnWait
	}
	r, ended := run(t, mpi.NewWorld(mpi.WorldConfig{Size: 1}), 0, threaded(t, &failed, fnReturn, threads...))
	if x := <-ended; x.Failed() {
		t.Errorf("%+v", x)
	}
	if errno := failed.Load(); errno != eAGAIN {
		t.Errorf("of more than 1024 threads the last fails with %v", errno)
	}
	if !r.Stopped(10 * time.Second) {
		t.Error("a thread is left")
	}
}
