package mpi

import (
	"fmt"
	"math"
	"sync"

	"github.com/faasmrun/faasmrun/mpi/agree"
	"github.com/faasmrun/faasmrun/mpi/coll"
	"github.com/faasmrun/faasmrun/mpi/datatype"
	"github.com/faasmrun/faasmrun/mpi/group"
	"github.com/faasmrun/faasmrun/mpi/match"
	"github.com/faasmrun/faasmrun/mpi/transport"
)

// instances are the collectives under way on one communicator, by sequence number. Its members share them: ranks call
// collectives on a communicator in the same order, so each finds its own instance by counting.
type instances struct {
	size   int
	slots  collSlots
	mu     sync.Mutex
	live   map[uint64]*instance // guarded by mu
	idle   []*instance          // guarded by mu
	name   string               // of those that have no communicator
	users  int                  // ranks that use them by that name; guarded by World.instancesMu
	counts []uint64             // the last sequence number of each member; made under mu
}

// instance is one collective on the general path: what each participant brought, and how far it is.
type instance struct {
	coll.Instance
	set       *instances
	sequence  uint64
	parts     []part
	reference *part // the part that the others are compared with; the root's, if only the root knows itself
	algorithm *coll.Algorithm
	shape     coll.Shape
	streams   bool       // so much that it is copied past the caches
	failMu    sync.Mutex // for the parts' failures, while several ranks do items
	proposals []agree.Proposal
}

// part is what one participant brought to a collective: plain data and memory. What others need of the participant
// besides, it has as IDs.
type part struct {
	rank       group.WorldRank
	request    transport.ID // that is told of the end; none in a blocking call
	comm       commMember
	call       uint32 // the function it called
	origin     origin // the call site, for checking
	kind       collective
	root       int            // the root among the participants; unknownRoot on the root's side of an intercommunicator
	op         op             // of a reduction; the function of one of the program's is the participant's own
	count      int64          // of a reduction
	typ        *datatype.Type // of a reduction, and of nothing else
	typeHandle uint32         // as the rank names it, for its own operation
	inPlace    bool
	past       uint16
	copySend   bool // what it sends is copied before other participants may write there
	send       blocks
	recv       blocks
	agreement  agree.Kind        // on new communicators, with answer or by messages
	among      []group.WorldRank // who takes part by messages; nil: all of the communicator
	answer     *answer           // which is nobody's but this part's
	failure    *failure          // raised on nothing yet
}

// reduces reports whether the participant brings a reduction's vector, or receives its result.
func (p *part) reduces() bool { return p.typ != nil }

// blocks reports whether the participant waits in the call.
func (p *part) blocks() bool { return p.request == transport.ID{} }

// commMember is what the other participants know of a participant's communicator.
type commMember struct {
	context  uint32
	name     *string    // the program's, if it gave one
	rank     match.Rank // in its own group
	index    int        // among the participants
	first    int        // ranks in the first group
	inter    bool       // it is an intercommunicator
	behind   bool       // the rank is in its second group
	topology *topology
}

// toOthers is the communicator as a part has it.
func (c *comm) toOthers() commMember {
	first, second := c.sides()
	return commMember{c.context, c.name.Load(), c.rank, c.member, len(first.Ranks), second != nil, c.behind, c.topology}
}

// title is the communicator's name in messages.
func (m *commMember) title() string { return commTitle(m.context, m.name) }

const unknownRoot = -1

// reset prepares a part for another collective, keeping its arrays.
func (p *part) reset(kind collective) {
	p.kind, p.root, p.op, p.typ, p.inPlace, p.copySend, p.count = kind, 0, op{}, nil, false, false, 0
	p.agreement, p.among, p.answer, p.failure = 0, nil, nil, nil
	p.send.clear()
	p.recv.clear()
}

func newInstances(size int) *instances {
	return &instances{size: size, slots: collSlots{size: size}, live: map[uint64]*instance{}}
}

// at gives the instance with a sequence number, which the first to arrive makes.
func (set *instances) at(sequence uint64) *instance {
	set.mu.Lock()
	defer set.mu.Unlock()
	if inst := set.live[sequence]; inst != nil {
		return inst
	}
	var inst *instance
	if n := len(set.idle); n > 0 {
		inst = set.idle[n-1]
		set.idle = set.idle[:n-1]
	} else {
		inst = &instance{set: set, parts: make([]part, set.size)}
	}
	inst.Reset(set.size)
	inst.sequence = sequence
	set.live[sequence] = inst
	return inst
}

