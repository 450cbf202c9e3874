package mpi

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
)

// source is this package's, as far as a test asks: which function mentions which. What the program does when it is
// called back is another call.
type source struct {
	mentions map[types.Object][]types.Object
	info     *types.Info
	files    []*ast.File
}

// nothing imports packages without anything in them: the rest need not be known.
type nothing struct{ types.Importer }

func (nothing) Import(name string) (*types.Package, error) {
	p := types.NewPackage(name, path.Base(name))
	p.MarkComplete()
	return p, nil
}

func readSource(t *testing.T) *source {
	fset := token.NewFileSet()
	s := &source{mentions: map[types.Object][]types.Object{},
		info: &types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}}
	packages, err := parser.ParseDir(fset, ".", func(f fs.FileInfo) bool {
		return !strings.HasSuffix(f.Name(), "_test.go") && f.Name() != "pause_other.go"
	}, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range packages["mpi"].Files {
		s.files = append(s.files, f)
	}
	config := types.Config{Importer: nothing{importer.Default()}, Error: func(error) {}}
	_, _ = config.Check("mpi", fset, s.files, s.info)
	for _, f := range s.files {
		for _, d := range f.Decls {
			if d, ok := d.(*ast.FuncDecl); ok {
				s.mentions[s.info.Defs[d.Name]] = s.functions(d)
			}
		}
	}
	return s
}

// functions are those that are mentioned in a part of the source.
func (s *source) functions(n ast.Node) (list []types.Object) {
	ast.Inspect(n, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		if f, ok := s.info.Uses[id].(*types.Func); ok {
			list = append(list, f.Origin())
		}
		return true
	})
	return list
}

// waits reports whether one of the functions may come to a wait.
func (s *source) waits(from []types.Object) bool {
	seen := map[types.Object]bool{}
	for len(from) > 0 {
		f := from[len(from)-1]
		from = from[:len(from)-1]
		if f.Name() == "breakOff" {
			return true
		}
		if !seen[f] {
			seen[f] = true
			from = append(from, s.mentions[f]...)
		}
	}
	return false
}

// TestWaitingFunctions: the functions in mayWait are those from which a wait can be reached, in the source.
func TestWaitingFunctions(t *testing.T) {
	s := readSource(t)
	found := map[string]bool{}
	ast.Inspect(s.files[slices.IndexFunc(s.files, func(f *ast.File) bool { return f.Scope.Lookup("bindings") != nil })],
		func(n ast.Node) bool {
			line, ok := n.(*ast.CompositeLit)
			if !ok || len(line.Elts) != 4 {
				return true
			}
			if name, ok := line.Elts[0].(*ast.BasicLit); ok && s.waits(s.functions(line.Elts[3])) {
				found[strings.Trim(name.Value, `"`)] = true
			}
			return true
		})
	forms := map[string]bool{"blocking": true, "nonblocking": false, "collectiveInit": false}
	for f := range s.mentions {
		if waits, ok := forms[f.Name()]; ok && f.Type().(*types.Signature).Recv() == nil {
			if s.waits([]types.Object{f}) != waits {
				t.Errorf("%s may wait: %v", f.Name(), !waits)
			}
			delete(forms, f.Name())
		}
	}
	if len(found) == 0 || len(forms) > 0 {
		t.Fatalf("functions not found: %v", forms)
	}
	for k := collBarrier; int(k) < len(collectives); k++ {
		found[collectives[k].name] = true
	}
	for name := range found {
		if !mayWait[name] {
			t.Errorf("MPI_%s may wait, and is not among those that can be broken off", name)
		}
	}
	for name := range mayWait {
		if !found[name] {
			t.Errorf("MPI_%s never waits", name)
		}
	}
}
