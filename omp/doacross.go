package omp

import (
	"encoding/binary"
	"math"
	"sync"
)

// doacross is a loop whose iterations wait for others, which the program names (OpenMP 5.1, 2.19.9.2). The team shares
// it; a thread keeps its loop's dimensions.
type doacross struct {
	number uint32 // among the team's such loops
	left   int    // threads that have left it; guarded by the team's acrossMu

	mu    sync.Mutex // guards the next
	pages map[uint64]*acrossPage
	words [acrossWords]word // of an iteration the word that is advanced when it is posted
}

// acrossPage says which iterations are posted, of those that share the upper part of their number. One that is full is
// nil: loops post all iterations, so that few pages are there at once, however many a loop has.
type acrossPage struct {
	posted [acrossIterations / 64]uint64
	count  int
}

const (
	acrossIterations = 1 << 12
	acrossWords      = 64
	mostDimensions   = 1024 // of a loop
)

// crossing is a thread's part of such a loop.
type crossing struct {
	shared     *doacross
	dimensions []dimension
	outer      *crossing
}

// dimension is one loop of a nest.
type dimension struct {
	loop
	trips uint64
}

// void __kmpc_doacross_init(loc, gtid, dimensions i32, *bounds): begins a loop. bounds are lower, upper and step of
// each dimension, i64, outermost first.
func doacrossInit(t *Thread, s []uint64) {
	n := int32(s[2])
	if n < 1 || n > mostDimensions {
		fail("an ordered loop of %d dimensions", n)
	}
	c := &crossing{outer: t.region.across}
	list := t.host.Bytes(s[3], 24*uint64(n))
	all := uint64(1)
	for ; len(list) > 0; list = list[24:] {
		d := dimension{loop: loop{lower: binary.LittleEndian.Uint64(list), upper: binary.LittleEndian.Uint64(list[8:]),
			step: int64(binary.LittleEndian.Uint64(list[16:]))}}
		if d.step == 0 {
			fail("a loop with a step of 0")
		}
		d.trips = d.loop.trips()
		if d.trips > 0 && all > math.MaxUint64/d.trips {
			fail("an ordered loop of more than 2^64 iterations")
		}
		all *= d.trips
		c.dimensions = append(c.dimensions, d)
	}
	tm, r := t.region.team, t.region
	if tm.size > 1 {
		c.shared = tm.crossingOf(r.crossings)
		r.crossings++
	}
	r.across = c
}

// crossingOf is the team's loop of that number.
func (tm *team) crossingOf(number uint32) *doacross {
	tm.acrossMu.Lock()
	defer tm.acrossMu.Unlock()
	for _, d := range tm.across {
		if d.number == number {
			return d
		}
	}
	d := &doacross{number: number, pages: map[uint64]*acrossPage{}}
	tm.across = append(tm.across, d)
	return d
}

// iteration is the number of one, by the values of the loops' variables; false: the loop has none there.
func (c *crossing) iteration(t *Thread, point uint64) (n uint64, ok bool) {
	values := t.host.Bytes(point, 8*uint64(len(c.dimensions)))
	for i := range c.dimensions {
		d := &c.dimensions[i]
		v := binary.LittleEndian.Uint64(values[8*i:])
		var at uint64
		switch {
		case d.step > 0 && int64(v) >= int64(d.lower) && int64(v) <= int64(d.upper):
			at = (v - d.lower) / uint64(d.step)
		case d.step < 0 && int64(v) <= int64(d.lower) && int64(v) >= int64(d.upper):
			at = (d.lower - v) / -uint64(d.step)
		default:
			return 0, false
		}
		n = n*d.trips + at
	}
	return n, true
}

// void __kmpc_doacross_post(loc, gtid, *point): the iteration is as far as others wait for.
func doacrossPost(t *Thread, s []uint64) {
	c := t.region.across
	if c == nil || c.shared == nil {
		return
	}
	if n, ok := c.iteration(t, s[2]); ok {
		c.shared.post(n)
		t.advance(c.shared.word(n))
	}
}

// void __kmpc_doacross_wait(loc, gtid, *point): waits for another iteration, if the loop has it.
func doacrossWait(t *Thread, s []uint64) {
	c := t.region.across
	if c == nil || c.shared == nil {
		return
	}
	n, ok := c.iteration(t, s[2])
	for ok {
		w := c.shared.word(n)
		before := w.value.Load()
		if c.shared.isPosted(n) {
			return
		}
		t.await(w, before)
	}
}

func (d *doacross) word(n uint64) *word { return &d.words[n%acrossWords] }

func (d *doacross) post(n uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	page, known := d.pages[n/acrossIterations]
	if known && page == nil {
		return
	}
	if !known {
		page = &acrossPage{}
		d.pages[n/acrossIterations] = page
	}
	at, bit := n%acrossIterations/64, uint64(1)<<(n%64)
	if page.posted[at]&bit == 0 {
		page.posted[at] |= bit
		if page.count++; page.count == acrossIterations {
			d.pages[n/acrossIterations] = nil
		}
	}
}

// isPosted reports whether an iteration is as far as others wait for.
func (d *doacross) isPosted(n uint64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	page, known := d.pages[n/acrossIterations]
	return known && (page == nil || page.posted[n%acrossIterations/64]>>(n%64)&1 == 1)
}

// void __kmpc_doacross_fini(loc, gtid): the thread leaves the loop.
func doacrossFini(t *Thread, _ []uint64) {
	c := t.region.across
	if c == nil {
		return
	}
	t.region.across = c.outer
	if c.shared == nil {
		return
	}
	tm := t.region.team
	tm.acrossMu.Lock()
	defer tm.acrossMu.Unlock()
	if c.shared.left++; c.shared.left < tm.size {
		return
	}
	for i, d := range tm.across {
		if d == c.shared {
			tm.across = append(tm.across[:i], tm.across[i+1:]...)
			return
		}
	}
}
