package callback

import (
	"slices"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// What is added leaves all else where it was, and a module's own names to it.
func TestAdd(t *testing.T) {
	for _, wide := range []bool{false, true} {
		testAdd(t, wide)
	}
}

func testAdd(t *testing.T, wide bool) {
	of := func(params []wasm.ValueType, results ...wasm.ValueType) wasm.FuncType {
		return wasm.FuncType{Params: params, Results: results}
	}
	i, many := []wasm.ValueType{wasm.I32}, slices.Repeat([]wasm.ValueType{wasm.F64}, maxParams+1)
	m := &wasm.Module{Tables: []wasm.Table{{Type: wasm.FuncRef, Limits: wasm.Limits{Min: 1, Is64: wide}}},
		Exports: []wasm.Export{{Name: "faasmrun.call_indirect(i)", Kind: wasm.KindFunction, Index: 1}},
		Types: []wasm.FuncType{of(nil), of(i), of(i, wasm.I32), of(nil, wasm.I32), of(nil, wasm.I64), of(many[1:]), of(many),
			of([]wasm.ValueType{wasm.V128}), of([]wasm.ValueType{wasm.FuncRef}), of(i), of(nil, wasm.I32, wasm.I32)}}
	for k := range m.Types {
		m.Functions = append(m.Functions, wasm.Function{Type: uint32(k),
			Body: wasm.Expr{byte(wasm.OpUnreachable), byte(wasm.OpEnd)}})
	}
	before := len(m.Functions)
	added := Add(m)
	if err := m.Validate(); err != nil {
		t.Error(err)
	}
	var got []string
	for k, c := range added {
		got = append(got, c.Export)
		e, ok := m.Export(c.Export)
		want := wasm.FuncType{Params: slices.Concat(i, c.Type.Params), Results: c.Type.Results}
		if is, known := m.Spaces().FunctionType(e.Index); !ok || !known || int(e.Index) != before+k ||
			!slices.Equal(is.Params, want.Params) || !slices.Equal(is.Results, want.Results) {
			t.Errorf("%s: function %d of type %v", c.Export, e.Index, is)
		}
	}
	want := []string{"()", "(i)'", "(i)i", "()i", "(" + strings.Repeat("d", maxParams) + ")"}
	for k := range want {
		want[k] = "faasmrun.call_indirect" + want[k]
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if m.Tables = nil; len(Add(m)) > 0 {
		t.Error("there is no table to call through")
	}
}
