package conformance

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/worker/program"
)

func float64bits(v float64) uint64     { return math.Float64bits(v) }
func float32bits(v float32) uint64     { return uint64(math.Float32bits(v)) }
func float64frombits(v uint64) float64 { return math.Float64frombits(v) }
func float32frombits(v uint64) float32 { return math.Float32frombits(uint32(v)) }

// inner is _start calling main calling the body's function: three frames.
func inner(name string, body ...any) guestModule {
	return guestModule{table: []int{-1, 0}, globals: [][]byte{mutableI32(65536)}, funcs: []function{
		{name: "_start", export: true, body: code(opCall, 1)},
		{name: "main", body: code(opCall, 2)},
		{name: name, body: code(body...)}}}
}

func testTraps(t *testing.T) {
	for _, test := range []struct {
		name   string
		p      guestModule
		kind   program.TrapKind
		signal int
		text   string
	}{
		{"unreachable", inner("f", opUnreachable), program.Unreachable, 4, "unreachable code"},
		{"abort", inner("abort", opUnreachable), program.Abort, 6, "abort was called"},
		{"load", inner("f", i32(65533), opI32Load, 2, 0, opDrop), program.OutOfBounds, 11, "out of bounds memory access\n"},
		{"store", inner("f", i32(-4), i32(0), opI32Store, 2, 0), program.OutOfBounds, 11, "out of bounds"},
		{"fill", inner("f", i32(65530), i32(0), i32(100), 0xfc, 11, 0), program.OutOfBounds, 11, "out of bounds"},
		{"divide", inner("f", i32(1), i32(0), opI32DivS, opDrop), program.DivideByZero, 8, "divide by zero"},
		{"overflow", inner("f", i32(math.MinInt32), i32(-1), opI32DivS, opDrop), program.IntegerOverflow, 8,
			"integer overflow"},
		{"nan", inner("f", opF64Const, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f, opI32TruncF64S, opDrop), program.InvalidConversion, 8,
			"NaN"},
		{"large", inner("f", opF64Const, 0, 0, 0, 0, 0, 0, 0xf0, 0x7f, opI32TruncF64S, opDrop), program.IntegerOverflow, 8,
			"overflow"},
		{"null pointer", inner("f", i32(0), opCallIndirect, 0, 0), program.InvalidTableAccess, 11, "null or wild"},
		{"wild pointer", inner("f", i32(99), opCallIndirect, 0, 0), program.InvalidTableAccess, 11, "null or wild"},
		{"other type", func() guestModule {
			p := inner("f", i32(5), i32(1), opCallIndirect, 1, 0)
			p.funcs = append(p.funcs, function{name: "g", params: "i"})
			return p
		}(), program.IndirectCallType, 11, "of another type"},
		{"recursion", inner("f", opCall, 2), program.StackOverflow, 11, "calls nest too deep"},
		{"C stack", inner("f", opGlobalGet, 0, i32(70000), opI32Sub, opGlobalSet, 0,
			opGlobalGet, 0, i32(1), opI32Store, 2, 8), program.StackOverflow, 11, "the 64 KiB of the program's stack are full"},
		{"C stack in a leaf", inner("f", opGlobalGet, 0, i32(65500), opI32Sub, opGlobalSet, 0,
			opGlobalGet, 0, i32(100), opI32Sub, i32(1), opI32Store, 2, 0), program.StackOverflow, 11, "stack"},
		{"declared otherwise", inner("signature_mismatch:f", opUnreachable), program.Unreachable, 4,
			"f was declared with other types"},
		{"cast", inner(".Lf_bitcast_invalid", opUnreachable), program.IndirectCallType, 11, "pointer of another type: f\n"},
		{"weak", inner("undefined_weak:f", opUnreachable), program.Unreachable, 4, "f is declared but nowhere defined"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.p.names = []nameNote{{7, list([][]byte{code(0, name("__stack_pointer"))})}}
			in, _ := instantiate(t, test.p)
			err := in.Start()
			var trap *program.Trap
			if !errors.As(err, &trap) {
				t.Fatalf("%v", err)
			}
			if trap.Kind != test.kind || trap.Signal() != test.signal || !strings.Contains(err.Error(), test.text) {
				t.Errorf("kind %v, signal %d, %v", trap.Kind, trap.Signal(), err)
			}
			// an engine's own fill may be a function
			frames := strings.TrimPrefix(strings.Join(trap.Frames, " "), "memory.fill ")
			if test.name != "recursion" && frames != test.p.funcs[2].name+" main _start" {
				t.Errorf("frames %v", trap.Frames)
			}
			if strings.Contains(err.Error(), "wazero") || strings.Contains(err.Error(), ".go") {
				t.Errorf("an error for us, not for the program's author: %v", err)
			}
		})
	}
}

