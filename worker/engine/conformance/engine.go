package conformance

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/snapshot/linear"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/program"
)

// host records what its guest called.
type host struct {
	t        testing.TB
	instance engine.Instance
	calls    []string
	err      error  // what call table came back with
	called   func() // when note is called, and when what back has called ends otherwise than by returning
	waiting  *waiting
	lowest   uint64 // of its memory
}

var errExit = errors.New("exit")

// imports are what the tests' guests may call.
func imports() []engine.Import {
	return append(waitImports(), []engine.Import{
		{Module: "env", Name: "note", Params: "i", Results: "", Call: note},
		{Module: "env", Name: "note", Params: "i", Results: "", Wide: true, Call: note},
		{Module: "env", Name: "nothing", Params: "", Results: "", Call: func(any, []uint64) {}},
		{Module: "env", Name: "nothing", Params: "", Results: "", Wide: true, Call: func(any, []uint64) {}},
		{Module: "env", Name: "sum", Params: "ilfd", Results: "d", Call: func(_ any, s []uint64) {
			s[0] = float64bits(float64(int32(s[0])) + float64(int64(s[1])) + float64(float32frombits(s[2])) +
				float64frombits(s[3]))
		}},
		{Module: "env", Name: "exit", Params: "", Results: "",
			Call: func(any, []uint64) { panic(fmt.Errorf("rank 3: %w", errExit)) }},
		{Module: "env", Name: "exit", Params: "", Results: "", Wide: true,
			Call: func(any, []uint64) { panic(fmt.Errorf("rank 3: %w", errExit)) }},
		{Module: "env", Name: "nil", Params: "", Results: "", Call: func(any, []uint64) { var h *host; h.calls = nil }},
		{Module: "env", Name: "fault", Params: "", Results: "", Call: func(any, []uint64) {
			m, err := linear.New(1<<16, linear.Reserve{}, 0)
			if err != nil {
				panic(err)
			}
			b := m.Reallocate(1 << 16)
			m.Free()
			b[0] = 1
		}},
		{Module: "env", Name: "string", Params: "", Results: "", Call: func(any, []uint64) { panic("no error value") }},
		{Module: "env", Name: "ask", Params: "i", Results: "i", Call: func(a any, s []uint64) {
			result, err := a.(*host).instance.CallTableResult(uint32(s[0]), "i", 7)
			if err != nil {
				panic(err)
			}
			s[0] = uint64(uint32(result))
		}},
		{Module: "env", Name: "back", Params: "i", Results: "", Call: func(a any, s []uint64) {
			h := a.(*host)
			if h.err = h.instance.CallTable(uint32(s[0]), "i", 7); h.err != nil {
				if h.called != nil {
					h.called()
				}
				panic(h.err)
			}
		}},
	}...)
}

func note(a any, s []uint64) {
	h := a.(*host)
	h.calls = append(h.calls, fmt.Sprint(uint32(s[0])))
	if h.called != nil {
		h.called()
	}
}

func sig(params, results string) program.Signature {
	return program.Signature{Params: params, Results: results}
}

var signatures = map[string]program.Signature{"note": sig("i", ""), "nothing": {}, "sum": sig("ilfd", "d"), "exit": {},
	"ask": sig("i", "i"), "nil": {}, "fault": {}, "string": {}, "back": sig("i", "")}

func env(name string) program.Import {
	return program.Import{Module: "env", Name: name, Type: signatures[name]}
}

