package mpi

import (
	"slices"

	"github.com/faasmrun/faasmrun/mpi/agree"
	"github.com/faasmrun/faasmrun/mpi/coll/schedule"
	"github.com/faasmrun/faasmrun/mpi/datatype"
	"github.com/faasmrun/faasmrun/mpi/group"
	"github.com/faasmrun/faasmrun/mpi/match"
)

// Collectives by messages, for members that cannot read each other's memory. Each member has a plan (mpi/coll/schedule)
// and does its steps: it begins the sends and receives of a round as requests of its own, and the next round when all
// of them are complete. Only the member itself goes on with its plan, on the thread that is in MPI: at its next look
// for what it waits for, whatever that is, or when it polls. Whoever completes one of its operations wakes it, so
// nothing is missed while it is parked; and the program's own operations run where they may, in a call of their rank's.

// scheduled is a collective by messages, as far as one member has come.
type scheduled struct {
	plan    schedule.Plan
	part    *part
	round   int        // the next one
	under   []*request // of the round that is under way, in the order of its steps
	scratch []byte
	failure *failure // the first one; it is told at the end, so that no other member waits for this one
	busy    bool     // a thread is about to go on
	own     part     // of one that is not persistent
}

// inCollective is set in the contexts of messages that belong to collectives: no receive of the program matches them.
const inCollective = agree.LastContext + 1

// Tags tell collectives of one communicator apart: by the number of the collective on it, and persistent ones, which
// members may start in any order, by the number among those. Two would have to be under way 2^29 apart to be mistaken.
// See also tagAmong.
const (
	tagNumbers    = 1<<29 - 1
	tagPersistent = 1 << 30
)

// maxScratch bounds the memory of a plan, in bytes.
const maxScratch = datatype.MaxSpanBytes

// enterScheduled takes part in the next collective of the communicator by messages.
func (t *Thread) enterScheduled(c *comm, p *part) *failure {
	q := t.pending.receive
	if q == nil {
		q = t.newRequest(requestCollective, c)
		t.keeps(nil, q)
		if f := t.startScheduled(p, q); f != nil {
			t.pending.receive = nil
			t.release(q)
			return f
		}
	}
	t.await(q)
	t.pending.receive = nil
	_, f := t.finish(q)
	return f
}

// startScheduled begins the next collective of a request's communicator by messages. The part may be used again.
func (t *Thread) startScheduled(p *part, q *request) *failure {
	q.comm.sequence++
	q.tag = int32(q.comm.sequence & tagNumbers)
	s := t.requests.takePlan()
	s.own.become(p)
	return t.beginPlan(s, &s.own, q)
}

// startPlan begins a collective by messages, whose end the request is told of. The part stays its own until then.
func (t *Thread) startPlan(p *part, q *request) *failure {
	return t.beginPlan(t.requests.takePlan(), p, q)
}

// beginPlan begins a collective by messages with a part.
func (t *Thread) beginPlan(s *scheduled, p *part, q *request) *failure {
	if t.mover.inUserOp {
		return q.comm.failf(errOther, "a user's operation must not communicate")
	}
	s.part = p
	s.plan, s.failure = q.comm.plan(p)
	size := s.plan.Scratch()
	if size > maxScratch {
		return q.comm.failf(errNoMem, "no memory for %d bytes", size)
	}
	s.scratch = t.requests.takeScratch(size)
	q.scheduled = s
	t.requests.live = append(t.requests.live, q)
	if t.stats != nil && p.agreement == 0 {
		t.stats.moved(q.call, p.send.volume(), p.recv.volume())
	}
	t.advance()
	return nil
}

// advance goes on with the rank's collectives by messages, each as far as it can.
func (t *Thread) advance() {
	if t.mover.inUserOp { // of one of them
		return
	}
	for q := t.ready(); q != nil; q = t.ready() {
		if t.carryOn(q) && !t.nextPlan(q) {
			t.requests.remove(q)
			t.conclude(q)
		}
	}
}

// ready gives a collective that can go on; nil if there is none. One that another thread goes on with, which is in a
// function of the program, is left to that.
func (r *Rank) ready() *request {
	for _, q := range r.requests.live {
		if !q.scheduled.busy && q.scheduled.complete() {
			return q
		}
	}
	return nil
}

// canAdvance reports whether advance would do something.
func (r *Rank) canAdvance() bool { return r.ready() != nil }

// carryOn begins rounds of a collective until one is not complete at once, and reports whether all are.
func (t *Thread) carryOn(q *request) (over bool) {
	s := q.scheduled
	s.busy = true
	defer func() { s.busy = false }()
	for s.complete() {
		t.endRound(q)
		if s.round == s.plan.Rounds() {
			return true
		}
		t.beginRound(q)
	}
	return false
}

