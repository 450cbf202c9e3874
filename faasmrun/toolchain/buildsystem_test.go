package toolchain

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// compilerName is what TestMain goes by: a kit's links give the test binary a compiler's name, as they do the command.
func compilerName(program string) string {
	switch filepath.Base(program) {
	case "mpicc", "faasmcc":
		return "cc"
	case "mpicxx", "mpic++", "mpiCC", "faasmc++":
		return "c++"
	}
	return ""
}

// verb runs a wrapper around a build system.
func (l *lab) verb(f func([]string, Env) int, args ...string) (int, string) {
	l.t.Helper()
	var out bytes.Buffer
	status := f(args, Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out, Environ: l.env})
	return status, out.String()
}

func TestConfigures(t *testing.T) {
	for args, want := range map[string]bool{"..": true, "-S . -B b": true, "--build b": false, "-E echo x": false,
		"-P s.cmake": false,
		"--version":  false, "": false, "-DCMAKE_TOOLCHAIN_FILE=x ..": false, "--help-command-list": false} {
		if got := configures(strings.Fields(args)); got != want {
			t.Errorf("cmake %s configures: %v", args, got)
		}
	}
}

// TestCMake configures and builds a project that looks for MPI, OpenMP and threads and sizes types. Machines without
// cmake have nothing to wrap.
func TestCMake(t *testing.T) {
	if _, err := exec.LookPath("cmake"); err != nil {
		l := newLab(t)
		if status, said := l.verb(CMake, "."); status != 1 || !strings.Contains(said, "apt-get install -y cmake") {
			t.Errorf("without cmake: %d\n%s", status, said)
		}
		return
	}
	l := newLab(t)
	absent, _ := declaredOnly(t)
	l.write("CMakeLists.txt", `cmake_minimum_required(VERSION 3.16)
project(p C CXX)
find_package(MPI REQUIRED)
find_package(OpenMP 4.5 REQUIRED COMPONENTS C CXX)
find_package(Threads REQUIRED)
find_library(MATH m REQUIRED)
include(CheckTypeSize)
include(CheckFunctionExists)
check_type_size("void*" POINTER)
check_function_exists(fork_is_not_here NOWHERE)
include(CheckSymbolExists)
check_symbol_exists(MPI_Init mpi.h INIT)
check_symbol_exists(`+absent+` mpi.h ABSENT)
add_library(part part.cc)
add_executable(app main.c)
enable_testing()
add_test(NAME app COMMAND app ${CMAKE_SOURCE_DIR}/main.c)
target_link_libraries(app PRIVATE part MPI::MPI_C Threads::Threads ${MATH})
add_executable(threadsC threads.c)
target_link_libraries(threadsC PRIVATE OpenMP::OpenMP_C)
add_executable(threadsCXX threads.cc)
target_link_libraries(threadsCXX PRIVATE OpenMP::OpenMP_CXX)
message(STATUS "pointer ${POINTER} nowhere '${NOWHERE}' absent '${ABSENT}' init '${INIT}' mpi ${MPI_C_VERSION} ${WASI}")
`)
	l.write("part.cc", "#include <mpi.h>\n#include <vector>\nextern \"C\" int part(void) { std::vector<int> v(3); "+
		"return v.size() + (MPI_COMM_WORLD == 0); }\n")
	l.write("main.c", "#include <mpi.h>\nint part(void);\nint main(int c, char **v) { MPI_Init(&c, &v); return part() - "+
		"3 + MPI_Finalize(); }\n")
	for _, name := range []string{"threads.c", "threads.cc"} {
		l.write(name, "#include <omp.h>\nint main(void) {\n\tint n = 0;\n#pragma omp parallel reduction(+ : n)\n\tn += "+
			"omp_get_thread_num();\n\treturn n;\n}\n")
	}
	status, said := l.verb(CMake, "-S", ".", "-B", "b")
	if status != 0 || !strings.Contains(said, "pointer 8 nowhere '' absent '' init '1' mpi 5.0 1") {
		t.Fatalf("cmake: status %d\n%s", status, said)
	}
	if status, said := l.verb(CMake, "--build", "b"); status != 0 {
		t.Fatalf("cmake --build: status %d\n%s", status, said)
	}
	l.module("b/app")
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if tests, err := os.ReadFile("b/CTestTestfile.cmake"); err != nil ||
		!strings.Contains(string(tests), fmt.Sprintf("\"--dir\" %q \"--dir\" %q", here, here+"/b")) {
		t.Errorf("a test doesn't see the project's files: %v\n%s", err, tests)
	}
	for _, name := range []string{"b/threadsC", "b/threadsCXX"} {
		if !needsThreads(l.module(name)) {
			t.Errorf("%s does without OpenMP's runtime", name)
		}
	}
}

