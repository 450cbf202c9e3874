// Package native is the engine that runs programs as machine code of this processor's own:
// worker/engine/native/translate writes a program as C, clang makes a shared object of that, and this package maps the
// object and runs it without cgo. Addresses of 64 bits stay what they are, so that a rank's memory may have more than
// 4 GiB. It leaves to others how objects are made, kept and believed (worker/engine/native/object), and to
// worker/machinecode how machine code is entered, left and stopped.
//
// The code checks no access of the memory below 4 GiB, and above only whether it is within the reservation: what is
// not open there can't be touched, and the processor's refusal is a trap. So a module says how many addresses its
// memory must reserve (Module.Reserve).
package native

import (
	"errors"
	"fmt"

	"github.com/faasmrun/faasmrun/internal/passes"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/engine/native/object"
	"github.com/faasmrun/faasmrun/worker/machinecode"
	"github.com/faasmrun/faasmrun/worker/program"
)

// Reach of the memories, in pages of 64 KiB: what 32 bits address, and what is reserved for those of 64 bits.
const (
	narrowPages = 1 << 16
	widePages   = 1 << 20 // translate compares addresses with 64 GiB
)

// spread is how far from an address that is compared the code accesses memory without a comparison, on both sides
// (mostSpread of translate).
const spread = 16 << 30

// Addresses that memories have to themselves: what an instruction's address and offset together reach, and the most
// that it accesses from there on.
var (
	narrowReserve = engine.Reserve{Size: 8<<30 + 64<<10}
	wideReserve   = engine.Reserve{Before: spread, Size: widePages<<16 + 4<<30 + spread + 64<<10}
)

// Described is what workers announce of this engine.
func Described() engine.Description {
	return engine.Description{Name: "native", DataModels: []string{"ILP32", "LP64"}, MaxRankMem: widePages << 16}
}

// Objects gives a program's object, which whoever gets it closes.
type Objects func(*program.Program) (*object.Object, error)

// Engine implements engine.Engine.
type Engine struct {
	options        engine.Options
	objects        Objects
	callHost, trap uintptr         // machinecode's
	bindings       engine.Bindings // fixed by Link

	modules engine.Modules[*Module]
}

// New starts an engine. It fails on a processor for which machine code can't be entered.
func New(o engine.Options, objects Objects) (*Engine, error) {
	e := &Engine{options: o, objects: objects}
	var err error
	if e.callHost, e.trap, err = machinecode.Exits(); err != nil {
		return nil, fmt.Errorf("engine: native: %w", err)
	}
	return e, nil
}

// Link implements engine.Engine.
func (e *Engine) Link(imports []engine.Import) (err error) {
	if e.bindings != nil {
		return errors.New("engine: Link was called before")
	}
	e.bindings, err = engine.Bind(imports)
	return err
}

// Check implements engine.Engine.
func (e *Engine) Check(f *program.File) (unbound []string, err error) { return e.bindings.Check(f) }

// Target implements engine.Engine: clang needs no help with fills and loops, and addresses stay as wide as they are.
func (e *Engine) Target() program.Target { return Target() }

// Target is that of every engine of the package.
func Target() program.Target {
	return program.Target{Engine: "native 1", Reach: widePages,
		Without: passes.Without{Fills: true, Loops: true, Addresses: true, Start: true}}
}

// Compile implements engine.Engine.
func (e *Engine) Compile(p *program.Program) (engine.Module, error) {
	m, err := e.load(p)
	p.Forget()
	if err != nil {
		return nil, err
	}
	e.modules.Add(m)
	return m, nil
}

// Close implements engine.Engine.
func (e *Engine) Close() error {
	return e.modules.Close((*Module).close)
}

// Discard implements engine.Engine.
func (e *Engine) Discard(m engine.Module) error {
	return e.modules.Discard(m, (*Module).close)
}
