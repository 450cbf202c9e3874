package mpi

// attached is the buffer that a program gave for buffered sends: its memory is ours until it is detached. A buffered send
// that finds no receive is packed there and goes on as a send of its own.
type attached struct {
	address, size uint32
	heap          heap
	on            bool
}

// MPI_Buffer_attach(buffer, size)
func bufferAttach(r *Rank, a args) *failure {
	n := a.count(1)
	if n < 0 {
		return failf(errArg, "invalid size %d", n)
	}
	if r.attached.on {
		return failf(errBuffer, "a buffer is attached already")
	}
	address := a.address(0)
	if address == bufferAutomatic {
		r.attached = attached{address: address, on: true}
		return nil
	}
	if r.piece(address, n) == nil || address == null && n > 0 {
		return failf(errBuffer, "the buffer at %#x, %d bytes, is outside the memory", address, n)
	}
	r.attached = attached{address: address, size: uint32(n), on: true}
	first := (address + heapAlign - 1) &^ (heapAlign - 1)
	if skipped := first - address; skipped < uint32(n) {
		r.attached.heap.give(area{first, (uint32(n) - skipped) &^ (heapAlign - 1)})
	}
	return nil
}

// bufferAutomatic is MPI_BUFFER_AUTOMATIC: MPI finds the memory itself.
const bufferAutomatic = 2

// MPI_Buffer_detach(*buffer, *size): waits until every buffered send has left.
func bufferDetach(r *Rank, a args) *failure {
	for i, what := range []string{"buffer", "size"} {
		if _, f := a.pointer(i, what, 4); f != nil {
			return f
		}
	}
	r.drainBuffer()
	if f := a.putInt(0, "buffer", int32(r.attached.address)); f != nil {
		return f
	}
	n := int64(r.attached.size)
	r.attached = attached{}
	return a.putCount(1, "size", n)
}

// MPI_Buffer_flush()
func bufferFlush(r *Rank, a args) *failure {
	r.drainBuffer()
	return nil
}

func (r *Rank) drainBuffer() {
	for _, q := range r.requests.orphans {
		if q.area != 0 {
			r.await(q)
		}
	}
	r.reap()
}

// buffer packs a send into the attached buffer.
func (r *Rank) buffer(s span) (span, uint32, *failure) {
	r.reap()
	n := s.bytes()
	size := max(uint32(n+heapAlign-1)&^(heapAlign-1), heapAlign)
	var address uint32
	ok := n < 1<<31
	switch {
	case !ok || !r.attached.on:
		ok = false
	case r.attached.address == bufferAutomatic:
		for {
			if address, ok = r.attached.heap.take(size); ok {
				break
			}
			more, f := r.allocate(int64(max(size, heapStep)))
			if f != nil {
				break
			}
			r.attached.heap.give(area{more, max(size, heapStep)})
		}
	default:
		address, ok = r.attached.heap.take(size)
	}
	if !ok {
		return span{}, 0, failf(errBuffer, "the attached buffer of %d bytes has no room for a message of %d bytes", r.attached.size, n)
	}
	out := span{mem: r.host.Memory(), addr: int64(address), count: n, typ: byteType}
	copySpan(&out, &s)
	return out, address, nil
}

// sendBuffered completes a send at once; a copy goes on as a request that nobody waits for.
func (r *Rank) sendBuffered(q *request) *failure {
	packed, area, f := r.buffer(q.buffer)
	if f != nil {
		return f.on(q.comm)
	}
	inner := r.newRequest(requestSend, q.comm)
	inner.peer, inner.tag, inner.buffer, inner.area = q.peer, q.tag, packed, area
	inner.parcel = q.parcel
	r.adopt(inner)
	r.post(inner, modeStandard)
	q.serial = inner.serial
	q.done.Store(true)
	return nil
}
