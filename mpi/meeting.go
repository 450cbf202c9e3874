package mpi

import (
	"fmt"
	"sync"

	"github.com/faasmrun/faasmrun/mpi/coll"
)

// meetings are the collectives under way on one communicator, by sequence number. Its members share them: ranks call
// collectives on a communicator in the same order, so each knows which meeting is its own by counting.
type meetings struct {
	size int
	mu   sync.Mutex
	live map[uint64]*meeting // guarded by mu
	idle []*meeting          // guarded by mu
}

// meeting is one collective: what each participant brought, and how far it is.
type meeting struct {
	coll.Meeting
	sequence  uint64
	parts     []part
	algorithm *coll.Algorithm
	shape     coll.Shape
}

// part is what one participant brought to a collective.
type part struct {
	rank    *Rank
	request *request // nil in a blocking call
	comm    *comm
	kind    collective
	root    int32
	op      *op
	inPlace bool
	send    blocks
	recv    blocks
	failure *failure
}

func newMeetings(size int) *meetings { return &meetings{size: size, live: map[uint64]*meeting{}} }

// meetingsOf gives the meetings of a context.
func (w *World) meetingsOf(context uint32, size int) *meetings {
	w.meetingsMu.Lock()
	defer w.meetingsMu.Unlock()
	ms := w.meetings[context]
	if ms == nil {
		ms = newMeetings(size)
		w.meetings[context] = ms
	}
	return ms
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
		m = &meeting{parts: make([]part, ms.size)}
	}
	m.Reset(ms.size)
	m.sequence = sequence
	ms.live[sequence] = m
	return m
}

// leave gives the meeting back when n more, and so all, have left.
func (ms *meetings) leave(m *meeting, n int) {
	if !m.Leave(n) {
		return
	}
	ms.mu.Lock()
	delete(ms.live, m.sequence)
	ms.idle = append(ms.idle, m)
	ms.mu.Unlock()
}

// shareBytes is the work, in bytes read or written, from which those who wait are woken to help.
const shareBytes = 64 << 10

// meet brings the rank's part to the next collective of the communicator. With a request it returns at once.
func (r *Rank) meet(c *comm, p *part, q *request) *failure {
	c.sequence++
	m := c.meetings.at(c.sequence)
	mine := &m.parts[c.rank]
	*mine, *p = *p, *mine // swapped, so that both keep their arrays
	mine.rank, mine.comm, mine.request, mine.failure = r, c, q, nil
	if m.Arrive() {
		m.begin(r)
	}
	if q != nil {
		return nil
	}
	if !m.Finished() {
		r.note(where{what: waitCollective, comm: c.name})
		r.attend(m)
	}
	f := mine.failure
	c.meetings.leave(m, 1)
	return f
}

// attend waits for the meeting's end, and helps when there is work.
func (r *Rank) attend(m *meeting) {
	for !m.Finished() {
		r.work(m)
		r.wait(func() bool { return m.Finished() || m.Work() })
	}
}

// begin is called by the last to arrive: it does the work, or opens it to all when there is much.
func (m *meeting) begin(r *Rank) {
	if f := m.agree(); f != nil {
		for i := range m.parts {
			m.parts[i].failure = m.parts[i].comm.failf(f.class, "%s", f.reason)
		}
		m.finish()
		return
	}
	m.prepare()
	items := m.algorithm.Items(m.shape)
	if items > 1 && m.parts[0].request == nil && m.volume() >= shareBytes {
		m.Open(items)
		for i := range m.parts {
			if other := m.parts[i].rank; other != r {
				other.wake()
			}
		}
		r.work(m)
		return
	}
	r.hand.m = m
	for item := range items {
		m.algorithm.Do(&r.hand, m.shape, item)
	}
	m.finish()
}

// work does items of an open meeting until there are none.
func (r *Rank) work(m *meeting) {
	r.hand.m = m
	for {
		item, ok := m.Take()
		if !ok {
			return
		}
		m.algorithm.Do(&r.hand, m.shape, item)
		if m.Done() {
			m.finish()
			return
		}
	}
}

// finish lets everyone go. Ranks that wait in the collective leave by themselves; those that hold a request have left as
// soon as it is complete. Whoever calls it is one of the participants and has not left, so the meeting stays.
func (m *meeting) finish() {
	ms, gone := m.parts[0].comm.meetings, 0
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
		ms.leave(m, gone)
	}
}

// agree checks that everybody called the same collective. Otherwise the work would read what was never brought.
func (m *meeting) agree() *failure {
	first := &m.parts[0]
	for i := range m.parts {
		p := &m.parts[i]
		switch {
		case p.kind != first.kind || (p.request == nil) != (first.request == nil):
			return failf(errNotSame, "rank 0 of %s called %s and rank %d called %s",
				p.comm.name, first.title(), i, p.title())
		case p.root != first.root:
			return failf(errNotSame, "rank 0 of %s gave root %d and rank %d gave root %d", p.comm.name, first.root, i, p.root)
		case first.op != nil && (p.op.code != first.op.code || p.elements() != first.elements() || p.kindOf() != first.kindOf()):
			return failf(errNotSame, "rank 0 of %s reduces %s and rank %d reduces %s",
				p.comm.name, first.reduction(), i, p.reduction())
		case first.kind == collAlltoall && p.inPlace != first.inPlace:
			return failf(errNotSame, "rank 0 and rank %d of %s do not both give MPI_IN_PLACE", i, p.comm.name)
		}
	}
	return nil
}

func (p *part) title() string {
	if p.request != nil {
		return callName(p.request.call)
	}
	return collectives[p.kind].name
}

func (p *part) reduction() string {
	return fmt.Sprintf("%d of %s by %s", p.elements(), p.send.span.typ.title(), p.op.name)
}

func (p *part) elements() int64 { return p.send.span.count }
func (p *part) kindOf() kind    { return p.send.span.typ.kind }

// prepare chooses the algorithm.
func (m *meeting) prepare() {
	first := &m.parts[0]
	m.algorithm = collectives[first.kind].algorithm
	m.shape = coll.Shape{Size: len(m.parts), Root: int(first.root)}
	if first.op != nil {
		m.shape.Elements = int(first.elements())
		m.shape.Chunk = int(scratchBytes / first.send.span.typ.extent())
	}
	if first.kind == collAlltoall && first.inPlace {
		m.algorithm = &coll.AlltoallInPlace
	}
}

// volume is about how many bytes the work reads and writes.
func (m *meeting) volume() int64 {
	var n int64
	for i := range m.parts {
		n += m.parts[i].send.volume() + m.parts[i].recv.volume()
	}
	return n
}
