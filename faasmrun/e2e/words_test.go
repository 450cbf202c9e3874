package e2e

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// retirement is a word that once had a meaning of its own here. Whoever knows MPI, Slurm and Go would not have known
// it, and the field has a word for it.
type retirement struct {
	word    string // a regular expression for one word or phrase, in lower case
	instead string // what is said now
	allowed string // a regular expression for lines that may have it, as they are another's words; "": none
}

// retired are not found in any text of the tree, be it a comment, a message, a page or a part of a name: boardSize has
// the word board.
var retired = []retirement{
	{"boards?", "collective slots", `"board"(, "|}$)|l3cache, board`}, // Open MPI's, of --map-by
	{"meetings?", "collective instance", ""},
	{"(quick|short|long|slow) ways?", "fast path, general path", ""},
	{"seats?", "thread", ""},
	{"gates?", "what is waited for", `"\.gate"`}, // a file of releases that are out there
	{"obedience", "termination grace", ""},
	{"farewells?", "exit timeout, or goodbye", ""},
	{"doors?", "connection, interface, import", ""},
	{"convers(e|es|ed|ing)", "exchange messages", ""},
	{"hear|hears|heard|unheard", "receive; no message from …", "MPI_Unheard_of"},
	{"speaks?|spoken", "be about, describe, act as, use the protocol", ""},
	{"verdicts?", "result", ""},
	{"shelf|shelves", "free-slot index", ""},
	{"outlooks?", "shadow time", ""},
	{"harmless", "canBackfill, ignoredByDefault; or say what does not happen", ""},
	{"rooms", "packages; workers with free slots", ""},
	{"more places", "more groups of ranks", ""},
}

// retiredNames are words that are plain English in a sentence, but are no part of what a Go file declares.
var retiredNames = []struct {
	word    string // a regular expression for one word
	dirs    string // where; "": everywhere
	instead string
	allowed string // a regular expression for names that may have it
}{
	{"(?i)hands?", "", "data mover", "ByHand$"},
	{"(?i)little", "", "inline data", ""},
	{"(?i)places?", "^(internal|mpi|snapshot|tui|worker)", "location, position, offset, region: what it is", "[iI]nPlace"},
	{"(?i)adopt(s|ed|ion)?", "^(mpi|internal|snapshot)", "what is done: executors alone are adopted",
		"^WorkerBeforeAdoption$"},
	{"Again|Gone|Leave", "^scheduler/core$", "Requeue, WorkerDisconnected, LauncherDisconnected", ""},
}

// wordFiles are the texts that are searched, by the end of their names.
var wordFiles = regexp.MustCompile(`(\.go|\.md|\.proto|\.txtar|/Makefile)$`)

// notSearched is what is as it is: what earlier releases did, decisions of their day, what others' programs are about,
// generated code, and this list.
var notSearched = regexp.MustCompile(`^(CHANGELOG\.md|docs/decisions/.*|docs/programs\.md|.*\.pb\.go|faasmrun/e2e/words_test\.go)$`)

// testRetiredWords: no word that was given up comes back.
func testRetiredWords(t *testing.T) {
	searched := 0
	for _, file := range treeFiles(t) {
		text, err := os.ReadFile(filepath.Join("../..", file))
		if err != nil {
			t.Fatal(err)
		}
		searched++
		for _, found := range retiredIn(string(text)) {
			t.Errorf("%s:%s", file, found)
		}
		if strings.HasSuffix(file, ".go") {
			for _, found := range retiredNamesIn(t, file, text) {
				t.Errorf("%s:%s", file, found)
			}
		}
	}
	if searched < 500 {
		t.Errorf("%d files were searched: the tree has more", searched)
	}
}

