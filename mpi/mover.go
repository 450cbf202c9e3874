package mpi

import (
	"encoding/binary"

	"github.com/faasmrun/faasmrun/mpi/datatype"
)

// scratchBytes is the size of an intermediate result: small enough to stay in the processor's cache.
const scratchBytes = 32 << 10

// mover implements coll.Mover: it does the steps of a collective's algorithm for the rank that executes them.
type mover struct {
	t       *Thread
	inst    *instance
	acc     []byte // the intermediate result of a predefined operation
	spare   []byte
	pending int // bytes of acc in use

	// A user's operation works on memory of the program: two buffers, and the words its arguments point at.
	typ      *datatype.Type // nil for a predefined operation
	own      *part
	chunk    int64 // how many elements the buffers hold
	area     uint64
	size     uint64
	buffers  [2]uint64 // the intermediate result is in the first
	n        int64     // its elements
	inUserOp bool      // the program's function runs
}

func (mv *mover) Copy(to, toBlock, from, fromBlock int) {
	dst, src := &mv.inst.parts[to], &mv.inst.parts[from]
	if to == from && dst.inPlace {
		return
	}
	d, s := dst.recv.at(toBlock), src.send.at(fromBlock)
	if d.Bytes() < s.Bytes() {
		mv.inst.fail(dst, failf(errTruncate, "rank %d of %s sends a block of %d bytes and rank %d receives one of %d",
			from, dst.comm.title(), s.Bytes(), to, d.Bytes()))
	}
	mv.checkBlock(dst, src, &d, &s)
	switch {
	case s.Bytes() == 0 || d.Bytes() == 0:
	case mv.inst.streams:
		d.StreamFrom(&s)
	default:
		d.CopyFrom(&s)
	}
	if to != from {
		mv.t.world.fabric.Moved(src.rank, dst.rank, s.Bytes())
	}
}

// fail notes a participant's failure, which is raised on nothing yet; several ranks may find one at the same time.
func (inst *instance) fail(p *part, f *failure) {
	inst.failMu.Lock()
	p.failure = f
	inst.failMu.Unlock()
}

func (mv *mover) Exchange(a, b int) {
	x, y := mv.inst.parts[a].recv.at(b), mv.inst.parts[b].recv.at(a)
	if x.Bytes() != y.Bytes() {
		mv.inst.fail(&mv.inst.parts[a], failf(errTruncate, "ranks %d and %d exchange blocks of %d and %d bytes", a, b,
			x.Bytes(), y.Bytes()))
		return
	}
	mv.scratch()
	datatype.Swap(&x, &y, mv.acc)
}

// scratch makes the rank's buffers, once.
func (mv *mover) scratch() {
	if mv.acc == nil {
		mv.acc, mv.spare = make([]byte, scratchBytes), make([]byte, scratchBytes)
	}
}

// elements is the memory of elements lo to hi of what a participant sends. The last one of a type with a hole at its
// end may reach beyond the memory; then it is copied to a buffer that is large enough.
func (mv *mover) elements(from, lo, hi int) []byte {
	s := &mv.inst.parts[from].send.span
	extent := s.Type.Extent()
	start, end := s.Addr+int64(lo)*extent, s.Addr+int64(hi)*extent
	if end <= int64(len(s.Mem)) {
		return s.Mem[start:end]
	}
	copy(mv.spare, s.Mem[start:])
	return mv.spare[:end-start]
}

func (mv *mover) kernel() datatype.Kernel {
	p := &mv.inst.parts[mv.inst.shape.Ways[0].From[0]]
	return p.op.code.Kernel(p.typ.Kind())
}

func (mv *mover) Load(from, lo, hi int) {
	if mv.typ != nil {
		mv.n = int64(hi - lo)
		mv.fetch(0, from, lo)
		return
	}
	mv.scratch()
	mv.pending = copy(mv.acc, mv.elements(from, lo, hi))
}

func (mv *mover) Fold(from, lo, hi int) {
	if mv.typ != nil {
		mv.fetch(1, from, lo)
		mv.apply()
		return
	}
	mv.kernel()(mv.acc[:mv.pending], mv.elements(from, lo, hi))
}

