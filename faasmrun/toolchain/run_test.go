package toolchain

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// launcher builds the whole command, for only it runs modules.
func launcher(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "faasmrun")
	if out, err := exec.Command("go", "build", "-o", bin, "..").CombinedOutput(); err != nil {
		t.Fatalf("building the command: %v\n%s", err, out)
	}
	return bin
}

func execute(t *testing.T, bin, module string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, said bytes.Buffer
	cmd := exec.Command(bin, append([]string{"-np", "1", module}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), said.String()
}

// native is what the program prints when the machine's own compiler builds it.
func native(t *testing.T, source string, args ...string) string {
	t.Helper()
	name, standard := "g++", "-std=c++20"
	if filepath.Ext(source) == ".c" {
		name, standard = "gcc", "-std=gnu17"
	}
	compiler, err := exec.LookPath(name)
	if err != nil {
		t.Skip("no", name, "on this machine")
	}
	dir := t.TempDir()
	bin := filepath.Join(dir, "native")
	if out, err := exec.Command(compiler, standard, "-w", "-O0", "-o", bin, source,
		"-latomic", "-lm").CombinedOutput(); err != nil {
		t.Fatalf("%s does not build it: %v\n%s", name, err, out)
	}
	cmd := exec.Command(bin, args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) { // it ends by terminate or by a status, as it should
		t.Fatal(err)
	}
	return string(out)
}

// TestRun runs programs that look whether the libraries do what they promise.
func TestRun(t *testing.T) {
	bin := launcher(t)
	data, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join(data, "library.out"))
	if err != nil {
		t.Fatal(err)
	}
	t.Run("C++ library", func(t *testing.T) {
		l := newLab(t)
		l.ok("c++", filepath.Join(data, "library.cc"))
		status, stdout, stderr := execute(t, bin, "./a.out")
		if stdout != string(want) {
			t.Errorf("stdout:\n%s", stdout)
		}
		if status != 134 || !strings.Contains(stderr, "uncaught exception of type std::runtime_error: the end") {
			t.Errorf("status %d\n%s", status, stderr)
		}
	})
	t.Run("C++ library beside its native build", func(t *testing.T) {
		// The machine's library words one message otherwise.
		here := strings.ReplaceAll(string(want), "stoi: no conversion\n", "stoi\n")
		if got := native(t, filepath.Join(data, "library.cc")); got != here {
			t.Errorf("natively:\n%s\nwanted:\n%s", got, here)
		}
	})
	t.Run("C++ by the C compiler", func(t *testing.T) {
		l := newLab(t)
		const thrower = "#include <stdexcept>\nvoid thrower() { throw std::runtime_error(\"thrown\"); }\n"
		l.write("a.cc", thrower)
		l.write("b.x", "#include <cstdio>\n#include <exception>\nvoid thrower();\nint main() { try { thrower(); } "+
			"catch (const std::exception &e) { std::puts(e.what()); } }\n")
		l.ok("cc", "-c", "a.cc", "-x", "c++", "b.x")
		l.ok("cc", "a.o", "b.o", "-lstdc++")
		if status, stdout, stderr := execute(t, bin, "./a.out"); status != 0 || stdout != "thrown\n" {
			t.Errorf("status %d\n%s%s", status, stdout, stderr)
		}
	})
	t.Run("locale", func(t *testing.T) {
		want, err := os.ReadFile(filepath.Join(data, "locale.out"))
		if err != nil {
			t.Fatal(err)
		}
		l := newLab(t)
		l.ok("c++", filepath.Join(data, "locale.cc"))
		if status, stdout, stderr := execute(t, bin, "./a.out"); status != 0 || stdout != string(want) {
			t.Errorf("status %d\n%s%s", status, stdout, stderr)
		}
	})
	t.Run("endings", func(t *testing.T) {
		l := newLab(t)
		source := filepath.Join(data, "endings.cc")
		l.ok("c++", source)
		for _, args := range [][]string{nil, {"exit"}} {
			status, stdout, stderr := execute(t, bin, "./a.out", args...)
			if want := native(t, source, args...); stdout != want || status != 3*len(args) {
				t.Errorf("%q: status %d\n%s%s\nnatively:\n%s", args, status, stdout, stderr, want)
			}
		}
	})
	for _, level := range []string{"-O0", "-O2"} {
		t.Run("compat "+level, func(t *testing.T) {
			l := newLab(t)
			if status, _, stderr := l.try("cc", level, filepath.Join(data, "compat.c")); status != 0 ||
				!strings.HasSuffix(stderr, ": these always fail here (docs/unsupported.md)\n") {
				t.Fatalf("status %d\n%s", status, stderr)
			}
			status, stdout, stderr := execute(t, bin, "./a.out")
			if status != 0 || stdout != "jumped 3 times, 7, 7, thread-local 6\n1.5 0x1.999999999999ap-4\n" ||
				!strings.Contains(stderr, "a.out: a warning\n") ||
				!strings.Contains(stderr, "./a.out: an error: No such file or directory\n") {
				t.Errorf("status %d\n%s%s", status, stdout, stderr)
			}
		})
	}
	t.Run("long double", func(t *testing.T) {
		l := newLab(t)
		l.ok("cc", "-O2", filepath.Join(data, "longmath.c"), "-lm")
		if status, stdout, stderr := execute(t, bin, "./a.out"); status != 0 || stdout != "" {
			t.Errorf("status %d\n%s%s", status, stdout, stderr)
		}
	})
	t.Run("signals that end a program", func(t *testing.T) {
		l := newLab(t)
		l.write("a.c", "#include <signal.h>\n#include <stdlib.h>\nint main(int argc, char **argv) { return "+
			"raise(atoi(argv[1])); }\n")
		l.ok("cc", "a.c")
		// SIGTSTP: refused
		for signal, want := range map[string]int{"1": 129, "6": 134, "9": 137, "11": 139, "15": 143, "17": 0, "20": 255} {
			if status, _, stderr := execute(t, bin, "./a.out", signal); status != want {
				t.Errorf("signal %s: status %d, not %d\n%s", signal, status, want, stderr)
			}
		}
	})
	// wasm-ld does not compare types where it takes a member out of an archive for a call, so that order matters to it: a
	// member's own call of another, a library ahead of its users, main in a library.
	t.Run("undeclared functions in archives", func(t *testing.T) {
		l := newLab(t)
		l.write("main.c", "int main(void) { long n = 3; return outer(n, 1.5, 4) == 5 ? 0 : 1; }\n")
		l.write("outer.c", "#include <stdio.h>\ndouble inner();\n"+
			"int outer(int n, double x) {\n\tprintf(\"%d %g\\n\", n, x);\n"+
			"\treturn inner(n, 2.5, 7L);\n}\n")
		l.write("inner.c", "double inner(long n, double x) { return n + x; }\n")
		l.ok("cc", "-w", "-c", "main.c", "outer.c", "inner.c")
		for name, of := range map[string][]string{"libmain.a": {"main.o"}, "libouter.a": {"outer.o"},
			"libinner.a": {"inner.o"},
			"liball.a":   {"inner.o", "outer.o", "main.o"}} {
			l.archive(name, of...)
		}
		for _, objects := range []string{"main.o outer.o inner.o", "liball.a", "main.o liball.a", "-L. -lall",
			"libinner.a libouter.a libmain.a", "libmain.a libouter.a libinner.a", "libinner.a main.o outer.o",
			"-g libinner.a libouter.a main.o"} {
			if status, _, said := l.try("cc", strings.Fields(objects)...); status != 0 ||
				!strings.Contains(said, "function signature mismatch: outer") || strings.Contains(said, "member") {
				t.Errorf("%s: status %d\n%s", objects, status, said)
			}
			if status, stdout, stderr := execute(t, bin, "./a.out"); status != 0 || stdout != "3 1.5\n" {
				t.Errorf("%s: status %d\n%s%s", objects, status, stdout, stderr)
			}
		}
	})
	t.Run("main in an archive", func(t *testing.T) {
		l := newLab(t)
		l.write("other.c", "int other(void) { return 1; }\n")
		l.ok("cc", "-c", "other.c")
		for definition, want := range map[string]string{
			"int main(void) { return puts(\"none\") < 0; }":                                                      "none\n",
			"int main(int n, char **v) { return printf(\"%d %s\\n\", n, v[1]) < 0; }":                            "2 word\n",
			"int main(int n, char **v, char **e) { return printf(\"%d %s %d\\n\", n, v[1], e == environ) < 0; }": "2 word 1\n",
			"int main(n, v) int n; char **v; { return printf(\"%d %s\\n\", n, v[1]) < 0; }":                      "2 word\n",
			"void main() { puts(\"void\"); exit(0); }":                                                           "void\n",
		} {
			l.write("main.c", "#include <stdio.h>\n#include <stdlib.h>\n#include <unistd.h>\nextern char **environ;\n"+
				definition+"\n")
			l.ok("cc", "-w", "-c", "main.c")
			l.archive("libmain.a", "main.o", "other.o")
			for _, objects := range []string{"main.o", "libmain.a", "other.o libmain.a", "other.o -L. -lmain"} {
				if status, _, said := l.try("cc", strings.Fields(objects)...); status != 0 {
					t.Errorf("%s, %s: status %d\n%s", definition, objects, status, said)
				}
				if status, stdout, stderr := execute(t, bin, "./a.out", "word"); status != 0 || stdout != want {
					t.Errorf("%s, %s: status %d\n%s%s", definition, objects, status, stdout, stderr)
				}
			}
		}
	})
	t.Run("undeclared functions", func(t *testing.T) {
		l := newLab(t)
		var sources []string
		for _, name := range []string{"undeclared.c", "undeclared-twin.c", "undeclared-callee.c"} {
			sources = append(sources, filepath.Join(data, name))
		}
		if status, _, said := l.try("cc", append(sources, "-w")...); status != 0 ||
			!strings.Contains(said, "function signature mismatch: wider") {
			t.Fatalf("status %d\n%s", status, said)
		}
		status, stdout, stderr := execute(t, bin, "./a.out")
		want := "wider -6\nfewer 1\nnone\nmore 4\nlacking 8\nfloats 10\nstatic 5\npointer -8\nsince 11\nseconds 0\n"
		if status != 0 || stdout != want {
			t.Errorf("status %d\n%s%s", status, stdout, stderr)
		}
		if _, _, stderr := execute(t, bin, "./a.out", "half"); !strings.Contains(stderr,
			"half was declared with other types than it is defined with") {
			t.Errorf("a call that goes wrong natively too: %s", stderr)
		}
		m, err := wasm.Decode(l.module("a.out"))
		if err != nil {
			t.Fatal(err)
		}
		if _, exported := m.Export("wider"); exported {
			t.Error("wider is exported")
		}
	})
}

