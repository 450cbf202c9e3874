package toolchain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	mpih "github.com/faasmrun/faasmrun/mpi/guest"
)

// lab is a directory with a private cache, in which the real clang compiles.
type lab struct {
	t   *testing.T
	env []string
}

// newLab changes to an empty directory. The libraries come from the machine's cache, and are built the first time.
func newLab(t *testing.T) *lab {
	t.Helper()
	t.Chdir(t.TempDir())
	return &lab{t: t, env: os.Environ()}
}

func TestMain(m *testing.M) {
	if name := compilerName(os.Args[0]); name != "" {
		os.Exit(Main(name, os.Args[1:], System()))
	}
	if name := filepath.Base(os.Args[0]); IsBinutil(name) {
		os.Exit(Binutil(name, os.Args[1:], System()))
	}
	if _, err := Install(context.Background(), System(), PrintProgress(os.Stderr, "test")); err != nil {
		fmt.Fprintln(os.Stderr, "faasmrun toolchain install:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func (l *lab) write(name, text string) {
	l.t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		l.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		l.t.Fatal(err)
	}
}

// try runs the driver and returns all it printed.
func (l *lab) try(name string, args ...string) (status int, stdout, stderr string) {
	l.t.Helper()
	var out, err bytes.Buffer
	status = Main(name, args, Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &err, Environ: l.env})
	return status, out.String(), err.String()
}

// ok runs the driver, which must succeed without a word on stderr.
func (l *lab) ok(name string, args ...string) string {
	l.t.Helper()
	status, stdout, stderr := l.try(name, args...)
	if status != 0 || stderr != "" {
		l.t.Fatalf("%s %s: status %d\n%s", name, strings.Join(args, " "), status, stderr)
	}
	return stdout
}

// fails runs the driver, which must fail and say each of the words.
func (l *lab) fails(name string, args []string, words ...string) {
	l.t.Helper()
	status, _, stderr := l.try(name, args...)
	if status == 0 {
		l.t.Errorf("%s %s succeeded", name, strings.Join(args, " "))
	}
	for _, word := range words {
		if !strings.Contains(stderr, word) {
			l.t.Errorf("%s %s: stderr lacks %q:\n%s", name, strings.Join(args, " "), word, stderr)
		}
	}
}

func (l *lab) read(name string) []byte {
	l.t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		l.t.Fatal(err)
	}
	return data
}

func (l *lab) module(name string) []byte {
	l.t.Helper()
	data := l.read(name)
	if !bytes.HasPrefix(data, []byte("\x00asm\x01\x00\x00\x00")) {
		l.t.Fatalf("%s is not a module", name)
	}
	info, err := os.Stat(name)
	if err != nil {
		l.t.Fatal(err)
	}
	if info.Mode()&0o111 == 0 {
		l.t.Errorf("%s is not executable: %v", name, info.Mode())
	}
	return data
}

const helloC = `
#include <mpi.h>
#include <stdio.h>
int main(int argc, char **argv) {
	int rank;
	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	printf("hello from %d\n", rank);
	MPI_Finalize();
	return 0;
}
`

func TestCompileAndLink(t *testing.T) {
	l := newLab(t)
	l.write("hello.c", helloC)
	l.ok("cc", "hello.c")
	data := l.module("a.out")
	for _, name := range []string{"MPI_Comm_rank", "__stack_pointer", "fd_write", "main"} {
		if !bytes.Contains(data, []byte(name)) {
			t.Errorf("the module lacks the name %s", name)
		}
	}
}

