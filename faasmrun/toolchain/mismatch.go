package toolchain

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// mismatch begins the name of the stub that wasm-ld puts where a function is called with other types than it is defined
// with. The stub traps.
const mismatch = "signature_mismatch:"

// adaptCalls makes the linker's stubs do what such a call does natively, where that means anything: a C program that
// calls a function without a declaration, or with an old one, works on every other machine. A function that only stubs
// stand for has been thrown away as unused, so the program is linked once more, by relink, with these functions
// exported, and again for the stubs that these functions call.
func adaptCalls(program []byte, relink func(exports []string) ([]byte, error)) ([]byte, error) {
	if !bytes.Contains(program, []byte(mismatch)) {
		return program, nil
	}
	var exports []string
	for {
		m, err := wasm.Decode(program)
		if err != nil {
			return nil, fmt.Errorf("wasm-ld's module: %w", err)
		}
		more := stubbed(m, exports)
		if len(more) == 0 {
			adaptStubs(m)
			m.Exports = slices.DeleteFunc(m.Exports, func(e wasm.Export) bool { return slices.Contains(exports, e.Name) })
			return m.Encode(), nil
		}
		exports = append(exports, more...)
		slices.Sort(exports)
		if program, err = relink(exports); err != nil {
			return nil, err
		}
	}
}

// stubbed lists the functions that stubs stand for and that are neither exported nor asked for.
func stubbed(m *wasm.Module, asked []string) (names []string) {
	for _, name := range m.Names().Functions {
		called, ok := strings.CutPrefix(name, mismatch)
		if !ok || slices.Contains(asked, called) || slices.Contains(names, called) {
			continue
		}
		if _, exported := m.Export(called); !exported {
			names = append(names, called)
		}
	}
	return names
}

// adaptStubs gives stubs whose function is exported a body. They stand behind the program's own code: no address in its
// debug information moves.
func adaptStubs(m *wasm.Module) {
	space, first := m.Spaces(), m.ImportedFunctions()
	for stub, name := range m.Names().Functions {
		called, ok := strings.CutPrefix(name, mismatch)
		callee, found := m.Export(called)
		if !ok || !found || callee.Kind != wasm.KindFunction || stub < first {
			continue
		}
		from, _ := space.FunctionType(stub)
		to, _ := space.FunctionType(callee.Index)
		if body := adapter(from, to, callee.Index); body != nil {
			m.Functions[stub-first].Body = body
		}
	}
}

// adapter is the body of a function of type from that calls callee, of type to; nil where a native call would go wrong
// too.
func adapter(from, to wasm.FuncType, callee uint32) wasm.Expr {
	var code wasm.Code
	if !adapt(&code, from, to, 0, func() { code.Index(wasm.OpCall, callee) }) {
		return nil
	}
	code.Op(wasm.OpEnd)
	return wasm.Expr(code)
}

// adapt appends a call, which call writes, of a function of type to by one that takes it for one of type from, whose
// arguments are local variables from first on. It reports whether there is such a call: none where a native one would
// go wrong too. Native conventions pass integers and floats apart, each in their order, and take no notice of their
// widths. A result of the other kind is zero, where natively a register holds what it held: what the function does is
// right, and programs live on what it does alone (a time that is printed and nothing else).
func adapt(code *wasm.Code, from, to wasm.FuncType, first uint32, call func()) bool {
	integers, floats := arguments(from)
	for _, want := range to.Params {
		queue := &integers
		if isFloat(want) {
			queue = &floats
		}
		switch {
		case len(*queue) > 0:
			i := (*queue)[0]
			*queue = (*queue)[1:]
			code.Index(wasm.OpLocalGet, first+i)
			code.Convert(from.Params[i], want)
		case isFloat(want) && len(integers) > 0, !isFloat(want) && len(floats) > 0:
			return false // an integer for a float, or the other way round
		default:
			code.Zero(want)
		}
	}
	call()
	if gives(from) && gives(to) && isFloat(from.Results[0]) == isFloat(to.Results[0]) {
		code.Convert(to.Results[0], from.Results[0])
	} else {
		if gives(to) {
			code.Op(wasm.OpDrop)
		}
		if gives(from) {
			code.Zero(from.Results[0])
		}
	}
	return true
}

// arguments are a caller's, by kind.
func arguments(t wasm.FuncType) (integers, floats []uint32) {
	for i, p := range t.Params {
		if isFloat(p) {
			floats = append(floats, uint32(i))
		} else {
			integers = append(integers, uint32(i))
		}
	}
	return integers, floats
}

func gives(t wasm.FuncType) bool { return len(t.Results) > 0 }

func isFloat(t wasm.ValueType) bool { return t == wasm.F32 || t == wasm.F64 }
