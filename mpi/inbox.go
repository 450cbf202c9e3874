package mpi

import (
	"runtime"
	"sync/atomic"

	"github.com/faasmrun/faasmrun/mpi/datatype"
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
// free cells in large steps. When the ring is full, senders use the mailbox itself.
type inbox struct {
	cells *[inboxCells]cell
	_     [64]byte
	tail  atomic.Uint32 // cells reserved; senders write it
	_     [60]byte
	freed atomic.Uint32 // cells that may be reserved again: head, not quite up to date
	_     [60]byte
	head  atomic.Uint32 // cells sorted; written under mailMu
	_     [60]byte
}

const (
	inboxCells = 256 // a power of two
	inboxStep  = inboxCells / 8
	// inlineBytes is the data that fits into the cell itself, which is a cache line.
	inlineBytes = 24
	// inboxLimit bounds the data of a message in the inbox. Beyond inlineBytes it lies in an eager buffer. At the limit
	// the second copy should cost about as much as the cache lines that matching by the sender moves: a dozen lines from
	// core to core, 1 µs, in which 8 KiB are copied. Reckoned from those two figures; the crossing itself was not
	// measured.
	inboxLimit = 8 << 10
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

// advance frees the first cell. The caller holds mailMu.
func (in *inbox) advance() {
	head := in.head.Load() + 1
	in.head.Store(head)
	if head%inboxStep == 0 {
		in.freed.Store(head)
	}
}

// drop puts a send's message into the inbox, and reports whether there was room.
func (in *inbox) drop(k match.Key, q *request) bool {
	n := q.buffer.Bytes()
	var eager *eagerBuffer
	if n > inlineBytes {
		if eager = q.owner.eager.get(n); eager == nil {
			return false
		}
		side := datatype.Whole(eager.data[:n])
		side.CopyFrom(&q.buffer)
	}
	number, ok := in.reserve()
	if !ok {
		if eager != nil {
			eager.giveBack()
		}
		return false
	}
	p := in.at(number)
	if eager == nil {
		side := datatype.Whole(p.inline[:n])
		side.CopyFrom(&q.buffer)
	}
	p.fill(number, k, n, q.serial, eager)
	return true
}

// hasMail reports whether a message lies in the rank's inbox.
func (r *Rank) hasMail() bool {
	head := r.inbox.head.Load()
	return r.inbox.at(head).full.Load() == head+1
}

// readMail sorts what lies in the rank's inbox.
func (r *Rank) readMail() {
	r.mailMu.Lock()
	for r.hasMail() {
		r.sortOne()
	}
	r.mailMu.Unlock()
}

// sortIfParked sorts the inbox of a rank that has parked since something was put into it.
func (r *Rank) sortIfParked() {
	if r.parked.Load() != 0 {
		r.mailMu.Lock()
		r.sortMail()
		r.mailMu.Unlock()
	}
}

// sortMail sorts every message whose cell was reserved before the call, so that what its caller delivers otherwise
// overtakes nothing. It is called with mailMu held, as sortOne is.
func (r *Rank) sortMail() {
	for end := r.inbox.tail.Load(); int32(end-r.inbox.head.Load()) > 0; {
		if r.hasMail() {
			r.sortOne()
			continue
		}
		runtime.Gosched() // its sender is about to fill it
	}
}

// sortOne sorts one message. It releases mailMu while it copies an eager buffer.
func (r *Rank) sortOne() {
	p := r.inbox.at(r.inbox.head.Load())
	k, m := p.key(), message{eager: p.eager, bytes: p.bytes, serial: p.serial, inline: p.inline}
	r.inbox.advance()
	q, found := r.queue.Arrive(k)
	switch {
	case !found:
		r.queue.Add(k, m)
		if r.probing {
			r.wake()
		}
	case m.eager == nil:
		m.copyTo(q, k)
	default:
		r.mailMu.Unlock()
		m.copyTo(q, k)
		r.mailMu.Lock()
	}
}
