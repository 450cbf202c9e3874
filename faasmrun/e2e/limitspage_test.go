package e2e

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocsLimits holds docs/limits.md to the source: each constant has the value that the page says, each test is
// there.
func TestDocsLimits(t *testing.T) {
	tests := testNames(t)
	for _, l := range limitRows(t) {
		if got := constants(t, l.file)[l.name]; got != l.value {
			t.Errorf("%s in %s is %q, not %q as docs/limits.md says", l.name, l.file, got, l.value)
		}
		if strings.HasPrefix(l.test, "– ") {
			continue
		}
		for _, name := range strings.Split(l.test, ", ") {
			if !tests[name] {
				t.Errorf("docs/limits.md: there is no test %s for %s", name, l.name)
			}
		}
	}
}

// TestLimitsAreListed finds constants that are times and that docs/limits.md does not list.
func TestLimitsAreListed(t *testing.T) {
	// no limits: a unit, and none at all
	listed := map[string]bool{"faasmrun/daemon/auth.go day": true, "worker/wasi/poll.go forever": true}
	for _, l := range limitRows(t) {
		listed[l.file+" "+l.name] = true
	}
	for _, dir := range goPackages(t) {
		top, _, _ := strings.Cut(dir, "/")
		if top != "scheduler" && top != "worker" && top != "mpi" && top != "faasmrun" || dir == "faasmrun/toolchain" ||
			dir == "scheduler/sim" {
			continue
		}
		files, err := filepath.Glob(filepath.Join("../..", dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			file := strings.TrimPrefix(path, "../../")
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			for name, value := range constants(t, file) {
				if strings.Contains(value, "time.") && !listed[file+" "+name] {
					t.Errorf("%s in %s is a time (%s): docs/limits.md lists what happens past it, and the test that goes there", name,
						file, value)
				}
			}
		}
	}
}

type limitRow struct{ name, value, file, past, test string }

var limitLine = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| `([^`]+)` \\| `([^`]+)` \\| ([^|]+) \\| ([^|]+) \\|$")

func limitRows(t *testing.T) (rows []limitRow) {
	t.Helper()
	page, err := os.ReadFile("../../docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range limitLine.FindAllStringSubmatch(string(page), -1) {
		rows = append(rows, limitRow{m[1], m[2], m[3], m[4], m[5]})
	}
	if n := strings.Count(string(page), "\n| `"); len(rows) != n || n == 0 {
		t.Fatalf("docs/limits.md has %d rows of limits, of which %d can be read", n, len(rows))
	}
	return rows
}

// constantLine is a constant in a header of C or C++.
var constantLine = regexp.MustCompile(`(?m)^enum \{ (\w+) = ([^},]+) \};$`)

// constants are those of a file at its top level, with their values as they are written.
func constants(t *testing.T, file string) map[string]string {
	t.Helper()
	if strings.HasSuffix(file, ".h") {
		text, err := os.ReadFile(filepath.Join("../..", file))
		if err != nil {
			t.Fatal(err)
		}
		values := map[string]string{}
		for _, m := range constantLine.FindAllStringSubmatch(string(text), -1) {
			values[m[1]] = m[2]
		}
		return values
	}
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, filepath.Join("../..", file), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	for _, d := range parsed.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			v := s.(*ast.ValueSpec)
			for i, name := range v.Names {
				if i < len(v.Values) {
					var b bytes.Buffer
					if err := printer.Fprint(&b, fset, v.Values[i]); err != nil {
						t.Fatal(err)
					}
					values[name.Name] = b.String()
				}
			}
		}
	}
	return values
}

var testFunction = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)

// testNames are all tests of the tree.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, dir := range append(goPackages(t), "faasmrun/e2e") {
		files, err := filepath.Glob(filepath.Join("../..", dir, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range testFunction.FindAllStringSubmatch(string(text), -1) {
				names[m[1]] = true
			}
		}
	}
	return names
}
