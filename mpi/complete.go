package mpi

import "encoding/binary"

// The functions that complete requests: wait and test for one, all, any and some.

// list are the requests of an array argument.
type list struct {
	t       *Thread
	handles handleArray
	n       int64
}

func (p requestsRef) list(r call, count countArg) (list, *failure) {
	n := count.of(r)
	if n < 0 {
		return list{}, failf(errCount, "invalid count %d", n)
	}
	handles, f := p.handles(r, n)
	return list{r.Thread, handles, n}, f
}

// at gives request i if there is something to wait for: not null, and active.
func (l list) at(i int64) (*request, *failure) {
	q, f := l.t.request(l.handles.get(i))
	if q != nil && !q.active {
		q = nil
	}
	return q, f
}

// check looks at every handle before anything is completed.
func (l list) check() (active int, f *failure) {
	for i := range l.n {
		q, f := l.at(i)
		if f != nil {
			return 0, f
		}
		if q != nil {
			active++
		}
	}
	return active, nil
}

// finish completes request i; its handle becomes null unless it is persistent.
func (l list) finish(i int64, q *request) (status, *failure) {
	keep := q.persistent
	s, f := l.t.finish(q)
	if !keep {
		l.handles.set(i, requestNull)
	}
	return s, f
}

// done gives the first request that is done, from an index on.
func (l list) done(from int64) (int64, *request) {
	for i := from; i < l.n; i++ {
		if q, _ := l.at(i); q != nil && l.t.isDone(q) {
			return i, q
		}
	}
	return -1, nil
}

// await parks until one request is done.
func (l list) await() (int64, *request) {
	i, q := l.done(0)
	if q == nil {
		l.t.wait(scopeOne, func() { l.t.noteAny(l) }, func() bool { i, q = l.done(0); return q != nil })
	}
	return i, q
}

// MPI_Wait(*request, *status)
func wait(r call, request requestRef, status statusOut) *failure {
	b, f := status.at(r)
	if f != nil {
		return f
	}
	q, f := r.requestAt(request)
	if f != nil {
		return f
	}
	if q == nil || !q.active {
		putStatus(b, empty)
		return nil
	}
	handle := q.handle
	r.await(q)
	if q.handle != handle {
		return failf(errRequest, "%#x was completed by another thread meanwhile", handle)
	}
	return r.finishInto(request, q, b)
}

// finishInto completes a request, makes its handle null and writes its status.
func (r call) finishInto(at requestRef, q *request, b []byte) *failure {
	keep := q.persistent
	s, failed := r.finish(q)
	putStatus(b, s)
	if !keep {
		if f := at.put(r, "request", requestNull); f != nil {
			return f
		}
	}
	return failed
}

// MPI_Test(*request, *flag, *status)
func test(r call, request requestRef, flag flagOut, status statusOut) *failure {
	b, f := status.at(r)
	if f != nil {
		return f
	}
	q, f := r.requestAt(request)
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
	if f := flag.put(r, "flag", true); f != nil {
		return f
	}
	return r.finishInto(request, q, b)
}

// MPI_Waitall(count, requests[], statuses[])
func waitall(r call, count countArg, requests requestsRef, statuses statusesOut) *failure {
	l, f := requests.list(r, count)
	if f != nil {
		return f
	}
	b, f := statuses.at(r, l.n)
	if f != nil {
		return f
	}
	active, f := l.active()
	if f != nil {
		return f
	}
	anyFailed := false
	for _, q := range active {
		if q != nil {
			r.await(q)
			anyFailed = anyFailed || q.failure != nil
		}
	}
	return l.finishAll(active, b, anyFailed)
}

// active gives the requests by index, nil where there is nothing to wait for, after a look at every handle. They are to
// be handed to finishAll.
func (l list) active() ([]*request, *failure) {
	all := l.t.waiting[:0]
	l.t.waiting = nil // a function of the program that is called meanwhile may wait for others
	for i := range l.n {
		q, f := l.at(i)
		if f != nil {
			l.t.waiting = all
			return nil, f
		}
		all = append(all, q)
	}
	return all, nil
}

