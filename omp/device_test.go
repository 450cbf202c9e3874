package omp

import (
	"encoding/binary"
	"testing"
)

// What is copied between the host and the host, and what is refused, never traps.
func TestDeviceMemory(t *testing.T) {
	h := newRank(t, 2, 2)
	at := h.call("omp_target_alloc", 64, 0)
	if at == 0 || h.call("omp_target_alloc", 64, 1) != 0 || h.call("omp_target_is_present", at, 0) != 1 ||
		h.call("omp_target_is_present", at, 1) != 0 || h.call("omp_target_is_accessible", at, 64, 1<<32-1) != 1 ||
		h.call("omp_get_mapped_ptr", at, 0) != at || h.call("omp_get_mapped_ptr", at, 5) != 0 {
		t.Errorf("memory at %#x", at)
	}
	list := h.room(512)
	numbers := func(n ...uint64) (address uint64) {
		address = h.room(8 * uint64(len(n)))
		for i, v := range n {
			binary.LittleEndian.PutUint64(h.memory[address+8*uint64(i):], v)
		}
		return address
	}
	for i := range h.memory[list:][:24] {
		h.memory[list+uint64(i)] = byte(i)
	}
	// 2 by 1 by 2 bytes of 2 by 3 by 4, to the same array elsewhere
	box := []uint64{list + 64, list, 1, 3, numbers(2, 1, 2), numbers(0, 1, 2), numbers(0, 2, 1), numbers(2, 3, 4),
		numbers(2, 3, 4)}
	if h.call("omp_target_memcpy_rect", append(box, 0, 0)...) != 0 {
		t.Error("no copy")
	}
	for i := range uint64(24) {
		want := map[uint64]byte{6: 9, 7: 10, 18: 21, 19: 22}[i]
		if got := h.memory[list+64+i]; got != want {
			t.Errorf("byte %d is %d, want %d", i, got, want)
		}
	}
	for _, c := range []struct {
		name string
		args []uint64
		want uint64
	}{
		{"omp_target_memcpy", []uint64{at, list, 8, 0, 0, 0, 0}, 0},
		{"omp_target_memcpy", []uint64{at, list, 8, 0, 0, 1, 0}, 22},
		{"omp_target_memcpy", []uint64{0, list, 8, 0, 0, 0, 0}, 22},
		{"omp_target_memcpy", []uint64{0, 0, 0, 0, 0, 0, 0}, 0},
		{"omp_target_memcpy_rect", []uint64{0, 0, 1, 3, 0, 0, 0, 0, 0, 0, 0}, 64},
		{"omp_target_memcpy_rect", []uint64{at, list, 1, 65, 0, 0, 0, 0, 0, 0, 0}, 22},
		{"omp_target_memcpy_rect", []uint64{at, list, 0, 1, 0, 0, 0, 0, 0, 0, 0}, 22},
		{"omp_target_memcpy_rect", []uint64{at, list, 1 << 62, 1, numbers(8), numbers(0), numbers(0), numbers(8), numbers(8),
			0, 0}, 22},
		{"omp_target_memcpy_async", []uint64{at, list, 8, 0, 0, 0, 0, 0, 0}, 0},
		{"omp_target_associate_ptr", []uint64{at, list, 8, 0, 0}, 22},
		{"omp_pause_resource", []uint64{1, 0}, 0}, {"omp_pause_resource", []uint64{3, 0}, 1},
		{"omp_pause_resource", []uint64{1, 2}, 1}, {"omp_pause_resource_all", []uint64{2}, 0},
	} {
		if got := h.call(c.name, c.args...); got != c.want {
			t.Errorf("%s%d: %d, want %d", c.name, c.args, got, c.want)
		}
	}
	h.call("omp_target_free", at, 0)
	failing := h.room(8)
	if h.call("omp_get_interop_int", 0, 1, failing) != 0 || h.memory[failing] != 0xff {
		t.Error("an object of interoperability that is none has properties")
	}
	h.parallel(func(h *thread) {
		if h.call("omp_pause_resource_all", 1) != 1 {
			t.Error("paused in a region")
		}
	})
}
