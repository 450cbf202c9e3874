package mpi

import "github.com/faasmrun/faasmrun/mpi/match"

// checkSource checks the source and the tag of a receive or probe.
func (c *comm) checkSource(from match.Rank, tag int32) *failure {
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
	from, tag := a.rank(3), a.int(4)
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
	if a.receiveFast() {
		return nil
	}
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
	if f := a.roomForWord(6, "request"); f != nil {
		return f
	}
	if q := a.receiveReady(); q != nil {
		return a.expose(6, q)
	}
	q, f := a.startReceiveArgs()
	if f != nil {
		return f
	}
	return a.expose(6, q)
}

// MPI_Sendrecv(sendbuf, sendcount, sendtype, dest, sendtag, recvbuf, recvcount, recvtype, source, recvtag, comm,
// *status)
func sendrecv(r *Rank, a args) *failure {
	b, f := a.statuses(11, 1)
	if f != nil {
		return f
	}
	send, receive, f := a.startBoth()
	if f != nil {
		return f
	}
	return r.awaitBoth(send, receive, b)
}

// startBoth begins both sides of an exchange.
func (a args) startBoth() (send, receive *request, f *failure) {
	c, f := a.comm(10)
	if f != nil {
		return nil, nil, f
	}
	out, f := a.destination(0, 1, 2, 3, 4, c)
	if f != nil {
		return nil, nil, f
	}
	from, tag := a.rank(8), a.int(9)
	if f := c.checkSource(from, tag); f != nil {
		return nil, nil, f
	}
	in, f := a.span(5, 6, 7)
	if f != nil {
		return nil, nil, f.on(c)
	}
	receive = a.r.startReceive(c, in, from, tag)
	send, f = a.r.startSend(c, out, a.rank(3), a.int(4), modeStandard)
	return send, receive, f
}

// MPI_Isendrecv(as MPI_Sendrecv, with *request for *status)
func isendrecv(r *Rank, a args) *failure { return a.exposeBoth(11, args.startBoth) }

// MPI_Isendrecv_replace(as MPI_Sendrecv_replace, with *request for *status)
func isendrecvReplace(r *Rank, a args) *failure { return a.exposeBoth(8, args.startReplace) }

// exposeBoth begins an exchange behind one request: the receive's, which is done when the send is too.
func (a args) exposeBoth(out int, begin func(args) (send, receive *request, f *failure)) *failure {
	if f := a.roomForWord(out, "request"); f != nil {
		return f
	}
	send, receive, f := begin(a)
	if f != nil {
		return f
	}
	receive.send = send
	return a.expose(out, receive)
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
	from, tag := a.rank(0), a.int(1)
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
		r.watchMail(true)
		r.wait(scopeOne, func() { r.note(awaiting(c, k)) }, func() bool { s, found = r.peek(k); return found })
		r.watchMail(false)
	}
	putStatus(b, s)
	return nil
}

// awaiting is a message that a probe waits for.
func awaiting(c *comm, k match.Key) waitState {
	return waitState{what: waitReceive, peer: k.Source, tag: k.Tag, comm: c}
}

// queueLen gives how many receives are posted and how many messages wait.
func (r *Rank) queueLen() (posted, unexpected int) {
	r.mailMu.Lock()
	defer r.mailMu.Unlock()
	return r.queue.Len()
}

// watchMail sets whether a message added to the mailbox wakes the rank.
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

// MPI_Sendrecv_replace(buf, count, datatype, dest, sendtag, source, recvtag, comm, *status): what is sent is copied
// first.
func sendrecvReplace(r *Rank, a args) *failure {
	b, f := a.statuses(8, 1)
	if f != nil {
		return f
	}
	send, receive, f := a.startReplace()
	if f != nil {
		return f
	}
	return r.awaitBoth(send, receive, b)
}

// startReplace begins both sides of (buf, count, datatype, dest, sendtag, source, recvtag, comm).
func (a args) startReplace() (send, receive *request, f *failure) {
	c, f := a.comm(7)
	if f != nil {
		return nil, nil, f
	}
	s, f := a.destination(0, 1, 2, 3, 4, c)
	if f != nil {
		return nil, nil, f
	}
	from, tag := a.rank(5), a.int(6)
	if f := c.checkSource(from, tag); f != nil {
		return nil, nil, f
	}
	if s.bytes() > int64(len(s.mem)) {
		return nil, nil, c.failf(errNoMem, "no room to keep %d bytes aside", s.bytes())
	}
	aside := whole(make([]byte, s.bytes()))
	copySpan(&aside, &s)
	receive = a.r.startReceive(c, s, from, tag)
	send, f = a.r.startSend(c, aside, a.rank(3), a.int(4), modeStandard)
	return send, receive, f
}

// MPI_Mprobe(source, tag, comm, *message, *status): the message it finds is taken out of the queue.
func mprobe(r *Rank, a args) *failure {
	b, f := a.statuses(4, 1)
	if f != nil {
		return f
	}
	if f := a.roomForWord(3, "message"); f != nil {
		return f
	}
	c, k, f := a.probeArgs()
	if f != nil {
		return f
	}
	if k.Source == procNull {
		putStatus(b, nowhere)
		return a.putHandle(3, "message", messageNoProc)
	}
	m, found := r.extract(c, k)
	if !found {
		r.watchMail(true)
		r.wait(scopeOne, func() { r.note(awaiting(c, k)) }, func() bool {
			if !found { // it is asked again after it was true, and a second message would be another one
				m, found = r.extract(c, k)
			}
			return found
		})
		r.watchMail(false)
	}
	putStatus(b, m.status())
	return a.exposeMessage(3, m)
}

