package mpi

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/mpi/datatype"
)

// pointing walks types and gives the ways to those that are one rank's own.
type pointing struct {
	own   []reflect.Type
	plain []reflect.Type // what is only data, whatever is in it
	seen  map[reflect.Type]bool
	found []string
}

func (p *pointing) visit(at string, t reflect.Type) {
	if slices.Contains(p.own, t) {
		p.found = append(p.found, at)
		return
	}
	if p.seen[t] || slices.Contains(p.plain, t) {
		return
	}
	p.seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Chan:
		p.visit(at, t.Elem())
	case reflect.Map:
		p.visit(at, t.Key())
		p.visit(at, t.Elem())
	case reflect.Func:
		p.found = append(p.found, at+", a function")
	case reflect.Interface:
		if t != reflect.TypeFor[error]() { // of an outcome: a failure, or one of package agree's
			p.found = append(p.found, at+", an interface")
		}
	case reflect.Struct:
		for i := range t.NumField() {
			p.visit(at+"."+t.Field(i).Name, t.Field(i).Type)
		}
	}
}

// pointingFrom gives the ways from a type to what is a rank's own: the objects of its program and of its calls. A
// datatype is a value that nobody changes, and an algorithm is one of a table; a failure that others are given has no
// object, as handedOver and told see to.
func pointingFrom(t reflect.Type) []string {
	p := pointing{seen: map[reflect.Type]bool{}, own: []reflect.Type{reflect.TypeFor[Rank](), reflect.TypeFor[Thread](),
		reflect.TypeFor[process](), reflect.TypeFor[request](), reflect.TypeFor[comm](), reflect.TypeFor[*op](),
		reflect.TypeFor[World](), reflect.TypeFor[checker](), reflect.TypeFor[pending]()},
		plain: []reflect.Type{reflect.TypeFor[datatype.Type](), reflect.TypeFor[failure]()}}
	for _, name := range []string{"algorithm"} {
		if f, ok := reflect.TypeFor[instance]().FieldByName(name); ok {
			p.plain = append(p.plain, f.Type)
		}
	}
	p.visit(t.Name(), t)
	return p.found
}

// TestReferences: what ranks share of a collective has no pointer to what is one rank's. A participant's request is an
// ID, its communicator and its operation are there as data.
func TestReferences(t *testing.T) {
	for _, shared := range []reflect.Type{reflect.TypeFor[part](), reflect.TypeFor[instance](),
		reflect.TypeFor[instances](), reflect.TypeFor[row](), reflect.TypeFor[ending](), reflect.TypeFor[parcel]()} {
		for _, way := range pointingFrom(shared) {
			t.Errorf("%s leads to what is one rank's own", way)
		}
	}
	if ways := pointingFrom(reflect.TypeFor[pending]()); len(ways) == 0 {
		t.Error("nothing is found where there is something")
	}
}

// worldsRanks are the functions that may go through the ranks of a process: what concerns the job as a whole.
var worldsRanks = map[string]bool{"NewWorld": true, "World.NewRank": true, "World.End": true, "World.waiting": true,
	"World.Profile": true}

// TestRanksAreFoundByTransport: no function takes another rank from the world's. What a rank wants of another it asks
// the transport for, which knows who runs here.
func TestRanksAreFoundByTransport(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range tree.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			name := functionName(f)
			for range rankLists(f.Body) {
				if seen[name] = true; !worldsRanks[name] {
					t.Errorf("%s: %s takes a rank from the world's", file.Name(), name)
				}
			}
		}
	}
	for name := range worldsRanks {
		if !seen[name] {
			t.Errorf("%s goes through no ranks", name)
		}
	}
}

// functionName is a function's, behind its receiver's type.
func functionName(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	receiver := f.Recv.List[0].Type
	if star, ok := receiver.(*ast.StarExpr); ok {
		receiver = star.X
	}
	if id, ok := receiver.(*ast.Ident); ok {
		return id.Name + "." + f.Name.Name
	}
	return f.Name.Name
}

// rankLists gives each use of a world's ranks, x.world.ranks or w.ranks, but for the number of them.
func rankLists(body ast.Node) (uses []ast.Node) {
	counted := map[ast.Node]bool{}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "len" && len(n.Args) == 1 {
				counted[n.Args[0]] = true
			}
		case *ast.SelectorExpr:
			if n.Sel.Name != "ranks" || counted[n] {
				break
			}
			switch x := n.X.(type) {
			case *ast.Ident:
				if x.Name == "w" || x.Name == "world" {
					uses = append(uses, n)
				}
			case *ast.SelectorExpr:
				if x.Sel.Name == "world" {
					uses = append(uses, n)
				}
			}
		}
		return true
	})
	return uses
}
