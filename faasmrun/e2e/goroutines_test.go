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
	"worker/ending.go as":                                  "its caller, for the result",
	"worker/idle.go drop":                                  "waitForEnding",
	"worker/executor/executor.go serve":                    "nobody: it lasts as long as the process",
	"worker/executor/memorybudget.go enforce":              "nobody: it lasts as long as the process",
	"worker/executor/executor.go newReporter":              "the reporter's stop",
	"worker/executor/job.go run":                           "the job, for each rank's exit",
	"worker/engine/conformance/safepoint.go testSafepoint": "the test",
}

// TestGoroutinesAreCounted: whoever starts a goroutine stops it and waits. A go statement leaves that to its author; a
// group does it, and starts nothing once its owner stops.
func TestGoroutinesAreCounted(t *testing.T) {
	used := map[string]bool{}
	for _, dir := range goPackages(t) {
		if top, _, _ := strings.Cut(dir, "/"); top != "scheduler" && top != "worker" {
			continue
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
