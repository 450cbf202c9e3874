package datatype

import (
	"syscall"
	"testing"
)

// TestSpanBeyond4GiB: what a memory of more than 4 GiB holds can be one buffer, however its elements are cut.
func TestSpanBeyond4GiB(t *testing.T) {
	const size = 5 << 30
	mem, err := syscall.Mmap(-1, 0, size, syscall.PROT_NONE,
		syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_NORESERVE)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Munmap(mem)
	for _, c := range []struct {
		s      Span
		inside bool
	}{
		{Whole(mem), true},
		{Span{Mem: mem, Addr: 1, Count: size - 1, Type: Byte()}, true},
		{Span{Mem: mem, Addr: 1, Count: size, Type: Byte()}, false},
		{Span{Mem: mem, Addr: 1 << 32, Count: 1 << 30, Type: Byte()}, true},
		{Span{Mem: mem, Count: 1<<36 + 1, Type: Byte()}, false},
	} {
		if c.s.Inside(0) != c.inside {
			t.Errorf("%d bytes at %d", c.s.Count, c.s.Addr)
		}
	}
}
