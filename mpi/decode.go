package mpi

import (
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/faasmrun/faasmrun/mpi/agree"
	"github.com/faasmrun/faasmrun/mpi/datatype"
	"github.com/faasmrun/faasmrun/mpi/group"
	"github.com/faasmrun/faasmrun/mpi/state"
	"github.com/faasmrun/faasmrun/mpi/state/statepb"
	"github.com/faasmrun/faasmrun/mpi/transport"
)

// decoder reads a rank's state. What is wrong is noted once, with its section and object, and the rest is read as if
// nothing had been: so no function has to pass an error on.
type decoder struct {
	r           *Rank
	memory      []byte
	sets        instancesFinder
	err         error
	at          string // the section
	object      string // and the object in it
	groups      *state.Groups
	types       *state.Types
	ops         []*op
	errhandlers []*errhandler
	infos       []*info
	comms       []*comm
	topologies  []*topology
	requests    []*request
	functions   []uint32
	slots       []publishedSlot
	next        process
}

// instancesFinder gives the collective instances that the ranks of a communicator share, by its context, or by a name.
type instancesFinder func(context uint32, name string, size int) *instances

// decoded is a rank's state in new objects, which nothing else refers to yet.
type decoded struct {
	process
	phase      phase
	initThread int
	endpoint   transport.State
	operations []*transport.Operation // by slot
	extracted  int
	threads    []threadState
	brought    map[*request]*part // what collectives that are not done have of the rank
	slots      []publishedSlot
}

// threadState is what a thread of the rank has.
type threadState struct {
	number        int
	scratch, size uint64
	pending       pending
	brought       *part // what the collective has that pending is in
}

// decode reads a state of the rank, whose bytes nobody vouches for. The rank stays as it is.
func (r *Rank) decode(b []byte, sets instancesFinder) (*decoded, error) {
	sections, err := state.Read(b, stateVersions)
	if err != nil {
		return nil, err
	}
	d := &decoder{r: r, memory: r.main.host.Memory(), sets: sets}
	if d.groups, err = state.ReadGroups(sections, r.world.everyone); err != nil {
		return nil, err
	}
	if d.types, err = state.ReadTypes(sections); err != nil {
		return nil, err
	}
	var (
		objects  statepb.Objects
		comms    statepb.Comms
		process  statepb.Process
		requests statepb.Requests
		messages statepb.Messages
		threads  statepb.Threads
		out      decoded
	)
	for _, step := range []struct {
		section string
		message proto.Message
		read    func()
	}{
		{objectsSection, &objects, func() { d.readObjects(&objects) }},
		{commsSection, &comms, func() { d.readComms(&comms) }},
		{processSection, &process, func() { d.readProcess(&process, &out) }},
		{requestsSection, &requests, func() { d.readRequests(&requests, &out) }},
		{messagesSection, &messages, func() {
			d.readMessages(&messages, &out)
			d.readOperations(&requests, len(messages.Generations), &out)
		}},
		{threadsSection, &threads, func() { d.readThreads(&threads, &out) }},
	} {
		if _, err := sections.Get(step.section, step.message); err != nil {
			return nil, err
		}
		d.at, d.object = step.section, ""
		step.read()
		if d.err != nil {
			return nil, d.err
		}
	}
	out.process, out.slots = d.next, d.slots
	return &out, nil
}

// fail notes what is wrong with the object that is being read.
func (d *decoder) fail(format string, arguments ...any) {
	if d.err == nil {
		d.err = state.Invalid(d.at, "%s%s", d.object, fmt.Sprintf(format, arguments...))
	}
}

// check notes that something is wrong unless ok.
func (d *decoder) check(ok bool, format string, arguments ...any) {
	if !ok {
		d.fail(format, arguments...)
	}
}

// reading names the object that is read now.
func (d *decoder) reading(kind string, i int) { d.object = fmt.Sprintf("%s %d: ", kind, i) }

// found is object number ref of a list; nil for none.
func found[T any](d *decoder, list []*T, ref uint32, what string) *T {
	if i := int64(ref) - state.FirstReference; i >= 0 && i < int64(len(list)) {
		return list[i]
	}
	d.check(ref == 0, "there is no %s %d", what, ref)
	return nil
}

func (d *decoder) comm(ref uint32) *comm       { return found(d, d.comms, ref, "communicator") }
func (d *decoder) request(ref uint32) *request { return found(d, d.requests, ref, "request") }

func (d *decoder) group(ref uint32) *group.Group {
	g, ok := d.groups.Find(ref)
	d.check(ok, "there is no group %d", ref)
	return g
}

