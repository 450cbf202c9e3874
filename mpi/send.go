package mpi

// span makes a buffer of three arguments: address, count, datatype.
func (a args) span(address, count, datatype int) (span, *failure) {
	n := a.count(count)
	if n < 0 {
		return span{}, failf(errCount, "invalid count %d", n)
	}
	t, f := a.anyType(datatype)
	if f != nil {
		return span{}, f
	}
	return a.r.span(a.address(address), n, t)
}

// span checks a buffer in the rank's memory.
func (r *Rank) span(address uint64, n int64, t *datatype) (span, *failure) {
	if !t.committed {
		return span{}, failf(errType, "the datatype %s is not committed", t.title())
	}
	s := span{mem: r.host.Memory(), addr: int64(address), count: n, typ: t}
	if !s.inside() || address <= inPlace && n > 0 && (address == inPlace || t.kind != kindNone) {
		return span{}, s.outside()
	}
	return s, nil
}

// outside is the failure of a buffer that does not lie in memory. Address 0 is MPI_BOTTOM, which makes sense only with
// a derived datatype.
func (s *span) outside() *failure {
	if s.addr == bottom && s.typ.kind != kindNone {
		return failf(errBuffer, "the buffer is a null pointer")
	}
	if s.addr == inPlace {
		return failf(errBuffer, "MPI_IN_PLACE is not allowed here")
	}
	return failf(errBuffer, "the buffer at %#x, %d of %s, is outside the memory of %d bytes", s.addr, s.count,
		s.typ.title(), len(s.mem))
}

func (t *datatype) title() string {
	if t.name != "" {
		return t.name
	}
	return "a derived datatype"
}

// checkTag checks the tag of a send.
func (c *comm) checkTag(tag int32) *failure {
	if tag < 0 {
		return c.failf(errTag, "invalid tag %d", tag)
	}
	return nil
}

// destination gives the checked destination, tag and buffer of a send whose arguments stand in the usual order.
func (a args) destination(buf, count, datatype, dest, tag int, c *comm) (span, *failure) {
	to := a.rank(dest)
	if to != procNull {
		if f := c.checkPeer(to); f != nil {
			return span{}, f
		}
	}
	if f := c.checkTag(a.int(tag)); f != nil {
		return span{}, f
	}
	s, f := a.span(buf, count, datatype)
	return s, f.on(c)
}

// startSendArgs begins a send of (buf, count, datatype, dest, tag, comm).
func (a args) startSendArgs(mode sendMode) (*request, *failure) {
	c, f := a.comm(5)
	if f != nil {
		return nil, f
	}
	s, f := a.destination(0, 1, 2, 3, 4, c)
	if f != nil {
		return nil, f
	}
	return a.r.startSend(c, s, a.rank(3), a.int(4), mode)
}

// sendBlocking makes MPI_Send and its like: (buf, count, datatype, dest, tag, comm).
func sendBlocking(mode sendMode) func(*Rank, args) *failure {
	return func(r *Rank, a args) *failure {
		if mode == modeStandard && a.sendFast() {
			return nil
		}
		q, f := a.startSendArgs(mode)
		if f != nil {
			return f
		}
		r.await(q)
		_, f = r.finish(q)
		return f
	}
}

// sendNonblocking makes MPI_Isend and its like: (buf, count, datatype, dest, tag, comm, *request).
func sendNonblocking(mode sendMode) func(*Rank, args) *failure {
	return func(r *Rank, a args) *failure {
		if f := a.roomForWord(6, "request"); f != nil {
			return f
		}
		if mode == modeStandard && a.sendFast() {
			q := r.doneRequest(requestSend, a.fastComm(5))
			q.peer, q.tag, q.serial = a.rank(3), a.int(4), r.serial
			return a.expose(6, q)
		}
		q, f := a.startSendArgs(mode)
		if f != nil {
			return f
		}
		return a.expose(6, q)
	}
}
