package mpi

import (
	"fmt"
	"sync"

	"github.com/faasmrun/faasmrun/mpi/coll"
)

// meetings are the collectives under way on one communicator, by sequence number. Its members share them: ranks call
// collectives on a communicator in the same order, so each knows which meeting is its own by counting.
type meetings struct {
	size  int
	board board
	mu    sync.Mutex
	live  map[uint64]*meeting // guarded by mu
	idle  []*meeting          // guarded by mu
}

// meeting is one collective: what each participant brought, and how far it is.
type meeting struct {
	coll.Meeting
	of        *meetings
	sequence  uint64
	parts     []part
	algorithm *coll.Algorithm
	shape     coll.Shape
	failMu    sync.Mutex // for the parts' failures, while several hands work
}

// part is what one participant brought to a collective.
type part struct {
	rank       *Rank
	request    *request // nil in a blocking call
	comm       *comm
	call       uint32 // the function it called
	origin     origin // where, for checking
	kind       collective
	root       int // the root among the participants; unknownRoot on the root's side of an intercommunicator
	op         *op
	count      int64     // of a reduction
	typ        *datatype // of a reduction
	typeHandle uint32    // as the rank names it, for its own operation
	inPlace    bool
	aside      bool // what it sends is copied before others may write there
	send       blocks
	recv       blocks
	answer     *answer
	settle     func([]*answer)
	failure    *failure
}

const unknownRoot = -1

// reset prepares a part for another collective, keeping its arrays.
func (p *part) reset(kind collective) {
	p.kind, p.root, p.op, p.typ, p.inPlace, p.aside, p.count = kind, 0, nil, nil, false, false, 0
	p.answer, p.settle, p.failure = nil, nil, nil
	p.send.clear()
	p.recv.clear()
}

func newMeetings(size int) *meetings {
	return &meetings{size: size, board: board{size: size}, live: map[uint64]*meeting{}}
}

// at gives the meeting with a sequence number, which the first to come opens.
func (ms *meetings) at(sequence uint64) *meeting {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	if m := ms.live[sequence]; m != nil {
		return m
	}
	var m *meeting
	if n := len(ms.idle); n > 0 {
		m = ms.idle[n-1]
		ms.idle = ms.idle[:n-1]
	} else {
		m = &meeting{of: ms, parts: make([]part, ms.size)}
	}
	m.Reset(ms.size)
	m.sequence = sequence
	ms.live[sequence] = m
	return m
}

// leave gives the meeting back when n more, and so all, have left.
func (m *meeting) leave(n int) {
	ms, sequence := m.of, m.sequence
	if !m.Leave(n) {
		return
	}
	ms.mu.Lock()
	delete(ms.live, sequence)
	ms.idle = append(ms.idle, m)
	ms.mu.Unlock()
}

// shareBytes is the work, in bytes read or written, from which ranks that wait are woken to help: 10 µs of copying, twice
// what waking one takes. A reduction of so much is cut into shareItems items at least, or one would do it all.
const (
	shareBytes = 64 << 10
	shareItems = 8
)

// meet brings the rank's part to the next collective of the communicator. With a request it returns at once.
func (r *Rank) meet(c *comm, p *part, q *request) *failure {
	if q == nil && c.isLittle(r, p) {
		return r.show(c, p)
	}
	return r.meetAt(&c.sequence, c.meetings, c, c.place, p, q)
}

