package mpi

import (
	"github.com/faasmrun/faasmrun/mpi/datatype"
	"github.com/faasmrun/faasmrun/mpi/transport"
)

// attached is a buffer that a program gave for buffered sends, of one communicator or of all that have none of their
// own: its memory is ours until it is detached. A buffered send that finds no receive is packed there and goes on as a
// send of its own.
type attached struct {
	address, size uint64
	heap          heap
	areas         []uint64 // of an automatic one: memory that MPI has taken
	on            bool
}

// MPI_Buffer_attach(buffer, size)
func bufferAttach(r call, buffer addressArg, size countArg) *failure {
	return r.attach(&r.attached, buffer, size)
}

// MPI_Comm_attach_buffer(comm, buffer, size)
func commAttachBuffer(r call, comm commArg, buffer addressArg, size countArg) *failure {
	c, f := comm.of(r)
	if f != nil {
		return f
	}
	return r.attach(&c.attached, buffer, size)
}

func (r call) attach(b *attached, buffer addressArg, size countArg) *failure {
	n := size.of(r)
	if n < 0 {
		return failf(errArg, "invalid size %d", n)
	}
	if b.on {
		return failf(errBuffer, "a buffer is attached already")
	}
	address := buffer.address()
	if address == bufferAutomatic {
		*b = attached{address: address, on: true}
		return nil
	}
	if address < max(r.lowest, null+1) && n > 0 {
		return failf(errBuffer, "the buffer is a null pointer (%#x)", address)
	}
	if r.piece(address, n) == nil {
		return failf(errBuffer, "the buffer at %#x, %d bytes, is outside the memory", address, n)
	}
	*b = attached{address: address, size: uint64(n), on: true}
	aligned := (address + heapAlign - 1) &^ (heapAlign - 1)
	if skipped := aligned - address; skipped < uint64(n) {
		b.heap.give(area{aligned, (uint64(n) - skipped) &^ (heapAlign - 1)})
	}
	return nil
}

// bufferAutomatic is MPI_BUFFER_AUTOMATIC: MPI finds the memory itself.
const bufferAutomatic = 2

// MPI_Buffer_detach(*buffer, *size)
func bufferDetach(r call, buffer wordOut, size countOut) *failure {
	return r.detachInto(&r.attached, buffer, size)
}

// MPI_Comm_detach_buffer(comm, *buffer, *size)
func commDetachBuffer(r call, comm commArg, buffer wordOut, size countOut) *failure {
	c, f := comm.of(r)
	if f != nil {
		return f
	}
	return r.detachInto(&c.attached, buffer, size)
}

// detachInto waits until every send in a buffer has left, and says where it was.
func (r call) detachInto(b *attached, buffer wordOut, size countOut) *failure {
	if f := buffer.room(r, "buffer"); f != nil {
		return f
	}
	if f := size.room(r, "size"); f != nil {
		return f
	}
	r.drain(b)
	if f := buffer.put(r, "buffer", b.address); f != nil {
		return f
	}
	n := int64(b.size)
	r.detach(b)
	return size.put(r, "size", n)
}

// detach forgets a buffer that every send has left, and gives back what MPI has taken for it.
func (r *Rank) detach(b *attached) {
	for _, address := range b.areas {
		r.heap.release(address)
	}
	*b = attached{}
}

// MPI_Buffer_flush()
func bufferFlush(r call) *failure {
	r.drain(&r.attached)
	return nil
}

// MPI_Comm_flush_buffer(comm)
func commFlushBuffer(r call, comm commArg) *failure {
	c, f := comm.of(r)
	if f == nil {
		r.drain(&c.attached)
	}
	return f
}

// MPI_Buffer_iflush(*request)
func bufferIflush(r call, request requestOut) *failure { return r.iflush(&r.attached, request) }

// MPI_Comm_iflush_buffer(comm, *request)
func commIflushBuffer(r call, comm commArg, request requestOut) *failure {
	c, f := comm.of(r)
	if f != nil {
		return f
	}
	return r.iflush(&c.attached, request)
}

// iflush gives a request that is complete when what is in a buffer now has left.
func (r call) iflush(b *attached, request requestOut) *failure {
	if f := request.room(r, "request"); f != nil {
		return f
	}
	q := r.newRequest(requestFlush, r.worldComm)
	q.attached, q.Serial = b, r.endpoint.Serial()
	q.End() // as far as it is its own; see isDone
	return r.expose(request, q)
}

// flushed reports whether the sends have left that were in a buffer when the flush began. The rank's own goroutine
// asks.
func (q *request) flushed() bool {
	for _, send := range q.owner.requests.orphans {
		if send.attached == q.attached && send.Serial <= q.Serial && !send.Done() {
			return false
		}
	}
	return true
}

// drain waits for the sends in a buffer.
func (t *Thread) drain(b *attached) {
	for _, q := range t.requests.orphans {
		if q.attached == b {
			t.await(q)
		}
	}
	t.reap()
}

// drainBuffers waits for those in every buffer.
func (t *Thread) drainBuffers() {
	for _, q := range t.requests.orphans {
		if q.attached != nil {
			t.await(q)
		}
	}
	t.reap()
}

// buffer packs a send into an attached buffer.
func (t *Thread) buffer(b *attached, s datatype.Span) (datatype.Span, uint64, *failure) {
	t.reap()
	n := s.Bytes()
	size := max(uint64(n+heapAlign-1)&^(heapAlign-1), heapAlign)
	var address uint64
	ok := n < maxAllocation
	switch {
	case !ok || !b.on:
		ok = false
	case b.address == bufferAutomatic:
		for {
			if address, ok = b.heap.take(size); ok {
				break
			}
			more, f := t.allocate(int64(max(size, heapStep)))
			if f != nil {
				break
			}
			b.areas = append(b.areas, more)
			b.heap.give(area{more, max(size, heapStep)})
		}
	default:
		address, ok = b.heap.take(size)
	}
	if !ok {
		return datatype.Span{}, 0, failf(errBuffer, "the attached buffer of %d bytes has no room for a message of %d bytes",
			b.size, n)
	}
	out := t.elements(address, n, datatype.Byte())
	out.CopyFrom(&s)
	return out, address, nil
}

// sendBuffered completes a send at once; a copy goes on as a request that nobody waits for.
func (t *Thread) sendBuffered(q *request) *failure {
	b := &t.attached
	if q.comm.attached.on {
		b = &q.comm.attached
	}
	packed, area, f := t.buffer(b, q.Buffer)
	if f != nil {
		return f.on(q.comm)
	}
	inner := t.newRequest(requestSend, q.comm)
	inner.peer, inner.tag, inner.Buffer, inner.area = q.peer, q.tag, packed, area
	inner.attached = b
	inner.Note = q.Note
	t.keepOrphan(inner)
	t.post(inner, transport.Standard)
	q.Serial = inner.Serial
	q.End()
	return nil
}
