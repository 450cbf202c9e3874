package executor

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/faasmrun/faasmrun/worker/control"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/engine/wazero"
	"github.com/faasmrun/faasmrun/worker/rank"
)

// programs are those that the process has loaded, which the next job may well run again. A program is known by the name
// of its file, which is a hash of what is in it.
type programs struct {
	engine engine.Engine
	made   engine.Options // of engine
	loaded []loaded       // the one used last comes last
}

// loaded is a program in this process.
type loaded struct {
	name   string
	bytes  int // of the module; its machine code is some times as much
	module engine.Module
}

// Bounds of what an idle process keeps loaded.
const (
	maxLoaded      = 8
	maxLoadedBytes = 8 << 20
)

// engineFor returns the engine that a job needs, a new one if its options differ.
func (p *programs) engineFor(start *control.Start) (engine.Engine, error) {
	wanted := engine.Options{CacheDir: start.CacheDir, Callers: start.Check}
	if p.engine != nil && p.made == wanted {
		return p.engine, nil
	}
	if err := p.close(); err != nil {
		return nil, err
	}
	e, err := wazero.New(wanted)
	if err != nil {
		return nil, err
	}
	if err := e.Link(rank.Imports()); err != nil {
		return nil, err
	}
	p.engine, p.made = e, wanted
	return e, nil
}

// load loads an app's program, unless it is there.
func (p *programs) load(a control.App) (engine.Module, error) {
	name := filepath.Base(a.Module)
	if i := slices.IndexFunc(p.loaded, func(known loaded) bool { return known.name == name }); i >= 0 {
		known := p.loaded[i]
		p.loaded = append(slices.Delete(p.loaded, i, i+1), known)
		return known.module, nil
	}
	wasm, err := os.ReadFile(a.Module)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.Program, err)
	}
	m, err := p.engine.Compile(wasm)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.Program, err)
	}
	if err := missing(m.Unbound()); err != nil {
		return nil, fmt.Errorf("%s %w", a.Program, err)
	}
	p.loaded = append(p.loaded, loaded{name, len(wasm), m})
	return m, nil
}

// trim discards those used the longest time ago until the rest is within the bounds. No instance of them may exist.
func (p *programs) trim() error {
	bytes := 0
	for i := len(p.loaded) - 1; i >= 0; i-- {
		bytes += p.loaded[i].bytes
		if len(p.loaded)-i <= maxLoaded && bytes <= maxLoadedBytes {
			continue
		}
		for _, old := range p.loaded[:i+1] {
			if err := p.engine.Discard(old.module); err != nil {
				return err
			}
		}
		p.loaded = slices.Delete(p.loaded, 0, i+1)
		return nil
	}
	return nil
}

func (p *programs) close() error {
	if p.engine == nil {
		return nil
	}
	err := p.engine.Close()
	p.engine, p.loaded = nil, nil
	return err
}