func (r *Rank) meetAt(sequence *uint64, ms *meetings, c *comm, place int, p *part, q *request) *failure {
	if r.hand.inside {
		return c.failf(errOther, "a user's operation must not communicate")
	}
	*sequence++
	m := ms.at(*sequence)
	mine := &m.parts[place]
	*mine, *p = *p, *mine // swapped, so that both keep their arrays
	mine.rank, mine.comm, mine.request, mine.call, mine.failure = r, c, q, r.call.Load(), nil
	if r.stats != nil {
		r.stats.brought(mine)
	}
	if r.check != nil {
		mine.origin = r.check.here()
	}
	if mine.aside {
		mine.send.span = mine.send.span.clone()
	}
	shown := q == nil && ms == c.meetings && c.hasBoard(r)
	if shown {
		r.showNothing(c, mine.kind)
	}
	if m.Arrive() {
		m.begin(r)
	}
	if q != nil {
		return nil
	}
	if !m.Finished() {
		if f := r.attend(m, c, shown); f != nil {
			return f
		}
	}
	f := mine.failure
	m.leave(1)
	return f
}

// attend waits for the meeting's end, and helps when there is work. It fails if others have gone elsewhere.
func (r *Rank) attend(m *meeting, c *comm, shown bool) *failure {
	for !m.Finished() {
		r.work(m)
		astray := -1
		r.wait(forAll, func() { r.note(where{what: waitCollective, comm: c.name}) }, func() bool {
			if shown {
				astray = c.astray()
			}
			return m.Finished() || m.Work() || astray >= 0
		})
		if astray >= 0 && !m.Finished() {
			return c.differ(c.meetings.board.row(c.round), c.place, astray)
		}
	}
	return nil
}

// begin is called by the last to arrive: it does the work, or opens it to all when there is much.
func (m *meeting) begin(r *Rank) {
	r.hand.m, r.hand.typ = m, nil
	if f := m.prepare(r); f != nil {
		for i := range m.parts {
			m.parts[i].failure = m.parts[i].comm.failf(f.class, "%s", f.reason)
		}
		m.finish()
		return
	}
	if m.parts[0].settle != nil {
		m.parts[0].settle(answersOf(m.parts))
		m.finish()
		return
	}
	items := m.algorithm.Count(m.shape)
	if items > 1 && m.parts[0].request == nil && !m.users() && m.volume() >= shareBytes {
		m.Open(items)
		m.callHelp(r, min(items, r.world.config.Cores)-1)
		r.work(m)
		return
	}
	for item := range items {
		m.algorithm.Item(&r.hand, m.shape, item)
	}
	m.finish()
}

// callHelp wakes ranks that wait, as many as there are other processors to help with. The rest sleep until the end.
func (m *meeting) callHelp(r *Rank, helpers int) {
	for i := range m.parts {
		if helpers <= 0 {
			return
		}
		if other := m.parts[i].rank; other != r && other.wake() {
			helpers--
		}
	}
}

// users tells whether the collective calls a function of the program.
func (m *meeting) users() bool { o := m.parts[0].op; return o != nil && o.code == opUser }

// work does items of an open meeting until there are none.
func (r *Rank) work(m *meeting) {
	r.hand.m, r.hand.typ = m, nil
	for {
		item, ok := m.Take()
		if !ok {
			return
		}
		m.algorithm.Item(&r.hand, m.shape, item)
		if m.Done() {
			m.finish()
			return
		}
	}
}

// finish lets everyone go. Ranks that wait in the collective leave by themselves; those that hold a request have left as
// soon as it is complete. Whoever calls it is one of the participants and has not left, so the meeting stays.
func (m *meeting) finish() {
	gone := 0
	m.Finish()
	for i := range m.parts {
		p := &m.parts[i]
		if p.request == nil {
			p.rank.wake()
			continue
		}
		p.request.failure = p.failure
		p.request.complete()
		gone++
	}
	if gone > 0 {
		m.leave(gone)
	}
}

