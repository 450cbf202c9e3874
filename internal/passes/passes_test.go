package passes

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// thrower is a module of one function that throws a number, catches it and clears as many bytes, until it is told not
// to go on, in a memory with addresses of a type.
func thrower(address wasm.ValueType) *wasm.Module {
	m := &wasm.Module{Types: []wasm.FuncType{{}, {Params: []wasm.ValueType{address}}}, Tags: []uint32{1},
		Memories: []wasm.Limits{{Min: 1, Is64: address == wasm.I64}}}
	var c wasm.Code
	number := func(n int32) {
		c.I32(n)
		c.Convert(wasm.I32, address)
	}
	c.Block(wasm.OpLoop, wasm.BlockVoid)
	number(0)
	c.I32(0)
	c.Block(wasm.OpTry, wasm.BlockOf(address))
	number(42)
	c.Index(wasm.OpThrow, 0)
	c.Index(wasm.OpCatch, 0)
	c.Op(wasm.OpEnd)
	c.Op(wasm.OpMemoryFill)
	c.Raw([]byte{0})
	c.I32(0)
	c.I32(0)
	c.Op(wasm.OpI32Ne)
	c.Index(wasm.OpBrIf, 0)
	c.Op(wasm.OpEnd)
	c.Op(wasm.OpEnd)
	m.Functions = []wasm.Function{{Body: wasm.Expr(c)}}
	return m
}