// joined is the rank's place in the collective instance of a request, if that is not done.
func (q *request) joined() (m membership) {
	if q.kind == requestCollective && q.active && !q.Done() && q.scheduled == nil {
		m = membership{q.instances, q.starts, q.comm.member}
		if m.set == nil {
			m.set = q.comm.instances
		}
	}
	return m
}

// leave gives the instance back once n more participants, and so all, have left it.
func (inst *instance) leave(n int) {
	set, sequence := inst.set, inst.sequence
	if !inst.Leave(n) {
		return
	}
	set.mu.Lock()
	delete(set.live, sequence)
	set.idle = append(set.idle, inst)
	set.mu.Unlock()
}

// abandon drops an instance that some members will never reach. Each member that did reach it finds that out by itself.
func (inst *instance) abandon() {
	inst.set.mu.Lock()
	if inst.set.live[inst.sequence] == inst {
		delete(inst.set.live, inst.sequence)
	}
	inst.set.mu.Unlock()
}

// shareBytes is the work, in bytes read or written, from which ranks that wait are woken to help: 10 µs of copying,
// twice what waking one takes. A reduction of so much is cut into shareItems items at least, or one would do it all.
const (
	shareBytes = 64 << 10
	shareItems = 8
)

// streamBytes is what the ranks of an alltoall send and receive from which it is copied past the caches. Of so much,
// blocks of 64 KiB between 16 ranks, that takes 0.7 of the time, and 0.94 with reading and writing all of it between;
// of 8 MiB it takes 0.9 and 1.1.
const streamBytes = 32 << 20

// enter takes part in the next collective of the communicator.
func (t *Thread) enter(c *comm, p *part) *failure {
	if c.byMessages {
		return t.enterScheduled(c, p)
	}
	if c.isInline(t.Rank, p) {
		return t.enterSlots(c, p)
	}
	return t.enterAt(&c.sequence, c.instances, c, c.member, p)
}

// alone has the thread be the one that is in a blocking collective of the communicator, until the function is called
// that it gives. Threads of a rank must not be in two at once (MPI 5.0, chapter 11.6.2): none could tell the first.
func (t *Thread) alone(c *comm) (leave func()) {
	if other := c.calling; other != nil && other != t {
		t.abort(errOther, callName(t.call.Load()), "called on %s while thread %d is in %s on it: collectives on one "+
			"communicator must not be called by two threads at once [MPI_ERR_OTHER]", c.title(), other.number,
			callName(other.call.Load()))
	}
	c.calling = t
	return func() { c.calling = nil }
}

// startAt brings the rank's part to the next instance of a set, whose end the request is told of.
func (t *Thread) startAt(sequence *uint64, set *instances, c *comm, member int, p *part, q *request) *failure {
	if t.mover.inUserOp {
		return c.failf(errOther, "a user's operation must not communicate")
	}
	*sequence++
	q.starts = *sequence
	inst := set.at(*sequence)
	t.bring(inst, c, member, p, q)
	if inst.Arrive() {
		inst.begin(t)
	}
	return nil
}

// enterAt takes part in the next instance of a set.
func (t *Thread) enterAt(sequence *uint64, set *instances, c *comm, member int, p *part) *failure {
	if t.mover.inUserOp {
		return c.failf(errOther, "a user's operation must not communicate")
	}
	if t.holds && set == c.instances {
		defer t.alone(c)()
	}
	published := set == c.instances && c.usesSlots(t.Rank)
	first := t.pending.stage == stageNone
	if first {
		*sequence++
		t.pending.in = membership{set, *sequence, member}
	}
	inst := set.at(*sequence)
	if first {
		t.bring(inst, c, member, p, nil)
	}
	mine := &inst.parts[member]
	if t.pending.stage < stageOut {
		if published {
			mine.past = c.past
			t.publishEmpty(c, mine.kind)
		}
		t.enters(stageOut)
		if inst.Arrive() {
			inst.begin(t)
		}
	}
	if !inst.Finished() {
		if f := t.waitFor(inst, c, published); f != nil {
			c.past = 0
			return f
		}
	}
	f := mine.failure.told(c)
	if p := t.pending.answer; p != nil {
		p.take(mine.answer)
	}
	if published {
		c.past = 0
	}
	inst.leave(1)
	return f
}

