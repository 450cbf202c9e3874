package mpi

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/faasmrun/faasmrun/mpi/coll"
)

// meetings are the collectives under way on one communicator, by sequence number. Its members share them: ranks call
// collectives on a communicator in the same order, so each knows which meeting is its own by counting.
type meetings struct {
	size   int
	board  board
	mu     sync.Mutex
	live   map[uint64]*meeting // guarded by mu
	idle   []*meeting          // guarded by mu
	name   string              // of those that have no communicator
	users  int                 // ranks that know them by it; guarded by World.meetingsMu
	counts []uint64            // meetings that each of them has come to; made under mu
}

// meeting is one collective: what each participant brought, and how far it is.
type meeting struct {
	coll.Meeting
	of        *meetings
	sequence  uint64
	parts     []part
	lead      *part // whom the others are compared with; the root, if it alone knows itself
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
	past       uint16
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

// giveUp drops a meeting that some of its members will never come to. Those that did all find that out.
func (m *meeting) giveUp() {
	m.of.mu.Lock()
	if m.of.live[m.sequence] == m {
		delete(m.of.live, m.sequence)
	}
	m.of.mu.Unlock()
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
	mine.past = 0
	shown := q == nil && ms == c.meetings && c.hasBoard(r)
	if shown {
		mine.past = c.past
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
			c.past = 0
			return f
		}
	}
	f := mine.failure
	if shown {
		c.past = 0
	}
	m.leave(1)
	return f
}

// attend waits for the meeting's end, and helps when there is work. It fails if others have gone elsewhere.
func (r *Rank) attend(m *meeting, c *comm, shown bool) *failure {
	for !m.Finished() {
		r.work(m)
		astray := -1
		r.wait(forAll, func() { r.note(where{what: waitCollective, comm: c}) }, func() bool {
			if shown {
				astray = c.astray()
			}
			return m.Finished() || m.Work() && m.mayWork(r) || astray >= 0
		})
		if astray >= 0 && !m.Finished() {
			m.giveUp()
			return c.differ(c.meetings.board.row(c.round), c.place, astray)
		}
	}
	return nil
}

// begin is called by the last to arrive: it does the work, or opens it to all when there is much.
func (m *meeting) begin(r *Rank) {
	if f := m.prepare(); f != nil {
		m.failAll(f)
		return
	}
	if m.lead.settle != nil {
		m.lead.settle(answersOf(m.parts))
		m.finish()
		return
	}
	items := m.algorithm.Count(m.shape)
	switch {
	case m.users():
		if !m.mayCall(r) {
			m.callUser()
			return
		}
	case items > 1 && m.lead.request == nil && m.volume() >= shareBytes:
		m.Open(items)
		m.callHelp(r, min(items, r.world.config.Cores)-1)
		r.work(m)
		return
	}
	r.workAlone(m)
}

// failAll ends the meeting with the same failure for everyone.
func (m *meeting) failAll(f *failure) {
	for i := range m.parts {
		m.parts[i].failure = m.parts[i].comm.failf(f.class, "%s", f.reason)
	}
	m.finish()
}

// workAlone does all the work of a meeting.
func (r *Rank) workAlone(m *meeting) {
	r.hand.m, r.hand.typ = m, nil
	if m.users() {
		if f := r.hand.prepareUser(m, m.lead.typ); f != nil {
			m.failAll(f)
			return
		}
	}
	for item := range m.algorithm.Count(m.shape) {
		m.algorithm.Item(&r.hand, m.shape, item)
	}
	m.finish()
}

// mayCall tells whether a rank can call the program's operation: those on the root's side of an intercommunicator have given
// none.
func (m *meeting) mayCall(r *Rank) bool { p := m.partOf(r); return p != nil && p.op != nil }

// mayWork tells whether a rank can do items of an open meeting.
func (m *meeting) mayWork(r *Rank) bool { return !m.users() || m.mayCall(r) }

func (m *meeting) partOf(r *Rank) *part {
	for i := range m.parts {
		if m.parts[i].rank == r {
			return &m.parts[i]
		}
	}
	return nil
}

