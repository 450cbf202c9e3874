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
	q.done.Store(true)
	if q.freed {
		return r.letGo(q)
	}
	return nil
}

// query asks a generalized request for its status: (extra, *status).
func (r *Rank) query(g *generic) (status, *failure) {
	s := empty
	at, f := r.allocate(statusSize)
	if f != nil {
		return s, f
	}
	s.put(r.piece(at, statusSize), true)
	defer r.heap.release(at)
	f = r.ask("the request's query function", g.query, "ll", g.extra, at)
	return getStatus(r.piece(at, statusSize)), f
}

// freed says that a generalized request is gone: (extra).
func (r *Rank) freed(g *generic) *failure {
	return r.ask("the request's free function", g.free, "l", g.extra)
}

// cancelGeneric tells the program that a request is cancelled: (extra, complete).
func (r *Rank) cancelGeneric(q *request) *failure {
	var complete uint64
	if q.isDone() {
		complete = 1
	}
	return r.ask("the request's cancel function", q.generic.cancel, "li", q.generic.extra, complete)
}
