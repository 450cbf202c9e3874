package executor

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/faasmrun/faasmrun/worker/control"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/engine/native"
	"github.com/faasmrun/faasmrun/worker/engine/native/object"
	"github.com/faasmrun/faasmrun/worker/engine/wazero"
	"github.com/faasmrun/faasmrun/worker/program"
	"github.com/faasmrun/faasmrun/worker/rank"
)

// programs are those that the process has loaded, which the next job may well run again. A program is known by the name
// of its file, which is a hash of what is in it.
type programs struct {
	engine  engine.Engine
	made    engine.Options // of engine
	native  bool           // engine is the native one
	opened  map[string]*program.Program
	objects map[program.Hash]*object.Object // of those, for the native engine
	loaded  []loaded                        // the one used last comes last
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
	if p.engine != nil && p.made == wanted && p.native == start.Native {
		return p.engine, nil
	}
	if err := p.close(); err != nil {
		return nil, err
	}
	e, err := newEngine(wanted, start.Native, p.takeObject)
	if err != nil {
		return nil, err
	}
	if err := e.Link(rank.Imports()); err != nil {
		return nil, err
	}
	p.engine, p.made, p.native = e, wanted, start.Native
	return e, nil
}

// newEngine makes one of the two engines; objects are the native one's.
func newEngine(o engine.Options, isNative bool, objects native.Objects) (engine.Engine, error) {
	if isNative {
		return native.New(o, objects)
	}
	return wazero.New(o)
}

// takeObject gives an opened program's object to the engine, which closes it.
func (p *programs) takeObject(of *program.Program) (*object.Object, error) {
	o := p.objects[of.Hash()]
	if o == nil {
		return nil, object.ErrNone
	}
	delete(p.objects, of.Hash())
	return o, nil
}

// open reads what was prepared of a job's programs. An error is no fault of theirs.
func (p *programs) open(start *control.Start) error {
	e, err := p.engineFor(start)
	if err != nil {
		return err
	}
	target := e.Target()
	target.CheckAddresses = start.Check && !start.Native
	p.opened = map[string]*program.Program{}
	p.objects = map[program.Hash]*object.Object{}
	for _, a := range start.Apps {
		name := filepath.Base(a.Module)
		if p.find(name) >= 0 || p.opened[name] != nil {
			continue
		}
		opened, err := program.Load(a.Module, target)
		if err != nil {
			return fmt.Errorf("%s: %w", a.Program, err)
		}
		p.opened[name] = opened
		if !start.Native {
			continue
		}
		if p.objects[opened.Hash()], err = loadObject(a); err != nil {
			return fmt.Errorf("%s: %w: %w", a.Program, program.ErrUnusable, err)
		}
	}
	return nil
}

// loadObject reads an app's machine code, which its agent has found.
func loadObject(a control.App) (*object.Object, error) {
	digest, err := hex.DecodeString(a.Digest)
	if err != nil || len(digest) != sha256.Size {
		return nil, fmt.Errorf("%q is no digest of machine code", a.Digest)
	}
	return object.Load(object.Ref{Path: a.Object, Digest: [sha256.Size]byte(digest)})
}

// find is the place of a loaded program; -1 for one that is not.
func (p *programs) find(name string) int {
	return slices.IndexFunc(p.loaded, func(known loaded) bool { return known.name == name })
}

// load loads an app's program, which was opened, unless it is there.
func (p *programs) load(a control.App) (engine.Module, error) {
	name := filepath.Base(a.Module)
	if i := p.find(name); i >= 0 {
		known := p.loaded[i]
		p.loaded = append(slices.Delete(p.loaded, i, i+1), known)
		return known.module, nil
	}
	opened := p.opened[name]
	if opened == nil {
		return nil, fmt.Errorf("%s: it was not opened", a.Program)
	}
	delete(p.opened, name)
	bytes := len(opened.Code())
	m, err := p.engine.Compile(opened)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.Program, err)
	}
	if err := missing(m.Unbound()); err != nil {
		return nil, fmt.Errorf("%s %w", a.Program, err)
	}
	p.loaded = append(p.loaded, loaded{name, bytes, m})
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
			if err := errors.Join(p.engine.Discard(old.module), old.module.Program().Close()); err != nil {
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
	for _, l := range p.loaded {
		err = errors.Join(err, l.module.Program().Close())
	}
	p.engine, p.loaded = nil, nil
	return err
}

// files counts those that loaded programs hold open.
func (p *programs) files() (n int) {
	for _, l := range p.loaded {
		if l.module.Program().HoldsFile() {
			n++
		}
	}
	return n
}
