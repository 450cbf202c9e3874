package omp

import "sync/atomic"

// openLoops is how many loops of a team may be under way at once: with nowait, a thread may be that many ahead.
const openLoops = 8

// sharedLoop is what a team shares of a loop whose iterations are dealt out.
type sharedLoop struct {
	open    word          // the loop's number in its team, once it may begin
	next    atomic.Uint64 // iteration that nobody has yet
	ordered word          // iterations that are through with their ordered regions
	left    atomic.Int32  // threads that have left the loop
}

func (l *sharedLoop) reset(number uint32) {
	l.next.Store(0)
	l.ordered.value.Store(0)
	l.left.Store(0)
	l.open.value.Store(number)
}

// dealing is a thread's part of a loop whose iterations are dealt out.
type dealing struct {
	shared *sharedLoop // nil: the thread is in no such loop
	number uint32
	loop
	request
	size  uint64 // of the variable, in bytes
	trips uint64
	own   uint64 // chunks that the thread has had, of a static schedule
	first uint64 // iteration of the chunk that it has
	past  bool   // the iteration's ordered region
}

// form is the type of a loop's variable.
type form struct {
	size     uint64
	unsigned bool
}

// widen makes 64 bits of an argument.
func (f form) widen(v uint64) uint64 {
	switch {
	case f.size == 8:
		return v
	case f.unsigned:
		return uint64(uint32(v))
	}
	return uint64(int64(int32(v)))
}

// signed makes 64 bits of a step or a chunk.
func (f form) signed(v uint64) int64 {
	if f.size == 8 {
		return int64(v)
	}
	return int64(int32(v))
}

func requestFor(t *Thread, number int32, chunk int64) request {
	r, ok := requestOf(number, chunk)
	if !ok {
		fail("a loop with the schedule %d, which this version of faasmrun has not", number)
	}
	return r.resolve(t.task.icvs.schedule)
}

// void __kmpc_for_static_init_FORM(loc, gtid, schedule i32, *last i32, *lower, *upper, *stride, step, chunk): writes
// the bounds of the thread's first chunk, the distance to the next one, and whether the thread has the last iteration.
func forStaticInit(f form) func(*Thread, []uint64) {
	return func(t *Thread, s []uint64) {
		r := requestFor(t, int32(s[2]), f.signed(s[8]))
		last, lower, upper, stride := s[3], s[4], s[5], s[6]
		l := loop{lower: f.widen(t.number(lower, f.size)), upper: f.widen(t.number(upper, f.size)),
			step: f.signed(s[7]), unsigned: f.unsigned}
		if l.step == 0 {
			fail("a loop with a step of 0")
		}
		trips := l.trips()
		thread, threads := t.region.number, t.region.team.size
		if r.teams {
			l := t.leagueOf()
			thread, threads = l.number, l.teams
		}
		p, apart, isLast := staticRange(r, trips, thread, threads)
		if last != 0 {
			t.store(last, 4, truthOf(isLast))
		}
		t.store(stride, f.size, apart*uint64(l.step))
		if trips > 0 { // an empty loop keeps its bounds, which say so
			t.store(lower, f.size, l.at(p.first))
			t.store(upper, f.size, l.at(p.first+p.count-1))
		}
	}
}

