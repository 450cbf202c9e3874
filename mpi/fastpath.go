package mpi

import (
	"github.com/faasmrun/faasmrun/mpi/match"
	"github.com/faasmrun/faasmrun/mpi/transport"
)

// The fast path of MPI_Send, MPI_Isend, MPI_Recv, MPI_Irecv and MPI_Sendrecv is for small contiguous data between two
// ranks that are awake: no span, nothing posted where the message is there, and a request only where the program wants
// one. Half of a message's
// latency between two processors is the number of instructions, so it counts. Whatever is not plainly in order, from an
// invalid pointer to a message outside the inbox, takes the general path.

// inlinePiece gives the memory of a buffer if it is valid, contiguous and at most transport.InboxLimit bytes.
func (r call) inlinePiece(at uint64, count countArg, datatype typeArg) (data []byte, ok bool) {
	t, n := datatype.named(), uint64(count.of(r))
	if t == nil || !t.Contiguous() || n > transport.InboxLimit {
		return nil, false
	}
	n *= uint64(t.Size())
	mem := r.main.host.Memory()
	if n > transport.InboxLimit || at == null || at < r.lowest || at > uint64(len(mem)) || n > uint64(len(mem))-at ||
		!r.open(at, n) {
		return nil, false
	}
	return mem[at : at+n : at+n], true
}

// fast finds a communicator; nil if the handle is not a valid one.
func (v commArg) fast(r call) *comm {
	if handle := v.handle(); handle != commWorld {
		return r.comms.get(kindComm, handle)
	}
	return r.worldComm
}

// sendFast sends, or does nothing, and reports whether it has sent.
func (r call) sendFast(buf bufIn, count countArg, datatype typeArg, dest rankArg, tagged tagArg,
	comm commArg) (done bool) {
	c := comm.fast(r)
	data, ok := r.inlinePiece(buf.address(), count, datatype)
	if c == nil || !ok || r.stats != nil || r.check != nil {
		return false
	}
	peers, to, tag := c.peers().Ranks, uint32(dest.rank()), tagged.int()
	if to >= uint32(len(peers)) || tag < 0 {
		return false
	}
	return r.endpoint.SendSmall(peers[to], c.key(tag), data)
}

// fastReceive are the arguments of a receive of small data.
func (r call) fastReceive(buf bufOut, count countArg, datatype typeArg, source rankArg, tag tagArg,
	comm commArg) (c *comm, k match.Key, room []byte, ok bool) {
	c = comm.fast(r)
	if room, ok = r.inlinePiece(buf.address(), count, datatype); c == nil || !ok || r.stats != nil || r.check != nil {
		return nil, k, nil, false
	}
	k = match.Key{Context: c.context, Source: source.rank(), Tag: tag.int()}
	ok = (k.Source == anySource || uint32(k.Source) < uint32(len(c.peers().Ranks))) && (k.Tag >= 0 || k.Tag == anyTag)
	return c, k, room, ok
}

// sendAtOnce does MPI_Send, or nothing, and reports whether it is done.
func sendAtOnce(r call, s []uint64) bool {
	return r.sendFast(bufIn(s[0]), countArg(s[1]), typeArg(s[2]), rankArg(s[3]), tagArg(s[4]), commArg(s[5]))
}

// receiveAtOnce does MPI_Recv, or nothing, and reports whether it is done.
func receiveAtOnce(r call, s []uint64) bool {
	_, k, room, ok := r.fastReceive(bufOut(s[0]), countArg(s[1]), typeArg(s[2]), rankArg(s[3]), tagArg(s[4]),
		commArg(s[5]))
	if !ok {
		return false
	}
	b, ok := r.fastStatus(statusOut(s[6]))
	return ok && r.receiveNext(k, room, b)
}

// fastStatus gives the memory of a status, nil where it is to be ignored, if it is valid.
func (r call) fastStatus(status statusOut) (b []byte, ok bool) {
	if status == statusIgnore {
		return nil, true
	}
	b = r.piece(uint64(status), statusSize)
	return b, b != nil
}

// receiveNext receives the next message, if that is the one, and reports whether it was.
func (t *Thread) receiveNext(k match.Key, room, status []byte) bool {
	e := t.endpoint
	if !e.HasMail() {
		stored := e.Stored()
		posted, unexpected := e.Queued()
		if posted+unexpected > 0 || !t.spin(scopeOne, func() bool { return e.HasMail() || e.Stored() != stored }) ||
			!e.HasMail() {
			return false
		}
	}
	got, taken := e.ReceiveSmall(k, room)
	if taken {
		putStatus(status, statusOf(got))
	}
	return taken
}

// exchangeAtOnce does MPI_Sendrecv, or nothing, and reports whether it is done. What is sent is on its way before the
// other message is looked for, so that neither side waits for the other; if that does not come at once, its receive is
// kept.
func exchangeAtOnce(r call, s []uint64) bool {
	buf, count, datatype, comm := bufOut(s[5]), countArg(s[6]), typeArg(s[7]), commArg(s[10])
	c, k, room, ok := r.fastReceive(buf, count, datatype, rankArg(s[8]), tagArg(s[9]), comm)
	if !ok {
		return false
	}
	b, ok := r.fastStatus(statusOut(s[11]))
	if !ok || !r.sendFast(bufIn(s[0]), countArg(s[1]), typeArg(s[2]), rankArg(s[3]), tagArg(s[4]), comm) {
		return false
	}
	if r.receiveNext(k, room, b) {
		return true
	}
	r.keeps(nil, r.smallReceive(c, k, buf, count, datatype))
	return false
}

// smallReceive posts a receive of small data.
func (r call) smallReceive(c *comm, k match.Key, buf bufOut, count countArg, datatype typeArg) *request {
	q := r.newRequest(requestReceive, c)
	q.peer, q.tag, q.Buffer = k.Source, k.Tag, r.elements(buf.address(), count.of(r), datatype.named())
	r.receive(q)
	return q
}

// receiveSmall begins MPI_Irecv of small data, or does nothing. The request is done if the message is there.
func (r call) receiveSmall(buf bufOut, count countArg, datatype typeArg, source rankArg, tag tagArg,
	comm commArg) *request {
	c, k, room, ok := r.fastReceive(buf, count, datatype, source, tag, comm)
	if !ok {
		return nil
	}
	if r.endpoint.HasMail() {
		if got, taken := r.endpoint.ReceiveSmall(k, room); taken {
			q := r.doneRequest(requestReceive, c)
			q.peer, q.tag, q.status = k.Source, k.Tag, statusOf(got)
			return q
		}
	}
	return r.smallReceive(c, k, buf, count, datatype)
}
