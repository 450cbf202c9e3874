package transport

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/faasmrun/faasmrun/mpi/datatype"
	"github.com/faasmrun/faasmrun/mpi/group"
	"github.com/faasmrun/faasmrun/mpi/match"
)

// Ranks that run in other processes. What is sent to one goes through its remote, as frames by the Link; what comes
// from one comes by Arrive, which is one more way to mail.arrive. A message of at most EagerLimit bytes travels with
// its data as long as its receiver's process has room; any other is offered, fetched by the receive that matches it,
// and sent in pieces.

// Link brings frames to other processes.
type Link interface {
	// Send takes a frame for the process of rank f.To. What goes to one process arrives there once and in the order of the
	// calls of one goroutine. It does not wait for that process: Arrive calls it, on goroutines that read. What it keeps
	// at a time is bounded by the operations under way, whose data it need not copy (Frame.Sent), and by the eager window.
	Send(f *Frame)
}

// eagerWindow bounds, in bytes, what a rank has sent with its data to one in another process and what was not received.
// Beyond it messages are offered.
const eagerWindow = 256 << 10

// eagerCost is what a message takes of the window besides its data.
const eagerCost = 64

// remote is the Peer of a rank in another process.
type remote struct {
	fabric   *Fabric
	rank     group.WorldRank
	accounts []account // by the ranks of the world that run here
}

// account is what a rank here and one elsewhere may still send each other with its data.
type account struct {
	peer   *remote
	here   group.WorldRank
	used   atomic.Int64 // of the window, by what was sent from here
	unpaid atomic.Int64 // received here, and not yet said
}

// outside is what a fabric knows of operations that other processes refer to: no ID that comes from there is looked up
// that is not in here.
type outside struct {
	mu      sync.Mutex
	offered map[ID]offer     // sends whose messages are elsewhere
	fetched map[ID]*incoming // receives whose data is under way
}

// offer is a send as the other process was told of it.
type offer struct {
	to    group.WorldRank
	bytes int64
}

// incoming is a message's data on its way to a receive.
type incoming struct {
	receive *Operation
	from    group.WorldRank
	wanted  int64  // bytes
	got     int64  // of them
	aside   []byte // where the buffer has holes
}

// newRemote makes the peer of a rank elsewhere.
func newRemote(f *Fabric, rank group.WorldRank) *remote {
	r := &remote{fabric: f, rank: rank, accounts: make([]account, len(f.home))}
	for i := range r.accounts {
		r.accounts[i].peer, r.accounts[i].here = r, group.WorldRank(i)
	}
	return r
}

// Withdrawn is the note of a send whose message was given back by a rank elsewhere.
type Withdrawn struct{}

// Deliver sends the message with its data, or offers it.
func (r *remote) Deliver(k match.Key, send *Operation, mode Mode) {
	n := send.Buffer.Bytes()
	f := Frame{Kind: FrameOffer, From: send.id.Rank, To: r.rank, Key: k, Bytes: n, Serial: send.Serial,
		Send: send.id.reference()}
	if wayOf(n, mode) != rendezvous && r.accounts[f.From].take(n+eagerCost) {
		f.Kind, f.Send, f.Data = FrameEager, Reference{}, packed(&send.Buffer)
		r.fabric.link.Send(&f)
		send.Complete()
		return
	}
	r.fabric.outside.add(send.id, offer{r.rank, n})
	r.fabric.link.Send(&f)
}

// packed gives a buffer's data, where it is if that is in one piece.
func packed(s *datatype.Span) []byte {
	if b, ok := s.Contiguous(); ok {
		return b
	}
	all := s.Packed()
	b, _ := all.Contiguous()
	return b
}

// GiveBack asks the rank for a send's message, if that is under way, and reports whether it has it, which it never
// knows at once. The answer completes the send, with Withdrawn as its note, or says that a receive has the message.
func (r *remote) GiveBack(k match.Key, send *Operation) bool {
	if !send.Done() {
		r.fabric.link.Send(&Frame{Kind: FrameWithdraw, From: send.id.Rank, To: r.rank, Key: k, Serial: send.Serial,
			Send: send.id.reference()})
	}
	return false
}

