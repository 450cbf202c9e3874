package conformance

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/program"
)

// Clang compiles C without a library, as the toolchain does it, and links it with a stack of 64 KiB in front.
func Clang(t testing.TB, source string) []byte {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.c"), []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"clang-19 --target=wasm32-wasip1 -nostdlib -O1 -g -c a.c -o a.o",
		"wasm-ld-19 --stack-first -z stack-size=65536 --entry=_start a.o -o a.wasm",
	} {
		words := strings.Fields(line)
		if _, err := exec.LookPath(words[0]); err != nil {
			t.Fatalf("%v: make setup installs what the tests need", err)
		}
		c := exec.Command(words[0], words[1:]...)
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
	}
	wasm, err := os.ReadFile(filepath.Join(dir, "a.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

func startTrap(t *testing.T, o engine.Options, wasm []byte) *program.Trap {
	t.Helper()
	e := newEngine(t, o)
	m, err := engine.Make(e, wasm)
	if err != nil {
		t.Fatal(err)
	}
	in, err := m.Instantiate(Host(), memory(t, m, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var trap *program.Trap
	if err := in.Start(); !errors.As(err, &trap) {
		t.Fatalf("%v", err)
	}
	return trap
}

const recursive = `
volatile int zero;
__attribute__((noinline)) int deep(int n) {
	volatile char frame[1000];
	frame[n % 1000] = n;
	return deep(n + 1) + frame[n % 7];
}
void _start(void) { zero = deep(zero); }
`

func testStackOfC(t *testing.T) {
	trap := startTrap(t, engine.Options{}, Clang(t, recursive))
	if trap.Kind != program.StackOverflow || !strings.Contains(trap.Detail, "64 KiB") ||
		!strings.HasPrefix(trap.Frames[0], "deep (") {
		t.Errorf("%v", trap)
	}
}

func testWildPointerOfC(t *testing.T) {
	trap := startTrap(t, engine.Options{}, Clang(t, `
volatile int *volatile p = (int *)0xfffffff0;
void _start(void) { *p = 1; }
`))
	if trap.Kind != program.OutOfBounds || len(trap.Frames) != 1 || !strings.HasPrefix(trap.Frames[0], "_start (") {
		t.Errorf("%v", trap)
	}
}

func testSourceLines(t *testing.T) {
	wasm := Clang(t, `
volatile int zero;
void _start(void) {
	zero = 7 / zero;
}
`)
	cache := t.TempDir()
	for range 2 { // compiled, then from the cache
		trap := startTrap(t, engine.Options{CacheDir: cache}, wasm)
		if !strings.HasSuffix(trap.Frames[0], "a.c:4:11)") || !strings.HasPrefix(trap.Frames[0], "_start (") {
			t.Errorf("%v", trap)
		}
	}
}
