package datatype

// Span is count elements of a datatype at an address of a memory, which begins at 0: one side of a copy. Whoever makes
// one asks Inside whether it lies in its memory, so that copying needs no further look.
type Span struct {
	Mem   []byte
	Addr  int64
	Count int64
	Type  *Type
}

// Bytes is how much data the span holds.
func (s *Span) Bytes() int64 { return s.Count * s.Type.size }

// Contiguous gives the span's data as one piece of memory, if it is one.
func (s *Span) Contiguous() ([]byte, bool) {
	if !s.Type.contiguous {
		return nil, false
	}
	n := s.Count * s.Type.size
	if n == 0 { // the address may be anything
		return nil, true
	}
	return s.Mem[s.Addr : s.Addr+n], true
}

// Inside reports whether every byte of the span lies in its memory, from lowest on. Nothing of it is trusted: the
// address may have been displaced below zero, the count be anything. Counts and extents are divided before they are
// multiplied, because their product must not wrap around.
func (s *Span) Inside(lowest uint64) bool {
	size := int64(len(s.Mem))
	if s.Type.contiguous && s.Type.size < 1<<30 && uint64(s.Count) < 1<<32 { // the usual case, without a division
		n := s.Count * s.Type.size
		return n == 0 || s.Addr >= int64(lowest) && s.Addr <= size && s.Addr+n <= size
	}
	if s.Count < 0 || s.Count > MaxSpanBytes/max(s.Type.size, 1) {
		return false
	}
	if s.Bytes() == 0 {
		return true
	}
	if extent := s.Type.Extent(); extent != 0 && s.Count-1 > 2*size/max(extent, -extent) {
		return false
	}
	low, high := s.Reach()
	return low >= int64(lowest) && high <= size
}

// Reach gives the addresses of the lowest byte of all the elements and of the one behind the highest. The extent may be
// negative, and an element's bytes may lie before its address or far behind it.
func (s *Span) Reach() (low, high int64) {
	step := (s.Count - 1) * s.Type.Extent()
	return s.Addr + s.Type.trueLB + min(step, 0), s.Addr + s.Type.trueUB + max(step, 0)
}

// Displacement is how many bytes n elements of extent bytes are: the one way from a program's displacement to ours.
// What would lie beyond any memory is cut off at a distance that does, so that nothing wraps around and Inside finds
// it.
func Displacement(n, extent int64) int64 {
	each := max(extent, -extent, 1)
	switch most := int64(MaxBytes) / each; {
	case n > most && extent > 0 || n < -most && extent < 0:
		return 2 * MaxBytes
	case n > most && extent < 0 || n < -most && extent > 0:
		return -2 * MaxBytes
	}
	return n * extent
}

// MaxSpanBytes bounds the data of one span, and its elements if they have no data: the size of the largest linear
// memory of any engine. Only overlapping elements could be more.
const MaxSpanBytes = 1 << 36

// Whole is a span over plain bytes.
func Whole(b []byte) Span { return Span{Mem: b, Count: int64(len(b)), Type: byteType} }

// Repeated is n times as many elements; fits is false where nobody's memory would hold them.
func (s Span) Repeated(n int64) (all Span, fits bool) {
	fits = s.Count <= MaxSpanBytes/n
	s.Count *= n
	return s, fits
}

// Packed is the span's data in a memory of its own, as bytes one after the other.
func (s *Span) Packed() Span {
	packed := Whole(make([]byte, s.Bytes()))
	packed.CopyFrom(s)
	return packed
}

// Clone is a copy of the memory a span covers, as a span. What lies between its pieces is not touched.
func (s Span) Clone() Span {
	if s.Bytes() == 0 {
		return s
	}
	low, high := s.Reach()
	mem := make([]byte, high-low)
	s.Each(func(address, n int64) bool {
		copy(mem[address-low:][:n], s.Mem[address:])
		return true
	})
	s.Mem, s.Addr = mem, s.Addr-low
	return s
}

// Each calls visit for each piece of memory that the span has data in, in the order of the data, as long as it gives
// true, and reports whether it has for all.
func (s *Span) Each(visit func(address, n int64) bool) bool {
	if s.Type.contiguous {
		return s.Bytes() == 0 || visit(s.Addr, s.Bytes())
	}
	c := newCursor(s)
	for left := s.Bytes(); left > 0; {
		n := int64(len(c.piece()))
		r := &s.Type.runs[c.run]
		if !visit(c.element+r.off+c.block*r.stride, n) {
			return false
		}
		left -= n
		c.advance(n)
	}
	return true
}

// Overlap reports whether two spans of one memory share bytes. Of spans with holes it reports false: they may lie in
// each other's.
func Overlap(a, b *Span) bool {
	if !a.Type.contiguous || !b.Type.contiguous {
		return false
	}
	return a.Bytes() > 0 && b.Bytes() > 0 && a.Addr < b.Addr+b.Bytes() && b.Addr < a.Addr+a.Bytes()
}
