package omp

import (
	"encoding/binary"
	"testing"
)

// Where a thread waits is told by construct and line; what a program's memory says wrong of it is left out.
func TestPlaces(t *testing.T) {
	memory := make([]byte, 200)
	binary.LittleEndian.PutUint64(memory[24+16:], 100)
	text := ";dir/a.c;work;12;9;;"
	copy(memory[100:], text)
	const barrier = "waiting at a barrier"
	for _, c := range []struct {
		name   string
		change func(b []byte)
		at     uint64
		want   string
	}{
		{"plain", func([]byte) {}, 24, barrier + " (in work, dir/a.c:12)"},
		{"no place", func([]byte) {}, 0, barrier},
		{"behind the memory", func([]byte) {}, 1 << 40, barrier},
		{"at its end", func([]byte) {}, 199, barrier},
		{"no text", func(b []byte) { clear(b[40:48]) }, 24, barrier},
		{"text behind the memory", func(b []byte) { b[47] = 0xff }, 24, barrier},
		{"text without an end", func(b []byte) {
			for i := 100; i < 200; i++ {
				b[i] = ';'
			}
		}, 24, barrier},
		{"no line", func(b []byte) { copy(b[100:], ";unknown;unknown;0;0;;\x00") }, 24, barrier},
		{"other text", func(b []byte) { copy(b[100:], "text\x00") }, 24, barrier},
		{"for the terminal", func(b []byte) { b[101] = 0x1b }, 24, barrier + " (in work, ir/a.c:12)"},
	} {
		b := append([]byte(nil), memory...)
		c.change(b)
		thread := &Thread{inside: inside{constructOf["__kmpc_barrier"], c.at}}
		if got := thread.Place().Describe(from(b)); got != c.want {
			t.Errorf("%s: %q, not %q", c.name, got, c.want)
		}
	}
	if got := Place(1<<63 | 200<<addressBits).Describe(from(memory)); got != "" {
		t.Errorf("a construct that there is not: %q", got)
	}
	if len(constructOf) != len(constructs) {
		t.Errorf("%d names for %d constructs", len(constructOf), len(constructs))
	}
}

// A thread in a construct within another is in the inner one, and then in the outer one again.
func TestPlacesNest(t *testing.T) {
	h := newRank(t, 2, 2)
	var within Place
	h.parallel(func(h *thread) {
		if h.id == 0 {
			within = h.Thread.Place()
		}
	})
	if got := h.Thread.Place().Describe(from(nil)); got != constructs[0].waits {
		t.Errorf("behind the region: %q", got)
	}
	if got := within.Describe(from(nil)); got != constructs[1].waits {
		t.Errorf("in the region: %q", got)
	}
}

// from gives what of a memory can be read from an address on.
func from(memory []byte) func(address uint64) []byte {
	return func(address uint64) []byte { return memory[min(address, uint64(len(memory))):] }
}
