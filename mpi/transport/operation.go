package transport

import (
	"fmt"
	"sync/atomic"

	"github.com/faasmrun/faasmrun/mpi/datatype"
	"github.com/faasmrun/faasmrun/mpi/group"
	"github.com/faasmrun/faasmrun/mpi/match"
)

// Operation is a send or a receive under way, or anything else that a rank waits for. Its rank makes it, begins it and
// takes its outcome; whoever does the last of it completes it. Between the two the buffer belongs to this package.
type Operation struct {
	Buffer datatype.Span
	// Serial is a send's number among those of its rank.
	Serial uint64
	// Note goes with a send's message, for who asks what it is; a message with a note takes the general path. A receive
	// has its message's.
	Note any
	// Envelope is, of a receive that is done, the message it took. Its bytes are more than the buffer has room for if
	// the message was cut.
	Envelope
	// Shared says that its end concerns every thread of its rank that waits, whatever for.
	Shared bool

	// state is set to done last, by the rank that completes the operation. It must not touch it afterwards: the owner may
	// use it again at once. All else is written before.
	state    atomic.Uint32
	job      atomic.Pointer[copyJob] // the copy under way, which the owner may help with
	endpoint *Endpoint
	id       ID
	role     role
	to       group.WorldRank // of a send
	posted   match.ID        // of a receive in the queue
}

// role is what an operation does, from its beginning on.
type role uint8

const (
	waits role = iota // for something that is no message
	sends
	receives
)

// Envelope is what is told of a message. Bytes is its length.
type Envelope struct {
	Source match.Rank // in the sender's group
	Tag    int32
	Bytes  int64
}

// ID names an operation from its beginning to its end, to all ranks. The zero ID names none.
type ID struct {
	Rank       group.WorldRank
	Slot       Slot
	Generation uint32
}

// Slot is the number of an operation among those of its rank. It is used again.
type Slot uint32

// The states of an operation.
const (
	pending uint32 = iota
	done
	claimed // a send: somebody takes its data
	frozen  // a send: nobody may; see Replace
)

// Register makes an operation one of the endpoint's. It stays that, however often it is begun.
func (e *Endpoint) Register(op *Operation) {
	old := *e.operations.Load()
	op.endpoint, op.id = e, ID{Rank: e.rank, Slot: Slot(len(old))}
	grown := append(old, op) // who has the old header sees nothing of it
	e.operations.Store(&grown)
}

// at gives the operation in a slot.
func (e *Endpoint) at(slot Slot) *Operation { return (*e.operations.Load())[slot] }

// ID is the operation's since it was begun last.
func (op *Operation) ID() ID { return op.id }

// Begin makes the operation one that is not done.
func (op *Operation) Begin() {
	op.id.Generation++
	op.role = waits
	op.state.Store(pending)
}

// SendsTo says of an operation that was restored that it is a send under way.
func (op *Operation) SendsTo(to group.WorldRank) { op.role, op.to = sends, to }

// Receives says of one that it is a receive under way.
func (op *Operation) Receives() { op.role = receives }

// Done reports whether the operation is complete.
func (op *Operation) Done() bool { return op.state.Load() == done }

// End makes the operation, which is its caller's, complete.
func (op *Operation) End() {
	if op.state.Load() != done {
		op.state.Store(done)
	}
}

// Complete ends an operation of a rank that runs here, which waits for no message, and leaves a note of how it has
// ended, or nil. Any goroutine may call it, once.
func (f *Fabric) Complete(id ID, note any) {
	op := f.home[id.Rank].at(id.Slot)
	if op.id != id || op.Done() {
		panic(fmt.Sprintf("transport: operation %v is over", id))
	}
	op.noted(note)
	op.Complete()
}

// Complete ends an operation and wakes its owner, whose it is again.
func (op *Operation) Complete() {
	owner, subject := op.endpoint, any(op)
	if op.Shared {
		subject = nil
	}
	op.state.Store(done)
	owner.WakeFor(subject)
}
