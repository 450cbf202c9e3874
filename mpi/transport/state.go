package transport

import (
	"fmt"
	"runtime"

	"github.com/faasmrun/faasmrun/mpi/group"
	"github.com/faasmrun/faasmrun/mpi/match"
)

// State is what an endpoint holds, as data.
type State struct {
	Serial      uint64   // of the sends so far
	Generations []uint32 // of the operations, by slot
	Posted      []Posted
	Unexpected  []Message
	// Extracted are messages that were taken out, whose owner gives them along with the rest; the endpoint has none.
	Extracted []Message
}

// Posted is a receive that no message has matched.
type Posted struct {
	Key  match.Key
	Slot Slot
}

// Message is one that nobody has received.
type Message struct {
	Key    match.Key
	Bytes  int64
	Serial uint64
	Data   []byte // in no buffer of this package
	Sender ID     // of the operation that has the data, if it is not here
}

// Replace puts other operations, and another state, in the place of the endpoint's. change is called with what there
// is, under the endpoint's lock, when no copy is under way: it gives what there shall be, an operation for each slot,
// or an error, and then everything stays. sends and receives are those of the endpoint's operations that are not done;
// the old operations are nobody's afterwards. The endpoint's rank calls it.
func (e *Endpoint) Replace(sends, receives []*Operation, change func(State) (State, []*Operation, error)) error {
	m := e.lockStill(sends, receives)
	defer m.unlock()
	s, operations, err := change(m.state())
	var queue match.Queue[Slot, message]
	if err == nil {
		err = e.restore(&queue, &s, operations)
	}
	if err == nil {
		err = e.vouch(&s, operations)
	}
	if err == nil {
		err = sameSends(sends, operations)
	}
	if err != nil {
		thaw(sends)
		return err
	}
	m.queue.Unexpected(func(_ match.Key, old message) { old.free() })
	m.queue, e.serial = queue, s.Serial
	e.operations.Store(&operations)
	return nil
}

// lockStill takes the lock when no copy into or out of the operations is under way, and keeps others from beginning
// one: receives that are posted are found under the lock alone, and who wants a send's data waits until it is there
// again.
func (e *Endpoint) lockStill(sends, receives []*Operation) *mail {
	for {
		m := e.lockSorted()
		posted := map[Slot]bool{}
		m.queue.Posted(func(_ match.Key, slot Slot) { posted[slot] = true })
		still := freeze(sends)
		for _, op := range receives {
			still = still && (posted[op.id.Slot] || op.Done())
		}
		if still {
			return m
		}
		thaw(sends)
		m.unlock()
		runtime.Gosched()
	}
}

// freeze keeps others from claiming sends, and reports whether nobody has.
func freeze(sends []*Operation) bool {
	for _, op := range sends {
		if !op.state.CompareAndSwap(pending, frozen) && !op.Done() {
			return false
		}
	}
	return true
}

// thaw is the end of freeze, also where that has stopped half-way.
func thaw(sends []*Operation) {
	for _, op := range sends {
		op.state.CompareAndSwap(frozen, pending)
	}
}

// claim finds a send for who is about to take its data, and complete it. Who has its message has the only one: until it
// is claimed the send is not over.
func (f *Fabric) claim(id ID) *Operation {
	for {
		op := f.home[id.Rank].at(id.Slot)
		if op.id != id || op.Done() {
			panic(fmt.Sprintf("transport: send %v is over, and its message is not", id))
		}
		if op.state.CompareAndSwap(pending, claimed) {
			return op
		}
		runtime.Gosched() // it is frozen
	}
}

// state is what the endpoint holds.
func (m *mail) state() State {
	s := State{Serial: m.endpoint.serial}
	for _, op := range *m.endpoint.operations.Load() {
		s.Generations = append(s.Generations, op.id.Generation)
	}
	m.queue.Posted(func(k match.Key, slot Slot) { s.Posted = append(s.Posted, Posted{k, slot}) })
	m.queue.Unexpected(func(k match.Key, message message) { s.Unexpected = append(s.Unexpected, message.state(k)) })
	return s
}

// restore makes a queue of a state, which nobody vouches for, and the operations the endpoint's. They have none before.
func (e *Endpoint) restore(queue *match.Queue[Slot, message], s *State, operations []*Operation) error {
	if len(operations) != len(s.Generations) {
		return fmt.Errorf("%d operations, and generations of %d", len(operations), len(s.Generations))
	}
	for i, op := range operations {
		op.endpoint, op.id = e, ID{Rank: e.rank, Slot: Slot(i), Generation: s.Generations[i]}
	}
	for i := range s.Unexpected {
		m, err := e.restored(&s.Unexpected[i])
		if err != nil {
			return fmt.Errorf("unexpected message %d: %w", i, err)
		}
		queue.Add(s.Unexpected[i].Key, m)
	}
	posted := map[Slot]bool{}
	for i, p := range s.Posted {
		_, _, found := queue.Peek(p.Key)
		if int64(p.Slot) >= int64(len(operations)) || !operations[p.Slot].underWay(receives) || posted[p.Slot] || found {
			return fmt.Errorf("posted receive %d is of no operation that waits, or its message is there", i)
		}
		posted[p.Slot] = true
		operations[p.Slot].posted = queue.Post(p.Key, p.Slot)
	}
	for i, op := range operations {
		if op.underWay(receives) && !posted[Slot(i)] {
			return fmt.Errorf("the receive in slot %d waits and is not posted", i)
		}
	}
	return nil
}

