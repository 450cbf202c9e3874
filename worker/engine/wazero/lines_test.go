package wazero

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/program"
)

const inlining = `
volatile int zero;
static inline int divide(int n) {
	return n / zero;
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

// TestLinesOfMovedCode: the lines are found through inlined calls, and when a pass has moved the code.
func TestLinesOfMovedCode(t *testing.T) {
	file := clang(t, inlining)
	const want = "_start (a.c:4:11 inlined at a.c:8:3 inlined at a.c:11:9)"
	top := func(file []byte) string {
		t.Helper()
		trap := startTrap(t, engine.Options{}, file)
		if trap.Kind != program.DivideByZero {
			t.Errorf("%v", trap)
		}
		return directories.ReplaceAllString(trap.Frames[0], "")
	}
	if got := top(file); got != want {
		t.Errorf("%s", got)
	}
	m, err := wasm.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	code, err := m.CodeMap()
	if err != nil {
		t.Fatal(err)
	}
	for i := range m.Functions { // 50 instructions in front of each function
		f := &m.Functions[i]
		code.Move(i, []wasm.Move{{New: 50, Old: 0, Length: uint32(len(f.Body))}})
		f.Body = slices.Concat(slices.Repeat(wasm.Expr{byte(wasm.OpNop)}, 50), f.Body)
	}
	m.SetCodeMap(code)
	if got := top(m.Encode()); got != want {
		t.Errorf("moved: %s", got)
	}
	m.Customs = slices.DeleteFunc(m.Customs, func(c wasm.Custom) bool { return strings.HasPrefix(c.Name, ".debug") })
	if got := top(m.Encode()); got != "_start" {
		t.Errorf("without debug information: %s", got)
	}
}

var directories = regexp.MustCompile(`/[^ ]*/`)
