package mpi

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"unsafe"

	"github.com/faasmrun/faasmrun/mpi/datatype"
	"github.com/faasmrun/faasmrun/mpi/state"
	"github.com/faasmrun/faasmrun/mpi/state/statepb"
	"github.com/faasmrun/faasmrun/mpi/transport"
)

// The encoding of a rank's MPI state: here and in encoderequest.go it is written, in decode.go and decoderequest.go
// read. What refers to an object gives it a number; so each object is written once, whoever has it.

// The sections, beside those of package state.
const (
	objectsSection  = "objects"
	commsSection    = "comms"
	processSection  = "process"
	requestsSection = "requests"
	messagesSection = "messages"
	threadsSection  = "threads"
)

// stateVersions are the versions that are written. Earlier ones are read.
var stateVersions = state.Versions{state.GroupsSection: 1, state.TypesSection: 1, objectsSection: 1, commsSection: 2,
	processSection: 1, requestsSection: 3, messagesSection: 1, threadsSection: 1}

// References to what is in no section.
const (
	worldReference = state.FirstReference // of a communicator
	selfReference  = worldReference + 1
	rankBuffer     = 1 // of an attached buffer: the rank's; else it is the reference of a communicator
)

var errChecked = errors.New("a job that is checked (--check) has MPI state that is not encoded")

// references number objects of one type as they come up.
type references[T any] struct {
	numbers map[*T]uint32
	list    []*T
}

func (l *references[T]) of(object *T) uint32 {
	if object == nil {
		return 0
	}
	number, known := l.numbers[object]
	if !known {
		if l.numbers == nil {
			l.numbers = map[*T]uint32{}
		}
		number = state.FirstReference + uint32(len(l.list))
		l.numbers[object] = number
		l.list = append(l.list, object)
	}
	return number
}

// encoder writes a rank's state.
type encoder struct {
	r           *Rank
	memory      *byte // the rank's
	groups      *state.GroupWriter
	types       *state.TypeWriter
	ops         references[op]
	errhandlers references[errhandler]
	infos       references[info]
	comms       references[comm]
	topologies  references[topology]
	requests    references[request]
	functions   map[uint32]uint32 // of MPI: where their names are in names
	names       [][]byte
	sets        knownInstances // that the state mentions
}

// knownInstances are collective instances by the contexts of their communicators, or by names.
type knownInstances struct {
	byContext map[uint32]*instances
	byName    map[string]*instances
}

func (k *knownInstances) find(context uint32, name string, _ int) *instances {
	if name != "" {
		return k.byName[name]
	}
	return k.byContext[context]
}

// encode gives the rank's state, of which the endpoint has e, and the instances that it mentions, which are not the
// rank's own. The rank is in no call, or in one that was broken off, and no copy of its data is under way.
func (r *Rank) encode(e transport.State) ([]byte, *knownInstances, error) {
	if r.check != nil {
		return nil, nil, errChecked
	}
	w := &encoder{r: r, memory: unsafe.SliceData(r.main.host.Memory()), groups: state.NewGroupWriter(len(r.world.ranks)),
		types: state.NewTypeWriter(), functions: map[uint32]uint32{},
		sets: knownInstances{map[uint32]*instances{}, map[string]*instances{}}}
	w.comms.of(r.worldComm)
	w.comms.of(r.self)
	out := state.Writer{Versions: stateVersions}
	// What refers to something is written before that.
	out.Add(threadsSection, w.threads())
	requests := w.allRequests()
	out.Add(messagesSection, w.messages(e))
	out.Add(requestsSection, requests)
	out.Add(processSection, w.process())
	out.Add(commsSection, w.allComms())
	out.Add(objectsSection, w.objects())
	out.Add(state.GroupsSection, w.groups.Section(encodeTable(&r.groups, w.groups.Reference)))
	handles := encodeTable(&r.types, w.types.Reference)
	types, err := w.types.Section(handles)
	if err != nil {
		return nil, nil, err
	}
	out.Add(state.TypesSection, types)
	return out.Bytes(), &w.sets, nil
}

// encodeTable writes the handles of objects of one type.
func encodeTable[T any](t *table[T], reference func(*T) uint32) *statepb.Table {
	out := &statepb.Table{Generations: t.generation, Free: t.free, Objects: make([]uint32, len(t.objects))}
	for i, object := range t.objects {
		if object != nil {
			out.Objects[i] = reference(object)
		}
	}
	return out
}

