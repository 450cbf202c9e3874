package backedge

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

var i32 = wasm.I32

// program is a module with a function f of a type, and an i32 local behind its parameters.
func program(t wasm.FuncType, write func(c *wasm.Code)) *wasm.Module {
	var c wasm.Code
	write(&c)
	c.Op(wasm.OpEnd)
	return &wasm.Module{Types: []wasm.FuncType{t, {Params: []wasm.ValueType{i32}}},
		Functions: []wasm.Function{{Locals: []wasm.Locals{{Count: 1, Type: i32}}, Body: wasm.Expr(c)}},
		Exports:   []wasm.Export{{Name: "f", Kind: wasm.KindFunction}}}
}

func lower(t testing.TB, module []byte) (*wasm.Module, bool) {
	t.Helper()
	m, _, changed := mapped(t, module)
	return m, changed
}

// mapped also says where the code went.
func mapped(t testing.TB, module []byte) (*wasm.Module, *wasm.CodeMap, bool) {
	t.Helper()
	m, err := wasm.Decode(module)
	if err != nil {
		t.Fatal(err)
	}
	m.MapCode()
	changed, err := Lower(m)
	if err != nil {
		t.Fatal(err)
	}
	out := m.Encode()
	if !changed && !bytes.Equal(out, module) {
		t.Fatal("changed without a word")
	}
	after, err := wasm.Decode(out)
	if err == nil {
		err = after.Validate()
	}
	if err != nil {
		t.Fatal(err)
	}
	return after, m.CodeMap(), changed
}

func instructions(body wasm.Expr) string {
	var names []string
	for r := wasm.NewReader(body); r.Next(); {
		name := r.Instr.Op.String()
		if r.Instr.Op == wasm.OpBr || r.Instr.Op == wasm.OpBrIf {
			name += fmt.Sprint(" ", r.Instr.Index)
		}
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

// TestShapes: which branches are written anew, and how.
func TestShapes(t *testing.T) {
	compare := func(c *wasm.Code) {
		c.Index(wasm.OpLocalGet, 0)
		c.I32(7)
		c.Op(wasm.OpI32LtU)
	}
	for _, c := range []struct {
		name  string
		write func(c *wasm.Code)
		want  string // empty: as it was
	}{
		{"back", func(c *wasm.Code) {
			c.Block(wasm.OpLoop, wasm.BlockVoid)
			compare(c)
			c.Index(wasm.OpBrIf, 0)
			c.Op(wasm.OpEnd)
		}, "loop local.get i32.const i32.lt_u if br 1 end end end"},
		{"back if zero", func(c *wasm.Code) {
			c.Block(wasm.OpLoop, wasm.BlockVoid)
			c.Index(wasm.OpLocalGet, 0)
			c.Op(wasm.OpI32Eqz)
			c.Index(wasm.OpBrIf, 0)
			c.Op(wasm.OpEnd)
		}, "loop local.get if else br 1 end end end"},
		{"back to an outer loop", func(c *wasm.Code) {
			c.Block(wasm.OpLoop, wasm.BlockVoid)
			c.Block(wasm.OpBlock, wasm.BlockVoid)
			compare(c)
			c.Index(wasm.OpBrIf, 1)
			compare(c)
			c.Index(wasm.OpBrIf, 0)
			c.Op(wasm.OpEnd)
			c.Op(wasm.OpEnd)
		}, "loop block local.get i32.const i32.lt_u if br 2 end local.get i32.const i32.lt_u br_if 0 end end end"},
		{"forward", func(c *wasm.Code) {
			c.Block(wasm.OpBlock, wasm.BlockVoid)
			compare(c)
			c.Index(wasm.OpBrIf, 0)
			c.Op(wasm.OpEnd)
		}, ""},
		{"out of the function", func(c *wasm.Code) {
			c.Block(wasm.OpLoop, wasm.BlockVoid)
			compare(c)
			c.Index(wasm.OpBrIf, 1)
			c.Op(wasm.OpEnd)
		}, ""},
		{"no comparison", func(c *wasm.Code) {
			c.Block(wasm.OpLoop, wasm.BlockVoid)
			c.Index(wasm.OpLocalGet, 0)
			c.Index(wasm.OpBrIf, 0)
			c.Op(wasm.OpEnd)
		}, ""},
		{"a loop that takes operands", func(c *wasm.Code) {
			c.I32(1)
			c.Block(wasm.OpLoop, 1) // of type 1
			compare(c)
			c.Index(wasm.OpBrIf, 0)
			c.Op(wasm.OpDrop)
			c.Op(wasm.OpEnd)
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := program(wasm.FuncType{Params: []wasm.ValueType{i32}}, c.write)
			if err := m.Validate(); err != nil {
				t.Fatal(err)
			}
			out, changed := lower(t, m.Encode())
			if got := instructions(out.Functions[0].Body); changed != (c.want != "") || changed && got != c.want {
				t.Errorf("changed %t: %s", changed, got)
			}
		})
	}
}

// TestRounds: a loop goes round as often as before, whatever the comparison and whatever it compares.
func TestRounds(t *testing.T) {
	types := []struct {
		t           wasm.ValueType
		first, last wasm.Opcode
	}{
		{i32, wasm.OpI32Eqz, wasm.OpI64Eqz - 1}, {wasm.I64, wasm.OpI64Eqz, wasm.OpI64Eqz + 10},
		{wasm.F32, wasm.OpI64Eqz + 11, wasm.OpF64Ge - 6}, {wasm.F64, wasm.OpF64Ge - 5, wasm.OpF64Ge},
	}
	// of i32 and i64; of f32 and f64, whose comparisons with a NaN are false both ways
	bits := map[wasm.ValueType][]uint64{i32: {0, 1, 1<<32 - 1}, wasm.I64: {0, 1, 1 << 63, 1 << 32},
		wasm.F32: {0, 0x3f800000, 0x7fc00000, 0x80000000}, wasm.F64: {0, 0x3ff << 52, 0x7ff8 << 48, 1 << 63}}
	for _, x := range types {
		for op := x.first; op <= x.last; op++ {
			params := []wasm.ValueType{x.t, x.t}
			unary := op == wasm.OpI32Eqz || op == wasm.OpI64Eqz
			for _, negated := range []bool{false, true} {
				m := program(wasm.FuncType{Params: params, Results: []wasm.ValueType{i32}}, func(c *wasm.Code) {
					c.Block(wasm.OpBlock, wasm.BlockVoid)
					c.Block(wasm.OpLoop, wasm.BlockVoid)
					c.Index(wasm.OpLocalGet, 2) // at most three rounds
					c.I32(1)
					c.Op(wasm.OpI32Add)
					c.Index(wasm.OpLocalTee, 2)
					c.I32(3)
					c.Op(wasm.OpI32GeU)
					c.Index(wasm.OpBrIf, 1)
					c.Index(wasm.OpLocalGet, 0)
					if !unary {
						c.Index(wasm.OpLocalGet, 1)
					}
					c.Op(op)
					if negated {
						c.Op(wasm.OpI32Eqz)
					}
					c.Index(wasm.OpBrIf, 0)
					c.Op(wasm.OpEnd)
					c.Op(wasm.OpEnd)
					c.Index(wasm.OpLocalGet, 2)
				})
				after, changed := lower(t, m.Encode())
				if !changed {
					t.Fatalf("%s is as it was", op)
				}
				was, is := results(t, m, bits[x.t]), results(t, after, bits[x.t])
				if fmt.Sprint(was) != fmt.Sprint(is) {
					t.Errorf("%s, negated %t: %d and not %d", op, negated, is, was)
				}
			}
		}
	}
}

// results calls f with each pair of values.
func results(t *testing.T, m *wasm.Module, values []uint64) (all []uint64) {
	t.Helper()
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler())
	defer r.Close(ctx)
	instance, err := r.Instantiate(ctx, m.Encode())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range values {
		for _, b := range values {
			got, err := instance.ExportedFunction("f").Call(ctx, a, b)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, got...)
		}
	}
	return all
}

