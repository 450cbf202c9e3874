package wazero

import (
	"context"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/faasmrun/faasmrun/worker/engine/conformance"
)

// The same loop in wazero alone, with a host function that does nothing.
func BenchmarkHostCallOfWazero(b *testing.B) {
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCoreFeatures(features))
	defer r.Close(ctx)
	nothing := api.GoModuleFunc(func(context.Context, api.Module, []uint64) {})
	_, err := r.NewHostModuleBuilder("env").NewFunctionBuilder().WithGoModuleFunction(nothing, nil, nil).Export("nothing").
		Instantiate(ctx)
	if err != nil {
		b.Fatal(err)
	}
	m, err := r.InstantiateWithConfig(ctx, conformance.Loop(), wazero.NewModuleConfig().WithStartFunctions())
	if err != nil {
		b.Fatal(err)
	}
	m.Memory().WriteUint32Le(0, uint32(b.N))
	b.ReportAllocs()
	b.ResetTimer()
	if _, err := m.ExportedFunction("_start").Call(ctx); err != nil {
		b.Fatal(err)
	}
}

// Host to guest and back, outside of a host call.

func BenchmarkEngine(b *testing.B) { conformance.Benchmark(b, makeEngine) }
