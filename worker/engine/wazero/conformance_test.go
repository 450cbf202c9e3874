package wazero

import (
	"testing"

	"github.com/faasmrun/faasmrun/snapshot/linear"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/engine/conformance"
)

func makeEngine(o engine.Options) (engine.Engine, error) { return New(o) }

func TestConformance(t *testing.T) { conformance.Run(t, makeEngine) }

func newEngine(t testing.TB, o engine.Options) engine.Engine {
	t.Helper()
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := e.Link(conformance.Imports()); err != nil {
		t.Fatal(err)
	}
	return e
}

func newMemory(t testing.TB, limit uint64) *linear.Memory {
	t.Helper()
	m, err := linear.New(limit)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
