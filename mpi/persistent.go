package mpi

import (
	"fmt"

	"github.com/faasmrun/faasmrun/mpi/datatype"
	"github.com/faasmrun/faasmrun/mpi/transport"
)

// Persistent requests keep the arguments of a communication, which MPI_Start begins anew each time.

// sendInit makes MPI_Send_init and its like.
func sendInit(mode sendMode) func(call, bufIn, countArg, typeArg, rankArg, tagArg, commArg, requestOut) *failure {
	return func(r call, buf bufIn, count countArg, datatype typeArg, dest rankArg, tag tagArg, comm commArg,
		request requestOut) *failure {
		if f := request.room(r, "request"); f != nil {
			return f
		}
		c, f := comm.of(r)
		if f != nil {
			return f
		}
		s, f := r.destination(buf.address(), count, datatype, dest, tag, c)
		if f != nil {
			return f
		}
		q := r.newRequest(requestSend, c)
		q.peer, q.tag, q.mode, q.Buffer = dest.rank(), tag.int(), mode, s
		return r.keep(request, q)
	}
}

// keep makes a new request persistent and inactive.
func (r call) keep(out requestOut, q *request) *failure {
	q.persistent, q.active = true, false
	q.End()
	return r.expose(out, q)
}

// MPI_Recv_init (MPI 5.0, chapter 3.9)
func recvInit(r call, buf bufOut, count countArg, datatype typeArg, source rankArg, tag tagArg, comm commArg,
	request requestOut) *failure {
	if f := request.room(r, "request"); f != nil {
		return f
	}
	c, f := comm.of(r)
	if f != nil {
		return f
	}
	if f := c.checkSource(source.rank(), tag.int()); f != nil {
		return f
	}
	s, f := r.spanAt(buf.address(), count, datatype)
	if f != nil {
		return f.on(c)
	}
	q := r.newRequest(requestReceive, c)
	q.peer, q.tag, q.Buffer = source.rank(), tag.int(), s
	return r.keep(request, q)
}

// collectiveInit makes the persistent form of a collective, with an info and a request behind the communicator. Ranks
// make their persistent collectives in the same order, but may start them in any (MPI 5.0, chapter 6.13).
func collectiveInit(kind collective) function {
	d := collectives[kind].describe
	n := len(d.kinds)
	return function{kinds: d.with(kindOf[commArg](), kindOf[infoArg](), kindOf[requestOut]()), call: func(r call,
		s []uint64) *failure {
		return r.makePersistent(kind, s[:n], commArg(s[n]), infoArg(s[n+1]), requestOut(s[n+2]))
	}}
}

func (r call) makePersistent(kind collective, arguments []uint64, comm commArg, info infoArg,
	request requestOut) *failure {
	if _, f := info.of(r); f != nil {
		return f
	}
	if f := request.room(r, "request"); f != nil {
		return f
	}
	c, p, f := r.part(kind, arguments, comm)
	if f != nil {
		return f
	}
	q := r.newRequest(requestCollective, c)
	q.part, q.starts = p.copy(), 0
	if c.byMessages {
		c.persistent++
		q.tag = int32(tagPersistent | c.persistent&tagNumbers)
		return r.keep(request, q)
	}
	if c.instances.size == 1 { // MPI_COMM_SELF has the same context in all ranks
		q.instances = newInstances(1)
		return r.keep(request, q)
	}
	c.persistent++
	q.instances = r.world.namedInstances(fmt.Sprintf("persistent %d %d", c.context, c.persistent), c.instances.size)
	return r.keep(request, q)
}

// copy is a part with arrays of its own, that was brought to nothing.
func (p *part) copy() *part {
	q := *p
	q.comm, q.request = commMember{}, transport.ID{}
	q.send, q.recv = p.send.copy(), p.recv.copy()
	return &q
}

// become makes the part a copy of another one, which was brought to nothing, with the arrays it has.
func (p *part) become(other *part) {
	send, recv := p.send, p.recv
	*p = *other
	p.comm, p.request = commMember{}, transport.ID{}
	p.send, p.recv = send.filled(&other.send), recv.filled(&other.recv)
}

// filled is a copy of other blocks, in the arrays of these.
func (b blocks) filled(other *blocks) blocks {
	return blocks{other.span, other.number, append(b.counts[:0], other.counts...), append(b.displs[:0], other.displs...),
		append(b.types[:0], other.types...)}
}

func (b blocks) copy() blocks {
	if len(b.counts) > 0 {
		b.counts = append([]int64{}, b.counts...)
		b.displs = append([]int64{}, b.displs...)
	}
	b.types = append([]*datatype.Type(nil), b.types...)
	return b
}

// MPI_Start(*request)
func start(r call, request requestRef) *failure {
	q, f := r.requestAt(request)
	if f != nil {
		return f
	}
	return r.start(q)
}

func (t *Thread) start(q *request) *failure {
	if q == nil || !q.persistent {
		return failf(errRequest, "the request is not persistent")
	}
	if q.active {
		return failf(errRequest, "the request is active already").on(q.comm)
	}
	q.active, q.status, q.failure = true, empty, nil
	q.Begin()
	if t.check != nil && q.kind != requestCollective {
		if q.kind == requestSend {
			q.Note = t.check.parcel(t.here(), &q.Buffer)
		}
		t.check.shares(t.here(), q)
	}
	switch q.kind {
	case requestSend:
		return t.send(q, q.mode)
	case requestReceive:
		t.receive(q)
		return nil
	}
	if q.instances == nil {
		return t.startPlan(q.part, q)
	}
	p := &t.draft
	*p = *q.part.copy()
	return t.startAt(&q.starts, q.instances, q.comm, q.comm.member, p, q)
}

// MPI_Startall(count, requests[])
func startall(r call, count countArg, requests requestsRef) *failure {
	n := count.of(r)
	if n < 0 {
		return failf(errCount, "invalid count %d", n)
	}
	handles, f := requests.handles(r, n)
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
