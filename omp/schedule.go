package omp

import "math"

// kind is how the iterations of a loop are dealt out to a team.
type kind int32

// The kinds, by omp.h's numbers.
const (
	static  kind = 1
	dynamic kind = 2
	guided  kind = 3
	auto    kind = 4
)

// schedule is a kind and its chunk; 0 is none given.
type schedule struct {
	kind  kind
	chunk int64
	// monotonic is that a thread gets chunks in their order, as each schedule here does; programs are told that they have
	// asked for it.
	monotonic bool
}

// request is what clang says of a loop's schedule.
type request struct {
	schedule
	ordered bool
	runtime bool // as the run-sched ICV says
	simd    bool // static without chunks or guided, and parts are multiples of the chunk
	lanes   bool // as the run-sched ICV says, in units of the chunk
	teams   bool // among the teams of a league
}

// clang's numbers for schedules (kmp.h: sched_type), without the bits of modifiers.
const (
	kmpStaticChunked  = 33
	kmpStatic         = 34
	kmpDynamic        = 35
	kmpGuided         = 36
	kmpRuntime        = 37
	kmpAuto           = 38
	kmpStaticBalanced = 45 // static, simd
	kmpGuidedSIMD     = 46
	kmpRuntimeSIMD    = 47
	kmpDistribute     = 91       // among teams, with chunks,
	kmpDistributeAll  = 92       // and without
	kmpOrdered        = 64 - 32  // added to the kinds above
	kmpNoMerge        = 160 - 32 // added to the kinds above
	kmpModifiers      = 1<<29 | 1<<30
)

// requestOf reads clang's number and chunk; false for a number that is none of a loop in a team.
func requestOf(number int32, chunk int64) (r request, ok bool) {
	number &^= kmpModifiers
	if number == kmpDistribute || number == kmpDistributeAll {
		r.teams, number = true, number-kmpDistribute+kmpStaticChunked
	}
	if number > kmpNoMerge+32 {
		number -= kmpNoMerge
	}
	if number > 64 && number < 64+32 {
		r.ordered, number = true, number-kmpOrdered
	}
	r.chunk = max(chunk, 1)
	switch number {
	case kmpStaticChunked:
		r.kind = static
	case kmpStatic:
		r.schedule = schedule{kind: static}
	case kmpStaticBalanced:
		r.kind, r.simd = static, true
	case kmpDynamic:
		r.kind = dynamic
	case kmpGuided, kmpGuidedSIMD:
		r.kind, r.simd = guided, number == kmpGuidedSIMD
	case kmpRuntime, kmpRuntimeSIMD:
		r.runtime, r.lanes = true, number == kmpRuntimeSIMD
	case kmpAuto:
		r.schedule = schedule{kind: static}
	default:
		return r, false
	}
	return r, true
}

// resolve puts the run-sched ICV in the place of schedule(runtime). Auto is static here.
func (r request) resolve(run schedule) request {
	lanes := r.chunk
	if r.runtime {
		r.schedule = run
	}
	if r.kind == auto {
		r.schedule = schedule{kind: static}
	}
	switch {
	case !r.lanes:
	case r.chunk == 0:
		r.chunk, r.simd = lanes, true
	default:
		r.chunk, r.simd = min(r.chunk, math.MaxInt64/lanes)*lanes, r.kind == guided
	}
	return r
}

// loop is a loop's range as clang gives it: both bounds belong to it. Bounds are 64 bits wide, whatever the loop's
// variable: arithmetic is modulo 2^64.
type loop struct {
	lower, upper uint64
	step         int64 // not 0
	unsigned     bool  // the bounds have no sign
}

// trips is how many iterations the loop has. 2^64 can't be told, and are none.
func (l loop) trips() uint64 {
	less := func(a, b uint64) bool {
		if l.unsigned {
			return a < b
		}
		return int64(a) < int64(b)
	}
	switch {
	case l.step > 0 && !less(l.upper, l.lower):
		return (l.upper-l.lower)/uint64(l.step) + 1
	case l.step < 0 && !less(l.lower, l.upper):
		return (l.lower-l.upper)/-uint64(l.step) + 1
	}
	return 0
}

// at is the value of the loop's variable in an iteration.
func (l loop) at(iteration uint64) uint64 { return l.lower + iteration*uint64(l.step) }

// part is some of a loop's iterations.
type part struct{ first, count uint64 }

// share is a thread's part of a static loop without chunks: parts differ by one iteration at most.
func share(trips uint64, thread, threads int) part {
	n, i := uint64(threads), uint64(thread)
	small, extra := trips/n, trips%n
	p := part{i*small + min(i, extra), small}
	if i < extra {
		p.count++
	}
	return p
}

// chunkOf is the k-th chunk of a static loop, cut at the loop's end.
func chunkOf(trips, chunk, k uint64) part {
	if k > 0 && chunk > math.MaxUint64/k || k*chunk >= trips {
		return part{first: trips}
	}
	return part{k * chunk, min(chunk, trips-k*chunk)}
}

// guidedChunk is how many iterations the next chunk of a guided loop has: half of what each thread would get of those
// that remain.
func guidedChunk(remaining, chunk uint64, threads int) uint64 {
	return min(remaining, max(chunk, (remaining+2*uint64(threads)-1)/(2*uint64(threads))))
}

// guidedLanes is guidedChunk, rounded up to a multiple of chunk.
func guidedLanes(remaining, chunk uint64, threads int) uint64 {
	n := guidedChunk(remaining, chunk, threads)
	if over := n % chunk; over > 0 {
		n = min(remaining, n+chunk-over)
	}
	return n
}

// lanesShare is a thread's part of a static loop without chunks whose parts are multiples of a number.
func lanesShare(trips, of uint64, thread, threads int) part {
	each := (trips + uint64(threads) - 1) / uint64(threads)
	if over := each % of; over > 0 {
		each += of - over
	}
	return chunkOf(trips, each, uint64(thread))
}

// staticRange is what __kmpc_for_static_init answers: a thread's first chunk, the distance to its next one in steps of
// the loop, and whether the thread has the loop's last iteration.
func staticRange(r request, trips uint64, thread, threads int) (p part, stride uint64, last bool) {
	if trips == 0 {
		return part{}, 1, false
	}
	chunk := uint64(r.chunk)
	switch {
	case r.chunk == 0:
		p = share(trips, thread, threads)
		return p, trips, p.count > 0 && p.first+p.count == trips
	case r.simd:
		p = lanesShare(trips, chunk, thread, threads)
		return p, trips, p.count > 0 && p.first+p.count == trips
	}
	chunk = min(chunk, trips)
	p = chunkOf(trips, chunk, uint64(thread))
	return p, chunk * uint64(threads), uint64(thread) == (trips-1)/chunk%uint64(threads)
}