// bring puts the thread's part into an instance.
func (t *Thread) bring(inst *instance, c *comm, member int, p *part, q *request) {
	mine := &inst.parts[member]
	*mine, *p = *p, *mine // swapped, so that both keep their arrays
	mine.rank, mine.comm, mine.request, mine.call, mine.failure = t.rank, c.toOthers(), q.reference(), t.call.Load(), nil
	if t.stats != nil {
		call := mine.call
		if q != nil {
			call = q.call
		}
		t.stats.brought(call, mine)
	}
	if t.check != nil {
		mine.origin = t.here()
	}
	if mine.copySend {
		mine.send.span = mine.send.span.Clone()
	}
	mine.past = 0
}

// waitFor waits for the instance's end, and does items when there is work. It fails if other members have called
// something else.
func (t *Thread) waitFor(inst *instance, c *comm, published bool) *failure {
	for !inst.Finished() {
		t.work(inst)
		diverged := -1
		t.waitOn(inst.set, scopeAll, func() { t.note(waitState{what: waitCollective, comm: c}) }, func() bool {
			if published {
				diverged = c.diverged()
			}
			return inst.Finished() || inst.Work() && inst.mayWork(t.rank) || diverged >= 0
		})
		if diverged >= 0 && !inst.Finished() {
			inst.abandon()
			return c.differ(c.instances.slots.row(c.round), c.member, diverged)
		}
	}
	return nil
}

// begin is called by the last to arrive: it does the work, or opens it to all when there is much.
func (inst *instance) begin(t *Thread) {
	if f := inst.prepare(t.world); f != nil {
		inst.failAll(t.world, f)
		return
	}
	if inst.reference.answer != nil {
		inst.settle()
		inst.finish(t.world)
		return
	}
	items := inst.algorithm.Count(inst.shape)
	switch {
	case inst.usesUserOp():
		if !inst.mayCall(t.rank) {
			inst.delegateUserOp(t.world)
			return
		}
	case items > 1 && inst.reference.blocks() && inst.volume() >= shareBytes:
		inst.Open(items)
		inst.wakeHelpers(t, min(items, t.world.config.Cores)-1)
		t.work(inst)
		return
	}
	t.workAlone(inst)
}

// failAll ends the instance with the same failure for everyone.
func (inst *instance) failAll(w *World, f *failure) {
	for i := range inst.parts {
		inst.parts[i].failure = f
	}
	inst.finish(w)
}

// workAlone does all the work of an instance.
func (t *Thread) workAlone(inst *instance) {
	t.mover.inst, t.mover.typ = inst, nil
	if inst.usesUserOp() {
		chunk, typ := int64(inst.shape.Chunk), inst.reference.typ
		if f := t.mover.prepareUser(chunk, typ, inst.partOf(t.rank)); f != nil {
			inst.failAll(t.world, f)
			return
		}
	}
	for item := range inst.algorithm.Count(inst.shape) {
		inst.algorithm.Item(&t.mover, inst.shape, item)
	}
	inst.finish(t.world)
}

// mayCall reports whether a rank can call the program's operation: ranks on the root's side of an intercommunicator
// have given none.
func (inst *instance) mayCall(r group.WorldRank) bool {
	p := inst.partOf(r)
	return p != nil && p.reduces()
}

// mayWork reports whether a rank can do items of an open instance.
func (inst *instance) mayWork(r group.WorldRank) bool { return !inst.usesUserOp() || inst.mayCall(r) }

func (inst *instance) partOf(r group.WorldRank) *part {
	for i := range inst.parts {
		if inst.parts[i].rank == r {
			return &inst.parts[i]
		}
	}
	return nil
}

// delegateUserOp leaves the work to ranks that can call the program's operation: the first of them that waits in the
// collective, or for its request, does it all. The requests of the other ranks are complete: they bring nothing.
func (inst *instance) delegateUserOp(w *World) {
	gone := 0
	for i := range inst.parts {
		if p := &inst.parts[i]; !p.reduces() && !p.blocks() {
			w.fabric.Complete(p.request, nil)
			p.request = transport.ID{}
			gone++
		}
	}
	// From here on others may end the instance; the caller, which brings nothing either, has not left it.
	inst.Open(1)
	for i := range inst.parts {
		if p := &inst.parts[i]; p.reduces() {
			w.fabric.Wake(p.rank, nil) // also who waits for one request of several
		}
	}
	if gone > 0 {
		inst.leave(gone)
	}
}

