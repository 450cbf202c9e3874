package mpi

import (
	"slices"
	"sync/atomic"
)

// collSlots is where the members of a communicator show each other their little data in a blocking collective: each writes a
// card, waits for the cards it needs, and takes from them what is its own. Who needs nobody's card goes on: the root of a
// broadcast, and all but the root of a reduction. Between two processors that is one cache line moved for each other
// member, where a meeting moves a dozen.
//
// The board has some rows, which the collectives use by turns. A member writes into a row again only when all have come to
// the round after the one that the row was used for, and so are done with that; so nobody is ahead of the last by more than
// there are rows. A member that goes to a meeting shows a card without data, by which those that called another collective
// notice.
//
// Few members look at each other's cards. Where there are more, that would be as many looks as pairs: there the
// last to come checks and combines the cards for all, and everyone looks for its word.
type collSlots struct {
	size    int
	rows    atomic.Pointer[[slotRows]row] // nil before the first round
	stalled atomic.Int32                  // members that wait for what ordinarily nobody tells them
}

const (
	slotRows = 8
	// fewMembers is up to where members look at each other's cards.
	fewMembers = 3
	// slotBytes is the data that a card itself holds: what is left of a cache line.
	slotBytes = 48
	// slotLimit bounds the data of a card. Beyond it a meeting, which copies once, is as fast.
	slotLimit = 8 << 10
)

// row is the cards of one round.
type row struct {
	slots     []slot
	overflows []overflowBuffer
	awaited   []atomic.Uint64 // the last round in which a member was about to park for this one's card
	general   atomic.Uint64   // the last round in which a member went to a meeting
	waits     atomic.Uint64   // the last round in which a member was about to park for everyone's cards
	_         [48]byte
	published atomic.Uint64 // cards shown in the row so far; not counted among few
	_         [56]byte
	done      atomic.Uint64 // the last round that the last to come has seen to; the next three belong to it
	diverged  int           // a member whose card does not fit the first one's, or -1
	bytes     int           // of the result
	result    overflowBuffer
	_         [16]byte
}

// slot is what one member shows. It fills a cache line.
type slot struct {
	round  atomic.Uint32 // written last
	kind   collective
	code   opCode
	typ    kind
	inline bool
	root   int32
	bytes  uint16
	past   uint16 // what it called before without hearing of all others; see comm.past
	data   [slotBytes]byte
}

// allRows is the board's rows, which the first to ask makes.
func (s *collSlots) allRows() *[slotRows]row {
	if rows := s.rows.Load(); rows != nil {
		return rows
	}
	rows := new([slotRows]row)
	for i := range rows {
		rows[i].slots, rows[i].overflows, rows[i].awaited = make([]slot, s.size), make([]overflowBuffer, s.size), make([]atomic.Uint64, s.size)
	}
	s.rows.CompareAndSwap(nil, rows)
	return s.rows.Load()
}

func (s *collSlots) few() bool { return s.size <= fewMembers }

// row is where a round takes place. The first round is 1.
func (s *collSlots) row(round uint64) *row { return &s.allRows()[round%slotRows] }

// goal is how many cards have been shown in a row when a round is complete.
func (s *collSlots) goal(round uint64) uint64 { return uint64(s.size) * ((round-1)/slotRows + 1) }

// complete tells whether all members have come to a round.
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

// usesSlots tells whether the communicator's collectives use its board. A program that is checked meets always: a meeting
// compares more.
func (c *comm) usesSlots(r *Rank) bool { return c.remote == nil && r.check == nil }

// isInline tells whether the members exchange a part's data on the board. In a right program they all come to the same answer,
// because they give the same amount of data.
func (c *comm) isInline(r *Rank, p *part) bool {
	if collectives[p.kind].inline == nil || !c.usesSlots(r) || p.op != nil && (p.op.code == opUser || !p.typ.contiguous) ||
		p.kind == collAlltoall && (p.inPlace || len(p.send.counts) > 0) {
		return false
	}
	return c.slotDataSize(p) <= slotLimit
}