func TestSeparateCompilation(t *testing.T) {
	l := newLab(t)
	l.write("src/main.c", "#include \"add.h\"\n#include <math.h>\nint main(void) { return add(1, 2) + (int)sin(W); }\n")
	l.write("inc/add.h", "int add(int, int);\n")
	l.write("add.cc", "extern \"C\" int add(int a, int b) { return a + b; }\n")
	l.ok("cc", "-DW=0", "-Iinc", "-g", "-Wall", "-Werror", "-std=c99", "-fPIC", "-march=native", "-pthread", "-MMD", "-MP",
		"-c", "src/main.c")
	l.ok("c++", "-c", "add.cc", "-o", "add.o")
	if dep := string(l.read("main.d")); !strings.HasPrefix(dep, "main.o:") || !strings.Contains(dep, "inc/add.h") {
		t.Errorf("main.d says\n%s", dep)
	}
	l.ok("cc", "-g", "main.o", "add.o", "-o", "prog", "-lm", "-lpthread", "-lrt", "-ldl", "-L/usr/lib", "-lmpi",
		"-Wl,-rpath,/opt/lib", "-Wl,-rpath", "-Wl,/opt/lib", "-Wl,--as-needed", "-Wl,-z,relro")
	l.module("prog")
}

func TestModes(t *testing.T) {
	l := newLab(t)
	l.write("a.c", "#include <mpi.h>\nint f(void) { return MPI_VERSION + N; }\n")
	for _, c := range []struct{ args, want string }{
		{"-E -DN=7 a.c", "return 5 + 7"},
		{"-S -DN=7 a.c -o -", ".functype\tf () -> (i32)"},
		{"-M -DN=7 a.c", "mpi.h"},
		{"-MM -DN=7 a.c", "a.o: a.c"},
		{"-dumpmachine", "wasm64-unknown-wasi"},
		{"--version", "clang version 19"},
		{"-dumpversion", "19"},
		{"-dumpfullversion", "19"},
		{"-Wl,--version", "LLD 19"},
		{"-print-prog-name=ld", "wasm-ld"},
		{"-print-file-name=libc.a", "wasm64-wasi/libc.a"},
		{"-show a.c -o x", "wasm-ld"},
		{"-showme", "clang-19"},
		{"--showme:compile", "-I"},
		{"-showme:link", "\n"},
	} {
		if out := l.ok("cc", strings.Fields(c.args)...); !strings.Contains(out, c.want) {
			t.Errorf("cc %s lacks %q:\n%s", c.args, c.want, out)
		}
	}
	l.ok("cc", "-fsyntax-only", "-DN=1", "a.c")
}

func TestCxx(t *testing.T) {
	l := newLab(t)
	l.write("a.cpp", "#include <iostream>\n#include <vector>\n#include <mpi.h>\nint half(int);\n"+
		"int main(int, char **) { std::vector<int> v(4); std::cout << half(v.size()) << std::endl; return MPI_Finalize(); "+
		"}\n")
	l.write("b.c", "template<class T> T halve(T x) { return x / 2; }\nint half(int x) { return halve(x); }\n")
	l.ok("c++", "a.cpp", "b.c", "-O1", "-o", "a.wasm")
	l.module("a.wasm")
	l.ok("cc", "a.cpp", "-x", "c++", "b.c", "-O1", "-lstdc++", "-o", "a.wasm")
}

// TestPrecompiledHeaders: headers alone are precompiled without -c, as by gcc and clang, and -include-pch takes the
// next word.
func TestPrecompiledHeaders(t *testing.T) {
	l := newLab(t)
	l.write("all.hpp", "#include <vector>\ninline int seven() { return 7; }\n")
	l.write("a.cpp", "std::vector<int> v(7);\nint main() { return v.size() - seven(); }\n")
	l.ok("c++", "-O1", "all.hpp", "-o", "all.pch")
	l.ok("c++", "-O1", "-include-pch", "all.pch", "a.cpp", "-o", "a.wasm")
	l.module("a.wasm")
	l.ok("c++", "-O1", "-fopenmp", "-x", "c++-header", "all.hpp", "-o", "threads.pch")
	l.ok("c++", "-O1", "-fopenmp", "-include-pch", "threads.pch", "-c", "a.cpp")
	l.fails("c++", []string{"-O1", "all.hpp", "a.cpp"}, "a header cannot be linked")
}

