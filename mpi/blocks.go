package mpi

// blocks are what a participant sends or receives in a collective: one block for each participant, or a single one.
type blocks struct {
	span   span // one block, at the first one's address
	number int64
	// counts, displacements in bytes, and types of each block, in the v and w collectives; else nil
	counts []int64
	displs []int64
	types  []*datatype
}

// at is block i.
func (b *blocks) at(i int) span {
	s := b.span
	if b.counts != nil {
		s.count = b.counts[i]
		s.addr += b.displs[i]
		if b.types != nil {
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
		if b.types != nil {
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

// scratchBytes is the size of an intermediate result: small enough to stay in the processor's cache.
const scratchBytes = 32 << 10

// hand does the steps of a collective's algorithm for the rank that executes them.
type hand struct {
	r       *Rank
	m       *meeting
	acc     []byte // the intermediate result
	spare   []byte
	pending int // bytes of acc in use
}

func (h *hand) Copy(to, toBlock, from, fromBlock int) {
	dst, src := &h.m.parts[to], &h.m.parts[from]
	if to == from && dst.inPlace {
		return
	}
	d, s := dst.recv.at(toBlock), src.send.at(fromBlock)
	if d.bytes() < s.bytes() {
		h.m.fail(dst, failf(errTruncate, "rank %d of %s sends a block of %d bytes and rank %d receives one of %d",
			from, dst.comm.name, s.bytes(), to, d.bytes()))
	}
	copySpan(&d, &s)
}

// fail notes a participant's failure; several hands may find one.
func (m *meeting) fail(p *part, f *failure) {
	ms := p.comm.meetings
	ms.mu.Lock()
	p.failure = f.on(p.comm)
	ms.mu.Unlock()
}

func (h *hand) Exchange(a, b int) {
	x, y := h.m.parts[a].recv.at(b), h.m.parts[b].recv.at(a)
	h.buffers()
	if x.bytes() != y.bytes() {
		h.m.fail(&h.m.parts[a], failf(errTruncate, "ranks %d and %d exchange blocks of %d and %d bytes", a, b, x.bytes(), y.bytes()))
		return
	}
	swapSpans(&x, &y, h.acc)
}

// swapSpans exchanges the data of two spans of as many bytes, a buffer at a time.
func swapSpans(x, y *span, buffer []byte) {
	cx, cy := newCursor(x), newCursor(y)
	for n := x.bytes(); n > 0; {
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

// buffers makes the rank's scratch buffers, once.
func (h *hand) buffers() {
	if h.acc == nil {
		h.acc, h.spare = make([]byte, scratchBytes), make([]byte, scratchBytes)
	}
}

// elements is the memory of elements lo to hi of what a participant sends. The last one of a type with a hole at its end
// may reach beyond the memory; then it is copied to where there is room.
func (h *hand) elements(from, lo, hi int) []byte {
	s := &h.m.parts[from].send.span
	extent := s.typ.extent()
	start, end := s.addr+int64(lo)*extent, s.addr+int64(hi)*extent
	if end <= int64(len(s.mem)) {
		return s.mem[start:end]
	}
	copy(h.spare, s.mem[start:])
	return h.spare[:end-start]
}

func (h *hand) Load(from, lo, hi int) {
	h.buffers()
	h.pending = copy(h.acc, h.elements(from, lo, hi))
}

func (h *hand) Fold(from, lo, hi int) {
	p := &h.m.parts[from]
	kernels[p.op.code][p.send.span.typ.kind](h.acc[:h.pending], h.elements(from, lo, hi))
}

func (h *hand) Store(to, at, n int) {
	s := &h.m.parts[to].recv.span
	start := s.addr + int64(at)*s.typ.extent()
	copy(s.mem[start:], h.acc[:h.pending])
}
