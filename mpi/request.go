package mpi

import (
	"github.com/faasmrun/faasmrun/mpi/datatype"
	"github.com/faasmrun/faasmrun/mpi/match"
	"github.com/faasmrun/faasmrun/mpi/transport"
)

// request is an operation under way: a send, a receive, or a nonblocking collective. Its owner makes and frees it;
// whoever moves the bytes completes it. Between the two the buffer belongs to MPI.
type request struct {
	transport.Operation
	owner   *Rank
	handle  uint32 // 0: internal to a blocking call
	call    uint32 // the function that made it
	origin  origin // the call site, for checking
	kind    requestKind
	comm    *comm
	peer    match.Rank // as the program gave it
	tag     int32
	mode    sendMode
	matched bool // a receive that a matched probe found its message for
	step    bool // of a collective by messages
	block   bool // the step receives a block, which may be longer than what comes
	told    bool // status and failure are those of the operation; of a receive they are not at first

	persistent bool
	active     bool       // between start and completion; always, unless persistent
	freed      bool       // by MPI_Request_free while active: it goes when it completes
	part       *part      // of a persistent collective
	instances  *instances // of a persistent collective: each may be started in another order
	starts     uint64     // of a persistent one; of any other collective, its number on the communicator
	scheduled  *scheduled // of a collective by messages that is under way
	child      *comm      // of MPI_Comm_idup
	answer     *answer    // what child will be
	send       *request   // the other half of MPI_Isendrecv
	area       uint64     // of a buffered send, in the attached buffer
	attached   *attached  // that of a buffered send, or of a flush
	generic    *generic   // of a generalized request

	status  status
	failure *failure
}

type requestKind uint8

const (
	requestSend requestKind = iota + 1
	requestReceive
	requestCollective
	requestGeneric
	requestFlush
)

// requests are a rank's requests. Finished ones are used again.
type requests struct {
	table   table[request]
	idle    []*request
	orphans []*request   // freed or buffered sends that are not complete
	reapAt  int          // orphans from which on it is looked which of them are
	live    []*request   // of collectives by messages that are under way
	scratch []byte       // memory that one of them has had
	plans   []*scheduled // what others have had
}

// newRequest makes a request that is not done.
func (t *Thread) newRequest(kind requestKind, c *comm) *request {
	q := t.takeRequest(kind, c)
	q.Begin()
	return q
}

// doneRequest makes a request that is done.
func (t *Thread) doneRequest(kind requestKind, c *comm) *request {
	q := t.takeRequest(kind, c)
	q.End()
	return q
}

// takeRequest takes a request from the idle ones.
func (t *Thread) takeRequest(kind requestKind, c *comm) *request {
	var q *request
	if n := len(t.requests.idle); n > 0 {
		q = t.requests.idle[n-1]
		t.requests.idle = t.requests.idle[:n-1]
	} else {
		q = &request{owner: t.Rank}
		t.endpoint.Register(&q.Operation)
	}
	q.kind, q.comm, q.call, q.active, q.told = kind, c, t.call.Load(), true, true
	q.status, q.failure = empty, nil
	if t.check != nil {
		q.origin = t.here()
	}
	return q
}

// release gives a completed request back.
func (r *Rank) release(q *request) {
	if q.handle != 0 {
		r.requests.table.remove(q.handle)
		q.handle = 0
	}
	if q.persistent || q.part != nil || q.child != nil || q.answer != nil || q.generic != nil || q.area != 0 {
		if q.instances != nil && q.instances.name != "" {
			r.world.releaseNamed(q.instances)
		}
		q.instances, q.starts = nil, 0
		q.persistent, q.part, q.child, q.answer, q.generic, q.area = false, nil, nil, nil, nil, 0
	}
	if q.Note != nil {
		q.Note = nil
	}
	q.attached = nil
	if q.step {
		q.step, q.block, q.Shared = false, false, false
	}
	q.comm, q.Buffer, q.freed, q.matched, q.Serial = nil, datatype.Span{}, false, false, 0
	r.requests.idle = append(r.requests.idle, q)
}

