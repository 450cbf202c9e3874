package mpi

import (
	"encoding/binary"

	"github.com/faasmrun/faasmrun/mpi/agree"
	"github.com/faasmrun/faasmrun/mpi/datatype"
	"github.com/faasmrun/faasmrun/mpi/group"
	"github.com/faasmrun/faasmrun/mpi/match"
)

// Agreement on new communicators by messages, where a participant runs in another process: each sends all the others
// what it proposes, by the plan of an MPI_Allgather of the lengths and that of an MPI_Allgatherv of the proposals, and
// settles all of them by mpi/agree. What comes of it is the same everywhere, because what is settled is. It is one
// request, which one plan after the other belongs to.

// among are the participants of an agreement that are not all of a communicator, and its tag there.
type among struct {
	ranks []group.WorldRank
	tag   int32
}

// tagAmong is set in the tags of agreements among some members of a communicator alone, whom the program gives a tag:
// one of MPI_Comm_create_group, or with tagLeaders of MPI_Intercomm_create. Their messages have ranks of the world as
// sources, because a number among the participants is another one's in the next agreement.
const (
	tagAmong   = tagPersistent | 1<<29
	tagLeaders = 1 << 28
)

// agreeByMessages brings a proposal to the other participants, by messages of a communicator, and returns when it is
// settled. What fails is raised on c.
func (t *Thread) agreeByMessages(c, by *comm, some *among, kind agree.Kind, mine *answer) (*answer, *failure) {
	q := t.pending.receive
	if q == nil {
		t.proposes(mine)
		q = t.newRequest(requestCollective, by)
		q.answer = mine
		t.keeps(nil, q)
		if f := t.startAgreement(q, kind, some); f != nil {
			t.pending.receive = nil
			t.release(q)
			return mine, f.told(c)
		}
	}
	t.await(q)
	t.pending.receive = nil
	mine = q.answer
	if _, f := t.finish(q); f != nil {
		return mine, f.told(c)
	}
	return mine, t.concluded(c, mine)
}

// headBytes is what participants send before their proposals: the length, the kind of agreement, and the function.
const headBytes = 8

// startAgreement begins an agreement among some or all members of a request's communicator, which has the answer.
func (t *Thread) startAgreement(q *request, kind agree.Kind, some *among) *failure {
	c := q.comm
	p := &part{kind: collAllgather, agreement: kind}
	if some == nil {
		c.sequence++
		q.tag = int32(c.sequence & tagNumbers)
	} else {
		p.among, q.tag = some.ranks, some.tag
	}
	head := binary.LittleEndian.AppendUint32(nil, uint32(len(q.answer.wire())))
	head = binary.LittleEndian.AppendUint32(head, uint32(kind)<<24|q.call)
	p.send.span, p.send.number = datatype.Whole(head), 1
	n := p.participants(c)
	p.recv.span, p.recv.number = datatype.Whole(make([]byte, n*headBytes)), int64(n)
	p.recv.span.Count = headBytes
	return t.startPlan(p, q)
}

// wire is the proposal as bytes.
func (a *answer) wire() []byte { return a.handedOver().proposal.Append(nil) }

// participants is how many ranks take part in a collective by messages on a communicator.
func (p *part) participants(c *comm) int {
	if p.among != nil {
		return len(p.among)
	}
	return c.members()
}

// participant is one of them by its number.
func (p *part) participant(c *comm, i int) group.WorldRank {
	if p.among != nil {
		return p.among[i]
	}
	return c.participant(i)
}

// source is the source of its messages.
func (p *part) source(c *comm, i int) match.Rank {
	if p.among != nil {
		return match.Rank(p.among[i])
	}
	return match.Rank(i)
}

// number is the number of the rank that the communicator is of.
func (p *part) number(c *comm, rank group.WorldRank) int {
	for i, other := range p.among {
		if other == rank {
			return i
		}
	}
	return c.member
}

