package transport

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/faasmrun/faasmrun/mpi/group"
	"github.com/faasmrun/faasmrun/mpi/match"
)

// Endpoint is where messages for one rank arrive. Its own goroutine receives; any other may deliver to it and wake it.
type Endpoint struct {
	fabric     *Fabric
	rank       group.WorldRank
	operations atomic.Pointer[[]*Operation]
	traffic    []traffic // to each rank of the world
	serial     uint64    // sends so far; this and the next two are for what the rank sends
	uncounted  uncounted
	eager      eagerStock
	Sleeper
	inbox  inbox
	mailMu sync.Mutex
	mail   mail          // guarded by mailMu
	stored atomic.Uint32 // counts the unexpected messages that did not come through the inbox
}

// mail matches the messages for a rank with its receives. Who has a *mail in hand holds the endpoint's lock.
type mail struct {
	endpoint *Endpoint
	queue    match.Queue[Slot, message]
	probing  int // threads of the rank that wait for a message without a receive
}

func newEndpoint(f *Fabric, rank group.WorldRank, woken func()) *Endpoint {
	e := &Endpoint{fabric: f, rank: rank, Sleeper: Sleeper{woken: woken}}
	e.eager.pool, e.inbox.cells, e.mail.endpoint = f.pool, new([inboxCells]cell), e
	e.operations.Store(new([]*Operation))
	e.traffic = make([]traffic, len(f.home))
	return e
}

// lock takes the endpoint's lock, for matching only.
func (e *Endpoint) lock() *mail {
	e.mailMu.Lock()
	return &e.mail
}

func (m *mail) unlock() { m.endpoint.mailMu.Unlock() }

// arrive is where every message comes out: the receive that is posted for it, or nil.
func (m *mail) arrive(k match.Key) *Operation {
	if slot, found := m.queue.Arrive(k); found {
		return m.endpoint.at(slot)
	}
	return nil
}

// add keeps a message that no receive is posted for, and reports whether the rank waits for one.
func (m *mail) add(k match.Key, message *message) (awaited bool) {
	m.queue.Add(k, *message)
	return m.probing > 0
}

// HasMail reports whether a message lies in the inbox.
func (e *Endpoint) HasMail() bool {
	head := e.inbox.head.Load()
	return e.inbox.at(head).full.Load() == head+1
}

// Read sorts what lies in the inbox into the receives it matches and among the unexpected.
func (e *Endpoint) Read() {
	var one arrival
	for more := true; more; {
		m := e.lock()
		more = m.sort(&one)
		m.unlock()
		if more {
			one.take()
		}
	}
}

// readIfAsleep reads the inbox of a rank that has parked since something was put into it.
func (e *Endpoint) readIfAsleep() {
	if e.Asleep() {
		m := e.lockSorted()
		m.unlock()
	}
}

// lockSorted takes the lock with every message sorted whose cell was reserved before the call, so that what its caller
// delivers otherwise overtakes nothing.
func (e *Endpoint) lockSorted() *mail {
	end := e.inbox.tail.Load()
	m := e.lock()
	for int32(end-e.inbox.head.Load()) > 0 {
		var one arrival
		switch {
		case m.sort(&one):
			m.unlock()
			one.take()
			m = e.lock()
		case int32(end-e.inbox.head.Load()) > 0:
			runtime.Gosched() // its sender is about to fill it
		}
	}
	return m
}

// arrival is a message and the receive that it is for.
type arrival struct {
	receive *Operation
	message message
	key     match.Key
}

// take moves the message to its receive, and completes both sides.
func (a *arrival) take() { a.receive.take(&a.message, a.key) }

// sort sorts what lies in the inbox. A message in an eager buffer that a receive is posted for is not copied under the
// lock: there sort ends, and reports whether it did, with the message, which is the caller's.
func (m *mail) sort(one *arrival) (found bool) {
	e := m.endpoint
	for e.HasMail() {
		p := e.inbox.at(e.inbox.head.Load())
		k, eager := p.key(), p.eager
		receive := m.arrive(k)
		switch {
		case receive == nil:
			m.queue.Add(k, message{eager: eager, bytes: p.bytes, serial: p.serial, inline: p.inline})
			if m.probing > 0 {
				e.WakeFor(e.Mail())
			}
		case eager == nil:
			receive.accept(p.inline[:p.bytes], k)
		}
		if receive != nil && eager != nil {
			one.receive, one.key = receive, k
			one.message = message{eager: eager, bytes: p.bytes}
			e.inbox.advance()
			return true
		}
		e.inbox.advance()
	}
	return false
}
