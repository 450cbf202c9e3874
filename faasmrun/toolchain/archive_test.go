package toolchain

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// archive makes an archive of objects.
func (l *lab) archive(name string, objects ...string) {
	l.t.Helper()
	if err := os.RemoveAll(name); err != nil {
		l.t.Fatal(err)
	}
	ar := func(args []string, env Env) int { return Binutil("ar", args, env) }
	if status, said := l.verb(ar, append([]string{"rcs", name}, objects...)...); status != 0 {
		l.t.Fatalf("ar %s: status %d\n%s", name, status, said)
	}
}

// arMember is a member as it stands in an archive.
func arMember(name, data string) string {
	padding := strings.Repeat("\n", len(data)%2)
	return fmt.Sprintf("%-16s%-32s%-10d`\n%s%s", name, "0           0     0     644", len(data), data, padding)
}

func TestArchiveMembers(t *testing.T) {
	gnu := archiveMagic + arMember("/", "table") + arMember("//", "a-name-that-is-long.o/\nother-name-as-long.o/\n") +
		arMember("short.o/", "odd") + arMember("/0", "1") + arMember("/23", "22") + arMember("short.o/", "again")
	bsd := archiveMagic + arMember("__.SYMDEF", "x") + arMember("#1/12", "long-name.o\x00data") +
		arMember("short.o", "even")
	for _, c := range []struct{ archive, want string }{
		{gnu, "a-name-that-is-long.o=1 other-name-as-long.o=22 short.o=again short.o=odd"},
		{bsd, "__.SYMDEF=x long-name.o=data short.o=even"},
		{archiveMagic, ""}, {"", ""}, {gnu[:len(gnu)-3], "a-name-that-is-long.o=1 other-name-as-long.o=22 short.o=odd"},
		{archiveMagic + arMember("/99", "x") + arMember("#1/99", "x") + arMember("/x", "x") + arMember("a", "b"), "a=b"},
	} {
		var got []string
		for name, all := range archiveMembers([]byte(c.archive)) {
			for _, data := range all {
				got = append(got, name+"="+string(data))
			}
		}
		slices.Sort(got)
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q has %q", c.archive, got)
		}
	}
}

// TestFunctionTypes: what an object calls and defines, by clang's own.
func TestFunctionTypes(t *testing.T) {
	l := newLab(t)
	l.write("a.c", "long callee(int, double);\nvoid taken(char *);\nstatic int own(int n) { return n + 1; }\n"+
		"__attribute__((weak)) int weak(int n) { return own(n); }\nvoid *address(void) { return taken; }\n"+
		"double defined(float x) { return callee(1, x); }\n")
	l.ok("cc", "-c", "a.c")
	called, defined, err := functionTypes(l.read("a.o"))
	if err != nil {
		t.Fatal(err)
	}
	list := func(types map[string]wasm.FuncType) string {
		var all []string
		for name, t := range types {
			all = append(all, name+" "+t.String())
		}
		slices.Sort(all)
		return strings.Join(all, ", ")
	}
	if got, want := list(called), "callee (i32 f64) -> (i64), taken (i64) -> ()"; got != want {
		t.Errorf("it calls %s", got)
	}
	if got, want := list(defined),
		"address () -> (i64), defined (f32) -> (f64), weak (i32) -> (i32)"; got != want {
		t.Errorf("it defines %s", got)
	}
}

// FuzzArchive takes archives and objects that users' tools wrote apart: nonsense is no member, and no crash.
func FuzzArchive(f *testing.F) {
	f.Add([]byte(archiveMagic + arMember("//", "long.o/\n") + arMember("/0", "x") + arMember("#1/3", "a.ob")))
	f.Add([]byte("\x00asm\x01\x00\x00\x00\x00\x0c\x07linking\x02\x08\x01\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		archiveMembers(data)
		functionTypes(data)
	})
}
