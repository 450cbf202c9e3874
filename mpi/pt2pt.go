package mpi

import (
	"runtime"

	"github.com/faasmrun/faasmrun/mpi/datatype"
	"github.com/faasmrun/faasmrun/mpi/group"
	"github.com/faasmrun/faasmrun/mpi/match"
)

// message is what a mailbox keeps of a message that matched no posted receive: its data if that fits in here, else a
// copy of it, or for a large one the sender's request, whose buffer the receiver will read.
type message struct {
	eager  *eagerBuffer
	sender *request
	bytes  int64
	serial uint64  // of the sender's sends, by which it finds a message it cancels
	parcel *parcel // for checking
	inline [inlineBytes]byte
}

// sendMode is how a send may complete.
type sendMode uint8

const (
	modeStandard    sendMode = iota // when the data was copied, to the receiver or into a buffer of ours
	modeSynchronous                 // only when the receive has matched
	modeBuffered                    // at once
)

// deliver brings a send to its receiver: a small one into the inbox of a rank that is awake. Else into the posted
// receive's buffer; or into an eager buffer if it is small; or it waits in the receiver's mailbox for the receive. The
// sender's request completes now or then.
func (t *Thread) deliver(to group.WorldRank, k match.Key, q *request, mode sendMode) {
	d := t.world.ranks[to]
	n := q.buffer.Bytes()
	if mode == modeStandard && n <= inboxLimit && q.parcel == nil && d.parked.Load() == 0 && d.inbox.drop(k, q) {
		d.sortIfParked()
		q.complete()
		return
	}
	d.mailMu.Lock()
	d.sortMail()
	receive, found := d.queue.Arrive(k)
	if !found && (mode != modeStandard || n > eagerLimit) {
		d.store(k, message{sender: q, bytes: n, serial: q.serial, parcel: q.parcel})
		return
	}
	d.mailMu.Unlock()
	if !found && !d.setAside(k, q) {
		return
	}
	if found {
		receive.acceptFrom(q, k, t, receive)
	}
	q.complete()
}

// setAside copies a small message and leaves the copy in the mailbox. The receive may be posted while the copy is made,
// hence the second lookup; no other message of this sender can come between. It reports whether the caller has to
// complete the send: not when there is no buffer for a copy and the message waits for its receive.
func (r *Rank) setAside(k match.Key, q *request) bool {
	m := message{bytes: q.buffer.Bytes(), serial: q.serial, parcel: q.parcel}
	if m.bytes <= inlineBytes {
		side := datatype.Whole(m.inline[:m.bytes])
		side.CopyFrom(&q.buffer)
	} else if m.eager = q.owner.eager.get(m.bytes); m.eager != nil {
		side := datatype.Whole(m.eager.data[:m.bytes])
		side.CopyFrom(&q.buffer)
	} else {
		m.sender = q
	}
	r.mailMu.Lock()
	receive, found := r.queue.Arrive(k)
	if !found {
		r.store(k, m)
		return m.sender == nil
	}
	r.mailMu.Unlock()
	receive.accept(&q.buffer, k, q.parcel)
	if m.eager != nil {
		m.eager.giveBack()
	}
	if m.sender != nil {
		q.complete()
		return false
	}
	return true
}

// store adds a message to the mailbox, which is locked, unlocks it, and wakes a rank that probes for it.
func (r *Rank) store(k match.Key, m message) {
	r.queue.Add(k, m)
	r.stored.Add(1)
	probing := r.probing
	r.mailMu.Unlock()
	if probing {
		r.wake()
	}
}

// accept fills a receive from a message and completes it.
func (q *request) accept(from *datatype.Span, k match.Key, p *parcel) {
	if p != nil {
		q.owner.check.received(q, p, k)
	}
	n := from.Bytes()
	q.status = status{source: k.Source, tag: k.Tag, bytes: n}
	if room := q.buffer.Bytes(); n > room {
		q.truncated(n, room, k)
	}
	q.buffer.CopyFrom(from)
	q.complete()
}