func (w *encoder) threads() *statepb.Threads {
	out := &statepb.Threads{}
	for _, t := range w.r.allThreads() {
		out.Threads = append(out.Threads, &statepb.Thread{Number: uint32(t.number), Scratch: t.mover.area,
			ScratchSize: t.mover.size, Pending: w.pending(&t.pending)})
	}
	return out
}

func (w *encoder) process() *statepb.Process {
	r := w.r
	p := &statepb.Process{Phase: uint32(r.phase()), ThreadLevel: r.threadLevel, InitThread: uint32(r.initThread.number),
		NextContext: r.contexts.Next(), Heap: r.heap.encode(), Attached: r.attached.encode()}
	for i := range r.keyvals {
		v := &r.keyvals[i]
		p.Keyvals = append(p.Keyvals, &statepb.Keyval{Object: uint32(v.object), Copy: v.copy, Delete: v.del,
			Extra: v.extra, Freed: v.freed, Uses: uint32(v.uses), Number: v.number})
	}
	for _, i := range r.freeKeyvals {
		p.FreeKeyvals = append(p.FreeKeyvals, uint32(i))
	}
	for _, u := range r.errors.codes {
		p.Errors = append(p.Errors, &statepb.UserError{Class: u.class, Text: []byte(u.text), Removed: u.removed})
	}
	for t, list := range r.typeAttributes {
		p.TypeAttributes = append(p.TypeAttributes, &statepb.TypeAttributes{Type: w.types.Reference(t),
			Attributes: list.encode()})
	}
	slices.SortFunc(p.TypeAttributes, func(a, b *statepb.TypeAttributes) int { return cmp.Compare(a.Type, b.Type) })
	for _, handle := range slices.Sorted(maps.Keys(r.typeNames)) {
		p.TypeNames = append(p.TypeNames, &statepb.TypeName{Type: handle, Name: []byte(r.typeNames[handle])})
	}
	for _, k := range slices.Sorted(maps.Keys(r.predefinedAt)) {
		p.PredefinedAt = append(p.PredefinedAt, &statepb.PredefinedAt{Keyval: k, Address: r.predefinedAt[k]})
	}
	for k, handle := range r.f90 {
		p.F90 = append(p.F90, &statepb.F90{Combiner: uint32(k.combiner), Precision: k.p, Range: k.r, Handle: handle})
	}
	slices.SortFunc(p.F90, func(a, b *statepb.F90) int { return cmp.Compare(a.Handle, b.Handle) })
	return p
}

func (l attributes) encode() (out []*statepb.Attribute) {
	for _, at := range l {
		out = append(out, &statepb.Attribute{Keyval: at.keyval, Value: at.value})
	}
	return out
}

func (h *heap) encode() *statepb.Heap {
	out := &statepb.Heap{}
	for _, a := range h.free {
		out.Free = append(out.Free, a.address, a.size)
	}
	for _, address := range slices.Sorted(maps.Keys(h.used)) {
		out.Used = append(out.Used, address, h.used[address])
	}
	return out
}

// encode writes a buffer, or nothing where none is attached.
func (b *attached) encode() *statepb.Attached {
	if !b.on {
		return nil
	}
	return &statepb.Attached{Address: b.address, Size: b.size, Heap: b.heap.encode(), Areas: b.areas}
}

func (w *encoder) objects() *statepb.Objects {
	r := w.r
	out := &statepb.Objects{OpHandles: encodeTable(&r.ops, w.op),
		ErrhandlerHandles: encodeTable(&r.errhandlers, w.errhandler),
		InfoHandles:       encodeTable(&r.infos, w.infos.of)}
	for _, o := range w.ops.list {
		out.Ops = append(out.Ops, &statepb.Op{Function: o.function, Commutative: o.commutative, Large: o.large})
	}
	for _, h := range w.errhandlers.list {
		out.Errhandlers = append(out.Errhandlers, &statepb.Errhandler{Kind: uint32(h.kind), Function: h.function,
			Handle: h.given, Holds: uint64(h.holds)})
	}
	for _, i := range w.infos.list {
		out.Infos = append(out.Infos, i.encode())
	}
	return out
}

