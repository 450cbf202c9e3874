package engine

import (
	"fmt"
	"strings"

	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/worker/program"
)

// Bindings are the host functions that modules may import, by name and data model: what every engine does with Link.
type Bindings map[importName]*Binding

// importName is what an Import is found by.
type importName struct {
	module, name string
	wide         bool
}

// Binding is an Import that was looked at.
type Binding struct {
	Call   HostFunc[any]
	Type   program.Signature
	Name   string // "mpi.MPI_Send"
	absent bool
}

// Bind makes bindings of imports, each of which needs a name of its own.
func Bind(imports []Import) (Bindings, error) {
	bindings := Bindings{}
	for _, imp := range imports {
		full := imp.Module + "." + imp.Name
		sig := program.Signature{Params: imp.Params, Results: imp.Results}
		if imp.Module == "" || imp.Call == nil {
			return nil, fmt.Errorf("engine: import %s needs a module and a function", full)
		}
		for _, letter := range imp.Params + imp.Results {
			if !strings.ContainsRune("ilfd", letter) {
				return nil, fmt.Errorf("engine: import %s: %q is no value type in %v", full, letter, sig)
			}
		}
		key := importName{imp.Module, imp.Name, imp.Wide}
		if bindings[key] != nil {
			return nil, fmt.Errorf("engine: import %s is bound twice", full)
		}
		bindings[key] = &Binding{Call: imp.Call, Type: sig, Name: full, absent: imp.Absent}
	}
	return bindings, nil
}

// Find is what a program's import is bound to, nil for nothing.
func (b Bindings) Find(n program.Needs, im program.Import) *Binding {
	return b[importName{im.Module, im.Name, n.LP64}]
}

// Unbound lists a program's imports that are not bound: see Module.Unbound.
func (b Bindings) Unbound(n program.Needs) []string {
	var unbound []string
	for _, im := range n.Imports {
		name := im.String()
		switch found := b.Find(n, im); {
		case im.Kind == wasm.KindMemory: // program.Runnable says which may be: an engine hands it in
		case im.Kind != wasm.KindFunction:
			unbound = append(unbound, fmt.Sprintf("%s (a %s)", name, im.KindName()))
		case found == nil && b[importName{im.Module, im.Name, !n.LP64}] != nil:
			unbound = append(unbound, name+" "+otherModel[n.LP64])
		case found == nil:
			unbound = append(unbound, name)
		case found.Type != im.Type:
			unbound = append(unbound, fmt.Sprintf("%s (called as %v, defined as %v)", name, im.Type, found.Type))
		}
	}
	return unbound
}

// otherModel is the remark about a function that is there for the other data model.
var otherModel = map[bool]string{false: OnlyWide, true: "(only for wasm32)"}

// OnlyWide is the remark about a function of which only programs with pointers of 64 bits can have the use.
const OnlyWide = "(only for wasm64)"

// Absent lists a program's imports that only fail: see Module.Absent.
func (b Bindings) Absent(n program.Needs) []string {
	var names []string
	for _, im := range n.Imports {
		if found := b.Find(n, im); found != nil && found.absent {
			names = append(names, im.Name)
		}
	}
	return names
}

// Check looks at a file that is to become a program: see Engine.Check.
func (b Bindings) Check(f *program.File) (unbound []string, err error) {
	if err := f.Linked(); err != nil {
		return nil, err
	}
	functions := program.Needs{LP64: f.LP64}
	for _, im := range f.Imports {
		if im.Kind == wasm.KindFunction {
			functions.Imports = append(functions.Imports, im)
		}
	}
	if unbound := b.Unbound(functions); len(unbound) > 0 {
		return unbound, nil
	}
	return nil, f.Runnable()
}
