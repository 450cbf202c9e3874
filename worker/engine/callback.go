package engine

import (
	"slices"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// addCallbacks adds a function for each function type that returns nothing or an i32: (index, arguments…), which calls
// the entry of table 0 by call_indirect. A host function can then call the program's function pointers exactly as the
// program would, checks included. wazero's own way, table.LookupFunction, allocates a stack for each pointer, misses
// later changes of the table, and takes the address of a host function for a function of the guest, which is unsafe.
//
// Everything is added behind what is there, so no index changes, neither in code nor in names. callbacks gives the
// export that was added for a type; functions of a type that is missing there do not exist.
func (l *layout) addCallbacks() {
	l.callbacks = map[signature]string{}
	m := l.module
	if tables := m.Spaces().Tables; len(tables) == 0 || tables[0].Type != wasm.FuncRef {
		return
	}
	for t, sig := range m.Types {
		s := signatureOf(sig)
		if _, done := l.callbacks[s]; done || s.results != "" && s.results != "i" || !callable(s.params) {
			continue
		}
		name := "faasmrun.call_indirect(" + s.params + ")" + s.results
		for l.exported(name) {
			name += "'"
		}
		l.callbacks[s] = name
		m.Exports = append(m.Exports, wasm.Export{Name: name, Kind: wasm.KindFunction,
			Index: m.ImportedFunctions() + uint32(len(m.Functions))})
		m.Functions = append(m.Functions, wasm.Function{Body: callingBody(len(s.params), uint32(t)),
			Type: m.AddType(wasm.FuncType{Params: slices.Insert(slices.Clone(sig.Params), 0, wasm.I32), Results: sig.Results})})
	}
}

func callingBody(params int, calledType uint32) wasm.Expr {
	var c wasm.Code
	for i := range params {
		c.Index(wasm.OpLocalGet, uint32(i+1))
	}
	c.Index(wasm.OpLocalGet, 0)
	c.CallIndirect(calledType, 0)
	c.Op(wasm.OpEnd)
	return wasm.Expr(c)
}

func (l *layout) exported(name string) bool {
	_, ok := l.exports[name]
	return ok
}

// callable reports whether a host function can pass such arguments.
func callable(params string) bool {
	for _, letter := range params {
		if _, ok := valueTypes[letter]; !ok {
			return false
		}
	}
	return len(params) <= 16
}
