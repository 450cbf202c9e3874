package executor

import (
	"testing"

	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/engine/wazero"
	"github.com/faasmrun/faasmrun/worker/program"
	"github.com/faasmrun/faasmrun/worker/rank"
)

// TestOtherDataModel: a program that calls MPI with addresses of 32 bits, as 0.1.0 made them, is refused when it is
// loaded and told what to do; one of another compiler that calls WASI with them runs.
func TestOtherDataModel(t *testing.T) {
	e, err := wazero.New(engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := e.Link(rank.Imports()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		module, name string
		want         string
	}{
		{"mpi", "MPI_Init", "was compiled for wasm32, as faasmrun 0.1.0 did: build it again with `faasmrun cc`"},
		{"mpi", "MPI_Nonsense", "needs MPI_Nonsense: not in this version of faasmrun"},
		{"wasi_snapshot_preview1", "args_get", ""},
	} {
		m := &wasm.Module{
			Types:    []wasm.FuncType{{}, {Params: []wasm.ValueType{wasm.I32, wasm.I32}, Results: []wasm.ValueType{wasm.I32}}},
			Imports:  []wasm.Import{{Module: c.module, Name: c.name, Kind: wasm.KindFunction, Type: 1}},
			Memories: []wasm.Limits{{Min: 1}},
			Exports: []wasm.Export{{Name: "_start", Kind: wasm.KindFunction, Index: 1},
				{Name: "memory", Kind: wasm.KindMemory}},
			Functions: []wasm.Function{{Body: wasm.Expr{byte(wasm.OpEnd)}}},
		}
		f, err := program.Read(m.Encode())
		if err != nil {
			t.Fatal(err)
		}
		unbound, err := e.Check(f)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := missing(unbound); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
