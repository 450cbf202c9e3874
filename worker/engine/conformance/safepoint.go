package conformance

import (
	"testing"
	"time"

	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/safepoint"
)

const spinAddress = 65532

// spin loops until somebody else writes to that address of the memory, and at most for some seconds: where an engine
// tells wrong, a collection waits for its end.
var spin = code(opLoop, void,
	i32(spinAddress-4), i32(spinAddress-4), opI32Load, 2, 0, i32(1), opI32Add, 0x36 /* i32.store */, 2, 0,
	i32(spinAddress), opI32Load, 2, 0, 0x45, /* i32.eqz */
	i32(spinAddress-4), opI32Load, 2, 0, i32(1<<30), 0x48 /* i32.lt_s */, 0x71 /* i32.and */, opBrIf, 0, opEnd)

// testSafepoint: a safepoint knows where an instance's thread is. In its program, garbage waits; in a host call, a
// callback's included, before Start and after it, it does not. What leaves a host call by an exception is in its
// program, too. Where Go can stop a program, garbage waits for nothing.
func testSafepoint(t *testing.T) {
	for name, file := range map[string][]byte{
		"a call":       guestModule{imports: loopOf("note").imports, funcs: starting(i32(1), opCall, 0, spin).funcs}.wasm(),
		"an exception": thrower(opTry, void, i32(1), opCall, 1, opCatch, 0, opDrop, opEnd, spin),
	} {
		e := newEngine(t, engine.Options{})
		m, err := engine.Make(e, file)
		if err != nil {
			t.Fatal(name, err)
		}
		at, h, mem := safepoint.New(1), &host{t: t}, memory(t, m, 1<<20)
		in, err := m.Instantiate(h, at.Thread(0), mem)
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		h.instance = in
		collects := func() bool {
			before := at.Collections()
			at.Want(false)
			return at.Collections() > before
		}
		if !collects() {
			t.Errorf("%s: garbage waits for an instance that has not started", name)
		}
		called := make(chan struct{})
		h.called = func() {
			if !collects() {
				t.Errorf("%s: garbage waits for a host call", name)
			}
			close(called)
		}
		ended := make(chan error, 1)
		go func() { ended <- in.Start() }()
		<-called // what follows is the loop, or there is no way back
		inProgram := false
		for end := time.Now().Add(10 * time.Second); !inProgram && !interruptible && time.Now().Before(end); {
			inProgram = !collects()
		}
		for n := 0; n < 10 && interruptible; n++ {
			if !collects() {
				t.Errorf("%s: garbage waits for a program", name)
			}
		}
		mem.Bytes()[spinAddress] = 1
		if err := <-ended; err != nil || inProgram == interruptible {
			t.Errorf("%s: %v; the program was seen to compute: %t", name, err, inProgram)
		}
		if !collects() {
			t.Errorf("%s: garbage waits for a program that has ended", name)
		}
	}
}
