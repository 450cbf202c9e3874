package mpi

import (
	"github.com/faasmrun/faasmrun/mpi/coll/schedule"
	"github.com/faasmrun/faasmrun/mpi/datatype"
	"github.com/faasmrun/faasmrun/mpi/transport"
)

// The steps of a plan, done on the member's own blocks.

// beginRound does the steps of the next round: sends and receives are begun.
func (t *Thread) beginRound(q *request) {
	s := q.scheduled
	steps := t.steps.Of(&s.plan, s.round)
	s.round++
	for i := 0; i < len(steps); i++ {
		step := &steps[i]
		switch step.Action {
		case schedule.Send:
			m := t.internal(requestSend, q, step)
			p := s.part
			from := p.source(q.comm, p.number(q.comm, t.rank))
			t.endpoint.Send(&m.Operation, p.participant(q.comm, step.Peer), q.comm.scheduledKey(from, q.tag),
				transport.Standard)
		case schedule.Receive:
			m := t.internal(requestReceive, q, step)
			t.endpoint.Receive(&m.Operation, q.comm.scheduledKey(m.peer, q.tag))
		case schedule.Copy:
			s.copy(q.comm, step)
		case schedule.Load:
			last := i
			for last+1 < len(steps) && isReduction(steps[last+1].Action) {
				last++
			}
			t.reduce(q, steps[i:last+1])
			i = last
		}
	}
}

// isReduction reports whether a step belongs to the reduction that began before it.
func isReduction(a schedule.Action) bool { return a == schedule.Fold || a == schedule.Store }

// internal makes the request of a step that sends or receives.
func (t *Thread) internal(kind requestKind, q *request, step *schedule.Step) *request {
	m := t.newRequest(kind, q.comm)
	m.call, m.step, m.Shared = q.call, true, true
	q.scheduled.describe(m, q, step)
	q.scheduled.under = append(q.scheduled.under, m)
	return m
}

// describe has a request say what a step sends or receives.
func (s *scheduled) describe(m, q *request, step *schedule.Step) {
	r := &step.From
	if step.Action == schedule.Receive {
		r = &step.To
	}
	m.peer, m.tag, m.Buffer, m.block = s.part.source(q.comm, step.Peer), q.tag, s.span(r), r.Length == schedule.Whole
}

// copy does a step that copies. A block that is too short fails the collective, as one that comes by a message does.
func (s *scheduled) copy(c *comm, step *schedule.Step) {
	to, from := s.span(&step.To), s.span(&step.From)
	if to.Bytes() < from.Bytes() {
		me := c.memberTitle(c.member)
		s.fail(c.failf(errTruncate, "%s of %s sends a block of %d bytes and %s receives one of %d", me, c.title(),
			from.Bytes(), me, to.Bytes()))
	}
	to.CopyFrom(&from)
}

// span is the memory of a region.
func (s *scheduled) span(r *schedule.Region) datatype.Span {
	if r.Length == 0 { // where there may be no block
		return datatype.Whole(nil)
	}
	b := &s.part.recv
	switch r.Buffer {
	case schedule.SendBuffer:
		b = &s.part.send
	case schedule.Scratch:
		n := r.Length
		if n == schedule.Whole {
			block := b.at(r.Block)
			n = block.Bytes()
		}
		return datatype.Whole(s.scratch[r.Offset : r.Offset+n])
	}
	all := b.span // of a reduction: its counts say how the result is shared
	if !s.part.reduces() {
		all = b.at(r.Block)
	}
	if r.Length == schedule.Whole {
		return all
	}
	return cut(all, r.Offset, r.Length)
}

// cut is a piece of a span, in bytes of its data: of one with holes, whole elements.
func cut(all datatype.Span, at, n int64) datatype.Span {
	switch size := all.Type.Size(); {
	case at == 0 && n == all.Bytes():
	case all.Type.Contiguous():
		all.Addr, all.Count, all.Type = all.Addr+at, n, datatype.Byte()
	default:
		all.Addr, all.Count = all.Addr+at/size*all.Type.Extent(), n/size
	}
	return all
}

// reduce does a reduction: a step that loads, steps that fold and store. It goes through all of them for one piece of
// the vectors after the other, which stays in the processor's cache meanwhile.
func (t *Thread) reduce(q *request, steps []schedule.Step) {
	p := q.scheduled.part
	size, extent := p.typ.Size(), p.typ.Extent()
	piece := max(1, scratchBytes/max(extent, -extent, size, 1))
	spans := t.spans[:0]
	for i := range steps {
		if r := &steps[i].From; steps[i].Action == schedule.Store {
			spans = append(spans, q.scheduled.span(&steps[i].To))
		} else {
			spans = append(spans, q.scheduled.span(r))
		}
	}
	t.spans = spans
	n := spans[0].Bytes() / size
	mv := &t.mover
	mv.typ = nil
	if p.op.isUser() {
		if f := mv.prepareUser(min(piece, n), p.typ, p); f != nil {
			q.scheduled.fail(f.on(q.comm))
			return
		}
	}
	for at := int64(0); at < n; at += piece {
		mv.n = min(piece, n-at)
		for i := range steps {
			s := cut(spans[i], at*size, mv.n*size)
			mv.combine(steps[i].Action, p, &s)
		}
	}
	clear(t.spans)
}

// combine does one step of a reduction with a piece of a vector.
func (mv *mover) combine(a schedule.Action, p *part, s *datatype.Span) {
	switch {
	case mv.typ != nil && a == schedule.Fold:
		in := mv.buffer(1)
		in.CopyFrom(s)
		mv.apply()
	case mv.typ != nil:
		acc := mv.buffer(0)
		exchange(a, &acc, s)
	case a == schedule.Fold:
		mv.kernelOf(p)(mv.acc[:mv.pending], mv.laidOut(p, s))
	default:
		mv.scratch()
		mv.pending = int(mv.n * p.typ.Extent())
		acc := datatype.Span{Mem: mv.acc, Count: mv.n, Type: p.typ}
		exchange(a, &acc, s)
	}
}

// exchange loads the intermediate result, or stores it.
func exchange(a schedule.Action, acc, s *datatype.Span) {
	if a == schedule.Load {
		acc.CopyFrom(s)
	} else {
		s.CopyFrom(acc)
	}
}

func (mv *mover) kernelOf(p *part) datatype.Kernel { return p.op.code.Kernel(p.typ.Kind()) }

// laidOut is the memory of a vector's elements as they are in the program's memory: where they come without the holes
// between them, in a buffer.
func (mv *mover) laidOut(p *part, s *datatype.Span) []byte {
	if p.typ.Contiguous() {
		if b, ok := s.Contiguous(); ok {
			return b
		}
	}
	out := datatype.Span{Mem: mv.spare, Count: mv.n, Type: p.typ}
	out.CopyFrom(s)
	return mv.spare[:mv.pending]
}