// TestCodeMap: debug information finds the instructions where they are now.
func TestCodeMap(t *testing.T) {
	m := program(wasm.FuncType{Params: []wasm.ValueType{i32}}, func(c *wasm.Code) {
		c.Block(wasm.OpLoop, wasm.BlockVoid)
		c.Op(wasm.OpNop)
		c.Index(wasm.OpLocalGet, 0)
		c.Op(wasm.OpI32Eqz)
		c.Index(wasm.OpBrIf, 0)
		c.Op(wasm.OpEnd)
		c.Op(wasm.OpNop)
	})
	before, err := wasm.Decode(m.Encode())
	if err != nil {
		t.Fatal(err)
	}
	after, code, _ := mapped(t, m.Encode())
	old := map[uint64]string{}
	for r := wasm.NewReader(before.Functions[0].Body); r.Next(); {
		old[uint64(before.Bodies()[0])+uint64(r.Instr.Start)] = r.Instr.Op.String()
	}
	var got []string
	for r := wasm.NewReader(after.Functions[0].Body); r.Next(); {
		at, ok := code.Original(0, uint32(r.Instr.Start))
		if !ok {
			t.Fatal("an instruction whose origin is not known")
		}
		got = append(got, fmt.Sprintf("%s<%s", r.Instr.Op, old[at]))
	}
	const want = "loop<loop nop<nop local.get<local.get if<br_if else<br_if br<br_if end<br_if end<end nop<nop end<end"
	if strings.Join(got, " ") != want {
		t.Error(strings.Join(got, " "))
	}
}

// FuzzLower: what comes out is valid, if it was when it went in.
func FuzzLower(f *testing.F) {
	f.Add(program(wasm.FuncType{}, func(c *wasm.Code) {
		c.Block(wasm.OpLoop, wasm.BlockVoid)
		c.Index(wasm.OpLocalGet, 0)
		c.Op(wasm.OpI32Eqz)
		c.Index(wasm.OpBrIf, 0)
		c.Op(wasm.OpEnd)
	}).Encode())
	f.Fuzz(func(t *testing.T, module []byte) {
		m, err := wasm.Decode(module)
		if err != nil {
			return
		}
		valid := m.Validate() == nil
		if _, err := Lower(m); err != nil || !valid {
			return
		}
		if m, err = wasm.Decode(m.Encode()); err == nil {
			err = m.Validate()
		}
		if err != nil {
			t.Fatal(err)
		}
	})
}
