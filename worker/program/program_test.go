package program

import (
	"errors"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

var end = wasm.Expr{byte(wasm.OpEnd)}

// module is a whole program with these functions behind _start, each of a type of its own.
func module(types ...wasm.FuncType) *wasm.Module {
	m := &wasm.Module{Types: append([]wasm.FuncType{{}}, types...), Memories: []wasm.Limits{{Min: 1}},
		Tables:  []wasm.Table{{Type: wasm.FuncRef, Limits: wasm.Limits{Min: 1}}},
		Exports: []wasm.Export{{Name: "memory", Kind: wasm.KindMemory}, {Name: "_start", Kind: wasm.KindFunction}}}
	for i := range m.Types {
		m.Functions = append(m.Functions, wasm.Function{Type: uint32(i), Body: end})
	}
	return m
}

func read(t *testing.T, m *wasm.Module) *Program {
	t.Helper()
	p, err := Read(m.Encode())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// What is added for callbacks leaves all else where it was, and a module's own names to it.
func TestCallbacks(t *testing.T) {
	of := func(params []wasm.ValueType, results ...wasm.ValueType) wasm.FuncType {
		return wasm.FuncType{Params: params, Results: results}
	}
	i, many := []wasm.ValueType{wasm.I32}, make([]wasm.ValueType, maxParams+1)
	for k := range many {
		many[k] = wasm.F64
	}
	m := module(of(i), of(i, wasm.I32), of(nil, wasm.I32), of(nil, wasm.I64), of(many[1:]), of(many),
		of([]wasm.ValueType{wasm.V128}), of([]wasm.ValueType{wasm.FuncRef}))
	for k := range m.Types[2:5] { // a result needs a body that gives it
		m.Functions[2+k].Body = wasm.Expr{byte(wasm.OpUnreachable), byte(wasm.OpEnd)}
	}
	m.Exports = append(m.Exports, wasm.Export{Name: "faasmrun.call_indirect(i)", Kind: wasm.KindFunction, Index: 1})
	p := read(t, m)
	encoded, err := p.Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	after, err := Read(encoded)
	if err != nil {
		t.Fatal(err)
	}
	if err := after.module.Validate(); err != nil {
		t.Error(err)
	}
	spaces, found := after.module.Spaces(), 0
	for _, sig := range []Signature{{"", ""}, {"i", ""}, {"i", "i"}, {"", "i"}, {strings.Repeat("d", maxParams), ""}} {
		name, ok := p.Callback(sig)
		if got, known := spaces.FunctionType(after.exports[name].Index); !ok || !known ||
			SignatureOf(got) != (Signature{"i" + sig.Params, sig.Results}) {
			t.Errorf("%v: %q, %v", sig, name, got)
		}
		found++
	}
	if after.Functions != p.Functions+found {
		t.Errorf("%d functions became %d", p.Functions, after.Functions)
	}
	for _, sig := range []Signature{{"", "l"}, {strings.Repeat("d", maxParams+1), ""}, {"v", ""}, {"r", ""}, {"l", ""}} {
		if name, ok := p.Callback(sig); ok {
			t.Errorf("%v: %s", sig, name)
		}
	}
	if name, _ := p.Callback(Signature{"i", ""}); name != "faasmrun.call_indirect(i)'" {
		t.Errorf("the module's own export is called: %s", name)
	}
}

// An engine gets no names and no debug information, but what it asks for in their place.
func TestEncode(t *testing.T) {
	file := inlining(t)
	p, err := Read(file)
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.Encode([]wasm.Custom{{Name: "instead", After: 11}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := wasm.Decode(out)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range m.Customs {
		names = append(names, c.Name)
	}
	if got := strings.Join(names, " "); !strings.HasSuffix(got, "instead") || strings.Contains(got, "debug") ||
		m.Custom("name") != nil {
		t.Errorf("custom sections: %s", got)
	}
	p.Forget()
	if p.FunctionName(0) != "_start" || !p.HasLines() {
		t.Errorf("what is known of it is lost: %s", p.FunctionName(0))
	}
}

func TestMemory(t *testing.T) {
	m := module()
	for _, c := range []struct {
		limits      wasm.Limits
		reach       uint64
		least, most uint64
	}{
		{wasm.Limits{Min: 2}, 1 << 16, 2, 1 << 16},
		{wasm.Limits{Min: 2, HasMax: true, Max: 5}, 1 << 16, 2, 5},
		{wasm.Limits{Min: 1 << 17, HasMax: true, Max: 1 << 20, Is64: true}, 1 << 16, 1 << 17, 1 << 16},
		{wasm.Limits{Min: 1 << 17, HasMax: true, Max: 1 << 20, Is64: true}, 1 << 40, 1 << 17, 1 << 20},
		{wasm.Limits{Min: 1, Is64: true}, 1 << 40, 1, 1 << 40},
	} {
		m.Memories[0] = c.limits
		if least, most := read(t, m).Memory(c.reach); least != c.least || most != c.most {
			t.Errorf("%+v within %d: %d to %d", c.limits, c.reach, least, most)
		}
	}
}

// Frames of functions that were added are nobody's to see.
func TestHideCallback(t *testing.T) {
	p := read(t, module())
	added, own := Frame{Function: p.Functions}, Frame{Function: 0}
	trap := p.Trap(DivideByZero, []Frame{own, added}, nil, nil)
	if ok := p.HideCallback(trap); !ok || len(trap.Frames) != 1 || trap.Frames[0] != "function 0" {
		t.Errorf("%t, %v", ok, trap.Frames)
	}
	if trap = p.Trap(IndirectCallType, []Frame{added}, nil, nil); p.HideCallback(trap) {
		t.Error("nothing is left, and that is not said")
	}
	host := p.NewHostError(errors.New("it ends"), []Frame{{Host: "mpi.MPI_Abort"}, own, added})
	if ok := p.HideCallback(host); !ok || strings.Join(host.Frames(), " ") != "mpi.MPI_Abort function 0" {
		t.Errorf("%t, %v", ok, host.Frames())
	}
	outer := p.NewHostError(host, []Frame{own})
	if got := strings.Join(outer.Frames(), " "); got != "mpi.MPI_Abort function 0 function 0" {
		t.Errorf("joined: %s", got)
	}
}
