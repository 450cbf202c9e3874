package core

import (
	"fmt"
	"sort"
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
	s.forecast(&x, j, now)
	return x
}

func (s *State) parts(j *Job, now Time) []Part {
	a := s.account(j.Tenant)
	used, fair := s.ShareUsed(a, now)
	waited := max(0, Duration(now-j.Submitted))
	parts := []Part{
		{"age", int64(waited/Second) * s.Policy.AgePerHour / 3600, "waited " + waited.String()},
		{"fair share", fair, fmt.Sprintf("tenant %s has used %d slot-seconds lately", a.Name, used/1000)},
		{"size", s.Policy.sizePoints(j), fmt.Sprintf("%d ranks", j.Ranks)},
	}
	if j.QOS != "" {
		parts = append(parts, Part{"qos", s.Policy.QOS[j.QOS].Points, j.QOS})
	}
	return parts
}

// use is a stretch of time for which a job holds part of a worker.
type use struct {
	from, to Time
	slots    uint32
	mem      uint64
}

// forecast places the jobs in their order, each as early as it fits without moving those before it, up to the one asked
// about.
func (s *State) forecast(x *Explanation, target *Job, now Time) {
	l := s.line(now)
	var ahead []*Job
	for j := l.next(); j != nil && j != target; j = l.next() {
		ahead = append(ahead, j)
	}
	x.Ahead = len(ahead)
	switch {
	case len(s.rooms) == 0:
		x.Unknown = "no worker is connected and open for jobs"
		return
	case len(ahead) > forecastJobs || len(s.rooms) > forecastWorkers:
		x.Unknown = fmt.Sprintf("%d jobs are ahead of it on %d workers: too many to foresee", len(ahead), len(s.rooms))
		return
	}
	uses := make([][]use, len(s.rooms))
	for i, w := range s.rooms {
		for _, id := range w.Jobs {
			j := s.jobs[id]
			uses[i] = append(uses[i], use{0, max(j.due(), now.After(Second)), j.slotsOn(w), j.mem()})
		}
	}
	for _, j := range append(ahead, target) {
		best, at := -1, never
		for i, w := range s.rooms {
			if t := earliest(w, uses[i], j, now); w.fits(&j.Request) && t < at {
				best, at = i, t
			}
		}
		if best < 0 {
			continue
		}
		if j == target {
			x.Start, x.Worker = at, s.rooms[best].Name
			return
		}
		end := never
		if j.TimeLimit > 0 {
			end = at.After(j.TimeLimit)
		}
		uses[best] = append(uses[best], use{at, end, j.slotsOn(s.rooms[best]), j.mem()})
	}
	x.Unknown = s.Waiting(target)
	if s.fitsSome(&target.Request) {
		x.Unknown = "jobs without a time limit are in its way"
	}
}

// slotsOn is what a job takes of a worker for others.
func (j *Job) slotsOn(w *Worker) uint32 {
	if j.Exclusive {
		return w.Slots
	}
	return j.Ranks
}

// earliest is when the worker can give the job what it needs for as long as it may take, beside its uses.
func earliest(w *Worker, uses []use, j *Job, now Time) Time {
	starts := []Time{now}
	for _, u := range uses {
		if u.to > now && u.to != never {
			starts = append(starts, u.to)
		}
	}
	sort.Slice(starts, func(a, b int) bool { return starts[a] < starts[b] })
	for _, at := range starts {
		end := never
		if j.TimeLimit > 0 {
			end = at.After(j.TimeLimit)
		}
		// Counting all uses that touch the stretch at once is cautious: they may follow one another.
		slots, mem := uint64(j.slotsOn(w)), j.mem()
		for _, u := range uses {
			if u.from < end && u.to > at {
				slots += uint64(u.slots)
				mem += u.mem
			}
		}
		if slots <= uint64(w.Slots) && mem <= w.Mem {
			return at
		}
	}
	return never
}
