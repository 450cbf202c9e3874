package conformance

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/program"
)

// inlining has a FILL that changes no line's number.
const inlining = `
volatile int zero;
static inline int divide(int n) {
	FILL return n / zero;
}
static inline int twice(int n) {
	return 3 +
		divide(n);
}
void _start(void) {
	zero = twice(
		zero);
}
`

// testLinesOfMovedCode: the lines are found through inlined calls, and when a pass has moved the code.
func testLinesOfMovedCode(t *testing.T) {
	const fill = `#pragma clang attribute push(__attribute__((target("bulk-memory"))), apply_to=function)
char buffer[1000];
#define FILL __builtin_memset(buffer, 0, n);
#line 1
`
	const want = "_start (a.c:4:16 inlined at a.c:8:3 inlined at a.c:11:9)"
	top := func(file []byte) string {
		t.Helper()
		trap := startTrap(t, engine.Options{}, file)
		if trap.Kind != program.DivideByZero {
			t.Errorf("%v", trap)
		}
		return directories.ReplaceAllString(trap.Frames[0], "")
	}
	file := Clang(t, "#define FILL\n#line 1\n"+inlining)
	if got := top(file); got != want {
		t.Errorf("%s", got)
	}
	moved := Clang(t, fill+inlining+"\n#pragma clang attribute pop")
	if got := top(moved); got != want {
		t.Errorf("moved: %s", got)
	}
	m, err := wasm.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	m.Customs = slices.DeleteFunc(m.Customs, func(c wasm.Custom) bool { return strings.HasPrefix(c.Name, ".debug") })
	if got := top(m.Encode()); got != "_start" {
		t.Errorf("without debug information: %s", got)
	}
}

var directories = regexp.MustCompile(`/[^ ]*/`)
