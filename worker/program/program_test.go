package program

import (
	"bytes"
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

// read prepares a module and opens what came of it.
func read(t testing.TB, m *wasm.Module) *Program {
	t.Helper()
	return prepared(t, m.Encode(), Target{})
}

func prepared(t testing.TB, file []byte, target Target) *Program {
	t.Helper()
	p, err := Open(prepare(t, file, target), Origin{hashOf(file), bytes.NewReader(file)}, target)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func prepare(t testing.TB, file []byte, target Target) Prepared {
	t.Helper()
	f, err := Read(file)
	if err != nil {
		t.Fatal(err)
	}
	made, err := f.Prepare(hashOf(file), target)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// What an engine is given has no names and no debug information, but what the engine asks for in their place.
func TestPrepare(t *testing.T) {
	file := inlining(t)
	p := prepared(t, file, Target{InPlace: []wasm.Custom{{Name: "instead", After: 11}}})
	m, err := wasm.Decode(p.Code())
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Customs) != 1 || m.Customs[0].Name != "instead" {
		t.Errorf("custom sections: %v", m.Customs)
	}
	p.Forget()
	if p.FunctionName(0) != "_start" || !p.HasLines() {
		t.Errorf("what is known of it is lost: %s", p.FunctionName(0))
	}
	called := read(t, module(wasm.FuncType{Params: []wasm.ValueType{wasm.I32}}))
	for params, want := range map[string]bool{"i": true, "d": false} {
		if _, ok := called.Callback(Signature{params, ""}); ok != want {
			t.Errorf("function pointers that take %q can be called: %t", params, ok)
		}
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
		{wasm.Limits{Min: 1 << 15, HasMax: true, Max: 1 << 20, Is64: true}, 1 << 16, 1 << 15, 1<<16 - 1},
		{wasm.Limits{Min: 1, Is64: true}, 1 << 10, 1, 1 << 10},
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