// prepare checks that everybody called the same collective (otherwise the work would read what was never brought) and
// chooses the algorithm. The caller does the work.
func (m *meeting) prepare(r *Rank) *failure {
	lead := &m.parts[0]
	for i := range m.parts {
		if m.parts[i].root == i && m.parts[i].comm.remote != nil {
			lead = &m.parts[i] // a root that nobody on its side can name
		}
	}
	for i := range m.parts {
		if f := m.agree(lead, &m.parts[i], i); f != nil {
			return f
		}
		m.checkReduction(lead, &m.parts[i])
	}
	if lead.settle != nil {
		return nil
	}
	m.algorithm = collectives[lead.kind].algorithm
	if lead.kind == collAlltoall && lead.inPlace {
		m.algorithm = &coll.AlltoallInPlace
	}
	m.shape = coll.Shape{Root: lead.root, Elements: int(lead.count)}
	m.flow(lead)
	if lead.op == nil {
		return nil
	}
	extent := lead.typ.extent()
	m.shape.Chunk = max(1, int(scratchBytes/max(extent, -extent, lead.typ.size, 1)))
	if lead.op.code != opUser && m.volume() >= shareBytes {
		m.shape.Chunk = min(m.shape.Chunk, max(1, (m.shape.Elements+shareItems-1)/shareItems))
	}
	if lead.op.code == opUser {
		return r.hand.prepareUser(m, lead.typ)
	}
	return nil
}

// flow says from whom to whom the data goes.
func (m *meeting) flow(lead *part) {
	n, first := len(m.parts), len(m.parts[0].comm.group.ranks)
	if lead.comm.remote == nil {
		m.shape.Used = 1
		m.shape.Ways[0] = coll.Way{From: [2]int{0, n}, To: [2]int{0, n}}
		return
	}
	there := coll.Way{From: [2]int{0, first}, To: [2]int{first, n}}
	back := coll.Way{From: there.To, To: there.From}
	m.shape.Used, m.shape.Ways = 2, [2]coll.Way{there, back}
	rooted := collectives[lead.kind].rooted
	if rooted == notRooted {
		return
	}
	m.shape.Used = 1
	if (rooted == fromRoot) != (lead.root < first) {
		m.shape.Ways[0] = back
	}
}

// agree checks one participant against another.
func (m *meeting) agree(lead, p *part, i int) *failure {
	name := p.comm.name
	switch {
	case p.kind != lead.kind || (p.request == nil) != (lead.request == nil) || p.settle != nil && p.call != lead.call:
		return failf(errNotSame, "rank %d of %s called %s and rank %d called %s", m.index(lead), name, lead.called(), i, p.called())
	case p.root != lead.root && p.root != unknownRoot:
		return failf(errNotSame, "rank %d of %s gave root %d and rank %d gave root %d", m.index(lead), name, lead.root, i, p.root)
	case lead.op != nil && p.op != nil && (p.op.code != lead.op.code || p.count != lead.count || p.typ.kind != lead.typ.kind || p.typ.size != lead.typ.size):
		return failf(errNotSame, "rank %d of %s reduces %s and rank %d reduces %s", m.index(lead), name, lead.reduction(), i, p.reduction())
	case p.kind == collAlltoall && p.inPlace != lead.inPlace:
		return failf(errNotSame, "ranks %d and %d of %s do not both give MPI_IN_PLACE", m.index(lead), i, name)
	}
	return nil
}

// called is the function that was called, and where, if checking knows.
func (p *part) called() string {
	call := callName(p.call)
	if p.rank.check != nil {
		if lines := p.rank.place(p.origin.site); len(lines) > 0 {
			call += " (" + lines[0] + ")"
		}
	}
	return call
}

func (m *meeting) index(p *part) int {
	for i := range m.parts {
		if &m.parts[i] == p {
			return i
		}
	}
	return -1
}

func (p *part) reduction() string { return reducedVector(p.count, p.typ.size, p.op.title()) }

func reducedVector(count, size int64, op string) string {
	return fmt.Sprintf("%d elements of %d bytes by %s", count, size, op)
}

// volume is about how many bytes the work reads and writes.
func (m *meeting) volume() int64 {
	var n int64
	for i := range m.parts {
		n += m.parts[i].send.volume() + m.parts[i].recv.volume()
	}
	return n
}
