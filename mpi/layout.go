package mpi

// run is count blocks of len bytes, the first at off, each stride bytes after the one before. A vector of any length is
// one run, a subarray of three dimensions one run a plane.
type run struct{ off, len, count, stride int64 }

// span is count elements of a datatype at an address of a linear memory (or of an eager buffer): one side of a copy.
// Whoever makes one checks with check that it lies in mem, so that copying needs no further look.
type span struct {
	mem   []byte
	addr  int64
	count int64
	typ   *datatype
}

// bytes is how much data the span holds.
func (s *span) bytes() int64 { return s.count * s.typ.size }

// contiguous gives the span's data as one piece of memory, if it is one.
func (s *span) contiguous() ([]byte, bool) {
	if !s.typ.contiguous {
		return nil, false
	}
	n := s.count * s.typ.size
	if n == 0 { // the address may be anything
		return nil, true
	}
	return s.mem[s.addr : s.addr+n], true
}

// inside tells whether every byte of the span lies in its memory. Counts and extents are divided before they are
// multiplied: neither is bounded, and their product must not wrap around.
func (s *span) inside() bool {
	if s.count == 0 || s.typ.size == 0 {
		return true
	}
	size, extent := int64(len(s.mem)), s.typ.extent()
	if s.typ.contiguous && s.typ.size < 1<<30 && s.count < 1<<32 { // the usual case, without a division
		return s.addr+s.count*s.typ.size <= size
	}
	if s.count > maxSpanBytes/s.typ.size {
		return false
	}
	first, last := s.addr+s.typ.trueLB, s.addr+s.typ.trueUB
	if extent != 0 && s.count-1 > 2*size/max(extent, -extent) {
		return false
	}
	if step := (s.count - 1) * extent; step >= 0 {
		last += step
	} else {
		first += step
	}
	return first >= 0 && last <= size
}

// maxSpanBytes bounds the data of one span: the size of the largest linear memory. Only where elements overlap could there
// be more.
const maxSpanBytes = 1 << 32

// whole is a span over plain bytes.
func whole(b []byte) span { return span{mem: b, count: int64(len(b)), typ: byteType} }

// copySpan copies as many bytes as both sides hold, in the order of their type maps, from memory to memory.
func copySpan(to, from *span) {
	d, dok := to.contiguous()
	s, sok := from.contiguous()
	if dok && sok {
		move(d, s[:min(len(d), len(s))])
		return
	}
	n := min(to.bytes(), from.bytes())
	dst, src := newCursor(to), newCursor(from)
	for n > 0 {
		d, s := dst.piece(), src.piece()
		k := int64(copy(d, s)) // no more than n: each side's blocks end with its data
		n -= k
		dst.advance(k)
		src.advance(k)
	}
}

// cursor walks a span's blocks.
type cursor struct {
	s       *span
	element int64 // address of the current element
	run     int   // run of the element
	block   int64 // block of the run
	within  int64 // bytes of the block that are done
}

// newCursor stands at the first byte. A contiguous span is walked as one block.
func newCursor(s *span) cursor { return cursor{s: s, element: s.addr} }

// piece is what is left of the current block.
func (c *cursor) piece() []byte {
	if c.s.typ.contiguous {
		return c.s.mem[c.element+c.within : c.s.addr+c.s.bytes()]
	}
	r := &c.s.typ.runs[c.run]
	start := c.element + r.off + c.block*r.stride
	return c.s.mem[start+c.within : start+r.len]
}

func (c *cursor) advance(n int64) {
	c.within += n
	if c.s.typ.contiguous {
		return
	}
	r := &c.s.typ.runs[c.run]
	if c.within < r.len {
		return
	}
	c.within = 0
	if c.block++; c.block < r.count {
		return
	}
	c.block = 0
	if c.run++; c.run < len(c.s.typ.runs) {
		return
	}
	c.run = 0
	c.element += c.s.typ.extent()
}
