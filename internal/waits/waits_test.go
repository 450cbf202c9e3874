package waits

import (
	"bytes"
	"slices"
	"testing"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// module is one with an import, a function that calls it and the function behind it, names, and a table that holds
// both; the second function waits for 32 and for 64 bits, and notifies, at these offsets.
func module(memory wasm.Limits, offset uint64) *wasm.Module {
	address := memory.Address()
	m := &wasm.Module{Types: []wasm.FuncType{{}}, Memories: []wasm.Limits{memory},
		Imports: []wasm.Import{{Module: "env", Name: "f", Kind: wasm.KindFunction}},
		Tables:  []wasm.Table{{Type: wasm.FuncRef, Limits: wasm.Limits{Min: 2}}},
		Exports: []wasm.Export{{Name: "waits", Kind: wasm.KindFunction, Index: 2}}}
	var caller, c, zero wasm.Code
	caller.Index(wasm.OpCall, 0)
	caller.Index(wasm.OpCall, 2)
	caller.Op(wasm.OpEnd)
	c.Zero(address)
	c.I32(1)
	c.I64(-1)
	c.Memory(wasm.OpAtomicWait32, wasm.MemArg{Align: 2, Offset: offset})
	c.Op(wasm.OpDrop)
	c.Zero(address)
	c.I64(2)
	c.I64(5)
	c.Memory(wasm.OpAtomicWait64, wasm.MemArg{Align: 3, Offset: offset})
	c.Op(wasm.OpDrop)
	c.Zero(address)
	c.I32(3)
	c.Memory(wasm.OpAtomicNotify, wasm.MemArg{Align: 2, Offset: offset})
	c.Op(wasm.OpDrop)
	c.Op(wasm.OpEnd)
	zero.I32(0)
	zero.Op(wasm.OpEnd)
	m.Elements = []wasm.Element{{Offset: wasm.Expr(zero), Type: wasm.FuncRef, Functions: []uint32{0, 2}}}
	m.Functions = []wasm.Function{{Body: wasm.Expr(caller)}, {Body: wasm.Expr(c)}}
	m.SetNames(&wasm.Names{Functions: map[uint32]string{1: "caller", 2: "waiter"}})
	return m
}

func shared(wide bool) wasm.Limits {
	return wasm.Limits{Min: 1, Max: 1, HasMax: true, Shared: true, Is64: wide}
}

func lowered(t *testing.T, m *wasm.Module) *wasm.Module {
	t.Helper()
	after, _ := mapped(t, m)
	return after
}

// mapped also says where the code went.
func mapped(t *testing.T, m *wasm.Module) (after *wasm.Module, moved *wasm.CodeMap) {
	t.Helper()
	m, err := wasm.Decode(m.Encode())
	if err != nil {
		t.Fatal(err)
	}
	m.MapCode()
	if changed, err := Lower(m); err != nil || !changed {
		t.Fatalf("changed %t, %v", changed, err)
	}
	if after, err = wasm.Decode(m.Encode()); err != nil {
		t.Fatal(err)
	}
	if err := after.Validate(); err != nil {
		t.Fatal(err)
	}
	return after, m.CodeMap()
}

// Each instruction becomes a call with the same operands and the offset, and everything that names a function still
// names the same one.
func TestCalls(t *testing.T) {
	for _, wide := range []bool{false, true} {
		offset := uint64(1<<32 - 8)
		if wide {
			offset = 1<<63 + 16
		}
		before := module(shared(wide), offset)
		after := lowered(t, before)
		address := before.Memories[0].Address()
		for i, want := range []struct {
			name   string
			params []wasm.ValueType
		}{
			{"memory_wait32", []wasm.ValueType{address, wasm.I32, wasm.I64, wasm.I64}},
			{"memory_wait64", []wasm.ValueType{address, wasm.I64, wasm.I64, wasm.I64}},
			{"memory_notify", []wasm.ValueType{address, wasm.I32, wasm.I64}},
		} {
			im := after.Imports[1+i]
			if im.Module != Module || im.Name != want.name || !slices.Equal(after.Types[im.Type].Params, want.params) {
				t.Errorf("import %d is %s.%s%v", 1+i, im.Module, im.Name, after.Types[im.Type])
			}
		}
		var got, want wasm.Code
		r := wasm.NewReader(before.Functions[1].Body)
		for next := uint32(1); r.Next(); {
			if r.Instr.Op >= wasm.OpAtomicNotify {
				want.I64(int64(offset))
				want.Index(wasm.OpCall, next)
				next++
			} else {
				want.Instr(&r.Instr)
			}
		}
		if got.Raw(after.Functions[1].Body); !bytes.Equal(got, want) {
			t.Errorf("the body is % x, not % x", got, want)
		}
		var caller wasm.Code
		caller.Index(wasm.OpCall, 0)
		caller.Index(wasm.OpCall, 5)
		caller.Op(wasm.OpEnd)
		if !bytes.Equal(after.Functions[0].Body, caller) || after.Exports[0].Index != 5 ||
			!slices.Equal(after.Elements[0].Functions, []uint32{0, 5}) {
			t.Errorf("% x, %v, %v", after.Functions[0].Body, after.Exports, after.Elements[0].Functions)
		}
		names := after.Names().Functions
		if names[4] != "caller" || names[5] != "waiter" || names[1] != "memory.atomic.wait32" ||
			names[3] != "memory.atomic.notify" {
			t.Errorf("names %v", names)
		}
	}
}

// Only what a module has is imported.
func TestOneInstruction(t *testing.T) {
	m := module(shared(true), 0)
	var c wasm.Code
	c.I64(0)
	c.I32(1)
	c.Memory(wasm.OpAtomicNotify, wasm.MemArg{Align: 2})
	c.Op(wasm.OpDrop)
	c.Op(wasm.OpEnd)
	m.Functions[1].Body = wasm.Expr(c)
	after := lowered(t, m)
	if len(after.Imports) != 2 || after.Imports[1].Name != "memory_notify" || after.Exports[0].Index != 3 {
		t.Errorf("%v, %v", after.Imports, after.Exports)
	}
}

// Code that has moved, for new instructions and for longer indices, is found again.
func TestCodeMap(t *testing.T) {
	m := module(shared(true), 0)
	// Calls of function 126 become such of 129, which takes a byte more.
	for range 130 {
		m.Functions = append(m.Functions, wasm.Function{Body: wasm.Expr{byte(wasm.OpEnd)}})
	}
	var c wasm.Code
	for range 3 {
		c.Index(wasm.OpCall, 126)
	}
	c.Raw(m.Functions[1].Body)
	m.Functions[1].Body = wasm.Expr(c)
	m.Customs = append(m.Customs, wasm.Custom{Name: "metadata.code.branch_hint", After: 9})
	before, err := wasm.Decode(m.Encode())
	if err != nil {
		t.Fatal(err)
	}
	after, codeMap := mapped(t, m)
	if after.Custom("metadata.code.branch_hint") != nil {
		t.Error("what goes by the code's position is still there")
	}
	old, now := wasm.NewReader(before.Functions[1].Body), wasm.NewReader(after.Functions[1].Body)
	start := before.Bodies()[1]
	for old.Next() {
		now.Next()
		if now.Instr.Op == wasm.OpI64Const && old.Instr.Op != wasm.OpI64Const { // the offset
			now.Next()
		}
		if got, ok := codeMap.Original(1, uint32(now.Instr.Start)); !ok || got != uint64(start)+uint64(old.Instr.Start) {
			t.Errorf("%v at %d stood at %d, not at %d", now.Instr.Op, now.Instr.Start, got-uint64(start), old.Instr.Start)
		}
	}
	if now.Next() {
		t.Error("there are more instructions")
	}
}

func TestUnchanged(t *testing.T) {
	own := shared(false)
	own.Shared = false
	none := module(shared(false), 0)
	none.Functions[1].Body = wasm.Expr{byte(wasm.OpEnd)}
	for what, m := range map[string]*wasm.Module{"memory that is not shared": module(own, 0), "no waits": none,
		"nothing": {}} {
		in := m.Encode()
		if changed, err := Lower(m); err != nil || changed || !bytes.Equal(in, m.Encode()) {
			t.Errorf("%s: changed %t, %v", what, changed, err)
		}
	}
}