// isDone reports whether the request, and what belongs to it, is complete.
func (t *Thread) isDone(q *request) bool {
	if q.kind == requestCollective && !q.Done() {
		t.takeDeferred(q)
	}
	if !q.Done() {
		return false
	}
	q.settle()
	return (q.send == nil || q.send.Done()) && (q.kind != requestFlush || q.flushed())
}

// settle takes the outcome of a request that is done from its operation: of a receive the message that it took. What
// does not fit in the buffer was not delivered.
func (q *request) settle() {
	if q.told {
		if q.Note != nil {
			q.conclude()
		}
		return
	}
	q.told = true
	q.status = status{source: q.Source, tag: q.Tag, bytes: q.Bytes}
	if room := q.Buffer.Bytes(); q.Bytes > room {
		q.status.class, q.status.bytes = errTruncate, room
		q.failure = q.comm.failf(errTruncate,
			"a message of %d bytes from rank %d, tag %d, does not fit in a buffer of %d bytes", q.Bytes, q.Source, q.Tag, room)
	}
	if p, ok := q.Note.(*parcel); ok {
		q.owner.world.received(q, p)
	}
}

// await waits for a request. Another thread of the rank may take its outcome meanwhile, which no program is allowed to
// do; then it has another handle afterwards, or none.
func (t *Thread) await(q *request) {
	if t.isDone(q) {
		return
	}
	handle := q.handle
	t.waitOn(q.subject(), scopeOne, func() { t.note(q.waitState()) },
		func() bool { q.Help(); return q.handle != handle || t.isDone(q) })
}

// reference names the request to others; nil is none.
func (q *request) reference() transport.ID {
	if q == nil {
		return transport.ID{}
	}
	return q.ID()
}

// subject is what a thread waits for that waits for the request.
func (q *request) subject() any {
	if q.send != nil || q.kind == requestFlush { // for several operations
		return nil
	}
	return &q.Operation
}

func (q *request) waitState() waitState {
	w := waitState{made: q.call, peer: q.peer, tag: q.tag, comm: q.comm}
	switch q.kind {
	case requestSend:
		w.what = waitSend
	case requestReceive:
		w.what = waitReceive
	case requestCollective:
		w.what = waitCollective
	case requestGeneric:
		w.what = waitProgram
	}
	return w
}

// finish takes the outcome of a completed request. It frees the request, or if it is persistent makes it inactive.
func (t *Thread) finish(q *request) (status, *failure) {
	q.settle()
	s, f := q.status, q.failure
	if t.stats != nil && q.kind == requestReceive {
		t.stats.moved(q.call, 0, s.bytes)
	}
	if q.child != nil && f == nil {
		if f = t.concluded(q.comm, q.answer); f == nil {
			t.setUp(q.child, q.answer)
		}
	}
	if g := q.generic; g != nil { // released first: its functions may call MPI, and must not find it
		t.release(q)
		if s, f = t.query(g); f == nil {
			return s, t.freed(g)
		}
		_ = t.freed(g)
		return s, f
	}
	if q.send != nil {
		t.release(q.send)
		q.send = nil
	}
	if q.persistent {
		q.active = false
		return s, f
	}
	t.release(q)
	return s, f
}

// isPlain reports whether the request is a send or a receive and nothing else.
func (q *request) isPlain() bool {
	return q.kind <= requestReceive && !q.persistent && q.send == nil && q.Note == nil
}

// finishPlain is finish of a plain request whose outcome nobody asks for.
func (t *Thread) finishPlain(q *request) {
	q.settle()
	if t.stats != nil && q.kind == requestReceive {
		t.stats.moved(q.call, 0, q.status.bytes)
	}
	t.requests.table.remove(q.handle)
	q.handle, q.comm, q.freed, q.matched, q.Serial = 0, nil, false, false, 0
	t.requests.idle = append(t.requests.idle, q)
}

// expose gives a request a handle.
func (r call) expose(out requestOut, q *request) *failure {
	handle, ok := r.requests.table.add(kindRequest, q)
	if !ok {
		return failf(errNoMem, "more than %d requests", maxObjects)
	}
	q.handle = handle
	return out.put(r, "request", q.handle)
}

