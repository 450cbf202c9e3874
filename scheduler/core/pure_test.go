package core

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"strings"
	"testing"
)

// Nothing that is decided may depend on the order of a map or on the rounding of a float: no code here ranges over the
// one or has a value of the other type.
func TestNoMapOrderAndNoFloats(t *testing.T) {
	files := token.NewFileSet()
	names, _ := filepath.Glob("*.go")
	var parsed []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(files, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, f)
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	conf := types.Config{Importer: importer.ForCompiler(files, "source", nil)}
	if _, err := conf.Check("core", files, parsed, info); err != nil {
		t.Fatal(err)
	}
	for _, f := range parsed {
		ast.Inspect(f, func(n ast.Node) bool {
			if r, ok := n.(*ast.RangeStmt); ok {
				if _, bad := info.Types[r.X].Type.Underlying().(*types.Map); bad {
					t.Errorf("%s: ranges over a map", files.Position(n.Pos()))
				}
			}
			if e, ok := n.(ast.Expr); ok && info.Types[e].Type != nil {
				if b, basic := info.Types[e].Type.Underlying().(*types.Basic); basic &&
					b.Info()&(types.IsFloat|types.IsComplex) != 0 {
					t.Errorf("%s: a floating-point value", files.Position(n.Pos()))
				}
			}
			return true
		})
	}
}
