package core

import (
	"slices"
	"sort"
)

// shadow is the worker on which, and the time at which, the head of the queue can start first (EASY's shadow time),
// kept from pass to pass: it moves only with workers whose jobs have changed, so a pass looks at those alone, however
// many others there are. Nothing here is saved.
type shadow struct {
	head   JobID
	worker *Worker // nil: nothing is known
	at     Time
	stale  []*Worker // whose jobs have changed since
}

// touch marks a worker whose jobs, or whose being open, have changed.
func (s *State) touch(w *Worker) {
	if !w.stale {
		w.stale = true
		s.shadow.stale = append(s.shadow.stale, w)
	}
}

// setHead makes a job the head of the queue: it is promised the worker that can start it first.
func (p *pass) setHead(j *Job) {
	o := &p.s.shadow
	for _, w := range o.stale {
		w.stale = false
	}
	p.head, p.shadowTime = j, never
	if !p.recheckHead(j) {
		p.shadowWorker, p.shadowTime = nil, never
		for _, w := range p.s.workers {
			p.compareShadow(w, j)
		}
	}
	o.head, o.worker, o.at, o.stale = j.ID, p.shadowWorker, p.shadowTime, o.stale[:0]
	if p.shadowWorker == nil {
		return // every worker that it fits is lost or drained: nothing can be promised
	}
	p.promise(j)
}

// recheckHead looks only at what has changed since the last pass, and reports whether that is enough: not when another
// job heads the queue, or when the shadow time has become later.
func (p *pass) recheckHead(j *Job) bool {
	o := &p.s.shadow
	if o.head != j.ID || o.worker == nil {
		return false
	}
	p.compareShadow(o.worker, j)
	if p.shadowWorker == nil || p.shadowTime > o.at {
		return false
	}
	for _, w := range o.stale {
		p.compareShadow(w, j)
	}
	for _, r := range p.s.reservations { // where some is kept, room moves with time
		for _, part := range r.Parts {
			if w := p.s.Worker(part.Worker); w != nil {
				p.compareShadow(w, j)
			}
		}
	}
	return true
}

// compareShadow makes a worker the shadow worker if it can start the head earlier. Of two that are as good it is the
// first by name, in whatever order they are looked at.
func (p *pass) compareShadow(w *Worker, j *Job) {
	latest := p.shadowTime
	if p.shadowWorker != nil && w.Name > p.shadowWorker.Name {
		latest--
	}
	if at, exact := p.earliestFit(w, j, latest); exact && at != unfit && at <= latest {
		p.shadowWorker, p.shadowTime = w, at
	}
}

// promise records what the head is promised where it is new or has changed. One that becomes later says why.
func (p *pass) promise(j *Job) {
	old := j.Promised
	if p.shadowTime <= p.now {
		// Whoever is in its way should be gone by now; it is being ended.
		p.shadowTime = p.now
		if old.At != 0 && old.Worker == p.shadowWorker.Name {
			return
		}
	}
	if old.Worker == p.shadowWorker.Name && old.At == p.shadowTime {
		return
	}
	why := ""
	if old.At != 0 && p.shadowTime > old.At {
		why = "jobs of a higher priority were placed before it"
		switch w := p.s.Worker(old.Worker); {
		case w == nil || !w.Open():
			why = "worker " + string(old.Worker) + " is lost or drained"
		case w.claim != 0:
			why = "job " + w.claim.String() + " has others give way on worker " + string(w.Name)
		case len(w.reservations) > 0:
			why = "a reservation keeps slots of worker " + string(w.Name)
		}
	}
	p.ts = append(p.ts, &JobPromised{j.ID, Promise{p.shadowWorker.Name, p.shadowTime}, why})
}

// unfit stands for a worker that a job can't be placed on as it is.
const unfit Time = -1

// earliestFit is when the worker can start the job, if those that run there end when they are due. Where that is after
// latest, what is returned is only a lower bound, and exact is false.
func (p *pass) earliestFit(w *Worker, j *Job, latest Time) (at Time, exact bool) {
	if !w.Open() || !w.fits(&j.Request) || w.claim != 0 {
		return unfit, true
	}
	if len(w.reservations) > 0 {
		return p.earliestFitReserved(w, j), true
	}
	slots, mem := w.Slots-min(w.UsedSlots, w.Slots), w.Mem-min(w.UsedMem, w.Mem)
	for i := range w.releases {
		l := &w.releases[i]
		if l.at > latest {
			return l.at, false
		}
		slots, mem = min(slots+l.slots, w.Slots), min(mem+l.mem, w.Mem)
		last := i == len(w.releases)-1
		if last || !j.Exclusive && !w.Exclusive && slots >= j.slots() && mem >= j.mem() &&
			w.spares(j.Resources, func(id JobID) bool { return w.leavesAfter(id, i) }) {
			return l.at, true
		}
	}
	return 0, true
}

// slotRelease is what a running job gives back to its worker, and when.
type slotRelease struct {
	at    Time
	slots uint32
	mem   uint64
	job   JobID
}

func (w *Worker) addRelease(j *Job, due Time) {
	i := sort.Search(len(w.releases), func(i int) bool { return w.releases[i].at >= due })
	w.releases = slices.Insert(w.releases, i, slotRelease{due, j.slots(), j.mem(), j.ID})
}

// leavesAfter reports whether a job is there still when those up to release i have left.
func (w *Worker) leavesAfter(id JobID, i int) bool {
	return slices.ContainsFunc(w.releases[i+1:], func(l slotRelease) bool { return l.job == id })
}

func (w *Worker) removeRelease(j *Job) {
	if i := slices.IndexFunc(w.releases, func(l slotRelease) bool { return l.job == j.ID }); i >= 0 {
		w.releases = slices.Delete(w.releases, i, i+1)
	}
}

// earliestFitReserved is earliestFit on a worker of which reservations keep a part.
func (p *pass) earliestFitReserved(w *Worker, j *Job) Time {
	at := p.s.earliest(w, p.s.uses(w, p.now), j, p.now)
	if at <= p.now.After(overdue) {
		return p.now
	}
	return at
}
