package mpi

import (
	"github.com/faasmrun/faasmrun/mpi/match"
	"github.com/faasmrun/faasmrun/mpi/transport"
)

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

// beginReceive begins a receive.
func (r call) beginReceive(buf bufOut, count countArg, datatype typeArg, source rankArg, tag tagArg,
	comm commArg) (*request, *failure) {
	c, f := comm.of(r)
	if f != nil {
		return nil, f
	}
	if f := c.checkSource(source.rank(), tag.int()); f != nil {
		return nil, f
	}
	s, f := r.spanAt(buf.address(), count, datatype)
	if f != nil {
		return nil, f.on(c)
	}
	return r.startReceive(c, s, source.rank(), tag.int()), nil
}

// MPI_Recv, the blocking receive (MPI 5.0, chapter 3.2.4)
func recv(r call, buf bufOut, count countArg, datatype typeArg, source rankArg, tag tagArg, comm commArg,
	status statusOut) *failure {
	q := r.pending.receive
	b, f := status.at(r)
	if f != nil {
		return f
	}
	if q == nil {
		if q, f = r.beginReceive(buf, count, datatype, source, tag, comm); f != nil {
			return f
		}
		r.keeps(nil, q)
	}
	r.await(q)
	s, f := r.finish(q)
	putStatus(b, s)
	return f
}

// MPI_Irecv: a message that is there already needs no receive that is posted.
func irecv(r call, buf bufOut, count countArg, datatype typeArg, source rankArg, tag tagArg, comm commArg,
	request requestOut) *failure {
	if f := request.room(r, "request"); f != nil {
		return f
	}
	if q := r.receiveSmall(buf, count, datatype, source, tag, comm); q != nil {
		return r.expose(request, q)
	}
	q, f := r.beginReceive(buf, count, datatype, source, tag, comm)
	if f != nil {
		return f
	}
	return r.expose(request, q)
}

// MPI_Sendrecv (MPI 5.0, chapter 3.10)
func sendrecv(r call, sendbuf bufIn, sendcount countArg, sendtype typeArg, dest rankArg, sendtag tagArg,
	recvbuf bufOut, recvcount countArg, recvtype typeArg, source rankArg, recvtag tagArg, comm commArg,
	status statusOut) *failure {
	b, f := status.at(r)
	if f != nil {
		return f
	}
	if r.pending.receive == nil {
		send, receive, f := r.beginBoth(sendbuf, sendcount, sendtype, dest, sendtag, recvbuf, recvcount, recvtype, source,
			recvtag, comm)
		if f != nil {
			return f
		}
		r.keeps(send, receive)
	}
	return r.awaitBoth(b)
}

// MPI_Isendrecv: as MPI_Sendrecv, with a request for the status
func isendrecv(r call, sendbuf bufIn, sendcount countArg, sendtype typeArg, dest rankArg, sendtag tagArg,
	recvbuf bufOut, recvcount countArg, recvtype typeArg, source rankArg, recvtag tagArg, comm commArg,
	request requestOut) *failure {
	if f := request.room(r, "request"); f != nil {
		return f
	}
	send, receive, f := r.beginBoth(sendbuf, sendcount, sendtype, dest, sendtag, recvbuf, recvcount, recvtype, source,
		recvtag, comm)
	if f != nil {
		return f
	}
	return r.exposeBoth(request, send, receive)
}

// beginBoth begins both sides of an exchange.
func (r call) beginBoth(sendbuf bufIn, sendcount countArg, sendtype typeArg, dest rankArg, sendtag tagArg,
	recvbuf bufOut, recvcount countArg, recvtype typeArg, source rankArg, recvtag tagArg,
	comm commArg) (send, receive *request, f *failure) {
	c, f := comm.of(r)
	if f != nil {
		return nil, nil, f
	}
	out, f := r.destination(sendbuf.address(), sendcount, sendtype, dest, sendtag, c)
	if f != nil {
		return nil, nil, f
	}
	if f := c.checkSource(source.rank(), recvtag.int()); f != nil {
		return nil, nil, f
	}
	in, f := r.spanAt(recvbuf.address(), recvcount, recvtype)
	if f != nil {
		return nil, nil, f.on(c)
	}
	receive = r.startReceive(c, in, source.rank(), recvtag.int())
	send, f = r.startSend(c, out, dest.rank(), sendtag.int(), modeStandard)
	return send, receive, f
}

// exposeBoth puts an exchange behind one request: the receive's, which is done when the send is too.
func (r call) exposeBoth(out requestOut, send, receive *request) *failure {
	receive.send = send
	return r.expose(out, receive)
}

// awaitBoth waits for both sides of an exchange, whose requests are the call's own, and writes the receive's status.
// What went the fast path has no request.
func (t *Thread) awaitBoth(b []byte) *failure {
	send, receive := t.pending.send, t.pending.receive
	t.await(receive)
	var sent *failure
	if send != nil {
		t.await(send)
		_, sent = t.finish(send)
	}
	s, f := t.finish(receive)
	putStatus(b, s)
	if f == nil {
		f = sent
	}
	return f
}