// takeDeferred does the work of the request's collective, if it was left to its owner and nobody does it yet.
func (t *Thread) takeDeferred(q *request) {
	if q.comm.remote == nil || t.mover.inUserOp {
		return
	}
	in := q.joined()
	if inst := in.claim(); inst != nil {
		t.workAlone(inst)
	}
}

// wakeHelpers wakes waiting ranks, as many as there are other processors. The rest sleep until the end.
func (inst *instance) wakeHelpers(t *Thread, helpers int) {
	for i := range inst.parts {
		if helpers <= 0 {
			return
		}
		if other := inst.parts[i].rank; other != t.rank && t.world.fabric.Wake(other, inst.set) {
			helpers--
		}
	}
}

// usesUserOp reports whether the collective calls a function of the program.
func (inst *instance) usesUserOp() bool {
	ref := inst.reference
	return ref.reduces() && ref.op.isUser()
}

// work does items of an open instance until there are none.
func (t *Thread) work(inst *instance) {
	if !inst.Work() || !inst.mayWork(t.rank) {
		return
	}
	if inst.usesUserOp() {
		if _, mine := inst.Take(); mine {
			t.workAlone(inst)
		}
		return
	}
	t.mover.inst, t.mover.typ = inst, nil
	for {
		item, ok := inst.Take()
		if !ok {
			return
		}
		inst.algorithm.Item(&t.mover, inst.shape, item)
		if inst.Done() {
			inst.finish(t.world)
			return
		}
	}
}

// finish lets everyone go. Ranks that wait in the collective leave by themselves; ranks that hold a request have left
// as soon as it is complete. The caller is one of the participants and has not left, so the instance stays.
func (inst *instance) finish(w *World) {
	gone := 0
	inst.Finish()
	for i := range inst.parts {
		p := &inst.parts[i]
		if p.blocks() {
			w.fabric.Wake(p.rank, inst.set)
			continue
		}
		w.fabric.Complete(p.request, p.ending())
		gone++
	}
	if gone > 0 {
		inst.leave(gone)
	}
}

// ending is how a collective has ended for the owner of a request, who is told of it by the request's note; it is nil
// where there is nothing to tell.
type ending struct {
	failure *failure
	answer  *answer
}

func (p *part) ending() any {
	if p.failure == nil && p.answer == nil {
		return nil
	}
	return &ending{p.failure, p.answer}
}

// conclude takes from the request's note how its collective has ended, or that its message was given back.
func (q *request) conclude() {
	switch e := q.Note.(type) {
	case *ending:
		q.Note, q.failure = nil, e.failure.told(q.comm)
		if q.answer != nil {
			q.answer.take(e.answer)
		}
	case transport.Withdrawn:
		q.Note, q.status = nil, cancelledStatus
	}
}

// prepare checks that everybody called the same collective (otherwise the work would read what was never brought) and
// chooses the algorithm. The caller does the work.
func (inst *instance) prepare(w *World) *failure {
	ref := &inst.parts[0]
	for i := range inst.parts {
		if inst.parts[i].root == i && inst.parts[i].comm.inter {
			ref = &inst.parts[i] // only the root knows itself
		}
	}
	inst.reference = ref
	for i := range inst.parts {
		if f := inst.agree(w, ref, &inst.parts[i], i); f != nil {
			return f
		}
		w.checkReduction(ref, &inst.parts[i])
	}
	if ref.answer != nil {
		return nil
	}
	if ref.root == unknownRoot {
		return failf(errRoot, "no rank of %s is the root of MPI_%s", ref.comm.title(), collectives[ref.kind].name)
	}
	inst.algorithm = collectives[ref.kind].algorithm
	if ref.kind == collAlltoall && ref.inPlace {
		inst.algorithm = &coll.AlltoallInPlace
	}
	inst.streams = inst.algorithm == &coll.Alltoall && inst.volume() >= streamBytes
	inst.shape = coll.Shape{Root: ref.root, Elements: int(ref.count)}
	inst.setWays(ref)
	if !ref.reduces() {
		return nil
	}
	extent := ref.typ.Extent()
	inst.shape.Chunk = max(1, int(scratchBytes/max(extent, -extent, ref.typ.Size(), 1)))
	if ref.typ.Size() == 0 { // nothing to keep, and perhaps very often
		inst.shape.Chunk = max(1, min(inst.shape.Elements, math.MaxInt32)) // the length of a user's operation is an int
	}
	if !ref.op.isUser() && inst.volume() >= shareBytes {
		inst.shape.Chunk = min(inst.shape.Chunk, max(1, (inst.shape.Elements+shareItems-1)/shareItems))
	}
	return nil
}