func (d *decoder) typ(ref uint32) *datatype.Type {
	t, ok := d.types.Find(ref)
	d.check(ok, "there is no datatype %d", ref)
	return t
}

func (d *decoder) op(ref uint32) *op {
	if i := ref - opNull; i < uint32(len(namedOps)) && namedOps[i] != nil {
		return namedOps[i]
	}
	return found(d, d.ops, ref, "operation")
}

func (d *decoder) errhandler(ref uint32) *errhandler {
	if h, f := new(Rank).errhandler(ref); f == nil { // a predefined one
		return h
	}
	h := found(d, d.errhandlers, ref, "error handler")
	d.check(h != nil, "no error handler")
	return h
}

// readTable reads the handles of objects of one type, each of which get gives by its reference.
func readTable[T any](d *decoder, m *statepb.Table, get func(uint32) *T) (t table[T]) {
	d.object = "handles: "
	n := len(m.GetObjects())
	if n > maxObjects || len(m.GetGenerations()) != n {
		d.fail("%d objects, and generations of %d", n, len(m.GetGenerations()))
		return t
	}
	t.generation, t.free, t.objects = m.GetGenerations(), m.GetFree(), make([]*T, n)
	free := 0
	for i, ref := range m.GetObjects() {
		d.check(t.generation[i] < 1<<generationBits, "generation %d", t.generation[i])
		if ref == 0 {
			free++
			continue
		}
		t.objects[i] = get(ref)
	}
	seen := map[uint32]bool{}
	for _, i := range t.free {
		d.check(int64(i) < int64(n) && t.objects[i] == nil && !seen[i], "index %d is not free, or twice", i)
		if d.err != nil {
			break
		}
		seen[i] = true
	}
	d.check(len(t.free) == free, "%d indexes are free, and %d in the list", free, len(t.free))
	return t
}

func (d *decoder) readObjects(m *statepb.Objects) {
	for i, in := range m.Ops {
		d.reading("operation", i)
		d.check(in.Function != null, "no function")
		d.ops = append(d.ops, &op{function: in.Function, commutative: in.Commutative, large: in.Large})
	}
	d.next.ops = readTable(d, m.OpHandles, func(ref uint32) *op { return found(d, d.ops, ref, "operation") })
	for i, in := range m.Errhandlers {
		d.reading("error handler", i)
		h := &errhandler{kind: raiserKind(in.Kind), given: in.Handle, holds: int(in.Holds), function: in.Function}
		d.check(in.Kind >= uint32(raiserComm) && in.Kind <= uint32(raiserSession) && in.Function != null, "kind %d", in.Kind)
		d.check(in.Holds < 1<<62 && (in.Holds > 0) == (in.Handle != 0), "held %d times, with handle %#x", in.Holds, in.Handle)
		d.errhandlers = append(d.errhandlers, h)
	}
	d.next.errhandlers = readTable(d, m.ErrhandlerHandles, d.errhandler)
	for i, h := range d.errhandlers {
		d.reading("error handler", i)
		d.check(h.given == 0 || d.next.errhandlers.get(kindErrhandler, h.given) == h, "its handle is not %#x", h.given)
	}
	for i, in := range m.Infos {
		d.reading("info", i)
		d.infos = append(d.infos, d.info(in))
	}
	d.next.infos = readTable(d, m.InfoHandles, func(ref uint32) *info { return found(d, d.infos, ref, "info") })
	d.next.groups = readTable(d, d.groups.Handles, d.group)
	d.next.types = readTable(d, d.types.Handles, d.typ)
}

// info reads an info object; nil for none.
func (d *decoder) info(m *statepb.Info) *info {
	if m == nil {
		return nil
	}
	d.check(len(m.Keys) == len(m.Values) && len(m.Keys) <= maxInfoKeys, "%d keys and %d values", len(m.Keys),
		len(m.Values))
	i := &info{}
	for j := range min(len(m.Keys), len(m.Values)) {
		i.keys, i.values = append(i.keys, string(m.Keys[j])), append(i.values, string(m.Values[j]))
	}
	return i
}

