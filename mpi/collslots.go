package mpi

import (
	"sync/atomic"

	"github.com/faasmrun/faasmrun/mpi/datatype"
)

// collSlots are a communicator's shared-memory slots for blocking collectives with small data. Each member writes its
// data into its own slot, waits for the slots it needs, and reads its result from them. A member that needs no other
// slot goes on at once: the root of a broadcast, and all but the root of a reduction. Between two processors this moves
// one cache line per other member; the general path, an instance, moves a dozen.
//
// The slots come in rows, and successive collectives use successive rows. A member reuses a row only when all members
// have reached the round after the row's last use, because then all have finished reading it. So no member is ahead of
// the slowest by more rounds than there are rows. A member that takes the general path publishes an empty slot, by
// which members that called another collective notice the difference.
//
// In a small communicator every member reads every slot. In a larger one that would cost one read per pair: there the
// last member to arrive checks and combines the slots for all, and the others wait for it.
type collSlots struct {
	size    int
	rows    atomic.Pointer[[slotRows]row] // nil before the first round
	stalled atomic.Int32                  // members that wait for a row to become free, which publish wakes
}

const (
	slotRows = 8
	// fewMembers is the largest communicator in which every member reads every slot.
	fewMembers = 3
	// slotBytes is the data that fits into the slot itself: the rest of its cache line.
	slotBytes = 48
	// slotLimit bounds the data of a slot. Beyond it an instance, which copies once, is as fast.
	slotLimit = 8 << 10
)

// row is the slots of one round.
type row struct {
	slots     []slot
	overflows []overflowBuffer
	awaited   []atomic.Uint64 // the last round in which a member was about to park for this slot
	general   atomic.Uint64   // the last round in which a member took the general path
	waits     atomic.Uint64   // the last round in which a member was about to park for all slots
	_         [48]byte
	published atomic.Uint64 // slots published in the row so far; not counted in a small communicator
	_         [56]byte
	done      atomic.Uint64 // the last round that the last to arrive has concluded; the next three belong to it
	diverged  int           // a member whose slot disagrees with the first one's, or -1
	bytes     int           // of the result
	result    overflowBuffer
	_         [16]byte
}

// slot is what one member publishes. It fills a cache line.
type slot struct {
	round  atomic.Uint32 // written last
	kind   collective
	code   datatype.Op
	typ    datatype.Kind
	inline bool
	root   int32
	bytes  uint16
	past   uint16 // which collectives the member called before without hearing of all others; see comm.past
	data   [slotBytes]byte
}

// allRows gives the rows, which the first caller makes.
func (s *collSlots) allRows() *[slotRows]row {
	if rows := s.rows.Load(); rows != nil {
		return rows
	}
	rows := new([slotRows]row)
	for i := range rows {
		rows[i].slots, rows[i].overflows, rows[i].awaited = make([]slot, s.size), make([]overflowBuffer, s.size),
			make([]atomic.Uint64, s.size)
	}
	s.rows.CompareAndSwap(nil, rows)
	return s.rows.Load()
}

func (s *collSlots) few() bool { return s.size <= fewMembers }

// row gives a round's row. The first round is 1.
func (s *collSlots) row(round uint64) *row { return &s.allRows()[round%slotRows] }

// goal is how many slots have been published in a row when a round is complete.
func (s *collSlots) goal(round uint64) uint64 { return uint64(s.size) * ((round-1)/slotRows + 1) }

// complete reports whether all members have reached a round.
func (s *collSlots) complete(round uint64) bool {
	row := s.row(round)
	if !s.few() {
		return row.published.Load() >= s.goal(round)
	}
	for i := range row.slots {
		if int32(row.slots[i].round.Load()-uint32(round)) < 0 {
			return false
		}
	}
	return true
}

// usesSlots reports whether the communicator's collectives use its slots. Under WorldConfig.Check they never do: an
// instance compares more.
func (c *comm) usesSlots(r *Rank) bool { return !c.byMessages && c.remote == nil && r.check == nil }

// isInline reports whether the members exchange a part's data by slots. In a correct program all members come to the
// same answer, because they give the same amount of data.
func (c *comm) isInline(r *Rank, p *part) bool {
	if collectives[p.kind].inline == nil || !c.usesSlots(r) || p.reduces() && (p.op.isUser() || !p.typ.Contiguous()) ||
		p.kind == collAlltoall && (p.inPlace || len(p.send.counts) > 0) {
		return false
	}
	return c.slotDataSize(p) <= slotLimit
}

// slotDataSize is the size of the data in a slot that has any: one block, one block for every member, or the vector of
// a reduction.
func (c *comm) slotDataSize(p *part) int64 {
	if p.reduces() {
		return p.count * p.typ.Size()
	}
	b := &p.send
	if b.number == 0 {
		b = &p.recv
	}
	if b.number == 0 {
		return 0
	}
	if collectives[p.kind].inline.Parts {
		return b.span.Bytes() * int64(c.group.Size())
	}
	return b.span.Bytes()
}

