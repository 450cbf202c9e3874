package e2e

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// uncounted are the functions of the daemons that start a goroutine by themselves, with who waits for it. All others
// start theirs by a tasks.Group or a sync.WaitGroup, whose owner waits for them when it stops.
var uncounted = map[string]string{
	"worker/ending.go as":                     "its caller, for the result",
	"worker/idle.go drop":                     "waitForEnding",
	"worker/executor/executor.go serve":       "nobody: it lasts as long as the process",
	"worker/executor/memorybudget.go enforce": "nobody: it lasts as long as the process",
	"worker/child/reporter.go NewReporter":    "the reporter's stop",
	"worker/rank/rank.go goThread":            "the rank, which counts its threads; see Stopped",
	"worker/executor/job.go run":              "the job, for each rank's exit",
	"worker/executor/job.go existing":         "its caller, until exitTimeout: a server of files may be away for ever",
}

// TestGoroutinesAreCounted: whoever starts a goroutine stops it and waits. A go statement leaves that to its author; a
// group does it, and starts nothing once its owner stops.
func TestGoroutinesAreCounted(t *testing.T) {
	used := map[string]bool{}
	for _, dir := range goPackages(t) {
		if top, _, _ := strings.Cut(dir, "/"); top != "scheduler" && top != "worker" || dir == "worker/engine/conformance" {
			continue // the last is tests
		}
		files, err := filepath.Glob(filepath.Join("../..", dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			if strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, ".pb.go") {
				continue
			}
			file := strings.TrimPrefix(path, "../../")
			for function, line := range goStatements(t, path) {
				name := file + " " + function
				if used[name] = true; uncounted[name] == "" {
					t.Errorf("%s:%d: %s starts a goroutine that nobody counts: start it by a tasks.Group, or say in "+
						"goroutines_test.go who waits for it", file, line, function)
				}
			}
		}
	}
	for name := range uncounted {
		if !used[name] {
			t.Errorf("%s starts no goroutine any more", name)
		}
	}
}

// goStatements are the functions of a file with go statements, and the line of each one's last.
func goStatements(t *testing.T, path string) map[string]int {
	t.Helper()
	files, found := token.NewFileSet(), map[string]int{}
	parsed, err := parser.ParseFile(files, path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range parsed.Decls {
		name := "a variable"
		if f, ok := d.(*ast.FuncDecl); ok {
			name = f.Name.Name
		}
		ast.Inspect(d, func(n ast.Node) bool {
			if g, ok := n.(*ast.GoStmt); ok {
				found[name] = files.Position(g.Pos()).Line
			}
			return true
		})
	}
	return found
}

// TestTestsDontSpin: a test waits for an event, with a bound. What nothing tells it of it may look for again and again,
// until a time is over. It sleeps in a bubble of synctest only, where that takes no time.
func TestTestsDontSpin(t *testing.T) {
	files, parsed, bubbles := token.NewFileSet(), map[string]*ast.File{}, map[string]bool{}
	for _, path := range treeFiles(t) {
		if !strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, filepath.Join("../..", path), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		parsed[path] = file
		for _, i := range file.Imports {
			if i.Path.Value == `"testing/synctest"` {
				bubbles[filepath.Dir(path)] = true
			}
		}
	}
	for path, file := range parsed {
		for _, d := range file.Decls {
			for _, n := range spins(d, bubbles[filepath.Dir(path)]) {
				t.Errorf("%s:%d: %s: a test waits for an event, with a bound", path, files.Position(n.Pos()).Line,
					calledOf(n))
			}
		}
	}
}

// spins are the calls in a declaration that spin or sleep: loops that yield, unless they are over a range or the
// function looks at the time, and sleeps outside of a bubble.
func spins(d ast.Decl, bubble bool) (found []ast.Node) {
	looks := false
	ast.Inspect(d, func(n ast.Node) bool {
		looks = looks || calledOf(n) == "time.Now"
		return true
	})
	endless := []bool{false} // of the nodes that the node is in: whether the innermost loop may go on for ever
	ast.Inspect(d, func(n ast.Node) bool {
		inner := endless[len(endless)-1]
		switch n.(type) {
		case nil:
			endless = endless[:len(endless)-1]
			return true
		case *ast.ForStmt:
			inner = !looks
		case *ast.RangeStmt:
			inner = false
		}
		if name := calledOf(n); name == "runtime.Gosched" && inner || name == "time.Sleep" && !bubble {
			found = append(found, n)
		}
		endless = append(endless, inner)
		return true
	})
	return found
}

// calledOf is the function of a package that a node calls, as the file names both; "" if it does not.
func calledOf(n ast.Node) string {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return ""
	}
	function, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	if pkg, ok := function.X.(*ast.Ident); ok {
		return pkg.Name + "." + function.Sel.Name
	}
	return ""
}

// TestSpinsAreFound: the check sees what it is for.
func TestSpinsAreFound(t *testing.T) {
	for body, want := range map[string]int{
		"for !done() { runtime.Gosched() }":                             1,
		"for range 9 { for !done() { runtime.Gosched() } }":             1,
		"for !done() { for range 9 { runtime.Gosched() } }":             0,
		"for end := time.Now(); !done(); { runtime.Gosched(); f(end) }": 0,
		"for { f(); if done() { runtime.Gosched() } }":                  1,
		"time.Sleep(1)": 1,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x; func f() { "+body+" }", 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := spins(file.Decls[0], false); len(got) != want {
			t.Errorf("%s: %d found, want %d", body, len(got), want)
		}
	}
}