// TestRetiredWordsAreFound has each way of bringing a word back seen.
func TestRetiredWordsAreFound(t *testing.T) {
	for text, want := range map[string]string{
		"// on the board":                        "1: board",
		"\n\tboardSize := 1":                     "2: board",
		"type SlotBoard struct{}":                "1: board",
		"the quick way, and the\nshort way":      "1: quick way;2: short way",
		`t.Error("nothing was heard")`:           "1: heard",
		`"board", "seq"`:                         "",
		"an aboard keyboard":                     "",
		`lockFile(filepath.Join(runs, ".gate"))`: "",
	} {
		var got []string
		for _, found := range retiredIn(text) {
			got = append(got, strings.Split(found, " is")[0])
		}
		if strings.Join(got, ";") != want {
			t.Errorf("%q: found %q, want %q", text, got, want)
		}
	}
	for source, want := range map[string]int{
		"package x; type hand struct{}":                              1,
		"package x; func f(theHand int) {}":                          1,
		"package x; type t struct{ placeOf int }":                    1,
		"package x; func f() { for place := range 3 { _ = place } }": 1,
		"package x; var handle, inPlace, replaced int":               0,
	} {
		if got := retiredNamesIn(t, "worker/x.go", []byte(source)); len(got) != want {
			t.Errorf("%q: found %q, want %d", source, got, want)
		}
	}
}

// treeFiles are the texts of the tree, relative to its root.
func treeFiles(t *testing.T) (files []string) {
	t.Helper()
	root := "../.."
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(root, path)
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name == ".git" || name == "bin" || name == "out"):
			return filepath.SkipDir
		case d.Type().IsRegular() && wordFiles.MatchString("/"+name) && !notSearched.MatchString(name):
			files = append(files, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// anyRetired finds lines that may have a retired word, which few have.
var anyRetired = func() *regexp.Regexp {
	var all []string
	for _, r := range retired {
		all = append(all, r.word)
	}
	return whole(strings.Join(all, "|"))
}()

func whole(words string) *regexp.Regexp { return regexp.MustCompile(`\b(` + words + `)\b`) }

// retiredIn finds retired words in a text: the line, the word, and what is said now.
func retiredIn(text string) (found []string) {
	for i, line := range strings.Split(text, "\n") {
		words := strings.ToLower(separated(line))
		if !anyRetired.MatchString(words) {
			continue
		}
		for _, r := range retired {
			word := whole(r.word).FindString(words)
			if word == "" || r.allowed != "" && regexp.MustCompile(r.allowed).MatchString(line) {
				continue
			}
			found = append(found, fmt.Sprintf("%d: %s is retired; say %s", i+1, word, r.instead))
		}
	}
	return found
}

// separated is a line with the parts of its names as words: slotBoard and slot_board as slot Board and slot board.
func separated(line string) string {
	var b strings.Builder
	last := ' '
	for _, c := range line {
		switch {
		case c == '_':
			c = ' '
		case unicode.IsUpper(c) && (unicode.IsLower(last) || unicode.IsDigit(last)):
			b.WriteByte(' ')
		}
		b.WriteRune(c)
		last = c
	}
	return b.String()
}

// retiredNamesIn finds retired words in the names that a file declares.
func retiredNamesIn(t *testing.T, file string, text []byte) (found []string) {
	t.Helper()
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, file, text, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range retiredNames {
		if !regexp.MustCompile(r.dirs).MatchString(filepath.Dir(file)) {
			continue
		}
		word, allowed := whole(r.word), regexp.MustCompile(r.allowed)
		for _, id := range declared(parsed) {
			if word.MatchString(separated(id.Name)) && (r.allowed == "" || !allowed.MatchString(id.Name)) {
				found = append(found, fmt.Sprintf("%d: the name %s is retired; say %s", files.Position(id.Pos()).Line, id.Name,
					r.instead))
			}
		}
	}
	return found
}

// declared are the identifiers that a file gives a meaning to: constants, types, variables, functions and fields.
func declared(file *ast.File) (ids []*ast.Ident) {
	add := func(exprs ...ast.Expr) {
		for _, e := range exprs {
			if id, ok := e.(*ast.Ident); ok {
				ids = append(ids, id)
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			ids = append(ids, n.Name)
		case *ast.TypeSpec:
			ids = append(ids, n.Name)
		case *ast.ValueSpec:
			ids = append(ids, n.Names...)
		case *ast.Field:
			ids = append(ids, n.Names...)
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				add(n.Lhs...)
			}
		case *ast.RangeStmt:
			if n.Tok == token.DEFINE {
				add(n.Key, n.Value)
			}
		}
		return true
	})
	return ids
}