// slotDataSize is how much data a card has that holds any: a block, one for everyone, or the vector of a reduction.
func (c *comm) slotDataSize(p *part) int64 {
	if p.op != nil {
		return p.count * p.typ.size
	}
	b := &p.send
	if b.number == 0 {
		b = &p.recv
	}
	if b.number == 0 {
		return 0
	}
	if collectives[p.kind].inline.Parts {
		return b.span.bytes() * int64(c.group.size())
	}
	return b.span.bytes()
}

// enterSlots takes part in a collective on the board.
func (r *Rank) enterSlots(c *comm, p *part) *failure {
	if r.mover.inUserOp {
		return c.failf(errOther, "a user's operation must not communicate")
	}
	if r.stats != nil {
		p.call, p.request = r.call.Load(), nil
		r.stats.brought(p)
	}
	c.sequence++
	row := r.nextRound(c)
	mine := &row.slots[c.member]
	mine.kind, mine.inline, mine.root, mine.code, mine.typ = p.kind, true, int32(p.root), 0, 0
	if p.op != nil {
		mine.code, mine.typ = p.op.code, p.typ.kind
	}
	mine.past = c.past
	row.write(c.member, p)
	r.reader = reader{r: r, c: c, p: p, row: row}
	f := r.publishAndWait(c, row, needs(p.kind, p.root == c.member))
	c.remember(p, f)
	if f != nil {
		return f
	}
	collectives[p.kind].inline.Do(&r.reader, r.reader.identity())
	return p.failure
}

// remember notes a blocking collective. In one with a root some members hear of nobody or of the root alone: two may have
// given different roots and both have gone on. So each card says in a few bits what its member has called since the last
// collective in which everyone heard of everyone, and the next such one compares them. Who was told of a mistake forgets it.
func (c *comm) remember(p *part, f *failure) {
	switch {
	case f != nil && f.class == errNotSame || collectives[p.kind].rooted == notRooted:
		c.past = 0
	default:
		c.past = (c.past ^ uint16(p.kind)<<11 ^ uint16(p.root+1)) * 0x9e35
		c.past ^= c.past >> 7
	}
}

// need says whose cards a member needs.
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

// nextRound begins a round, when its row is free.
func (r *Rank) nextRound(c *comm) *row {
	s := &c.instances.slots
	c.round++
	if free := int64(c.round) - slotRows + 1; free > int64(c.seen) {
		if !s.complete(uint64(free)) {
			s.stalled.Add(1)
			r.wait(scopeAll, func() { r.note(waitState{what: waitCollective, comm: c}) }, func() bool { return s.complete(uint64(free)) })
			s.stalled.Add(-1)
		}
		c.seen = uint64(free)
	}
	return s.row(c.round)
}

// publishAndWait shows the member's card and waits for the cards it needs.
func (r *Rank) publishAndWait(c *comm, row *row, n need) *failure {
	r.publish(c, row)
	s, mine := &c.instances.slots, &row.slots[c.member]
	switch {
	case n == needsNone:
	case n == needsRoot:
		root := &row.slots[mine.root]
		r.awaitSlots(c, &row.awaited[mine.root], scopeOne, func() bool { return root.round.Load() == uint32(c.round) })
		if !mine.agrees(root) {
			return c.differ(row, c.member, int(mine.root))
		}
	case s.few():
		r.awaitSlots(c, &row.waits, scopeAll, func() bool { return s.complete(c.round) })
		c.seen = c.round
		if i := row.different(); i >= 0 {
			return c.differ(row, 0, i)
		}
	default:
		r.awaitSlots(c, &row.waits, scopeAll, func() bool { return row.done.Load() >= c.round })
		c.seen = c.round
		if row.diverged >= 0 {
			return c.differ(row, 0, row.diverged)
		}
	}
	return nil
}

// awaitSlots waits for others' cards, and says so where those look who by their own lights need not wake it.
func (r *Rank) awaitSlots(c *comm, announced *atomic.Uint64, scope waitScope, done func() bool) {
	if !done() {
		r.wait(scope, func() {
			announced.Store(c.round)
			r.note(waitState{what: waitCollective, comm: c})
		}, done)
	}
}

