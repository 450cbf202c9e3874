package transport

import (
	"encoding/binary"
	"strings"
	"sync"
	"testing"

	"github.com/faasmrun/faasmrun/mpi/datatype"
	"github.com/faasmrun/faasmrun/mpi/group"
	"github.com/faasmrun/faasmrun/mpi/match"
)

func newTestFabric(t testing.TB, size int) *Fabric {
	f := NewFabric(Config{Size: size, EagerBytes: 1 << 20, Woken: func() {}})
	t.Cleanup(f.Close)
	return f
}

// begin makes an operation of a rank on a buffer.
func begin(e *Endpoint, buffer []byte) *Operation {
	op := &Operation{Buffer: datatype.Whole(buffer)}
	e.Register(op)
	op.Begin()
	return op
}

// sizes are lengths on both sides of each bound.
var sizes = []int{8, inlineBytes, inlineBytes + 1, InboxLimit, InboxLimit + 1, EagerLimit, EagerLimit + 1, 200 << 10}

// numbered is a message of n bytes that begins with a number.
func numbered(i uint64, n int) []byte {
	data := make([]byte, n)
	binary.LittleEndian.PutUint64(data, i)
	for j := 8; j < n; j++ {
		data[j] = byte(i) + byte(j)
	}
	return data
}

// TestOrder: messages of one rank arrive in order, whichever way each took: through the inbox, also when it is full, by
// the lock, or from the sender's buffer; the receiver asleep or awake, its receives posted or not.
func TestOrder(t *testing.T) {
	const messages = 4 * inboxCells
	k := match.Key{Context: 3, Source: 0, Tag: 7}
	for _, asleep := range []bool{false, true} {
		for _, ahead := range []int{0, 5, messages} { // receives posted before
			f := newTestFabric(t, 2)
			from, to := f.Endpoint(0), f.Endpoint(1)
			if asleep {
				to.Announce(make(chan struct{}, 1))
			}
			var receives []*Operation
			for i := range ahead {
				op := begin(to, make([]byte, sizes[i%len(sizes)]))
				to.Receive(op, k)
				receives = append(receives, op)
			}
			for i := range messages {
				data := numbered(uint64(i), sizes[i%len(sizes)])
				if i%3 == 0 && len(data) <= InboxLimit && from.SendSmall(1, k, data) {
					continue
				}
				from.Send(begin(from, data), 1, k, Standard)
				if asleep && !to.Asleep() { // a receive of its was completed
					to.Announce(make(chan struct{}, 1))
				}
			}
			for i := ahead; i < messages; i++ {
				op := begin(to, make([]byte, sizes[i%len(sizes)]))
				to.Receive(op, k)
				receives = append(receives, op)
			}
			for i, op := range receives {
				want := numbered(uint64(i), sizes[i%len(sizes)])
				if !op.Done() || op.Bytes != int64(len(want)) || string(op.Buffer.Mem[:op.Bytes]) != string(want) {
					t.Fatalf("asleep %v, %d posted: message %d: done %v, %d bytes, number %d", asleep, ahead, i, op.Done(), op.Bytes,
						binary.LittleEndian.Uint64(op.Buffer.Mem))
				}
			}
		}
	}
}

// TestManySenders: what several ranks send at the same time arrives once, and in the order of each.
func TestManySenders(t *testing.T) {
	const senders, messages = 3, 2000
	f := newTestFabric(t, senders+1)
	to := f.Endpoint(senders)
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			from := f.Endpoint(group.WorldRank(s))
			op, token := &Operation{}, make(chan struct{}, 1)
			from.Register(op)
			k := match.Key{Context: 1, Source: match.Rank(s)}
			for i := range messages {
				data := numbered(uint64(i), sizes[(i+s)%6])
				if len(data) <= InboxLimit && from.SendSmall(senders, k, data) {
					continue
				}
				op.Buffer = datatype.Whole(data)
				op.Begin()
				from.Send(op, senders, k, Standard)
				for !op.Done() { // there was no eager buffer left: the receiver takes the data from here, and wakes the rank
					from.Announce(token)
					if !op.Done() || !from.Retract() {
						<-token
					}
				}
			}
		})
	}
	next := map[match.Rank]uint64{}
	op := begin(to, make([]byte, EagerLimit))
	for range senders * messages {
		op.Begin()
		to.Receive(op, match.Key{Context: 1, Source: match.AnySource})
		for !op.Done() {
			if to.HasMail() {
				to.Read()
			}
		}
		if i := binary.LittleEndian.Uint64(op.Buffer.Mem); i != next[op.Source] {
			t.Fatalf("message %d of rank %d came where %d was due", i, op.Source, next[op.Source])
		}
		next[op.Source]++
	}
	wg.Wait()
	if posted, unexpected := to.Queued(); posted+unexpected > 0 || to.HasMail() {
		t.Errorf("%d receives and %d messages are left", posted, unexpected)
	}
}

