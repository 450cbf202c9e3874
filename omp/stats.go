package omp

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/faasmrun/faasmrun/omp/profile"
)

// stats measures a rank's regions and waits, where Config.Stats asks for it. Without, the runtime has none, and each
// place that would measure looks for that alone.
type stats struct {
	began time.Time
	read  func(address uint64) []byte

	mu      sync.Mutex // guards all below
	regions map[spot]*profile.Region
	waits   map[spot]*profile.Wait
}

// spot is a construct of the program: clang's description of its place, and which one it is, or the region's function.
type spot struct {
	at   uint64
	what uint32
}

// mostSpots bounds the regions and the waits that are told apart. What comes later counts as one.
const mostSpots = 4096

func newStats(read func(address uint64) []byte) *stats {
	return &stats{began: time.Now(), read: read, regions: map[spot]*profile.Region{}, waits: map[spot]*profile.Wait{}}
}

// times are those of a region's member in one execution, in nanoseconds. The member's thread writes them; the first
// thread reads them at the region's end, when the member may be at its end, and run what there is left of tasks.
type times struct {
	barrier, critical, other, held atomic.Int64
	idle                           atomic.Int64 // at the region's end, before tasks
	idleSince                      atomic.Int64 // at the region's end, without a task; 0: it isn't there
}

func (m *times) reset() {
	for _, n := range []*atomic.Int64{&m.barrier, &m.critical, &m.other, &m.held, &m.idle, &m.idleSince} {
		n.Store(0)
	}
}

// nanos is the time by a clock of the process's, never 0.
func nanos() int64 { return max(1, int64(time.Since(started))) }

// busy says that a member works, at the region's end on a task.
func (m *times) busy() {
	if since := m.idleSince.Swap(0); since != 0 {
		m.idle.Add(nanos() - since)
	}
}

// rest says that it has nothing to do at the region's end.
func (m *times) rest() { m.idleSince.Store(nanos()) }

// measureRegion runs a team's region and measures it. loc is where the program has it.
func (t *Thread) measureRegion(tm *team, loc uint64) {
	for i := range tm.members {
		tm.members[i].times.reset()
	}
	began := nanos()
	t.work(tm)
	end := nanos()
	one := profile.Region{Count: 1, Threads: tm.size, Time: time.Duration(end - began),
		ThreadTime: time.Duration((end - began) * int64(tm.size))}
	var all, ended, waiting int64
	for i := range tm.members {
		m := &tm.members[i].times
		idle := m.idle.Load()
		if since := m.idleSince.Load(); since != 0 {
			idle += max(0, end-since)
		}
		if idle > 0 {
			ended, waiting = ended+1, waiting+idle
		}
		barrier := m.barrier.Load() + idle
		critical, other := m.critical.Load(), m.other.Load()
		worked := max(0, end-began-barrier-critical-other)
		all += worked
		one.Longest = max(one.Longest, time.Duration(worked))
		one.Barrier += time.Duration(barrier)
		one.Critical += time.Duration(critical)
		one.Other += time.Duration(other)
		one.Held += time.Duration(m.held.Load())
	}
	one.Mean = time.Duration(all / int64(tm.size))
	t.runtime.stats.addRegion(spot{loc, tm.function}, one)
	if ended > 0 {
		t.runtime.stats.addWait(inside{constructOf["__kmpc_fork_call"], loc}, uint64(ended), waiting, 0)
	}
}

func (s *stats) addRegion(at spot, one profile.Region) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.regions[at]
	if r == nil {
		if len(s.regions) >= mostSpots {
			at = spot{}
		}
		if r = s.regions[at]; r == nil {
			r = &profile.Region{Place: s.place(at.at)}
			s.regions[at] = r
		}
	}
	r.Add(one)
}

// place is what clang says of a place; s.mu is held.
func (s *stats) place(at uint64) profile.Place {
	from, _ := sourceAt(s.read, at)
	return profile.Place{Function: from.function, File: from.file, Line: from.line}
}

// waited counts a wait of the thread's, in the construct that it is in. One for something to do is none.
func (s *stats) waited(t *Thread, took int64) {
	what := &constructs[t.inside.construct]
	if what.name == "" {
		return
	}
	m := &t.region.times
	switch what.awaits {
	case waitsForTeam:
		m.barrier.Add(took)
	case waitsForLock:
		m.critical.Add(took)
	default:
		m.other.Add(took)
	}
	s.addWait(t.inside, 1, took, 0)
}

func (s *stats) addWait(in inside, count uint64, took, held int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := spot{in.at, uint32(in.construct)}
	w := s.waits[at]
	if w == nil {
		if len(s.waits) >= mostSpots {
			at.at = 0
		}
		if w = s.waits[at]; w == nil {
			w = &profile.Wait{Place: s.place(at.at), Construct: constructs[in.construct].name}
			s.waits[at] = w
		}
	}
	w.Count += count
	w.Time += time.Duration(took)
	w.Held += time.Duration(held)
}

// entered is a critical section that the thread is in: where, and since when.
type entered struct {
	at    inside
	since int64
}

// enters notes that the thread has entered a critical section.
func (t *Thread) enters() { t.sections = append(t.sections, entered{t.inside, nanos()}) }

// leaves counts the time in the innermost one.
func (t *Thread) leaves() {
	n := len(t.sections) - 1
	if n < 0 { // of a program that leaves what it has not entered
		return
	}
	e := t.sections[n]
	t.sections = t.sections[:n]
	took := nanos() - e.since
	t.region.times.held.Add(took)
	t.runtime.stats.addWait(e.at, 0, 0, took)
}

// Profile is what was measured; nil where Config.Stats did not ask for it. Any goroutine may ask at any time.
func (r *Runtime) Profile() *profile.Rank {
	s := r.stats
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &profile.Rank{Wall: time.Since(s.began), Regions: []profile.Region{}, Waits: []profile.Wait{}}
	for _, region := range s.regions {
		p.Regions = append(p.Regions, *region)
	}
	slices.SortFunc(p.Regions, func(a, b profile.Region) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(a.String(), b.String()))
	})
	for w := range maps.Values(s.waits) {
		p.Waits = append(p.Waits, *w)
	}
	slices.SortFunc(p.Waits, func(a, b profile.Wait) int {
		return cmp.Or(cmp.Compare(b.Time+b.Held, a.Time+a.Held), cmp.Compare(a.String(), b.String()))
	})
	return p
}
