package wasm

import (
	"math/rand/v2"
	"testing"
)

// moved makes a body of new bytes out of some of an old one's, and says where each byte comes from, in both ways that a
// pass knows: as moves, and byte by byte. Bytes that were put in come from the byte before them that was kept or
// replaced.
func moved(r *rand.Rand, length int) (moves []Move, from []int) {
	at, last := 0, 0
	for at < length {
		switch r.IntN(4) {
		case 0:
			at += r.IntN(4) // thrown away
		case 1:
			for n := r.IntN(3); n > 0 && len(from) > 0; n-- {
				from = append(from, last)
			}
		case 2: // something in place of an instruction, or nothing
			moves = AppendMove(moves, Move{uint32(len(from)), uint32(at), 1})
			for n := r.IntN(3); n > 0; n-- {
				from = append(from, at)
			}
			last = at
			at += 1 + r.IntN(2)
		default:
			n := min(2+r.IntN(20), length-at)
			moves = AppendMove(moves, Move{uint32(len(from)), uint32(at), uint32(n)})
			for ; n > 0; n-- {
				from = append(from, at)
				last = at
				at++
			}
		}
	}
	return moves, from
}

// TestCodeMap lets three passes move code at random, writes the map and reads it between them, and follows each byte
// back.
func TestCodeMap(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		starts := []uint32{3, 50, 1 << 20}
		c := &CodeMap{}
		for _, s := range starts {
			c.functions = append(c.functions, bodyMap{start: s})
		}
		want := []int{} // of the middle function
		for i := range 200 {
			want = append(want, i)
		}
		for range 3 {
			moves, from := moved(r, len(want))
			if len(from) == 0 {
				break
			}
			c.Move(1, moves)
			next := make([]int, len(from))
			for i, f := range from {
				next[i] = want[f]
			}
			want = next
			var err error
			if c, err = DecodeCodeMap(c.Append(nil)); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		for i, w := range want {
			if got, ok := c.Original(1, uint32(i)); !ok || got != uint64(w)+50 {
				t.Fatalf("seed %d: byte %d comes from %d, not from %d", seed, i, got, w+50)
			}
		}
		for i, s := range starts {
			if got, ok := c.Original(i, 7); i != 1 && (!ok || got != uint64(s)+7) {
				t.Errorf("function %d was not moved, and came from %d", i, got)
			}
		}
		if _, ok := c.Original(3, 0); ok {
			t.Error("a fourth function has come from somewhere")
		}
	}
}

func FuzzCodeMap(f *testing.F) {
	c := &CodeMap{functions: []bodyMap{{start: 1}, {start: 9, moves: []Move{{0, 4, 2}, {5, 1, 9}}}, {moves: []Move{}}}}
	f.Add(c.Append(nil), uint32(3), uint32(4))
	f.Fuzz(func(t *testing.T, data []byte, offset, length uint32) {
		c, err := DecodeCodeMap(data)
		if err != nil {
			return
		}
		for i := range c.functions {
			c.Original(i, offset)
			c.Move(i, []Move{{offset, offset / 2, max(1, length%1000)}, {^uint32(0) - 2, 5, 1}})
		}
		if again, err := DecodeCodeMap(c.Append(nil)); err != nil || len(again.functions) != len(c.functions) {
			t.Errorf("what was read can't be written: %v", err)
		}
	})
}
