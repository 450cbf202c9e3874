package native

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/snapshot/linear"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/engine/conformance"
	"github.com/faasmrun/faasmrun/worker/engine/native/object"
	"github.com/faasmrun/faasmrun/worker/program"
)

// wide is a program with addresses of 64 bits. It grows its memory by so many pages, stores 77 at an address and an
// offset and tells what it loads from there.
func wide(t *testing.T, grow, address int64, offset uint64) []byte {
	t.Helper()
	i64 := wasm.I64
	m := &wasm.Module{
		Types:    []wasm.FuncType{{}, {Params: []wasm.ValueType{wasm.I32, wasm.I32}}},
		Imports:  []wasm.Import{{Module: "env", Name: "tell", Kind: wasm.KindFunction, Type: 1}},
		Memories: []wasm.Limits{{Min: 1, Is64: true}},
		Exports: []wasm.Export{{Name: "memory", Kind: wasm.KindMemory},
			{Name: "_start", Kind: wasm.KindFunction, Index: 1}},
	}
	var c wasm.Code
	c.I64(grow)
	c.Op(wasm.OpMemoryGrow)
	c.Raw([]byte{0})
	c.Convert(i64, wasm.I32)
	c.I64(address)
	c.I32(77)
	c.Memory(wasm.OpI32Store, wasm.MemArg{Offset: offset})
	c.I64(address)
	c.Memory(wasm.OpI32Load, wasm.MemArg{Offset: offset})
	c.Index(wasm.OpCall, 0)
	c.Op(wasm.OpEnd)
	m.Functions = []wasm.Function{{Body: wasm.Expr(c)}}
	return m.Encode()
}

// told is the host of a program.
type told struct{ what, value int }

// engineForWide is an engine for programs with addresses of 64 bits.
func engineForWide(t *testing.T) engine.Engine {
	t.Helper()
	e, err := New(engine.Options{}, objects)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	if err := e.Link([]engine.Import{{Module: "env", Name: "tell", Params: "ii", Wide: true,
		Call: func(h any, s []uint64) { *h.(*told) = told{int(int32(s[0])), int(int32(s[1]))} }}}); err != nil {
		t.Fatal(err)
	}
	return e
}

