package mpi

import (
	"sync/atomic"

	"github.com/faasmrun/faasmrun/mpi/match"
)

// request is an operation under way: a send, a receive, or a nonblocking collective. Its owner makes and frees it;
// whoever moves the bytes completes it. Between the two the buffer belongs to MPI.
type request struct {
	owner   *Rank
	handle  uint32 // 0: internal to a blocking call
	call    uint32 // the function that made it
	kind    requestKind
	comm    *comm
	peer    int32 // as the program gave it
	tag     int32
	buffer  span
	posted  match.ID // of a receive in the queue
	meeting *meeting // of a collective

	// done is set last, by whoever completes the request, who must not touch it afterwards: the owner may use it again at
	// once. The fields below are written before.
	done    atomic.Bool
	status  status
	failure *failure
}

type requestKind uint8

const (
	requestSend requestKind = iota + 1
	requestReceive
	requestCollective
)

// requests are a rank's requests. Finished ones are used again.
type requests struct {
	table table[request]
	idle  []*request
}

// newRequest takes a request from the idle ones.
func (r *Rank) newRequest(kind requestKind, c *comm) *request {
	var q *request
	if n := len(r.requests.idle); n > 0 {
		q = r.requests.idle[n-1]
		r.requests.idle = r.requests.idle[:n-1]
	} else {
		q = &request{owner: r}
	}
	q.kind, q.comm, q.call = kind, c, r.call.Load()
	q.status, q.failure = empty, nil
	q.done.Store(false)
	return q
}

// release gives a completed request back.
func (r *Rank) release(q *request) {
	if q.handle != 0 {
		r.requests.table.remove(q.handle)
		q.handle = 0
	}
	q.comm, q.buffer, q.meeting = nil, span{}, nil
	r.requests.idle = append(r.requests.idle, q)
}

// complete ends a request and wakes its owner. The request is the owner's again once done is set.
func (q *request) complete() {
	owner := q.owner
	q.done.Store(true)
	owner.wake()
}

// await waits for a request.
func (r *Rank) await(q *request) {
	if q.done.Load() {
		return
	}
	r.note(q.where())
	r.waitRequest(q)
}

func (r *Rank) waitRequest(q *request) {
	r.wait(func() bool { return q.done.Load() })
}

func (q *request) where() where {
	w := where{made: q.call, peer: q.peer, tag: q.tag, comm: q.comm.name}
	switch q.kind {
	case requestSend:
		w.what = waitSend
	case requestReceive:
		w.what = waitReceive
	case requestCollective:
		w.what = waitCollective
	}
	return w
}

// finish takes the outcome of a completed request and frees it.
func (r *Rank) finish(q *request) (status, *failure) {
	s, f := q.status, q.failure
	r.release(q)
	return s, f
}

// expose gives a request a handle, written where the argument points.
func (a args) expose(i int, q *request) *failure {
	if q.handle == 0 {
		handle, ok := a.r.requests.table.add(kindRequest, q)
		if !ok {
			return failf(errNoMem, "more than %d requests", maxObjects)
		}
		q.handle = handle
	}
	return a.putHandle(i, "request", q.handle)
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

// MPI_Wait(*request, *status)
func wait(r *Rank, a args) *failure {
	handle, f := a.getHandle(0, "request")
	if f != nil {
		return f
	}
	b, f := a.statuses(1, 1)
	if f != nil {
		return f
	}
	q, f := r.request(handle)
	if f != nil {
		return f
	}
	if q == nil {
		putStatus(b, empty)
		return nil
	}
	r.await(q)
	return a.finishInto(0, q, b)
}

// finishInto frees a completed request, makes its handle null and writes its status.
func (a args) finishInto(handleArg int, q *request, b []byte) *failure {
	s, failed := a.r.finish(q)
	putStatus(b, s)
	if f := a.putHandle(handleArg, "request", requestNull); f != nil {
		return f
	}
	return failed
}

// MPI_Test(*request, *flag, *status)
func test(r *Rank, a args) *failure {
	handle, f := a.getHandle(0, "request")
	if f != nil {
		return f
	}
	b, f := a.statuses(2, 1)
	if f != nil {
		return f
	}
	q, f := r.request(handle)
	if f != nil {
		return f
	}
	if q == nil {
		putStatus(b, empty)
		return a.putFlag(1, "flag", true)
	}
	if !r.poll(q) {
		return a.putFlag(1, "flag", false)
	}
	if f := a.putFlag(1, "flag", true); f != nil {
		return f
	}
	return a.finishInto(0, q, b)
}

// poll tells whether a request is done. A program that polls lets other ranks run: with more ranks than processors the
// one it waits for may need this one's.
func (r *Rank) poll(q *request) bool {
	if q.done.Load() {
		return true
	}
	r.yield()
	return q.done.Load()
}

// MPI_Waitall(count, requests[], statuses[])
func waitall(r *Rank, a args) *failure {
	n := int64(a.int(0))
	if n < 0 {
		return failf(errCount, "invalid count %d", n)
	}
	handles, f := a.handles(1, n)
	if f != nil {
		return f
	}
	b, f := a.statuses(2, n)
	if f != nil {
		return f
	}
	for i := range n {
		q, f := r.request(handles.get(i))
		if f != nil {
			return f
		}
		if q != nil {
			r.await(q)
		}
	}
	return r.finishAll(handles, b, n)
}

// finishAll frees n completed requests. If one failed, MPI_ERR_IN_STATUS is returned and each status has its class.
func (r *Rank) finishAll(handles handleArray, b []byte, n int64) *failure {
	var failed *failure
	anyFailed := false
	for i := range n {
		if q, _ := r.request(handles.get(i)); q != nil && q.failure != nil {
			anyFailed = true
		}
	}
	for i := range n {
		s := empty
		if q, f := r.request(handles.get(i)); f == nil && q != nil {
			var one *failure
			s, one = r.finish(q)
			handles.set(i, requestNull)
			if one != nil {
				failed, s.class = one, one.class
			}
		}
		if b != nil {
			s.put(b[i*statusSize:], anyFailed)
		}
	}
	if failed == nil {
		return nil
	}
	return &failure{class: errInStatus, reason: failed.reason + " (" + className(failed.class) + ")", comm: failed.comm}
}