// TestIDs: a send is found by its ID while it is under way, and by no ID of an earlier one.
func TestIDs(t *testing.T) {
	f := newTestFabric(t, 2)
	e := f.Endpoint(1)
	op := begin(e, nil)
	first := op.ID()
	if first == (ID{}) || f.claim(first) != op {
		t.Error("a send is not found by its ID")
	}
	op.End()
	refused := func(when string, id ID) {
		defer func() {
			if recover() == nil {
				t.Errorf("%s: send %v is found", when, id)
			}
		}()
		f.claim(id)
	}
	refused("over", first)
	op.Begin()
	refused("begun again", first)
	if f.claim(op.ID()) != op {
		t.Error("a send that was begun again is not found by its ID")
	}
}

// TestGiveBack: a message is given back as long as no receive has it, wherever its data is.
func TestGiveBack(t *testing.T) {
	k := match.Key{Context: 1, Source: 0, Tag: 2}
	for _, n := range sizes {
		for _, mode := range []Mode{Standard, Synchronous} {
			f := newTestFabric(t, 2)
			from, to := f.Endpoint(0), f.Endpoint(1)
			kept, back := begin(from, numbered(1, n)), begin(from, numbered(2, n))
			from.Send(kept, 1, k, mode)
			from.Send(back, 1, k, mode)
			if !from.Withdraw(1, k, back) {
				t.Errorf("%d bytes, mode %d: not given back", n, mode)
			}
			op := begin(to, make([]byte, n))
			to.Receive(op, k)
			if !op.Done() || binary.LittleEndian.Uint64(op.Buffer.Mem) != 1 || !kept.Done() {
				t.Errorf("%d bytes, mode %d: the other message was not received", n, mode)
			}
			if from.Withdraw(1, k, kept) {
				t.Errorf("%d bytes, mode %d: a message was given back that was received", n, mode)
			}
			if _, unexpected := to.Queued(); unexpected > 0 {
				t.Errorf("%d bytes, mode %d: the message is still there", n, mode)
			}
		}
	}
}

// away is a rank that runs elsewhere.
type away struct{ sent []int64 }

func (a *away) Deliver(_ match.Key, send *Operation, _ Mode) {
	a.sent = append(a.sent, send.Buffer.Bytes())
	send.Complete()
}

func (a *away) GiveBack(match.Key, *Operation) bool { return false }

// TestAway: what is sent to a rank elsewhere goes to its peer, small or large.
func TestAway(t *testing.T) {
	f := newTestFabric(t, 2)
	peer := &away{}
	f.home[1], f.peers[1] = nil, peer
	from := f.Endpoint(0)
	k := match.Key{Context: 1}
	for _, n := range sizes {
		if n <= InboxLimit && from.SendSmall(1, k, numbered(0, n)) {
			t.Error("a small message took the fast path")
		}
		op := begin(from, numbered(0, n))
		from.Send(op, 1, k, Standard)
		if !op.Done() {
			t.Error("the peer's completion is not seen")
		}
	}
	if len(peer.sent) != len(sizes) {
		t.Errorf("%d messages of %d", len(peer.sent), len(sizes))
	}
	from.Count()
	if got := from.Traffic()[1].Messages; got != uint64(len(sizes)) {
		t.Errorf("%d messages are counted, of %d", got, len(sizes))
	}
}

// TestNothingIsAllocated: not for a message, small or large, once ranks have exchanged some.
func TestNothingIsAllocated(t *testing.T) {
	f := newTestFabric(t, 2)
	from, to := f.Endpoint(0), f.Endpoint(1)
	k := match.Key{Context: 1}
	for _, n := range sizes {
		send, receive := begin(from, numbered(0, n)), begin(to, make([]byte, n))
		once := func() {
			send.Begin()
			receive.Begin()
			from.Send(send, 1, k, Standard)
			to.Receive(receive, k)
		}
		once()
		if got := testing.AllocsPerRun(50, once); got > 0.5 {
			t.Errorf("%d bytes: %v allocations", n, got)
		}
	}
}