// nextPlan begins the plan that follows one that is over and is the same request's, and reports whether there is one.
// After the last plan of an agreement it is settled.
func (t *Thread) nextPlan(q *request) bool {
	s := q.scheduled
	switch {
	case s.part.agreement == 0 || s.failure != nil:
		return false
	case s.part.kind == collAllgather:
		return t.exchangeProposals(q)
	}
	t.settleByMessages(q)
	return false
}

// exchangeProposals begins to, once their lengths are known, and reports whether it has: not if members have called
// different functions, of which all know then.
func (t *Thread) exchangeProposals(q *request) bool {
	s, c := q.scheduled, q.comm
	heads := s.part.recv.span.Mem
	p := &part{kind: collAllgatherv, agreement: s.part.agreement, among: s.part.among}
	total := int64(0)
	for at := 0; at < len(heads); at += headBytes {
		n, called := binary.LittleEndian.Uint32(heads[at:]), binary.LittleEndian.Uint32(heads[at+4:])
		if first := binary.LittleEndian.Uint32(heads[4:]); called != first {
			s.fail(c.failf(errNotSame, "%s of %s called %s and %s called %s", c.memberTitle(0), c.title(),
				calledBy(first), c.memberTitle(at/headBytes), calledBy(called)))
			return false
		}
		p.recv.counts, p.recv.displs = append(p.recv.counts, int64(n)), append(p.recv.displs, total)
		total += int64(n)
	}
	mine := q.answer.wire()
	p.send.span, p.send.number = datatype.Whole(mine), 1
	p.recv.span, p.recv.number = datatype.Whole(nil), int64(len(p.recv.counts))
	if total > maxProposals {
		s.fail(c.failf(errNoMem, "no memory for proposals of %d bytes", total))
		return false
	}
	p.recv.span.Mem = make([]byte, total)
	t.requests.keepPlan(s)
	next := t.requests.takePlan()
	next.part = p
	next.plan, next.failure = c.plan(p)
	next.scratch = t.requests.takeScratch(next.plan.Scratch())
	q.scheduled = next
	return true
}

// maxProposals bounds the bytes of all proposals of one agreement, of which a distributed graph's have all its edges.
const maxProposals = 1 << 32

// calledBy is the function that a head names.
func calledBy(called uint32) string {
	if i := called & (1<<24 - 1); i < uint32(len(names)) && i > 0 {
		return callName(i)
	}
	return "another function"
}

// settleByMessages gives the request what became of its proposal, all of them being there.
func (t *Thread) settleByMessages(q *request) {
	s, c := q.scheduled, q.comm
	p := s.part
	first, second := c.sides()
	proposals := make([]agree.Proposal, p.participants(c))
	for i := range proposals {
		block := p.recv.at(i)
		b, _ := block.Contiguous()
		proposal, err := agree.ReadProposal(p.agreement, b, t.world.config.Size, len(proposals))
		if err != nil {
			s.fail(c.failf(errIntern, "%s of %s has sent %v", c.memberTitle(i), c.title(), err))
			return
		}
		proposal.Rank = p.participant(c, i)
		proposal.Second = p.among == nil && second != nil && i >= len(first.Ranks)
		proposals[i] = proposal
	}
	out := agree.Settle(p.agreement, proposals)[p.number(c, t.rank)]
	q.answer.outcome = &out
	if out.Local != nil && !t.goesByMessages(out.Local, out.Remote) {
		q.answer.instances = t.world.madeInstances(&out)
	}
}

// madeInstances gives the instances of a new communicator whose members all run here, and have agreed by messages. The
// last of them takes the set out of the world's.
func (w *World) madeInstances(out *agree.Outcome) *instances {
	size := len(out.Local.Ranks)
	if out.Remote != nil {
		size += len(out.Remote.Ranks)
	}
	w.instancesMu.Lock()
	defer w.instancesMu.Unlock()
	set := w.made[out.Context]
	if set == nil {
		set = newInstances(size)
		w.made[out.Context] = set
	}
	if set.users++; set.users == size {
		delete(w.made, out.Context)
	}
	return set
}
