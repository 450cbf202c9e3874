package mpi

// blocks are what a participant sends or receives in a collective: one block for each participant, or a single one.
type blocks struct {
	span   span // one block, at the first one's address
	number int64
	// counts, displacements in bytes, and types of each block, in the v and w collectives; else empty
	counts []int64
	displs []int64
	types  []*datatype
}

// at is block i.
func (b *blocks) at(i int) span {
	s := b.span
	if len(b.counts) > 0 {
		s.count = b.counts[i]
		s.addr += b.displs[i]
		if len(b.types) > 0 {
			s.typ = b.types[i]
		}
		return s
	}
	s.addr += int64(i) * s.count * s.typ.extent()
	return s
}

// volume is about how many bytes the blocks hold.
func (b *blocks) volume() int64 {
	if b.span.typ == nil {
		return 0
	}
	n := b.span.bytes() * b.number
	for i, c := range b.counts {
		t := b.span.typ
		if len(b.types) > 0 {
			t = b.types[i]
		}
		n += c * t.size
	}
	return n
}

// clear forgets the blocks and keeps their arrays.
func (b *blocks) clear() {
	b.span, b.number = span{}, 0
	b.counts, b.displs, b.types = b.counts[:0], b.displs[:0], b.types[:0]
}
