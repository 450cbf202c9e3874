package mpi

import (
	"github.com/faasmrun/faasmrun/mpi/agree"
	"github.com/faasmrun/faasmrun/mpi/coll/schedule"
	"github.com/faasmrun/faasmrun/mpi/datatype"
	"github.com/faasmrun/faasmrun/mpi/group"
	"github.com/faasmrun/faasmrun/mpi/match"
	"github.com/faasmrun/faasmrun/mpi/state/statepb"
	"github.com/faasmrun/faasmrun/mpi/transport"
)

// callsByTheirNames are the indexes of functions of MPI.
var callsByTheirNames = map[string]uint32{}

func init() {
	for i, name := range names {
		callsByTheirNames[name] = uint32(i)
	}
}

// function is the index of a function of MPI.
func (d *decoder) function(number uint32) uint32 {
	if int64(number) < int64(len(d.functions)) {
		return d.functions[number]
	}
	d.fail("there is no name %d of a function", number)
	return 0
}

func (d *decoder) readRequests(m *statepb.Requests, out *decoded) {
	for _, name := range m.Functions {
		index, known := callsByTheirNames[string(name)]
		d.check(known, "there is no function %q", name)
		d.functions = append(d.functions, index)
	}
	for range m.Requests {
		d.requests = append(d.requests, &request{owner: d.r})
	}
	for _, in := range m.Requests {
		for _, ref := range in.Scheduled.GetUnder() {
			q := d.request(ref)
			if d.check(q != nil && !q.step, "request %d is a step of two collectives", ref); d.err != nil {
				return
			}
			q.step, q.Shared = true, true
		}
	}
	all := &d.next.requests
	all.table = readTable(d, m.Handles, d.request)
	out.brought = map[*request]*part{}
	for i, in := range m.Requests {
		d.reading("request", i)
		d.readRequest(d.requests[i], in, out)
		if d.err != nil {
			return
		}
	}
	d.readScheduled(m, out)
	d.object = ""
	for _, ref := range m.Orphans {
		q := d.request(ref)
		d.check(q != nil && q.handle == 0, "request %d is in the program's hands and not", ref)
		all.orphans = append(all.orphans, q)
	}
	all.reapAt = int(m.ReapAt)
	d.readBuffers(m)
}

// readRequest reads a request. Those that it refers to may still be empty.
func (d *decoder) readRequest(q *request, m *statepb.Request, out *decoded) {
	q.handle, q.call, q.kind, q.comm = m.Handle, d.function(m.Function), requestKind(m.Kind), d.comm(m.Comm)
	q.peer, q.tag, q.mode, q.matched, q.told = match.Rank(m.Peer), m.Tag, sendMode(m.Mode), m.Matched, m.Told
	q.persistent, q.active, q.freed, q.starts = m.Persistent, m.Active, m.Freed, m.Starts
	q.child, q.answer, q.send, q.area = d.comm(m.Child), d.answer(m.Answer), d.request(m.Send), m.Area
	q.status, q.failure, q.Serial = d.status(m.Status), d.failure(m.Failure), m.Serial
	if d.check(q.comm != nil, "no communicator"); d.err != nil {
		return
	}
	d.check(m.Handle == 0 || d.next.requests.table.get(kindRequest, m.Handle) == q, "its handle is not %#x", m.Handle)
	d.check(m.Kind >= uint32(requestSend) && m.Kind <= uint32(requestFlush) && m.Mode <= uint32(modeBuffered),
		"kind %d, mode %d", m.Kind, m.Mode)
	if g := m.Generic; g != nil {
		q.generic = &generic{g.Query, g.Free, g.Cancel, g.Extra}
	}
	d.check((m.Generic != nil) == (q.kind == requestGeneric), "it is a generalized one and is not")
	if e := m.Envelope; e != nil {
		q.Envelope = transport.Envelope{Source: match.Rank(e.Source), Tag: e.Tag, Bytes: e.Bytes}
	}
	q.Buffer = d.span(m.Buffer)
	if q.kind <= requestReceive && !q.step && (q.peer != procNull && !m.Done || q.persistent) {
		d.check(q.Buffer.Type != nil, "it has no buffer")
		ok := q.peer == procNull || q.peer == anySource && q.kind == requestReceive || q.comm.peers().Has(q.peer)
		d.check(ok && (q.tag >= 0 || q.tag == anyTag && q.kind == requestReceive), "rank %d, tag %d", q.peer, q.tag)
	}
	if m.Part != nil {
		q.part = d.part(m.Part)
	}
	if m.Instances != nil {
		q.instances = d.instances(m.Instances)
	}
	d.check((m.Part != nil) == (q.persistent && q.kind == requestCollective) && (m.Part != nil || m.Instances == nil),
		"it is a persistent collective and is not")
	if m.Brought != nil {
		out.brought[q] = d.part(m.Brought)
		d.check(q.kind == requestCollective && !m.Done && q.active && d.comm(m.Brought.Comm) == q.comm &&
			(out.brought[q].answer != nil) == (q.answer != nil), "it has a part in no collective")
	}
	d.check(q.child == nil || q.answer != nil, "it is MPI_Comm_idup and is not")
	switch {
	case d.err != nil:
	case m.Done:
		q.End()
	case q.step: // see steps
	case q.kind == requestSend && q.peer != procNull:
		q.SendsTo(q.comm.peers().Ranks[q.peer])
	case q.kind == requestReceive && q.peer != procNull:
		q.Receives()
	}
}

