package mpi

import (
	"slices"
	"sync/atomic"

	"github.com/faasmrun/faasmrun/mpi/coll"
)

// board is where the members of a communicator show each other their little data in a blocking collective: each writes a
// card, waits until all cards are there, and takes from them what is its own. Between two processors that is one cache line
// moved for each other member, where a meeting moves a dozen; with more ranks than processors it is one wake-up for each.
//
// Each member has two cards and uses them by turns: whoever writes one in this round has seen all of the round before,
// and so all have read those of the round before that. A member that goes to a meeting shows a card without data, by which
// those that called another collective notice.
type board struct {
	cards [2][]card // by round modulo 2, then by member
}

// card is what one member shows. It fills a cache line.
type card struct {
	round  atomic.Uint32 // written last
	kind   collective
	code   opCode
	typ    kind
	little bool
	root   int32
	bytes  uint32
	data   [coll.LittleBytes]byte
}

func newBoard(size int) board { return board{[2][]card{make([]card, size), make([]card, size)}} }

// little are the collectives that there are for little data.
var little = [...]coll.Little{
	collBarrier: coll.BarrierLittle, collBcast: coll.BcastLittle, collGather: coll.GatherLittle,
	collAllgather: coll.AllgatherLittle, collReduce: coll.ReduceLittle, collAllreduce: coll.AllreduceLittle,
	collScan: coll.ScanLittle, collExscan: coll.ExscanLittle,
	len(collectives) - 1: nil,
}

// hasBoard tells whether the communicator's collectives use its board. A program that is checked meets always: a meeting
// compares more.
func (c *comm) hasBoard(r *Rank) bool { return c.remote == nil && r.check == nil }

// isLittle tells whether the members exchange a part's data on the board. In a right program they all come to the same answer,
// because they give the same amount of data.
func (c *comm) isLittle(r *Rank, p *part) bool {
	if little[p.kind] == nil || !c.hasBoard(r) || p.op != nil && (p.op.code == opUser || !p.typ.contiguous) {
		return false
	}
	return p.cardBytes() <= coll.LittleBytes
}

// cardBytes is how much data everyone's card holds: a block, or the vector of a reduction.
func (p *part) cardBytes() int64 {
	switch {
	case p.op != nil:
		return p.count * p.typ.size
	case p.kind == collBarrier:
		return 0
	case p.send.number > 0:
		return p.send.span.bytes()
	}
	return p.recv.span.bytes()
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
	mine := c.nextCard()
	mine.kind, mine.little, mine.root, mine.bytes = p.kind, true, int32(p.root), uint32(p.cardBytes())
	mine.code, mine.typ = 0, 0
	if p.op != nil {
		mine.code, mine.typ = p.op.code, p.typ.kind
	}
	if p.send.number > 0 {
		data := whole(mine.data[:mine.bytes])
		copySpan(&data, &p.send.span)
	}
	cards := c.cards()
	if n := r.showCard(c, mine); n < len(cards) {
		round := c.round
		r.wait(forAll, func() { r.note(where{what: waitCollective, comm: c.name}) },
			func() bool { n = shown(cards, round, n); return n == len(cards) })
	}
	for i := range cards {
		if !cards[0].agrees(&cards[i]) {
			return c.differ(0, i)
		}
	}
	r.reader = reader{r, c, p, cards}
	little[p.kind](&r.reader, coll.Reader{Me: c.place, Root: p.root, Size: len(cards)})
	return p.failure
}

// showNothing says that the rank goes to a meeting.
func (r *Rank) showNothing(c *comm, kind collective) {
	mine := c.nextCard()
	mine.kind, mine.little = kind, false
	r.showCard(c, mine)
}

// cards are those of the round the rank is in.
func (c *comm) cards() []card { return c.meetings.board.cards[c.round%2] }

// nextCard begins a round.
func (c *comm) nextCard() *card {
	c.round++
	return &c.cards()[c.place]
}

// showCard shows the rank's card, and tells how many are there. If it is the last, the others may go on.
func (r *Rank) showCard(c *comm, mine *card) int {
	mine.round.Store(c.round)
	cards := c.cards()
	n := shown(cards, c.round, 0)
	if n < len(cards) {
		return n
	}
	for i, rank := range c.group.ranks {
		if cards[i].little && i != c.place {
			r.world.ranks[rank].wake()
		}
	}
	return n
}

// shown counts the cards of a round that are there, in order, from one on up to which all are.
func shown(cards []card, round uint32, from int) int {
	for from < len(cards) && cards[from].round.Load() == round {
		from++
	}
	return from
}

// astray finds a member that is on the board while this rank is at a meeting, or -1.
func (c *comm) astray() int {
	for i := range c.cards() {
		if other := &c.cards()[i]; other.round.Load() == c.round && other.little {
			return i
		}
	}
	return -1
}

// agrees checks a card against another. Blocks of different lengths are the concern of those that receive them.
func (a *card) agrees(b *card) bool {
	return a.kind == b.kind && a.little == b.little && a.code == b.code && a.typ == b.typ && a.root == b.root &&
		(a.bytes == b.bytes || a.code == 0)
}

// differ is the failure of a collective that two members called differently.
func (c *comm) differ(i, j int) *failure {
	a, b := &c.cards()[i], &c.cards()[j]
	switch {
	case a.kind != b.kind:
		return c.failf(errNotSame, "rank %d of %s called MPI_%s and rank %d called MPI_%s", i, c.name, collectives[a.kind].name, j,
			collectives[b.kind].name)
	case a.little != b.little:
		return c.failf(errNotSame, "ranks %d and %d of %s give MPI_%s different amounts of data", i, j, c.name, collectives[a.kind].name)
	case a.root != b.root:
		return c.failf(errNotSame, "rank %d of %s gave root %d and rank %d gave root %d", i, c.name, a.root, j, b.root)
	}
	return c.failf(errNotSame, "rank %d of %s reduces %s and rank %d reduces %s", i, c.name, a.reduction(), j, b.reduction())
}

func (a *card) reduction() string {
	size := shapes[a.typ].size
	return reducedVector(int64(a.bytes)/size, size, predefinedOps[slices.IndexFunc(predefinedOps[:], func(o op) bool { return o.code == a.code })].name)
}

// reader takes data from the cards for one rank.
type reader struct {
	r     *Rank
	c     *comm
	p     *part
	cards []card
}

func (h *reader) data(from int) []byte {
	return h.cards[from].data[:h.cards[from].bytes]
}

func (h *reader) Take(from, block int) {
	data := h.data(from)
	if from != h.c.place {
		h.r.world.count(h.c.group.ranks[from], h.r.rank, int64(len(data)))
	} else if h.p.inPlace {
		return
	}
	dst, src := h.p.recv.at(block), whole(data)
	if n := dst.bytes(); n < src.bytes() {
		h.p.failure = h.c.failf(errTruncate, "rank %d of %s sends a block of %d bytes and rank %d receives one of %d", from, h.c.name,
			src.bytes(), h.c.place, n)
	}
	copySpan(&dst, &src)
}

func (h *reader) Load(from int) { h.r.result = h.cards[from].data }

func (h *reader) Fold(from int) {
	data := h.data(from)
	kernels[h.p.op.code][h.p.typ.kind](h.r.result[:len(data)], data)
}

func (h *reader) Store() {
	src := whole(h.r.result[:h.cards[h.c.place].bytes])
	copySpan(&h.p.recv.span, &src)
}