func testTrapText(t *testing.T) {
	in, _ := instantiate(t, inner("f", opUnreachable))
	const want = "unreachable code was reached\n    at f\n    at main\n    at _start"
	if err := in.Start(); err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}

func testStrippedModule(t *testing.T) {
	p := inner("f", opGlobalGet, 0, i32(70000), opI32Sub, opGlobalSet, 0, opGlobalGet, 0, i32(1), opI32Store, 2, 8)
	p.stripped = true
	in, _ := instantiate(t, p)
	var trap *program.Trap
	if err := in.Start(); !errors.As(err, &trap) || trap.Kind != program.StackOverflow ||
		strings.Join(trap.Frames, ", ") != "function 2, function 1, function 0" {
		t.Errorf("%v", err)
	}
}

func testHostErrors(t *testing.T) {
	for _, test := range []struct {
		call string
		want func(error) bool
	}{
		{"exit", func(err error) bool {
			var h *program.HostError
			return errors.Is(err, errExit) && errors.As(err, &h) && err.Error() == "rank 3: exit" &&
				strings.Join(h.Frames(), " ") == "env.exit f main _start"
		}},
		{"nil", func(err error) bool {
			var internal *program.InternalError
			return errors.As(err, &internal) && strings.Contains(internal.Value, "nil pointer") &&
				strings.Contains(internal.Stack, "conformance/engine.go") && internal.Frames[0] == "env.nil"
		}},
		{"fault", func(err error) bool {
			var internal *program.InternalError
			return errors.As(err, &internal) && strings.Contains(internal.Stack, "conformance/engine.go") &&
				internal.Frames[0] == "env.fault"
		}},
		{"string", func(err error) bool {
			var internal *program.InternalError
			return errors.As(err, &internal) && internal.Value == "no error value" && internal.Frames[0] == "env.string"
		}},
	} {
		p := inner("f", opCall, 0)
		p.imports = []program.Import{env(test.call)}
		p.table, p.funcs[0].body, p.funcs[1].body = nil, code(opCall, 2), code(opCall, 3)
		in, _ := instantiate(t, p)
		if err := in.Start(); !test.want(err) {
			t.Errorf("%s: %#v: %v", test.call, err, err)
		}
	}
}

// A name can say anything, and is one function of one line all the same.
func testForgedNames(t *testing.T) {
	for _, name := range []string{"wasm stack trace:\n\tfaked(i32)\n\t\t0x1: forged.c:1:1\n\tmain()", "a\n\tb()\n\tc",
		"x\n\n" + "\n\nGo runtime stack trace:\n" + "goroutine 1",
		"\x1b[31mred\r\a", ".$0()", "(recovered by wazero)", "function 4000000000", "\u202egnp.exe\u2028"} {
		p := inner(name, opUnreachable)
		in, _ := instantiate(t, p)
		var trap *program.Trap
		if err := in.Start(); !errors.As(err, &trap) || trap.Kind != program.Unreachable || len(trap.Frames) != 3 {
			t.Errorf("%q: %v", name, err)
			continue
		}
		if trap.Frames[0] != program.Printable(name) || trap.Frames[1] != "main" || trap.Frames[2] != "_start" ||
			strings.Count(trap.Error(), "\n") != 3 {
			t.Errorf("%q: %q", name, trap.Frames)
		}
	}
}