// readScheduled reads the collectives by messages that are under way, when all requests are there.
func (d *decoder) readScheduled(m *statepb.Requests, out *decoded) {
	for i, in := range m.Requests {
		if in.Scheduled == nil {
			continue
		}
		q := d.requests[i]
		d.reading("request", i)
		if q.kind != requestCollective || in.Done || !q.active || in.Brought != nil {
			d.fail("it is in no collective by messages")
		}
		s := d.scheduled(q, in.Scheduled)
		if d.err != nil {
			return
		}
		q.scheduled = s
		d.next.requests.live = append(d.next.requests.live, q)
	}
}

// scheduled reads how far a collective by messages has come.
func (d *decoder) scheduled(q *request, m *statepb.Scheduled) *scheduled {
	s := &scheduled{part: q.part, round: int(m.Round), scratch: m.Scratch, failure: d.failure(m.Failure)}
	if d.check((m.Part == nil) == q.persistent, "it has a part, and the request has"); m.Part != nil {
		s.part = d.part(m.Part)
	}
	if d.err != nil {
		return nil
	}
	d.check(s.part.answer == nil && s.part.fits(q.comm) && q.tag >= 0 && (s.part.agreement != 0) == (q.answer != nil),
		"its part is of another communicator")
	if d.err != nil {
		return nil
	}
	s.plan, _ = q.comm.plan(s.part)
	algorithm, known := schedule.ByName(string(m.Algorithm))
	s.plan.Algorithm = algorithm
	d.check(known && int64(m.Round) <= int64(s.plan.Rounds()) && int64(len(s.scratch)) == s.plan.Scratch(),
		"algorithm %q, round %d, %d bytes", m.Algorithm, m.Round, len(s.scratch))
	if d.err == nil {
		d.steps(q, s, m)
	}
	return s
}

// steps gives the requests of a round under way what they send and receive.
func (d *decoder) steps(q *request, s *scheduled, m *statepb.Scheduled) {
	var steps []schedule.Step
	for i := max(s.round-1, 0); i < s.plan.Rounds(); i++ {
		steps = s.plan.Round(i, steps[:0])
		for j := range steps {
			d.check(s.holds(q.comm, &steps[j]), "step %d of round %d is outside", j, i)
		}
		if d.err != nil {
			return
		}
		if i >= s.round {
			continue
		}
		for j := range steps {
			kind := requestSend
			switch steps[j].Action {
			case schedule.Send:
			case schedule.Receive:
				kind = requestReceive
			default:
				continue
			}
			if len(s.under) == len(m.Under) {
				d.fail("round %d has more than %d operations", i, len(m.Under))
				return
			}
			step := d.request(m.Under[len(s.under)])
			d.check(step.kind == kind && step.comm == q.comm && step.handle == 0 && step.active && step.scheduled == nil,
				"step %d of round %d is another", j, i)
			s.under = append(s.under, step)
			s.describe(step, q, &steps[j])
			switch {
			case step.Done():
			case kind == requestSend:
				step.SendsTo(s.part.participant(q.comm, steps[j].Peer))
			default:
				step.Receives()
			}
		}
	}
	d.check(len(s.under) == len(m.Under), "%d operations are under way, of %d", len(m.Under), len(s.under))
}

