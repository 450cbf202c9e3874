package conformance

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/program"
)

// marked is a module that has nothing in its first 4 KiB, and says so.
func marked(file []byte) []byte { return wasm.MarkLowest(file, wasm.NullPage) }

// instantiateFile makes an instance of a module with so much memory, with or without that.
func instantiateFile(t testing.TB, file []byte) (engine.Instance, *host) {
	t.Helper()
	m, err := engine.Make(newEngine(t, engine.Options{}), file)
	if err != nil {
		t.Fatal(err)
	}
	mem := memory(t, m, 1<<20)
	h := &host{t: t, lowest: mem.Lowest()}
	if h.instance, err = m.Instantiate(h, mem); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.instance.Close(); err != nil {
			t.Error(err)
		}
	})
	return h.instance, h
}

// Instructions on a memory that has a segment of data.
func fillOf(at, n int64) []byte { return code(i32(at), i32(7), i32(n), 0xfc, 11, 0) }
func copyOf(to, from, n int64) []byte {
	return code(i32(to), i32(from), i32(n), 0xfc, 10, 0, 0)
}
func load(at int64, op int, offset uint64) []byte {
	return code(i32(8192), i32(at), op, 0, u(offset), opI32Store, 0, 0) // an engine may leave out what nobody looks at
}

const (
	opI64Load   = 0x29
	opI64Store  = 0x37
	opI32Load8  = 0x2d
	opF64Store  = 0x39
	opI32Store8 = 0x3a
)

// testNullPointers: in a module that has nothing in its first 4 KiB, what reads or writes there is a trap of a kind of
// its own, with the same frames as others; what touches nothing there is not. In one that does not say so nothing is.
func testNullPointers(t *testing.T) {
	for _, test := range []struct {
		name  string
		body  []byte
		traps bool
	}{
		{"load", load(0, opI32Load, 0), true},
		{"member", load(0, opI32Load8, 4095), true},
		{"last byte", load(4095, opI32Load8, 0), true},
		{"first byte behind", load(4096, opI32Load8, 0), false},
		{"member behind", load(8, opI32Load, 4096), false},
		{"across the end", code(i32(8192), i32(4092), opI64Load, 0, 0, opI64Store, 0, 0), true},
		{"vector", code(i32(8192), i32(4090), 0xfd, 0, 0, 0, 0xfd, 11, 0, 0), true},
		{"store", code(i32(16), i32(1), opI32Store, 2, 0), true},
		{"store of a byte", code(i32(1), i32(1), opI32Store8, 0, 0), true},
		{"store of a double", code(i32(8), opF64Const, 0, 0, 0, 0, 0, 0, 0, 0, opF64Store, 3, 8), true},
		{"store behind", code(i32(4096), i32(1), opI32Store, 2, 0), false},
		{"behind a call", code(opCall, 0, load(0, opI32Load, 0)), true},
		{"fill", fillOf(0, 1), true},
		{"long fill", fillOf(4095, 20000), true},
		{"fill of nothing", fillOf(0, 0), false},
		{"fill behind", fillOf(4096, 4096), false},
		{"copy there", copyOf(8, 5000, 100), true},
		{"copy from there", copyOf(5000, 8, 100), true},
		{"long copy there", copyOf(4000, 20000, 9000), true},
		{"long copy from there", copyOf(20000, 4000, 9000), true},
		{"copy of nothing", copyOf(0, 8, 0), false},
		{"init", code(i32(64), i32(0), i32(4), 0xfc, 8, 0, 0), true},
		{"init of nothing", code(i32(64), i32(0), i32(0), 0xfc, 8, 0, 0), false},
		{"init behind", code(i32(8192), i32(0), i32(4), 0xfc, 8, 0, 0), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, nothing := range []bool{true, false} {
				p := inner("f", test.body)
				p.imports, p.table = []program.Import{env("nothing")}, nil
				p.funcs[0].body, p.funcs[1].body = code(opCall, 2), code(opCall, 3)
				p.passive = []byte("DATA")
				file := p.wasm()
				if nothing {
					file = marked(file)
				}
				in, _ := instantiateFile(t, file)
				err := in.Start()
				if !nothing || !test.traps {
					if err != nil {
						t.Errorf("marked: %t: %v", nothing, err)
					}
					continue
				}
				var trap *program.Trap
				if !errors.As(err, &trap) || trap.Kind != program.NullPointer || trap.Signal() != 11 ||
					!strings.HasPrefix(trap.Error(), "access through a null pointer\n    at ") {
					t.Fatalf("%v", err)
				}
				// an engine's own fill may be a function
				if frames := strings.TrimPrefix(strings.Join(trap.Frames, " "), "memory.fill "); frames != "f main _start" {
					t.Errorf("frames %v", trap.Frames)
				}
			}
		})
	}
}

