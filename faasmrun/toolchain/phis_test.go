package toolchain

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestKeepPhis(t *testing.T) {
	const before = `define void @unconcerned() {
  ret void
}

define i32 @f(i32 %0) personality ptr @p {
  invoke void @g()
          to label %2 unwind label %"a b"

2:                                                ; preds = %1
  invoke void @g()
          to label %9 unwind label %"a b"

"a b":                                            ; preds = %1, %2
  %x.0 = phi <2 x i32> [ zeroinitializer, %1 ], [ splat (i32 1), %2 ]
    #dbg_value(<2 x i32> %x.0, !1, !DIExpression(), !2)
  %4 = catchswitch within none [label %5] unwind label %8

5:                                                ; preds = %"a b"
  %6 = catchpad within %4 [ptr @i]
  %7 = invoke i32 @h() [ "funclet"(token %6) ]
          to label %9 unwind label %inner

inner:                                            ; preds = %5
  %10 = catchswitch within %6 [label %11] unwind label %8

11:                                               ; preds = %inner
  %12 = catchpad within %10 [ptr null]
  catchret from %12 to label %9

8:                                                ; preds = %inner, %"a b"
  %y = phi <2 x i32> [ %x.0, %"a b" ], [ %x.0, %inner ]
  %14 = cleanuppad within none []
  cleanupret from %14 unwind to caller

9:                                                ; preds = %11, %5, %2
  %z = phi <2 x i32> [ %x.0, %11 ], [ %x.0, %5 ], [ poison, %2 ]
  ret i32 0
}
`
	// The copy in front of the call goes through the inner catchswitch; what comes from x.0's own block and what is no pad
	// stays.
	after := strings.NewReplacer(
		"  %7 = invoke", "  %kept.phi.2 = freeze <2 x i32> %x.0\n  %7 = invoke",
		"  %10 = catchswitch", "  %kept.phi.1 = phi <2 x i32> [ %kept.phi.2, %5 ]\n  %10 = catchswitch",
		"[ %x.0, %inner ]", "[ %kept.phi.1, %inner ]").Replace(before)
	if got := string(keepPhis([]byte(before))); got != after {
		t.Errorf("mended:\n%s", got)
	}
	if got := keepPhis([]byte(after)); got != nil {
		t.Errorf("mended again:\n%s", got)
	}
}

// TestNestedHandlers runs a program that goes wrong at every level but 0 without keepPhis.
func TestNestedHandlers(t *testing.T) {
	bin := launcher(t)
	source, err := filepath.Abs("testdata/nested.cc")
	if err != nil {
		t.Fatal(err)
	}
	want := native(t, source)
	for _, args := range [][]string{{"-O0"}, {"-O1"}, {"-O2", "-g"}, {"-O3"}, {"-Os"}} {
		l := newLab(t)
		l.ok("c++", append(args, source)...)
		status, stdout, stderr := execute(t, bin, "./a.out")
		if status != 0 || stdout != want {
			t.Errorf("%q: status %d\n%s%d lines are not the native ones", args, status, stderr, differing(stdout, want))
		}
	}
}

func differing(a, b string) (n int) {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range max(len(as), len(bs)) {
		if i >= len(as) || i >= len(bs) || as[i] != bs[i] {
			n++
		}
	}
	return n
}

// TestStepsMakeTheSameObject: code that needs no mending is what clang makes of it at once.
func TestStepsMakeTheSameObject(t *testing.T) {
	source, err := filepath.Abs("testdata/library.cc")
	if err != nil {
		t.Fatal(err)
	}
	l := newLab(t)
	steps := strings.Split(strings.TrimSpace(l.ok("c++", "-show", "-g", "-c", source)), "\n")
	if len(steps) != 3 {
		t.Fatalf("not three steps: %q", steps)
	}
	toCode := regexp.MustCompile(` -emit-llvm -Xclang -emit-llvm-uselists -o \S+`)
	if !toCode.MatchString(steps[0]) {
		t.Fatal(steps[0])
	}
	once := exec.Command("sh", "-c", toCode.ReplaceAllString(steps[0], " -o once.o"))
	if out, err := once.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	l.ok("c++", "-g", "-c", source)
	if !bytes.Equal(l.read("library.o"), l.read("once.o")) {
		t.Error("the objects differ")
	}
}

func TestDependenciesOfSteps(t *testing.T) {
	l := newLab(t)
	l.write("a.cc", "#include \"a.h\"\nint main() { return N; }\n")
	l.write("a.h", "#define N 0\n")
	for _, c := range []struct{ args, file, target string }{
		{"-MD -c a.cc", "a.d", "a.o"},
		{"-MMD -c a.cc -o b.o", "b.d", "b.o"},
		{"-MMD -MF c.dep -c a.cc -o b.o", "c.dep", "b.o"},
		{"-MMD -MT d -c a.cc", "a.d", "d"},
		{"-Wp,-MMD,e.dep -c a.cc -o b.o", "e.dep", "b.o"},
		{"-MMD a.cc", "a.d", "a.o"},
	} {
		os.Remove(c.file)
		l.ok("c++", strings.Fields(c.args)...)
		words := strings.Fields(string(l.read(c.file)))
		if len(words) == 0 || words[0] != c.target+":" || !slices.Contains(words, "a.h") {
			t.Errorf("%s: %q", c.args, words)
		}
	}
}