// enterSlots takes part in a collective by slots.
func (t *Thread) enterSlots(c *comm, p *part) *failure {
	if t.mover.inUserOp {
		return c.failf(errOther, "a user's operation must not communicate")
	}
	if t.holds {
		defer t.alone(c)()
	}
	if t.pending.stage == stageNone {
		if t.stats != nil {
			t.stats.brought(t.call.Load(), p)
		}
		c.sequence++
	}
	if t.pending.stage < stageOut {
		row := t.nextRound(c)
		row.fill(c, p)
		t.publish(c, row)
		t.enters(stageOut)
	}
	row := c.instances.slots.row(c.round)
	t.reader = reader{t: t, c: c, p: p, row: row}
	f := t.awaitNeeded(c, row, needs(p.kind, p.root == c.member))
	c.remember(p.kind, p.root, f)
	if f != nil {
		return f
	}
	collectives[p.kind].inline.Do(&t.reader, t.reader.identity())
	return p.failure
}

// remember notes a blocking collective. In a rooted one some members read no slot, or the root's alone: two members
// may give different roots and both go on. So each slot carries a short hash of the collectives its member has called
// since the last one in which every member read all slots, and the next such one compares the hashes. A member that was
// told of a mistake starts afresh.
func (c *comm) remember(kind collective, root int, f *failure) {
	switch {
	case f != nil && f.class == errNotSame || collectives[kind].rooted == notRooted:
		c.past = 0
	default:
		c.past = (c.past ^ uint16(kind)<<11 ^ uint16(root+1)) * 0x9e35
		c.past ^= c.past >> 7
	}
}

// need is which slots a member needs.
type need uint8

const (
	needsNone need = iota
	needsRoot
	needsAll
)

func needs(kind collective, root bool) need {
	switch rooted := collectives[kind].rooted; {
	case rooted == notRooted || rooted == toRoot && root:
		return needsAll
	case rooted == fromRoot && !root:
		return needsRoot
	}
	return needsNone
}

// nextRound begins a round, once its row is free.
func (t *Thread) nextRound(c *comm) *row {
	s := &c.instances.slots
	if t.pending.stage == stageNone {
		c.round++
	}
	if !c.freeRow(c.round) {
		t.enters(stageEntered)
		free := c.round - slotRows + 1
		t.awaitRow(c, free)
		c.seen = free
	}
	return s.row(c.round)
}

// freeRow reports whether the row of the next round is free. It looks first whether all members are further than they
// must be for that, so that a member that is about as far as they are looks only every few rounds: each look takes
// another member's cache line away from it.
func (c *comm) freeRow(round uint64) bool {
	s, free := &c.instances.slots, int64(round)-slotRows+1
	if free <= int64(c.seen) {
		return true
	}
	if ahead := aheadOf(round); s.complete(ahead) {
		c.seen = ahead
		return true
	}
	if s.complete(uint64(free)) {
		c.seen = uint64(free)
		return true
	}
	return false
}

// aheadOf is the round at which a member looks first whether all others have come to it, before it begins a round.
func aheadOf(round uint64) uint64 { return round - slotRows/2 }

// awaitRow waits until all members have come to a round.
func (t *Thread) awaitRow(c *comm, round uint64) {
	s := &c.instances.slots
	s.stalled.Add(1)
	defer s.stalled.Add(-1)
	t.waitOn(c.instances, scopeAll, func() { t.note(waitState{what: waitCollective, comm: c}) },
		func() bool { return s.complete(round) })
}

// awaitNeeded waits for the slots that the member needs, its own being published.
func (t *Thread) awaitNeeded(c *comm, row *row, n need) *failure {
	s, mine := &c.instances.slots, &row.slots[c.member]
	switch {
	case n == needsNone:
	case n == needsRoot:
		root := &row.slots[mine.root]
		t.awaitSlots(c, &row.awaited[mine.root], scopeOne, func() bool { return root.round.Load() == uint32(c.round) })
		if !mine.agrees(root) {
			return c.differ(row, c.member, int(mine.root))
		}
	case s.few():
		t.awaitSlots(c, &row.waits, scopeAll, func() bool { return s.complete(c.round) })
		c.seen = c.round
		if i := row.different(); i >= 0 {
			return c.differ(row, 0, i)
		}
	default:
		t.awaitSlots(c, &row.waits, scopeAll, func() bool { return row.done.Load() >= c.round })
		c.seen = c.round
		if row.diverged >= 0 {
			return c.differ(row, 0, row.diverged)
		}
	}
	return nil
}

