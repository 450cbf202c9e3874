package conformance

import (
	"regexp"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/worker/engine"
)

// testCaller: a host call knows where in the program it comes from, also behind a callback that made calls of its own.
func testCaller(t *testing.T) {
	const source = `__attribute__((import_module("env"), import_name("here"))) void here(void);
__attribute__((import_module("env"), import_name("back"))) void back(void (*)(int));
__attribute__((noinline)) static void called(int n) { here(); }
__attribute__((noinline)) void deep(void) { here(); __asm__ volatile(""); }
__attribute__((noinline)) void deeper(void) { deep(); __asm__ volatile(""); }
__attribute__((noinline)) void program(void) {
  deeper();
  back(called);
  here();
  __asm__ volatile("");
}
void _start(void) { here(); program(); __asm__ volatile(""); }
`
	var in engine.Instance
	var module engine.Module
	var seen []string
	look := func() { seen = append(seen, strings.Join(in.Caller().Frames(module.Program()), " < ")) }
	e, err := underTest(engine.Options{Callers: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	if err := e.Link([]engine.Import{{Module: "env", Name: "here", Call: func(any, []uint64) { look() }},
		{Module: "env", Name: "back", Params: "i", Results: "", Call: func(_ any, stack []uint64) {
			if err := in.CallTable(uint32(stack[0]), "i", 0); err != nil {
				t.Error(err)
			}
			look()
		}}}); err != nil {
		t.Fatal(err)
	}
	if module, err = engine.Make(e, Clang(t, source)); err != nil {
		t.Fatal(err)
	}
	if in, err = module.Instantiate(nil, memory(t, module, 1<<20)); err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := in.Start(); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(seen, "\n")
	for i, want := range []string{`^main \(.*:12:\d+\)$`,
		`^deep \(.*:4:\d+\) < deeper \(.*:5:\d+\) < program \(.*:7:\d+\)$`, `^called \(.*:3:\d+\)`,
		`^program \(.*:8:\d+\) < main`, `^program \(.*:9:\d+\) < main`} {
		if i >= len(seen) || !regexp.MustCompile(want).MatchString(seen[i]) {
			t.Errorf("call %d: no %s in\n%s", i, want, text)
		}
	}
}
