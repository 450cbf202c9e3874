package wazero

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/machinecode"
	"github.com/faasmrun/faasmrun/worker/program"
)

// Module implements engine.Module. It has a runtime of its own, so that its host functions are only those that it
// imports and its cache is a directory of its own.
type Module struct {
	engine   *Engine
	program  *program.Program
	runtime  wazero.Runtime
	cache    wazero.CompilationCache // nil without a cache directory
	compiled wazero.CompiledModule
	memory   wazero.CompiledModule // of a memory that the program imports; nil: it has its own
	cacheErr error

	bound   sync.Once // bind runs at the first Instantiate
	bindErr error
}

// Compile implements engine.Engine. It takes 0.25 to 0.55 CPU seconds a MB to compile, and milliseconds to load.
func (e *Engine) Compile(p *program.Program) (engine.Module, error) {
	m, err := e.compileAny(p)
	p.Forget()
	if err != nil {
		return nil, err
	}
	e.modules.Add(m)
	return m, nil
}

// lacking are the features that wazero has not.
var lacking = map[string]bool{wasm.RelaxedSIMD: true, wasm.MultiMemory: true}

// compileAny uses the cache, if there is one that works.
func (e *Engine) compileAny(p *program.Program) (*Module, error) {
	if e.options.CacheDir == "" {
		return e.compile(p, p.Code(), nil)
	}
	m, cacheErr := e.compileCached(p)
	if cacheErr == nil {
		return m, nil
	}
	m, err := e.compile(p, p.Code(), nil)
	if err != nil {
		return nil, err
	}
	m.cacheErr = cacheErr
	return m, nil
}

// compile runs wazero on the program's module, or its outline. Validation and code generation face whatever stands in
// the file: a panic of theirs is an error.
func (e *Engine) compile(p *program.Program, file []byte, cache wazero.CompilationCache) (m *Module, err error) {
	ctx := context.Background()
	m = &Module{engine: e, program: p, cache: cache}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the WebAssembly compiler failed on this module: %s", program.Printable(fmt.Sprint(r)))
		}
		if err != nil {
			m.close()
			m = nil
		}
	}()
	config := wazero.NewRuntimeConfig().WithCoreFeatures(features).WithDebugInfoEnabled(p.HasLines())
	if cache != nil {
		config = config.WithCompilationCache(cache)
	}
	m.runtime = wazero.NewRuntimeWithConfig(ctx, config)
	workers := experimental.WithCompilationWorkers(ctx, e.options.Workers)
	if m.compiled, err = m.runtime.CompileModule(workers, file); err != nil {
		return m, p.Refused(err, lacking)
	}
	return m, nil
}

func (m *Module) close() error {
	var errs []error
	ctx := context.Background()
	if m.runtime != nil {
		errs = append(errs, m.runtime.Close(ctx))
	}
	if m.cache != nil {
		errs = append(errs, m.cache.Close(ctx))
	}
	return errors.Join(errs...)
}

// Program implements engine.Module.
func (m *Module) Program() *program.Program { return m.program }

// Unbound implements engine.Module.
func (m *Module) Unbound() []string { return m.engine.bindings.Unbound(m.program.Needs) }

// Absent implements engine.Module.
func (m *Module) Absent() []string { return m.engine.bindings.Absent(m.program.Needs) }

// Memory implements engine.Module.
func (m *Module) Memory() (least, most uint64) {
	least, most = m.program.Memory(maxPages)
	return least << 16, most << 16
}

// Reserve implements engine.Module: the code compares addresses with the memory's size.
func (m *Module) Reserve() engine.Reserve { return engine.Reserve{} }

// Lowest implements engine.Module.
func (m *Module) Lowest() uint64 {
	if !machinecode.FaultsEnd {
		return 0
	}
	return m.program.Lowest
}

// CacheError implements engine.Module.
func (m *Module) CacheError() error { return m.cacheErr }

// prepare binds the imports, once.
func (m *Module) prepare() error {
	if unbound := m.Unbound(); len(unbound) > 0 {
		return fmt.Errorf("the module imports what this faasmrun has not: %s", strings.Join(unbound, ", "))
	}
	m.bound.Do(func() { m.bindErr = errors.Join(m.compileMemory(), m.engine.bind(m)) })
	return m.bindErr
}