// TestMemoryBeyond4GiB: a memory of 12 GiB is as good as a small one, and what is beyond it traps, however far.
func TestMemoryBeyond4GiB(t *testing.T) {
	const gib = 1 << 30
	e := engineForWide(t)
	for _, c := range []struct {
		address int64
		offset  uint64
		there   bool
	}{
		{11 * gib, 0, true}, {12*gib - 4, 65536, true}, {7 * gib, 4*gib + 5, true}, {0, 11 * gib, true},
		{12 * gib, 65536, false}, {0, 13 * gib, false}, {40 * gib, 0, false}, {64*gib - 1, 4*gib - 1, false},
		{64 * gib, 0, false}, {1 << 40, 8, false}, {-4, 0, false}, {-8, 16, false}, {1<<63 - 1, 1<<63 - 1, false},
		{-1, 1<<64 - 1, false}, {0, 1 << 63, false},
	} {
		m, err := engine.Make(e, wide(t, 12*gib>>16, c.address, c.offset))
		if err != nil {
			t.Fatal(err)
		}
		if least, most := m.Memory(); least != 1<<16 || most != 64*gib {
			t.Fatalf("%d to %d bytes", least, most)
		}
		mem, err := linear.New(16*gib, linear.Reserve(m.Reserve()), m.Lowest())
		if err != nil {
			t.Fatal(err)
		}
		h := &told{}
		in, err := m.Instantiate(h, mem)
		if err != nil {
			t.Fatal(err)
		}
		var trap *program.Trap
		switch err := in.Start(); {
		case c.there && (err != nil || *h != told{1, 77}):
			t.Errorf("%d and %d: %v, %v", c.address, c.offset, err, *h)
		case !c.there && (!errors.As(err, &trap) || trap.Kind != program.OutOfBounds || trap.Frames[0] != "function 1"):
			t.Errorf("%d and %d: %v, %v", c.address, c.offset, err, *h)
		}
		if n, err := mem.Resident(); err != nil || n > 1<<20 {
			t.Errorf("%d bytes are resident, %v", n, err)
		}
		if len(in.Memory()) != 12*gib+65536 {
			t.Errorf("%d bytes", len(in.Memory()))
		}
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestTooMuchToBeginWith: what no memory of the engine holds is refused when the program is prepared.
func TestTooMuchToBeginWith(t *testing.T) {
	m, err := wasm.Decode(wide(t, 0, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	m.Memories[0].Min = widePages + 1
	if _, err := engine.Make(engineForWide(t), m.Encode()); err == nil ||
		!strings.Contains(err.Error(), "this engine's memories have 64") {
		t.Errorf("%v", err)
	}
}

// TestThousandRanks: as many in one process, of 64 GiB of addresses each, at once; and when they are closed their
// memory is given back.
func TestThousandRanks(t *testing.T) {
	const ranks, most = 1000, 200 << 10 // bytes that one may take
	m, err := engine.Make(engineForWide(t), wide(t, 1, 4096, 0))
	if err != nil {
		t.Fatal(err)
	}
	before := resident(t)
	for range 2 {
		var instances []engine.Instance
		for range ranks {
			mem, err := linear.New(1<<30, linear.Reserve(m.Reserve()), m.Lowest())
			if err != nil {
				t.Fatalf("rank %d: %v", len(instances), err)
			}
			h := &told{}
			in, err := m.Instantiate(h, mem)
			if err != nil {
				t.Fatalf("rank %d: %v", len(instances), err)
			}
			if err := in.Start(); err != nil || *h != (told{1, 77}) {
				t.Fatalf("rank %d: %v, %v", len(instances), err, *h)
			}
			instances = append(instances, in)
		}
		if took := resident(t) - before; took > ranks*most {
			t.Errorf("a rank takes %d bytes", took/ranks)
		}
		for _, in := range instances {
			in.Close()
		}
	}
	if took := resident(t) - before; took > ranks*most/10 {
		t.Errorf("%d bytes are left", took)
	}
}

// resident is how much memory the process has.
func resident(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// TestObjectOfAnotherProgram: machine code with other functions than the program has is not run.
func TestObjectOfAnotherProgram(t *testing.T) {
	var other *program.Program
	e, err := New(engine.Options{}, func(p *program.Program) (*object.Object, error) {
		if other == nil {
			again := *p
			other = &again
			return nil, errors.New("not yet")
		}
		return objects(other)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := e.Link(nil); err != nil {
		t.Fatal(err)
	}
	if _, err := engine.Make(e, conformance.Called()); err == nil {
		t.Fatal("an object was made")
	}
	if _, err := engine.Make(e, wide(t, 0, 0, 0)); err == nil || !strings.Contains(err.Error(), "not this program's") {
		t.Errorf("%v", err)
	}
}

// TestMemoryWithoutAddresses: code is not run on a memory behind which something else may stand.
func TestMemoryWithoutAddresses(t *testing.T) {
	m, err := engine.Make(engineForWide(t), wide(t, 0, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	mem, err := linear.New(1<<20, linear.Reserve(narrowReserve), 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Instantiate(&told{}, mem); err == nil ||
		!strings.Contains(err.Error(), fmt.Sprint(narrowReserve.Size)) {
		t.Errorf("%v", err)
	}
}

// deepening has its host call it back each time with less of the stack left.
const deepening = `
__attribute__((import_module("env"), import_name("back"))) void back(void (*)(int), int);
static volatile int zero;
__attribute__((noinline)) static int deep(int n) {
	if (n == 0) return zero;
	return deep(n - 1) / 3 + n;
}
static void again(int n) {
	zero = deep(20000);
	back(again, n);
	zero = 0;
}
void _start(void) { again(0); zero = deep(100000); }
`

// TestDeepCalls: recursion and callbacks share a stack, of which a hundred thousand calls take a part; that callbacks
// end it is a trap, and the instance can be called again.
func TestDeepCalls(t *testing.T) {
	e, err := New(engine.Options{}, objects)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	nested := 0
	var in engine.Instance
	if err := e.Link([]engine.Import{{Module: "env", Name: "back", Params: "ii", Call: func(_ any, s []uint64) {
		if nested++; nested == 50 {
			return
		}
		if err := in.CallTable(uint32(s[0]), "i", s[1]); err != nil {
			panic(err)
		}
	}}}); err != nil {
		t.Fatal(err)
	}
	m, err := engine.Make(e, conformance.Clang(t, deepening))
	if err != nil {
		t.Fatal(err)
	}
	mem, err := linear.New(1<<20, linear.Reserve(m.Reserve()), m.Lowest())
	if err != nil {
		t.Fatal(err)
	}
	if in, err = m.Instantiate(nil, mem); err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := in.Start(); err != nil || nested != 50 {
		t.Errorf("%v, %d callbacks", err, nested)
	}
}
