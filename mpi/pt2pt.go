package mpi

import (
	"runtime"

	"github.com/faasmrun/faasmrun/mpi/datatype"
	"github.com/faasmrun/faasmrun/mpi/match"
	"github.com/faasmrun/faasmrun/mpi/transport"
)

// sendMode is a send's mode (MPI 5.0, chapter 3.4). A ready one is a standard one.
type sendMode uint8

const (
	modeStandard sendMode = iota
	modeSynchronous
	modeBuffered
)

// startSend begins a send whose arguments were checked.
func (t *Thread) startSend(c *comm, buffer datatype.Span, to match.Rank, tag int32,
	mode sendMode) (*request, *failure) {
	q := t.newRequest(requestSend, c)
	q.peer, q.tag, q.Buffer = to, tag, buffer
	if t.check != nil {
		q.Note = t.check.parcel(q.origin, &buffer)
		t.check.shares(q.origin, q)
	}
	if f := t.send(q, mode); f != nil {
		t.release(q)
		return nil, f
	}
	return q, nil
}

// send begins the send that a request describes.
func (t *Thread) send(q *request, mode sendMode) *failure {
	switch {
	case q.peer == procNull:
		q.status = nowhere
		q.End()
		return nil
	case mode == modeBuffered:
		return t.sendBuffered(q)
	case mode == modeSynchronous:
		t.post(q, transport.Synchronous)
		return nil
	}
	t.post(q, transport.Standard)
	return nil
}

// post gives a send to the transport.
func (t *Thread) post(q *request, mode transport.Mode) {
	c := q.comm
	if t.stats != nil {
		t.stats.moved(q.call, q.Buffer.Bytes(), 0)
	}
	t.endpoint.Send(&q.Operation, c.peers().Ranks[q.peer], c.key(q.tag), mode)
}

// key is that of a message that the rank sends on the communicator.
func (c *comm) key(tag int32) match.Key {
	return match.Key{Context: c.context, Source: c.rank, Tag: tag}
}

// startReceive begins a receive whose arguments were checked.
func (t *Thread) startReceive(c *comm, buffer datatype.Span, from match.Rank, tag int32) *request {
	q := t.newRequest(requestReceive, c)
	q.peer, q.tag, q.Buffer = from, tag, buffer
	if t.check != nil {
		t.check.shares(q.origin, q)
	}
	t.receive(q)
	return q
}

// receive begins the receive that a request describes.
func (t *Thread) receive(q *request) {
	if q.peer == procNull {
		q.status = nowhere
		q.End()
		return
	}
	q.told = false
	t.endpoint.Receive(&q.Operation, match.Key{Context: q.comm.context, Source: q.peer, Tag: q.tag})
}

// yield lets other ranks run, where a program polls.
func (t *Thread) yield() {
	t.checkEnded()
	t.breakOff(true)
	if t.holds { // or others that wait for its lock might not get it for long
		t.endTurn()
		runtime.Gosched()
		t.takeTurn()
	} else {
		runtime.Gosched()
	}
	if t.endpoint.HasMail() {
		t.endpoint.Read()
	}
	if len(t.requests.live) > 0 {
		t.advance()
	}
}
