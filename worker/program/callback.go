package program

import (
	"slices"
	"strings"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// addCallbacks adds a function for each function type that returns nothing or an i32: (index, arguments…), which calls
// the entry of table 0 by call_indirect. A host function can then call the program's function pointers exactly as the
// program would, checks included. (wazero's own way, table.LookupFunction, allocates a stack for each pointer, misses
// later changes of the table, and takes the address of a host function for a function of the guest, which is unsafe.)
//
// Everything is added behind what is there, so no index changes, neither in code nor in names. callbacks gives the
// export that was added for a type; functions of a type that is missing there do not exist.
func (p *Program) addCallbacks() {
	p.callbacks = map[Signature]string{}
	m := p.module
	if tables := m.Spaces().Tables; len(tables) == 0 || tables[0].Type != wasm.FuncRef {
		return
	}
	for t, sig := range m.Types {
		s := SignatureOf(sig)
		if _, done := p.callbacks[s]; done || s.Results != "" && s.Results != "i" || !callable(s.Params) {
			continue
		}
		name := "faasmrun.call_indirect(" + s.Params + ")" + s.Results
		for p.Exports(name) {
			name += "'"
		}
		p.callbacks[s] = name
		m.Exports = append(m.Exports, wasm.Export{Name: name, Kind: wasm.KindFunction,
			Index: m.ImportedFunctions() + uint32(len(m.Functions))})
		m.Functions = append(m.Functions, wasm.Function{Body: callingBody(len(s.Params), uint32(t)),
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

// Exports reports whether the module exports something of that name, of whatever kind.
func (p *Program) Exports(name string) bool {
	_, ok := p.exports[name]
	return ok
}

// Callback is the export that calls function pointers of a type, as (index, arguments…); false where no function of the
// module has that type, or it can't be called by the host.
func (p *Program) Callback(s Signature) (export string, ok bool) {
	export, ok = p.callbacks[s]
	return export, ok
}

// maxParams bounds what a host function can pass.
const maxParams = 16

// callable reports whether a host function can pass such arguments.
func callable(params string) bool {
	return strings.Trim(params, "ilfd") == "" && len(params) <= maxParams
}