// peek looks for a message that a receive would take.
func (r *Rank) peek(k match.Key) (s status, found bool) {
	e, found := r.endpoint.Peek(k)
	return statusOf(e), found
}

// statusOf is the status of a message.
func statusOf(e transport.Envelope) status {
	return status{source: e.Source, tag: e.Tag, bytes: e.Bytes}
}

// probeKey checks what a probe looks for.
func (r call) probeKey(source rankArg, tag tagArg, comm commArg) (*comm, match.Key, *failure) {
	c, f := comm.of(r)
	if f != nil {
		return nil, match.Key{}, f
	}
	k := match.Key{Context: c.context, Source: source.rank(), Tag: tag.int()}
	return c, k, c.checkSource(k.Source, k.Tag)
}

// MPI_Probe(source, tag, comm, *status)
func probe(r call, source rankArg, tag tagArg, comm commArg, status statusOut) *failure {
	b, f := status.at(r)
	if f != nil {
		return f
	}
	c, k, f := r.probeKey(source, tag, comm)
	if f != nil {
		return f
	}
	if k.Source == procNull {
		putStatus(b, nowhere)
		return nil
	}
	s, found := r.peek(k)
	if !found {
		r.awaitMail(c, k, func() bool { s, found = r.peek(k); return found })
	}
	putStatus(b, s)
	return nil
}

// awaitMail waits for a message without a receive.
func (t *Thread) awaitMail(c *comm, k match.Key, found func() bool) {
	t.endpoint.Watch(true)
	defer t.endpoint.Watch(false)
	t.waitOn(t.endpoint.Mail(), scopeOne,
		func() { t.note(waitState{what: waitReceive, peer: k.Source, tag: k.Tag, comm: c}) }, found)
}

// MPI_Iprobe(source, tag, comm, *flag, *status)
func iprobe(r call, source rankArg, tag tagArg, comm commArg, flag flagOut, status statusOut) *failure {
	b, f := status.at(r)
	if f != nil {
		return f
	}
	_, k, f := r.probeKey(source, tag, comm)
	if f != nil {
		return f
	}
	if k.Source == procNull {
		putStatus(b, nowhere)
		return flag.put(r, "flag", true)
	}
	s, found := r.peek(k)
	if !found {
		r.yield()
		s, found = r.peek(k)
	}
	if found {
		putStatus(b, s)
	}
	return flag.put(r, "flag", found)
}

// MPI_Sendrecv_replace: what is sent is copied first.
func sendrecvReplace(r call, buf bufRef, count countArg, datatype typeArg, dest rankArg, sendtag tagArg,
	source rankArg, recvtag tagArg, comm commArg, status statusOut) *failure {
	b, f := status.at(r)
	if f != nil {
		return f
	}
	if r.pending.receive == nil {
		send, receive, f := r.beginReplace(buf, count, datatype, dest, sendtag, source, recvtag, comm)
		if f != nil {
			return f
		}
		r.keeps(send, receive)
	}
	return r.awaitBoth(b)
}

// MPI_Isendrecv_replace: as MPI_Sendrecv_replace, with a request for the status
func isendrecvReplace(r call, buf bufRef, count countArg, datatype typeArg, dest rankArg, sendtag tagArg,
	source rankArg, recvtag tagArg, comm commArg, request requestOut) *failure {
	if f := request.room(r, "request"); f != nil {
		return f
	}
	send, receive, f := r.beginReplace(buf, count, datatype, dest, sendtag, source, recvtag, comm)
	if f != nil {
		return f
	}
	return r.exposeBoth(request, send, receive)
}

// beginReplace begins both sides of an exchange in one buffer.
func (r call) beginReplace(buf bufRef, count countArg, datatype typeArg, dest rankArg, sendtag tagArg, source rankArg,
	recvtag tagArg, comm commArg) (send, receive *request, f *failure) {
	c, f := comm.of(r)
	if f != nil {
		return nil, nil, f
	}
	s, f := r.destination(buf.address(), count, datatype, dest, sendtag, c)
	if f != nil {
		return nil, nil, f
	}
	if f := c.checkSource(source.rank(), recvtag.int()); f != nil {
		return nil, nil, f
	}
	if s.Bytes() > int64(len(s.Mem)) {
		return nil, nil, c.failf(errNoMem, "no room to keep %d bytes aside", s.Bytes())
	}
	aside := s.Packed()
	receive = r.startReceive(c, s, source.rank(), recvtag.int())
	send, f = r.startSend(c, aside, dest.rank(), sendtag.int(), modeStandard)
	return send, receive, f
}

