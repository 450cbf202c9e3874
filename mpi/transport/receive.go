package transport

import (
	"github.com/faasmrun/faasmrun/mpi/datatype"
	"github.com/faasmrun/faasmrun/mpi/match"
)

// Receive begins a receive of the endpoint's rank: it takes the message that came before it, or posts the receive.
func (e *Endpoint) Receive(receive *Operation, k match.Key) {
	receive.Receives()
	m := e.lock()
	posted := false
	if _, unexpected := m.queue.Len(); unexpected == 0 && !e.HasMail() {
		receive.posted = m.queue.Post(k, receive.id.Slot)
		posted = true
	}
	m.unlock()
	if !posted {
		e.look(receive, k)
	}
}

// look is Receive where there are messages.
func (e *Endpoint) look(receive *Operation, k match.Key) {
	one := arrival{receive: receive}
	found := false
	for {
		var other arrival
		m := e.lock()
		if m.sort(&other) {
			m.unlock()
			other.take()
			continue
		}
		if one.message, one.key, found = m.queue.Take(k); !found {
			receive.posted = m.queue.Post(k, receive.id.Slot)
		}
		m.unlock()
		break
	}
	if found {
		one.take()
	}
}

// Cancel takes a posted receive out of the queue, and reports whether it was there: no message had matched it.
func (e *Endpoint) Cancel(receive *Operation) bool {
	m := e.lock()
	defer m.unlock()
	return m.queue.Cancel(receive.posted)
}

// Peek looks for a message that a receive would take.
func (e *Endpoint) Peek(k match.Key) (Envelope, bool) {
	m := e.lock()
	message, from, found := m.queue.Peek(k)
	m.unlock()
	return Envelope{Source: from.Source, Tag: from.Tag, Bytes: message.bytes}, found
}

// Mail is what a thread waits for that watches.
func (e *Endpoint) Mail() any { return &e.mail }

// Watch begins or ends that a message that no receive is posted for wakes the rank. Several threads may watch at once.
func (e *Endpoint) Watch(on bool) {
	m := e.lock()
	if on {
		m.probing++
	} else {
		m.probing--
	}
	m.unlock()
}

// Extracted is a message that was taken out of the queue, for a receive to come.
type Extracted struct {
	message message
	From    match.Key
}

// Envelope is what is told of the message.
func (x *Extracted) Envelope() Envelope {
	return Envelope{Source: x.From.Source, Tag: x.From.Tag, Bytes: x.message.bytes}
}

// Extract takes out a message that a receive would take.
func (e *Endpoint) Extract(k match.Key) (x Extracted, found bool) {
	m := e.lock()
	x.message, x.From, found = m.queue.Take(k)
	m.unlock()
	return x, found
}

// ReceiveExtracted begins a receive of a message that was taken out for it. It is complete, unless the data is
// elsewhere.
func (e *Endpoint) ReceiveExtracted(receive *Operation, x *Extracted) {
	receive.take(&x.message, x.From)
}

// Queued is how many receives are posted and how many messages wait.
func (e *Endpoint) Queued() (posted, unexpected int) {
	m := e.lock()
	defer m.unlock()
	return m.queue.Len()
}

// Stored changes whenever a message is kept that did not come through the inbox.
func (e *Endpoint) Stored() uint32 { return e.stored.Load() }

// Unexpected calls f for each message that nobody has received, with its length and its note.
func (e *Endpoint) Unexpected(f func(k match.Key, bytes int64, note any)) {
	m := e.lock()
	defer m.unlock()
	m.queue.Unexpected(func(k match.Key, message message) { f(k, message.bytes, message.note) })
}

// take moves a message to its receive, and completes both sides: where its data is elsewhere, when that has come.
func (op *Operation) take(m *message, from match.Key) {
	op.noted(m.note)
	switch {
	case m.sender != (ID{}):
		if !op.endpoint.fabric.AtHome(m.sender.Rank) {
			op.fetch(m, from)
			return
		}
		send := op.endpoint.fabric.claim(m.sender)
		op.acceptFrom(send, from, send)
		send.Complete()
	case m.eager != nil:
		op.accept(m.eager.data[:m.bytes], from)
		m.eager.giveBack()
	default:
		op.accept(m.inline[:m.bytes], from)
	}
}

// noted keeps a message's note with its receive.
func (op *Operation) noted(note any) {
	if note != nil {
		op.Note = note
	}
}

// accept fills a receive with contiguous data and completes it.
func (op *Operation) accept(data []byte, k match.Key) {
	op.Envelope = Envelope{Source: k.Source, Tag: k.Tag, Bytes: int64(len(data))}
	if room, ok := op.Buffer.Contiguous(); ok {
		copy(room, data)
	} else {
		side := datatype.Whole(data)
		op.Buffer.CopyFrom(&side)
	}
	op.Complete()
}

// acceptFrom fills a receive from a send's buffer and completes it. The owner of the operation waiting, one of the two,
// may help.
func (op *Operation) acceptFrom(send *Operation, k match.Key, waiting *Operation) {
	op.noted(send.Note)
	op.Envelope = Envelope{Source: k.Source, Tag: k.Tag, Bytes: send.Buffer.Bytes()}
	to, ok := op.Buffer.Contiguous()
	from, ok2 := send.Buffer.Contiguous()
	if ok && ok2 && len(from) >= sharedCopy && len(to) >= len(from) && op.endpoint != send.endpoint {
		share(to, from, waiting)
	} else {
		op.Buffer.CopyFrom(&send.Buffer)
	}
	op.Complete()
}
