package wazero

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/faasmrun/faasmrun/snapshot/linear"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/engine/conformance"
	"github.com/faasmrun/faasmrun/worker/program"
)

func makeEngine(o engine.Options) (engine.Engine, error) { return New(o) }

func TestConformance(t *testing.T) { conformance.Run(t, makeEngine) }

// TestSpec runs the standard's suite; FAASMRUN_SPEC=all has it run whole.
func TestSpec(t *testing.T) { conformance.Spec(t, "wazero", makeEngine) }

// TestConformanceFromCache runs all on machine code that was loaded.
func TestConformanceFromCache(t *testing.T) {
	dir := t.TempDir()
	conformance.Run(t, func(o engine.Options) (engine.Engine, error) {
		o.CacheDir = dir
		e, err := New(o)
		return &fromCache{e}, err
	})
}

// fromCache is an engine that compiles each program twice, so that the second time it is in the cache.
type fromCache struct{ *Engine }

func (e *fromCache) Compile(p *program.Program) (engine.Module, error) {
	again := *p
	first, err := e.Engine.Compile(p)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(first.CacheError(), e.Discard(first)); err != nil {
		return nil, err
	}
	entry := cacheEntry{filepath.Join(e.options.CacheDir, again.Hash().String()+"-"+codeVersion)}
	m, err := e.load(entry, &again)
	if err != nil {
		return nil, fmt.Errorf("it is not in the cache: %w", err)
	}
	again.Forget()
	e.modules.Add(m)
	return m, nil
}

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
	m, err := linear.New(limit, linear.Reserve{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
