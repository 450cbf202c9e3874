package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/faasmrun/toolchain"
)

// TestDocs runs every ```console block of the README, the docs and the examples: lines that begin with "$ " are typed
// into one shell a page, what follows is the output expected (both streams). A line "..." stands for any lines, and
// "..." within a line for any text. This is how the docs stay true, and how the examples are tested.
func TestDocs(t *testing.T) {
	bin, home := buildTree(t), testHome(t)
	pages, err := filepath.Glob("../../examples/*/README.md")
	if err != nil {
		t.Fatal(err)
	}
	docs, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(append(pages, docs...), "../../README.md") {
		t.Run(strings.TrimPrefix(page, "../../"), func(t *testing.T) {
			text, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			steps := consoleSteps(string(text))
			if len(steps) == 0 {
				return
			}
			t.Parallel()
			dir := t.TempDir()
			if strings.HasPrefix(page, "../../examples/") {
				copyFiles(t, filepath.Dir(page), dir)
			} else {
				root, err := filepath.Abs("../..")
				if err != nil {
					t.Fatal(err)
				}
				if err := os.CopyFS(filepath.Join(dir, "examples"), os.DirFS(filepath.Join(root, "examples"))); err != nil {
					t.Fatal(err)
				}
			}
			runSteps(t, steps, dir, bin, home)
		})
	}
}

// TestExamplesBrokenOff runs the examples with calls of MPI broken off and made again: what they say is the same.
func TestExamplesBrokenOff(t *testing.T) {
	bin, home := buildTree(t), testHome(t)
	pages, err := filepath.Glob("../../examples/*/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, every := range []string{"1", "random:1"} {
		t.Setenv("FAASMRUN_RESUME_EVERY", every)
		for _, page := range pages {
			t.Run(every+" "+filepath.Base(filepath.Dir(page)), func(t *testing.T) {
				text, err := os.ReadFile(page)
				if err != nil {
					t.Fatal(err)
				}
				dir := t.TempDir()
				copyFiles(t, filepath.Dir(page), dir)
				runSteps(t, consoleSteps(string(text)), dir, bin, home)
			})
		}
	}
}

type consoleStep struct {
	line     int
	command  string
	expected []string
}

// consoleSteps collects the commands of a page's console blocks, in order.
func consoleSteps(page string) []consoleStep {
	var steps []consoleStep
	inside := false
	for i, line := range strings.Split(page, "\n") {
		switch {
		case strings.HasPrefix(line, "```"):
			inside = line == "```console"
		case !inside:
		case strings.HasPrefix(line, "$ "):
			steps = append(steps, consoleStep{line: i + 1, command: line[2:]})
		case len(steps) > 0:
			last := &steps[len(steps)-1]
			last.expected = append(last.expected, line)
		}
	}
	return steps
}

// runSteps types the steps into one shell and compares what each printed.
func runSteps(t *testing.T, steps []consoleStep, dir, bin, home string) {
	const mark = "\x1e\n"
	var script strings.Builder
	script.WriteString("exec 2>&1\n")
	for _, s := range steps {
		// The status is carried over the mark, so that a step may say `echo $?`.
		fmt.Fprintf(&script, "(exit $status)\n%s\nstatus=$?\nprintf '\\036\\n'\n", s.command)
	}
	shell := exec.Command("bash", "-c", script.String())
	shell.Dir = dir
	shell.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "FAASMRUN_HOME="+home, "status=0")
	out, err := shell.CombinedOutput()
	if err != nil && len(out) == 0 {
		t.Fatal(err)
	}
	parts := strings.Split(string(out), mark)
	for i, s := range steps {
		if i >= len(parts)-1 {
			t.Fatalf("line %d: $ %s\ndid not finish; printed:\n%s", s.line, s.command, parts[len(parts)-1])
		}
		got := strings.TrimRight(withoutNotes(parts[i], os.Getenv("FAASMRUN_ENGINE")), "\n")
		if want := strings.TrimRight(strings.Join(s.expected, "\n"), "\n"); !outputPattern(want).MatchString(got) {
			t.Errorf("line %d: $ %s\nprinted:\n%s\nthe page says:\n%s", s.line, s.command, got, want)
		}
	}
}

// withoutNotes is what was said but of compiling: how much that is depends on how busy the machine is. Programs that
// say nothing of engines run on the native one, too, where each is compiled before it runs.
func withoutNotes(said, engine string) string {
	said = compileNote.ReplaceAllString(said, "")
	if engine == "native" {
		said = makingNote.ReplaceAllString(said, "")
	}
	return said
}

// compileNote is said of a first run that takes a second or more, which depends on the machine.
var compileNote = regexp.MustCompile(`(?m)^faasmrun: compiling .*, once; later runs load it from the cache\n`)

// makingNote is said while machine code for the native engine is made.
var makingNote = regexp.MustCompile(`(?m)^faasmrun: making machine code of .*, once(: .*)?\n`)

// outputPattern turns expected output with "..." into a pattern over the whole of what was printed.
func outputPattern(want string) *regexp.Regexp {
	quoted := regexp.QuoteMeta(want)
	quoted = regexp.MustCompile(`(?m)^\\\.\\\.\\\.(\n|$)`).ReplaceAllString(quoted, `(?s:.*)`)
	return regexp.MustCompile(`^` + strings.ReplaceAll(quoted, `\.\.\.`, `[^\n]*`) + `\n?$`)
}

// buildTree builds the command under all its names and returns the directory that holds them.
func buildTree(t testing.TB) string {
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "faasmrun"), "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"faasmcc", "faasmc++", "mpicc", "mpicxx", "mpic++"} {
		if err := os.Symlink("faasmrun", filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// testHome makes a $FAASMRUN_HOME of its own that shares only the C and C++ libraries, which take a minute to build,
// with the user's.
func testHome(t *testing.T) string {
	env := toolchain.System()
	if _, err := toolchain.Install(t.Context(), env, func(string, int, int) {}); err != nil {
		t.Fatal(err)
	}
	cache, err := toolchain.CacheDir(env)
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, "cache"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(cache, "sysroot"), filepath.Join(home, "cache", "sysroot")); err != nil {
		t.Fatal(err)
	}
	return home
}

func copyFiles(t *testing.T, from, to string) {
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(from, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, e.Name()), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDocsNameFilesThatExist holds the paths that docs name in backquotes against the tree.
func TestDocsNameFilesThatExist(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	decisions, err := filepath.Glob("../../docs/decisions/*.md")
	if err != nil {
		t.Fatal(err)
	}
	path := regexp.MustCompile("`((?:faasmrun|scheduler|worker|mpi|omp|snapshot|tui|examples|docs|internal|\\.ci)/" +
		"[A-Za-z0-9_./-]+)`")
	for _, page := range append(append(pages, decisions...), "../../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range path.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join("../..", m[1])); err != nil {
				t.Errorf("%s names %s, which does not exist", page, m[1])
			}
		}
	}
}

func TestOutputPattern(t *testing.T) {
	for _, c := range []struct {
		want, got string
		match     bool
	}{
		{"a\nb", "a\nb", true},
		{"a\nb", "a\nc", false},
		{"a\n...\nd", "a\nb\nc\nd", true},
		{"a\n...", "a\nb", true},
		{"rank ... done", "rank 3 is done", true},
		{"rank ... done", "rank 3\nis done", false},
		{"", "unexpected", false},
	} {
		if outputPattern(c.want).MatchString(c.got) != c.match {
			t.Errorf("%q against %q: not %v", c.want, c.got, c.match)
		}
	}
}