// take takes so much of the window, and reports whether there was as much left.
func (a *account) take(cost int64) bool {
	if a.used.Add(cost) <= eagerWindow {
		return true
	}
	a.used.Add(-cost)
	return false
}

// giveBack says that a message of the other rank was received. The other rank is told of several at once.
func (a *account) giveBack(bytes int64) {
	if a.unpaid.Add(bytes+eagerCost) < eagerWindow/4 {
		return
	}
	if n := a.unpaid.Swap(0); n > 0 {
		a.peer.fabric.link.Send(&Frame{Kind: FrameCredit, From: a.here, To: a.peer.rank, Bytes: n})
	}
}

func (o *outside) add(id ID, of offer) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.offered[id] = of
}

// settle ends an offer to a rank, and reports whether there was one of so many bytes.
func (o *outside) settle(id ID, to group.WorldRank, bytes int64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	of, found := o.offered[id]
	if !found || of.to != to || bytes > of.bytes {
		return false
	}
	delete(o.offered, id)
	return true
}

// fetch asks for the data of a message that a rank elsewhere has, and of which the receive has room for so much.
func (op *Operation) fetch(m *message, from match.Key) {
	op.Envelope = Envelope{Source: from.Source, Tag: from.Tag, Bytes: m.bytes}
	in := &incoming{receive: op, from: m.sender.Rank, wanted: min(m.bytes, op.Buffer.Bytes())}
	if _, ok := op.Buffer.Contiguous(); !ok {
		in.aside = make([]byte, in.wanted)
	}
	f := op.endpoint.fabric
	f.outside.mu.Lock()
	f.outside.fetched[op.id] = in
	f.outside.mu.Unlock()
	f.link.Send(&Frame{Kind: FrameFetch, From: op.id.Rank, To: in.from, Bytes: in.wanted, Send: m.sender.reference(),
		Receive: op.id.reference()})
}

// Arrive takes a frame that a link has brought, of which nobody vouches for anything: an error says what is wrong with
// it, and then the other process is not to be trusted any more. Frames of one process come one after the other; those
// of several may come at the same time. The frame's data is used during the call only.
func (f *Fabric) Arrive(in *Frame) error {
	e := f.find(in.To)
	if e == nil || f.find(in.From) != nil || in.From < 0 || int64(in.From) >= int64(len(f.home)) {
		return fmt.Errorf("a frame from rank %d to rank %d", in.From, in.To)
	}
	peer := f.peers[in.From].(*remote)
	switch in.Kind {
	case FrameEager, FrameOffer, FrameWithdraw:
		if in.Key.Source < 0 || in.Key.Tag < 0 {
			return fmt.Errorf("a message from %d with tag %d", in.Key.Source, in.Key.Tag)
		}
	case FrameCredit:
		a := &peer.accounts[in.To]
		if in.Bytes > a.used.Load() {
			return fmt.Errorf("rank %d gives back %d bytes that nobody has sent", in.From, in.Bytes)
		}
		a.used.Add(-in.Bytes)
		return nil
	}
	switch in.Kind {
	case FrameEager:
		if in.Bytes != int64(len(in.Data)) || in.Bytes > EagerLimit {
			return fmt.Errorf("a message of %d bytes with %d bytes of data", in.Bytes, len(in.Data))
		}
		e.arriveEager(in, &peer.accounts[in.To])
	case FrameOffer:
		e.arriveOffer(in)
	case FrameFetch:
		return f.serve(in)
	case FrameData:
		return f.fill(in)
	case FrameWithdraw:
		e.withdraw(in)
	case FrameWithdrawn:
		id := in.Send.id(in.To)
		if in.Bytes == 1 {
			if !f.outside.settle(id, in.From, 0) {
				return fmt.Errorf("rank %d gives back a message of send %v, and has none", in.From, id)
			}
			send := f.claim(id)
			send.noted(Withdrawn{})
			send.Complete()
		}
	}
	return nil
}