// saidOnce is what one package knows for all: once there were three and four of each.
var saidOnce = []struct {
	text  string // a regular expression
	files string // where it may stand; tests may have it anywhere
	what  string
}{
	{`\\x7fELF|\\x00asm|!<arch>`, `^internal/(filetype|wasm)/|^worker/engine/conformance/`,
		"what a file is by its first bytes: internal/filetype"},
	{`"KiB"|KMGT`, `^internal/bytesize/`, "sizes as people write them: internal/bytesize"},
	{`"(PD|CF|R|S|CG|RQ|CD|F|CA|TO|NF|OOM|PR)"`, `^scheduler/jobstate/`, "the codes of a job's states: scheduler/jobstate"},
	{`\b(= |\()(110|111)\b`, `^scheduler/jobstate/`, "exit statuses that do not come from a rank: scheduler/jobstate"},
}

func testSaidOnce(t *testing.T) {
	for _, file := range treeFiles(t) {
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(filepath.Join("../..", file))
		if err != nil {
			t.Fatal(err)
		}
		for _, once := range saidOnce {
			if regexp.MustCompile(once.files).MatchString(file) {
				continue
			}
			for _, at := range regexp.MustCompile(once.text).FindAllIndex(text, -1) {
				t.Errorf("%s:%d: %s stands once: %s", file, 1+strings.Count(string(text[:at[0]]), "\n"), text[at[0]:at[1]],
					once.what)
			}
		}
	}
}

// testReportsWhether: what a function says by a single bool, its comment says as Go's do.
func testReportsWhether(t *testing.T) {
	for _, file := range treeFiles(t) {
		if !strings.HasSuffix(file, ".go") {
			continue
		}
		text, err := os.ReadFile(filepath.Join("../..", file))
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range unreported(t, file, text) {
			t.Error(found)
		}
	}
}

// TestReportsWhetherIsMissed: the check sees what it is for.
func TestReportsWhetherIsMissed(t *testing.T) {
	source := `package x
// a is whether.
func a() bool { return true }
// b does it. It reports
// whether it could.
func b() (ok bool) { return true }
func c() bool { return true }
// d does it.
func d() (bool, error) { return true, nil }
// e does it.
func (x) e() (done bool) { return true }
`
	var names []string
	for _, found := range unreported(t, "x.go", []byte(source)) {
		names = append(names, strings.Fields(found)[1])
	}
	if want := []string{"a", "e"}; !slices.Equal(names, want) {
		t.Errorf("found %q, want %q", names, want)
	}
}

// unreported finds functions whose single result is a bool and whose comment doesn't say what it reports.
func unreported(t *testing.T, file string, text []byte) (found []string) {
	t.Helper()
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, file, text, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range parsed.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Doc == nil || f.Type.Results.NumFields() != 1 {
			continue
		}
		result, ok := f.Type.Results.List[0].Type.(*ast.Ident)
		if !ok || result.Name != "bool" {
			continue
		}
		if !strings.Contains(strings.Join(strings.Fields(f.Doc.Text()), " "), "reports whether") {
			found = append(found, fmt.Sprintf("%s:%d: %s gives a bool: its comment says what it \"reports whether\"", file,
				files.Position(f.Pos()).Line, f.Name.Name))
		}
	}
	return found
}
