package toolchain

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/internal/wasm"
	omp "github.com/faasmrun/faasmrun/omp/guest"
)

// TestOpenMP links a program of every kind of directive, C++ beside C: what comes out is a module for threads, which
// asks its host for its memory and for OpenMP's functions and for nothing else that it should bring itself.
func TestOpenMP(t *testing.T) {
	source, err := filepath.Abs("testdata/openmp.c")
	if err != nil {
		t.Fatal(err)
	}
	l := newLab(t)
	l.write("more.cc", `#include <omp.h>
#include <string>
thread_local std::string own = "own";
int more(int n) {
	std::string all;
#pragma omp parallel
	try {
		if (omp_get_thread_num() == n) throw own;
	} catch (std::string &s) {
#pragma omp critical(named)
		all += s;
	}
	return all.size();
}
`)
	l.ok("cc", "-c", "-fopenmp", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Wno-sign-compare", source)
	l.ok("c++", "-fopenmp", "openmp.o", "more.cc", "-Wl,--export=_Z4morei", "-o", "threads.wasm")
	m, err := wasm.Decode(l.module("threads.wasm"))
	if err == nil {
		err = m.Validate()
	}
	if err != nil {
		t.Fatal(err)
	}
	known := ompFunctions()
	for _, im := range m.Imports {
		switch {
		case im.Module == "wasi_snapshot_preview1", im.Module == "faasmrun":
		case im.Kind == wasm.KindMemory && im.Module == "env" && im.Name == "memory":
			if !im.Memory.Shared || im.Memory.Max != 64<<30>>16 {
				t.Errorf("the memory is %+v", im.Memory)
			}
		case im.Module != "env" || !slices.Contains(known, im.Name):
			t.Errorf("the module imports %s.%s", im.Module, im.Name)
		}
	}
	for _, name := range []string{"memory", "__indirect_function_table", "_start", "__stack_pointer", "__wasm_init_tls",
		"__tls_base",
		"__tls_size", "__tls_align", "__faasmrun_threads_start", "__faasmrun_thread_enter"} {
		if _, there := m.Export(name); !there {
			t.Errorf("the module does not export %s", name)
		}
	}
}

// TestSharedMaximum: a shared memory may grow to 64 GiB, which is more than wasm-ld knows, unless the link says how
// far; no instruction moves by that, so that debug information stays right.
func TestSharedMaximum(t *testing.T) {
	l := newLab(t)
	l.write("a.c", "int main(int n, char **v) {\n#pragma omp critical(same)\n\tn++;\n\treturn n;\n}\n")
	linked := func(flags ...string) *wasm.Module {
		t.Helper()
		l.ok("cc", append([]string{"-g", "-fopenmp", "a.c"}, flags...)...)
		m, err := wasm.Decode(l.module("a.out"))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	raised, chosen := linked(), linked("-Wl,--max-memory=17179869184")
	memory := func(m *wasm.Module) wasm.Limits {
		return m.Imports[slices.IndexFunc(m.Imports, func(im wasm.Import) bool { return im.Kind == wasm.KindMemory })].Memory
	}
	want := memory(chosen)
	if want.Max != 16<<30>>16 || !want.Shared || !want.Is64 {
		t.Errorf("of a link that chooses, the memory is %+v", want)
	}
	want.Max = 64 << 30 >> 16
	if got := memory(raised); got != want {
		t.Errorf("the memory is %+v", got)
	}
	same := func(f, g wasm.Function) bool { return f.Offset == g.Offset }
	if !slices.EqualFunc(raised.Functions, chosen.Functions, same) {
		t.Error("functions are elsewhere than wasm-ld put them")
	}
}

// TestOpenMPLinks says which links are for threads: those with the flag or a runtime's library, if anything of it is
// used, and those that make threads by themselves.
func TestOpenMPLinks(t *testing.T) {
	l := newLab(t)
	l.write("a.c", "int b(int);\nint main(int n, char **v) {\n#pragma omp critical(same)\n\tn = b(n);\n\treturn n;\n}\n")
	l.write("b.c", "int b(int n) {\n#pragma omp critical(same)\n\tn++;\n\treturn n;\n}\n")
	l.write("simd.c", "int main(int n, char **v) {\n\tint s = 0;\n#pragma omp simd reduction(+ : s)\n\tfor (int i = 0; "+
		"i < n; i++) s += i;\n\treturn s;\n}\n")
	l.write("wtime.c", "double omp_get_wtime();\nint main(void) { return omp_get_wtime(); }\n")
	l.write("lock.c", "#include <pthread.h>\nint main(void) { pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER; "+
		"return pthread_mutex_lock(&m); }\n")
	l.write("create.c", "#include <pthread.h>\nint main(void) { pthread_t t; return pthread_create(&t, 0, 0, 0); }\n")
	threads := func(args ...string) bool {
		t.Helper()
		l.ok("cc", args...)
		m, err := wasm.Decode(l.module("a.out"))
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(m.Imports, func(im wasm.Import) bool { return im.Kind == wasm.KindMemory })
	}
	l.ok("cc", "-fopenmp", "-c", "a.c", "b.c")
	for _, c := range []struct {
		args string
		want bool
	}{
		{"-fopenmp a.c b.c", true}, {"-qopenmp a.o b.o", true}, {"a.o b.o -lgomp", true}, {"a.o b.o -Wl,-lomp", true},
		{"-fopenmp=libomp a.o b.c", true},
		{"a.c b.c", false}, {"-fopenmp -fno-openmp a.c b.c", false}, {"-fopenmp simd.c", false},
		{"-fopenmp-simd a.c b.c", false}, {"-fopenmp wtime.c", true},
		{"-pthread lock.c", false}, {"create.c", true}, {"-pthread create.c", true}, {"-fopenmp create.c", true},
	} {
		if got := threads(strings.Fields(c.args)...); got != c.want {
			t.Errorf("cc %s: for threads %t", c.args, got)
		}
	}
	l.fails("cc", []string{"a.o", "b.o"}, "undefined symbol: __kmpc_critical", "link with -fopenmp")
	l.fails("cc", []string{"wtime.c"}, "undefined symbol: omp_get_wtime", "link with -fopenmp")
}

// TestOpenMPHeader takes omp.h as strict compilers of both languages do, and holds kmpc.h against the language.
func TestOpenMPHeader(t *testing.T) {
	l := newLab(t)
	var uses strings.Builder
	for _, match := range ompCall.FindAllStringSubmatch(omp.Header, -1) {
		uses.WriteString("\t(function)omp_" + match[1] + ",\n")
	}
	l.write("a.c", "#include \"omp.h\"\n#include \"omp.h\"\ntypedef void (*function)(void);\nfunction all[] = "+
		"{\n"+uses.String()+"};\n")
	l.write("omp.h", omp.Header) // in the program's own directory: warnings in it count
	strict := []string{"-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-pedantic", "-fopenmp"}
	l.ok("cc", append(strict, "-std=c99", "a.c")...)
	l.ok("cc", append(strict, "-std=c17", "a.c")...)
	l.ok("c++", append(strict, "-std=c++11", "a.c")...)
	l.ok("c++", append(strict, "-std=c++20", "a.c")...)
	l.write("k.c", "#include <stddef.h>\n#include <stdint.h>\n#define KMPC_CALL(result, name, args) result "+
		"__kmpc_##name args;\n#include \"kmpc.h\"\n")
	l.write("kmpc.h", omp.Runtime)
	l.ok("cc", append(strict, "k.c")...)
	if n := len(ompFunctions()); n < 180 {
		t.Errorf("the headers declare %d functions?", n)
	}
}