func (d *decoder) readComms(m *statepb.Comms) {
	for i, in := range m.Topologies {
		d.reading("topology", i)
		d.topologies = append(d.topologies, d.topology(in))
	}
	for i, in := range m.Comms {
		d.reading("communicator", i)
		d.comms = append(d.comms, d.readComm(in))
	}
	d.object = ""
	if d.check(len(d.comms) >= 2, "%d communicators", len(d.comms)); d.err != nil {
		return
	}
	p, w := &d.next, d.r
	p.worldComm, p.self = d.comms[0], d.comms[1]
	d.check(p.worldComm.context == worldContext && p.worldComm.handle == commWorld &&
		len(p.worldComm.group.Ranks) == len(w.world.ranks), "the first communicator is not MPI_COMM_WORLD")
	d.check(p.self.context == selfContext && p.self.handle == commSelf && len(p.self.group.Ranks) == 1,
		"the second communicator is not MPI_COMM_SELF")
	p.comms = readTable(d, m.Handles, d.comm)
	for i, c := range d.comms[2:] {
		d.reading("communicator", i+2)
		d.check(c.freed || p.comms.get(kindComm, c.handle) == c, "its handle is not %#x", c.handle)
	}
}

func (d *decoder) topology(m *statepb.Topology) *topology {
	t := &topology{kind: m.Kind, dims: m.Dims, periods: m.Periods, index: m.Index, edges: m.Edges,
		in: d.neighbours(m.In), out: d.neighbours(m.Out)}
	last := int64(0)
	for _, x := range t.index {
		d.check(x >= last, "the index falls")
		last = x
	}
	for _, n := range t.dims {
		d.check(n > 0, "dimension %d", n)
	}
	d.check(last == int64(len(t.edges)) && len(t.dims) == len(t.periods) && len(t.dims) <= maxDims,
		"%d edges, %d dimensions", len(t.edges), len(t.dims))
	d.check(t.kind == topoCart || t.kind == topoGraph || t.kind == topoDistGraph, "kind %d", t.kind)
	return t
}

func (d *decoder) neighbours(m *statepb.Neighbours) neighbours {
	n := neighbours{ranks: m.GetRanks(), weights: m.GetWeights(), weighted: m.GetWeighted()}
	d.check(len(n.weights) == len(n.ranks) || len(n.weights) == 0 && !n.weighted, "%d neighbours and %d weights",
		len(n.ranks), len(n.weights))
	return n
}

// fits checks that a topology's ranks are those of a communicator.
func (d *decoder) fits(t *topology, c *comm) {
	size := int64(c.group.Size())
	switch t.kind {
	case topoCart:
		d.check(t.nodes() == size, "a grid of %d ranks for %d", t.nodes(), size)
	case topoGraph:
		d.check(int64(len(t.index)) == size, "a graph of %d ranks for %d", len(t.index), size)
	}
	for _, x := range slices.Concat(t.edges, t.in.ranks, t.out.ranks) {
		d.check(x >= 0 && x < size, "a neighbour %d of %d ranks", x, size)
	}
}

func (d *decoder) readComm(m *statepb.Comm) *comm {
	c := newComm(m.Handle, d.errhandler(m.Errhandler))
	c.context, c.group, c.remote, c.behind = m.Context, d.group(m.Group), d.group(m.Remote), m.Second
	c.member, c.sequence, c.round, c.past, c.seen = int(m.Member), m.Sequence, m.Round, uint16(m.Past), m.Seen
	c.persistent, c.freed, c.info, c.byMessages = m.Persistent, m.Freed, d.info(m.Info), m.ByMessages
	c.attributes, c.attached = d.attributes(m.Attributes), d.attachedBuffer(m.Attached)
	if m.Name != nil {
		name := string(m.Name)
		c.name.Store(&name)
	}
	if d.check(c.group != nil, "no group"); c.group == nil {
		c.group = group.Empty
	}
	if m.Context == 0 { // MPI_Comm_idup has not ended
		c.topology = found(d, d.topologies, m.Topology, "topology")
		d.check(c.group == group.Empty && c.remote == nil && len(m.Slots) == 0, "it has members already")
		return c
	}
	c.rank = c.group.Index(d.r.rank)
	first, size := int64(0), int64(len(c.group.Ranks))
	if c.remote != nil {
		size += int64(len(c.remote.Ranks))
		d.check(group.Intersection(c.group, c.remote).Size() == 0, "its groups overlap")
	}
	if c.behind {
		first = size - int64(len(c.group.Ranks))
	}
	d.check(c.rank != group.Undefined && int64(m.Member) == first+int64(c.rank), "rank %d is member %d", d.r.rank,
		m.Member)
	d.check(m.Past <= 0xffff && m.Seen <= m.Round && m.Round <= m.Sequence && !(c.behind && c.remote == nil),
		"%d collectives, %d rounds, %d seen", m.Sequence, m.Round, m.Seen)
	if t := found(d, d.topologies, m.Topology, "topology"); t != nil {
		c.topology = t
		d.fits(t, c)
	}
	if c.byMessages {
		d.check(len(m.Slots) == 0, "it has slots, and its collectives go by messages")
		return c
	}
	c.instances = d.sets(c.context, "", int(size))
	d.check(c.instances != nil && c.instances.size == int(size), "its members' collectives are of others")
	d.readSlots(c, m.Slots)
	return c
}