// MPI_Mprobe(source, tag, comm, *message, *status): the message it finds is taken out of the queue.
func mprobe(r call, source rankArg, tag tagArg, comm commArg, message messageOut, status statusOut) *failure {
	b, f := status.at(r)
	if f != nil {
		return f
	}
	if f := message.room(r, "message"); f != nil {
		return f
	}
	c, k, f := r.probeKey(source, tag, comm)
	if f != nil {
		return f
	}
	if k.Source == procNull {
		putStatus(b, nowhere)
		return message.put(r, "message", messageNoProc)
	}
	m, found := r.extract(c, k)
	if !found {
		r.awaitMail(c, k, func() bool {
			if !found { // it is asked again after it was true, and a second message would be another one
				m, found = r.extract(c, k)
			}
			return found
		})
	}
	putStatus(b, statusOf(m.Envelope()))
	return r.exposeMessage(message, m)
}

// MPI_Improbe(source, tag, comm, *flag, *message, *status)
func improbe(r call, source rankArg, tag tagArg, comm commArg, flag flagOut, message messageOut,
	status statusOut) *failure {
	b, f := status.at(r)
	if f != nil {
		return f
	}
	if f := message.room(r, "message"); f != nil {
		return f
	}
	c, k, f := r.probeKey(source, tag, comm)
	if f != nil {
		return f
	}
	if k.Source == procNull {
		putStatus(b, nowhere)
		if f := message.put(r, "message", messageNoProc); f != nil {
			return f
		}
		return flag.put(r, "flag", true)
	}
	m, found := r.extract(c, k)
	if !found {
		r.yield()
		m, found = r.extract(c, k)
	}
	if found {
		putStatus(b, statusOf(m.Envelope()))
		if f := r.exposeMessage(message, m); f != nil {
			return f
		}
	}
	return flag.put(r, "flag", found)
}

// extracted is a message that a matched probe has found.
type extracted struct {
	transport.Extracted
	comm *comm
}

func (r *Rank) extract(c *comm, k match.Key) (*extracted, bool) {
	x, found := r.endpoint.Extract(k)
	if !found {
		return nil, false
	}
	return &extracted{x, c}, true
}

func (r call) exposeMessage(out messageOut, m *extracted) *failure {
	handle, ok := r.messages.add(kindMessage, m)
	if !ok {
		return failf(errNoMem, "more than %d matched messages", maxObjects)
	}
	return out.put(r, "message", handle)
}

// beginMatched begins the receive of a message, whose handle becomes MPI_MESSAGE_NULL.
func (r call) beginMatched(buf bufOut, count countArg, datatype typeArg, message messageRef) (*request, *failure) {
	handle, f := message.get(r, "message")
	if f != nil {
		return nil, f
	}
	s, f := r.spanAt(buf.address(), count, datatype)
	if f != nil {
		return nil, f
	}
	if handle == messageNoProc {
		q := r.newRequest(requestReceive, r.worldComm)
		q.peer, q.status = procNull, nowhere
		q.End()
		return q, message.put(r, "message", messageNull)
	}
	m := r.messages.get(kindMessage, handle)
	if m == nil {
		return nil, failf(errRequest, "%#x is no matched message, or was received", handle)
	}
	r.messages.remove(handle)
	q := r.newRequest(requestReceive, m.comm)
	q.peer, q.tag, q.Buffer, q.matched, q.told = m.From.Source, m.From.Tag, s, true, false
	r.endpoint.ReceiveExtracted(&q.Operation, &m.Extracted)
	return q, message.put(r, "message", messageNull)
}

// MPI_Mrecv: the receive of a message that a matched probe has found (MPI 5.0, chapter 3.8.3). It waits where the data
// is in another process.
func mrecv(r call, buf bufOut, count countArg, datatype typeArg, message messageRef, status statusOut) *failure {
	q := r.pending.receive
	b, f := status.at(r)
	if f != nil {
		return f
	}
	if q == nil {
		if q, f = r.beginMatched(buf, count, datatype, message); f != nil {
			return f
		}
		r.keeps(nil, q)
	}
	r.await(q)
	s, f := r.finish(q)
	putStatus(b, s)
	return f
}

// MPI_Imrecv: as MPI_Mrecv, with a request for the status
func imrecv(r call, buf bufOut, count countArg, datatype typeArg, message messageRef, request requestOut) *failure {
	if f := request.room(r, "request"); f != nil {
		return f
	}
	q, f := r.beginMatched(buf, count, datatype, message)
	if f != nil {
		return f
	}
	return r.expose(request, q)
}

// MPI_Cancel(*request): an unmatched receive, or a send whose message is unmatched, ends here. A send to a rank in
// another process ends when that has answered.
func cancel(r call, request requestRef) *failure {
	q, f := r.requestAt(request)
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
	case !r.isDone(q):
		cancelled = r.endpoint.Cancel(&q.Operation)
	}
	if cancelled {
		q.status, q.told = cancelledStatus, true
		q.Complete() // another thread may wait for it
	}
	return nil
}

// cancelledStatus is that of a request that was cancelled.
var cancelledStatus = status{source: anySource, tag: anyTag, cancelled: true}

// withdraw takes a send's message back, and reports whether nobody had received it.
func (r *Rank) withdraw(q *request) bool {
	if q.peer == procNull {
		return false
	}
	return r.endpoint.Withdraw(q.comm.peers().Ranks[q.peer], q.comm.key(q.tag), &q.Operation)
}
