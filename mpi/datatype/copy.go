package datatype

const (
	// CopyStep is how many bytes are copied at once. From 256 KiB on Go's copy goes past the caches, which takes 1.6 times
	// as long where the receiver reads the message next. Measured for copies that two ranks share, where the steps of
	// 64 KiB are too few to be shared out, and those of 8 KiB cost more of passing the job to and fro than they save.
	CopyStep = 16 << 10
	// cachedCopy is where going past the caches becomes the better way, because nothing of so much stays there.
	cachedCopy = 16 << 20
)

// move copies as copy does.
func move(to, from []byte) {
	for len(from) > CopyStep && len(from) <= cachedCopy {
		n := copy(to, from[:CopyStep])
		to, from = to[n:], from[n:]
	}
	copy(to, from)
}

// StreamFrom copies as CopyFrom does, and past the caches: what is written is not read into them before, and nothing
// else has to leave. It is for what is part of so much that little of it would be there when it is read.
func (to *Span) StreamFrom(from *Span) {
	d, dok := to.Contiguous()
	s, sok := from.Contiguous()
	if n := min(len(d), len(s)); dok && sok && n >= CopyStep {
		stream(d[:n], s[:n])
		return
	}
	to.CopyFrom(from)
}

// CopyFrom copies as many bytes as both spans hold, in the order of their type maps, from memory to memory.
func (to *Span) CopyFrom(from *Span) {
	d, dok := to.Contiguous()
	s, sok := from.Contiguous()
	if dok && sok {
		move(d, s[:min(len(d), len(s))])
		return
	}
	n := min(to.Bytes(), from.Bytes())
	dst, src := newCursor(to), newCursor(from)
	for n > 0 {
		d, s := dst.piece(), src.piece()
		k := int64(copy(d, s)) // no more than n: each side's blocks end with its data
		n -= k
		dst.advance(k)
		src.advance(k)
	}
}

// Swap exchanges the data of two spans of as many bytes, a buffer at a time.
func Swap(x, y *Span, buffer []byte) {
	cx, cy := newCursor(x), newCursor(y)
	for n := x.Bytes(); n > 0; {
		px, py := cx.piece(), cy.piece()
		k := min(len(px), len(py), len(buffer))
		copy(buffer, px[:k])
		copy(px, py[:k])
		copy(py, buffer[:k])
		cx.advance(int64(k))
		cy.advance(int64(k))
		n -= int64(k)
	}
}

// cursor walks a span's blocks.
type cursor struct {
	s       *Span
	element int64 // address of the current element
	run     int   // run of the element
	block   int64 // block of the run
	within  int64 // bytes of the block that are done
}

// newCursor stands at the first byte. A contiguous span is walked as one block.
func newCursor(s *Span) cursor { return cursor{s: s, element: s.Addr} }

// piece is what is left of the current block.
func (c *cursor) piece() []byte {
	if c.s.Type.contiguous {
		return c.s.Mem[c.element+c.within : c.s.Addr+c.s.Bytes()]
	}
	r := &c.s.Type.runs[c.run]
	start := c.element + r.off + c.block*r.stride
	return c.s.Mem[start+c.within : start+r.len]
}

func (c *cursor) advance(n int64) {
	c.within += n
	if c.s.Type.contiguous {
		return
	}
	r := &c.s.Type.runs[c.run]
	if c.within < r.len {
		return
	}
	c.within = 0
	if c.block++; c.block < r.count {
		return
	}
	c.block = 0
	if c.run++; c.run < len(c.s.Type.runs) {
		return
	}
	c.run = 0
	c.element += c.s.Type.Extent()
}
