package mpi

import "encoding/binary"

// scratchBytes is the size of an intermediate result: small enough to stay in the processor's cache.
const scratchBytes = 32 << 10

// hand does the steps of a collective's algorithm for the rank that executes them.
type hand struct {
	r       *Rank
	m       *meeting
	acc     []byte // the intermediate result of a predefined operation
	spare   []byte
	pending int // bytes of acc in use

	// A user's operation works on memory of the program: two buffers, and the words its arguments point at.
	typ     *datatype // nil for a predefined operation
	own     *part
	area    uint64
	size    uint64
	buffers [2]uint64 // the intermediate result is in the first
	n       int64     // its elements
	inside  bool      // the program's function runs
}

func (h *hand) Copy(to, toBlock, from, fromBlock int) {
	dst, src := &h.m.parts[to], &h.m.parts[from]
	if to == from && dst.inPlace {
		return
	}
	d, s := dst.recv.at(toBlock), src.send.at(fromBlock)
	if d.bytes() < s.bytes() {
		h.m.fail(dst, failf(errTruncate, "rank %d of %s sends a block of %d bytes and rank %d receives one of %d",
			from, dst.comm.title(), s.bytes(), to, d.bytes()))
	}
	h.checkBlock(dst, src, &d, &s)
	if s.bytes() > 0 && d.bytes() > 0 {
		copySpan(&d, &s)
	}
	if to != from {
		h.r.world.count(src.rank.rank, dst.rank.rank, s.bytes())
	}
}

// fail notes a participant's failure; several hands may find one.
func (m *meeting) fail(p *part, f *failure) {
	m.failMu.Lock()
	p.failure = f.on(p.comm)
	m.failMu.Unlock()
}

func (h *hand) Exchange(a, b int) {
	x, y := h.m.parts[a].recv.at(b), h.m.parts[b].recv.at(a)
	if x.bytes() != y.bytes() {
		h.m.fail(&h.m.parts[a], failf(errTruncate, "ranks %d and %d exchange blocks of %d and %d bytes", a, b, x.bytes(), y.bytes()))
		return
	}
	h.scratch()
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

// scratch makes the rank's buffers, once.
func (h *hand) scratch() {
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

func (h *hand) kernel() kernel {
	p := &h.m.parts[h.m.shape.Ways[0].From[0]]
	return kernels[p.op.code][p.typ.kind]
}

func (h *hand) Load(from, lo, hi int) {
	if h.typ != nil {
		h.n = int64(hi - lo)
		h.fetch(0, from, lo)
		return
	}
	h.scratch()
	h.pending = copy(h.acc, h.elements(from, lo, hi))
}

func (h *hand) Fold(from, lo, hi int) {
	if h.typ != nil {
		h.fetch(1, from, lo)
		h.apply()
		return
	}
	h.kernel()(h.acc[:h.pending], h.elements(from, lo, hi))
}

func (h *hand) Store(to, at, n int) {
	s := &h.m.parts[to].recv.span
	start := s.addr + int64(at)*s.typ.extent()
	if h.typ != nil {
		dst, src := span{mem: s.mem, addr: start, count: int64(n), typ: s.typ}, h.buffer(0)
		copySpan(&dst, &src)
		return
	}
	copy(s.mem[start:], h.acc[:h.pending])
}

func (h *hand) StoreAndFold(rank, lo, hi int) {
	if h.typ != nil {
		h.fetch(1, rank, lo)
		h.Store(rank, lo, hi-lo)
		h.apply()
		return
	}
	in := h.spare[:copy(h.spare, h.elements(rank, lo, hi))]
	h.Store(rank, lo, hi-lo)
	h.kernel()(h.acc[:h.pending], in)
}

// Segment gives a participant's share of the vector: its block's place among its group's.
func (h *hand) Segment(to int) (lo, hi int) {
	p := &h.m.parts[to]
	mine := int(p.comm.rank)
	if len(p.recv.counts) == 0 {
		n := int(p.recv.span.count)
		return mine * n, (mine + 1) * n
	}
	for _, n := range p.recv.counts[:mine] {
		lo += int(n)
	}
	return lo, lo + int(p.recv.counts[mine])
}

// userWords is the room for what a user's operation gets pointers to: the length, as an int or an MPI_Count, and the
// datatype.
const userWords = 16

// prepareUser takes memory of the program for a user's operation.
func (h *hand) prepareUser(m *meeting, t *datatype) *failure {
	h.typ = t
	all := span{count: int64(m.shape.Chunk), typ: t}
	low, high := all.reach()
	if t.size == 0 {
		low, high = 0, 0
	}
	each := (high-low+heapAlign)&^(heapAlign-1) + heapAlign
	need := userWords + 2*each
	if uint64(need) > h.size {
		if h.area != null {
			h.r.heap.release(h.area)
			h.area, h.size = null, 0
		}
		address, f := h.r.allocate(need)
		if f != nil {
			return f
		}
		h.area, h.size = address, uint64(need)
	}
	h.buffers = [2]uint64{h.area + userWords, h.area + userWords + uint64(each)}
	h.own = m.partOf(h.r)
	return nil
}

// buffer is one of the program's buffers as a span of the elements in work.
func (h *hand) buffer(i int) span { return h.bufferOf(i, h.n) }

func (h *hand) bufferOf(i int, n int64) span {
	return span{mem: h.r.host.Memory(), addr: h.address(i), count: n, typ: h.typ}
}

// address is where element 0 of a buffer lies: the lowest byte of them all is the buffer's first. Of a datatype whose bytes
// lie far behind its address, that is before the memory; the program's function adds up modulo 2^32.
func (h *hand) address(i int) int64 {
	all := span{count: int64(h.m.shape.Chunk), typ: h.typ}
	low, _ := all.reach()
	if h.typ.size == 0 {
		low = 0
	}
	return int64(h.buffers[i]) - low
}

// fetch copies elements that a participant sends into one of the program's buffers.
func (h *hand) fetch(i, from, lo int) {
	s := h.m.parts[from].send.span
	s.addr += int64(lo) * s.typ.extent()
	s.count = h.n
	dst := h.buffer(i)
	copySpan(&dst, &s)
}

// apply calls the rank's own function: inout = in op inout. The result becomes the intermediate one.
func (h *hand) apply() {
	words := h.r.piece(h.area, userWords)
	binary.LittleEndian.PutUint64(words, uint64(h.n))
	binary.LittleEndian.PutUint64(words[8:], uint64(h.own.typeHandle))
	h.inside = true
	h.r.callBack(h.own.op.function, "pppp", h.r.fitted(uint64(h.address(0))), h.r.fitted(uint64(h.address(1))), h.area, h.area+wordSize)
	h.inside = false
	h.buffers[0], h.buffers[1] = h.buffers[1], h.buffers[0]
}
