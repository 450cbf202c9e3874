package conformance

import (
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/program"
)

const spinAddress = 65532

// spin loops until somebody else writes to that address of the memory, and at most for some seconds: an engine whose
// programs can't be stopped holds up everybody for as long.
var spin = code(opLoop, void,
	i32(spinAddress-4), i32(spinAddress-4), opI32Load, 2, 0, i32(1), opI32Add, 0x36 /* i32.store */, 2, 0,
	i32(spinAddress), opI32Load, 2, 0, 0x45, /* i32.eqz */
	i32(spinAddress-4), opI32Load, 2, 0, i32(1<<30), 0x48 /* i32.lt_s */, 0x71 /* i32.and */, opBrIf, 0, opEnd)

// endless loops for ever.
var endless = code(opLoop, void, 0x0c /* br */, 0, opEnd)

// noting is a program that notes a number and goes on with body; so does its function 1 of the table.
func noting(body ...any) guestModule {
	return guestModule{imports: []program.Import{env("note"), env("back")}, table: []int{-1, 3},
		funcs: []function{{name: "_start", export: true, body: code(i32(1), opCall, 0, code(body...))},
			{name: "callee", params: "i", body: code(i32(1), opCall, 0, code(body...))}}}
}

// testGarbage: garbage is collected while a program computes, wherever it does.
func testGarbage(t *testing.T) {
	inStart := noting()
	inStart.start, inStart.funcs = 5, append(inStart.funcs, function{name: "begin", body: code(i32(1), opCall, 0, spin)})
	inCallback := noting(spin)
	inCallback.funcs[0].body = code(i32(1), opCall, 1)
	for name, file := range map[string][]byte{
		"a call":          noting(spin).wasm(),
		"a start section": inStart.wasm(),
		"a callback":      inCallback.wasm(),
		"an exception":    thrower(opTry, void, i32(1), opCall, 1, opCatch, 0, opDrop, opEnd, spin),
	} {
		e := newEngine(t, engine.Options{})
		m, err := engine.Make(e, file)
		if err != nil {
			t.Fatal(name, err)
		}
		h, mem := &host{t: t}, memory(t, m, 1<<20)
		called, ended := make(chan struct{}, 1), make(chan error, 1)
		h.called = func() {
			select {
			case called <- struct{}{}:
			default:
			}
		}
		go func() {
			in, err := m.Instantiate(h, mem)
			if err == nil {
				defer in.Close()
				h.instance = in
				err = in.Start()
			}
			ended <- err
		}()
		<-called // what follows is the loop, or there is no way back
		for range 3 {
			runtime.GC()
		}
		select {
		case err := <-ended:
			t.Fatalf("%s: garbage waited for the program's end: %v", name, err)
		default:
		}
		mem.Bytes()[spinAddress] = 1
		if err := <-ended; err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

var errStop = errors.New("it is to end")

// testStop: a program that would never end ends when it is stopped, whatever it does, and does nothing more.
func testStop(t *testing.T) {
	inCallback := noting(endless)
	inCallback.funcs[0].body = code(i32(1), opCall, 1)
	calling := noting(opLoop, void, i32(2), opCall, 0, 0x0c, 0, opEnd)
	for name, p := range map[string]guestModule{
		"a loop": noting(endless), "a loop of host calls": calling, "a callback": inCallback,
		"a recursion in a loop": noting(opLoop, void, i32(50), opCall, 4, 0x0c, 0, opEnd).with(function{name: "deep",
			params: "i", body: code(opLocalGet, 0, 0x04 /* if */, void, opLocalGet, 0, i32(1), opI32Sub, opCall, 4, opEnd)}),
	} {
		in, h := instantiate(t, p)
		called := make(chan struct{})
		h.called = func() {
			h.called = nil
			close(called)
		}
		ended := make(chan error, 1)
		go func() { ended <- in.Start() }()
		<-called
		at := time.Now()
		in.Stop(errStop)
		in.Stop(errors.New("too late"))
		if err := <-ended; !errors.Is(err, errStop) {
			t.Errorf("%s: %v", name, err)
		}
		if took := time.Since(at); took > 10*time.Second { // some hundredths, on a machine that is not busy
			t.Errorf("%s: it took %v", name, took)
		}
		notes := len(h.calls)
		for _, err := range []error{in.CallTable(1, "i", 7), in.Start()} {
			if !errors.Is(err, errStop) {
				t.Errorf("%s: it goes on with %v", name, err)
			}
		}
		if len(h.calls) != notes {
			t.Errorf("%s: it has called the host after its end", name)
		}
	}
}

// with adds functions.
func (p guestModule) with(functions ...function) guestModule {
	p.funcs = append(p.funcs, functions...)
	return p
}

// testThreadStops: one that is stopped leaves the others of its rank alone.
func testThreadStops(t *testing.T) {
	bothWidths(t, func(t *testing.T, wide bool) {
		p := newProcess(t, threaded(t, wide, nil))
		first, second := p.thread(0), p.thread(1)
		ended := make(chan error, 2)
		for _, h := range []*host{first, second} {
			go func() { ended <- h.runs(fnSpin, 0) }()
		}
		runtime.GC() // both may compute by now, or not yet
		first.instance.Stop(errStop)
		if err := <-ended; !errors.Is(err, errStop) {
			t.Errorf("%v", err)
		}
		if err := p.main.runs(fnReport, 5); err != nil {
			t.Error(err)
		}
		*p.word(stopAddress) = 1
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