// underWay reports whether the operation is one of a kind that has not ended.
func (op *Operation) underWay(r role) bool { return op.role == r && !op.Done() }

// vouch makes sure of the sends that a state's messages name, with which operations are to be the endpoint's: that each
// is under way to this rank, and has one message. Of a send elsewhere only its own process can tell, which it does when
// the data is fetched. Where several ranks are restored, all must be before the first is
// vouched for.
func (e *Endpoint) vouch(s *State, operations []*Operation) error {
	named := map[ID]bool{}
	for _, list := range []struct {
		kind     string
		messages []Message
	}{{"unexpected", s.Unexpected}, {"extracted", s.Extracted}} {
		for i := range list.messages {
			m := &list.messages[i]
			id := m.Sender
			if id == (ID{}) {
				continue
			}
			fail := func(why string) error {
				return fmt.Errorf("%s message %d names a send of rank %d (slot %d, generation %d) that %s", list.kind, i, id.Rank,
					id.Slot, id.Generation, why)
			}
			its := operations
			if id.Rank != e.rank {
				home := e.fabric.find(id.Rank)
				if home == nil { // its process knows what it has offered
					if named[id] {
						return fail("has a message already")
					}
					named[id] = true
					continue
				}
				its = *home.operations.Load()
			}
			if int64(id.Slot) >= int64(len(its)) || its[id.Slot].id != id {
				return fail("does not exist")
			}
			op := its[id.Slot]
			if !op.underWay(sends) || op.to != e.rank || op.Serial != m.Serial {
				return fail("is over, or has another message")
			}
			if named[id] {
				return fail("has a message already")
			}
			named[id] = true
		}
	}
	return nil
}

// find gives the endpoint of a rank that runs here; nil for none.
func (f *Fabric) find(rank group.WorldRank) *Endpoint {
	if rank < 0 || int64(rank) >= int64(len(f.home)) {
		return nil
	}
	return f.home[rank]
}

// sameSends makes sure that the sends under way, whose messages other ranks have, are among the operations that take
// their place, and no others: nobody would receive those.
func sameSends(before, operations []*Operation) error {
	there := map[ID]bool{}
	for _, op := range before {
		if op.Done() {
			continue
		}
		slot := op.id.Slot
		if int64(slot) >= int64(len(operations)) {
			return fmt.Errorf("the send in slot %d is lost", slot)
		}
		if now := operations[slot]; now.id != op.id || !now.underWay(sends) || now.to != op.to || now.Serial != op.Serial {
			return fmt.Errorf("the send in slot %d (generation %d) has become another", slot, op.id.Generation)
		}
		there[op.id] = true
	}
	for _, op := range operations {
		if op.underWay(sends) && !there[op.id] {
			return fmt.Errorf("the send in slot %d (generation %d) has no message", op.id.Slot, op.id.Generation)
		}
	}
	return nil
}

// state is a message as data.
func (m *message) state(k match.Key) Message {
	out := Message{Key: k, Bytes: m.bytes, Serial: m.serial, Sender: m.sender}
	if m.sender == (ID{}) {
		out.Data = append([]byte{}, m.data()...)
	}
	return out
}

// data is a message's that is here.
func (m *message) data() []byte {
	if m.eager != nil {
		return m.eager.data[:m.bytes]
	}
	return m.inline[:m.bytes]
}

// restored makes a message of data, which nobody vouches for.
func (e *Endpoint) restored(in *Message) (m message, err error) {
	m = message{bytes: in.Bytes, serial: in.Serial, sender: in.Sender}
	switch {
	case in.Key.Source < 0 || in.Key.Tag < 0 || in.Bytes < 0:
		return m, fmt.Errorf("a message of %d bytes from %d with tag %d", in.Bytes, in.Key.Source, in.Key.Tag)
	case in.Sender != (ID{}):
		if in.Sender.Rank < 0 || int(in.Sender.Rank) >= len(e.traffic) || len(in.Data) > 0 {
			return m, fmt.Errorf("a message whose data rank %d has", in.Sender.Rank)
		}
	case in.Bytes != int64(len(in.Data)) || in.Bytes > EagerLimit:
		return m, fmt.Errorf("a message of %d bytes with %d bytes of data", in.Bytes, len(in.Data))
	case in.Bytes > inlineBytes:
		if m.eager = e.eager.get(in.Bytes); m.eager == nil {
			m.eager = &eagerBuffer{data: in.Data}
		}
		copy(m.eager.data, in.Data)
	default:
		copy(m.inline[:], in.Data)
	}
	return m, nil
}

// Message is the message as data.
func (x *Extracted) Message() Message { return x.message.state(x.From) }

// Extracted makes a message that was taken out of data, which nobody vouches for.
func (e *Endpoint) Extracted(in *Message) (x Extracted, err error) {
	x.From = in.Key
	x.message, err = e.restored(in)
	return x, err
}