// complete reports whether all operations of the round under way are complete. While it looks it helps with their
// copies.
func (s *scheduled) complete() bool {
	for _, m := range s.under {
		if m.Help(); !m.Done() {
			return false
		}
	}
	return true
}

// endRound takes the outcomes of the round's operations.
func (t *Thread) endRound(q *request) {
	s := q.scheduled
	for _, m := range s.under {
		if m.kind == requestReceive {
			s.checkLength(q.comm, m)
		}
		t.release(m)
	}
	clear(s.under)
	s.under = s.under[:0]
}

// checkLength fails the collective if a message has another length than its receive. A block may be longer than what
// comes for it.
func (s *scheduled) checkLength(c *comm, m *request) {
	room := m.Buffer.Bytes()
	if m.Bytes == room || m.Bytes < room && m.block {
		return
	}
	class := int32(errNotSame)
	if m.block {
		class = errTruncate
	}
	s.fail(c.failf(class, "%s of %s sends a block of %d bytes and %s receives one of %d", c.memberTitle(int(m.peer)),
		c.title(), m.Bytes, c.memberTitle(c.member), room))
}

// fail notes a failure, unless there is one.
func (s *scheduled) fail(f *failure) {
	if s.failure == nil {
		s.failure = f
	}
}

// conclude completes the request of a collective that is over. Another thread may wait for it.
func (t *Thread) conclude(q *request) {
	q.failure = q.scheduled.failure
	t.requests.keepPlan(q.scheduled)
	q.scheduled = nil
	q.Complete()
}

// takePlan takes what a collective by messages needs from what earlier ones have left.
func (all *requests) takePlan() *scheduled {
	n := len(all.plans)
	if n == 0 {
		return new(scheduled)
	}
	s := all.plans[n-1]
	all.plans = all.plans[:n-1]
	return s
}

// keepPlan keeps what a collective has had for the next, but for what is much.
func (all *requests) keepPlan(s *scheduled) {
	all.keepScratch(s.scratch)
	blocks := cap(s.own.send.counts) + cap(s.own.recv.counts)
	if len(all.plans) == keptPlans || cap(s.under) > keptUnder || blocks > keptUnder {
		return
	}
	s.own.reset(collBarrier)
	*s = scheduled{under: s.under[:0], own: s.own}
	all.plans = append(all.plans, s)
}

// keptPlans are how many a rank keeps, and keptUnder operations or blocks of one.
const (
	keptPlans = 16
	keptUnder = 1 << 10
)

// remove takes a collective out of those under way.
func (all *requests) remove(q *request) {
	i, last := slices.Index(all.live, q), len(all.live)-1
	all.live[i], all.live[last] = all.live[last], nil
	all.live = all.live[:last]
}

// keptScratch bounds the memory that a rank keeps for the next plan.
const keptScratch = 1 << 20

func (all *requests) takeScratch(n int64) []byte {
	b := all.scratch
	if n > int64(cap(b)) {
		return make([]byte, n)
	}
	all.scratch = nil
	return b[:n]
}

func (all *requests) keepScratch(b []byte) {
	if cap(b) <= keptScratch && cap(b) > cap(all.scratch) {
		all.scratch = b[:0]
	}
}

// participant is a member of the communicator by its number among the participants of a collective.
func (c *comm) participant(i int) group.WorldRank {
	first, second := c.sides()
	if i < len(first.Ranks) {
		return first.Ranks[i]
	}
	return second.Ranks[i-len(first.Ranks)]
}

// sides are the groups in the order of the participants; the second is nil inside a communicator.
func (c *comm) sides() (first, second *group.Group) {
	if c.behind {
		return c.remote, c.group
	}
	return c.group, c.remote
}

// scheduledKey is that of a participant's messages in a collective.
func (c *comm) scheduledKey(from match.Rank, tag int32) match.Key {
	return match.Key{Context: c.context | inCollective, Source: from, Tag: tag}
}

// goesByMessages reports whether the collectives of a new communicator's groups go by messages: where a member runs
// elsewhere. The second may be nil.
func (r *Rank) goesByMessages(first, second *group.Group) bool {
	if r.world.config.ByMessages {
		return true
	}
	for _, g := range []*group.Group{first, second} {
		for i := 0; g != nil && i < len(g.Ranks); i++ {
			if !r.world.fabric.AtHome(g.Ranks[i]) {
				return true
			}
		}
	}
	return false
}