// TestOldStandards: mpi.h brings C++'s headers, which older standards take too, and errno is a function's as in glibc:
// a declaration of it after errno.h names that function, and its plain name is the program's.
func TestOldStandards(t *testing.T) {
	l := newLab(t)
	l.write("a.cc", "#include <errno.h>\n#include <mpi.h>\nextern int errno;\n"+
		"int main(int argc, char **argv) {\n\tMPI_Init(&argc, &argv);\n\tstd::map<std::string, int> all;\n"+
		"\tall[\"errno\"] = errno;\n\tMPI_Finalize();\n\treturn all.size() != 1;\n}\n")
	for _, standard := range []string{"c++98", "gnu++98", "c++03", "c++11", "gnu++17", "c++20"} {
		l.ok("c++", "-Wall", "-std="+standard, "a.cc")
	}
	l.write("b.c", "#include <errno.h>\n#include <stdlib.h>\nextern int errno;\n"+
		"int main(void) {\n\textern int errno;\n\terrno = 0;\n\treturn !strtol(\"9\", NULL, 99) && errno == EINVAL;\n}\n")
	for _, standard := range []string{"c89", "gnu89", "c99", "gnu17"} {
		l.ok("cc", "-w", "-std="+standard, "b.c")
	}
	l.write("own.c", "int errno = 7;\nint main(void) { return errno != 7; }\n")
	l.ok("cc", "own.c")
	l.write("lost.c", "extern int errno;\nint main(void) { return errno; }\n")
	l.fails("cc", []string{"lost.c"}, "undefined symbol: errno") // as natively: it is no variable
}

// TestUnixNames: the names of every Unix's compiler, the plain one in GNU's dialects alone; the user's -U wins.
func TestUnixNames(t *testing.T) {
	l := newLab(t)
	l.write("a.c", "#ifdef unix\nplain\n#endif\n#if __unix__ && __unix\nnames\n#endif\n#ifdef __linux__\nlinux\n#endif\n")
	for _, c := range []struct{ compiler, args, want string }{
		{"cc", "", "plain names"}, {"cc", "-std=gnu99", "plain names"}, {"cc", "-std=c99", "names"},
		{"cc", "--std=c11", "names"}, {"cc", "-ansi", "names"}, {"cc", "-std=c99 -std=gnu11", "plain names"},
		{"c++", "", "plain names"}, {"c++", "-std=c++17", "names"}, {"c++", "-std=gnu++98", "plain names"},
		{"cc", "-Uunix -D__linux__", "names linux"},
	} {
		out := l.ok(c.compiler, append(strings.Fields(c.args), "-E", "-P", "a.c")...)
		if got := strings.Join(strings.Fields(out), " "); got != c.want {
			t.Errorf("%s %s: %q, not %q", c.compiler, c.args, got, c.want)
		}
	}
}

// TestGenerousHeaders: C's headers bring C++'s names, within extern "C" too, and abs takes unsigned numbers as with
// libstdc++, unless the program has one that fits better. What waits on an atomic fits the library also in a program
// that says it is for Linux.
func TestGenerousHeaders(t *testing.T) {
	bin := launcher(t)
	l := newLab(t)
	l.write("names.cc", `extern "C" {
#include <math.h>
#include <stdlib.h>
}
int main() {
	size_t a = 3, b = 5;
	unsigned u = 7;
	return std::abs(-2) + std::sqrt(4.0) + abs(a - b) + abs(u) - 13 + (sizeof abs(a) - 4) + std::atoi("0") + (abs(-2.5) != 2.5);
}
`)
	l.write("own.cc", `#include <cstdlib>
#include <cmath>
template <class T> T abs(T x) { return x < 0 ? -x : x; }
int main() { size_t a = 3; return sizeof abs(a) - sizeof a; }
`)
	for _, standard := range []string{"c++98", "c++11", "c++20"} {
		for _, file := range []string{"names.cc", "own.cc"} {
			l.ok("c++", "-Wall", "-std="+standard, file)
			if status, _, stderr := execute(t, bin, "./a.out"); status != 0 {
				t.Errorf("%s as %s: status %d\n%s", file, standard, status, stderr)
			}
		}
	}
	l.write("wait.cc", "#include <atomic>\nint main() { std::atomic<int> n{1}; n.wait(0); n.notify_all(); }\n")
	l.ok("c++", "-std=c++20", "-D__linux__", "wait.cc")
	if status, _, stderr := execute(t, bin, "./a.out"); status != 0 {
		t.Errorf("status %d\n%s", status, stderr)
	}
}

