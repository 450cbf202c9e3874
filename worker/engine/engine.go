// Package engine runs WebAssembly. It owns wazero, which no other package may import: compiling a module and keeping
// its machine code on disk, binding host functions, instantiating, calling, and telling what ended a guest. It leaves
// to others what is known of a program and how its end reads to a person (worker/program), what the host functions do
// (mpi, worker/wasi), where linear memory comes from (snapshot), and when to compile, run or collect garbage
// (worker/executor).
//
// Nothing is allocated on the Go heap by a call from guest to host or back, once each function called back is known.
package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/faasmrun/faasmrun/internal/eh"
	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/worker/program"
)

// features is what modules may use. Exceptions are not among it, though wazero has their final encoding: it loses the
// values of local variables when it unwinds.
const features = api.CoreFeaturesV2 | experimental.CoreFeaturesThreads | experimental.CoreFeaturesExtendedConst |
	experimental.CoreFeaturesTailCall

// What this engine is and runs, as workers announce it.
const (
	Name       = "wazero"
	MaxRankMem = maxPages << 16 // bytes of a linear memory
)

// DataModels are those of the programs that run: pointers of 64 bits are lowered to 32 before (internal/lower).
func DataModels() []string { return []string{"ILP32", "LP64"} }

// HostFunc serves an import. stack holds the arguments and takes the results, one uint64 a value; i32 arguments carry
// garbage in the upper half. It ends the rank by panicking with an error value, which Start returns wrapped (errors.As
// finds it). Packages that must not know the engine, such as mpi and worker/wasi, give functions of the same form for
// their own type of host.
type HostFunc[H any] = func(host H, stack []uint64)

// Import is a host function that modules may import.
type Import struct {
	Module, Name string
	// Params and Results hold a letter a value: i = i32, l = i64, f = f32, d = f64.
	Params, Results string
	// Wide is of a function for programs with pointers of 64 bits, which faasmrun cc makes. It may be there beside one for
	// those of 32, which other compilers make.
	Wide bool
	// Absent is of a function that does nothing but fail.
	Absent bool
	// Call serves the import. host is what Instantiate was given.
	Call HostFunc[any]
}

type Options struct {
	// CacheDir keeps machine code between processes; "" keeps none. Whoever can write to it can run code here.
	CacheDir string
	// Workers is how many goroutines compile; 0 means 1. With more, a fault of the compiler ends the process instead of
	// becoming an error: only for a process that does nothing else.
	Workers int
	// Callers makes each host call know where in the program it comes from, for Instance.Caller. It costs the call a
	// microsecond.
	Callers bool
	// Prove has the engine make sure that it reads wazero's errors right. It takes a millisecond, and is true of a build:
	// who compiles programs asks for it, who runs what was compiled need not.
	Prove bool
}

// maxPages is as far as 32-bit addresses reach.
const maxPages = 1 << 16

// Engine holds the modules and the host functions of a process.
type Engine struct {
	options  Options
	bindings map[importName]*binding // fixed by Link

	mu      sync.Mutex // guards modules
	modules []*Module
}

// New starts an engine.
func New(o Options) (*Engine, error) {
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

// Close gives back the machine code of every module. No instance may be running or be used again.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var errs []error
	for _, m := range e.modules {
		errs = append(errs, m.close())
	}
	e.modules = nil
	return errors.Join(errs...)
}

// Discard gives back the machine code of one module. No instance of it may be running or be used again.
func (e *Engine) Discard(m *Module) error {
	e.mu.Lock()
	e.modules = slices.DeleteFunc(e.modules, func(other *Module) bool { return other == m })
	e.mu.Unlock()
	return m.close()
}

// importName is what an Import is found by.
type importName struct {
	module, name string
	wide         bool
}

// binding is an Import as wazero calls it.
type binding struct {
	call   HostFunc[any]
	sig    program.Signature
	name   string
	absent bool
}

// Call implements api.GoFunction. ctx is what Start, CallTable or Instantiate handed to wazero, which passes it on as
// it is: asserting its type costs a comparison, where ctx.Value would search and a module argument would need a lookup.
func (b *binding) Call(ctx context.Context, stack []uint64) {
	b.call(ctx.(*callContext).host, stack)
}

// throwing is a binding for a program with exceptions: a host function that panics with ErrThrown returns to it
// instead.
type throwing struct{ *binding }

