package datatype

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestStream copies past the caches to and from all offsets into a vector, lengths about what goes that way and about
// the step of the assembly; what stands around stays.
func TestStream(t *testing.T) {
	const room = 2<<20 + 4096
	from, to := make([]byte, room), make([]byte, room)
	r := rand.New(rand.NewPCG(5, 6))
	for i := range from {
		from[i] = byte(r.Uint32())
	}
	same := func(n, toOffset, fromOffset int) {
		t.Helper()
		for i := range to[:n+256] {
			to[i] = 0xa5
		}
		s, d := Whole(from[fromOffset:fromOffset+n]), Whole(to[64+toOffset:64+toOffset+n])
		d.StreamFrom(&s)
		before, after := to[:64+toOffset], to[64+toOffset+n:n+256]
		if !bytes.Equal(to[64+toOffset:64+toOffset+n], from[fromOffset:fromOffset+n]) {
			t.Fatalf("%d bytes to offset %d from offset %d: not what was sent", n, toOffset, fromOffset)
		}
		if bytes.Count(before, []byte{0xa5}) != len(before) || bytes.Count(after, []byte{0xa5}) != len(after) {
			t.Fatalf("%d bytes to offset %d from offset %d: bytes around were written", n, toOffset, fromOffset)
		}
	}
	for offset := range 64 {
		same(CopyStep+offset, offset, (offset*7)%64)
	}
	for n := CopyStep - 2; n < CopyStep+300; n++ {
		same(n, n%32, 0)
	}
	for _, n := range []int{1<<20 - 1, 1 << 20, 1<<20 + 1, 2<<20 + 129} {
		same(n, 8, 16)
	}
}
