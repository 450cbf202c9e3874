package mpi

import (
	"slices"
	"sync/atomic"
)

// board is where the members of a communicator show each other their little data in a blocking collective: each writes a
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
type board struct {
	size    int
	rows    atomic.Pointer[[boardRows]row] // nil before the first round
	stalled atomic.Int32                   // members that wait for what ordinarily nobody tells them
}

const (
	boardRows = 8
	// fewMembers is up to where members look at each other's cards.
	fewMembers = 3
	// cardLine is the data that a card itself holds: what is left of a cache line.
	cardLine = 48
	// boardLimit bounds the data of a card. Beyond it a meeting, which copies once, is as fast.
	boardLimit = 8 << 10
)

// row is the cards of one round.
type row struct {
	cards   []card
	sheets  []sheet
	awaited []atomic.Uint64 // the last round in which a member was about to park for this one's card
	met     atomic.Uint64   // the last round in which a member went to a meeting
	waits   atomic.Uint64   // the last round in which a member was about to park for everyone's cards
	_       [48]byte
	came    atomic.Uint64 // cards shown in the row so far; not counted among few
	_       [56]byte
	done    atomic.Uint64 // the last round that the last to come has seen to; the next three belong to it
	astray  int           // a member whose card does not fit the first one's, or -1
	bytes   int           // of the result
	result  sheet
	_       [16]byte
}

// card is what one member shows. It fills a cache line.
type card struct {
	round  atomic.Uint32 // written last
	kind   collective
	code   opCode
	typ    kind
	little bool
	root   int32
	bytes  uint16
	past   uint16 // what it called before without hearing of all others; see comm.past
	data   [cardLine]byte
}

// in is the board's rows, which the first to ask makes.
func (b *board) in() *[boardRows]row {
	if rows := b.rows.Load(); rows != nil {
		return rows
	}
	rows := new([boardRows]row)
	for i := range rows {
		rows[i].cards, rows[i].sheets, rows[i].awaited = make([]card, b.size), make([]sheet, b.size), make([]atomic.Uint64, b.size)
	}
	b.rows.CompareAndSwap(nil, rows)
	return b.rows.Load()
}

func (b *board) few() bool { return b.size <= fewMembers }

// row is where a round takes place. The first round is 1.
func (b *board) row(round uint64) *row { return &b.in()[round%boardRows] }

// goal is how many cards have been shown in a row when a round is complete.
func (b *board) goal(round uint64) uint64 { return uint64(b.size) * ((round-1)/boardRows + 1) }

// complete tells whether all members have come to a round.
func (b *board) complete(round uint64) bool {
	row := b.row(round)
	if !b.few() {
		return row.came.Load() >= b.goal(round)
	}
	for i := range row.cards {
		if int32(row.cards[i].round.Load()-uint32(round)) < 0 {
			return false
		}
	}
	return true
}

// hasBoard tells whether the communicator's collectives use its board. A program that is checked meets always: a meeting
// compares more.
func (c *comm) hasBoard(r *Rank) bool { return c.remote == nil && r.check == nil }

// isLittle tells whether the members exchange a part's data on the board. In a right program they all come to the same answer,
// because they give the same amount of data.
func (c *comm) isLittle(r *Rank, p *part) bool {
	if collectives[p.kind].little == nil || !c.hasBoard(r) || p.op != nil && (p.op.code == opUser || !p.typ.contiguous) ||
		p.kind == collAlltoall && (p.inPlace || len(p.send.counts) > 0) {
		return false
	}
	return c.cardBytes(p) <= boardLimit
}

// cardBytes is how much data a card has that holds any: a block, one for everyone, or the vector of a reduction.
func (c *comm) cardBytes(p *part) int64 {
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
	if collectives[p.kind].little.Parts {
		return b.span.bytes() * int64(c.group.size())
	}
	return b.span.bytes()
}

// show takes part in a collective on the board.
func (r *Rank) show(c *comm, p *part) *failure {
	if r.hand.inside {
		return c.failf(errOther, "a user's operation must not communicate")
	}
	if r.stats != nil {
		p.call, p.request = r.call.Load(), nil
		r.stats.brought(p)
	}
	c.sequence++
	row := r.nextRound(c)
	mine := &row.cards[c.place]
	mine.kind, mine.little, mine.root, mine.code, mine.typ = p.kind, true, int32(p.root), 0, 0
	if p.op != nil {
		mine.code, mine.typ = p.op.code, p.typ.kind
	}
	mine.past = c.past
	row.write(c.place, p)
	r.reader = reader{r: r, c: c, p: p, row: row}
	f := r.turn(c, row, needs(p.kind, p.root == c.place))
	c.remember(p, f)
	if f != nil {
		return f
	}
	collectives[p.kind].little.Do(&r.reader, r.reader.who())
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
	needsNobody need = iota
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
	return needsNobody
}

// nextRound begins a round, when its row is free.
func (r *Rank) nextRound(c *comm) *row {
	b := &c.meetings.board
	c.round++
	if free := int64(c.round) - boardRows + 1; free > int64(c.seen) {
		if !b.complete(uint64(free)) {
			b.stalled.Add(1)
			r.wait(forAll, func() { r.note(where{what: waitCollective, comm: c}) }, func() bool { return b.complete(uint64(free)) })
			b.stalled.Add(-1)
		}
		c.seen = uint64(free)
	}
	return b.row(c.round)
}