// awaitSlots waits for other members' slots. Before parking it announces that it waits, because a publisher wakes only
// those it knows to wait.
func (t *Thread) awaitSlots(c *comm, announced *atomic.Uint64, scope waitScope, done func() bool) {
	if !done() {
		t.waitOn(c.instances, scope, func() {
			announced.Store(c.round)
			t.note(waitState{what: waitCollective, comm: c})
		}, done)
	}
}

// publishEmpty tells the slots' readers that the rank takes the general path.
func (t *Thread) publishEmpty(c *comm, kind collective) {
	row := t.nextRound(c)
	mine := &row.slots[c.member]
	mine.kind, mine.inline, mine.past = kind, false, c.past
	row.general.Store(c.round)
	t.publish(c, row)
}

// publish publishes the rank's slot, and wakes the members that can go on by it.
func (r *Rank) publish(c *comm, row *row) {
	s, mine := &c.instances.slots, &row.slots[c.member]
	mine.round.Store(uint32(c.round))
	last := false
	if !s.few() {
		if last = row.published.Add(1) == s.goal(c.round); last {
			r.conclude(c, row)
		}
	}
	rooted, root := collectives[mine.kind].rooted, int(mine.root)
	switch {
	case s.stalled.Load() > 0 || row.awaited[c.member].Load() == c.round ||
		(!mine.inline || rooted == fromRoot) && row.waits.Load() == c.round ||
		mine.inline && (row.general.Load() == c.round || rooted == fromRoot && root == c.member):
		for member := range row.slots {
			r.wakeMember(c, member)
		}
	case rooted == fromRoot || !mine.inline:
	case !s.few() && !last:
	case rooted == toRoot:
		if row.waits.Load() == c.round && (last || s.complete(c.round)) {
			for member := range row.slots { // the root, and a member that takes itself for it
				if member == root || row.slots[member].kind != mine.kind || int(row.slots[member].root) == member {
					r.wakeMember(c, member)
				}
			}
		}
	default:
		for member := range row.slots {
			if r.isParked(c, member) && (last || s.complete(c.round)) {
				r.wakeMember(c, member)
			}
		}
	}
}

func (r *Rank) isParked(c *comm, member int) bool {
	return r.world.fabric.Asleep(c.group.Ranks[member])
}

func (r *Rank) wakeMember(c *comm, member int) {
	if member != c.member {
		r.world.fabric.Wake(c.group.Ranks[member], c.instances)
	}
}

// conclude is what the last of many members does for all: it checks that the slots agree, and combines them where the
// combination of all is wanted.
func (r *Rank) conclude(c *comm, row *row) {
	first := &row.slots[0]
	row.diverged = row.different()
	if row.diverged < 0 && first.inline && collectives[first.kind].inline.Combines {
		row.bytes = int(first.bytes)
		combine(row.result.of(row.bytes), row, len(row.slots))
	}
	row.done.Store(c.round)
}

// diverged finds a member that uses the slots while this rank has taken the general path, or gives -1.
func (c *comm) diverged() int {
	row := c.instances.slots.row(c.round)
	for i := range row.slots {
		if other := &row.slots[i]; other.round.Load() == uint32(c.round) && other.inline {
			return i
		}
	}
	return -1
}

// different finds a member whose slot disagrees with the first one's, or gives -1.
func (row *row) different() int {
	for i := range row.slots {
		if !row.slots[0].agrees(&row.slots[i]) {
			return i
		}
	}
	return -1
}

// agrees reports whether two members called the same. Lengths of blocks are checked by the members that receive them.
func (s *slot) agrees(other *slot) bool {
	return s.kind == other.kind && s.inline == other.inline && s.code == other.code && s.typ == other.typ &&
		s.root == other.root && (s.bytes == other.bytes || s.code == 0) && s.past == other.past
}

// differ is the failure of a collective that two members called differently.
func (c *comm) differ(row *row, i, j int) *failure {
	i, j = min(i, j), max(i, j)
	s, other := &row.slots[i], &row.slots[j]
	switch {
	case s.kind != other.kind:
		return c.failf(errNotSame, "rank %d of %s called MPI_%s and rank %d called MPI_%s", i, c.title(),
			collectives[s.kind].name, j,
			collectives[other.kind].name)
	case s.inline != other.inline:
		return c.failf(errNotSame, "ranks %d and %d of %s give MPI_%s different amounts of data", i, j, c.title(),
			collectives[s.kind].name)
	case s.root != other.root:
		return c.failf(errNotSame, "rank %d of %s gave root %d and rank %d gave root %d", i, c.title(), s.root, j, other.root)
	case s.past != other.past:
		return c.failf(errNotSame, "ranks %d and %d of %s called different collectives before, or gave them different roots",
			i, j, c.title())
	}
	return c.failf(errNotSame, "rank %d of %s reduces %s and rank %d reduces %s", i, c.title(), s.reduction(), j,
		other.reduction())
}

func (s *slot) reduction() string {
	size := s.typ.Size()
	return reducedVector(int64(s.bytes)/size, size, s.code.Name())
}
