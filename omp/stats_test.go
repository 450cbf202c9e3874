package omp

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/faasmrun/faasmrun/omp/profile"
)

// measured is a rank whose regions are measured, with descriptions of two places at addresses 24 and 64.
func measured(t *testing.T, threads int) *thread {
	h := newRank(t, threads, threads)
	binary.LittleEndian.PutUint64(h.memory[24+16:], 200)
	copy(h.memory[200:], ";a.c;work;12;9;;\x00")
	binary.LittleEndian.PutUint64(h.memory[64+16:], 300)
	copy(h.memory[300:], ";a.c;work;15;9;;\x00")
	h.runtime.stats = newStats(from(h.memory))
	return h
}

// parallelAt runs a region so many times.
func (h *thread) parallelAt(loc uint64, times int, body func(h *thread)) {
	region := h.function(func(h *thread, args ...uint64) { body(h) })
	for range times {
		h.call("__kmpc_fork_call", loc, 0, region, 0)
	}
}

// Regions are told apart by their places, executions of one are added up, and each thread's time is work or a wait.
func TestStats(t *testing.T) {
	const threads, rounds = 4, 5
	h := measured(t, threads)
	lock := h.room(8)
	came := make(chan bool, threads)
	h.parallelAt(24, rounds, func(h *thread) {
		came <- true
		if h.region.number == 0 { // the last one at the barrier
			for range threads {
				<-came
			}
		}
		h.call("__kmpc_barrier", 64, 0)
		h.call("__kmpc_critical", 64, 0, lock)
		h.call("__kmpc_end_critical", 64, 0, lock)
	})
	h.parallelAt(0, 1, func(h *thread) {})
	p := h.runtime.Profile()
	if len(p.Regions) != 2 {
		t.Fatalf("%+v", p.Regions)
	}
	first, other := p.Regions[0], p.Regions[1]
	if first.File == "" {
		first, other = other, first
	}
	if first.Place != (profile.Place{Function: "work", File: "a.c", Line: "12"}) || first.Count != rounds ||
		first.Threads != threads || other.Count != 1 || other.Place != (profile.Place{}) {
		t.Errorf("%+v", p.Regions)
	}
	// Each execution's mean is rounded down by less than a nanosecond a thread.
	sum := threads*first.Mean + first.Barrier + first.Critical + first.Other
	if d := first.ThreadTime - sum; d < 0 || d >= threads*rounds {
		t.Errorf("of %v of the threads' time %v is told: %+v", first.ThreadTime, sum, first)
	}
	if first.ThreadTime != threads*first.Time || first.Mean > first.Longest || first.Longest > first.Time ||
		first.Held <= 0 || first.Held > first.ThreadTime || p.Wall < first.Time {
		t.Errorf("%+v", first)
	}
	held := time.Duration(0)
	for _, w := range p.Waits {
		switch w.Construct {
		case "critical":
			held += w.Held
			if w.Line != "15" {
				t.Errorf("%+v", w)
			}
		case "barrier", "end of parallel":
		default:
			t.Errorf("%+v", w)
		}
	}
	if held != first.Held {
		t.Errorf("%v in critical sections, %v of them in the region", held, first.Held)
	}
}

// A task that runs at a region's end is work of the thread that runs it.
func TestStatsOfTasks(t *testing.T) {
	h := measured(t, 2)
	began, through := make(chan bool), make(chan bool)
	var took time.Duration
	h.parallelAt(24, 1, func(h *thread) {
		if h.region.number > 0 {
			return
		}
		h.spawn(func(*thread) { // which the other thread runs, for this one is busy until it has
			at := time.Now()
			began <- true
			<-through
			took = time.Since(at)
		})
		<-began
		for at := time.Now(); time.Since(at) < time.Millisecond; {
		}
		through <- true
	})
	r := h.runtime.Profile().Regions[0]
	if r.Count != 1 || r.Barrier+took+time.Millisecond > r.ThreadTime {
		t.Errorf("a task of %v: %+v", took, r)
	}
}

// What is beyond the bound counts as one.
func TestMostSpots(t *testing.T) {
	h := measured(t, 1)
	for i := range uint64(mostSpots + 10) {
		h.runtime.stats.addRegion(spot{i + 1000, 1}, profile.Region{Count: 1})
		h.runtime.stats.addWait(inside{constructOf["__kmpc_barrier"], i + 1000}, 1, 1, 0)
	}
	p := h.runtime.Profile()
	if len(p.Regions) != mostSpots+1 || len(p.Waits) != mostSpots+1 {
		t.Errorf("%d regions, %d waits", len(p.Regions), len(p.Waits))
	}
}

// Without being asked nothing is measured, and nothing is there.
func TestNoStats(t *testing.T) {
	h := newRank(t, 2, 2)
	h.parallel(func(h *thread) { h.call("__kmpc_barrier", 0, 0) })
	if p := h.runtime.Profile(); p != nil {
		t.Errorf("%+v", p)
	}
}
