package omp

import (
	"math"
	"testing"
)

// Every schedule gives each iteration of a loop to exactly one thread, and the last one is told to one.
func TestStaticCoversLoops(t *testing.T) {
	for _, trips := range []uint64{1, 2, 3, 7, 16, 100} {
		for _, threads := range []int{1, 2, 3, 8, 16} {
			for _, r := range []request{{schedule: schedule{kind: static}}, {schedule: schedule{kind: static, chunk: 1}},
				{schedule: schedule{kind: static, chunk: 3}}, {schedule: schedule{kind: static, chunk: 200}},
				{schedule: schedule{kind: static, chunk: 4}, simd: true}} {
				seen, lasts := make([]int, trips), 0
				for thread := range threads {
					p, stride, last := staticRange(r, trips, thread, threads)
					for first := p.first; first < trips && p.count > 0; first += stride {
						for i := first; i < min(first+p.count, trips); i++ {
							seen[i]++
							if last && i == trips-1 {
								lasts++
							}
						}
						if stride == 0 {
							t.Fatal("a stride of 0")
						}
					}
				}
				for i, n := range seen {
					if n != 1 || lasts != 1 {
						t.Fatalf("%+v of %d by %d: iteration %d %d times, the last one told %d times", r, trips, threads, i, n, lasts)
					}
				}
			}
		}
	}
}

func TestTrips(t *testing.T) {
	minus := func(n int64) uint64 { return uint64(-n) }
	for _, c := range []struct {
		loop
		want uint64
	}{
		{loop{0, 9, 1, false}, 10}, {loop{0, 9, 3, false}, 4}, {loop{0, 9, 4, false}, 3},
		{loop{9, 0, -1, false}, 10}, {loop{9, 0, -4, false}, 3}, {loop{5, 4, 1, false}, 0}, {loop{4, 5, -1, false}, 0},
		{loop{minus(5), 5, 5, false}, 3}, {loop{minus(5), 5, 5, true}, 0},
		{loop{0, math.MaxUint64 - 1, 1, true}, math.MaxUint64},
		{loop{math.MaxUint64, 0, math.MinInt64, true}, 2},
		{loop{1 << 63, 1<<63 - 1, math.MaxInt64, false}, 3},
	} {
		if got := c.trips(); got != c.want {
			t.Errorf("%+v: %d, want %d", c.loop, got, c.want)
		}
	}
}

func TestGuidedChunks(t *testing.T) {
	var chunks []uint64
	for remaining := uint64(100); remaining > 0; remaining -= chunks[len(chunks)-1] {
		chunks = append(chunks, guidedChunk(remaining, 5, 4))
	}
	want := []uint64{13, 11, 10, 9, 8, 7, 6, 5, 5, 5, 5, 5, 5, 5, 1}
	for i := range want {
		if len(chunks) != len(want) || chunks[i] != want[i] {
			t.Fatalf("%d", chunks)
		}
	}
}

func TestChunksBeyondAllNumbers(t *testing.T) {
	if p := chunkOf(10, math.MaxUint64, 2); p.count != 0 {
		t.Errorf("%+v", p)
	}
}

