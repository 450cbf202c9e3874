package conformance

import (
	"errors"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/program"
)

// Instructions of legacy exceptions.
const (
	opTry   = 0x06
	opCatch = 0x07
	opThrow = 0x08
)

// thrower has functions behind pointers 1 to 4: one that throws its argument, one that throws it through another host
// call, one that returns its argument's double and one that throws where it should return.
func thrower(start ...any) []byte {
	p := guestModule{
		imports: []program.Import{env("note"), env("back"), env("ask")},
		table:   []int{-1, 4, 5, 6, 7},
		funcs: []function{
			{name: "_start", export: true, body: code(start...)},
			{name: "throws", params: "i", body: code(opLocalGet, 0, opThrow, 0)},
			{name: "deeper", params: "i", body: code(i32(1), opCall, 1, i32(99), opCall, 0)},
			{name: "doubles", params: "i", results: "i", body: code(opLocalGet, 0, opLocalGet, 0, opI32Add)},
			{name: "refuses", params: "i", results: "i", body: code(opLocalGet, 0, opThrow, 0)},
		}}
	wasm := p.wasm()
	// The type of the tag, (i32), is the first import's: 0. The section goes before the exports, where the name of the
	// first one is looked for.
	at := strings.Index(string(wasm), string(name("_start"))) - 3
	tag := code(13, sized(code(1, 0, 0)))
	return append(wasm[:at:at], append(tag, wasm[at:]...)...)
}

func runThrower(t *testing.T, start ...any) (*host, error) {
	t.Helper()
	e := newEngine(t, engine.Options{})
	m, err := engine.Make(e, thrower(start...))
	if err != nil {
		t.Fatal(err)
	}
	h := &host{t: t}
	if h.instance, err = m.Instantiate(h, memory(t, m, 1<<20)); err != nil {
		t.Fatal(err)
	}
	return h, h.instance.Start()
}

func testExceptionThroughAHostCall(t *testing.T) {
	for pointer, want := range map[int64]string{1: "7", 2: "7"} {
		h, err := runThrower(t,
			opTry, void, i32(pointer), opCall, 1, i32(98), opCall, 0,
			opCatch, 0, opCall, 0, opEnd)
		if err != nil || strings.Join(h.calls, " ") != want || !errors.Is(h.err, engine.ErrThrown) {
			t.Errorf("pointer %d: %v, %v, %v", pointer, err, h.calls, h.err)
		}
		for range 4500 { // more than calls may nest
			if _, err := h.instance.CallTableResult(3, "i", 7); err != nil {
				t.Fatalf("pointer %d: a call or an exception is left: %v", pointer, err)
			}
		}
	}
}

func testCallTableResult(t *testing.T) {
	h, err := runThrower(t,
		i32(3), opCall, 2, opCall, 0,
		opTry, void, i32(4), opCall, 2, opCall, 0,
		opCatch, 0, i32(1), opI32Add, opCall, 0, opEnd)
	if err != nil || strings.Join(h.calls, " ") != "14 8" {
		t.Fatalf("%v, %v", err, h.calls)
	}
	var trap *program.Trap
	if _, err := h.instance.CallTableResult(1, "i", 7); !errors.As(err, &trap) || trap.Kind != program.IndirectCallType {
		t.Errorf("a function without a result: %v", err)
	}
	if err := h.instance.CallTable(3, "i", 7); !errors.As(err, &trap) || trap.Kind != program.IndirectCallType {
		t.Errorf("a function with a result: %v", err)
	}
	if n, err := h.instance.RunResult(3, "i", 7); n != 14 || err != nil {
		t.Errorf("outside of a host call: %d, %v", n, err)
	}
	var uncaught *program.Uncaught
	if _, err := h.instance.RunResult(4, "i", 7); !errors.As(err, &uncaught) {
		t.Errorf("an exception outside of a host call: %v", err)
	}
}

func testUncaughtException(t *testing.T) {
	_, err := runThrower(t, i32(5), opThrow, 0)
	var uncaught *program.Uncaught
	if !errors.As(err, &uncaught) || uncaught.Signal() != 6 ||
		!strings.Contains(err.Error(), "terminate: uncaught exception (tag 0") {
		t.Errorf("%v", err)
	}
}

// What a host function panics with besides stays the end of the rank in a program with exceptions.
func testPanicsBesideExceptions(t *testing.T) {
	h, err := runThrower(t, i32(0), opCall, 1)
	var trap *program.Trap
	if !errors.As(err, &trap) || trap.Kind != program.InvalidTableAccess || h.err == nil {
		t.Errorf("%v", err)
	}
}
