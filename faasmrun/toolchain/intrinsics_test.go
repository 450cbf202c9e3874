package toolchain

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestIntrinsics: x86's intrinsics give a processor's results, also for numbers that have special ones, at every level.
func TestIntrinsics(t *testing.T) {
	bin := launcher(t)
	source, err := filepath.Abs("testdata/intrinsics.c")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/intrinsics.out")
	if err != nil {
		t.Fatal(err)
	}
	cpu, _ := os.ReadFile("/proc/cpuinfo")
	if words := strings.Fields(string(cpu)); contains(words, "avx2", "fma", "f16c", "pclmulqdq", "bmi2") {
		if got := native(t, source); got != string(want) {
			t.Errorf("natively:\n%s", got)
		}
	}
	l := newLab(t)
	for _, level := range []string{"-O0", "-O2"} {
		l.ok("cc", level, source)
		if status, stdout, stderr := execute(t, bin, "./a.out"); status != 0 || stdout != string(want) {
			t.Errorf("%s: status %d\n%s%s", level, status, stdout, stderr)
		}
	}
}

func contains(words []string, all ...string) bool {
	have := map[string]bool{}
	for _, word := range words {
		have[word] = true
	}
	for _, word := range all {
		if !have[word] {
			return false
		}
	}
	return true
}

// TestIntrinsicsHeaders: each of x86's headers compiles alone in both languages, within extern "C" too; the vectors are
// types of their own with operators; macros are there when a flag asks, and cpuid finds nothing.
func TestIntrinsicsHeaders(t *testing.T) {
	bin := launcher(t)
	l := newLab(t)
	for _, name := range []string{"mmintrin", "xmmintrin", "emmintrin", "pmmintrin", "tmmintrin", "smmintrin", "nmmintrin",
		"wmmintrin", "immintrin", "x86intrin", "cpuid", "popcntintrin"} {
		l.write("a.c", fmt.Sprintf("#include <%s.h>\nint main(void) { return 0; }\n", name))
		l.ok("cc", "-Wall", "-Wextra", "-Werror", "-std=c99", "-fsyntax-only", "a.c")
		l.write("a.cc", fmt.Sprintf("extern \"C\" {\n#include <%s.h>\n}\nint main() {}\n", name))
		l.ok("c++", "-Wall", "-Wextra", "-Werror", "-std=c++98", "-fsyntax-only", "a.cc")
	}
	l.write("bool.c", "#include <xmmintrin.h>\n#include <immintrin.h>\ntypedef int bool;\n"+
		"static bool f(void) { return 7; }\nint main(void) { return f() != 7; }\n"+
		"#include <stdbool.h>\nbool g(void) { return true; }\n")
	l.ok("cc", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "bool.c")
	l.write("old.c", "#include <emmintrin.h>\n")
	l.fails("cc", []string{"-std=gnu89", "-c", "old.c"}, "compile with -std=gnu99")
	l.write("types.cc", `#include <cpuid.h>
#include <x86intrin.h>
static int f(__m128) { return 1; }
static int f(__m128d) { return 2; }
static int f(__m128i) { return 3; }
static int f(__m256) { return 4; }
static int f(__m256d) { return 5; }
static int f(__m256i) { return 6; }
int main() {
	unsigned a, b, c, d;
	unsigned long long before = __rdtsc();
	__m128d x = _mm_set_pd(3, 0.5);
	x = x * x + 1.0;
	return x[0] != 1.25 || x[1] != 10 || __get_cpuid(1, &a, &b, &c, &d) || c & bit_SSE3 || __rdtsc() < before ||
		f(_mm_setzero_ps()) + f(x) * 10 + f(_mm_setzero_si128()) * 100 + f(_mm256_setzero_ps()) * 1000 +
		f(_mm256_setzero_pd()) * 10000 + f(_mm256_setzero_si256()) * 100000 != 654321;
}
`)
	l.ok("c++", "-march=native", "-mavx512f", "types.cc")
	if status, _, stderr := execute(t, bin, "./a.out"); status != 0 {
		t.Errorf("status %d\n%s", status, stderr)
	}
	l.write("macros.c", "#ifdef __SSE2__\nSSE2\n#endif\n#ifdef __SSE4_2__\nSSE4_2\n#endif\n#ifdef __AVX__\nAVX\n#endif\n"+
		"#ifdef __AVX2__\nAVX2\n#endif\n#ifdef __FMA__\nFMA\n#endif\n#ifdef __AVX512F__\nAVX512\n#endif\n")
	for args, want := range map[string]string{"": "", "-march=native": "", "-mavx512f": "", "-msse3": "SSE2",
		"-msse4": "SSE2 SSE4_2", "-mavx2": "SSE2 SSE4_2 AVX AVX2", "-mfma": "SSE2 SSE4_2 AVX"} {
		out := l.ok("cc", append(strings.Fields(args), "-E", "-P", "macros.c")...)
		if got := strings.Join(strings.Fields(out), " "); got != want {
			t.Errorf("%q defines %q, not %q", args, got, want)
		}
	}
}

// TestPackageData finds the files in a binary package, and nothing in what is none.
func TestPackageData(t *testing.T) {
	member := func(name string, size int) string {
		return fmt.Sprintf("%-16s%-12d%-6d%-6d%-8s%-10d`\n", name, 0, 0, 0, "100644", size)
	}
	whole := archiveMagic + member("debian-binary", 3) + "2.0\n" + member("data.tar.xz", 4) + "data"
	in, err := packageData(strings.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	var data bytes.Buffer
	if _, err := data.ReadFrom(in); err != nil || data.String() != "data" {
		t.Errorf("%q %v", data.String(), err)
	}
	for _, bad := range []string{"", "!<arch>", archiveMagic, archiveMagic + member("x", -5),
		archiveMagic + member("x", 1<<62) + "x", strings.Replace(whole, "`", "'", 1)} {
		if _, err := packageData(strings.NewReader(bad)); err == nil {
			t.Errorf("%q is taken for a package", bad)
		}
	}
}