// Every number of clang's for a loop in a team is known, with what may be added to it.
func TestRequests(t *testing.T) {
	for _, c := range []struct {
		number int32
		chunk  int64
		want   request
		ok     bool
	}{
		{34, 1, request{schedule: schedule{kind: static, chunk: 0}}, true},
		{33, 8, request{schedule: schedule{kind: static, chunk: 8}}, true},
		{45, 8, request{schedule: schedule{kind: static, chunk: 8}, simd: true}, true},
		{35 | 1<<30, 0, request{schedule: schedule{kind: dynamic, chunk: 1}}, true},
		{36 | 1<<29, 2, request{schedule: schedule{kind: guided, chunk: 2}}, true},
		{46, 2, request{schedule: schedule{kind: guided, chunk: 2}, simd: true}, true},
		{47, 4, request{schedule: schedule{chunk: 4}, runtime: true, lanes: true}, true},
		{37, 0, request{schedule: schedule{kind: 0, chunk: 1}, runtime: true}, true},
		{38, 0, request{schedule: schedule{kind: static, chunk: 0}}, true},
		{66, 1, request{schedule: schedule{kind: static, chunk: 0}, ordered: true}, true},
		{67, 3, request{schedule: schedule{kind: dynamic, chunk: 3}, ordered: true}, true},
		{163, 3, request{schedule: schedule{kind: dynamic, chunk: 3}}, true},
		{195, 3, request{schedule: schedule{kind: dynamic, chunk: 3}, ordered: true}, true},
		{91, 3, request{schedule: schedule{kind: static, chunk: 3}, teams: true}, true},
		{92, 1, request{schedule: schedule{kind: static, chunk: 0}, teams: true}, true}, {93, 1, request{}, false},
		{0, 1, request{}, false}, {-5, 1, request{}, false},
	} {
		got, ok := requestOf(c.number, c.chunk)
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%d: %+v %t", c.number, got, ok)
		}
	}
	if r := (request{runtime: true}).resolve(schedule{kind: guided, chunk: 7}); r.kind != guided || r.chunk != 7 {
		t.Errorf("runtime is %+v", r)
	}
	if r := (request{runtime: true}).resolve(schedule{kind: auto, chunk: 7}); r.kind != static || r.chunk != 0 {
		t.Errorf("auto is %+v", r)
	}
}

// With schedule(simd: runtime) chunks are as many times the vector's length as OMP_SCHEDULE says, and no part but the
// last is cut through one.
func TestLanes(t *testing.T) {
	r := request{schedule: schedule{chunk: 4}, runtime: true, lanes: true}
	for _, c := range []struct{ run, want schedule }{
		{schedule{kind: static}, schedule{kind: static, chunk: 4}}, {schedule{kind: auto}, schedule{kind: static, chunk: 4}},
		{schedule{kind: static, chunk: 3}, schedule{kind: static, chunk: 12}},
		{schedule{kind: dynamic, chunk: 1}, schedule{kind: dynamic, chunk: 4}},
		{schedule{kind: guided, chunk: 2}, schedule{kind: guided, chunk: 8}},
		{schedule{kind: dynamic, chunk: math.MaxInt64}, schedule{kind: dynamic, chunk: math.MaxInt64 / 4 * 4}},
	} {
		if got := r.resolve(c.run); got.schedule != c.want || got.simd != (c.run.chunk == 0 || c.run.kind == guided) {
			t.Errorf("%+v is %+v", c.run, got)
		}
	}
	for remaining := uint64(1); remaining < 100; remaining++ {
		if n := guidedLanes(remaining, 4, 3); n == 0 || n > remaining || n < remaining && n%4 != 0 {
			t.Errorf("%d of %d", n, remaining)
		}
		next := uint64(0)
		for thread := range 3 {
			p := lanesShare(remaining, 4, thread, 3)
			if p.count > 0 && (p.first != next || p.count%4 != 0 && p.first+p.count != remaining) {
				t.Errorf("thread %d: %+v of %d", thread, p, remaining)
			}
			next += p.count
		}
		if next != remaining {
			t.Errorf("%d of %d", next, remaining)
		}
	}
}

func TestTeamSize(t *testing.T) {
	one := icvs{threads: []int{4}, maxLevels: 1}
	for _, c := range []struct {
		icvs
		asked, active, free, want int
	}{
		{one, 0, 0, 100, 4}, {one, 7, 0, 100, 7}, {one, 7, 1, 100, 1}, {one, 7, 0, 3, 3}, {one, 7, 0, 0, 1},
		{icvs{threads: []int{4}, maxLevels: 1, dynamic: true}, 7, 0, 100, 2},
		{icvs{threads: []int{4}, maxLevels: 0}, 7, 0, 100, 1},
		{icvs{threads: []int{4, 3}, maxLevels: 2}.within(), 0, 1, 100, 3},
		{icvs{threads: []int{4, 3}, maxLevels: 9}.within().within(), 0, 2, 100, 3},
		{icvs{threads: []int{4, 3}, maxLevels: 9}.withThreads(9).within(), 0, 1, 100, 3},
		{one.withThreads(9), 0, 0, 100, 9},
	} {
		if got := c.teamSize(c.asked, c.active, c.free, 2); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}
