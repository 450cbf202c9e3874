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
	if n > transport.InboxLimit || at == null || at < r.lowest || at > uint64(len(mem)) || n > uint64(len(mem))-at {
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

// receiveFast does MPI_Recv, or nothing, and reports whether it has received.
func (r call) receiveFast(buf bufOut, count countArg, datatype typeArg, source rankArg, tag tagArg, comm commArg,
	status statusOut) (done bool) {
	_, k, room, ok := r.fastReceive(buf, count, datatype, source, tag, comm)
	if !ok {
		return false
	}
	var b []byte
	if status != statusIgnore {
		if b = r.piece(uint64(status), statusSize); b == nil {
			return false
		}
	}
	return r.receiveNext(k, room, b)
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

// exchangeFast does MPI_Sendrecv, or nothing, and reports whether it is done. What is sent is on its way before the
// other message is looked for, so that neither side waits for the other; if that does not come at once, its receive is
// kept.
func (r call) exchangeFast(sendbuf bufIn, sendcount countArg, sendtype typeArg, dest rankArg, sendtag tagArg,
	recvbuf bufOut, recvcount countArg, recvtype typeArg, source rankArg, recvtag tagArg, comm commArg,
	status []byte) (done bool) {
	c, k, room, ok := r.fastReceive(recvbuf, recvcount, recvtype, source, recvtag, comm)
	if !ok || !r.sendFast(sendbuf, sendcount, sendtype, dest, sendtag, comm) {
		return false
	}
	if r.receiveNext(k, room, status) {
		return true
	}
	r.keeps(nil, r.smallReceive(c, k, recvbuf, recvcount, recvtype))
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
