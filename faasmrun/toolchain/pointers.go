package toolchain

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// pointerCallers are the functions by which libc calls what programs have passed it (overlay/compat/pointers.c). They
// take a pointer, then the arguments.
var pointerCallers = []string{"__call_start_routine", "__call_cleanup", "__call_handler", "__call_action",
	"__call_once"}

// adaptPointers has those functions call each of the program's that may be passed, whose type need not be the declared
// one, as a native call would. All that a program can have a pointer to is in the table, which nothing changes when it
// runs. Their code stands behind the program's own: no address in its debug information moves.
func adaptPointers(program []byte) ([]byte, error) {
	if !slices.ContainsFunc(pointerCallers, func(name string) bool { return bytes.Contains(program, []byte(name)) }) {
		return program, nil
	}
	m, err := wasm.Decode(program)
	if err != nil {
		return nil, fmt.Errorf("wasm-ld's module: %w", err)
	}
	table, start, ok := wholeTable(m)
	if !ok {
		return program, nil
	}
	space, imported := m.Spaces(), m.ImportedFunctions()
	types := make([]wasm.FuncType, len(table))
	for i, f := range table {
		types[i], _ = space.FunctionType(f)
	}
	names := m.Names().Functions
	for _, index := range slices.Sorted(maps.Keys(names)) { // so that the same program is the same bytes
		name := names[index]
		t, _ := space.FunctionType(index)
		if index < imported || !slices.Contains(pointerCallers, name) || len(t.Params) == 0 || t.Params[0] != wasm.I64 {
			continue
		}
		m.Functions[index-imported].Body = pointerCaller(m, t, types, start)
	}
	return m.Encode(), nil
}

// wholeTable is what wasm-ld puts into the table, by index from start on: one segment of functions.
func wholeTable(m *wasm.Module) (functions []uint32, start int64, ok bool) {
	if len(m.Elements) != 1 || m.Elements[0].Mode != wasm.ElementActive || m.Elements[0].Exprs != nil {
		return nil, 0, false
	}
	e := m.Elements[0]
	var code wasm.Code
	for start = range int64(16) { // --table-base is 2
		code = code[:0]
		code.I64(start)
		code.Op(wasm.OpEnd)
		if bytes.Equal(code, e.Offset) {
			return e.Functions, start, true
		}
	}
	return nil, 0, false
}

// pointerCaller is the body of a function of type t, a pointer and then the arguments, that calls the functions of the
// table as they are: types has each one's, from start on. One that takes more than it is given is called as declared,
// which traps.
func pointerCaller(m *wasm.Module, t wasm.FuncType, types []wasm.FuncType, start int64) wasm.Expr {
	declared := wasm.FuncType{Params: t.Params[1:], Results: t.Results}
	var code wasm.Code
	by := func(want wasm.FuncType) func() {
		index := m.AddType(want)
		return func() {
			code.Index(wasm.OpLocalGet, 0)
			code.CallIndirect(index, 0)
		}
	}
	var others []wasm.FuncType // than declared, that can be called
	labels := make([]uint32, len(types)+1)
	for i, have := range types {
		labels[i] = asDeclared
		if same(have, declared) || len(have.Params) > len(declared.Params) ||
			!adapt(new(wasm.Code), declared, have, 1, func() {}) {
			continue
		}
		k := slices.IndexFunc(others, func(o wasm.FuncType) bool { return same(o, have) })
		if k < 0 {
			k = len(others)
			others = append(others, have)
		}
		labels[i] = uint32(k)
	}
	labels[len(types)] = asDeclared // a pointer to nothing
	for i := range labels {
		labels[i] = min(labels[i], uint32(len(others)))
	}
	for range len(others) + 1 {
		code.Block(wasm.OpBlock, wasm.BlockVoid)
	}
	code.Index(wasm.OpLocalGet, 0)
	code.I64(start)
	code.Op(wasm.OpI64Sub)
	code.Op(wasm.OpI32WrapI64) // of one that is too large, the call traps
	code.BrTable(labels)
	for _, have := range others {
		code.Op(wasm.OpEnd)
		adapt(&code, declared, have, 1, by(have))
		code.Op(wasm.OpReturn)
	}
	code.Op(wasm.OpEnd)
	adapt(&code, declared, declared, 1, by(declared))
	code.Op(wasm.OpEnd)
	return wasm.Expr(code)
}

// asDeclared stands for the last label until it is known how many there are.
const asDeclared = ^uint32(0)

func same(a, b wasm.FuncType) bool {
	return slices.Equal(a.Params, b.Params) && slices.Equal(a.Results, b.Results)
}
