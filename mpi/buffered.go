package mpi

// attached is a buffer that a program gave for buffered sends, of one communicator or of all that have none of their
// own: its memory is ours until it is detached. A buffered send that finds no receive is packed there and goes on as a
// send of its own.
type attached struct {
	address, size uint64
	heap          heap
	areas         []uint64 // of an automatic one: memory that MPI has taken
	on            bool
}

// own is the buffer that the program gave for all communicators.
func own(a args) (*attached, *failure) { return &a.r.attached, nil }

// ofComm is that of the communicator in the first argument.
func ofComm(a args) (*attached, *failure) {
	c, f := a.comm(0)
	if f != nil {
		return nil, f
	}
	return &c.attached, nil
}

// MPI_Buffer_attach(buffer, size) and MPI_Comm_attach_buffer(comm, buffer, size)
func bufferAttach(of func(args) (*attached, *failure), first int) func(*Rank, args) *failure {
	return func(r *Rank, a args) *failure {
		b, f := of(a)
		if f != nil {
			return f
		}
		n := a.count(first + 1)
		if n < 0 {
			return failf(errArg, "invalid size %d", n)
		}
		if b.on {
			return failf(errBuffer, "a buffer is attached already")
		}
		address := a.address(first)
		if address == bufferAutomatic {
			*b = attached{address: address, on: true}
			return nil
		}
		if r.piece(address, n) == nil || address == null && n > 0 {
			return failf(errBuffer, "the buffer at %#x, %d bytes, is outside the memory", address, n)
		}
		*b = attached{address: address, size: uint64(n), on: true}
		aligned := (address + heapAlign - 1) &^ (heapAlign - 1)
		if skipped := aligned - address; skipped < uint64(n) {
			b.heap.give(area{aligned, (uint64(n) - skipped) &^ (heapAlign - 1)})
		}
		return nil
	}
}

// bufferAutomatic is MPI_BUFFER_AUTOMATIC: MPI finds the memory itself.
const bufferAutomatic = 2

// MPI_Buffer_detach(*buffer, *size) and MPI_Comm_detach_buffer(comm, *buffer, *size): wait until every send in it has
// left.
func bufferDetach(of func(args) (*attached, *failure), first int) func(*Rank, args) *failure {
	return func(r *Rank, a args) *failure {
		b, f := of(a)
		if f != nil {
			return f
		}
		if f := a.roomForWord(first, "buffer"); f != nil {
			return f
		}
		if f := a.roomForCount(first+1, "size"); f != nil {
			return f
		}
		r.drain(b)
		if f := a.putWord(first, "buffer", b.address); f != nil {
			return f
		}
		n := int64(b.size)
		r.detach(b)
		return a.putCount(first+1, "size", n)
	}
}

// detach forgets a buffer that every send has left, and gives back what MPI has taken for it.
func (r *Rank) detach(b *attached) {
	for _, address := range b.areas {
		r.heap.release(address)
	}
	*b = attached{}
}

// MPI_Buffer_flush() and MPI_Comm_flush_buffer(comm)
func bufferFlush(of func(args) (*attached, *failure)) func(*Rank, args) *failure {
	return func(r *Rank, a args) *failure {
		b, f := of(a)
		if f == nil {
			r.drain(b)
		}
		return f
	}
}

// MPI_Buffer_iflush(*request) and MPI_Comm_iflush_buffer(comm, *request): complete when what is in the buffer now has
// left.
func bufferIflush(of func(args) (*attached, *failure), out int) func(*Rank, args) *failure {
	return func(r *Rank, a args) *failure {
		b, f := of(a)
		if f != nil {
			return f
		}
		if f := a.roomForWord(out, "request"); f != nil {
			return f
		}
		q := r.newRequest(requestFlush, r.worldComm)
		q.attached, q.serial = b, r.serial
		q.done.Store(true) // as far as it is its own; see isDone
		return a.expose(out, q)
	}
}

// flushed reports whether the sends have left that were in a buffer when the flush began. The rank's own goroutine
// asks.
func (q *request) flushed() bool {
	for _, send := range q.owner.requests.orphans {
		if send.attached == q.attached && send.serial <= q.serial && !send.done.Load() {
			return false
		}
	}
	return true
}

// drain waits for the sends in a buffer.
func (r *Rank) drain(b *attached) {
	for _, q := range r.requests.orphans {
		if q.attached == b {
			r.await(q)
		}
	}
	r.reap()
}

// drainBuffers waits for those in every buffer.
func (r *Rank) drainBuffers() {
	for _, q := range r.requests.orphans {
		if q.attached != nil {
			r.await(q)
		}
	}
	r.reap()
}

// buffer packs a send into an attached buffer.
func (r *Rank) buffer(b *attached, s span) (span, uint64, *failure) {
	r.reap()
	n := s.bytes()
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
			more, f := r.allocate(int64(max(size, heapStep)))
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
		return span{}, 0, failf(errBuffer, "the attached buffer of %d bytes has no room for a message of %d bytes", b.size, n)
	}
	out := span{mem: r.host.Memory(), addr: int64(address), count: n, typ: byteType}
	copySpan(&out, &s)
	return out, address, nil
}

// sendBuffered completes a send at once; a copy goes on as a request that nobody waits for.
func (r *Rank) sendBuffered(q *request) *failure {
	b := &r.attached
	if q.comm.attached.on {
		b = &q.comm.attached
	}
	packed, area, f := r.buffer(b, q.buffer)
	if f != nil {
		return f.on(q.comm)
	}
	inner := r.newRequest(requestSend, q.comm)
	inner.peer, inner.tag, inner.buffer, inner.area = q.peer, q.tag, packed, area
	inner.attached = b
	inner.parcel = q.parcel
	r.adopt(inner)
	r.post(inner, modeStandard)
	q.serial = inner.serial
	q.done.Store(true)
	return nil
}