// TestForgedSenders: a state whose messages name sends that are not theirs is refused by name, before anybody looks for
// the sends; so is one whose own sends or receives are others than there were.
func TestForgedSenders(t *testing.T) {
	large := make([]byte, EagerLimit+1)
	k := match.Key{Context: 1, Source: 0, Tag: 2}
	none := func(*State) {}
	first := func(forge func(m *Message)) func(*State) { return func(s *State) { forge(&s.Unexpected[0]) } }
	for name, c := range map[string]struct {
		forge  func(s *State)
		change func(operations []*Operation)
		want   string
	}{
		"as it was": {none, nil, ""},
		"no rank":   {first(func(m *Message) { m.Sender.Rank = 3 }), nil, "data rank 3 has"},
		"far away":  {first(func(m *Message) { m.Sender.Rank = 2 }), nil, ""},
		"far away, twice": {func(s *State) {
			s.Unexpected[0].Sender.Rank = 2
			s.Unexpected = append(s.Unexpected, s.Unexpected[0])
		}, nil, "already"},
		"a rank below 0":  {first(func(m *Message) { m.Sender.Rank = -1 }), nil, "data rank -1 has"},
		"no slot":         {first(func(m *Message) { m.Sender.Slot = 1 << 31 }), nil, "does not exist"},
		"generation":      {first(func(m *Message) { m.Sender.Generation++ }), nil, "2) that does not exist"},
		"over":            {first(func(m *Message) { m.Sender.Slot = 1 }), nil, "is over"},
		"a receive":       {first(func(m *Message) { m.Sender.Slot = 3 }), nil, "is over"},
		"another rank's":  {first(func(m *Message) { m.Sender.Slot = 2 }), nil, "has another message"},
		"another message": {first(func(m *Message) { m.Serial++ }), nil, "has another message"},
		"itself":          {first(func(m *Message) { m.Sender = ID{1, 0, 1} }), nil, "has another"},
		"twice":           {func(s *State) { s.Unexpected = append(s.Unexpected, s.Unexpected[0]) }, nil, "already"},
		"taken out, too":  {func(s *State) { s.Extracted = s.Unexpected }, nil, "extracted message 0"},
		"not posted":      {func(s *State) { s.Posted = nil }, nil, "slot 2 waits and is not posted"},
		"posted, a send":  {func(s *State) { s.Posted[0].Slot = 1 }, nil, "posted receive 0"},
		"a send is lost": {func(s *State) { s.Generations, s.Posted = s.Generations[:1], nil }, nil,
			"the send in slot 1 is lost"},
		"a send is over":   {none, func(o []*Operation) { o[1].End() }, "has become another"},
		"a send to others": {none, func(o []*Operation) { o[1].SendsTo(1) }, "has become another"},
		"begun once more":  {func(s *State) { s.Generations[1]++ }, nil, "has become another"},
		"a further send":   {none, func(o []*Operation) { o[0].Begin(); o[0].SendsTo(0) }, "has no message"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newTestFabric(t, 3)
			f.home[2], f.peers[2] = nil, &away{}
			zero, one := f.Endpoint(0), f.Endpoint(1)
			sent := begin(zero, large)
			begin(zero, nil).End()
			zero.Send(begin(zero, large), 0, k, Standard)
			begin(zero, make([]byte, 8)).Receives()
			zero.Send(sent, 1, k, Standard)

			idle := begin(one, nil)
			idle.End()
			own := begin(one, large)
			one.Send(own, 0, k, Standard)
			receive := begin(one, make([]byte, 8))
			one.Receive(receive, match.Key{Context: 3, Source: 0, Tag: 2})
			err := one.Replace([]*Operation{own}, []*Operation{receive}, func(s State) (State, []*Operation, error) {
				idle, own, receive := new(Operation), &Operation{Buffer: own.Buffer, Serial: own.Serial}, new(Operation)
				idle.End()
				own.SendsTo(0)
				receive.Receives()
				operations := []*Operation{idle, own, receive}
				c.forge(&s)
				if c.change != nil {
					c.change(operations)
				}
				return s, operations[:len(s.Generations)], nil
			})
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("refused with %v, not with %q", err, c.want)
			}
			if !sent.underWay(sends) || sent.state.Load() != pending {
				t.Error("the other rank's send is another now")
			}
		})
	}
}
