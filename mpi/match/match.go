// Package match decides which message is received by which receive: the matching rules of MPI 5.0, chapter 3.5, for one
// rank. It is pure: no goroutine, no lock, no clock, no memory but its own. Package mpi guards a Queue with a lock,
// moves the bytes and wakes the ranks.
//
// A receive names a communicator's context, a source or any, a tag or any. A message names all three. Among the
// messages that a receive matches it takes the one that arrived first; among the receives that match a message the one
// posted first gets it. So messages from one source on one communicator never overtake each other.
package match

import (
	"cmp"
	"slices"
)

// Rank is a rank in the group of a communicator, as programs name it.
type Rank int32

// Wildcards, with the values of MPI_ANY_SOURCE and MPI_ANY_TAG.
const (
	AnySource Rank  = -1
	AnyTag    int32 = -2
)

// Key is what matching looks at. In a receive's key Source and Tag may be wildcards, in a message's never.
type Key struct {
	Context uint32
	Source  Rank
	Tag     int32
}

// ID names a posted receive until it is matched or cancelled.
type ID struct {
	entry int32
	order uint64
}

// Queue is one rank's matching queue: receives posted and not matched (R is what the caller keeps of one), and messages
// that arrived unexpected (M). The zero value is ready to use. Every operation takes constant time however many entries
// wait, because entries are found by hash and compared by order number; in the steady state none allocates.
type Queue[R, M any] struct {
	order      uint64
	posted     store[R]
	unexpected store[M]
	// Receives, and messages, that all have one key are in rows, and in no index.
	postedRow     row[R]
	unexpectedRow row[M]
	// receives counts the posted receives of each wildcard pattern, so that a message looks only for those there are.
	receives [patterns]int
	// messages are chained under every pattern that a receive may use to ask for them, receives under their own only.
	byReceive [patterns]index
	byMessage [patterns]index
}

// Post adds a receive. Call it only after Take found no message for it.
func (q *Queue[R, M]) Post(k Key, r R) ID {
	q.order++
	if q.posted.used == 0 && q.postedRow.takes(k) {
		q.postedRow.push(k, q.order, r)
		return ID{none, q.order}
	}
	for q.postedRow.used > 0 {
		e := q.postedRow.pop()
		q.post(q.postedRow.key, e.order, e.value)
	}
	return ID{q.post(k, q.order, r), q.order}
}

func (q *Queue[R, M]) post(k Key, order uint64, r R) int32 {
	e := q.posted.add(k, order, r)
	p := patternOf(k)
	q.receives[p]++
	q.byReceive[p].append(e, k.hash(), q.posted.keys, q.posted.order, p)
	return e
}

// Accepts reports whether a receive's key matches a message's.
func (k Key) Accepts(m Key) bool {
	return k.Context == m.Context && (k.Source == m.Source || k.Source == AnySource) && (k.Tag == m.Tag || k.Tag == AnyTag)
}

// Arrive finds the receive for a message that arrives, and removes it. The caller Adds the message if there is none.
func (q *Queue[R, M]) Arrive(k Key) (r R, found bool) {
	if q.postedRow.used > 0 {
		if !q.postedRow.key.Accepts(k) {
			return r, false
		}
		return q.postedRow.pop().value, true
	}
	if q.posted.used == 0 {
		return r, false
	}
	best, bestOrder := none, ^uint64(0)
	for p := range q.receives {
		if q.receives[p] == 0 {
			continue
		}
		asked := k.as(p)
		e := q.byReceive[p].find(asked, p, q.posted.keys)
		if e != none && q.posted.order[e] < bestOrder {
			best, bestOrder = e, q.posted.order[e]
		}
	}
	if best == none {
		return r, false
	}
	r = q.posted.values[best]
	q.removePosted(best)
	return r, true
}

// Cancel removes a posted receive, and reports whether it was there: no message had matched it before.
func (q *Queue[R, M]) Cancel(id ID) bool {
	if q.postedRow.used > 0 {
		return q.postedRow.remove(func(order uint64, _ R) bool { return order == id.order })
	}
	if id.entry == none { // it was in a row when it was posted
		for e, order := range q.posted.order {
			if order == id.order {
				id.entry = int32(e)
			}
		}
	}
	if id.entry == none {
		return false
	}
	if int(id.entry) >= len(q.posted.order) || q.posted.order[id.entry] != id.order {
		return false
	}
	q.removePosted(id.entry)
	return true
}

