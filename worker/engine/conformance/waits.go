package conformance

import (
	"errors"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/internal/waits"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/futex"
	"github.com/faasmrun/faasmrun/worker/program"
)

// waiting is a host's part of waiting on shared memory. It implements futex.Hooks.
type waiting struct {
	host   *host
	thread *futex.Thread
	begun  chan struct{} // closed when the thread waits for ever
	done   chan struct{}
}

func newWaiting(h *host, q *futex.Queue) *waiting {
	w := &waiting{host: h, begun: make(chan struct{}), done: make(chan struct{})}
	w.thread = futex.NewThread(q, w)
	return w
}

func (w *waiting) Memory() []byte        { return w.host.instance.Memory() }
func (w *waiting) Lowest() uint64        { return w.host.lowest }
func (w *waiting) Open(a uint64) uint64  { return uint64(len(w.Memory())) - a }
func (w *waiting) Count(waits bool)      {}
func (w *waiting) Settle()               { close(w.begun) }
func (w *waiting) Interrupted()          {}
func (w *waiting) Done() <-chan struct{} { return w.done }
func (w *waiting) End()                  { panic(errExit) }

// waitImports are the functions that take the place of the instructions.
func waitImports() []engine.Import {
	var imports []engine.Import
	for _, c := range futex.Calls() {
		imports = append(imports, engine.Import{Module: waits.Module, Name: c.Name, Params: c.Params, Results: c.Results,
			Wide: c.Wide, Call: func(h any, stack []uint64) { c.Fn(h.(*host).waiting.thread, stack) }})
	}
	return imports
}

// Instructions of threads.
var (
	opNotify = code(0xfe, 0, 2)
	opWait32 = code(0xfe, 1, 2)
	opWait64 = code(0xfe, 2, 3)
)

// memories are the limits of a memory that is shared, and the instruction for addresses.
var memories = []struct {
	name            string
	shared, private []byte
	constant        int
}{{"32 bits", code(3, 1, 2), code(1, 1, 2), opI32Const}, {"64 bits", code(7, 1, 2), code(5, 1, 2), opI64Const}}

// waiter is a program that notes what its instructions give, with the limits of its memory.
func waiter(t *testing.T, limits []byte, body ...any) engine.Module {
	t.Helper()
	p := guestModule{memory: limits, imports: []program.Import{env("note")}, table: []int{-1, 0},
		funcs: []function{{name: "_start", export: true, body: code(opCall, 2)}, {name: "waiter", body: code(body...)}}}
	m, err := engine.Make(newEngine(t, engine.Options{}), p.wasm())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (h *host) run(m engine.Module) error {
	var err error
	if h.instance, err = m.Instantiate(h, memory(h.t, m, 1<<20)); err != nil {
		return err
	}
	h.waiting = newWaiting(h, new(futex.Queue))
	return h.instance.Start()
}

// testWaits: the outcomes of waits without another thread, and of a notify.
func testWaits(t *testing.T) {
	for _, m := range memories {
		note := code(opCall, 0)
		at := func(address int64) []byte { return code(m.constant, s(address)) }
		i64 := func(v int64) []byte { return code(opI64Const, s(v)) }
		h := &host{t: t}
		err := h.run(waiter(t, m.shared,
			at(16), i32(1), i64(-1), opWait32, 0, note, // another value is there
			at(8), i32(0), i64(1000), opWait32, 8, note, // at 16: nobody comes
			at(16), i64(1), i64(-1), opWait64, 8, note,
			at(16), i64(0), i64(0), opWait64, 0, note,
			at(0), i32(7), opNotify, 16, note))
		if got := strings.Join(h.calls, " "); err != nil || got != "1 2 1 2 0" {
			t.Errorf("%s: %v, %s", m.name, err, got)
		}
	}
}

// testWaitsTrap: an address that can't be is a trap of the program, at the instruction.
func testWaitsTrap(t *testing.T) {
	for _, m := range memories {
		for name, test := range map[string]struct {
			body []byte
			kind program.TrapKind
		}{
			"unaligned": {code(m.constant, s(2), i32(0), opI64Const, 0, opWait32, 0), program.UnalignedAtomic},
			"beyond":    {code(m.constant, s(65536), i32(0), opI64Const, 0, opWait32, 0), program.OutOfBounds},
			"far": {code(m.constant, s(8), i32(0), opI64Const, 0, opWait32, u(1<<32-4)),
				program.OutOfBounds},
			"notify": {code(m.constant, s(65532), i32(0), opNotify, 8), program.OutOfBounds},
		} {
			err := (&host{t: t}).run(waiter(t, m.shared, test.body, opDrop))
			var trap *program.Trap
			if !errors.As(err, &trap) || trap.Kind != test.kind || strings.Join(trap.Frames, " ") != "waiter _start" {
				t.Errorf("%s, %s: %v", m.name, name, err)
			}
		}
	}
}

// testWaitsOfMemoryThatIsNotShared: such instructions are an engine's own. A wait traps, for nobody could end it, and a
// notify finds nobody.
func testWaitsOfMemoryThatIsNotShared(t *testing.T) {
	for _, m := range memories {
		h := &host{t: t}
		err := h.run(waiter(t, m.private, m.constant, 8, i32(1), opNotify, 0, opCall, 0,
			m.constant, 8, i32(0), opI64Const, 0, opWait32, 0, opDrop))
		var trap *program.Trap
		if !errors.As(err, &trap) || trap.Kind != program.SharedMemoryExpected || strings.Join(h.calls, " ") != "0" {
			t.Errorf("%s: %v, %v", m.name, err, h.calls)
		}
	}
}

// testWaitBrokenOff: a wait without an end is a host call, which the end of the rank ends.
func testWaitBrokenOff(t *testing.T) {
	for _, m := range memories {
		h := &host{t: t}
		module := waiter(t, m.shared, m.constant, 8, i32(0), opI64Const, s(-1), opWait32, 0, opDrop)
		var err error
		if h.instance, err = module.Instantiate(h, memory(t, module, 1<<20)); err != nil {
			t.Fatal(err)
		}
		h.waiting = newWaiting(h, new(futex.Queue))
		ended := make(chan error)
		go func() { ended <- h.instance.Start() }()
		<-h.waiting.begun
		close(h.waiting.done)
		var outer *program.HostError
		if err := <-ended; !errors.Is(err, errExit) || !errors.As(err, &outer) ||
			strings.Join(outer.Frames(), " ") != "faasmrun.memory_wait32 waiter _start" {
			t.Errorf("%s: %v", m.name, err)
		}
	}
}