func truthOf(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// void __kmpc_dispatch_init_FORM(loc, gtid, schedule i32, lower, upper, step, chunk): begins a loop.
func dispatchInit(f form) func(*Thread, []uint64) {
	return func(t *Thread, s []uint64) {
		l := loop{lower: f.widen(s[3]), upper: f.widen(s[4]), step: f.signed(s[5]), unsigned: f.unsigned}
		if l.step == 0 {
			fail("a loop with a step of 0")
		}
		t.beginLoop(f, requestFor(t, int32(s[2]), f.signed(s[6])), l, l.trips())
	}
}

// beginLoop begins a loop whose iterations, so many, are dealt out.
func (t *Thread) beginLoop(f form, asked request, l loop, trips uint64) {
	r := t.region
	if r.loop.shared != nil { // which was cancelled
		t.leaveLoop(&r.loop)
	}
	d := dealing{number: r.begun, size: f.size, request: asked, loop: l, trips: trips}
	r.begun++
	d.shared = &r.team.loops[d.number%openLoops]
	t.await(&d.shared.open, d.number-openLoops) // until all have left the loop before it there
	r.loop = d
}

// i32 __kmpc_dispatch_next_FORM(loc, gtid, *last i32, *lower, *upper, *stride): gives the thread its next chunk and
// returns 1, or 0 at the end of the loop. Addresses may be 0.
func dispatchNext(f form) func(*Thread, []uint64) {
	return func(t *Thread, s []uint64) {
		d := &t.region.loop
		if d.shared == nil {
			s[0] = 0
			return
		}
		p := t.nextChunk(d)
		if p.count == 0 {
			t.leaveLoop(d)
			s[0] = 0
			return
		}
		d.first, d.past = p.first, false
		put := func(address, size, value uint64) {
			if address != 0 {
				t.store(address, size, value)
			}
		}
		put(s[2], 4, truthOf(p.first+p.count == d.trips))
		put(s[3], f.size, d.at(p.first))
		put(s[4], f.size, d.at(p.first+p.count-1))
		put(s[5], f.size, uint64(d.step))
		s[0] = 1
	}
}

// nextChunk takes iterations of a loop: none at its end.
func (t *Thread) nextChunk(d *dealing) part {
	threads, chunk := t.region.team.size, uint64(max(d.chunk, 1))
	switch {
	case d.kind == static && d.chunk == 0:
		d.own++
		if d.own > 1 {
			return part{}
		}
		return share(d.trips, t.region.number, threads)
	case d.kind == static && d.simd:
		d.own++
		if d.own > 1 {
			return part{}
		}
		return lanesShare(d.trips, chunk, t.region.number, threads)
	case d.kind == static:
		d.own++
		return chunkOf(d.trips, chunk, uint64(t.region.number)+(d.own-1)*uint64(threads))
	}
	for {
		first := d.shared.next.Load()
		remaining := d.trips - first
		count := min(remaining, chunk)
		if d.kind == guided && d.simd {
			count = guidedLanes(remaining, chunk, threads)
		} else if d.kind == guided {
			count = guidedChunk(remaining, chunk, threads)
		}
		if count == 0 || d.shared.next.CompareAndSwap(first, first+count) {
			return part{first, count}
		}
	}
}

// leaveLoop is the end of a loop for a thread. The last one opens its place to the loop that is to have it next.
func (t *Thread) leaveLoop(d *dealing) {
	l := d.shared
	d.shared = nil
	if int(l.left.Add(1)) < t.region.team.size {
		return
	}
	l.next.Store(0)
	l.ordered.value.Store(0)
	l.left.Store(0)
	// The word counts loops' numbers: it goes on by as many as there are places.
	t.advanceBy(&l.open, openLoops)
}

// void __kmpc_ordered(loc, gtid): waits until the ordered regions of all earlier iterations are through.
func ordered(t *Thread, _ []uint64) {
	if d := &t.region.loop; d.shared != nil && d.request.ordered {
		t.awaitTurn(d)
	}
}

func (t *Thread) awaitTurn(d *dealing) {
	for {
		through := d.shared.ordered.value.Load()
		if int32(through-uint32(d.first)) >= 0 {
			return
		}
		t.await(&d.shared.ordered, through)
	}
}

// void __kmpc_end_ordered(loc, gtid)
func endOrdered(t *Thread, _ []uint64) {
	if d := &t.region.loop; d.shared != nil && d.request.ordered {
		d.past = true
		t.advance(&d.shared.ordered)
	}
}

// void __kmpc_dispatch_fini_FORM(loc, gtid): the end of an iteration of a loop with an ordered clause, which may have
// come to no ordered region.
func dispatchFini(t *Thread, _ []uint64) {
	d := &t.region.loop
	if d.shared == nil || !d.request.ordered {
		return
	}
	if !d.past {
		t.awaitTurn(d)
		t.advance(&d.shared.ordered)
	}
	d.past = false
}
