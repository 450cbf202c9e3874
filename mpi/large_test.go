package mpi

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
		s      span
		inside bool
	}{
		{whole(mem), true},
		{span{mem: mem, addr: 1, count: size - 1, typ: byteType}, true},
		{span{mem: mem, addr: 1, count: size, typ: byteType}, false},
		{span{mem: mem, addr: 1 << 32, count: 1 << 30, typ: byteType}, true},
		{span{mem: mem, count: 1<<36 + 1, typ: byteType}, false},
	} {
		if c.s.inside(0) != c.inside {
			t.Errorf("%d bytes at %d", c.s.count, c.s.addr)
		}
	}
}
