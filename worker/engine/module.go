package engine

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/worker/program"
)

// Module is a compiled program. Any number of instances share its machine code. It has a runtime of its own, so that
// its host functions are only those that it imports and its cache is a directory of its own.
type Module struct {
	engine   *Engine
	program  *program.Program
	runtime  wazero.Runtime
	cache    wazero.CompilationCache // nil without a cache directory
	compiled wazero.CompiledModule
	cacheErr error

	bound   sync.Once // bind runs at the first Instantiate
	bindErr error
}

// Compile decodes, validates and compiles a module, or loads its machine code from the cache. It takes 0.25 to 0.55 CPU
// seconds a MB to compile and milliseconds to load; a module made for it can take minutes, so that whoever compiles for
// outsiders does it in a process with a limit. If another process is compiling the same module, it waits for it. Errors
// are for a person: what is wrong with the file, and what to do. Trouble with the cache never fails it: then the module
// is compiled in memory.
func (e *Engine) Compile(file []byte) (*Module, error) {
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

// Memory is the size that the exported memory begins with and the most it may grow to, in bytes: what the module
// declares, or else 4 GiB.
func (m *Module) Memory() (minimum, maximum uint64, err error) {
	least, most := m.program.Memory(maxPages)
	return least << 16, most << 16, nil
}

// CacheError says why the module's machine code could not be kept in the cache, or nil. It runs all the same, but every
// process has to compile it.
func (m *Module) CacheError() error { return m.cacheErr }

// HasExport reports whether the module exports something of that name, of whatever kind.
func (m *Module) HasExport(name string) bool {
	return m.program.Exports(name)
}

// HasImport reports whether the module imports that function.
func (m *Module) HasImport(module, name string) bool {
	return slices.ContainsFunc(m.program.Imports,
		func(im program.Import) bool { return im.Module == module && im.Name == name })
}

// Absent lists the functions that the module imports and that only fail, without their modules' names.
func (m *Module) Absent() []string {
	var names []string
	for _, im := range m.program.Imports {
		if b := m.engine.bindings[importName{im.Module, im.Name, m.program.LP64}]; b != nil && b.absent {
			names = append(names, im.Name)
		}
	}
	return names
}

// prepare binds the imports, once.
func (m *Module) prepare() error {
	if unbound := m.engine.Unbound(m); len(unbound) > 0 {
		return fmt.Errorf("the module imports what this faasmrun has not: %s", strings.Join(unbound, ", "))
	}
	m.bound.Do(func() { m.bindErr = m.engine.bind(m) })
	return m.bindErr
}