// TestConfigure runs a script that asks what autoconf's do.
func TestConfigure(t *testing.T) {
	l := newLab(t)
	l.write("my-aux/config.sub", "case $1 in x86_64-unknown-none|wasm64*) exit 0;; esac; exit 1\n")
	l.write("config.sub", "exit 1\n")
	l.write("inner/config.sub", "case $1 in x86_64*) exit 0;; esac; exit 1\n")
	l.write("inner/configure", "for ac_dir in \"$srcdir\" \"$srcdir/..\" \"$srcdir/../..\"; do\n")
	const host = "\n# --host=HOST\nac_subdirs_all='inner nowhere'\n" +
		"ac_aux_dir_candidates=\"${srcdir}${PATH_SEPARATOR}${srcdir}/my-aux\"\n"
	const script = `
echo "args $*" && echo 'int main(void){return 0;}' > conftest.c && $CC -O2 -o conftest conftest.c -lm && echo compiled
$AR --version >/dev/null && echo archiver; echo "malloc $ac_cv_func_malloc_0_nonnull; f77 ${ac_cv_f77_libs-asked}, $ac_cv_f77_mangling"
case $PKG_CONFIG_LIBDIR in /usr*|"") echo "libraries of the host";; esac; exit 7
`
	l.write("configure", "#!/bin/sh"+strings.Replace(host, "${srcdir}$", "$srcdir/none$", 1)+script)
	if err := os.Chmod("configure", 0o755); err != nil {
		t.Fatal(err)
	}
	status, said := l.verb(Configure, "--prefix=/x")
	if status != 7 || !strings.Contains(said,
		"args --host=x86_64-unknown-none --prefix=/x\ncompiled\narchiver\nmalloc yes; f77 , lower case, underscore") ||
		strings.Contains(said, "libraries of the host") {
		t.Errorf("status %d\n%s", status, said)
	}
	if status, said := l.verb(Configure, "configure", "--host=mine"); status != 7 ||
		!strings.Contains(said, "args --host=mine\n") {
		t.Errorf("status %d\n%s", status, said)
	}
	l.write("configure", "#!/bin/sh"+script) // by hand, it knows no --host
	if status, said := l.verb(Configure, "--static"); status != 7 || !strings.Contains(said, "args --static\ncompiled") {
		t.Errorf("status %d\n%s", status, said)
	}
	if err := os.Remove("configure"); err != nil {
		t.Fatal(err)
	}
	if status, said := l.verb(Configure); status != 1 || !strings.Contains(said, "there is no ./configure") {
		t.Errorf("status %d\n%s", status, said)
	}
}

// TestHostName asks the config.sub that a script would ask, wherever its package keeps it.
func TestHostName(t *testing.T) {
	l := newLab(t)
	knows := func(names string) string { return "case $1 in " + names + ") exit 0;; esac; exit 1\n" }
	l.write("aux/config.sub", knows("wasm64-unknown-none"))
	l.write("config.sub", knows("x86_64-unknown-elf")) // a decoy
	l.write("sub/inner/config.sub", knows("wasm64-unknown-none|x86_64-unknown-none"))
	l.write("old/config.sub", knows("x86_64-unknown-none"))
	for script, want := range map[string]string{
		"for ac_dir in aux \"$srcdir\"/aux; do\n":             "wasm64-unknown-none",
		"ac_aux_dir_candidates=\"${srcdir}/aux\"\n":           "wasm64-unknown-none",
		"for ac_dir in \"$srcdir\" \"$srcdir/..\"; do\n":      "x86_64-unknown-elf",
		"for ac_dir in $srcdir/old; do\n":                     "x86_64-unknown-none",
		"ac_subdirs_all='sub'\nfor ac_dir in $srcdir/aux; do": "wasm64-unknown-none",
		"ac_subdirs_all='two nowhere'\n":                      "x86_64-unknown-none",
		"no script of Autoconf's\n":                           "wasm64-unknown-wasi",
	} {
		l.write("configure", script)
		l.write("sub/configure", "for ac_dir in \"$srcdir\"/inner; do\n")
		l.write("two/configure", "for ac_dir in \"$srcdir\"/../old; do\n")
		if got := hostName(t.Context(), "./configure"); got != want {
			t.Errorf("%q: %s instead of %s", script, got, want)
		}
	}
	l.write("configure", "ac_subdirs_all='.'\nfor ac_dir in $srcdir/aux; do\n") // itself
	if got := hostName(t.Context(), "configure"); got != "wasm64-unknown-none" {
		t.Errorf("a script that runs itself: %s", got)
	}
}

