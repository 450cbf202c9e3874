package conformance

import (
	"runtime"
	"testing"

	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/program"
)

// loopOf calls import 0 n times from one loop, n being the i32 that was stored at address 0.
func loopOf(importName string, before ...any) guestModule {
	return guestModule{imports: []program.Import{env(importName)}, table: []int{-1, 2}, funcs: []function{
		{name: "_start", export: true, locals: "i", body: code(i32(0), opI32Load, 2, 0, opLocalSet, 0,
			opLoop, void, code(before...), opCall, 0,
			opLocalGet, 0, i32(1), opI32Sub, 0x22 /* local.tee */, 0, opBrIf, 0, opEnd)},
		{name: "callee", params: "i"}}}
}

func setCount(in engine.Instance, n int) {
	mem := in.Memory()
	mem[0], mem[1], mem[2], mem[3] = byte(n), byte(n>>8), byte(n>>16), byte(n>>24)
}

// Guest to host and back. Its baseline is BenchmarkHostCallOfWazero.
func benchmarkHostCall(b *testing.B) {
	in, _ := instantiate(b, loopOf("nothing"))
	setCount(in, b.N)
	b.ReportAllocs()
	b.ResetTimer()
	if err := in.Start(); err != nil {
		b.Fatal(err)
	}
}

func benchmarkCallTable(b *testing.B) {
	in, _ := instantiate(b, loopOf("nothing"))
	args := []uint64{1}
	b.ReportAllocs()
	for b.Loop() {
		if err := in.CallTable(1, "i", args...); err != nil {
			b.Fatal(err)
		}
	}
}

// Guest to host to guest and back: a user-defined operation in a reduction.
func benchmarkCallBack(b *testing.B) {
	in, _ := instantiate(b, loopOf("back", i32(1)))
	setCount(in, b.N)
	b.ReportAllocs()
	b.ResetTimer()
	if err := in.Start(); err != nil {
		b.Fatal(err)
	}
}

// An instance, of a program that has all of its memory and of one whose null pointers trap.
func benchmarkInstantiate(b *testing.B) {
	e := newEngine(b, engine.Options{})
	for name, file := range map[string][]byte{"open": called(1).wasm(), "null page": marked(called(1).wasm())} {
		m, err := engine.Make(e, file)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				in, err := m.Instantiate(&host{}, memory(b, m, 4<<30))
				if err != nil {
					b.Fatal(err)
				}
				if err := in.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What a rank costs on the Go heap: 1,000 of one module, each started once.
func benchmarkHeapPerInstance(b *testing.B) {
	e := newEngine(b, engine.Options{})
	m, err := engine.Make(e, trivial().wasm())
	if err != nil {
		b.Fatal(err)
	}
	const n = 1000
	for b.Loop() {
		before := heap()
		instances := make([]engine.Instance, n)
		for i := range instances {
			if instances[i], err = m.Instantiate(&host{}, memory(b, m, 4<<30)); err != nil {
				b.Fatal(err)
			}
			if err := instances[i].Start(); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(heap()-before)/n, "heap-B/instance")
		for _, in := range instances {
			in.Close()
		}
	}
}

func heap() uint64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

// A small program's way into an engine: all of it is paid by every process that runs one.
func benchmarkCompile(b *testing.B) {
	wasm := called(1).wasm()
	for _, c := range []struct{ name, dir string }{{"cold", ""}, {"cached", b.TempDir()}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				e, err := underTest(engine.Options{CacheDir: c.dir})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := engine.Make(e, wasm); err != nil {
					b.Fatal(err)
				}
				e.Close()
			}
		})
	}
}

func testCallsAllocateNothing(t *testing.T) {
	in, _ := instantiate(t, loopOf("nothing"))
	setCount(in, 100_000)
	args := []uint64{7} // whoever calls through the boundary makes them
	if n := testing.AllocsPerRun(3, func() {
		if err := in.CallTable(1, "i", args...); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("CallTable allocates %v times", n)
	}
	// Entering _start allocates its stack; 100,000 host calls from there nothing.
	if n := testing.AllocsPerRun(3, func() {
		if err := in.Start(); err != nil {
			t.Fatal(err)
		}
	}); n > 20 {
		t.Errorf("100,000 host calls allocate %v times", n)
	}
}
