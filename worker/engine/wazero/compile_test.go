package wazero

import (
	"context"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/engine/conformance"
	"github.com/faasmrun/faasmrun/worker/program"
)

func valid(wasm []byte) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCoreFeatures(features))
	defer r.Close(ctx)
	_, err := r.CompileModule(ctx, wasm)
	return err == nil
}

// FuzzCompile gives outsiders' bytes to Compile: an error or a module, never a panic; and a module that wazero takes,
// we take, if our scan finds that it could run.
func FuzzCompile(f *testing.F) {
	for _, file := range conformance.Files() {
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := New(engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		if err := e.Link(conformance.Imports()); err != nil {
			t.Fatal(err)
		}
		m, err := engine.Make(e, b)
		if err == nil {
			m.Unbound()
			return
		}
		if f, unread := program.Read(b); unread == nil && f.Runnable() == nil && valid(b) {
			t.Errorf("wazero takes it, we do not: %v", err)
		}
	})
}