// callUser leaves the work to those who can call the program's operation: the first that waits in the collective, or for its
// request, does it all. The others' requests are complete: they bring nothing.
func (m *meeting) callUser() {
	gone := 0
	for i := range m.parts {
		if p := &m.parts[i]; p.op == nil && p.request != nil {
			p.request.complete()
			p.request = nil
			gone++
		}
	}
	// From here on others may end the meeting; the caller, who brings nothing either, has not left it.
	left := &duty{m: m}
	if gone == 0 {
		m.Open(1)
	}
	for i := range m.parts {
		p := &m.parts[i]
		if p.op == nil {
			continue
		}
		if p.request != nil {
			p.request.duty.Store(left)
		}
		p.rank.wake()
	}
	if gone > 0 {
		m.leave(gone)
	}
}

// duty is the work of a meeting that is left to whoever takes it. The meeting may be over and another's when a request is
// looked at that still has it, hence its own mark.
type duty struct {
	m     *meeting
	taken atomic.Bool
}

// takeDuty does the work of the collective that a request belongs to, if it was left to its owner and nobody does it yet.
func (q *request) takeDuty() {
	d := q.duty.Load()
	if d == nil || q.owner.hand.inside {
		return
	}
	q.duty.Store(nil)
	if d.taken.CompareAndSwap(false, true) {
		q.owner.workAlone(d.m)
	}
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
func (m *meeting) users() bool { o := m.lead.op; return o != nil && o.code == opUser }

// work does items of an open meeting until there are none.
func (r *Rank) work(m *meeting) {
	if !m.Work() || !m.mayWork(r) {
		return
	}
	if m.users() {
		if _, mine := m.Take(); mine {
			r.workAlone(m)
		}
		return
	}
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
func (m *meeting) prepare() *failure {
	lead := &m.parts[0]
	for i := range m.parts {
		if m.parts[i].root == i && m.parts[i].comm.remote != nil {
			lead = &m.parts[i] // a root that nobody on its side can name
		}
	}
	m.lead = lead
	for i := range m.parts {
		if f := m.agree(lead, &m.parts[i], i); f != nil {
			return f
		}
		m.checkReduction(lead, &m.parts[i])
	}
	if lead.settle != nil {
		return nil
	}
	if lead.root == unknownRoot {
		return failf(errRoot, "no rank of %s is the root of MPI_%s", lead.comm.title(), collectives[lead.kind].name)
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
	if lead.typ.size == 0 { // nothing to keep, and perhaps very often
		m.shape.Chunk = max(1, m.shape.Elements)
	}
	if lead.op.code != opUser && m.volume() >= shareBytes {
		m.shape.Chunk = min(m.shape.Chunk, max(1, (m.shape.Elements+shareItems-1)/shareItems))
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
	name := p.comm.title()
	switch {
	case p.kind != lead.kind || (p.request == nil) != (lead.request == nil) || p.settle != nil && p.call != lead.call:
		return failf(errNotSame, "rank %d of %s called %s and rank %d called %s", m.index(lead), name, lead.called(), i, p.called())
	case p.root != lead.root && (p.root != unknownRoot || p.comm.behind != lead.comm.behind):
		return failf(errNotSame, "%s of %s gave %s and %s gave %s", m.member(lead), name, m.rootOf(lead), m.member(p), m.rootOf(p))
	case lead.op != nil && p.op != nil && (p.op.code != lead.op.code || p.count != lead.count || p.typ.kind != lead.typ.kind || p.typ.size != lead.typ.size):
		return failf(errNotSame, "rank %d of %s reduces %s and rank %d reduces %s", m.index(lead), name, lead.reduction(), i, p.reduction())
	case p.past != lead.past:
		return failf(errNotSame, "ranks %d and %d of %s called different collectives before, or gave them different roots", m.index(lead), i, name)
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

// member names a participant: in an intercommunicator by its rank in its own group.
func (m *meeting) member(p *part) string {
	switch {
	case p.comm.remote == nil:
		return fmt.Sprintf("rank %d", m.index(p))
	case p.comm.behind:
		return fmt.Sprintf("rank %d of the second group", p.comm.rank)
	}
	return fmt.Sprintf("rank %d of the first group", p.comm.rank)
}

// rootOf says which root a participant gave.
func (m *meeting) rootOf(p *part) string {
	switch {
	case p.comm.remote == nil:
		return fmt.Sprintf("root %d", p.root)
	case p.root == unknownRoot:
		return "MPI_PROC_NULL"
	case p.root == p.comm.place:
		return "MPI_ROOT"
	}
	root := p.root
	if !p.comm.behind {
		root -= len(p.comm.group.ranks)
	}
	return fmt.Sprintf("root %d of the other group", root)
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
