package mpi

import "github.com/faasmrun/faasmrun/mpi/datatype"

// blocks are what a participant sends or receives in a collective: one block for each participant, or a single one.
type blocks struct {
	span   datatype.Span // one block, at the first one's address
	number int64
	// counts, displacements in bytes, and types of each block, in the v and w collectives; else empty
	counts []int64
	displs []int64
	types  []*datatype.Type
}

// at is block i.
func (b *blocks) at(i int) datatype.Span {
	s := b.span
	if len(b.counts) > 0 {
		s.Count = b.counts[i]
		s.Addr += b.displs[i]
		if len(b.types) > 0 {
			s.Type = b.types[i]
		}
		return s
	}
	s.Addr += int64(i) * s.Count * s.Type.Extent()
	return s
}

// volume is about how many bytes the blocks hold.
func (b *blocks) volume() int64 {
	if b.span.Type == nil {
		return 0
	}
	n := b.span.Bytes() * b.number
	for i, c := range b.counts {
		t := b.span.Type
		if len(b.types) > 0 {
			t = b.types[i]
		}
		n += c * t.Size()
	}
	return n
}

// clear forgets the blocks and keeps their arrays.
func (b *blocks) clear() {
	b.span, b.number = datatype.Span{}, 0
	b.counts, b.displs, b.types = b.counts[:0], b.displs[:0], b.types[:0]
}