func newEngine(t testing.TB, o engine.Options) engine.Engine {
	t.Helper()
	e, err := underTest(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := e.Link(imports()); err != nil {
		t.Fatal(err)
	}
	return e
}

// memory is one for an instance of a module.
func memory(t testing.TB, m engine.Module, limit uint64) *linear.Memory {
	t.Helper()
	mem, err := linear.New(limit, linear.Reserve(m.Reserve()), m.Lowest())
	if err != nil {
		t.Fatal(err)
	}
	return mem
}

func instantiate(t testing.TB, p guestModule) (engine.Instance, *host) {
	t.Helper()
	e := newEngine(t, engine.Options{})
	m, err := engine.Make(e, p.wasm())
	if err != nil {
		t.Fatal(err)
	}
	h := &host{t: t}
	in, err := m.Instantiate(h, memory(t, m, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	h.instance = in
	t.Cleanup(func() {
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	})
	return in, h
}

func testHostCalls(t *testing.T) {
	in, h := instantiate(t, guestModule{
		imports: []program.Import{env("note"), env("sum")},
		funcs: []function{{name: "_start", export: true, body: code(
			i32(-5), opCall, 0,
			i32(-10), 0x42, s(1<<40), 0x43, 0, 0, 0x20, 0x40 /* 2.5 */, opF64Const, 0, 0, 0, 0, 0, 0, 0xe8, 0x3f, /* 0.75 */
			opCall, 1, opI32TruncF64S+7 /* i64.trunc_f64_u is 0xb1 */, 0xa7 /* i32.wrap */, opCall, 0)}},
	})
	if err := in.Start(); err != nil {
		t.Fatal(err)
	}
	// -10 + 2^40 + 2.5 + 0.75, truncated, modulo 2^32
	if got := strings.Join(h.calls, " "); got != "4294967291 4294967289" {
		t.Errorf("the guest noted %s", got)
	}
}

func testStartSectionFindsItsHost(t *testing.T) {
	p := guestModule{imports: []program.Import{env("note")}, start: 3, funcs: []function{{name: "_start", export: true},
		{name: "begin", body: code(i32(9), opCall, 0)}}}
	_, h := instantiate(t, p)
	if len(h.calls) != 1 || h.calls[0] != "9" {
		t.Errorf("the start function noted %v", h.calls)
	}
}

func testStartSectionOfTheHost(t *testing.T) {
	p := guestModule{imports: []program.Import{env("exit")}, start: 1, funcs: []function{{name: "_start", export: true}}}
	m, err := engine.Make(newEngine(t, engine.Options{}), p.wasm())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Instantiate(&host{t: t}, memory(t, m, 1<<20)); !errors.Is(err, errExit) {
		t.Errorf("%v", err)
	}
}

func testStartSectionTraps(t *testing.T) {
	p := guestModule{start: 2, funcs: []function{{name: "_start", export: true},
		{name: "begin", body: code(opUnreachable)}}}
	e := newEngine(t, engine.Options{})
	m, err := engine.Make(e, p.wasm())
	if err != nil {
		t.Fatal(err)
	}
	mem := memory(t, m, 1<<20)
	_, err = m.Instantiate(nil, mem)
	var trap *program.Trap
	if !errors.As(err, &trap) || trap.Kind != program.Unreachable || trap.Frames[0] != "begin" {
		t.Errorf("%v", err)
	}
	if len(mem.Bytes()) != 0 {
		t.Error("the memory was not freed")
	}
}

func testMemoryGrowsInPlace(t *testing.T) {
	in, h := instantiate(t, guestModule{
		imports: []program.Import{env("note")}, memory: code(1, 2, 100), data: []byte("INIT"),
		funcs: []function{{name: "_start", export: true, body: code(
			i32(3), opMemoryGrow, 0, opCall, 0, // 2
			i32(200), opMemoryGrow, 0, opCall, 0, // beyond the module's maximum: -1
			i32(50), opMemoryGrow, 0, opCall, 0, // beyond the memory's limit of 1 MiB: -1
			i32(5<<16-4), i32(77), opI32Store, 2, 0)}},
	})
	base := unsafe.Pointer(&in.Memory()[0])
	if len(in.Memory()) != 2<<16 || string(in.Memory()[1024:1028]) != "INIT" {
		t.Fatalf("%d bytes, %q", len(in.Memory()), in.Memory()[1024:1028])
	}
	if err := in.Start(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(h.calls, " "); got != "2 4294967295 4294967295" {
		t.Errorf("memory.grow gave %s", got)
	}
	mem := in.Memory()
	if len(mem) != 5<<16 || mem[5<<16-4] != 77 || unsafe.Pointer(&mem[0]) != base {
		t.Errorf("%d bytes, %d, base %p for %p", len(mem), mem[5<<16-4], &mem[0], base)
	}
}

func testModuleSays(t *testing.T) {
	e := newEngine(t, engine.Options{})
	for _, test := range []struct {
		memory   []byte
		min, max uint64
	}{
		{code(0, 1), 64 << 10, 4 << 30},
		{code(1, 2, u(100)), 128 << 10, 100 << 16},
		{code(1, 0, u(65536)), 0, 4 << 30},
		{code(3, 1, 4), 64 << 10, 256 << 10},
	} {
		p := trivial()
		p.memory = test.memory
		m, err := engine.Make(e, p.wasm())
		if err != nil {
			t.Fatal(err)
		}
		if min, max := m.Memory(); min != test.min || max != test.max {
			t.Errorf("%x: %d to %d", test.memory, min, max)
		}
	}
}

func testMoreMemoryThanAllowed(t *testing.T) {
	p := trivial()
	p.memory = code(0, 100)
	e := newEngine(t, engine.Options{})
	m, err := engine.Make(e, p.wasm())
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.Instantiate(nil, memory(t, m, 1<<20))
	if err == nil || !strings.Contains(err.Error(), "--mem-per-rank") {
		t.Errorf("%v", err)
	}
}

func testNoMemoryToBeginWith(t *testing.T) {
	p := starting(i32(1), opMemoryGrow, 0, opDrop, i32(65532), i32(1), opI32Store, 2, 0)
	p.memory = code(0, 0)
	in, _ := instantiate(t, p)
	if err := in.Start(); err != nil {
		t.Fatal(err)
	}
	if len(in.Memory()) != 65536 || in.Memory()[65532] != 1 {
		t.Errorf("%d bytes", len(in.Memory()))
	}
}

func testUnbound(t *testing.T) {
	e := newEngine(t, engine.Options{})
	p := trivial()
	p.imports = []program.Import{
		{Module: "mpi", Name: "MPI_Win_create", Type: sig("liiiii", "i")},
		env("note"),
		{Module: "env", Name: "exit", Type: sig("i", "")},
		{Module: "x", Name: "evil\x1b[2J"},
	}
	p.funcs[0].body = nil
	m, err := engine.Make(e, p.wasm())
	if err != nil {
		t.Fatal(err)
	}
	want := "mpi.MPI_Win_create; env.exit (called as (i)→(), defined as ()→()); x.evil?[2J"
	if got := strings.Join(m.Unbound(), "; "); got != want {
		t.Errorf("unbound: %s\nwant:    %s", got, want)
	}
	if _, err := m.Instantiate(nil, memory(t, m, 1<<20)); err == nil ||
		!strings.Contains(err.Error(), "mpi.MPI_Win_create") {
		t.Errorf("%v", err)
	}
}

func testLink(t *testing.T) {
	call := func(any, []uint64) {}
	for _, test := range []struct {
		name    string
		imports []engine.Import
	}{
		{"twice", []engine.Import{{Module: "m", Name: "f", Params: "", Results: "", Call: call},
			{Module: "m", Name: "f", Params: "i", Results: "", Call: call}}},
		{"no module", []engine.Import{{Module: "", Name: "f", Params: "", Results: "", Call: call}}},
		{"no function", []engine.Import{{Module: "m", Name: "f", Params: "", Results: "", Call: nil}}},
		{"no type", []engine.Import{{Module: "m", Name: "f", Params: "ix", Results: "", Call: call}}},
	} {
		e, _ := underTest(engine.Options{})
		if e.Link(test.imports) == nil {
			t.Errorf("%s: accepted", test.name)
		}
	}
	e, _ := underTest(engine.Options{})
	if e.Link(nil) != nil || e.Link(nil) == nil {
		t.Error("Link works once")
	}
}

// Ranks share a module and nothing else.
func testManyInstances(t *testing.T) {
	e := newEngine(t, engine.Options{})
	imports := []program.Import{env("note")}
	m, err := engine.Make(e, guestModule{imports: imports, globals: [][]byte{mutableI32(0)}, funcs: []function{
		{name: "_start", export: true, locals: "i", body: code(
			opLoop, void,
			opGlobalGet, 0, i32(1), opI32Add, opGlobalSet, 0,
			opLocalGet, 0, i32(1), opI32Add, opLocalSet, 0,
			opGlobalGet, 0, opCall, 0,
			opLocalGet, 0, i32(100), opI32Sub, opBrIf, 0, opEnd)}}}.wasm())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			h := &host{t: t}
			in, err := m.Instantiate(h, memory(t, m, 1<<20))
			if err != nil {
				t.Error(err)
				return
			}
			defer in.Close()
			if err := in.Start(); err != nil || len(h.calls) != 100 || h.calls[99] != "100" {
				t.Errorf("%v, %d calls", err, len(h.calls))
			}
		})
	}
	wg.Wait()
}

func testClose(t *testing.T) {
	in, _ := instantiate(t, trivial())
	if in.Close() != nil || in.Close() != nil {
		t.Error("Close may be repeated")
	}
	if in.Start() == nil || in.CallTable(0, "") == nil {
		t.Error("a closed instance ran")
	}
	if len(in.Memory()) != 0 {
		t.Error("a closed instance has memory")
	}
}

func testTailCalls(t *testing.T) {
	in, h := instantiate(t, guestModule{imports: []program.Import{env("note")}, funcs: []function{
		{name: "_start", export: true, body: code(i32(3_000_000), opCall, 2)},
		{name: "count", params: "i", body: code(
			opLocalGet, 0, opIf, void, opLocalGet, 0, i32(1), opI32Sub, opReturnCall, 2, opEnd,
			i32(1), opCall, 0)}}})
	if err := in.Start(); err != nil || len(h.calls) != 1 {
		t.Errorf("%v, %v", err, h.calls)
	}
}

func testGrow(t *testing.T) {
	in, _ := instantiate(t, trivial()) // one page, at most 16
	if at, ok := in.Grow(65537); !ok || at != 65536 || len(in.Memory()) != 3<<16 {
		t.Errorf("%d, %t, %d bytes", at, ok, len(in.Memory()))
	}
	if at, ok := in.Grow(14 << 16); ok {
		t.Errorf("beyond the limit: %d", at)
	}
	if at, ok := in.Grow(13 << 16); !ok || at != 3<<16 {
		t.Errorf("up to the limit: %d, %t", at, ok)
	}
}

// testDataModels: a program with pointers of 64 bits gets the functions that are for such programs, and no others.
func testDataModels(t *testing.T) {
	called := ""
	bound := func(name string) func(any, []uint64) { return func(any, []uint64) { called = name } }
	e, err := underTest(engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	if err := e.Link([]engine.Import{{Module: "env", Name: "f", Params: "i", Call: bound("narrow")},
		{Module: "env", Name: "f", Params: "l", Wide: true, Call: bound("wide")},
		{Module: "env", Name: "old", Call: bound("old")},
		{Module: "env", Name: "new", Wide: true, Call: bound("new")}}); err != nil {
		t.Fatal(err)
	}
	for _, model := range []struct {
		address wasm.ValueType
		want    string
	}{{wasm.I32, "narrow"}, {wasm.I64, "wide"}} {
		m := &wasm.Module{Types: []wasm.FuncType{{}, {Params: []wasm.ValueType{model.address}}},
			Imports:  []wasm.Import{{Module: "env", Name: "f", Kind: wasm.KindFunction, Type: 1}},
			Memories: []wasm.Limits{{Min: 1, Max: 2, HasMax: true, Is64: model.address == wasm.I64}},
			Exports: []wasm.Export{{Name: "_start", Kind: wasm.KindFunction, Index: 1},
				{Name: "memory", Kind: wasm.KindMemory}}}
		var c wasm.Code
		c.Zero(model.address)
		c.Index(wasm.OpCall, 0)
		c.Op(wasm.OpEnd)
		m.Functions = []wasm.Function{{Body: wasm.Expr(c)}}
		check := func() ([]string, error) {
			f, err := program.Read(m.Encode())
			if err != nil {
				t.Fatal(err)
			}
			return e.Check(f)
		}
		if unbound, err := check(); err != nil || len(unbound) > 0 {
			t.Fatalf("%s: unbound %v, %v", model.want, unbound, err)
		}
		compiled, err := engine.Make(e, m.Encode())
		if err != nil {
			t.Fatal(err)
		}
		instance, err := compiled.Instantiate(&host{t: t}, memory(t, compiled, 1<<20))
		if err != nil {
			t.Fatal(err)
		}
		if err := instance.Start(); err != nil || called != model.want {
			t.Errorf("%s was called and not %s, %v", called, model.want, err)
		}
		m.Imports[0] = wasm.Import{Module: "env", Name: "old", Kind: wasm.KindFunction}
		m.Functions[0].Body = wasm.Expr{byte(wasm.OpEnd)}
		unbound, err := check()
		want := map[string]string{"narrow": "[]", "wide": "[env.old (only for wasm32)]"}[model.want]
		if err != nil || fmt.Sprint(unbound) != want {
			t.Errorf("%s: a function of the other model: unbound %v, %v", model.want, unbound, err)
		}
		m.Imports[0].Name = "new"
		unbound, err = check()
		want = map[string]string{"narrow": "[env.new (only for wasm64)]", "wide": "[]"}[model.want]
		if err != nil || fmt.Sprint(unbound) != want {
			t.Errorf("%s: a function of the other model: unbound %v, %v", model.want, unbound, err)
		}
	}
}