// finishAll completes the active requests of the list, which are done. If one failed, MPI_ERR_IN_STATUS is returned and
// each status has its class.
func (l list) finishAll(active []*request, b []byte, anyFailed bool) *failure {
	var failed *failure
	for i, q := range active {
		if q != nil && q.handle != l.handles.get(int64(i)) { // a function of the program has freed it
			q = nil
		}
		if b == nil && q != nil && q.failure == nil && q.isPlain() {
			l.t.finishPlain(q)
			l.handles.set(int64(i), requestNull)
			continue
		}
		s := empty
		if q != nil {
			var one *failure
			if s, one = l.finish(int64(i), q); one != nil {
				failed, s.class = one, one.class
			}
		}
		if b != nil {
			s.put(b[int64(i)*statusSize:], anyFailed)
		}
	}
	if cap(active) <= maxWaiting {
		l.t.waiting = active
	}
	return inStatus(failed)
}

// maxWaiting bounds the requests for which a thread keeps room.
const maxWaiting = 4096

// inStatus is what a function returns that has put errors in statuses.
func inStatus(f *failure) *failure {
	if f == nil {
		return nil
	}
	return &failure{class: errInStatus, reason: f.reason + " (" + className(f.class) + ")", object: f.object}
}

// MPI_Testall(count, requests[], *flag, statuses[])
func testall(r call, count countArg, requests requestsRef, flag flagOut, statuses statusesOut) *failure {
	l, f := requests.list(r, count)
	if f != nil {
		return f
	}
	b, f := statuses.at(r, l.n)
	if f != nil {
		return f
	}
	active, f := l.active()
	if f != nil {
		return f
	}
	anyFailed := false
	for _, q := range active {
		if q != nil && !r.poll(q) {
			r.waiting = active
			return flag.put(r, "flag", false)
		}
		anyFailed = anyFailed || q != nil && q.failure != nil
	}
	if f := flag.put(r, "flag", true); f != nil {
		r.waiting = active
		return f
	}
	return l.finishAll(active, b, anyFailed)
}

// MPI_Waitany(count, requests[], *index, *status)
func waitany(r call, count countArg, requests requestsRef, index intOut, status statusOut) *failure {
	l, active, b, f := requests.looked(r, count, statusesOut(status), 1)
	if f != nil {
		return f
	}
	if active == 0 {
		putStatus(b, empty)
		return index.put(r, "index", undefined)
	}
	i, q := l.await()
	if f := index.put(r, "index", int32(i)); f != nil {
		return f
	}
	s, failed := l.finish(i, q)
	putStatus(b, s)
	return failed
}

// MPI_Testany(count, requests[], *index, *flag, *status)
func testany(r call, count countArg, requests requestsRef, index intOut, flag flagOut, status statusOut) *failure {
	return r.lookForAny(count, requests, index, flag, status, list.finish)
}

// MPI_Request_get_status_any(as MPI_Testany): completes nothing.
func requestGetStatusAny(r call, count countArg, requests requestsRef, index intOut, flag flagOut,
	status statusOut) *failure {
	return r.lookForAny(count, requests, index, flag, status, r.peekAt)
}

// taking takes the outcome of request i of a list, which is done.
type taking func(l list, i int64, q *request) (status, *failure)

// peekAt is a taking that completes nothing.
func (t *Thread) peekAt(_ list, _ int64, q *request) (status, *failure) { return t.outcome(q) }

// lookForAny looks for one request that is done, and takes its outcome.
func (r call) lookForAny(count countArg, requests requestsRef, index intOut, flag flagOut, at statusOut,
	take taking) *failure {
	l, active, b, f := requests.looked(r, count, statusesOut(at), 1)
	if f != nil {
		return f
	}
	i, q := l.poll(active)
	if f := flag.put(r, "flag", q != nil || active == 0); f != nil {
		return f
	}
	if q == nil {
		if active == 0 {
			putStatus(b, empty)
		}
		return index.put(r, "index", undefined)
	}
	if f := index.put(r, "index", int32(i)); f != nil {
		return f
	}
	s, failed := take(l, i, q)
	putStatus(b, s)
	return failed
}

