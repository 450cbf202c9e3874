package mpi

import "github.com/faasmrun/faasmrun/mpi/match"

// The fast path of MPI_Send, MPI_Isend, MPI_Recv and MPI_Irecv is for small contiguous data between two ranks that are
// awake: no span, nothing posted, and a request only where the program wants one, which is done. Half of a message's
// latency between two processors is the number of instructions, so it counts. Whatever is not plainly in order, from an
// invalid pointer to a message outside the inbox, takes the general path.

// inlinePiece gives the memory of (address, count, datatype) if it is valid, contiguous and at most inboxLimit bytes.
func (a args) inlinePiece(address, count, datatype int) (data []byte, ok bool) {
	i, n := a.handle(datatype)-firstDatatype, uint64(a.count(count))
	if i >= uint32(len(named)) || named[i] == nil || !named[i].contiguous || n > inboxLimit {
		return nil, false
	}
	n *= uint64(named[i].size)
	mem, at := a.r.host.Memory(), uint64(a.address(address))
	if n > inboxLimit || at == null || at > uint64(len(mem)) || n > uint64(len(mem))-at {
		return nil, false
	}
	return mem[at : at+n : at+n], true
}

// fastComm finds a communicator; nil if the handle is not a valid one.
func (a args) fastComm(i int) *comm {
	if handle := a.handle(i); handle != commWorld {
		return a.r.comms.get(kindComm, handle)
	}
	return a.r.worldComm
}

// sendFast sends (buf, count, datatype, dest, tag, comm), or does nothing.
func (a args) sendFast() (done bool) {
	r, c := a.r, a.fastComm(5)
	data, ok := a.inlinePiece(0, 1, 2)
	if c == nil || !ok || r.stats != nil || r.check != nil {
		return false
	}
	peers, to, tag := c.peers().ranks, uint32(a.int(3)), a.int(4)
	if to >= uint32(len(peers)) || tag < 0 {
		return false
	}
	d := r.world.ranks[peers[to]]
	if d.parked.Load() != 0 {
		return false
	}
	var eager *eagerBuffer
	if len(data) > inlineBytes {
		if eager = r.eager.get(int64(len(data))); eager == nil {
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
	r.serial++
	p.fill(number, match.Key{Context: c.context, Source: c.rank, Tag: tag}, int64(len(data)), r.serial, eager)
	r.world.count(r.rank, d.rank, int64(len(data)))
	d.sortIfParked()
	return true
}

// fastReceive are the arguments of a receive of small data: (buf, count, datatype, source, tag, comm).
func (a args) fastReceive() (c *comm, k match.Key, room []byte, ok bool) {
	c = a.fastComm(5)
	if room, ok = a.inlinePiece(0, 1, 2); c == nil || !ok || a.r.stats != nil || a.r.check != nil {
		return nil, k, nil, false
	}
	k = match.Key{Context: c.context, Source: a.rank(3), Tag: a.int(4)}
	ok = (k.Source == anySource || uint32(k.Source) < uint32(len(c.peers().ranks))) && (k.Tag >= 0 || k.Tag == anyTag)
	return c, k, room, ok
}

// receiveFast does MPI_Recv(buf, count, datatype, source, tag, comm, *status), or nothing.
func (a args) receiveFast() (done bool) {
	r := a.r
	_, k, room, ok := a.fastReceive()
	if !ok {
		return false
	}
	var b []byte
	if at := a.address(6); at != statusIgnore {
		if b = r.piece(at, statusSize); b == nil {
			return false
		}
	}
	if !r.hasMail() {
		stored := r.stored.Load()
		posted, unexpected := r.queueLen()
		if posted+unexpected > 0 || !r.spin(scopeOne, func() bool { return r.hasMail() || r.stored.Load() != stored }) ||
			!r.hasMail() {
			return false
		}
	}
	s, taken := r.takeFast(k, room)
	if taken {
		putStatus(b, s)
	}
	return taken
}

// receiveReady gives a request that is done, of MPI_Irecv(buf, count, datatype, source, tag, comm, *request), if the
// message is there; else nil.
func (a args) receiveReady() *request {
	r := a.r
	if !r.hasMail() {
		return nil
	}
	c, k, room, ok := a.fastReceive()
	if !ok {
		return nil
	}
	s, taken := r.takeFast(k, room)
	if !taken {
		return nil
	}
	q := r.doneRequest(requestReceive, c)
	q.peer, q.tag, q.status = k.Source, k.Tag, s
	return q
}

// takeFast copies the message in the inbox's first cell into memory, if nothing else may claim it: no other receive may
// be posted that it could match, and no other message may wait that the receive would match first.
func (r *Rank) takeFast(k match.Key, room []byte) (s status, taken bool) {
	r.mailMu.Lock()
	posted, unexpected := r.queue.Len()
	p := r.inbox.at(r.inbox.head.Load())
	if !r.hasMail() || posted+unexpected > 0 || !k.Accepts(p.key()) || p.bytes > int64(len(room)) {
		r.mailMu.Unlock()
		return s, false
	}
	s = status{source: p.source, tag: p.tag, bytes: p.bytes}
	eager := p.eager
	if eager == nil {
		copy(room, p.inline[:p.bytes])
	}
	r.inbox.advance()
	r.mailMu.Unlock()
	if eager != nil {
		copy(room, eager.data[:s.bytes])
		eager.giveBack()
	}
	return s, true
}