func run(t *testing.T, m *wasm.Module, o Options) *Result {
	t.Helper()
	m, err := wasm.Decode(m.Encode()) // as it comes from a file
	if err != nil {
		t.Fatal(err)
	}
	r, err := Run(m, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// waiter is a module of one function that waits on shared memory, for nothing.
func waiter(address wasm.ValueType) *wasm.Module {
	m := &wasm.Module{Types: []wasm.FuncType{{}},
		Memories: []wasm.Limits{{Min: 1, Max: 1, HasMax: true, Shared: true, Is64: address == wasm.I64}}}
	var c wasm.Code
	c.Zero(address)
	c.I32(1)
	c.I64(0)
	c.Memory(wasm.OpAtomicWait32, wasm.MemArg{Align: 2, Offset: 8})
	c.Op(wasm.OpDrop)
	c.Op(wasm.OpEnd)
	m.Functions = []wasm.Function{{Body: wasm.Expr(c)}}
	return m
}

// starter is a module that begins with its start section, and exports what could be that.
func starter() *wasm.Module {
	end := wasm.Expr{byte(wasm.OpEnd)}
	return &wasm.Module{Types: []wasm.FuncType{{}}, Functions: []wasm.Function{{Body: end}, {Body: end}},
		Exports: []wasm.Export{{Name: "faasmrun.start", Kind: wasm.KindFunction}}, Start: 1, HasStart: true}
}

// TestStart: the start section becomes an export that nothing else is, or stays.
func TestStart(t *testing.T) {
	r := run(t, starter(), Options{})
	m, err := wasm.Decode(r.Module)
	if err != nil {
		t.Fatal(err)
	}
	if e, ok := m.Export(r.Start); !ok || e.Index != 1 || m.HasStart || r.Start != "faasmrun.start'" {
		t.Errorf("%q is %+v, %t; a start section: %t", r.Start, e, ok, m.HasStart)
	}
	if r := run(t, starter(), Options{Without: Without{Start: true}}); r.Start != "" ||
		!bytes.Equal(r.Module, starter().Encode()) {
		t.Errorf("the start section has become %q", r.Start)
	}
}

// TestVersion fails when a pass writes other code than before: raise Version, then put the new hash here.
func TestVersion(t *testing.T) {
	sum := sha256.New()
	for _, address := range []wasm.ValueType{wasm.I32, wasm.I64} {
		for _, check := range []bool{false, true} {
			for _, module := range []*wasm.Module{thrower(address), waiter(address)} {
				sum.Write(run(t, module, Options{CheckAddresses: check}).Module)
			}
		}
	}
	sum.Write(run(t, starter(), Options{}).Module)
	const version, hash = "11", "b5d894fdf99c84cc"
	if got := hex.EncodeToString(sum.Sum(nil)[:8]); Version != version || got != hash {
		t.Errorf("version %s gives %s", Version, got)
	}
}

// TestAddressesLast: other passes see, and write, addresses of 64 bits; in what comes out none are left.
func TestAddressesLast(t *testing.T) {
	m, err := wasm.Decode(run(t, thrower(wasm.I64), Options{}).Module)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Validate(); err != nil {
		t.Error(err)
	}
	if features, err := wasm.Features(m); err != nil || slices.ContainsFunc(features, func(f wasm.Feature) bool {
		return f.Name == wasm.Memory64 || f.Name == wasm.LegacyExceptions
	}) {
		t.Errorf("features %v, %v", features, err)
	}
	// The function that fills, which is the last one, takes addresses as the program does.
	if f, ok := m.Spaces().FunctionType(uint32(len(m.Functions) - 1)); !ok ||
		!slices.Equal(f.Params, []wasm.ValueType{wasm.I64, wasm.I32, wasm.I64}) {
		t.Errorf("the function that fills is of type %v", f)
	}
}

// TestCheckedAddresses: only what takes addresses of 64 bits is another program when they are checked.
func TestCheckedAddresses(t *testing.T) {
	for _, address := range []wasm.ValueType{wasm.I32, wasm.I64} {
		plain := run(t, thrower(address), Options{}).Module
		checked := run(t, thrower(address), Options{CheckAddresses: true}).Module
		if bytes.Equal(plain, checked) != (address == wasm.I32) {
			t.Errorf("addresses of type %v: checked or not, the same is %t", address, bytes.Equal(plain, checked))
		}
	}
}

// TestResult: what a result says of its module is so.
func TestResult(t *testing.T) {
	for _, address := range []wasm.ValueType{wasm.I32, wasm.I64} {
		m := thrower(address)
		m.Tables = []wasm.Table{{Type: wasm.FuncRef, Limits: wasm.Limits{Min: 1}}}
		m.SetNames(&wasm.Names{Functions: map[uint32]string{0: "f"}})
		m.Customs = append(m.Customs, wasm.Custom{Name: "producers"}, wasm.Custom{Name: "faasmrun.code_map"})
		r := run(t, m, Options{MapCode: true, Customs: []wasm.Custom{{Name: "instead", After: 11}}})
		out, err := wasm.Decode(r.Module)
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Customs) != 1 || out.Customs[0].Name != "instead" {
			t.Errorf("custom sections %v", out.Customs)
		}
		if !slices.Equal(r.Bodies, out.Bodies()) || len(r.Bodies) != len(out.Functions) {
			t.Errorf("bodies at %v, not %v", r.Bodies, out.Bodies())
		}
		if !r.Throws || r.Names.Functions[0] != "f" || r.Functions != 2 || r.Names.Functions[1] != "memory.fill" ||
			len(r.Callbacks) != len(out.Functions)-r.Functions || len(r.Callbacks) == 0 {
			t.Errorf("%+v of %d functions", r, len(out.Functions))
		}
		if at, ok := r.Code.Original(0, 0); !ok || at == 0 {
			t.Errorf("the first instruction comes from %d, %t", at, ok)
		}
	}
	r := run(t, &wasm.Module{}, Options{})
	if r.Throws || r.Functions != 0 || r.Code != nil || !bytes.Equal(r.Module, (&wasm.Module{}).Encode()) {
		t.Errorf("nothing became %+v", r)
	}
}

func TestRefusalsAreForAPerson(t *testing.T) {
	m := thrower(wasm.I32)
	m.Tags, m.Imports = nil, []wasm.Import{{Module: "env", Name: "__cpp_exception", Kind: wasm.KindTag, Type: 1}}
	_, err := Run(m, Options{})
	if err == nil || !strings.Contains(err.Error(), "env.__cpp_exception") ||
		!strings.Contains(err.Error(), "one module") {
		t.Errorf("%v", err)
	}
}

// Blocks in blocks cost no stack: a module that nests them deeply is checked and rewritten like any other.
func TestDeepNesting(t *testing.T) {
	const deep = 300_000
	body := bytes.Repeat([]byte{byte(wasm.OpBlock), 0x40}, deep)
	body = append(body, bytes.Repeat([]byte{byte(wasm.OpEnd)}, deep+1)...)
	m := thrower(wasm.I32)
	m.Functions = append(m.Functions, wasm.Function{Body: body})
	done := make(chan error)
	defer debug.SetMaxStack(debug.SetMaxStack(256 << 10))
	go func() { // on a stack of its own
		err := m.Validate()
		if err == nil {
			_, err = Run(m, Options{})
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
