package mpi

import (
	"errors"
	"unsafe"

	"github.com/faasmrun/faasmrun/mpi/agree"
	"github.com/faasmrun/faasmrun/mpi/datatype"
	"github.com/faasmrun/faasmrun/mpi/match"
	"github.com/faasmrun/faasmrun/mpi/state/statepb"
	"github.com/faasmrun/faasmrun/mpi/transport"
)

// function is where the name of a function of MPI is among the names of the section.
func (w *encoder) function(index uint32) uint32 {
	number, known := w.functions[index]
	if !known {
		number = uint32(len(w.names))
		w.functions[index] = number
		w.names = append(w.names, []byte(callName(index)))
	}
	return number
}

// allRequests writes the requests.
func (w *encoder) allRequests() *statepb.Requests {
	all := &w.r.requests
	out := &statepb.Requests{Handles: encodeTable(&all.table, w.requests.of), ReapAt: uint32(all.reapAt)}
	for _, q := range all.orphans {
		out.Orphans = append(out.Orphans, w.requests.of(q))
	}
	for i := 0; i < len(w.requests.list); i++ { // one may bring up another
		out.Requests = append(out.Requests, w.request(w.requests.list[i]))
	}
	out.Functions = w.names
	return out
}

func (w *encoder) request(q *request) *statepb.Request {
	if q.Done() { // or what its note says would be lost
		q.conclude()
	}
	m := &statepb.Request{Handle: q.handle, Function: w.function(q.call), Kind: uint32(q.kind), Comm: w.comms.of(q.comm),
		Peer: int32(q.peer), Tag: q.tag, Mode: uint32(q.mode), Matched: q.matched, Told: q.told, Persistent: q.persistent,
		Active: q.active, Freed: q.freed, Starts: q.starts, Child: w.comms.of(q.child), Answer: w.answer(q.answer),
		Send: w.requests.of(q.send), Area: q.area, Attached: w.attached(q.attached), Status: q.status.encode(),
		Failure: w.failure(q.failure), Slot: uint32(q.ID().Slot), Generation: q.ID().Generation, Done: q.Done(),
		Serial: q.Serial, Buffer: w.span(&q.Buffer), Instances: w.instances(q.instances, nil)}
	if q.Envelope != (transport.Envelope{}) {
		m.Envelope = &statepb.Envelope{Source: int32(q.Source), Tag: q.Envelope.Tag, Bytes: q.Bytes}
	}
	if g := q.generic; g != nil {
		m.Generic = &statepb.Generic{Query: g.query, Free: g.free, Cancel: g.cancel, Extra: g.extra}
	}
	if q.part != nil {
		m.Part = w.part(q.part, nil)
	}
	in := q.joined()
	m.Brought, m.Scheduled = w.brought(&in, q.comm), w.scheduled(q)
	if q.step {
		m.Buffer = nil
	}
	return m
}

// scheduled writes how far a collective by messages has come, or nothing.
func (w *encoder) scheduled(q *request) *statepb.Scheduled {
	s := q.scheduled
	if s == nil {
		return nil
	}
	m := &statepb.Scheduled{Algorithm: []byte(s.plan.Algorithm.Name()), Round: uint32(s.round), Scratch: s.scratch,
		Failure: w.failure(s.failure)}
	if !q.persistent {
		m.Part = w.part(s.part, nil)
	}
	for _, step := range s.under {
		m.Under = append(m.Under, w.requests.of(step))
	}
	return m
}

// brought writes what a collective that is not over has of the rank, or nothing.
func (w *encoder) brought(in *membership, c *comm) *statepb.Part {
	inst := in.instance()
	if inst == nil {
		return nil
	}
	return w.part(&inst.parts[in.member], c)
}

// pending writes how far a call has come that was broken off, or nothing.
func (w *encoder) pending(p *pending) *statepb.Pending {
	if !p.used {
		return nil
	}
	m := &statepb.Pending{Function: []byte(callName(p.call)), Large: p.large, Step: uint32(p.step), Stage: uint32(p.stage),
		Send: w.requests.of(p.send), Receive: w.requests.of(p.receive), Answer: w.answer(p.answer),
		Named: w.instances(p.named, nil), Sequence: p.in.sequence, Member: uint32(p.in.member)}
	if inst := p.in.instance(); inst != nil {
		mine := &inst.parts[p.in.member]
		c := w.r.commOf(mine.comm.context)
		m.Brought, m.Instances = w.part(mine, c), w.instances(p.in.set, c)
	}
	return m
}

// instances writes among whom a collective is: under a name, or on a communicator, or the rank alone. nil is none.
func (w *encoder) instances(set *instances, c *comm) *statepb.Instances {
	if set == nil {
		return nil
	}
	m := &statepb.Instances{Name: []byte(set.name), Size: uint32(set.size)}
	switch {
	case set.name != "":
		w.sets.byName[set.name] = set
	case c != nil:
		m.Context = c.context
	}
	return m
}

// attached is the reference of a buffer for buffered sends, or of none.
func (w *encoder) attached(b *attached) uint32 {
	switch b {
	case nil:
		return 0
	case &w.r.attached:
		return rankBuffer
	}
	for _, c := range w.comms.list {
		if b == &c.attached {
			return w.comms.of(c)
		}
	}
	for _, c := range w.r.comms.objects {
		if c != nil && b == &c.attached {
			return w.comms.of(c)
		}
	}
	return rankBuffer // of a communicator that was freed: all sends in it had left
}

func (s *status) encode() *statepb.Status {
	return &statepb.Status{Source: int32(s.source), Tag: s.tag, Class: s.class, Bytes: s.bytes, Cancelled: s.cancelled}
}