func (q *Queue[R, M]) removePosted(e int32) {
	k := q.posted.keys[e]
	p := patternOf(k)
	q.receives[p]--
	q.byReceive[p].remove(e, k.hash())
	q.posted.remove(e)
}

// Add keeps a message that no receive awaits yet.
func (q *Queue[R, M]) Add(k Key, m M) {
	q.order++
	if q.unexpected.used == 0 && q.unexpectedRow.takes(k) {
		q.unexpectedRow.push(k, q.order, m)
		return
	}
	for q.unexpectedRow.used > 0 {
		e := q.unexpectedRow.pop()
		q.add(q.unexpectedRow.key, e.order, e.value)
	}
	q.add(k, q.order, m)
}

func (q *Queue[R, M]) add(k Key, order uint64, m M) {
	e := q.unexpected.add(k, order, m)
	for p := range q.byMessage {
		q.byMessage[p].append(e, k.as(p).hash(), q.unexpected.keys, q.unexpected.order, p)
	}
}

// Take finds the first message that a receive matches, and removes it. The key it returns is the message's own.
func (q *Queue[R, M]) Take(k Key) (m M, from Key, found bool) {
	if q.unexpectedRow.used > 0 {
		if from = q.unexpectedRow.key; !k.Accepts(from) {
			return m, Key{}, false
		}
		return q.unexpectedRow.pop().value, from, true
	}
	if q.unexpected.used == 0 {
		return m, from, false
	}
	p := patternOf(k)
	e := q.byMessage[p].find(k, p, q.unexpected.keys)
	if e == none {
		return m, from, false
	}
	m, from = q.unexpected.values[e], q.unexpected.keys[e]
	q.removeUnexpected(e)
	return m, from, true
}

func (q *Queue[R, M]) removeUnexpected(e int32) {
	k := q.unexpected.keys[e]
	for p := range q.byMessage {
		q.byMessage[p].remove(e, k.as(p).hash())
	}
	q.unexpected.remove(e)
}

// Withdraw removes the first message with exactly this key for which is gives true, and reports whether there was one.
func (q *Queue[R, M]) Withdraw(k Key, is func(M) bool) bool {
	if q.unexpectedRow.used > 0 {
		return q.unexpectedRow.key == k && q.unexpectedRow.remove(func(_ uint64, m M) bool { return is(m) })
	}
	x := &q.byMessage[0]
	if x.used == 0 {
		return false
	}
	for e := x.chains[k.hash()&uint64(len(x.chains)-1)].next; e != none; e = x.links[e].next {
		if q.unexpected.keys[e] == k && is(q.unexpected.values[e]) {
			q.removeUnexpected(e)
			return true
		}
	}
	return false
}

// Peek is Take without removing.
func (q *Queue[R, M]) Peek(k Key) (m M, from Key, found bool) {
	if q.unexpectedRow.used > 0 {
		if from = q.unexpectedRow.key; !k.Accepts(from) {
			return m, Key{}, false
		}
		return q.unexpectedRow.at(0).value, from, true
	}
	p := patternOf(k)
	e := q.byMessage[p].find(k, p, q.unexpected.keys)
	if e == none {
		return m, from, false
	}
	return q.unexpected.values[e], q.unexpected.keys[e], true
}

// Unexpected calls f for each unmatched message, in order of arrival.
func (q *Queue[R, M]) Unexpected(f func(k Key, m M)) { each(&q.unexpectedRow, &q.unexpected, f) }

// Posted calls f for each posted receive, in order of posting.
func (q *Queue[R, M]) Posted(f func(k Key, r R)) { each(&q.postedRow, &q.posted, f) }

// each calls f for each entry in order: all are in the row, or all in the store.
func each[V any](w *row[V], s *store[V], f func(k Key, v V)) {
	for i := range w.used {
		f(w.key, w.at(i).value)
	}
	entries := make([]int32, 0, s.used)
	for e, order := range s.order {
		if order != 0 {
			entries = append(entries, int32(e))
		}
	}
	slices.SortFunc(entries, func(a, b int32) int { return cmp.Compare(s.order[a], s.order[b]) })
	for _, e := range entries {
		f(s.keys[e], s.values[e])
	}
}

// Len gives how many receives and messages wait.
func (q *Queue[R, M]) Len() (posted, unexpected int) {
	return q.posted.used + q.postedRow.used, q.unexpected.used + q.unexpectedRow.used
}