// TestMake builds as makefiles do that know no cross build: tools by their plain names, with letters and flags of all
// ages.
func TestMake(t *testing.T) {
	l := newLab(t)
	l.write("main.c", "int part(void);\nint main(void) { return part(); }\n")
	l.write("part.c", "int part(void) { return 7; }\n")
	l.write("Makefile", `
AR = ar -rcu
all: app
libpart.a: part.o
	$(AR) $@ part.o
	ranlib -t $@
	rm $@
	ar cruo $@ part.o
	ranlib $@
	ar t $@
	ar librarely.a part.o
	ar t librarely.a | grep part.o
	strip -g $@ part.o
	strip --strip-unneeded $@
app: main.o libpart.a
	mpicc -g main.o -L. -lpart -o $@
	nm $@ | grep ' [tT] part'
	nm libpart.a | grep ' T part'
	size $@ | grep $@
	objdump -h $@ | grep debug_info
	install -s $@ installed
	strip -x -o stripped $@
	strip $@
`)
	status, said := l.verb(Make, "CFLAGS=-g")
	if status != 0 {
		t.Fatalf("make: status %d\n%s", status, said)
	}
	for _, name := range []string{"app", "installed", "stripped"} {
		module := l.module(name)
		if bytes.Contains(module, []byte(".debug_info")) || !bytes.Contains(module, []byte("part")) {
			t.Errorf("%s: debug information is to go, the functions' names are to stay", name)
		}
	}
	if status, said := l.verb(Make, "-f", "nowhere"); status != 2 {
		t.Errorf("make without a makefile: status %d\n%s", status, said)
	}
}

// TestMakeRunsCMake: a makefile that runs cmake configures for our target. Its shared library is a static one then, as
// with faasmrun cmake; with the compilers' names alone it would be linked as on the host, and refused.
func TestMakeRunsCMake(t *testing.T) {
	if _, err := exec.LookPath("cmake"); err != nil {
		t.Skip("cmake is not installed")
	}
	l := newLab(t)
	l.write("part.c", "int part(void) { return 7; }\n")
	l.write("main.c", "int part(void);\nint main(void) { return part(); }\n")
	l.write("CMakeLists.txt", `cmake_minimum_required(VERSION 3.16)
project(p C)
add_library(part SHARED part.c)
add_executable(app main.c)
target_link_libraries(app PRIVATE part)
`)
	l.write("Makefile", "all:\n\tcmake -B build .\n\tcmake --build build\n")
	if status, said := l.verb(Make); status != 0 {
		t.Fatalf("make: status %d\n%s", status, said)
	}
	l.module("build/app")
}

// TestStripOfHost: what is for the host is the host's tool's.
func TestStripOfHost(t *testing.T) {
	l := newLab(t)
	l.write("a.c", "int main(void) { return 0; }\n")
	if out, err := exec.Command("cc", "-g", "a.c", "-o", "native").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	l.ok("cc", "-g", "a.c", "-o", "module")
	before := len(l.read("native"))
	if status := Binutil("strip", []string{"native", "module"}, System()); status != 0 {
		t.Fatalf("status %d", status)
	}
	if bytes.Contains(l.module("module"), []byte(".debug_info")) || len(l.read("native")) >= before {
		t.Error("something was not stripped")
	}
	if status := Binutil("strip", []string{"nowhere"}, Env{Environ: l.env, Stderr: &bytes.Buffer{}}); status != 1 {
		t.Errorf("strip nowhere: status %d", status)
	}
}

func TestStatus(t *testing.T) {
	l := newLab(t)
	if said, err := Status(Env{Environ: l.env}); err != nil || !strings.Contains(said, "wasi-libc 0.0~git20220510") ||
		!strings.Contains(said, "clang version 19") {
		t.Errorf("%v\n%s", err, said)
	}
	if said, err := Status(Env{Environ: append(l.env, "FAASMRUN_HOME="+t.TempDir())}); err != nil ||
		!strings.Contains(said, "not built yet") {
		t.Errorf("%v\n%s", err, said)
	}
}
