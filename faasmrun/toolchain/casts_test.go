package toolchain

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestWrapCasts(t *testing.T) {
	const rest = `define i32 @f(float %0, ptr %1) {
  %3 = fptosi float %0 to i32, !dbg !1
  %4 = fptosi <2 x double> %x to <2 x i64>
  call void @g(ptr @"%5 = fptoui float %0 to i8")
  store i32 %3, ptr %1
`
	if got := wrapCasts([]byte(rest)); got != nil {
		t.Errorf("what fits was changed:\n%s", got)
	}
	for _, c := range []struct{ before, after string }{
		{"  %5 = fptoui float %0 to i8, !dbg !1, !srcloc !2\n",
			"  %wrapped.cast.0.1 = fptosi float %0 to i32, !dbg !1, !srcloc !2\n" +
				"  %5 = trunc i32 %wrapped.cast.0.1 to i8, !dbg !1, !srcloc !2\n"},
		{"  %\"a b\" = fptosi <8 x double> %\"x y\" to <8 x i16>\n",
			"  %wrapped.cast.0.1 = fptosi <8 x double> %\"x y\" to <8 x i32>\n" +
				"  %\"a b\" = trunc <8 x i32> %wrapped.cast.0.1 to <8 x i16>\n"},
		{"  %5 = fptoui fp128 %0 to i32\n",
			"  %wrapped.cast.0.1 = fptosi fp128 %0 to i64\n  %5 = trunc i64 %wrapped.cast.0.1 to i32\n"},
		{"  %5 = fptoui <4 x float> %0 to <4 x i32>\n",
			"  %wrapped.cast.0.1 = fptosi <4 x float> %0 to <4 x i32>\n" +
				"  %wrapped.cast.0.2 = fptoui <4 x float> %0 to <4 x i32>\n" +
				"  %wrapped.cast.0.3 = fcmp olt <4 x float> %0, zeroinitializer\n" +
				"  %5 = select <4 x i1> %wrapped.cast.0.3, <4 x i32> %wrapped.cast.0.1, <4 x i32> %wrapped.cast.0.2\n"},
		{"  %5 = fptoui <2 x float> %0 to <2 x i64>\n",
			"  %wrapped.cast.0.1 = fcmp olt <2 x float> %0, <float 0x43E0000000000000, float 0x43E0000000000000>\n" +
				"  %wrapped.cast.0.2 = select <2 x i1> %wrapped.cast.0.1, <2 x float> zeroinitializer, " +
				"<2 x float> <float 0x43E0000000000000, float 0x43E0000000000000>\n" +
				"  %wrapped.cast.0.3 = fsub <2 x float> %0, %wrapped.cast.0.2\n" +
				"  %wrapped.cast.0.4 = fptosi <2 x float> %wrapped.cast.0.3 to <2 x i64>\n" +
				"  %wrapped.cast.0.5 = select <2 x i1> %wrapped.cast.0.1, <2 x i64> zeroinitializer, " +
				"<2 x i64> <i64 -9223372036854775808, i64 -9223372036854775808>\n" +
				"  %5 = xor <2 x i64> %wrapped.cast.0.4, %wrapped.cast.0.5\n"},
	} {
		if got := string(wrapCasts([]byte(rest + c.before + "}\n"))); got != rest+c.after+"}\n" {
			t.Errorf("%s\nbecame\n%s", c.before, strings.TrimPrefix(got, rest))
		}
	}
}

// TestCasts: numbers that don't fit are converted as by gcc on x86-64, at every level of optimization, as C and as C++,
// on both engines, and however the driver compiles: at once, apart, by way of assembly, and from standard input.
func TestCasts(t *testing.T) {
	bin := launcher(t)
	source, err := filepath.Abs("testdata/casts.c")
	if err != nil {
		t.Fatal(err)
	}
	golden, err := os.ReadFile(strings.TrimSuffix(source, ".c") + ".out")
	if err != nil {
		t.Fatal(err)
	}
	want := string(golden)
	run := func(what string, arguments ...string) {
		t.Helper()
		status, stdout, stderr := execute(t, bin, "./a.out", arguments...)
		if status != 0 || stdout != want {
			t.Errorf("%s: status %d\n%s%s", what, status, difference(stdout, want), stderr)
		}
	}
	for _, level := range []string{"-O0", "-O2", "-O3"} {
		l := newLab(t)
		l.ok("cc", level, "-Wall", "-Werror", source)
		run(level)
	}
	l := newLab(t)
	l.ok("c++", "-O0", "-Wno-deprecated", "-Drestrict=__restrict", source)
	run("C++ -O0")
	l.ok("c++", "-O2", "-g", "-Wno-deprecated", "-Drestrict=__restrict", source)
	run("C++ -O2 -g")
	l.ok("cc", "-O2", "-g", "-MD", "-c", source)
	if d := string(l.read("casts.d")); !strings.HasPrefix(d, "casts.o: ") {
		t.Errorf("the dependencies are %q", d)
	}
	l.ok("cc", "casts.o")
	run("an object")
	l.ok("cc", "-O2", "-S", source)
	l.ok("cc", "casts.s")
	run("assembly")
	pipe := exec.Command("sh", "-c", `"$0" cc -O2 -x c - <"$1"`, bin, source)
	if out, err := pipe.CombinedOutput(); err != nil {
		t.Errorf("from standard input: %v\n%s", err, out)
	}
	run("standard input")
	if os.Getenv("FAASMRUN_ENGINE") == "" {
		t.Setenv("FAASMRUN_ENGINE", "native")
		if _, err := exec.LookPath("clang-19"); err == nil {
			run("natively")
		}
	}
	if got := native(t, source); got != want {
		t.Errorf("by gcc:\n%s", difference(got, want))
	}
}

// TestCastsAreSaidOnce: a source whose object shows casts is compiled once more, without a word.
func TestCastsAreSaidOnce(t *testing.T) {
	l := newLab(t)
	l.write("a.c", "int f(float x) { int unused; return (unsigned char)x; }\n")
	status, _, stderr := l.try("cc", "-Wall", "-O1", "-c", "a.c")
	if n := strings.Count(stderr, "warning: unused variable"); status != 0 || n != 1 {
		t.Errorf("status %d, and it warns %d times:\n%s", status, n, stderr)
	}
}