// op is the reference of an operation, or of none.
func (w *encoder) op(o *op) uint32 {
	if o != nil && !o.isUser() {
		return o.code.Handle()
	}
	return w.ops.of(o)
}

// opOf is the reference of a part's operation, or of none: of the program's object if that is still there.
func (w *encoder) opOf(p *part) uint32 {
	if !p.reduces() {
		return 0
	}
	for _, list := range [][]*op{w.r.ops.objects, w.ops.list} {
		for _, o := range list {
			if o != nil && *o == p.op {
				return w.op(o)
			}
		}
	}
	o := p.op
	return w.op(&o)
}

func (w *encoder) errhandler(h *errhandler) uint32 {
	if h.handle != 0 {
		return h.handle
	}
	return w.errhandlers.of(h)
}

// encode writes an info object, or nothing for nil.
func (i *info) encode() *statepb.Info {
	if i == nil {
		return nil
	}
	out := &statepb.Info{}
	for j := range i.keys {
		out.Keys, out.Values = append(out.Keys, []byte(i.keys[j])), append(out.Values, []byte(i.values[j]))
	}
	return out
}

// allComms writes the communicators. Those that have a handle come up in the order of their handles, unless something
// has referred to them before.
func (w *encoder) allComms() *statepb.Comms {
	out := &statepb.Comms{Handles: encodeTable(&w.r.comms, w.comms.of)}
	for _, c := range w.comms.list { // which refer to no further ones
		out.Comms = append(out.Comms, w.comm(c))
	}
	for _, t := range w.topologies.list {
		out.Topologies = append(out.Topologies, t.encode())
	}
	return out
}

func (w *encoder) comm(c *comm) *statepb.Comm {
	m := &statepb.Comm{Handle: c.handle, Errhandler: w.errhandler(c.errhandler), Context: c.context,
		Group: w.groups.Reference(c.group), Remote: w.groups.Reference(c.remote), Member: uint32(c.member),
		Second: c.behind, Sequence: c.sequence, Round: c.round, Past: uint32(c.past), Seen: c.seen,
		Persistent: c.persistent, Attributes: c.attributes.encode(), Topology: w.topologies.of(c.topology),
		Info: c.info.encode(), Attached: c.attached.encode(), Freed: c.freed, ByMessages: c.byMessages,
		Slots: c.encodeSlots()}
	if c.instances != nil {
		w.sets.byContext[c.context] = c.instances
	}
	if name := c.name.Load(); name != nil {
		m.Name = append([]byte{}, *name...)
	}
	return m
}

// encodeSlots writes the slots of a communicator's rank that another member may still read: those since the last round
// to which all are known to have come.
func (c *comm) encodeSlots() (out []*statepb.Slot) {
	if c.round == 0 {
		return nil
	}
	s := &c.instances.slots
	for round := max(c.seen, 1, c.round-min(c.round, slotRows-1)); round <= c.round; round++ {
		row := s.row(round)
		mine := &row.slots[c.member]
		if mine.round.Load() != uint32(round) { // it is not out yet
			continue
		}
		m := &statepb.Slot{Round: round, Collective: collectiveName(mine.kind), Kind: handleOfKind(mine.typ),
			Inline: mine.inline, Root: mine.root, Past: uint32(mine.past)}
		if mine.code != datatype.OpUser {
			m.Op = mine.code.Handle()
		}
		if mine.inline {
			m.Data = append([]byte{}, row.data(c.member)...)
		}
		out = append(out, m)
	}
	return out
}

// collectiveName is a collective in an encoding.
func collectiveName(kind collective) []byte { return []byte(collectives[kind].name) }

// handleOfKind is the handle of a predefined datatype of a kind; 0 for none.
func handleOfKind(k datatype.Kind) uint32 {
	for handle := uint32(datatypeNull); handle < datatypeNull+0x100 && k != 0; handle++ {
		if t := datatype.ByHandle(handle); t != nil && t.Kind() == k {
			return handle
		}
	}
	return 0
}

func (t *topology) encode() *statepb.Topology {
	return &statepb.Topology{Kind: t.kind, Dims: t.dims, Periods: t.periods, Index: t.index, Edges: t.edges,
		In: t.in.encode(), Out: t.out.encode()}
}

func (n *neighbours) encode() *statepb.Neighbours {
	return &statepb.Neighbours{Ranks: n.ranks, Weights: n.weights, Weighted: n.weighted}
}