// MPI_Improbe(source, tag, comm, *flag, *message, *status)
func improbe(r *Rank, a args) *failure {
	b, f := a.statuses(5, 1)
	if f != nil {
		return f
	}
	if f := a.roomForWord(4, "message"); f != nil {
		return f
	}
	c, k, f := a.probeArgs()
	if f != nil {
		return f
	}
	if k.Source == procNull {
		putStatus(b, nowhere)
		if f := a.putHandle(4, "message", messageNoProc); f != nil {
			return f
		}
		return a.putFlag(3, "flag", true)
	}
	m, found := r.extract(c, k)
	if !found {
		r.yield()
		m, found = r.extract(c, k)
	}
	if found {
		putStatus(b, m.status())
		if f := a.exposeMessage(4, m); f != nil {
			return f
		}
	}
	return a.putFlag(3, "flag", found)
}

// extracted is a message that a matched probe has found.
type extracted struct {
	message
	from match.Key
	comm *comm
}

func (m *extracted) status() status {
	return status{source: m.from.Source, tag: m.from.Tag, bytes: m.bytes}
}

func (r *Rank) extract(c *comm, k match.Key) (*extracted, bool) {
	r.mailMu.Lock()
	m, from, found := r.queue.Take(k)
	r.mailMu.Unlock()
	if !found {
		return nil, false
	}
	return &extracted{m, from, c}, true
}

func (a args) exposeMessage(out int, m *extracted) *failure {
	handle, ok := a.r.messages.add(kindMessage, m)
	if !ok {
		return failf(errNoMem, "more than %d matched messages", maxObjects)
	}
	return a.putHandle(out, "message", handle)
}

// startMatched begins the receive of (buf, count, datatype, *message), whose handle becomes MPI_MESSAGE_NULL.
func (a args) startMatched() (*request, *failure) {
	handle, f := a.getHandle(3, "message")
	if f != nil {
		return nil, f
	}
	s, f := a.span(0, 1, 2)
	if f != nil {
		return nil, f
	}
	r := a.r
	if handle == messageNoProc {
		q := r.newRequest(requestReceive, r.worldComm)
		q.peer, q.status = procNull, nowhere
		q.done.Store(true)
		return q, a.putHandle(3, "message", messageNull)
	}
	m := r.messages.get(kindMessage, handle)
	if m == nil {
		return nil, failf(errRequest, "%#x is no matched message, or was received", handle)
	}
	r.messages.remove(handle)
	q := r.newRequest(requestReceive, m.comm)
	q.peer, q.tag, q.buffer, q.matched = m.from.Source, m.from.Tag, s, true
	r.take(q, &m.message, m.from)
	return q, a.putHandle(3, "message", messageNull)
}

// MPI_Mrecv(buf, count, datatype, *message, *status)
func mrecv(r *Rank, a args) *failure {
	b, f := a.statuses(4, 1)
	if f != nil {
		return f
	}
	q, f := a.startMatched()
	if f != nil {
		return f
	}
	s, f := r.finish(q)
	putStatus(b, s)
	return f
}

// MPI_Imrecv(buf, count, datatype, *message, *request)
func imrecv(r *Rank, a args) *failure {
	if f := a.roomForWord(4, "request"); f != nil {
		return f
	}
	q, f := a.startMatched()
	if f != nil {
		return f
	}
	return a.expose(4, q)
}

// MPI_Cancel(*request): an unmatched receive, or a send whose message is unmatched, ends here.
func cancel(r *Rank, a args) *failure {
	q, f := a.requestAt(0)
	if f != nil {
		return f
	}
	if q == nil {
		return failf(errRequest, "the request is MPI_REQUEST_NULL")
	}
	cancelled := false
	switch {
	case !q.active:
		return nil
	case q.kind == requestGeneric:
		return r.cancelGeneric(q)
	case q.kind == requestCollective:
		return failf(errRequest, "a collective cannot be cancelled").on(q.comm)
	case q.kind == requestSend:
		cancelled = r.withdraw(q)
	case !q.isDone():
		r.mailMu.Lock()
		cancelled = r.queue.Cancel(q.posted)
		r.mailMu.Unlock()
	}
	if cancelled {
		q.status = status{source: anySource, tag: anyTag, cancelled: true}
		q.done.Store(true)
	}
	return nil
}

// withdraw takes a send's message back out of its receiver's mailbox, whether its data is there or still with the
// sender.
func (r *Rank) withdraw(q *request) bool {
	if q.peer == procNull {
		return false
	}
	box := r.world.ranks[q.comm.peers().ranks[q.peer]]
	k := match.Key{Context: q.comm.context, Source: q.comm.rank, Tag: q.tag}
	var m message
	box.mailMu.Lock()
	box.sortMail()
	found := box.queue.Withdraw(k, func(other message) bool { m = other; return other.serial == q.serial })
	box.mailMu.Unlock()
	if found && m.eager != nil {
		m.eager.giveBack()
	}
	if found && m.sender != nil && m.sender != q { // a buffered send's copy
		m.sender.complete()
	}
	return found
}