// publishEmpty says that the rank goes to a meeting.
func (r *Rank) publishEmpty(c *comm, kind collective) {
	row := r.nextRound(c)
	mine := &row.slots[c.member]
	mine.kind, mine.inline, mine.past = kind, false, c.past
	row.general.Store(c.round)
	r.publish(c, row)
}

// publish shows the rank's card, and wakes those that can go on by it.
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
	case s.stalled.Load() > 0 || row.awaited[c.member].Load() == c.round || (!mine.inline || rooted == fromRoot) && row.waits.Load() == c.round ||
		mine.inline && (row.general.Load() == c.round || rooted == fromRoot && root == c.member):
		for member := range row.slots {
			r.wakeMember(c, member)
		}
	case rooted == fromRoot || !mine.inline:
	case !s.few() && !last:
	case rooted == toRoot:
		if row.waits.Load() == c.round && (last || s.complete(c.round)) {
			for member := range row.slots { // the root, and whoever takes itself for it
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
	return r.world.ranks[c.group.ranks[member]].parked.Load() != 0
}

func (r *Rank) wakeMember(c *comm, member int) {
	if member != c.member {
		r.world.ranks[c.group.ranks[member]].wake()
	}
}

// conclude is what the last of many does for all: it checks that the cards go together, and combines them where everyone's
// are.
func (r *Rank) conclude(c *comm, row *row) {
	first := &row.slots[0]
	row.diverged = row.different()
	if row.diverged < 0 && first.inline && collectives[first.kind].inline.Combines {
		row.bytes = int(first.bytes)
		combine(row.result.of(row.bytes), row, len(row.slots))
	}
	row.done.Store(c.round)
}

// diverged finds a member that is on the board while this rank is at a meeting, or -1.
func (c *comm) diverged() int {
	row := c.instances.slots.row(c.round)
	for i := range row.slots {
		if other := &row.slots[i]; other.round.Load() == uint32(c.round) && other.inline {
			return i
		}
	}
	return -1
}

// different finds a member whose card does not fit the first one's, or -1.
func (row *row) different() int {
	for i := range row.slots {
		if !row.slots[0].agrees(&row.slots[i]) {
			return i
		}
	}
	return -1
}

// agrees checks a card against another. Blocks of different lengths are the concern of those that receive them.
func (s *slot) agrees(other *slot) bool {
	return s.kind == other.kind && s.inline == other.inline && s.code == other.code && s.typ == other.typ && s.root == other.root &&
		(s.bytes == other.bytes || s.code == 0) && s.past == other.past
}

// differ is the failure of a collective that two members called differently.
func (c *comm) differ(row *row, i, j int) *failure {
	i, j = min(i, j), max(i, j)
	s, other := &row.slots[i], &row.slots[j]
	switch {
	case s.kind != other.kind:
		return c.failf(errNotSame, "rank %d of %s called MPI_%s and rank %d called MPI_%s", i, c.title(), collectives[s.kind].name, j,
			collectives[other.kind].name)
	case s.inline != other.inline:
		return c.failf(errNotSame, "ranks %d and %d of %s give MPI_%s different amounts of data", i, j, c.title(), collectives[s.kind].name)
	case s.root != other.root:
		return c.failf(errNotSame, "rank %d of %s gave root %d and rank %d gave root %d", i, c.title(), s.root, j, other.root)
	case s.past != other.past:
		return c.failf(errNotSame, "ranks %d and %d of %s called different collectives before, or gave them different roots", i, j, c.title())
	}
	return c.failf(errNotSame, "rank %d of %s reduces %s and rank %d reduces %s", i, c.title(), s.reduction(), j, other.reduction())
}

func (s *slot) reduction() string {
	size := shapes[s.typ].size
	return reducedVector(int64(s.bytes)/size, size, predefinedOps[slices.IndexFunc(predefinedOps[:], func(o op) bool { return o.code == s.code })].name)
}
