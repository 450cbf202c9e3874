package fill

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// page is the size of the memory of these tests' modules.
const page = 65536

// filler is a module that exports a function for each length, which fills so many bytes, and one, any, that is told how
// many. With names it has a name section.
func filler(names bool, lengths ...int32) []byte {
	i32 := wasm.I32
	m := &wasm.Module{Types: []wasm.FuncType{{Params: []wasm.ValueType{i32, i32, i32}},
		{Params: []wasm.ValueType{i32, i32}}},
		Memories: []wasm.Limits{{Min: 1, Max: 1, HasMax: true}}}
	add := func(name string, t uint32, length func(c *wasm.Code)) {
		var c wasm.Code
		c.Index(wasm.OpLocalGet, 0)
		c.Index(wasm.OpLocalGet, 1)
		length(&c)
		c.Op(wasm.OpMemoryFill)
		c.Raw([]byte{0})
		c.Op(wasm.OpEnd)
		m.Exports = append(m.Exports, wasm.Export{Name: name, Kind: wasm.KindFunction, Index: uint32(len(m.Functions))})
		m.Functions = append(m.Functions, wasm.Function{Type: t, Body: wasm.Expr(c)})
	}
	for _, n := range lengths {
		add(fmt.Sprint(n), 1, func(c *wasm.Code) { c.I32(n) })
	}
	add("any", 0, func(c *wasm.Code) { c.Index(wasm.OpLocalGet, 2) })
	m.Exports = append(m.Exports, wasm.Export{Name: "memory", Kind: wasm.KindMemory})
	if names {
		m.SetNames(&wasm.Names{Functions: map[uint32]string{0: "first"}})
	}
	return m.Encode()
}

func lower(t testing.TB, module []byte) []byte {
	t.Helper()
	out, _ := mapped(t, module)
	return out
}

// mapped also says where the code went.
func mapped(t testing.TB, module []byte) ([]byte, *wasm.CodeMap) {
	t.Helper()
	m, err := wasm.Decode(module)
	if err != nil {
		t.Fatal(err)
	}
	m.MapCode()
	if changed, err := Lower(m); err != nil || !changed {
		t.Fatalf("changed %t, %v", changed, err)
	}
	if err := m.Validate(); err != nil {
		t.Fatal(err)
	}
	return m.Encode(), m.CodeMap()
}

func instantiate(t testing.TB, module []byte) api.Module {
	t.Helper()
	ctx := context.Background()
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler())
	t.Cleanup(func() { runtime.Close(ctx) })
	m, err := runtime.InstantiateWithConfig(ctx, module, wazero.NewModuleConfig().WithName(""))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestFills compares every short length, and some long ones, with what the instruction does: the bytes themselves,
// those around them, and the trap at the end of memory.
func TestFills(t *testing.T) {
	var lengths []int32
	for n := range int32(2*short + 3) {
		lengths = append(lengths, n)
	}
	lengths = append(lengths, 1000, page, page+1, -1)
	before := filler(false, lengths...)
	reference, lowered := instantiate(t, before), instantiate(t, lower(t, before))
	fill := func(m api.Module, name string, args ...uint64) ([]byte, bool) {
		bytes, _ := m.Memory().Read(0, page)
		for i := range bytes {
			bytes[i] = byte(i * 7)
		}
		_, err := m.ExportedFunction(name).Call(context.Background(), args...)
		return bytes, err != nil
	}
	traps := 0
	for _, n := range lengths {
		for _, start := range []int64{0, 1, 16, 4099, page - int64(n) - 1, page - int64(n), page - int64(n) + 1} {
			for _, call := range []string{fmt.Sprint(n), "any"} {
				args := []uint64{uint64(uint32(start)), 0x1234a5, uint64(uint32(n))}
				if call != "any" {
					args = args[:2]
				}
				want, trapped := fill(reference, call, args...)
				got, did := fill(lowered, call, args...)
				if trapped != did || !trapped && !bytes.Equal(got, want) {
					t.Fatalf("%d bytes at %d, %s: trapped %t and not %t, or other bytes", n, start, call, did, trapped)
				}
				if trapped {
					traps++
				}
			}
		}
	}
	if traps < len(lengths) {
		t.Errorf("%d traps", traps)
	}
}

// TestLongOnesStay leaves what is known to be long to the engine.
func TestLongOnesStay(t *testing.T) {
	m, err := wasm.Decode(lower(t, filler(true, short, short+1, -1)))
	if err != nil {
		t.Fatal(err)
	}
	var fills []bool
	for _, f := range m.Functions {
		has := false
		for r := wasm.NewReader(f.Body); r.Next(); {
			has = has || r.Instr.Op == wasm.OpMemoryFill
		}
		fills = append(fills, has)
	}
	if want := []bool{false, true, true, false, true}; !slices.Equal(fills, want) {
		t.Errorf("functions with the instruction: %v and not %v", fills, want)
	}
	if names := m.Names().Functions; names[0] != "first" || names[4] != "memory.fill" {
		t.Errorf("names %v", names)
	}
}

// TestUnchanged: nothing to do, nothing done.
func TestUnchanged(t *testing.T) {
	m, err := wasm.Decode(filler(false, short+1))
	if err != nil {
		t.Fatal(err)
	}
	m.Exports, m.Functions = m.Exports[:1], m.Functions[:1]
	module := m.Encode()
	changed, err := Lower(m)
	if err != nil || changed || !bytes.Equal(m.Encode(), module) {
		t.Errorf("changed %t, %v", changed, err)
	}
}