// readOperations puts the requests' operations in their slots of the endpoint. The other slots are those of idle
// requests.
func (d *decoder) readOperations(m *statepb.Requests, generations int, out *decoded) {
	d.at = requestsSection
	out.operations = make([]*transport.Operation, generations)
	keys := map[transport.Slot]match.Key{} // of receives
	for i, in := range m.Requests {
		d.reading("request", i)
		if int64(in.Slot) >= int64(generations) || out.operations[in.Slot] != nil {
			d.fail("slot %d is another one's", in.Slot)
			return
		}
		out.operations[in.Slot] = &d.requests[i].Operation
		d.check(in.Generation == out.endpoint.Generations[in.Slot], "generation %d", in.Generation)
		if q := d.requests[i]; q.kind == requestReceive {
			k := match.Key{Context: q.comm.context, Source: q.peer, Tag: q.tag}
			if q.step {
				k = q.comm.scheduledKey(q.peer, q.tag)
			}
			keys[transport.Slot(in.Slot)] = k
		}
	}
	for i, p := range out.endpoint.Posted {
		d.at, d.object = messagesSection, ""
		k, known := keys[p.Slot]
		d.check(known && k == p.Key, "posted receive %d is not that of the request in slot %d", i, p.Slot)
	}
	d.at = requestsSection
	for slot, op := range out.operations {
		if op == nil {
			q := &request{owner: d.r}
			q.End()
			out.operations[slot] = &q.Operation
			d.next.requests.idle = append(d.next.requests.idle, q)
		}
	}
}

// readBuffers finds the buffers of buffered sends and flushes, and the areas in them.
func (d *decoder) readBuffers(m *statepb.Requests) {
	for i, in := range m.Requests {
		q := d.requests[i]
		d.reading("request", i)
		switch in.Attached {
		case 0:
		case rankBuffer:
			q.attached = &d.r.attached // where the state will be
		default:
			if c := d.comm(in.Attached); c != nil {
				q.attached = &c.attached
			}
		}
		if q.area == 0 {
			continue
		}
		b := q.attached
		if b == &d.r.attached {
			b = &d.next.attached
		}
		d.check(b != nil && b.heap.used[q.area] > 0, "its buffer has no area at %#x", q.area)
	}
}

// readPending reads how far a call has come.
func (d *decoder) readPending(m *statepb.Pending, s *threadState) {
	call, known := callsByTheirNames[string(m.Function)]
	d.check(known && m.Stage <= uint32(stageOut) && m.Step < 1<<8, "function %q, stage %d, step %d", m.Function, m.Stage,
		m.Step)
	s.pending = pending{call: call, large: m.Large, used: true, step: uint8(m.Step), stage: stage(m.Stage),
		send: d.request(m.Send), receive: d.request(m.Receive), answer: d.answer(m.Answer)}
	if m.Named != nil {
		s.pending.named = d.instances(m.Named)
	}
	if d.check((m.Brought == nil) == (m.Instances == nil), "a part in no collective"); m.Brought == nil || d.err != nil {
		return
	}
	s.pending.in = membership{d.instances(m.Instances), m.Sequence, int(m.Member)}
	d.check(s.pending.in.set != nil && int64(m.Member) < int64(m.Instances.Size), "member %d of %d", m.Member,
		m.Instances.Size)
	s.brought = d.part(m.Brought)
	d.check(d.comm(m.Brought.Comm) != nil && (s.brought.answer != nil) == (s.pending.answer != nil),
		"a part in no agreement")
}

