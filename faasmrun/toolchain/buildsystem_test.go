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
	case "mpicxx", "mpic++", "faasmc++":
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
add_library(part part.cc)
add_executable(app main.c)
enable_testing()
add_test(NAME app COMMAND app ${CMAKE_SOURCE_DIR}/main.c)
target_link_libraries(app PRIVATE part MPI::MPI_C Threads::Threads ${MATH})
add_executable(threadsC threads.c)
target_link_libraries(threadsC PRIVATE OpenMP::OpenMP_C)
add_executable(threadsCXX threads.cc)
target_link_libraries(threadsCXX PRIVATE OpenMP::OpenMP_CXX)
message(STATUS "pointer ${POINTER} nowhere '${NOWHERE}' mpi ${MPI_C_VERSION} ${WASI}")
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
	if status != 0 || !strings.Contains(said, "pointer 4 nowhere '' mpi 5.0 1") {
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
		if !importsOpenMP(l.module(name)) {
			t.Errorf("%s does without OpenMP's runtime", name)
		}
	}
}

// TestConfigure runs a script that asks what autoconf's do.
func TestConfigure(t *testing.T) {
	l := newLab(t)
	l.write("build-aux/config.sub", "case $1 in x86_64-unknown-none) exit 0;; esac; exit 1\n")
	const script = `
echo "args $*" && echo 'int main(void){return 0;}' > conftest.c && $CC -O2 -o conftest conftest.c -lm && echo compiled
$AR --version >/dev/null && echo archiver; echo "malloc $ac_cv_func_malloc_0_nonnull; f77 ${ac_cv_f77_libs-asked}, $ac_cv_f77_mangling"
case $PKG_CONFIG_LIBDIR in /usr*|"") echo "libraries of the host";; esac; exit 7
`
	l.write("configure", "#!/bin/sh\n# --host=HOST"+script)
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
