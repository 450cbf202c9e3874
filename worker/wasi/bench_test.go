package wasi

import (
	"io"
	"testing"
)

// steady are calls that programs make all the time; each is made over and over with the same arguments.
func steady(t testing.TB) map[string]func() errno {
	g := newGuest(t, Config{Stdout: OutputTo(io.Discard)})
	p1, n1 := g.str("a line of text ")
	p2, n2 := g.str("and its end\n")
	iovs, count := g.iovs([2]uint64{p1, n1}, [2]uint64{p2, n2})
	one, _ := g.iovs([2]uint64{p1, n1})
	file := g.mustOpen("file", openCreate, readWrite)
	g.ok("fd_filestat_set_size", file, 4096)
	result := g.alloc(8)
	call := func(name string, args ...uint64) func() errno {
		fn, stack := g.calls[name].Fn, make([]uint64, len(args))
		return func() errno {
			copy(stack, args)
			fn(g.p, stack)
			return errno(stack[0])
		}
	}
	rewind := call("fd_seek", file, 0, 0, result)
	read, write := call("fd_read", file, iovs, count, result), call("fd_write", file, iovs, count, result)
	return map[string]func() errno{
		"stdout 1":        call("fd_write", 1, one, 1, result),
		"stdout 2":        call("fd_write", 1, iovs, count, result),
		"file seek read":  func() errno { return rewind() | read() },
		"file seek write": func() errno { return rewind() | write() },
		"file pread":      call("fd_pread", file, iovs, count, 0, result),
		"file pwrite":     call("fd_pwrite", file, iovs, count, 0, result),
		"clock":           call("clock_time_get", clockMonotonic, 0, result),
		"fdstat":          call("fd_fdstat_get", file, g.alloc(24)),
	}
}

// TestSteadyCallsDoNotAllocate: ranks share a heap that is collected only when all of them are inside a call.
func TestSteadyCallsDoNotAllocate(t *testing.T) {
	for name, call := range steady(t) {
		if n := testing.AllocsPerRun(100, func() {
			if e := call(); e != success {
				t.Fatalf("%s: errno %d", name, e)
			}
		}); n > 0 {
			t.Errorf("%s: %v allocations a call", name, n)
		}
	}
}

func BenchmarkSteady(b *testing.B) {
	for name, call := range steady(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if e := call(); e != success {
					b.Fatalf("errno %d", e)
				}
			}
		})
	}
}