// turn shows the member's card and waits for the cards it needs.
func (r *Rank) turn(c *comm, row *row, n need) *failure {
	r.showCard(c, row)
	b, mine := &c.meetings.board, &row.cards[c.place]
	switch {
	case n == needsNobody:
	case n == needsRoot:
		root := &row.cards[mine.root]
		r.awaitCards(c, &row.awaited[mine.root], forOne, func() bool { return root.round.Load() == uint32(c.round) })
		if !mine.agrees(root) {
			return c.differ(row, c.place, int(mine.root))
		}
	case b.few():
		r.awaitCards(c, &row.waits, forAll, func() bool { return b.complete(c.round) })
		c.seen = c.round
		if i := row.different(); i >= 0 {
			return c.differ(row, 0, i)
		}
	default:
		r.awaitCards(c, &row.waits, forAll, func() bool { return row.done.Load() >= c.round })
		c.seen = c.round
		if row.astray >= 0 {
			return c.differ(row, 0, row.astray)
		}
	}
	return nil
}

// awaitCards waits for others' cards, and says so where those look who by their own lights need not wake it.
func (r *Rank) awaitCards(c *comm, said *atomic.Uint64, whom forWhom, done func() bool) {
	if !done() {
		r.wait(whom, func() {
			said.Store(c.round)
			r.note(where{what: waitCollective, comm: c})
		}, done)
	}
}

// showNothing says that the rank goes to a meeting.
func (r *Rank) showNothing(c *comm, kind collective) {
	row := r.nextRound(c)
	mine := &row.cards[c.place]
	mine.kind, mine.little, mine.past = kind, false, c.past
	row.met.Store(c.round)
	r.showCard(c, row)
}

// showCard shows the rank's card, and wakes those that can go on by it.
func (r *Rank) showCard(c *comm, row *row) {
	b, mine := &c.meetings.board, &row.cards[c.place]
	mine.round.Store(uint32(c.round))
	last := false
	if !b.few() {
		if last = row.came.Add(1) == b.goal(c.round); last {
			r.conclude(c, row)
		}
	}
	rooted, root := collectives[mine.kind].rooted, int(mine.root)
	switch {
	case b.stalled.Load() > 0 || row.awaited[c.place].Load() == c.round || (!mine.little || rooted == fromRoot) && row.waits.Load() == c.round ||
		mine.little && (row.met.Load() == c.round || rooted == fromRoot && root == c.place):
		for place := range row.cards {
			r.wakeMember(c, place)
		}
	case rooted == fromRoot || !mine.little:
	case !b.few() && !last:
	case rooted == toRoot:
		if row.waits.Load() == c.round && (last || b.complete(c.round)) {
			for place := range row.cards { // the root, and whoever takes itself for it
				if place == root || row.cards[place].kind != mine.kind || int(row.cards[place].root) == place {
					r.wakeMember(c, place)
				}
			}
		}
	default:
		for place := range row.cards {
			if r.isParked(c, place) && (last || b.complete(c.round)) {
				r.wakeMember(c, place)
			}
		}
	}
}

func (r *Rank) isParked(c *comm, place int) bool {
	return r.world.ranks[c.group.ranks[place]].parked.Load() != 0
}

func (r *Rank) wakeMember(c *comm, place int) {
	if place != c.place {
		r.world.ranks[c.group.ranks[place]].wake()
	}
}

// conclude is what the last of many does for all: it checks that the cards go together, and combines them where everyone's
// are.
func (r *Rank) conclude(c *comm, row *row) {
	first := &row.cards[0]
	row.astray = row.different()
	if row.astray < 0 && first.little && collectives[first.kind].little.Combines {
		row.bytes = int(first.bytes)
		combine(row.result.of(row.bytes), row, len(row.cards))
	}
	row.done.Store(c.round)
}

// astray finds a member that is on the board while this rank is at a meeting, or -1.
func (c *comm) astray() int {
	row := c.meetings.board.row(c.round)
	for i := range row.cards {
		if other := &row.cards[i]; other.round.Load() == uint32(c.round) && other.little {
			return i
		}
	}
	return -1
}

// different finds a member whose card does not fit the first one's, or -1.
func (row *row) different() int {
	for i := range row.cards {
		if !row.cards[0].agrees(&row.cards[i]) {
			return i
		}
	}
	return -1
}

// agrees checks a card against another. Blocks of different lengths are the concern of those that receive them.
func (a *card) agrees(b *card) bool {
	return a.kind == b.kind && a.little == b.little && a.code == b.code && a.typ == b.typ && a.root == b.root &&
		(a.bytes == b.bytes || a.code == 0) && a.past == b.past
}

// differ is the failure of a collective that two members called differently.
func (c *comm) differ(row *row, i, j int) *failure {
	i, j = min(i, j), max(i, j)
	a, b := &row.cards[i], &row.cards[j]
	switch {
	case a.kind != b.kind:
		return c.failf(errNotSame, "rank %d of %s called MPI_%s and rank %d called MPI_%s", i, c.title(), collectives[a.kind].name, j,
			collectives[b.kind].name)
	case a.little != b.little:
		return c.failf(errNotSame, "ranks %d and %d of %s give MPI_%s different amounts of data", i, j, c.title(), collectives[a.kind].name)
	case a.root != b.root:
		return c.failf(errNotSame, "rank %d of %s gave root %d and rank %d gave root %d", i, c.title(), a.root, j, b.root)
	case a.past != b.past:
		return c.failf(errNotSame, "ranks %d and %d of %s called different collectives before, or gave them different roots", i, j, c.title())
	}
	return c.failf(errNotSame, "rank %d of %s reduces %s and rank %d reduces %s", i, c.title(), a.reduction(), j, b.reduction())
}

func (a *card) reduction() string {
	size := shapes[a.typ].size
	return reducedVector(int64(a.bytes)/size, size, predefinedOps[slices.IndexFunc(predefinedOps[:], func(o op) bool { return o.code == a.code })].name)
}