func (b throwing) Call(ctx context.Context, stack []uint64) {
	defer func() {
		if r := recover(); r != nil && r != ErrThrown {
			panic(r)
		}
	}()
	b.binding.Call(ctx, stack)
}

// callContext is the context of every call into one instance. Its Context serves instantiation only.
type callContext struct {
	context.Context
	host   any
	caller Caller
}

// Link says what modules may import. It is called once, before Instantiate.
func (e *Engine) Link(imports []Import) error {
	if e.bindings != nil {
		return errors.New("engine: Link was called before")
	}
	e.bindings = map[importName]*binding{}
	for _, imp := range imports {
		full := imp.Module + "." + imp.Name
		sig := program.Signature{Params: imp.Params, Results: imp.Results}
		if imp.Module == "" || imp.Call == nil {
			return fmt.Errorf("engine: import %s needs a module and a function", full)
		}
		for _, letter := range imp.Params + imp.Results {
			if _, ok := valueTypes[letter]; !ok {
				return fmt.Errorf("engine: import %s: %q is no value type in %v", full, letter, sig)
			}
		}
		key := importName{imp.Module, imp.Name, imp.Wide}
		if e.bindings[key] != nil {
			return fmt.Errorf("engine: import %s is bound twice", full)
		}
		e.bindings[key] = &binding{call: imp.Call, sig: sig, name: full, absent: imp.Absent}
	}
	return nil
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

// Unbound lists the imports of a module that Link did not bind, in the module's order: "mpi.MPI_Win_create", and with a
// remark in brackets those that it bound with another type or for the other data model and those that are no functions.
func (e *Engine) Unbound(m *Module) []string { return e.unbound(m.program) }

func (e *Engine) unbound(p *program.Program) []string {
	var unbound []string
	wide := p.LP64
	for _, imp := range p.Imports {
		name := imp.String()
		switch b := e.bindings[importName{imp.Module, imp.Name, wide}]; {
		case imp.Kind != wasm.KindFunction:
			unbound = append(unbound, fmt.Sprintf("%s (a %s)", name, imp.KindName()))
		case b == nil && e.bindings[importName{imp.Module, imp.Name, !wide}] != nil:
			unbound = append(unbound, name+" "+otherModel[wide])
		case b == nil:
			unbound = append(unbound, name)
		case b.sig != imp.Type:
			unbound = append(unbound, fmt.Sprintf("%s (called as %v, defined as %v)", name, imp.Type, b.sig))
		}
	}
	return unbound
}

// Check says what is wrong with a file that no pass could turn into a program: it is something else than a module, or
// damaged, or not linked. Of a module that imports functions which Link did not bind it lists these, as Unbound does.
func (e *Engine) Check(file []byte) (unbound []string, err error) {
	p, err := program.Read(file)
	if err != nil {
		return nil, err
	}
	if err := p.Linked(); err != nil {
		return nil, err
	}
	p.Imports = slices.DeleteFunc(p.Imports, func(i program.Import) bool { return i.Kind != wasm.KindFunction })
	if unbound := e.unbound(p); len(unbound) > 0 {
		return unbound, nil
	}
	return nil, p.Runnable()
}

// otherModel is the remark about a function that is there for the other data model.
var otherModel = map[bool]string{false: OnlyWide, true: "(only for wasm32)"}

// OnlyWide is the remark about a function of which only programs with pointers of 64 bits can have the use.
const OnlyWide = "(only for wasm64)"

// bind gives the module's runtime the host functions that the module imports, and no others: a host module costs by
// size.
func (e *Engine) bind(m *Module) error {
	builders := map[string]wazero.HostModuleBuilder{}
	throws := m.program.Exports(eh.Pending)
	for _, imp := range m.program.Imports {
		b := e.bindings[importName{imp.Module, imp.Name, m.program.LP64}]
		if builders[imp.Module] == nil {
			builders[imp.Module] = m.runtime.NewHostModuleBuilder(imp.Module)
		}
		var f api.GoFunction = b
		if throws {
			f = throwing{b}
		}
		builders[imp.Module].NewFunctionBuilder().
			WithGoFunction(f, apiTypes(b.sig.Params), apiTypes(b.sig.Results)).Export(imp.Name)
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
