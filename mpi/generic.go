package mpi

// generic is a generalized request: the program completes it, and gives its status by callbacks.
type generic struct {
	query, free, cancel uint32 // table indices
	extra               uint64
}

// MPI_Grequest_start(query, free, cancel, extra, *request)
func grequestStart(r call, query, free, cancel funcArg, extra wordArg, request requestOut) *failure {
	if f := request.room(r, "request"); f != nil {
		return f
	}
	q := r.newRequest(requestGeneric, r.worldComm)
	q.generic = &generic{query.index(), free.index(), cancel.index(), extra.word()}
	return r.expose(request, q)
}

// MPI_Grequest_complete(request)
func grequestComplete(r call, request requestArg) *failure {
	q, f := request.of(r)
	if f != nil {
		return f
	}
	if q == nil || q.generic == nil {
		return failf(errRequest, "the request is not a generalized one")
	}
	q.Complete() // another thread may wait for it
	if q.freed {
		return r.letGo(q)
	}
	return nil
}

// query asks a generalized request for its status: (extra, *status).
func (t *Thread) query(g *generic) (status, *failure) {
	s := empty
	at, f := t.allocate(statusSize)
	if f != nil {
		return s, f
	}
	s.put(t.piece(at, statusSize), true)
	defer t.heap.release(at)
	f = t.ask("the request's query function", g.query, "ll", g.extra, at)
	return getStatus(t.piece(at, statusSize)), f
}

// freed says that a generalized request is gone: (extra).
func (t *Thread) freed(g *generic) *failure {
	return t.ask("the request's free function", g.free, "l", g.extra)
}

// cancelGeneric tells the program that a request is cancelled: (extra, complete).
func (t *Thread) cancelGeneric(q *request) *failure {
	var complete uint64
	if t.isDone(q) {
		complete = 1
	}
	return t.ask("the request's cancel function", q.generic.cancel, "li", q.generic.extra, complete)
}