// TestSanitizer: what it finds ends in a trap, for there is no runtime that could report it.
func TestSanitizer(t *testing.T) {
	l := newLab(t)
	l.write("a.c", "int main(int c, char **v) { int a[2] = {c, c}; return a[c] << c; }\n")
	l.ok("cc", "-fsanitize=undefined", "a.c")
	l.module("a.out")
	l.fails("cc", []string{"-fsanitize=address", "a.c"}, "-fsanitize=address")
}

// TestRelocatable joins two objects to a third, which no library is linked to.
// TestMeasured builds with each option that makes a native program write a profile: compiling says nothing, linking
// says that there will be none, and a profile that was made elsewhere is not asked for.
func TestMeasured(t *testing.T) {
	l := newLab(t)
	l.write("main.c", "int main(void) { return 0; }")
	for _, option := range []string{"-pg", "-p", "--coverage", "-coverage", "-fprofile-arcs", "-ftest-coverage",
		"-fprofile-generate", "-fprofile-generate=dir", "-fprofile-instr-generate", "-fcoverage-mapping"} {
		l.ok("mpicc", option, "-c", "main.c", "-o", "main.o")
		status, _, stderr := l.try("mpicc", option, "main.o", "-o", "prog")
		want := "faasmrun mpicc: warning: " + option + ": the program runs without it and writes no profile\n"
		if status != 0 || stderr != want {
			t.Errorf("%s: status %d, %q, want %q", option, status, stderr, want)
		}
		l.module("prog")
	}
	l.ok("mpicc", "-fprofile-use", "-fprofile-correction", "-Wno-missing-profile", "main.c", "-o", "prog")
}

func TestRelocatable(t *testing.T) {
	l := newLab(t)
	l.write("a.c", "int f(void); int main(void) { return f() + g(); }\n")
	l.write("b.c", "int f(void) { return 1; }\n")
	l.write("c.c", "int g(void) { return 2; }\n")
	l.ok("cc", "-w", "-c", "a.c", "b.c")
	l.ok("cc", "-r", "a.o", "b.o", "-lm", "-o", "ab.o")
	l.ok("cc", "ab.o", "c.c")
	l.module("a.out")
}

func TestResponseFiles(t *testing.T) {
	l := newLab(t)
	l.write("my file.c", "int main(void) { return N[0]; }\n")
	l.write("args", "-DN=\\\"x\\\" 'my file.c'\n@more")
	l.write("more", "-o \"out put\"\n")
	l.ok("cc", "@args")
	l.module("out put")
	l.write("loop", "@loop")
	l.fails("cc", []string{"@loop"}, "include each other")
	l.fails("cc", []string{"@nowhere"}, "@nowhere")
}

