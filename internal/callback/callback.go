// Package callback is the pass that gives a program a function for each type of function pointer that a host may call:
// (index, arguments…), which calls the entry of table 0 by call_indirect. A host function then calls the program's
// function pointers exactly as the program would, checks included. (wazero's own way, table.LookupFunction, allocates a
// stack for each pointer, misses later changes of the table, and takes the address of a host function for a function
// of the guest, which is unsafe.) Calling them it leaves to worker/engine.
package callback

import (
	"slices"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// Callback is a function that was added.
type Callback struct {
	Type   wasm.FuncType // of the pointers that it calls
	Export string
}

// maxParams is as many as a type may have, less the pointer.
const maxParams = wasm.MaxValues - 1

// Add adds a function for each function type that returns nothing or an i32 and takes what a host can pass. Everything
// is added behind what is there, so no index changes, neither in code nor in names. Functions of a type that is missing
// in what it returns do not exist.
func Add(m *wasm.Module) []Callback {
	var added []Callback
	tables := m.Spaces().Tables
	if len(tables) == 0 || tables[0].Type != wasm.FuncRef {
		return nil
	}
	exports, known := map[string]bool{}, map[string]bool{}
	for _, e := range m.Exports {
		exports[e.Name] = true
	}
	for t, sig := range m.Types {
		if !callable(sig) {
			continue
		}
		name := "faasmrun.call_indirect(" + letters(sig.Params) + ")" + letters(sig.Results)
		if known[name] {
			continue
		}
		known[name] = true
		for exports[name] { // by the program
			name += "'"
		}
		added = append(added, Callback{Type: sig, Export: name})
		m.Exports = append(m.Exports, wasm.Export{Name: name, Kind: wasm.KindFunction,
			Index: m.ImportedFunctions() + uint32(len(m.Functions))})
		m.Functions = append(m.Functions, wasm.Function{Body: calling(len(sig.Params), uint32(t), tables[0].Limits.Is64),
			Type: m.AddType(wasm.FuncType{Params: slices.Insert(slices.Clone(sig.Params), 0, wasm.I32), Results: sig.Results})})
	}
	return added
}

// callable reports whether a host function can call functions of a type.
func callable(t wasm.FuncType) bool {
	other := func(v wasm.ValueType) bool {
		return v != wasm.I32 && v != wasm.I64 && v != wasm.F32 && v != wasm.F64
	}
	return len(t.Params) <= maxParams && !slices.ContainsFunc(t.Params, other) &&
		(len(t.Results) == 0 || len(t.Results) == 1 && t.Results[0] == wasm.I32)
}

// letters writes types of numbers as imports' types are written.
func letters(types []wasm.ValueType) string {
	of := map[wasm.ValueType]byte{wasm.I32: 'i', wasm.I64: 'l', wasm.F32: 'f', wasm.F64: 'd'}
	var text []byte
	for _, t := range types {
		text = append(text, of[t])
	}
	return string(text)
}

// calling calls the function of a table, which may have addresses of 64 bits, that the first parameter names.
func calling(params int, calledType uint32, wide bool) wasm.Expr {
	var c wasm.Code
	for i := range params {
		c.Index(wasm.OpLocalGet, uint32(i+1))
	}
	c.Index(wasm.OpLocalGet, 0)
	if wide {
		c.Op(wasm.OpI64ExtendI32U)
	}
	c.CallIndirect(calledType, 0)
	c.Op(wasm.OpEnd)
	return wasm.Expr(c)
}
