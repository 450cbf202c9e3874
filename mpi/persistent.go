package mpi

import "fmt"

// Persistent requests keep the arguments of a communication, which MPI_Start begins anew each time.

// sendInit makes MPI_Send_init and its like: (buf, count, datatype, dest, tag, comm, *request).
func sendInit(mode sendMode) func(*Rank, args) *failure {
	return func(r *Rank, a args) *failure {
		if f := a.roomForWord(6, "request"); f != nil {
			return f
		}
		c, f := a.comm(5)
		if f != nil {
			return f
		}
		s, f := a.destination(0, 1, 2, 3, 4, c)
		if f != nil {
			return f
		}
		q := r.newRequest(requestSend, c)
		q.peer, q.tag, q.mode, q.buffer = a.rank(3), a.int(4), mode, s
		return a.keep(6, q)
	}
}

// keep makes a new request persistent and inactive.
func (a args) keep(out int, q *request) *failure {
	q.persistent, q.active = true, false
	q.done.Store(true)
	return a.expose(out, q)
}

// MPI_Recv_init(buf, count, datatype, source, tag, comm, *request)
func recvInit(r *Rank, a args) *failure {
	if f := a.roomForWord(6, "request"); f != nil {
		return f
	}
	c, f := a.comm(5)
	if f != nil {
		return f
	}
	if f := c.checkSource(a.rank(3), a.int(4)); f != nil {
		return f
	}
	s, f := a.span(0, 1, 2)
	if f != nil {
		return f.on(c)
	}
	q := r.newRequest(requestReceive, c)
	q.peer, q.tag, q.buffer = a.rank(3), a.int(4), s
	return a.keep(6, q)
}

// collectiveInit makes the persistent form of a collective, with an info and a request behind the communicator. Ranks
// make their persistent collectives in the same order, but may start them in any (MPI 5.0, chapter 6.13).
func collectiveInit(kind collective) func(*Rank, args) *failure {
	comm := kind.commArg()
	return func(r *Rank, a args) *failure {
		if _, f := r.info(a.handle(comm + 1)); f != nil {
			return f
		}
		if f := a.roomForWord(comm+2, "request"); f != nil {
			return f
		}
		c, p, f := a.part(kind, comm)
		if f != nil {
			return f
		}
		q := r.newRequest(requestCollective, c)
		q.part = p.copy()
		if c.instances.size == 1 { // MPI_COMM_SELF has the same context in all ranks
			q.instances = newInstances(1)
			return a.keep(comm+2, q)
		}
		c.persistent++
		q.instances = r.world.namedInstances(fmt.Sprintf("persistent %d %d", c.context, c.persistent), c.instances.size)
		return a.keep(comm+2, q)
	}
}

// copy is a part with arrays of its own.
func (p *part) copy() *part {
	q := *p
	q.send, q.recv = p.send.copy(), p.recv.copy()
	return &q
}

func (b blocks) copy() blocks {
	if len(b.counts) > 0 {
		b.counts = append([]int64{}, b.counts...)
		b.displs = append([]int64{}, b.displs...)
	}
	b.types = append([]*datatype(nil), b.types...)
	return b
}

// MPI_Start(*request)
func start(r *Rank, a args) *failure {
	q, f := a.requestAt(0)
	if f != nil {
		return f
	}
	return r.start(q)
}

func (r *Rank) start(q *request) *failure {
	if q == nil || !q.persistent {
		return failf(errRequest, "the request is not persistent")
	}
	if q.active {
		return failf(errRequest, "the request is active already").on(q.comm)
	}
	q.active, q.status, q.failure = true, empty, nil
	q.done.Store(false)
	if r.check != nil && q.kind != requestCollective {
		if q.kind == requestSend {
			q.parcel = r.check.parcel(&q.buffer)
		}
		r.check.shares(q)
	}
	switch q.kind {
	case requestSend:
		return r.send(q, q.mode)
	case requestReceive:
		r.receivePosted(q)
		return nil
	}
	p := &r.draft
	*p = *q.part.copy()
	return r.enterAt(&q.starts, q.instances, q.comm, q.comm.member, p, q)
}

// MPI_Startall(count, requests[])
func startall(r *Rank, a args) *failure {
	n := int64(a.int(0))
	if n < 0 {
		return failf(errCount, "invalid count %d", n)
	}
	handles, f := a.handles(1, n)
	if f != nil {
		return f
	}
	for i := range n {
		q, f := r.request(handles.get(i))
		if f != nil {
			return f
		}
		if f := r.start(q); f != nil {
			return f
		}
	}
	return nil
}
