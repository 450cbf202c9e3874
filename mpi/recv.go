package mpi

import "github.com/faasmrun/faasmrun/mpi/match"

// checkSource checks the source and the tag of a receive or probe.
func (c *comm) checkSource(from, tag int32) *failure {
	if from != anySource && from != procNull {
		if f := c.checkPeer(from); f != nil {
			return f
		}
	}
	if tag < 0 && tag != anyTag {
		return c.failf(errTag, "invalid tag %d", tag)
	}
	return nil
}

// startReceiveArgs begins a receive of (buf, count, datatype, source, tag, comm).
func (a args) startReceiveArgs() (*request, *failure) {
	c, f := a.comm(5)
	if f != nil {
		return nil, f
	}
	from, tag := a.int(3), a.int(4)
	if f := c.checkSource(from, tag); f != nil {
		return nil, f
	}
	s, f := a.span(0, 1, 2)
	if f != nil {
		return nil, f.on(c)
	}
	return a.r.startReceive(c, s, from, tag), nil
}

// MPI_Recv(buf, count, datatype, source, tag, comm, *status)
func recv(r *Rank, a args) *failure {
	b, f := a.statuses(6, 1)
	if f != nil {
		return f
	}
	q, f := a.startReceiveArgs()
	if f != nil {
		return f
	}
	r.await(q)
	s, f := r.finish(q)
	putStatus(b, s)
	return f
}

// MPI_Irecv(buf, count, datatype, source, tag, comm, *request)
func irecv(r *Rank, a args) *failure {
	if _, f := a.pointer(6, "request", 4); f != nil {
		return f
	}
	q, f := a.startReceiveArgs()
	if f != nil {
		return f
	}
	return a.expose(6, q)
}

// MPI_Sendrecv(sendbuf, sendcount, sendtype, dest, sendtag, recvbuf, recvcount, recvtype, source, recvtag, comm, *status)
func sendrecv(r *Rank, a args) *failure {
	b, f := a.statuses(11, 1)
	if f != nil {
		return f
	}
	c, f := a.comm(10)
	if f != nil {
		return f
	}
	out, f := a.destination(0, 1, 2, 3, 4, c)
	if f != nil {
		return f
	}
	from, tag := a.int(8), a.int(9)
	if f := c.checkSource(from, tag); f != nil {
		return f
	}
	in, f := a.span(5, 6, 7)
	if f != nil {
		return f.on(c)
	}
	receive := r.startReceive(c, in, from, tag)
	send := r.startSend(c, out, a.int(3), a.int(4), modeStandard)
	return r.awaitBoth(send, receive, b)
}

// awaitBoth waits for both sides of an exchange and writes the receive's status.
func (r *Rank) awaitBoth(send, receive *request, b []byte) *failure {
	r.await(receive)
	r.await(send)
	_, sent := r.finish(send)
	s, f := r.finish(receive)
	putStatus(b, s)
	if f == nil {
		f = sent
	}
	return f
}

// peek looks for a message that a receive would take.
func (r *Rank) peek(k match.Key) (s status, found bool) {
	r.mailMu.Lock()
	m, from, found := r.queue.Peek(k)
	r.mailMu.Unlock()
	return status{source: from.Source, tag: from.Tag, bytes: m.bytes}, found
}

// probeArgs checks (source, tag, comm).
func (a args) probeArgs() (*comm, match.Key, *failure) {
	c, f := a.comm(2)
	if f != nil {
		return nil, match.Key{}, f
	}
	from, tag := a.int(0), a.int(1)
	return c, match.Key{Context: c.context, Source: from, Tag: tag}, c.checkSource(from, tag)
}

// MPI_Probe(source, tag, comm, *status)
func probe(r *Rank, a args) *failure {
	b, f := a.statuses(3, 1)
	if f != nil {
		return f
	}
	c, k, f := a.probeArgs()
	if f != nil {
		return f
	}
	if k.Source == procNull {
		putStatus(b, nowhere)
		return nil
	}
	s, found := r.peek(k)
	if !found {
		r.note(where{what: waitReceive, peer: k.Source, tag: k.Tag, comm: c.name})
		r.watchMail(true)
		r.wait(func() bool { s, found = r.peek(k); return found })
		r.watchMail(false)
	}
	putStatus(b, s)
	return nil
}

// watchMail says whether a message that is set aside should wake the rank.
func (r *Rank) watchMail(on bool) {
	r.mailMu.Lock()
	r.probing = on
	r.mailMu.Unlock()
}

// MPI_Iprobe(source, tag, comm, *flag, *status)
func iprobe(r *Rank, a args) *failure {
	b, f := a.statuses(4, 1)
	if f != nil {
		return f
	}
	_, k, f := a.probeArgs()
	if f != nil {
		return f
	}
	if k.Source == procNull {
		putStatus(b, nowhere)
		return a.putFlag(3, "flag", true)
	}
	s, found := r.peek(k)
	if !found {
		r.yield()
		s, found = r.peek(k)
	}
	if found {
		putStatus(b, s)
	}
	return a.putFlag(3, "flag", found)
}
