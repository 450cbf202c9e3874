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

// inside reports whether every byte of the span lies in its memory, from lowest on. Nothing of it is trusted: the
// address may have been displaced below zero, the count be anything. Counts and extents are divided before they are
// multiplied, because their product must not wrap around.
func (s *span) inside(lowest uint64) bool {
	size := int64(len(s.mem))
	if s.typ.contiguous && s.typ.size < 1<<30 && uint64(s.count) < 1<<32 { // the usual case, without a division
		n := s.count * s.typ.size
		return n == 0 || s.addr >= int64(lowest) && s.addr <= size && s.addr+n <= size
	}
	if s.count < 0 || s.count > maxSpanBytes/max(s.typ.size, 1) {
		return false
	}
	if s.bytes() == 0 {
		return true
	}
	if extent := s.typ.extent(); extent != 0 && s.count-1 > 2*size/max(extent, -extent) {
		return false
	}
	low, high := s.reach()
	return low >= int64(lowest) && high <= size
}

// reach gives the addresses of the lowest byte of all the elements and of the one behind the highest. The extent may be
// negative, and an element's bytes may lie before its address or far behind it.
func (s *span) reach() (low, high int64) {
	step := (s.count - 1) * s.typ.extent()
	return s.addr + s.typ.trueLB + min(step, 0), s.addr + s.typ.trueUB + max(step, 0)
}

// times is how many bytes n elements of extent bytes are: the one way from a program's displacement to ours. What would
// lie beyond any memory is cut off at a distance that does, so that nothing wraps around and inside finds it.
func times(n, extent int64) int64 {
	each := max(extent, -extent, 1)
	switch most := int64(maxTypeBytes) / each; {
	case n > most && extent > 0 || n < -most && extent < 0:
		return 2 * maxTypeBytes
	case n > most && extent < 0 || n < -most && extent > 0:
		return -2 * maxTypeBytes
	}
	return n * extent
}

// maxSpanBytes bounds the data of one span, and its elements if they have no data: the size of the largest linear
// memory of any engine. Only overlapping elements could be more.
const maxSpanBytes = 1 << 36

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