// readSlots reads the rank's slots of a communicator.
func (d *decoder) readSlots(c *comm, slots []*statepb.Slot) {
	for _, m := range slots {
		kind, ok := collectiveByName[string(m.Collective)]
		d.check(ok && m.Round >= max(1, c.seen) && m.Round <= c.round && m.Past <= 0xffff && len(m.Data) <= slotLimit,
			"a slot of round %d", m.Round)
		d.slots = append(d.slots, publishedSlot{c, m.Round, kind, m.Inline, m.Root, uint16(m.Past), m.Data})
	}
}

// publishedSlot is what a slot says that the rank has published.
type publishedSlot struct {
	comm   *comm
	round  uint64
	kind   collective
	inline bool
	root   int32
	past   uint16
	data   []byte
}

// there reports whether the slot is in its row, as it is where the rank has been all the time.
func (p *publishedSlot) there() bool {
	row := p.comm.instances.slots.row(p.round)
	mine := &row.slots[p.comm.member]
	return mine.round.Load() == uint32(p.round) && mine.kind == p.kind && mine.inline == p.inline && mine.root == p.root &&
		mine.past == p.past && (!mine.inline || string(row.data(p.comm.member)) == string(p.data))
}

var collectiveByName = func() map[string]collective {
	kinds := map[string]collective{}
	for kind := range collectives {
		kinds[collectives[kind].name] = collective(kind)
	}
	return kinds
}()

func (d *decoder) attributes(list []*statepb.Attribute) (out attributes) {
	for _, at := range list {
		out = append(out, attribute{at.Keyval, at.Value})
	}
	return out
}

// inMemory reports whether size bytes at an address are the program's.
func (d *decoder) inMemory(address, size uint64) bool {
	n := uint64(len(d.memory))
	return address <= n && size <= n-address
}

// heap reads memory that MPI has: pieces that do not overlap.
func (d *decoder) heap(m *statepb.Heap) (h heap) {
	free, used := m.GetFree(), m.GetUsed()
	if d.check(len(free)%2 == 0 && len(used)%2 == 0, "an address has no size"); d.err != nil {
		return h
	}
	var all []area
	for i := 0; i < len(free); i += 2 {
		h.free = append(h.free, area{free[i], free[i+1]})
	}
	all = append(all, h.free...)
	d.check(slices.IsSortedFunc(h.free, byAddress), "free memory is not in order")
	for i := 0; i < len(used); i += 2 {
		if h.used == nil {
			h.used = map[uint64]uint64{}
		}
		h.used[used[i]] = used[i+1]
		all = append(all, area{used[i], used[i+1]})
	}
	slices.SortFunc(all, byAddress)
	end := uint64(0)
	for _, a := range all {
		d.check(a.address >= end && a.size > 0 && a.address%heapAlign == 0 && d.inMemory(a.address, a.size),
			"%d bytes of memory at %#x", a.size, a.address)
		end = a.address + a.size
	}
	return h
}

func byAddress(a, b area) int {
	switch {
	case a.address < b.address:
		return -1
	case a.address > b.address:
		return 1
	}
	return 0
}

// attachedBuffer reads a buffer for buffered sends; one that is not on for none.
func (d *decoder) attachedBuffer(m *statepb.Attached) attached {
	if m == nil {
		return attached{}
	}
	b := attached{address: m.Address, size: m.Size, heap: d.heap(m.Heap), areas: m.Areas, on: true}
	d.check(m.Address == bufferAutomatic && m.Size == 0 || d.inMemory(m.Address, m.Size), "a buffer of %d bytes at %#x",
		m.Size, m.Address)
	return b
}

