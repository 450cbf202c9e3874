package core

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// Explanation says why a job is where it is.
type Explanation struct {
	Why      string
	Priority int64 // points
	Parts    []Part
	Ahead    int  // jobs that a pass looks at before this one
	Start    Time // when it should start, if all jobs take as long as they may; 0: see Unknown
	Worker   WorkerName
	Unknown  string // why nobody can say when it starts
}

// Part is one summand of a priority.
type Part struct {
	Name    string
	Points  int64
	Because string
}

// Bounds of a forecast: it looks at every pair of a job and a worker.
const (
	forecastJobs    = 500
	forecastWorkers = 2000
)

// Explain reads the state as the next pass would.
func (s *State) Explain(j *Job, now Time) Explanation {
	x := Explanation{Why: s.Waiting(j)}
	if j.State != Pending {
		x.Unknown = "it does not wait"
		return x
	}
	x.Parts = s.parts(j, now)
	for _, p := range x.Parts {
		x.Priority += p.Points
	}
	if why := s.notReady(j); why != "" {
		x.Unknown = "it " + why
		return x
	}
	switch {
	case j.parked:
		x.Unknown = "it waits for other tasks of its array"
		return x
	case j.Claim != "":
		x.Start, x.Worker = now.After(s.Policy.KillAfter), j.Claim
		return x
	}
	s.forecast(&x, j, now)
	if depth := s.Policy.Depth; x.Ahead >= depth && strings.HasPrefix(x.Why, othersFirst) {
		x.Why = fmt.Sprintf("%d jobs come first, and only the first %d are looked at when something has changed", x.Ahead,
			depth)
	}
	return x
}

func (s *State) parts(j *Job, now Time) []Part {
	a := s.account(j.Tenant)
	used, fair := s.ShareUsed(a, now)
	waited := max(0, Duration(now-j.Submitted))
	parts := []Part{
		{"age", int64(waited/Second) * s.Policy.AgePerHour / 3600, "waited " + waited.String()},
		{"fair share", fair, fmt.Sprintf("tenant %s has used %d slot-seconds lately", a.Name, used/1000)},
		{"size", s.Policy.sizePoints(j), j.sizeText()},
	}
	if j.Nice > 0 {
		parts = append(parts, Part{"nice", -int64(j.Nice), "as it was submitted"})
	}
	if j.QOS != "" {
		parts = append(parts, Part{"qos", s.Policy.QOS[j.QOS].Points, j.QOS})
	}
	return parts
}

// use is a stretch of time for which a job or a reservation takes part of a worker's pool.
type use struct {
	from, to Time
	slots    uint32
	mem      uint64
	pool     string
	job      *Job // whose use it is; nil: a reservation's
}

// overdue is when those are taken to leave who should have left.
const overdue = Second

// uses are what is taken of a worker as things stand.
func (s *State) uses(w *Worker, now Time) []use {
	var all []use
	for _, id := range w.Jobs {
		j := s.jobs[id]
		due := j.due()
		if j.State == Pending { // placed by the pass that asks
			due = s.ends(j, now)
		}
		all = append(all, use{0, max(due, now.After(overdue)), j.slotsOn(w), j.mem(), w.pool(j), j})
	}
	for _, k := range w.reservations {
		slots, mem := k.of(w)
		all = append(all, use{k.r.From, k.r.To, slots, mem, "", nil})
	}
	return all
}

// forecast places the jobs in their order, each as early as it fits without moving those before it, up to the one asked
// about.
func (s *State) forecast(x *Explanation, target *Job, now Time) {
	x.Ahead = s.ahead(target, now)
	if x.Unknown = s.closed(&target.Request); x.Unknown != "" && !s.suitsAll(&target.Request) {
		return
	}
	x.Unknown = ""
	switch {
	case s.freeSlots.n == 0:
		x.Unknown = "no worker is connected and open for jobs"
		return
	case x.Ahead > forecastJobs || s.freeSlots.n > forecastWorkers:
		x.Unknown = fmt.Sprintf("%d jobs are ahead of it on %d workers: too many to foresee; faasmrun simulate --live can",
			x.Ahead, s.freeSlots.n)
		return
	}
	var ahead []*Job
	for l := s.walk(now); l.top() != nil && l.top().job() != target; l.advance() {
		ahead = append(ahead, l.top().job())
	}
	workers := slices.Collect(s.freeSlots.withAtLeast(0))
	uses := make([][]use, len(workers))
	for i, w := range workers {
		uses[i] = s.uses(w, now)
	}
	for _, j := range append(ahead, target) {
		best, at := -1, never
		for i, w := range workers {
			if w.fits(&j.Request) {
				if t := s.earliest(w, uses[i], j, now); t < at {
					best, at = i, t
				}
			}
		}
		if best < 0 {
			continue
		}
		if j == target {
			x.Start, x.Worker = at, workers[best].Name
			return
		}
		w := workers[best]
		uses[best] = append(uses[best], use{at, s.ends(j, at), j.slotsOn(w), j.mem(), w.pool(j), j})
	}
	x.Unknown = s.Waiting(target)
	if s.fitsSome(&target.Request) {
		x.Unknown = "jobs without a time limit are in its way"
	}
}

// ahead is how many jobs a pass looks at before this one.
func (s *State) ahead(target *Job, now Time) int {
	points := s.fairness(now)
	own := int64(0)
	for i, a := range s.accounts {
		if a.Name == target.Tenant {
			own = target.score + points[i]
		}
	}
	n := 0
	for i, a := range s.accounts {
		n += sort.Search(len(a.queue), func(k int) bool {
			t := &a.queue[k]
			p := t.score + points[i]
			return p < own || p == own && t.job.ID >= target.ID
		})
	}
	return n
}

// slotsOn is what a job takes of a worker for others.
func (j *Job) slotsOn(w *Worker) uint32 {
	if j.Exclusive {
		return w.Slots
	}
	return j.slots()
}

// earliest is when the worker can give the job what it needs for as long as it may take, beside its uses.
func (s *State) earliest(w *Worker, uses []use, j *Job, now Time) Time {
	pool := w.pool(j)
	starts := []Time{now}
	k, within := w.reservation(pool)
	if within {
		starts[0] = max(now, k.r.From)
	}
	for _, u := range uses {
		if u.to > starts[0] && u.to != never {
			starts = append(starts, u.to)
		}
	}
	most, mostMem := w.capacity(pool, 0, 0) // what reservations keep is among the uses
	sort.Slice(starts, func(a, b int) bool { return starts[a] < starts[b] })
	for _, at := range starts {
		if within && at >= k.r.To {
			break
		}
		// Counting all uses that touch the stretch at once is cautious: they may follow one another.
		end := s.ends(j, at)
		slots, mem, wants := uint64(j.slotsOn(w)), j.mem(), j.Resources
		for _, u := range uses {
			if u.from >= end || u.to <= at {
				continue
			}
			if u.pool == pool {
				slots += uint64(u.slots)
				mem += u.mem
			}
			if u.job != nil {
				wants = wants.beside(u.job.Resources)
			}
		}
		if slots <= most && mem <= mostMem && w.holdsAll(wants) {
			return at
		}
	}
	return never
}