func TestArchives(t *testing.T) {
	l := newLab(t)
	l.write("m.c", "int used(void); int main(void) { return used(); }\n")
	l.write("u.c", "int used(void) { return 1; }\n")
	l.ok("cc", "-c", "u.c", "-o", "u.o")
	object := l.read("u.o")
	// An archive without an index, as a binutils ar without wasm in it leaves.
	header := "u.o/            0           0     0     644     " + padded(len(object)) + "`\n"
	l.write("lib/libutil.a", "!<arch>\n"+header+string(object)+strings.Repeat("\n", len(object)%2))
	l.ok("cc", "m.c", "-Llib", "-lutil", "-o", "m.wasm")
	l.ok("cc", "m.c", "lib/libutil.a", "-lutil", "-o", "m.wasm")
	l.fails("cc", []string{"m.c", "-Llib", "-lnowhere"}, "-lnowhere", "libnowhere.a", "lib")
	elf := "\x7fELF\x02\x01\x01\x00"
	l.write("native.o", elf)
	l.write("libnat.a", "!<arch>\n"+"n.o/            0           0     0     644     8         `\n"+elf)
	l.fails("cc", []string{"m.c", "native.o"}, "native.o", "for the host")
	l.fails("cc", []string{"m.c", "-L.", "-lnat"}, "libnat.a", "for the host")
	tools, err := findTools(Env{Environ: l.env})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(tools.clang, "--target=wasm32-wasi", "-nostdlibinc", "-c", "u.c", "-o",
		"narrow.o").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	l.fails("cc", []string{"m.c", "narrow.o"}, "narrow.o: wasm32 object", "compile what is for wasm32 anew")
}

func padded(n int) string { return fmt.Sprintf("%-10d", n) }

// TestUnwind: a walk over the frames links and finds none; one that is to run a program's cleanups frame by frame is
// not there.
func TestUnwind(t *testing.T) {
	l := newLab(t)
	l.write("walk.c", `#include <unwind.h>
static _Unwind_Reason_Code each(struct _Unwind_Context *c, void *n) {
	int before;
	*(int *)n += _Unwind_GetIP(c) != 0 && _Unwind_GetIPInfo(c, &before) != 0 && _Unwind_GetCFA(c) != 0;
	return _URC_NO_REASON;
}
int main(void) { int n = 0; return _Unwind_Backtrace(each, &n) != _URC_END_OF_STACK || _Unwind_FindEnclosingFunction(&n) != 0; }
`)
	l.ok("c++", "walk.c")
	l.ok("cc", "walk.c")
	l.write("force.c", "char _Unwind_ForcedUnwind();\nint main(void) { return _Unwind_ForcedUnwind(); }\n")
	l.fails("cc", []string{"force.c"}, "undefined symbol: _Unwind_ForcedUnwind")
}

func TestUndefined(t *testing.T) {
	l := newLab(t)
	l.write("dir/u.c", "int nobody(void), nothing(int); int main(void) { return nobody() + nothing(1); }\n")
	l.fails("cc", []string{"dir/u.c"}, "u.o: undefined symbol: nobody", "undefined symbol: nothing")
	if _, _, stderr := l.try("cc", "dir/u.c"); strings.Contains(stderr, os.TempDir()) {
		t.Errorf("the message names a temporary file:\n%s", stderr)
	}
	if _, err := os.Stat("a.out"); err == nil {
		t.Error("a failed link left a.out behind")
	}
}

// TestWithoutHeader links as a configure script does that looks for MPI in the libraries: it finds what a worker has,
// and nothing that mpi.h merely declares, with the header neither. A program that includes mpi.h links all the same; it
// is told so when it is loaded, and the function fails when it is called.
func TestWithoutHeader(t *testing.T) {
	l := newLab(t)
	l.write("conftest.c", "char MPI_Init(); char PMPI_Send();\nint main(void) { return MPI_Init() + PMPI_Send(); }\n")
	l.ok("cc", "conftest.c", "-lmpi")
	l.write("conftest.c", "char MPI_Nonsense();\nint main(void) { return MPI_Nonsense(); }\n")
	l.fails("cc", []string{"conftest.c"}, "undefined symbol: MPI_Nonsense")
	absent, large := declaredOnly(t)
	l.write("conftest.c", fmt.Sprintf("char %s();\nint main(void) { return %[1]s(); }\n", absent))
	l.fails("cc", []string{"conftest.c"}, "undefined symbol: "+absent, "docs/mpi-support.md")
	// Who does not find the large-count form would define it, beside mpi.h, by the other one, which is not there either.
	l.write("conftest.c", fmt.Sprintf("char %s();\nint main(void) { return %[1]s(); }\n", large))
	l.ok("cc", "conftest.c", "-o", "conftest")
	l.write("program.c",
		fmt.Sprintf("#include <mpi.h>\nint main(void) { void *volatile f = (void *)%s; return f != 0; }\n", absent))
	l.write("there.c", "#include <mpi.h>\nint main(void) { return MPI_Init(0, 0); }\n")
	l.ok("cc", "program.c", "-o", "program.wasm")
	if !bytes.Contains(l.read("program.wasm"), []byte(absent)) {
		t.Errorf("a program that includes mpi.h does not import %s", absent)
	}
	for _, probe := range []string{"conftest", "conftest.exe", "cmTC_0a1b2"} { // of Autoconf and CMake, with the header
		l.fails("cc", []string{"program.c", "-o", probe}, "undefined symbol: "+absent)
		l.ok("cc", "there.c", "-o", probe)
	}
}