// request finds a request by its handle; nil is MPI_REQUEST_NULL.
func (r *Rank) request(handle uint32) (*request, *failure) {
	if handle == requestNull {
		return nil, nil
	}
	if q := r.requests.table.get(kindRequest, handle); q != nil {
		return q, nil
	}
	return nil, failf(errRequest, "%#x is no request, or was completed", handle)
}

// requestAt finds the request that an argument points at.
func (r call) requestAt(p requestRef) (*request, *failure) {
	handle, f := p.get(r, "request")
	if f != nil {
		return nil, f
	}
	return r.request(handle)
}

// poll reports whether a request is done. A program that polls lets other ranks run: with more ranks than processors
// the one it waits for may need this one's.
func (t *Thread) poll(q *request) bool {
	if t.isDone(q) {
		return true
	}
	handle := q.handle
	t.yield()
	return q.handle == handle && t.isDone(q)
}

// keepOrphan keeps a request that the program has let go until it completes. Each time there are twice as many as were
// left before, those that are complete go.
func (t *Thread) keepOrphan(q *request) {
	if len(t.requests.orphans) >= t.requests.reapAt {
		t.reap()
		t.requests.reapAt = max(2*len(t.requests.orphans), leastOrphans)
	}
	t.requests.orphans = append(t.requests.orphans, q)
}

// leastOrphans are too few to look through.
const leastOrphans = 16

// reap lets go of orphans that are complete. Looking may call a function of the program, which may let go of more.
func (t *Thread) reap() {
	for i := 0; i < len(t.requests.orphans); {
		q := t.requests.orphans[i]
		if !t.isDone(q) {
			i++
			continue
		}
		last := len(t.requests.orphans) - 1
		t.requests.orphans[i], t.requests.orphans[last] = t.requests.orphans[last], nil
		t.requests.orphans = t.requests.orphans[:last]
		if q.area != 0 {
			q.attached.heap.release(q.area)
		}
		q.persistent = false
		t.finish(q)
	}
}

// MPI_Request_free(*request): a request under way completes on its own.
func requestFree(r call, request requestRef) *failure {
	q, f := r.requestAt(request)
	if f != nil {
		return f
	}
	if q == nil {
		return failf(errRequest, "the request is MPI_REQUEST_NULL")
	}
	var failed *failure
	if q.generic != nil && !r.isDone(q) {
		q.freed = true
	} else if q.active && !r.isDone(q) {
		r.requests.table.remove(q.handle)
		q.handle = 0
		r.keepOrphan(q)
	} else {
		failed = r.letGo(q)
	}
	if f := request.put(r, "request", requestNull); f != nil {
		return f
	}
	return failed
}

// letGo frees a request that is inactive or complete. Its outcome is nobody's concern any more; only a generalized one
// has a function that says how that went.
func (t *Thread) letGo(q *request) *failure {
	g := q.generic
	q.persistent, q.generic = false, nil
	_, _ = t.finish(q)
	if g != nil {
		return t.freed(g)
	}
	return nil
}

// MPI_Request_get_status(request, *flag, *status): MPI_Test that frees nothing.
func requestGetStatus(r call, request requestArg, flag flagOut, status statusOut) *failure {
	q, f := request.of(r)
	if f != nil {
		return f
	}
	b, f := status.at(r)
	if f != nil {
		return f
	}
	if q == nil || !q.active {
		putStatus(b, empty)
		return flag.put(r, "flag", true)
	}
	if !r.poll(q) {
		return flag.put(r, "flag", false)
	}
	s, failed := r.outcome(q)
	putStatus(b, s)
	if f := flag.put(r, "flag", true); f != nil {
		return f
	}
	return failed
}

// outcome is the status of a completed request that stays. A generalized one is asked anew each time, and may be gone
// when its function comes back.
func (t *Thread) outcome(q *request) (status, *failure) {
	if q.generic != nil {
		return t.query(q.generic)
	}
	return q.status, nil
}