// poll gives the first request that is done. If none of those that are active is, it lets others run and looks again.
func (l list) poll(active int) (int64, *request) {
	i, q := l.done(0)
	if q == nil && active > 0 {
		l.t.yield()
		i, q = l.done(0)
	}
	return i, q
}

// some makes MPI_Waitsome and MPI_Testsome.
func some(waits bool) func(call, countArg, requestsRef, intOut, intsOut, statusesOut) *failure {
	return func(r call, incount countArg, requests requestsRef, outcount intOut, indices intsOut,
		statuses statusesOut) *failure {
		return r.takeSome(incount, requests, outcount, indices, statuses, waits, true, list.finish)
	}
}

// MPI_Request_get_status_some(incount, requests[], *outcount, indices[], statuses[]): MPI_Testsome that completes
// nothing.
func requestGetStatusSome(r call, incount countArg, requests requestsRef, outcount intOut, indices intsOut,
	statuses statusesOut) *failure {
	return r.takeSome(incount, requests, outcount, indices, statuses, false, false, r.peekAt)
}

// takeSome takes the outcome of those requests that are done. If it completes them, statuses have the errors' classes.
func (r call) takeSome(incount countArg, requests requestsRef, outcount intOut, indices intsOut, statuses statusesOut,
	waits, ends bool, take taking) *failure {
	l, active, b, f := requests.looked(r, incount, statuses, -1)
	if f != nil {
		return f
	}
	var array []byte
	if l.n > 0 {
		if array, f = indices.at(r, "indices", l.n); f != nil {
			return f
		}
	}
	if active == 0 {
		return outcount.put(r, "outcount", undefined)
	}
	if waits {
		l.await()
	} else {
		l.poll(active)
	}
	var failed *failure
	var n int64
	for i, q := l.done(0); q != nil; i, q = l.done(i + 1) {
		s, one := take(l, i, q)
		if one != nil {
			failed, s.class = one, one.class
		}
		binary.LittleEndian.PutUint32(array[4*n:], uint32(i))
		if b != nil {
			s.put(b[n*statusSize:], ends)
		}
		n++
	}
	if f := outcount.put(r, "outcount", int32(n)); f != nil {
		return f
	}
	return inStatus(failed)
}

// MPI_Request_get_status_all(count, requests[], *flag, statuses[]): MPI_Testall that completes nothing.
func requestGetStatusAll(r call, count countArg, requests requestsRef, flag flagOut, statuses statusesOut) *failure {
	l, _, b, f := requests.looked(r, count, statuses, -1)
	if f != nil {
		return f
	}
	for i := range l.n {
		if q, _ := l.at(i); q != nil && !r.poll(q) {
			return flag.put(r, "flag", false)
		}
	}
	var failed *failure
	for i := range l.n {
		s := empty
		if q, _ := l.at(i); q != nil {
			var f *failure
			if s, f = r.outcome(q); f != nil {
				failed = f
			}
		}
		if b != nil {
			s.put(b[i*statusSize:], false)
		}
	}
	if f := flag.put(r, "flag", true); f != nil {
		return f
	}
	return failed
}

// looked gives the requests, how many are active, and n statuses, or with -1 one for each request, all of them checked.
func (p requestsRef) looked(r call, count countArg, at statusesOut, n int64) (l list, active int, b []byte,
	f *failure) {
	if l, f = p.list(r, count); f != nil {
		return l, 0, nil, f
	}
	if n < 0 {
		n = l.n
	}
	if b, f = at.at(r, n); f != nil {
		return l, 0, nil, f
	}
	active, f = l.check()
	return l, active, b, f
}
