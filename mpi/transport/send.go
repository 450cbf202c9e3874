package transport

import (
	"github.com/faasmrun/faasmrun/mpi/datatype"
	"github.com/faasmrun/faasmrun/mpi/group"
	"github.com/faasmrun/faasmrun/mpi/match"
)

// Mode is how a send may complete.
type Mode uint8

const (
	Standard    Mode = iota // when the data was copied, to the receiver or into a buffer of ours
	Synchronous             // only when the receive has matched
)

// way is how a message's data travels where no receive is posted for it.
type way uint8

const (
	inline     way = iota // in the message itself
	eagerly               // in an eager buffer
	rendezvous            // from the sender's buffer, when the receive is there
)

// wayOf decides how n bytes travel.
func wayOf(n int64, mode Mode) way {
	switch {
	case mode != Standard || n > EagerLimit:
		return rendezvous
	case n <= inlineBytes:
		return inline
	}
	return eagerly
}

// message is what an endpoint keeps of a message that matched no posted receive: its data if that fits in here, else a
// copy of it, or the sender's operation, whose buffer the receiver will read.
type message struct {
	eager  *eagerBuffer
	sender ID
	bytes  int64
	serial uint64 // of the sender's sends, by which it finds a message it withdraws
	note   any
	inline [inlineBytes]byte
}

// pack makes the message of a send. Where there is no eager buffer, its data stays with the sender.
func (send *Operation) pack(by way) (m message) {
	m.bytes, m.serial, m.note = send.Buffer.Bytes(), send.Serial, send.Note
	var room []byte
	if by == inline {
		room = m.inline[:m.bytes]
	} else if by == eagerly {
		if m.eager = send.endpoint.eager.get(m.bytes); m.eager != nil {
			room = m.eager.data[:m.bytes]
		}
	}
	if room == nil && m.bytes > 0 {
		m.sender = send.id
		return m
	}
	side := datatype.Whole(room)
	side.CopyFrom(&send.Buffer)
	return m
}

// free gives back what a message holds whose data is not wanted.
func (m *message) free() {
	if m.eager != nil {
		m.eager.giveBack()
	}
}

// Send begins a send of the endpoint's rank, which its operation describes.
func (e *Endpoint) Send(send *Operation, to group.WorldRank, k match.Key, mode Mode) {
	e.serial++
	send.Serial = e.serial
	send.SendsTo(to)
	e.count(to, send.Buffer.Bytes())
	e.fabric.peers[to].Deliver(k, send, mode)
}

// Deliver brings a send to its receiver: a small one into the inbox of a rank that is awake. Else into the posted
// receive's buffer; or it is kept, as wayOf says, for the receive to come.
func (e *Endpoint) Deliver(k match.Key, send *Operation, mode Mode) {
	n := send.Buffer.Bytes()
	by := wayOf(n, mode)
	if by != rendezvous && n <= InboxLimit && send.Note == nil && !e.Asleep() && e.drop(k, send, by) {
		send.Complete()
		return
	}
	awaited := false
	m := e.lockSorted()
	receive := m.arrive(k)
	if receive == nil && by == rendezvous {
		awaited = e.store(m, k, &message{sender: send.id, bytes: n, serial: send.Serial, note: send.Note})
	}
	m.unlock()
	switch {
	case receive != nil:
		receive.acceptFrom(send, k, receive)
		send.Complete()
	case by != rendezvous:
		e.setAside(k, send, by)
	case awaited:
		e.WakeFor(e.Mail())
	}
}

// setAside copies a small message and leaves the copy here. The receive may be posted while the copy is made, hence the
// second lookup; no other message of this sender can come between.
func (e *Endpoint) setAside(k match.Key, send *Operation, by way) {
	message := send.pack(by)
	awaited, waits := false, message.sender != (ID{})
	m := e.lock()
	receive := m.arrive(k)
	if receive == nil {
		awaited = e.store(m, k, &message)
	}
	m.unlock()
	if receive != nil {
		receive.acceptFrom(send, k, receive)
		message.free()
		waits = false
	}
	if awaited {
		e.WakeFor(e.Mail())
	}
	if !waits {
		send.Complete()
	}
}

// store adds a message that did not come through the inbox, and reports whether the rank waits for one.
func (e *Endpoint) store(m *mail, k match.Key, message *message) (awaited bool) {
	e.stored.Add(1)
	return m.add(k, message)
}

// GiveBack takes a send's message back, where its data is here and where it is still with the sender. It reports
// whether nobody had received it.
func (e *Endpoint) GiveBack(k match.Key, send *Operation) bool {
	var mine message
	m := e.lockSorted()
	found := m.queue.Withdraw(k, func(other message) bool { mine = other; return other.serial == send.Serial })
	m.unlock()
	if !found {
		return false
	}
	mine.free()
	if mine.sender != (ID{}) && mine.sender != send.id { // a buffered send's copy
		e.fabric.claim(mine.sender).Complete()
	}
	return true
}

// Withdraw takes the message of a send of the endpoint's rank back from where it went, and reports whether nobody had
// received it.
func (e *Endpoint) Withdraw(to group.WorldRank, k match.Key, send *Operation) bool {
	return e.fabric.peers[to].GiveBack(k, send)
}