// arriveEager is the end of a message that came with its data. The second lookup is as in setAside.
func (e *Endpoint) arriveEager(in *Frame, a *account) {
	m := e.lockSorted()
	receive := m.arrive(in.Key)
	m.unlock()
	awaited := false
	if receive == nil {
		kept := message{eager: &eagerBuffer{data: append([]byte{}, in.Data...), away: a}, bytes: in.Bytes, serial: in.Serial}
		m := e.lock()
		if receive = m.arrive(in.Key); receive == nil {
			awaited = e.store(m, in.Key, &kept)
		}
		m.unlock()
	}
	switch {
	case receive != nil:
		receive.accept(in.Data, in.Key)
		a.giveBack(in.Bytes)
	case awaited:
		e.WakeFor(e.Mail())
	}
}

// arriveOffer is the end of a message whose data is still with its sender.
func (e *Endpoint) arriveOffer(in *Frame) {
	offered := message{sender: in.Send.id(in.From), bytes: in.Bytes, serial: in.Serial}
	awaited := false
	m := e.lockSorted()
	receive := m.arrive(in.Key)
	if receive == nil {
		awaited = e.store(m, in.Key, &offered)
	}
	m.unlock()
	switch {
	case receive != nil:
		receive.fetch(&offered, in.Key)
	case awaited:
		e.WakeFor(e.Mail())
	}
}

// serve sends the data of a send to the receive that has its message.
func (f *Fabric) serve(in *Frame) error {
	id := in.Send.id(in.To)
	if !f.outside.settle(id, in.From, in.Bytes) {
		return fmt.Errorf("rank %d fetches %d bytes of send %v, which offers it none, or not so many", in.From, in.Bytes, id)
	}
	send := f.claim(id)
	data := packed(&send.Buffer)[:in.Bytes]
	for at := 0; ; at += maxFrameData {
		piece := Frame{Kind: FrameData, From: in.To, To: in.From, Receive: in.Receive, Offset: int64(at), Bytes: in.Bytes,
			Data: data[at:min(at+maxFrameData, len(data))]}
		last := at+maxFrameData >= len(data)
		if piece.Sent = func() {}; last {
			piece.Sent = send.Complete
		}
		f.link.Send(&piece)
		if last {
			return nil
		}
	}
}

var errNotFetched = errors.New("data that no receive has asked for, or not in order")

// fill puts data into a receive, and completes it with the last of it.
func (f *Fabric) fill(in *Frame) error {
	id := in.Receive.id(in.To)
	f.outside.mu.Lock()
	to := f.outside.fetched[id]
	ok := to != nil && to.from == in.From && in.Offset == to.got && in.Bytes == to.wanted &&
		int64(len(in.Data)) <= to.wanted-to.got && (len(in.Data) > 0 || to.wanted == 0)
	if ok {
		if to.got += int64(len(in.Data)); to.got == to.wanted {
			delete(f.outside.fetched, id)
		}
	}
	f.outside.mu.Unlock()
	if !ok {
		return errNotFetched
	}
	room := to.aside
	if room == nil {
		room, _ = to.receive.Buffer.Contiguous()
	}
	copy(room[in.Offset:], in.Data)
	if in.Offset+int64(len(in.Data)) < to.wanted {
		return nil
	}
	if to.aside != nil {
		side := datatype.Whole(to.aside)
		to.receive.Buffer.CopyFrom(&side)
	}
	to.receive.Complete()
	return nil
}

// withdraw gives a message back to its sender elsewhere, or says that a receive has it.
func (e *Endpoint) withdraw(in *Frame) {
	sender := in.Send.id(in.From)
	m := e.lockSorted()
	found := m.queue.Withdraw(in.Key, func(other message) bool { return other.sender == sender })
	m.unlock()
	answer := Frame{Kind: FrameWithdrawn, From: in.To, To: in.From, Send: in.Send}
	if found {
		answer.Bytes = 1
	}
	e.fabric.link.Send(&answer)
}