func (d *decoder) status(m *statepb.Status) status {
	return status{match.Rank(m.GetSource()), m.GetTag(), m.GetClass(), m.GetBytes(), m.GetCancelled()}
}

// failure reads a failure; nil for none.
func (d *decoder) failure(m *statepb.Failure) *failure {
	if m == nil {
		return nil
	}
	f := &failure{class: m.Class, reason: string(m.Reason)}
	if c := d.comm(m.Comm); c != nil {
		f.object = &c.raiser
	}
	return f
}

// span reads a buffer, which lies in the program's memory or in its own copy.
func (d *decoder) span(m *statepb.Span) datatype.Span {
	if m == nil {
		return datatype.Span{}
	}
	s := datatype.Span{Mem: d.memory, Addr: m.Address, Count: m.Count, Type: d.typ(m.Type)}
	lowest := d.r.lowest
	if m.Data != nil {
		s.Mem, lowest = m.Data, 0
	}
	if d.check(s.Type != nil, "a buffer without a datatype"); s.Type != nil {
		there := s.Inside(lowest) && (m.Data != nil || d.r.mayTouch(&s))
		d.check(there, "the buffer at %#x, %d of %s, is outside the memory", s.Addr, s.Count, s.Type.Title())
	}
	return s
}

func (d *decoder) instances(m *statepb.Instances) *instances {
	if m.GetContext() == 0 && len(m.GetName()) == 0 { // the rank alone
		d.check(m.GetSize() == 1, "a collective of %d ranks that nobody knows of", m.GetSize())
		return newInstances(1)
	}
	set := d.sets(m.Context, string(m.Name), int(m.Size))
	d.check(set != nil && set.size == int(m.Size), "a collective of %d others", m.Size)
	return set
}

func (d *decoder) part(m *statepb.Part) *part {
	p := &part{rank: d.r.rank, call: d.function(m.Function), root: int(m.Root),
		count: m.Count, typ: d.typ(m.Type), typeHandle: m.TypeHandle, inPlace: m.InPlace, past: uint16(m.Past),
		copySend: m.CopySend, send: d.blocks(m.Send, false), recv: d.blocks(m.Recv, m.Op != 0),
		agreement: agree.Kind(m.Agreement), answer: d.answer(m.Answer), failure: d.failure(m.Failure)}
	if c := d.comm(m.Comm); c != nil {
		p.comm = c.toOthers()
	}
	o := d.op(m.Op)
	if o != nil {
		p.op = *o
	}
	kind, ok := collectiveByName[string(m.Collective)]
	p.kind = kind
	d.check(ok, "there is no collective %q", m.Collective)
	exchanges := kind == collAllgather || kind == collAllgatherv
	d.check((kind == collAgree) == (p.answer != nil) && m.Agreement <= uint32(agree.Graph) &&
		(p.answer == nil || m.Agreement > 0) && (m.Agreement == 0 || p.answer != nil || exchanges) &&
		(len(m.Among) == 0 || m.Agreement > 0), "an agreement that is none")
	for _, rank := range m.Among {
		d.check(int64(rank) < int64(d.r.world.config.Size), "rank %d takes part", rank)
		p.among = append(p.among, group.WorldRank(rank))
	}
	d.check((o == nil) == (p.typ == nil) && m.Count >= 0, "a reduction that is none")
	return p
}

// blocks reads blocks. Those that say how the result of a reduction is shared lie with its other members.
func (d *decoder) blocks(m *statepb.Blocks, shares bool) blocks {
	b := blocks{span: d.span(m.GetSpan()), number: m.GetNumber(), counts: m.GetCounts(), displs: m.GetDisplacements()}
	for _, ref := range m.GetTypes() {
		t := d.typ(ref)
		d.check(t != nil, "a block without a datatype")
		b.types = append(b.types, t)
	}
	d.check(len(b.counts) == len(b.displs) && (len(b.types) == 0 || len(b.types) == len(b.counts)) && b.number >= 0 &&
		(b.span.Type != nil || b.number == 0 && len(b.counts) == 0), "%d blocks, %d counts", b.number, len(b.counts))
	if d.err != nil {
		return b
	}
	if len(b.counts) == 0 && b.number > 0 {
		all, fits := b.span.Repeated(b.number)
		d.check(fits && all.Inside(0), "%d blocks are outside the memory", b.number)
	}
	for i := 0; i < len(b.counts) && !shares; i++ {
		s := b.at(i)
		d.check(s.Inside(0), "block %d is outside the memory", i)
	}
	return b
}