// failure writes a failure, or nothing for nil.
func (w *encoder) failure(f *failure) *statepb.Failure {
	if f == nil {
		return nil
	}
	m := &statepb.Failure{Class: f.class, Reason: []byte(f.reason)}
	for _, c := range w.comms.list {
		if f.object == &c.raiser {
			m.Comm = w.comms.of(c)
		}
	}
	return m
}

// span writes a buffer, or nothing where there is none. Its bytes are in the program's memory, unless it is a copy.
func (w *encoder) span(s *datatype.Span) *statepb.Span {
	if s.Type == nil {
		return nil
	}
	m := &statepb.Span{Address: s.Addr, Count: s.Count, Type: w.types.Reference(s.Type)}
	if len(s.Mem) > 0 && unsafe.SliceData(s.Mem) != w.memory {
		m.Data = s.Mem
	}
	return m
}

// commOf finds the communicator, which is not freed, with a context.
func (r *Rank) commOf(context uint32) *comm {
	for _, c := range append([]*comm{r.worldComm, r.self}, r.comms.objects...) {
		if c != nil && c.context == context {
			return c
		}
	}
	return nil
}

// part writes what the rank brings to a collective, on a communicator or, where the request has that, nil.
func (w *encoder) part(p *part, c *comm) *statepb.Part {
	m := &statepb.Part{Comm: w.comms.of(c), Function: w.function(p.call), Collective: collectiveName(p.kind),
		Root: int32(p.root), Op: w.opOf(p), Count: p.count, Type: w.types.Reference(p.typ), TypeHandle: p.typeHandle,
		InPlace: p.inPlace, Past: uint32(p.past), CopySend: p.copySend, Send: w.blocks(&p.send), Recv: w.blocks(&p.recv),
		Agreement: uint32(p.agreement), Answer: w.answer(p.answer), Failure: w.failure(p.failure)}
	for _, rank := range p.among {
		m.Among = append(m.Among, uint32(rank))
	}
	return m
}

func (w *encoder) blocks(b *blocks) *statepb.Blocks {
	m := &statepb.Blocks{Span: w.span(&b.span), Number: b.number, Counts: b.counts, Displacements: b.displs}
	for _, t := range b.types {
		m.Types = append(m.Types, w.types.Reference(t))
	}
	return m
}

// answer writes the rank's part of an agreement, or nothing for nil.
func (w *encoder) answer(a *answer) *statepb.Answer {
	if a == nil {
		return nil
	}
	p := &a.proposal
	m := &statepb.Answer{Second: p.Second, Context: p.Context, Color: p.Color, Key: p.Key,
		Group: w.groups.Reference(p.Group), High: p.High, Edges: encodeEdges(p.Edges), Leaders: w.outcome(p.Leaders),
		Outcome: w.outcome(a.outcome)}
	if a.instances != nil {
		m.Instances = &statepb.Instances{Size: uint32(a.instances.size)}
		if out := a.outcome; out != nil {
			m.Instances.Context = out.Context
		} else if p.Leaders != nil {
			m.Instances.Context = p.Leaders.Context
		}
		w.sets.byContext[m.Instances.Context] = a.instances
	}
	return m
}

// refusals are the errors of agreements, by their numbers in an encoding.
var refusals = []error{1: agree.ErrOverlap, agree.ErrGroups, agree.ErrLeaders, agree.ErrContexts}

func (w *encoder) outcome(out *agree.Outcome) *statepb.Outcome {
	if out == nil {
		return nil
	}
	m := &statepb.Outcome{Context: out.Context, Local: w.groups.Reference(out.Local),
		Remote: w.groups.Reference(out.Remote), Second: out.Second, Member: uint32(out.Member)}
	if out.Edges != nil {
		m.Graph, m.In, m.Out = true, encodeEdges(out.Edges.In), encodeEdges(out.Edges.Out)
	}
	if f := (*failure)(nil); errors.As(out.Err, &f) {
		m.Failure = w.failure(f)
	}
	for i, err := range refusals {
		if err != nil && errors.Is(out.Err, err) {
			m.Refused = uint32(i)
		}
	}
	return m
}

func encodeEdges(edges []agree.Edge) (out []int64) {
	for _, e := range edges {
		out = append(out, e.From, e.To, e.Weight)
	}
	return out
}

// messages writes what the endpoint holds, and what matched probes have taken.
func (w *encoder) messages(e transport.State) *statepb.Messages {
	out := &statepb.Messages{Serial: e.Serial, Generations: e.Generations}
	for _, p := range e.Posted {
		out.Posted = append(out.Posted, &statepb.Posted{Key: encodeKey(p.Key), Slot: uint32(p.Slot)})
	}
	for i := range e.Unexpected {
		out.Unexpected = append(out.Unexpected, encodeMessage(&e.Unexpected[i]))
	}
	var taken references[extracted]
	out.Handles = encodeTable(&w.r.messages, taken.of)
	for _, x := range taken.list {
		data := x.Message()
		m := encodeMessage(&data)
		m.Comm = w.comms.of(x.comm)
		out.Extracted = append(out.Extracted, m)
	}
	return out
}

func encodeKey(k match.Key) *statepb.Key {
	return &statepb.Key{Context: k.Context, Source: int32(k.Source), Tag: k.Tag}
}

func encodeMessage(m *transport.Message) *statepb.Message {
	out := &statepb.Message{Key: encodeKey(m.Key), Bytes: m.Bytes, Serial: m.Serial, Data: m.Data}
	if id := m.Sender; id != (transport.ID{}) {
		out.Sender = &statepb.Operation{Rank: uint32(id.Rank), Slot: uint32(id.Slot), Generation: id.Generation}
	}
	return out
}
