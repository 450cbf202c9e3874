package mpi

import "github.com/faasmrun/faasmrun/mpi/datatype"

// spanAt makes a buffer of an address, a count and a datatype.
func (r call) spanAt(address uint64, count countArg, datatype typeArg) (s datatype.Span, f *failure) {
	n := count.of(r)
	if n < 0 {
		return s, failf(errCount, "invalid count %d", n)
	}
	t, f := datatype.of(r)
	if f != nil {
		return s, f
	}
	return r.span(address, n, t)
}

// span checks a buffer in the rank's memory.
func (r *Rank) span(address uint64, n int64, t *datatype.Type) (datatype.Span, *failure) {
	if !t.Committed() {
		return datatype.Span{}, failf(errType, "the datatype %s is not committed", t.Title())
	}
	s := r.elements(address, n, t)
	if !r.mayTouch(&s) || address <= inPlace && n > 0 && (address == inPlace || !t.Derived()) {
		return datatype.Span{}, outside(&s, r.lowest)
	}
	return s, nil
}

// mayTouch reports whether every byte of a span lies in the rank's memory, where it may be touched.
func (r *Rank) mayTouch(s *datatype.Span) bool {
	if !s.Inside(r.lowest) {
		return false
	}
	if !r.several.Load() || s.Bytes() == 0 {
		return true
	}
	low, high := s.Reach()
	return r.open(uint64(low), uint64(high-low)) ||
		!s.Type.Contiguous() && s.Each(func(address, n int64) bool { return r.open(uint64(address), uint64(n)) })
}

// open reports whether n bytes that lie in the memory may be touched: in a rank with threads guards are between these.
func (r *Rank) open(address, n uint64) bool {
	return !r.several.Load() || n == 0 || r.main.host.Open(address) >= n
}

// elements is a buffer in the rank's memory that nobody has checked.
func (r *Rank) elements(address uint64, n int64, t *datatype.Type) datatype.Span {
	return datatype.Span{Mem: r.main.host.Memory(), Addr: int64(address), Count: n, Type: t}
}

// outside is the failure of a buffer that does not lie in memory, from lowest on. Address 0 is MPI_BOTTOM, which makes
// sense only with a derived datatype.
func outside(s *datatype.Span, lowest uint64) *failure {
	if s.Addr == bottom && !s.Type.Derived() {
		return failf(errBuffer, "the buffer is a null pointer")
	}
	if s.Addr == inPlace {
		return failf(errBuffer, "MPI_IN_PLACE is not allowed here")
	}
	if s.Inside(lowest) {
		return failf(errBuffer, "the buffer at %#x, %d of %s, is in the guard below a thread's stack", s.Addr, s.Count,
			s.Type.Title())
	}
	if s.Inside(0) { // but for what is closed
		low, _ := s.Reach()
		return failf(errBuffer, "the buffer at %#x, %d of %s, begins at %#x: a null pointer", s.Addr, s.Count, s.Type.Title(),
			low)
	}
	return failf(errBuffer, "the buffer at %#x, %d of %s, is outside the memory of %d bytes", s.Addr, s.Count,
		s.Type.Title(), len(s.Mem))
}

// checkTag checks the tag of a send.
func (c *comm) checkTag(tag int32) *failure {
	if tag < 0 {
		return c.failf(errTag, "invalid tag %d", tag)
	}
	return nil
}

// destination checks the destination and the tag of a send and gives its buffer.
func (r call) destination(buf uint64, count countArg, datatype typeArg, dest rankArg, tag tagArg,
	c *comm) (s datatype.Span, f *failure) {
	if to := dest.rank(); to != procNull {
		if f := c.checkPeer(to); f != nil {
			return s, f
		}
	}
	if f := c.checkTag(tag.int()); f != nil {
		return s, f
	}
	s, f = r.spanAt(buf, count, datatype)
	return s, f.on(c)
}

// beginSend begins a send.
func (r call) beginSend(buf bufIn, count countArg, datatype typeArg, dest rankArg, tag tagArg, comm commArg,
	mode sendMode) (*request, *failure) {
	c, f := comm.of(r)
	if f != nil {
		return nil, f
	}
	s, f := r.destination(buf.address(), count, datatype, dest, tag, c)
	if f != nil {
		return nil, f
	}
	return r.startSend(c, s, dest.rank(), tag.int(), mode)
}

// MPI_Bsend (MPI 5.0, chapter 3.4) does not wait.
func bsend(r call, buf bufIn, count countArg, datatype typeArg, dest rankArg, tag tagArg, comm commArg) *failure {
	q, f := r.beginSend(buf, count, datatype, dest, tag, comm, modeBuffered)
	if f != nil {
		return f
	}
	_, f = r.finish(q)
	return f
}

// sendBlocking makes MPI_Send and its like.
func sendBlocking(mode sendMode) func(call, bufIn, countArg, typeArg, rankArg, tagArg, commArg) *failure {
	return func(r call, buf bufIn, count countArg, datatype typeArg, dest rankArg, tag tagArg, comm commArg) *failure {
		q := r.pending.send
		if q == nil {
			var f *failure
			if q, f = r.beginSend(buf, count, datatype, dest, tag, comm, mode); f != nil {
				return f
			}
			r.keeps(q, nil)
		}
		r.await(q)
		_, f := r.finish(q)
		return f
	}
}

// sendNonblocking makes MPI_Isend and its like.
func sendNonblocking(mode sendMode) func(call, bufIn, countArg, typeArg, rankArg, tagArg, commArg,
	requestOut) *failure {
	return func(r call, buf bufIn, count countArg, datatype typeArg, dest rankArg, tag tagArg, comm commArg,
		request requestOut) *failure {
		if f := request.room(r, "request"); f != nil {
			return f
		}
		if mode == modeStandard && r.sendFast(buf, count, datatype, dest, tag, comm) {
			q := r.doneRequest(requestSend, comm.fast(r))
			q.peer, q.tag, q.Serial = dest.rank(), tag.int(), r.endpoint.Serial()
			return r.expose(request, q)
		}
		q, f := r.beginSend(buf, count, datatype, dest, tag, comm, mode)
		if f != nil {
			return f
		}
		return r.expose(request, q)
	}
}
