package wazero

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/worker/engine"
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
func (e *Engine) Compile(file []byte) (engine.Module, error) {
	p, err := program.Read(file)
	if err != nil {
		return nil, err
	}
	if err := runnable(p); err != nil {
		return nil, err
	}
	encoded, err := p.Encode(lineStub())
	if err != nil {
		return nil, err
	}
	m, err := e.compileAny(p, sha256.Sum256(file), encoded)
	p.Forget()
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.modules = append(e.modules, m)
	return m, nil
}

// runnable says why a well-formed module can't run here as it is.
func runnable(p *program.Program) error {
	if err := p.Linked(); err != nil {
		return err
	}
	if p.Wide != "" {
		return fmt.Errorf("the module's %s has addresses of 64 bits (memory64), which this engine has not", p.Wide)
	}
	return p.Runnable()
}

// lacking are the features that wazero has not.
var lacking = map[string]bool{wasm.RelaxedSIMD: true, wasm.LegacyExceptions: true, wasm.Exceptions: true,
	wasm.MultiMemory: true}

// compileAny uses the cache, if there is one that works.
func (e *Engine) compileAny(p *program.Program, hash [sha256.Size]byte, encoded []byte) (*Module, error) {
	if e.options.CacheDir == "" {
		return e.compile(p, encoded, nil)
	}
	m, cacheErr := e.compileCached(p, hash, encoded)
	if cacheErr == nil {
		return m, nil
	}
	m, err := e.compile(p, encoded, nil)
	if err != nil {
		return nil, err
	}
	m.cacheErr = cacheErr
	return m, nil
}

// compile runs wazero. Its validation and code generation face whatever stands in the file: a panic of theirs is an
// error.
func (e *Engine) compile(p *program.Program, encoded []byte, cache wazero.CompilationCache) (m *Module, err error) {
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
	if m.compiled, err = m.runtime.CompileModule(workers, encoded); err != nil {
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
func (m *Module) Unbound() []string { return m.engine.bindings.Unbound(m.program) }

// Absent implements engine.Module.
func (m *Module) Absent() []string { return m.engine.bindings.Absent(m.program) }

// Memory implements engine.Module.
func (m *Module) Memory() (least, most uint64) {
	least, most = m.program.Memory(maxPages)
	return least << 16, most << 16
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
