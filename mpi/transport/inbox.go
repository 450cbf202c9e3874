package transport

import (
	"sync/atomic"

	"github.com/faasmrun/faasmrun/mpi/group"
	"github.com/faasmrun/faasmrun/mpi/match"
)

// inbox takes small messages for a rank that is awake, without a lock. The rank itself sorts them into the receives
// they match and among the unexpected, when it receives and while it spins. If the sender did the matching, a dozen
// cache lines of the receiver's queue would move between two processors, at 100 ns and more each; a message in the
// inbox is one line, written once and read once. A sender that finds the rank parked sorts the inbox for it, under its
// lock, so that the rank is woken only for what it waits for.
//
// It is a ring of cells. A sender reserves a cell by its number, fills it, and marks it full by storing number + 1 into
// it. Nobody writes the cell again until the ring has come round, so it stays one transfer. The sorting rank announces
// free cells in large steps. When the ring is full, senders take the lock.
type inbox struct {
	cells *[inboxCells]cell
	_     [64]byte
	tail  atomic.Uint32 // cells reserved; senders write it
	_     [60]byte
	freed atomic.Uint32 // cells that may be reserved again: head, not quite up to date
	_     [60]byte
	head  atomic.Uint32 // cells sorted; written by who holds the lock
	_     [60]byte
}

const (
	inboxCells = 256 // a power of two
	inboxStep  = inboxCells / 8
	// inlineBytes is the data that fits into the cell itself, which is a cache line.
	inlineBytes = 24
	// InboxLimit bounds the data of a message in the inbox. Beyond inlineBytes it lies in an eager buffer. At the limit
	// the second copy should cost about as much as the cache lines that matching by the sender moves: a dozen lines from
	// core to core, 1 µs, in which 8 KiB are copied. Reckoned from those two figures; the crossing itself was not
	// measured.
	InboxLimit = 8 << 10
)

// cell is a message in an inbox.
type cell struct {
	full    atomic.Uint32
	context uint32
	source  match.Rank
	tag     int32
	bytes   int64
	serial  uint64
	eager   *eagerBuffer
	inline  [inlineBytes]byte
}

// reserve gives the number of a cell that the caller must fill; false means that the ring is full.
func (in *inbox) reserve() (number uint32, ok bool) {
	for {
		number := in.tail.Load()
		if number-in.freed.Load() >= inboxCells {
			return 0, false
		}
		if in.tail.CompareAndSwap(number, number+1) {
			return number, true
		}
	}
}

func (in *inbox) at(number uint32) *cell { return &in.cells[number%inboxCells] }

// fill marks a cell full, whose inline data is already there.
func (p *cell) fill(number uint32, k match.Key, bytes int64, serial uint64, eager *eagerBuffer) {
	p.context, p.source, p.tag = k.Context, k.Source, k.Tag
	p.bytes, p.serial, p.eager = bytes, serial, eager
	p.full.Store(number + 1)
}

func (p *cell) key() match.Key { return match.Key{Context: p.context, Source: p.source, Tag: p.tag} }

// advance frees the first cell. The caller holds the lock.
func (in *inbox) advance() {
	head := in.head.Load() + 1
	in.head.Store(head)
	if head%inboxStep == 0 {
		in.freed.Store(head)
	}
}

// drop puts a send's message into the inbox of a rank that is awake, and reports whether it has.
func (e *Endpoint) drop(k match.Key, send *Operation, by way) bool {
	m := send.pack(by)
	if m.sender != (ID{}) {
		return false
	}
	number, ok := e.inbox.reserve()
	if !ok {
		m.free()
		return false
	}
	p := e.inbox.at(number)
	p.inline = m.inline
	p.fill(number, k, m.bytes, m.serial, m.eager)
	e.readIfAsleep()
	return true
}

// SendSmall sends a message of at most InboxLimit bytes to a rank that is awake, without an operation. It reports
// whether it has: else Send is the way.
func (e *Endpoint) SendSmall(to group.WorldRank, k match.Key, data []byte) bool {
	d := e.fabric.home[to]
	if d == nil || d.Asleep() {
		return false
	}
	var eager *eagerBuffer
	if wayOf(int64(len(data)), Standard) == eagerly {
		if eager = e.eager.get(int64(len(data))); eager == nil {
			return false
		}
		copy(eager.data, data)
	}
	number, ok := d.inbox.reserve()
	if !ok {
		if eager != nil {
			eager.giveBack()
		}
		return false
	}
	p := d.inbox.at(number)
	if eager == nil {
		copy(p.inline[:], data)
	}
	e.serial++
	e.count(to, int64(len(data)))
	p.fill(number, k, int64(len(data)), e.serial, eager)
	d.readIfAsleep()
	return true
}

// Serial is how many messages the rank has sent.
func (e *Endpoint) Serial() uint64 { return e.serial }

// ReceiveSmall copies the message in the inbox's first cell into memory, if nothing else may claim it: no other receive
// may be posted that it could match, and no other message may wait that the receive would match first.
func (e *Endpoint) ReceiveSmall(k match.Key, room []byte) (got Envelope, taken bool) {
	m := e.lock()
	posted, unexpected := m.queue.Len()
	p := e.inbox.at(e.inbox.head.Load())
	if !e.HasMail() || posted+unexpected > 0 || !k.Accepts(p.key()) || p.bytes > int64(len(room)) {
		m.unlock()
		return got, false
	}
	got = Envelope{Source: p.source, Tag: p.tag, Bytes: p.bytes}
	eager := p.eager
	if eager == nil {
		copy(room, p.inline[:p.bytes])
	}
	e.inbox.advance()
	m.unlock()
	if eager != nil {
		copy(room, eager.data[:got.Bytes])
		eager.giveBack()
	}
	return got, true
}