// acceptFrom is accept of a send's buffer. The thread by copies; the owner of the request waiting may help.
func (q *request) acceptFrom(send *request, k match.Key, by *Thread, waiting *request) {
	if n := send.buffer.Bytes(); n >= sharedCopy && waiting.owner != by.Rank && send.parcel == nil {
		to, ok := q.buffer.Contiguous()
		from, ok2 := send.buffer.Contiguous()
		if ok && ok2 && len(to) >= len(from) {
			q.status = status{source: k.Source, tag: k.Tag, bytes: n}
			by.job.share(to, from, waiting)
			q.complete()
			return
		}
	}
	q.accept(&send.buffer, k, send.parcel)
}

// acceptBytes is accept of contiguous data.
func (q *request) acceptBytes(data []byte, k match.Key, p *parcel) {
	room, ok := q.buffer.Contiguous()
	if !ok || len(room) < len(data) || p != nil {
		side := datatype.Whole(data)
		q.accept(&side, k, p)
		return
	}
	q.status = status{source: k.Source, tag: k.Tag, bytes: int64(len(data))}
	copy(room, data)
	q.complete()
}

// truncated marks a receive whose message is longer than its buffer. What fits is delivered.
func (q *request) truncated(n, room int64, k match.Key) {
	q.status.class, q.status.bytes = errTruncate, room
	q.failure = q.comm.failf(errTruncate,
		"a message of %d bytes from rank %d, tag %d, does not fit in a buffer of %d bytes",
		n, k.Source, k.Tag, room)
}

// receive posts a receive, or takes the message that came before it.
func (t *Thread) receive(k match.Key, q *request) {
	t.mailMu.Lock()
	for t.hasMail() {
		t.sortOne()
	}
	m, from, found := t.queue.Take(k)
	if !found {
		q.posted = t.queue.Post(k, q)
		t.mailMu.Unlock()
		return
	}
	t.mailMu.Unlock()
	t.take(q, &m, from)
}

// take moves a message to its receive, and completes both sides.
func (t *Thread) take(q *request, m *message, from match.Key) {
	if m.sender != nil {
		q.acceptFrom(m.sender, from, t, m.sender)
		m.sender.complete()
		return
	}
	m.copyTo(q, from)
}

// copyTo fills a receive with a message's copied data and completes it.
func (m *message) copyTo(q *request, from match.Key) {
	if m.eager == nil {
		q.acceptBytes(m.inline[:m.bytes], from, m.parcel)
		return
	}
	q.acceptBytes(m.eager.data[:m.bytes], from, m.parcel)
	m.eager.giveBack()
}

// yield lets other ranks run, where a program polls.
func (t *Thread) yield() {
	t.checkEnded()
	runtime.Gosched()
	if t.hasMail() {
		t.readMail()
	}
}

// startSend begins a send whose arguments were checked.
func (t *Thread) startSend(c *comm, buffer datatype.Span, to match.Rank, tag int32,
	mode sendMode) (*request, *failure) {
	q := t.newRequest(requestSend, c)
	q.peer, q.tag, q.buffer = to, tag, buffer
	if t.check != nil {
		q.parcel = t.check.parcel(q.origin, &buffer)
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
		q.done.Store(true)
		return nil
	case mode == modeBuffered:
		return t.sendBuffered(q)
	}
	t.post(q, mode)
	return nil
}

// post gives a send to the world.
func (t *Thread) post(q *request, mode sendMode) {
	c := q.comm
	to := c.peers().Ranks[q.peer]
	t.serial++
	q.serial = t.serial
	t.world.count(t.rank, to, q.buffer.Bytes())
	if t.stats != nil {
		t.stats.moved(q.call, q.buffer.Bytes(), 0)
	}
	t.deliver(to, match.Key{Context: c.context, Source: c.rank, Tag: q.tag}, q, mode)
}

// startReceive begins a receive whose arguments were checked.
func (t *Thread) startReceive(c *comm, buffer datatype.Span, from match.Rank, tag int32) *request {
	q := t.newRequest(requestReceive, c)
	q.peer, q.tag, q.buffer = from, tag, buffer
	if t.check != nil {
		t.check.shares(q.origin, q)
	}
	t.receivePosted(q)
	return q
}

// receivePosted begins the receive that a request describes.
func (t *Thread) receivePosted(q *request) {
	if q.peer == procNull {
		q.status = nowhere
		q.done.Store(true)
		return
	}
	t.receive(match.Key{Context: q.comm.context, Source: q.peer, Tag: q.tag}, q)
}