// nullTrap is the trap that an error is; the test fails where it is none of a null pointer.
func nullTrap(t testing.TB, err error) *program.Trap {
	t.Helper()
	var trap *program.Trap
	if !errors.As(err, &trap) || trap.Kind != program.NullPointer {
		t.Fatalf("%v", err)
	}
	return trap
}

// testNullPointersAndTheStack: what comes upon the closed bytes with the stack is an overflow, as far as the stack
// pointer tells; a null pointer beside a stack that is nearly full is one.
func testNullPointersAndTheStack(t *testing.T) {
	at := func(pointer int64) []byte { return code(i32(pointer), opGlobalSet, 0) }
	for _, test := range []struct {
		name string
		body []byte
		kind program.TrapKind
	}{
		{"the stack has left", code(at(4000), store(4040)), program.StackOverflow},
		{"by its last bytes", code(at(4092), store(4092)), program.StackOverflow},
		{"a leaf has left", code(at(4100), store(4080)), program.StackOverflow},
		{"far", code(at(-5000), store(-4900)), program.StackOverflow},
		{"to null", code(at(0), store(8)), program.StackOverflow},
		{"nearly full", code(at(4096+redZone), store(8)), program.NullPointer},
		{"at rest", store(8), program.NullPointer},
	} {
		p := inner("f", test.body)
		p.names = []nameNote{{7, list([][]byte{code(0, name("__stack_pointer"))})}}
		in, _ := instantiateFile(t, marked(p.wasm()))
		err := in.Start()
		var trap *program.Trap
		if !errors.As(err, &trap) || trap.Kind != test.kind ||
			test.kind == program.StackOverflow && !strings.Contains(trap.Detail, "the 60 KiB of the program's stack are full") {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// redZone is how far below its stack clang's code may store where it calls nothing.
const redZone = 128

// testNullPointersInCalls: what the host calls back, a start section, a further thread and an atomic access trap alike;
// a trap ends that call, and the next is none the worse.
func testNullPointersInCalls(t *testing.T) {
	p := guestModule{imports: []program.Import{env("back"), env("note")}, table: []int{-1, 3, 4}, funcs: []function{
		{name: "_start", export: true, body: code(i32(2), opCall, 0, i32(1), opCall, 0)},
		{name: "bad", params: "i", body: store(16)},
		{name: "good", params: "i", body: code(opLocalGet, 0, opCall, 1)}}}
	in, h := instantiateFile(t, marked(p.wasm()))
	for range 3 {
		err := in.Start()
		trap := nullTrap(t, err)
		var outer *program.HostError
		if got := strings.Join(trap.Frames, " "); got != "bad" || !errors.As(err, &outer) ||
			strings.Join(outer.Frames(), " ") != "env.back _start" || strings.Join(h.calls, " ") != "7" {
			t.Errorf("%s, %v, %v", got, err, h.calls)
		}
		h.calls = nil
		nullTrap(t, in.CallTable(1, "i", 7))
		if err := in.CallTable(2, "i", 7); err != nil || strings.Join(h.calls, " ") != "7" {
			t.Errorf("%v, %v", err, h.calls)
		}
		h.calls = nil
	}
	begins := guestModule{start: 2, funcs: []function{{name: "_start", export: true}, {name: "begin", body: store(16)}}}
	m, err := engine.Make(newEngine(t, engine.Options{}), marked(begins.wasm()))
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.Instantiate(nil, memory(t, m, 1<<20))
	if trap := nullTrap(t, err); trap.Frames[0] != "begin" {
		t.Errorf("%v", trap)
	}
}

func store(address int64) []byte { return code(i32(address), i32(1), opI32Store, 2, 0) }

func testNullPointersOfThreads(t *testing.T) {
	bothWidths(t, func(t *testing.T, wide bool) {
		p := newProcess(t, marked(threaded(t, wide, func(m *wasm.Module) {
			var c wasm.Code
			if wide {
				c.I64(8192)
			} else {
				c.I32(8192)
			}
			c.Op(wasm.OpEnd)
			m.Globals[0].Init = wasm.Expr(c)
		})))
		p.main.lowest = p.memory.Lowest()
		h := p.thread(0)
		h.lowest = p.main.lowest
		for _, c := range []struct {
			function uint32
			argument uint64
			frame    string
		}{{fnLoad, 0, "load"}, {fnLoad, 4092, "load"}, {fnCount, 1, "count"}, {fnSpin, 0, "spin"}, {fnWait, 0, "wait"},
			{fnNotify, 0, "notify"}} {
			for _, thread := range []*host{h, p.main} {
				if trap := nullTrap(t, thread.runs(c.function, c.argument)); trap.Frames[0] != c.frame {
					t.Errorf("%s: %v", c.frame, trap)
				}
			}
		}
		if err := h.runs(fnLoad, 4096); err != nil {
			t.Error(err)
		}
	})
}

// nulls reads a member of what a null pointer points at, so many calls deep, inlined in the last.
const nulls = `
struct node { char pad[40]; int value; } *volatile list;
int sum;
static inline int value(struct node *n) {
	return n->value;
}
__attribute__((noinline)) int deep(int n) {
	if (n == 0) {
		sum += value(
			list);
		return sum;
	}
	return deep(n - 1) / 3 + n;
}
volatile int depth = DEPTH;
void _start(void) { depth = deep(depth); }
`

// testNullPointersOfC: the line is that of the access, through inlined calls, and however large the engine's own stack
// has become.
func testNullPointersOfC(t *testing.T) {
	for _, depth := range []int{0, 20, 100000} {
		file := marked(Clang(t, fmt.Sprintf("#define DEPTH %d\n#line 1\n%s", depth, nulls)))
		trap := startTrap(t, engine.Options{}, file)
		frames := directories.ReplaceAllString(strings.Join(trap.Frames, "\n"), "")
		if trap.Kind != program.NullPointer || !strings.HasPrefix(frames, "deep (a.c:5:12 inlined at a.c:9:10)") {
			t.Errorf("%d deep: %v", depth, trap)
		}
		if depth == 20 && (len(trap.Frames) != 22 || !strings.HasPrefix(trap.Frames[21], "_start (")) {
			t.Errorf("%v", trap)
		}
	}
}

// testNullPointersAtOnce: ranks trap so while others do, while garbage is collected and Go's own faults are Go's.
func testNullPointersAtOnce(t *testing.T) {
	const ranks, rounds = 8, 50
	m, err := engine.Make(newEngine(t, engine.Options{}), marked(Clang(t, "#define DEPTH 50\n#line 1\n"+nulls)))
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	for range ranks {
		running.Go(func() {
			for n := range rounds {
				in, err := m.Instantiate(nil, memory(t, m, 1<<20))
				if err != nil {
					t.Error(err)
					return
				}
				var trap *program.Trap
				if err := in.Start(); !errors.As(err, &trap) || trap.Kind != program.NullPointer || len(trap.Frames) < 30 {
					t.Errorf("%v", err)
				}
				if !panics(func() { in.Memory()[n]++ }) || !panics(func() { copy(in.Memory(), "there") }) {
					t.Error("Go has written there")
				}
				in.Close()
				runtime.GC()
			}
		})
	}
	running.Wait()
}

// panics reports whether a function does, where faults are panics.
func panics(f func()) (panicked bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() { panicked = recover() != nil }()
	f()
	return false
}

// fullMemory is a memory of which the machine has no more than the first bytes.
type fullMemory struct {
	at   unsafe.Pointer
	has  engine.Reserve
	file int
}

func newFullMemory(t *testing.T, bytes int64, r engine.Reserve) *fullMemory {
	t.Helper()
	file, err := unix.MemfdCreate("full", 0)
	if err != nil {
		t.Fatal(err)
	}
	r.Size = max(r.Size, 1<<16)
	m := &fullMemory{has: r, file: file}
	if m.at, err = unix.MmapPtr(-1, 0, nil, uintptr(r.Before+r.Size), unix.PROT_NONE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE); err != nil {
		t.Fatal(err)
	}
	m.at = unsafe.Add(m.at, r.Before)
	_, err = unix.MmapPtr(file, 0, m.at, 1<<16, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_FIXED)
	if err := errors.Join(err, unix.Ftruncate(file, bytes)); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *fullMemory) Bytes() []byte { return unsafe.Slice((*byte)(m.at), 1<<16) }
func (m *fullMemory) Addresses() (base uintptr, before, size uint64) {
	return uintptr(m.at), m.has.Before, m.has.Size
}
func (m *fullMemory) Lowest() uint64                { return 0 }
func (m *fullMemory) Open(address uint64) uint64    { return uint64(len(m.Bytes())) - address }
func (m *fullMemory) Reallocate(size uint64) []byte { return m.Bytes() }
func (m *fullMemory) Free() {
	if m.file >= 0 {
		unix.MunmapPtr(unsafe.Add(m.at, -int(m.has.Before)), uintptr(m.has.Before+m.has.Size))
		unix.Close(m.file)
		m.file = -1
	}
}

// testMachineWithoutMemory: what the machine has no memory left for is no fault of the program's, and ends it alone.
func testMachineWithoutMemory(t *testing.T) {
	m, err := engine.Make(newEngine(t, engine.Options{}), inner("f", store(4096), store(32768)).wasm())
	if err != nil {
		t.Fatal(err)
	}
	in, err := m.Instantiate(nil, newFullMemory(t, 16384, m.Reserve()))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	const want = "the machine has no memory left for what the program has written to\n    at f\n    at main\n    at _start"
	if err := in.Start(); err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
	if in.Memory()[4096] != 1 {
		t.Error("what there was memory for was not written")
	}
}