// TestPassedFunctions: libc calls what it was passed as it is, whatever it was declared as, on both engines. What takes
// more than it is given traps.
func TestPassedFunctions(t *testing.T) {
	bin := launcher(t)
	source, err := filepath.Abs("testdata/passed.c")
	if err != nil {
		t.Fatal(err)
	}
	l := newLab(t)
	want := native(t, source)
	for _, options := range []string{"-O0 -g", "-O2 -s"} {
		l.ok("cc", append(strings.Fields(options), "-pthread", "-w", source)...)
		for _, engine := range []string{"wazero", "native"} {
			t.Setenv("FAASMRUN_ENGINE", engine)
			if status, stdout, stderr := execute(t, bin, "./a.out"); status != 0 || stdout != want {
				t.Errorf("%s, %s: status %d\n%s%s", options, engine, status, stdout, stderr)
			}
			if status, _, stderr := execute(t, bin, "./a.out", "three"); status != 139 ||
				!strings.Contains(stderr, "a function pointer of another type") {
				t.Errorf("%s, %s, one that takes more: status %d\n%s", options, engine, status, stderr)
			}
		}
	}
}

// TestBindings: MPI's C++ bindings give what Open MPI's give (the golden is its output, but that Debian builds it
// without exceptions), and a program imports the functions of MPI that it calls alone.
func TestBindings(t *testing.T) {
	bin := launcher(t)
	data, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join(data, "bindings.out"))
	if err != nil {
		t.Fatal(err)
	}
	l := newLab(t)
	l.ok("c++", filepath.Join(data, "bindings.cc"))
	out, err := exec.Command(bin, "-np", "4", "a.out").Output()
	if err != nil || string(out) != string(want) {
		t.Errorf("%v\n%s", err, out)
	}
	l.write("small.cc", "#include <mpi.h>\nint main() { MPI::Init(); MPI::COMM_WORLD.Barrier(); MPI::Finalize(); }\n")
	l.write("linkage.cc", "extern \"C\" {\n#include <mpi.h>\n}\nint skipped(MPI_Comm c) { return c == MPI::COMM_SELF; }\n")
	l.write("without.cc", "#define OMPI_SKIP_MPICXX 1\n#include <mpi.h>\nnamespace MPI { int Init; }\n")
	l.ok("c++", "-std=c++11", "-Wall", "-Wextra", "-Werror", "small.cc", "linkage.cc", "without.cc", "-o", "small")
	l.ok("c++", "-fno-exceptions", "-fno-rtti", "-c", "small.cc")
	m, err := wasm.Decode(l.module("small"))
	if err != nil {
		t.Fatal(err)
	}
	var calls []string
	for _, im := range m.Imports {
		if im.Module == "mpi" {
			calls = append(calls, im.Name)
		}
	}
	slices.Sort(calls)
	if got := strings.Join(calls, " "); got != "MPI_Barrier MPI_Comm_dup MPI_Finalize MPI_Init" {
		t.Errorf("imports %s", got) // Clone, the one virtual function, duplicates
	}
}

// TestBindingsFunctions: operations and error handlers of the C++ bindings may be made of 64 functions each, any number
// of times. One function more is an error of class MPI_ERR_INTERN, with words, and nothing else changes by it.
func TestBindingsFunctions(t *testing.T) {
	bin := launcher(t)
	data, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	l := newLab(t)
	l.ok("c++", "-O1", filepath.Join(data, "callbacks.cc"))
	const words = "the program has more: MPI_Op_create"
	status, stdout, stderr := execute(t, bin, "-np", "2", "a.out")
	const all = "64 operations, 64 error handlers\n"
	if status != 0 || stdout != all+"thrown: class 1, words 1, null 1 1\n"+all {
		t.Errorf("status %d\n%s%s", status, stdout, stderr)
	}
	for _, fatal := range []string{"operation", "handler"} {
		if status, _, stderr := execute(t, bin, "a.out", fatal); status == 0 || !strings.Contains(stderr, words) ||
			!strings.Contains(stderr, "MPI_ERR_INTERN") {
			t.Errorf("%s: status %d\n%s", fatal, status, stderr)
		}
	}
}