// setWays sets the directions in which the data flows.
func (inst *instance) setWays(ref *part) {
	n, first := len(inst.parts), ref.comm.first
	if !ref.comm.inter {
		inst.shape.Used = 1
		inst.shape.Ways[0] = coll.Way{From: [2]int{0, n}, To: [2]int{0, n}}
		return
	}
	there := coll.Way{From: [2]int{0, first}, To: [2]int{first, n}}
	back := coll.Way{From: there.To, To: there.From}
	inst.shape.Used, inst.shape.Ways = 2, [2]coll.Way{there, back}
	rooted := collectives[ref.kind].rooted
	if rooted == notRooted {
		return
	}
	inst.shape.Used = 1
	if (rooted == fromRoot) != (ref.root < first) {
		inst.shape.Ways[0] = back
	}
}

// agree checks one participant against another.
func (inst *instance) agree(w *World, ref, p *part, i int) *failure {
	name := p.comm.title
	switch {
	case p.kind != ref.kind || p.blocks() != ref.blocks() || p.answer != nil && p.call != ref.call:
		return failf(errNotSame, "rank %d of %s called %s and rank %d called %s", inst.index(ref), name(),
			w.called(ref), i, w.called(p))
	case p.root != ref.root && (p.root != unknownRoot || p.comm.behind != ref.comm.behind):
		return failf(errNotSame, "%s of %s gave %s and %s gave %s", inst.member(ref), name(), inst.rootOf(ref),
			inst.member(p), inst.rootOf(p))
	case ref.reduces() && p.reduces() &&
		(p.op.code != ref.op.code || p.count != ref.count || p.typ.Kind() != ref.typ.Kind() ||
			p.typ.Size() != ref.typ.Size()):
		return failf(errNotSame, "rank %d of %s reduces %s and rank %d reduces %s", inst.index(ref), name(),
			ref.reduction(), i, p.reduction())
	case p.past != ref.past:
		return failf(errNotSame, "ranks %d and %d of %s called different collectives before, or gave them different roots",
			inst.index(ref), i, name())
	case p.kind == collAlltoall && p.inPlace != ref.inPlace:
		return failf(errNotSame, "ranks %d and %d of %s do not both give MPI_IN_PLACE", inst.index(ref), i, name())
	}
	return nil
}

// called is the function that a participant called, with its call site if checking knows it.
func (w *World) called(p *part) string {
	call := callName(p.call)
	if c := w.checker(p.rank); c != nil {
		if lines := c.r.frames(p.origin.site); len(lines) > 0 {
			call += " (" + lines[0] + ")"
		}
	}
	return call
}

// member names a participant: in an intercommunicator by its rank in its own group.
func (inst *instance) member(p *part) string {
	switch {
	case !p.comm.inter:
		return fmt.Sprintf("rank %d", inst.index(p))
	case p.comm.behind:
		return fmt.Sprintf("rank %d of the second group", p.comm.rank)
	}
	return fmt.Sprintf("rank %d of the first group", p.comm.rank)
}

// rootOf says which root a participant gave.
func (inst *instance) rootOf(p *part) string {
	switch {
	case !p.comm.inter:
		return fmt.Sprintf("root %d", p.root)
	case p.root == unknownRoot:
		return "MPI_PROC_NULL"
	case p.root == p.comm.index:
		return "MPI_ROOT"
	}
	root := p.root
	if !p.comm.behind {
		root -= p.comm.first
	}
	return fmt.Sprintf("root %d of the other group", root)
}

func (inst *instance) index(p *part) int {
	for i := range inst.parts {
		if &inst.parts[i] == p {
			return i
		}
	}
	return -1
}

func (p *part) reduction() string { return reducedVector(p.count, p.typ.Size(), p.op.title()) }

func reducedVector(count, size int64, op string) string {
	return fmt.Sprintf("%d elements of %d bytes by %s", count, size, op)
}

// volume is about how many bytes the work reads and writes.
func (inst *instance) volume() int64 {
	var n int64
	for i := range inst.parts {
		n += inst.parts[i].send.volume() + inst.parts[i].recv.volume()
	}
	return n
}