func (mv *mover) Store(to, at, n int) {
	s := &mv.inst.parts[to].recv.span
	start := s.Addr + int64(at)*s.Type.Extent()
	if mv.typ != nil {
		dst, src := datatype.Span{Mem: s.Mem, Addr: start, Count: int64(n), Type: s.Type}, mv.buffer(0)
		dst.CopyFrom(&src)
		return
	}
	copy(s.Mem[start:], mv.acc[:mv.pending])
}

func (mv *mover) StoreAndFold(rank, lo, hi int) {
	if mv.typ != nil {
		mv.fetch(1, rank, lo)
		mv.Store(rank, lo, hi-lo)
		mv.apply()
		return
	}
	in := mv.spare[:copy(mv.spare, mv.elements(rank, lo, hi))]
	mv.Store(rank, lo, hi-lo)
	mv.kernel()(mv.acc[:mv.pending], in)
}

// Segment gives a participant's share of the vector: the block at its rank in its own group.
func (mv *mover) Segment(to int) (lo, hi int) {
	p := &mv.inst.parts[to]
	mine := int(p.comm.rank)
	if len(p.recv.counts) == 0 {
		n := int(p.recv.span.Count)
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

// prepareUser takes memory of the program for its operation, on so many elements at once. own is what the rank brings.
func (mv *mover) prepareUser(chunk int64, t *datatype.Type, own *part) *failure {
	mv.typ, mv.own, mv.chunk = t, own, chunk
	all := datatype.Span{Count: chunk, Type: t}
	low, high := all.Reach()
	if t.Size() == 0 {
		low, high = 0, 0
	}
	each := (high-low+heapAlign)&^(heapAlign-1) + heapAlign
	need := userWords + 2*each
	if uint64(need) > mv.size {
		if mv.area != null {
			mv.t.heap.release(mv.area)
			mv.area, mv.size = null, 0
		}
		address, f := mv.t.allocate(need)
		if f != nil {
			return f
		}
		mv.area, mv.size = address, uint64(need)
	}
	mv.buffers = [2]uint64{mv.area + userWords, mv.area + userWords + uint64(each)}
	return nil
}

// buffer is one of the program's buffers as a span of the elements in work.
func (mv *mover) buffer(i int) datatype.Span { return mv.bufferOf(i, mv.n) }

func (mv *mover) bufferOf(i int, n int64) datatype.Span {
	return datatype.Span{Mem: mv.t.main.host.Memory(), Addr: mv.address(i), Count: n, Type: mv.typ}
}

// address is where element 0 of a buffer lies: the lowest byte of them all is the buffer's first. Of a datatype whose
// bytes lie far behind its address, that is before the memory; the program's function adds up modulo 2^64, and lowered
// modulo 2^32.
func (mv *mover) address(i int) int64 {
	all := datatype.Span{Count: mv.chunk, Type: mv.typ}
	low, _ := all.Reach()
	if mv.typ.Size() == 0 {
		low = 0
	}
	return int64(mv.buffers[i]) - low
}

// fetch copies elements that a participant sends into one of the program's buffers.
func (mv *mover) fetch(i, from, lo int) {
	s := mv.inst.parts[from].send.span
	s.Addr += int64(lo) * s.Type.Extent()
	s.Count = mv.n
	dst := mv.buffer(i)
	dst.CopyFrom(&s)
}

// apply calls the rank's own function: inout = in op inout. The result becomes the intermediate one.
func (mv *mover) apply() {
	words := mv.t.piece(mv.area, userWords)
	binary.LittleEndian.PutUint64(words, uint64(mv.n))
	binary.LittleEndian.PutUint64(words[8:], uint64(mv.own.typeHandle))
	mv.t.callUserOp(&mv.own.op, uint64(mv.address(0)), uint64(mv.address(1)), mv.area)
	mv.buffers[0], mv.buffers[1] = mv.buffers[1], mv.buffers[0]
}
