// Package wazero is the engine that runs programs on wazero, which no other package may import. Pointers of 64 bits are
// lowered to 32 before (internal/lower).
package wazero

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/program"
)

// features is what modules may use. Exceptions are not among it, though wazero has their final encoding: it loses the
// values of local variables when it unwinds.
const features = api.CoreFeaturesV2 | experimental.CoreFeaturesThreads | experimental.CoreFeaturesExtendedConst |
	experimental.CoreFeaturesTailCall

// Described is what workers announce of this engine.
func Described() engine.Description {
	return engine.Description{Name: "wazero", DataModels: []string{"ILP32", "LP64"}, MaxRankMem: maxPages << 16}
}

// maxPages is as far as 32-bit addresses reach.
const maxPages = 1 << 16

// Engine implements engine.Engine.
type Engine struct {
	options  engine.Options
	bindings engine.Bindings // fixed by Link

	modules engine.Modules[*Module]
}

// New starts an engine.
func New(o engine.Options) (*Engine, error) {
	if o.Workers < 0 {
		return nil, fmt.Errorf("%d goroutines can't compile", o.Workers)
	}
	if o.Prove {
		if err := prove(); err != nil {
			return nil, fmt.Errorf("engine: the errors of this version of wazero are not what they were: %w", err)
		}
	}
	return &Engine{options: o}, nil
}

// Close implements engine.Engine.
func (e *Engine) Close() error {
	return e.modules.Close((*Module).close)
}

// Discard implements engine.Engine.
func (e *Engine) Discard(m engine.Module) error {
	return e.modules.Discard(m, (*Module).close)
}

// binding is a host function as wazero calls it.
type binding struct{ call engine.HostFunc[any] }

// Call implements api.GoFunction. ctx is what Start, CallTable or Instantiate handed to wazero, which passes it on as
// it is: asserting its type costs a comparison, where ctx.Value would search and a module argument would need a lookup.
func (b binding) Call(ctx context.Context, stack []uint64) {
	c := ctx.(*callContext)
	b.call(c.host, stack)
	c.check()
}

// throwing is a binding for a program with exceptions: a host function that panics with ErrThrown returns to it
// instead.
type throwing struct{ binding }

func (b throwing) Call(ctx context.Context, stack []uint64) {
	defer func() {
		if r := recover(); r != nil && r != engine.ErrThrown {
			panic(r)
		}
	}()
	b.binding.Call(ctx, stack)
}

// callContext is the context of every call into one instance. Its Context serves instantiation only.
type callContext struct {
	context.Context
	host   any
	caller engine.Caller
	cause  atomic.Pointer[error] // what Stop was told
}

// check ends the call if it was stopped.
func (c *callContext) check() {
	if cause := c.cause.Load(); cause != nil {
		panic(stopped{*cause})
	}
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

// Target implements engine.Engine.
func (e *Engine) Target() program.Target {
	return program.Target{Engine: "wazero, stub of lines 1", InPlace: lineStub()}
}

var valueTypes = map[rune]api.ValueType{'i': api.ValueTypeI32, 'l': api.ValueTypeI64, 'f': api.ValueTypeF32,
	'd': api.ValueTypeF64}

func apiTypes(letters string) []api.ValueType {
	types := make([]api.ValueType, 0, len(letters))
	for _, letter := range letters {
		types = append(types, valueTypes[letter])
	}
	return types
}

// bind gives the module's runtime the host functions that the module imports, and no others: a host module costs by
// size.
func (e *Engine) bind(m *Module) error {
	builders := map[string]wazero.HostModuleBuilder{}
	for _, imp := range m.program.Imports {
		b := e.bindings.Find(m.program.Needs, imp)
		if b == nil { // the memory
			continue
		}
		if builders[imp.Module] == nil {
			builders[imp.Module] = m.runtime.NewHostModuleBuilder(imp.Module)
		}
		var f api.GoFunction = binding{b.Call}
		if m.program.Throws {
			f = throwing{binding{b.Call}}
		}
		builders[imp.Module].NewFunctionBuilder().
			WithGoFunction(f, apiTypes(b.Type.Params), apiTypes(b.Type.Results)).Export(imp.Name)
	}
	ctx := context.Background()
	if e.options.Callers {
		ctx = traced(ctx)
	}
	for name, builder := range builders {
		if _, err := builder.Instantiate(ctx); err != nil {
			return fmt.Errorf("engine: bind module %s: %w", name, err)
		}
	}
	return nil
}