// declaredOnly is a function that mpi.h declares and no worker has, with its large-count form.
func declaredOnly(t *testing.T) (name, large string) {
	have := mpiFunctions()
	declared := map[string]bool{}
	for _, match := range regexp.MustCompile(`(?m)^MPI_CALL\([^,]+, (\w+),`).FindAllStringSubmatch(mpih.Header, -1) {
		if name := "MPI_" + match[1]; !slices.Contains(have, name) {
			declared[name] = true
		}
	}
	for name := range declared {
		if declared[name+"_c"] {
			return name, name + "_c"
		}
	}
	t.Skip("this version has every function that mpi.h declares")
	return "", ""
}

func TestBadCommands(t *testing.T) {
	l := newLab(t)
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	l.write("a.c", "int main(void) { return 0 }\n")
	for _, c := range []struct{ args, want string }{
		{"", "no input files"},
		{"-shared a.c", "static library"},
		{"-Wl,-shared a.c", "static library"},
		{"--sysroot=/ a.c", "--sysroot"},
		{"--target=x86_64-linux-gnu a.c", "wasm64-wasip1"},
		{"a.f90", "Fortran"},
		{"libx.so.1", "shared libraries"},
		{"a.c -o", "-o needs an argument"},
		{"-D", "-D needs an argument"},
		{"a.c", "expected ';'"},
		{"missing.c", "missing.c"},
		{"-showme:x", "known are"},
		{"-Wl,-T,x.ld a.c", "linker script"},
		{"-c a.o", "no source files"},
		{"-fopenmp -fopenmp-targets=nvptx64 a.c", "no device"},
		{"-c a.c b.c -o x.o", "one output for 2 files"},
		{"a.c -o a.c", "the input is the same file"},
		{"-c a.c -o ../" + filepath.Base(wd) + "/a.c", "the input is the same file"},
	} {
		l.fails("cc", strings.Fields(c.args), c.want)
	}
}

func TestMissingClang(t *testing.T) {
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "clang-16"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	for path, note := range map[string]string{"/nowhere": "clang-19 is missing; install",
		other: "clang-16 is another version"} {
		_, err := findProgram(Env{Environ: []string{"PATH=" + path}}, "clang-19", "/nowhere/clang")
		if err == nil || strings.Contains(err.Error(), "\n") ||
			!strings.Contains(err.Error(), "apt-get install -y clang-19 lld-19") ||
			!strings.Contains(err.Error(), note) {
			t.Errorf("missing clang-19: %v", err)
		}
	}
}