// TestCodeMap: each instruction is known to come from where it stood, the call from the instruction whose place it
// takes.
func TestCodeMap(t *testing.T) {
	m, err := wasm.Decode(filler(false, 5))
	if err != nil {
		t.Fatal(err)
	}
	before := m.Encode()
	was, err := wasm.Decode(before)
	if err != nil {
		t.Fatal(err)
	}
	after, code := mapped(t, before)
	is, err := wasm.Decode(after)
	if err != nil {
		t.Fatal(err)
	}
	for i, start := range was.Bodies() {
		old, now := wasm.NewReader(was.Functions[i].Body), wasm.NewReader(is.Functions[i].Body)
		for old.Next() && now.Next() {
			at, ok := code.Original(i, uint32(now.Instr.Start))
			if want := uint64(start) + uint64(old.Instr.Start); !ok || at != want {
				t.Errorf("function %d: %v at %d comes from %d and not %d", i, now.Instr.Op, now.Instr.Start, at, want)
			}
		}
	}
	if _, ok := code.Original(len(was.Functions), 0); ok {
		t.Error("the added function comes from somewhere")
	}
}

// TestWideMemory: in a memory of 64 bits the function takes its addresses; what is known to be long stays.
func TestWideMemory(t *testing.T) {
	i64 := wasm.I64
	m := &wasm.Module{Types: []wasm.FuncType{{Params: []wasm.ValueType{i64, wasm.I32, i64}}},
		Memories: []wasm.Limits{{Min: 1, Is64: true}}}
	for _, constant := range []int64{-1, short + 1, short} {
		var c wasm.Code
		c.Index(wasm.OpLocalGet, 0)
		c.Index(wasm.OpLocalGet, 1)
		if constant < 0 {
			c.Index(wasm.OpLocalGet, 2)
		} else {
			c.I64(constant)
		}
		c.Op(wasm.OpMemoryFill)
		c.Raw([]byte{0})
		c.Op(wasm.OpEnd)
		m.Functions = append(m.Functions, wasm.Function{Body: wasm.Expr(c)})
	}
	out, err := wasm.Decode(lower(t, m.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []wasm.Opcode{wasm.OpCall, wasm.OpMemoryFill, wasm.OpCall} {
		var last wasm.Opcode
		for r := wasm.NewReader(out.Functions[i].Body); r.Next(); {
			if r.Instr.Op != wasm.OpEnd {
				last = r.Instr.Op
			}
		}
		if last != want {
			t.Errorf("function %d ends in %s and not %s", i, last, want)
		}
	}
	if types, _ := out.Spaces().FunctionType(3); types.Params[0] != i64 || types.Params[2] != i64 {
		t.Errorf("the function is of type %v", types)
	}
}

// FuzzLower: what decodes either stays or decodes again, and what is valid stays valid.
func FuzzLower(f *testing.F) {
	f.Add(filler(true, 1, short, 1000))
	f.Add(filler(false))
	wide := &wasm.Module{Types: []wasm.FuncType{{}}, Memories: []wasm.Limits{{Min: 1, Is64: true}}}
	var c wasm.Code
	c.I64(8)
	c.I32(1)
	c.I64(5)
	c.Op(wasm.OpMemoryFill)
	c.Raw([]byte{0})
	c.Op(wasm.OpEnd)
	wide.Functions = []wasm.Function{{Body: wasm.Expr(c)}}
	f.Add(wide.Encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := wasm.Decode(data)
		if err != nil {
			return
		}
		was := m.Validate()
		if changed, err := Lower(m); err != nil || !changed {
			return
		}
		after, err := wasm.Decode(m.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if was == nil && after.Validate() != nil {
			t.Fatalf("a valid module became one with %v", after.Validate())
		}
	})
}

// BenchmarkFill is the function beside the instruction.
func BenchmarkFill(b *testing.B) {
	before := filler(false)
	for _, variant := range []struct {
		name   string
		module []byte
	}{{"instruction", looping(b, before)}, {"function", looping(b, lower(b, before))}} {
		loop := instantiate(b, variant.module).ExportedFunction("loop")
		for _, n := range []uint64{0, 3, 15, 32, 64, 128, 256, 1024} {
			b.Run(fmt.Sprintf("%s/%d", variant.name, n), func(b *testing.B) {
				if _, err := loop.Call(context.Background(), n, uint64(b.N)); err != nil {
					b.Fatal(err)
				}
			})
		}
	}
}

// looping adds a function that calls the first one again and again.
func looping(b *testing.B, module []byte) []byte {
	m, err := wasm.Decode(module)
	if err != nil {
		b.Fatal(err)
	}
	var c wasm.Code
	c.Block(wasm.OpLoop, wasm.BlockVoid)
	c.I32(64)
	c.I32(0)
	c.Index(wasm.OpLocalGet, 0)
	c.Index(wasm.OpCall, 0)
	c.Index(wasm.OpLocalGet, 1)
	c.I32(1)
	c.Op(wasm.OpI32Sub)
	c.Index(wasm.OpLocalTee, 1)
	c.Index(wasm.OpBrIf, 0)
	c.Op(wasm.OpEnd)
	c.Op(wasm.OpEnd)
	m.Exports = append(m.Exports, wasm.Export{Name: "loop", Kind: wasm.KindFunction, Index: uint32(len(m.Functions))})
	m.Functions = append(m.Functions, wasm.Function{Type: m.AddType(wasm.FuncType{Params: []wasm.ValueType{wasm.I32,
		wasm.I32}}), Body: wasm.Expr(c)})
	return m.Encode()
}
