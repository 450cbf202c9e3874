package rank_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/mpi"
	"github.com/faasmrun/faasmrun/scheduler/core/result"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/engine/wazero"
	"github.com/faasmrun/faasmrun/worker/rank"
)

// The signals that the tests' programs handle.
const (
	sigUSR1 = 10
	sigALRM = 14
)

// waiting is a program with shared memory that waits at address 8 for as many nanoseconds as said, and traps unless it
// is woken. The handler of its signals notifies that address.
func waiting(t *testing.T, timeout int64) engine.Module { return waitingWith(t, timeout, 0) }

// waitingWith sets a timer before it waits, in nanoseconds. The timer may be over before the wait has begun, which then
// has no end: a handler that finds nobody waiting sets it again.
func waitingWith(t *testing.T, timeout, timer int64) engine.Module {
	t.Helper()
	i32, i64 := wasm.I32, wasm.I64
	m := &wasm.Module{
		Types: []wasm.FuncType{{}, {Params: []wasm.ValueType{i32, i64, i64}}, {Params: []wasm.ValueType{i32},
			Results: []wasm.ValueType{i32}}, {Params: []wasm.ValueType{i64, i64}, Results: []wasm.ValueType{i64}}},
		Imports: []wasm.Import{{Module: "faasmrun", Name: "signal_actions", Kind: wasm.KindFunction, Type: 1},
			{Module: "faasmrun", Name: "timer_set", Kind: wasm.KindFunction, Type: 3}},
		Tables:   []wasm.Table{{Type: wasm.FuncRef, Limits: wasm.Limits{Min: 2, Is64: true}}},
		Memories: []wasm.Limits{{Min: 1, Max: 1, HasMax: true, Shared: true, Is64: true}},
		Exports: []wasm.Export{{Name: "memory", Kind: wasm.KindMemory},
			{Name: "_start", Kind: wasm.KindFunction, Index: 2}},
	}
	var at, start, handler wasm.Code
	at.I64(1)
	at.Op(wasm.OpEnd)
	m.Elements = []wasm.Element{{Offset: wasm.Expr(at), Type: wasm.FuncRef, Functions: []uint32{3}}}
	start.I32(1)
	start.I64(1<<(sigUSR1-1) | 1<<(sigALRM-1))
	start.I64(0)
	start.Index(wasm.OpCall, 0)
	start.I64(timer)
	start.I64(0)
	start.Index(wasm.OpCall, 1)
	start.Op(wasm.OpDrop)
	start.I64(8)
	start.I32(0)
	start.I64(timeout)
	start.Memory(wasm.OpAtomicWait32, wasm.MemArg{Align: 2})
	start.Block(wasm.OpIf, wasm.BlockVoid)
	start.Op(wasm.OpUnreachable)
	start.Op(wasm.OpEnd)
	start.Op(wasm.OpEnd)
	handler.I64(8)
	handler.I32(1)
	handler.Memory(wasm.OpAtomicNotify, wasm.MemArg{Align: 2})
	handler.Op(wasm.OpI32Eqz)
	handler.Block(wasm.OpIf, wasm.BlockVoid)
	handler.I64(timer)
	handler.I64(0)
	handler.Index(wasm.OpCall, 1)
	handler.Op(wasm.OpDrop)
	handler.Op(wasm.OpEnd)
	handler.I32(0)
	handler.Op(wasm.OpEnd)
	m.Functions = []wasm.Function{{Body: wasm.Expr(start)}, {Type: 2, Body: wasm.Expr(handler)}}
	e, err := wazero.New(engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	if err := e.Link(rank.Imports()); err != nil {
		t.Fatal(err)
	}
	module, err := engine.Make(e, m.Encode())
	if err != nil {
		t.Fatal(err)
	}
	return module
}

// run runs a rank of a world on a goroutine of its own.
func run(t *testing.T, w *mpi.World, number int, m engine.Module) (*rank.Rank, <-chan rank.Exit) {
	t.Helper()
	r, err := rank.New(rank.Config{Rank: number, Module: m, World: w})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan rank.Exit, 1)
	go func() { ended <- r.Run() }()
	t.Cleanup(r.Close)
	return r, ended
}