func (d *decoder) readProcess(m *statepb.Process, out *decoded) {
	p := &d.next
	out.phase, out.initThread = phase(m.Phase), int(m.InitThread)
	d.check(m.Phase <= uint32(finalized), "phase %d", m.Phase)
	p.threadLevel = m.ThreadLevel
	var err error
	if p.contexts, err = agree.ContinueContexts(d.r.rank, len(d.r.world.ranks), m.NextContext); err != nil {
		d.fail("%v", err)
	}
	d.readKeyvals(m)
	for _, in := range m.Errors {
		p.errors.codes = append(p.errors.codes, userError{in.Class, string(in.Text), in.Removed})
	}
	p.heap, p.attached = d.heap(m.Heap), d.attachedBuffer(m.Attached)
	for _, in := range m.TypeAttributes {
		t, list := d.typ(in.Type), d.attributes(in.Attributes)
		if p.typeAttributes == nil {
			p.typeAttributes = map[*datatype.Type]*attributes{}
		}
		d.check(t != nil && p.typeAttributes[t] == nil, "attributes of datatype %d", in.Type)
		p.typeAttributes[t] = &list
	}
	for _, in := range m.TypeNames {
		if p.typeNames == nil {
			p.typeNames = map[uint32]string{}
		}
		p.typeNames[in.Type] = string(in.Name)
	}
	for _, in := range m.PredefinedAt {
		if p.predefinedAt == nil {
			p.predefinedAt = map[int32]uint64{}
		}
		p.predefinedAt[in.Keyval] = in.Address
	}
	for _, in := range m.F90 {
		if p.f90 == nil {
			p.f90 = map[f90Key]uint32{}
		}
		p.f90[f90Key{datatype.Combiner(in.Combiner), in.Precision, in.Range}] = in.Handle
		d.check(p.types.get(kindDatatype, in.Handle) != nil, "there is no datatype with handle %#x", in.Handle)
	}
	d.checkUses()
}

func (d *decoder) readKeyvals(m *statepb.Process) {
	p := &d.next
	d.check(len(m.Keyvals) <= 1<<keyvalIndexBits, "%d attribute keys", len(m.Keyvals))
	for i, in := range m.Keyvals {
		p.keyvals = append(p.keyvals, keyval{object: keyvalObject(in.Object), copy: in.Copy, del: in.Delete,
			extra: in.Extra, freed: in.Freed, uses: int(in.Uses), number: in.Number})
		d.check(in.Number >= firstKeyval && keyvalIndex(in.Number) == i &&
			(in.Object == uint32(keyvalComm) || in.Object == uint32(keyvalType)), "attribute key %d", in.Number)
	}
	seen := map[uint32]bool{}
	for _, i := range m.FreeKeyvals {
		d.check(int64(i) < int64(len(p.keyvals)) && !seen[i], "attribute key %d is free", i)
		seen[i] = true
		p.freeKeyvals = append(p.freeKeyvals, int(i))
	}
	gone := 0
	for i := range p.keyvals {
		if v := &p.keyvals[i]; v.freed && v.uses == 0 {
			gone++
			d.check(seen[uint32(i)], "attribute key %d is gone and not free", v.number)
		}
	}
	d.check(gone == len(p.freeKeyvals), "%d attribute keys are free and %d gone", len(p.freeKeyvals), gone)
}

// checkUses checks that attributes have keys, as many as the keys say.
func (d *decoder) checkUses() {
	p := &d.next
	uses := map[int32]int{}
	count := func(list attributes, object keyvalObject) {
		for _, at := range list {
			i := keyvalIndex(at.keyval)
			d.check(i < len(p.keyvals) && p.keyvals[i].number == at.keyval && p.keyvals[i].object == object,
				"an attribute with key %d", at.keyval)
			uses[at.keyval]++
		}
	}
	for _, c := range d.comms {
		count(c.attributes, keyvalComm)
	}
	for list := range maps.Values(p.typeAttributes) {
		count(*list, keyvalType)
	}
	for i := range p.keyvals {
		v := &p.keyvals[i]
		d.check(uses[v.number] == v.uses, "%d attributes have key %d, and it says %d", uses[v.number], v.number, v.uses)
	}
}

func (d *decoder) readThreads(m *statepb.Threads, out *decoded) {
	known := false
	for i, in := range m.Threads {
		d.reading("thread", i)
		s := threadState{number: int(in.Number), scratch: in.Scratch, size: in.ScratchSize}
		if in.Pending != nil {
			d.readPending(in.Pending, &s)
		}
		out.threads = append(out.threads, s)
		d.check(in.Scratch == null && in.ScratchSize == 0 || d.next.heap.used[in.Scratch] >= max(1, in.ScratchSize),
			"%d bytes at %#x", in.ScratchSize, in.Scratch)
		known = known || int(in.Number) == out.initThread
	}
	d.object = ""
	d.check(known, "MPI was initialized by thread %d, which is not there", out.initThread)
}