func TestSDK(t *testing.T) {
	sdk := t.TempDir()
	env := Env{Environ: append(os.Environ(), "WASI_SDK_PATH="+sdk)}
	if _, err := findTools(env); err == nil || !strings.Contains(err.Error(), sdk) {
		t.Errorf("an empty wasi-sdk: %v", err)
	}
	for _, name := range []string{"bin/clang", "bin/wasm-ld", "lib/clang/20/lib/wasip1/libclang_rt.builtins-wasm64.a"} {
		to := filepath.Join(sdk, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, nil, 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	found, err := findTools(env)
	if err != nil || found.clang != filepath.Join(sdk, "bin/clang") {
		t.Errorf("%+v, %v", found, err)
	}
	if sysrootName(found) == sysrootName(&tools{}) {
		t.Error("libraries of two compilers have one name")
	}
}

// TestHostHeadersStayOut compiles with everything in the environment and on the command line that could let the host's
// headers in.
func TestHostHeadersStayOut(t *testing.T) {
	l := newLab(t)
	l.env = append(l.env, "CPATH=/usr/include", "C_INCLUDE_PATH=/usr/include:/usr/include/x86_64-linux-gnu")
	l.write("a.c", "#include <stdio.h>\n#include <sys/types.h>\nint main(void) { return 0; }\n")
	out := l.ok("cc", "-I/usr/include", "-isystem", "/usr/include", "-isystem/usr/include", "-iquote/usr/include",
		"-I", "/usr/include/x86_64-linux-gnu", "-M", "a.c")
	for _, file := range strings.Fields(out) {
		if strings.HasPrefix(file, "/usr/include/") && !strings.HasPrefix(file, "/usr/include/wasm32") {
			t.Errorf("a header of the host: %s", file)
		}
	}
	l.write("b.c", "#include <openssl/ssl.h>\n#include <linux/types.h>\n")
	l.fails("cc", []string{"-I/usr/include", "-c", "b.c"}, "file not found")
}

// TestDeterministic builds the same sources twice and in two directories; the bytes are the same, with -g too.
func TestDeterministic(t *testing.T) {
	var first []byte
	for i := range 3 {
		l := newLab(t)
		if i == 2 {
			l.write("elsewhere/x", "")
			t.Chdir("elsewhere")
		}
		l.write("hello.c", helloC)
		l.write("more.cpp", "#include <string>\nstd::string s(\"x\"); namespace { struct A { ~A() {} } a; }\n")
		l.ok("c++", "-g", "hello.c", "more.cpp", "-o", "p.wasm")
		data := l.module("p.wasm")
		if first == nil {
			first = data
		} else if !bytes.Equal(first, data) {
			t.Errorf("build %d differs", i)
		}
	}
}

func TestNamesStay(t *testing.T) {
	l := newLab(t)
	l.write("a.c", "__attribute__((noinline)) int remarkable(int x) { return x * 3; }\nint main(int c, char **v) { "+
		"return remarkable(c); }\n")
	for _, strip := range []string{"-s", "-Wl,-s", "-Wl,--strip-all", "-Wl,-S"} {
		l.ok("cc", "-g", strip, "a.c")
		data := l.module("a.out")
		if !bytes.Contains(data, []byte("remarkable")) || bytes.Contains(data, []byte(".debug_line")) {
			t.Errorf("%s: want names and no debug information", strip)
		}
	}
	l.ok("cc", "-g", "a.c")
	if !bytes.Contains(l.module("a.out"), []byte(".debug_line")) {
		t.Error("-g: no debug information")
	}
}

func TestStackSize(t *testing.T) {
	l := newLab(t)
	l.write("a.c", "int main(void) { return 0; }\n")
	for _, c := range []struct {
		args string
		want string
	}{ // each with what is kept free for null pointers
		{"a.c", "stack-size=8392704"}, {"a.c -Wl,-z,stack-size=65536", "stack-size=69632"},
		{"a.c -z stack-size=0x10000", "stack-size=69632"},
		{"a.c -Wl,-z -Wl,stack-size=2", "stack-size=4098"}, {"a.c -Xlinker -z -Xlinker stack-size=3", "stack-size=4099"},
		{"a.c -z stack-size=much", "stack-size=much"}, {"a.c -z stack-size=-1", "stack-size=-1"}} {
		out := l.ok("cc", append([]string{"-show"}, strings.Fields(c.args)...)...)
		if strings.Count(out, "stack-size=") != 1 || !strings.Contains(out, "-z "+c.want+" ") {
			t.Errorf("%s: want %s once:\n%s", c.args, c.want, out)
		}
	}
}

// TestTreeTwoAtOnce makes the same directory from several goroutines: one wins, the others see it whole.
func TestTreeTwoAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "tree")
	done := make(chan error)
	for range 8 {
		go func() {
			err := ensureTree(dir, func(tmp string) error {
				return os.WriteFile(filepath.Join(tmp, "file"), []byte("x"),
					0o644)
			})
			if err == nil {
				_, err = os.Stat(filepath.Join(dir, "file"))
			}
			done <- err
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), ".new-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestLockWaits holds the lock of a cache and lets another builder wait for it.
func TestLockWaits(t *testing.T) {
	dir := t.TempDir()
	unlock, err := lockDirectory(t.Context(), dir, func(string, int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	waiting, got := make(chan bool), make(chan error)
	go func() {
		unlock, err := lockDirectory(t.Context(), dir, func(string, int, int) { close(waiting) })
		if err == nil {
			unlock()
		}
		got <- err
	}()
	<-waiting
	unlock()
	if err := <-got; err != nil {
		t.Error(err)
	}
}

// TestWithoutApt: a machine that has none can't install it either.
func TestWithoutApt(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	b := &builder{root: t.TempDir(), progress: func(step string, _, _ int) { t.Errorf("%s", step) }}
	if _, err := b.privateApt(t.Context()); err == nil || !strings.Contains(err.Error(), "apt-get is missing: ") ||
		strings.Contains(err.Error(), "install") {
		t.Errorf("%v", err)
	}
}

func TestSourceLines(t *testing.T) {
	etc := t.TempDir()
	os.MkdirAll(filepath.Join(etc, "sources.list.d"), 0o755)
	os.WriteFile(filepath.Join(etc, "sources.list"), []byte("# deb http://a/debian sid main\n"+
		"deb [arch=amd64 signed-by=/k.gpg] http://m/debian bookworm main contrib # x\ndeb http://m/debian/ "+
		"bookworm-updates main\n"+
		"deb http://other/tool stable main\ndeb cdrom:x\n"), 0o644)
	os.WriteFile(filepath.Join(etc, "sources.list.d", "x.sources"),
		[]byte("Types: deb deb-src\nURIs: http://m/debian-security\n"+
			"Suites: s1 s2\nComponents: main non-free\nSigned-By: /k2.gpg\n\nTypes: deb\nEnabled: no\nURIs: "+
			"http://n/debian\nSuites: s\nComponents: main\n"), 0o644)
	want := []string{"deb-src [signed-by=/k.gpg] http://m/debian bookworm main",
		"deb-src [signed-by=/k2.gpg] http://m/debian-security s1 main",
		"deb-src [signed-by=/k2.gpg] http://m/debian-security s2 main", "deb-src http://m/debian/ bookworm-updates main"}
	if got := sourceLines(etc); !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

// TestCommon links two files that define the same variables without a value, as old C does; one with a value wins.
func TestCommon(t *testing.T) {
	l := newLab(t)
	l.write("a.c", "int shared, valued; int only = 0; int main(void) { return shared + valued + only; }\n")
	l.write("b.c", "int shared; int valued = 7; static int own; int *p = &own;\n")
	l.fails("cc", []string{"a.c", "b.c"}, "duplicate symbol: shared")
	l.ok("cc", "-fcommon", "a.c", "b.c")
	l.ok("cc", "-fcommon", "-c", "a.c", "b.c")
	l.ok("cc", "a.o", "b.o")
	l.write("c.c", "int valued = 8;\n")
	l.fails("cc", []string{"-fcommon", "a.c", "b.c", "c.c"}, "duplicate symbol: valued")
}

func FuzzObject(f *testing.F) {
	f.Add([]byte("\x00asm\x01\x00\x00\x00\x00\x0c\x07linking\x02\x08\x01\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		symbols, _ := dataSymbols(data)
		for _, s := range symbols {
			_ = data[s.flags]
		}
	})
}