func untilWaits(t *testing.T, r *rank.Rank) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !r.Waits(); {
		if time.Now().After(end) {
			t.Fatalf("the rank does not wait: %s", r.Where())
		}
		runtime.Gosched()
	}
}

func deadlocked(x rank.Exit) bool {
	var d *mpi.DeadlockError
	return x.Cause == result.Ended && errors.As(x.EndedWith, &d) &&
		strings.Contains(d.Error(), "rank 0: waiting for another thread of its own")
}

// Nobody is left who could wake the thread: that is a deadlock, and not a job for ever.
func TestWaitForNobody(t *testing.T) {
	_, ended := run(t, mpi.NewWorld(mpi.WorldConfig{Size: 1}), 0, waiting(t, -1))
	if x := <-ended; !deadlocked(x) {
		t.Errorf("%+v", x)
	}
}

// A rank that has ended wakes nobody either; one that runs could still.
func TestWaitBesideAnother(t *testing.T) {
	w := mpi.NewWorld(mpi.WorldConfig{Size: 2})
	r, ended := run(t, w, 0, waiting(t, -1))
	other, otherEnded := run(t, w, 1, waiting(t, int64(50*time.Millisecond)))
	untilWaits(t, r)
	if x := <-otherEnded; x.Cause != result.Trapped {
		t.Errorf("%+v", x)
	}
	select {
	case x := <-ended:
		t.Errorf("ended beside a rank that runs: %+v", x)
	default:
	}
	other.Retire()
	if x := <-ended; !deadlocked(x) {
		t.Errorf("%+v", x)
	}
}

// The end of the job ends a wait, with an end of its own or without.
func TestEndOfTheJobEndsAWait(t *testing.T) {
	for _, timeout := range []time.Duration{-1, time.Hour} {
		w := mpi.NewWorld(mpi.WorldConfig{Size: 2}) // the other rank does not run yet
		r, ended := run(t, w, 0, waiting(t, int64(timeout)))
		untilWaits(t, r)
		cause := errors.New("another rank failed")
		w.End(cause)
		if x := <-ended; x.Cause != result.Ended || x.EndedWith != cause {
			t.Errorf("%+v", x)
		}
	}
}

// A signal's handler runs within the wait.
func TestSignalWithinAWait(t *testing.T) {
	for _, timeout := range []time.Duration{-1, time.Hour} {
		r, ended := run(t, mpi.NewWorld(mpi.WorldConfig{Size: 2}), 0, waiting(t, int64(timeout)))
		untilWaits(t, r)
		if r.Signal(sigUSR1) {
			t.Error("the signal is fatal")
		}
		if x := <-ended; x.Failed() {
			t.Errorf("%+v", x)
		}
	}
}

// A wait that a timer will interrupt is no deadlock.
func TestTimerWithinAWait(t *testing.T) {
	for range 20 {
		_, ended := run(t, mpi.NewWorld(mpi.WorldConfig{Size: 1}), 0, waitingWith(t, -1, int64(time.Millisecond)))
		if x := <-ended; x.Failed() {
			t.Fatalf("%+v", x)
		}
	}
}

// A wait that only a signal could end is a deadlock once none is to come any more, whoever has seen to that.
func TestDeadlockWithoutATimer(t *testing.T) {
	r, ended := run(t, mpi.NewWorld(mpi.WorldConfig{Size: 1}), 0, waitingWith(t, -1, int64(time.Hour)))
	untilWaits(t, r)
	select {
	case x := <-ended:
		t.Errorf("ended before the timer: %+v", x)
	default:
	}
	r.SystemCall("timer_set", 0, 0)
	select {
	case x := <-ended:
		if !deadlocked(x) {
			t.Errorf("%+v", x)
		}
	case <-time.After(time.Minute):
		t.Error("it waits, and nobody notices")
	}
}