// answer reads a rank's part of an agreement; nil for none.
func (d *decoder) answer(m *statepb.Answer) *answer {
	if m == nil {
		return nil
	}
	a := &answer{proposal: agree.Proposal{Rank: d.r.rank, Second: m.Second, Context: m.Context, Color: m.Color, Key: m.Key,
		Group: d.group(m.Group), High: m.High, Edges: d.edges(m.Edges), Leaders: d.outcome(m.Leaders)},
		outcome: d.outcome(m.Outcome)}
	if m.Instances != nil {
		a.instances = d.instances(m.Instances)
	}
	if out := a.outcome; out != nil && out.Err == nil && out.Local != nil {
		d.check(a.instances != nil && out.Local.Index(d.r.rank) != group.Undefined, "an outcome that is another rank's")
	}
	return a
}

// outcome reads what became of a participant; nil for none.
func (d *decoder) outcome(m *statepb.Outcome) *agree.Outcome {
	if m == nil {
		return nil
	}
	out := &agree.Outcome{Context: m.Context, Local: d.group(m.Local), Remote: d.group(m.Remote), Second: m.Second,
		Member: int(m.Member)}
	if m.Graph {
		out.Edges = &agree.Edges{In: d.edges(m.In), Out: d.edges(m.Out)}
	}
	d.check(int64(m.Refused) < int64(len(refusals)), "there is no reason %d", m.Refused)
	switch f := d.failure(m.Failure); {
	case f != nil:
		out.Err = f
	case int64(m.Refused) < int64(len(refusals)):
		out.Err = refusals[m.Refused]
	}
	return out
}

func (d *decoder) edges(numbers []int64) (edges []agree.Edge) {
	if d.check(len(numbers)%3 == 0, "%d numbers of edges", len(numbers)); d.err != nil {
		return nil
	}
	for i := 0; i < len(numbers); i += 3 {
		edges = append(edges, agree.Edge{From: numbers[i], To: numbers[i+1], Weight: numbers[i+2]})
	}
	return edges
}

func (d *decoder) readMessages(m *statepb.Messages, out *decoded) {
	e := &out.endpoint
	e.Serial, e.Generations = m.Serial, m.Generations
	for i, in := range m.Posted {
		d.reading("posted receive", i)
		e.Posted = append(e.Posted, transport.Posted{Key: d.key(in.Key), Slot: transport.Slot(in.Slot)})
	}
	for i, in := range m.Unexpected {
		d.reading("unexpected message", i)
		e.Unexpected = append(e.Unexpected, d.message(in))
	}
	var taken []*extracted
	for i, in := range m.Extracted {
		d.reading("matched message", i)
		message := d.message(in)
		x, err := d.r.endpoint.Extracted(&message)
		if err != nil {
			d.fail("%v", err)
		}
		taken = append(taken, &extracted{x, d.comm(in.Comm)})
		e.Extracted = append(e.Extracted, message)
		d.check(taken[i].comm != nil, "no communicator")
	}
	d.next.messages = readTable(d, m.Handles, func(ref uint32) *extracted {
		return found(d, taken, ref, "matched message")
	})
}

func (d *decoder) key(m *statepb.Key) match.Key {
	return match.Key{Context: m.GetContext(), Source: match.Rank(m.GetSource()), Tag: m.GetTag()}
}

func (d *decoder) message(m *statepb.Message) transport.Message {
	out := transport.Message{Key: d.key(m.Key), Bytes: m.Bytes, Serial: m.Serial, Data: m.Data}
	if id := m.Sender; id != nil {
		out.Sender = transport.ID{Rank: group.WorldRank(id.Rank), Slot: transport.Slot(id.Slot), Generation: id.Generation}
	}
	return out
}
