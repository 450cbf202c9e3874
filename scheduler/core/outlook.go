package core

import (
	"slices"
	"sort"
)

// outlook is where and when the head of the queue will have room first, kept from pass to pass: that moves only with the
// workers whose jobs have changed, so a pass looks at those alone, however many others there are. Nothing here is saved.
type outlook struct {
	head  JobID
	room  *Worker // nil: nothing is known
	at    Time
	stale []*Worker // whose jobs have changed since
}

// touch marks a worker whose jobs, or whose being open, have changed.
func (s *State) touch(w *Worker) {
	if !w.stale {
		w.stale = true
		s.outlook.stale = append(s.outlook.stale, w)
	}
}

// lead makes a job the head: it gets the place where there will be room first.
func (p *pass) lead(j *Job) {
	o := &p.s.outlook
	for _, w := range o.stale {
		w.stale = false
	}
	p.head, p.at = j, never
	if !p.lookAgain(j) {
		p.room, p.at = nil, never
		for _, w := range p.s.workers {
			p.compare(w, j)
		}
	}
	o.head, o.room, o.at, o.stale = j.ID, p.room, p.at, o.stale[:0]
	if p.room == nil {
		return // every worker that it fits is lost or drained: nothing can be promised
	}
	p.promise(j)
}

// lookAgain looks only at what has changed since the last pass. False: that is not enough, because another heads the queue
// or because the place that was found has become a later one.
func (p *pass) lookAgain(j *Job) bool {
	o := &p.s.outlook
	if o.head != j.ID || o.room == nil {
		return false
	}
	p.compare(o.room, j)
	if p.room == nil || p.at > o.at {
		return false
	}
	for _, w := range o.stale {
		p.compare(w, j)
	}
	for _, r := range p.s.reservations { // where some is kept, room moves with time
		for _, part := range r.Parts {
			if w := p.s.Worker(part.Worker); w != nil {
				p.compare(w, j)
			}
		}
	}
	return true
}

// compare takes a worker as the head's room if it is the better one. Of two that are as good it is the first by name, in
// whatever order they are looked at.
func (p *pass) compare(w *Worker, j *Job) {
	latest := p.at
	if p.room != nil && w.Name > p.room.Name {
		latest--
	}
	if at, exact := p.roomAt(w, j, latest); exact && at != unfit && at <= latest {
		p.room, p.at = w, at
	}
}

// promise records what the head is promised where it is new or has changed. One that becomes later says why.
func (p *pass) promise(j *Job) {
	old := j.Promised
	if p.at <= p.now {
		// Whoever is in its way should be gone by now; it is being ended.
		p.at = p.now
		if old.At != 0 && old.Worker == p.room.Name {
			return
		}
	}
	if old.Worker == p.room.Name && old.At == p.at {
		return
	}
	why := ""
	if old.At != 0 && p.at > old.At {
		why = "jobs of a higher priority were placed before it"
		switch w := p.s.Worker(old.Worker); {
		case w == nil || !w.Open():
			why = "worker " + string(old.Worker) + " is lost or drained"
		case w.claim != 0:
			why = "job " + w.claim.String() + " has others give way on worker " + string(w.Name)
		case len(w.keeps) > 0:
			why = "a reservation keeps slots of worker " + string(w.Name)
		}
	}
	p.ts = append(p.ts, &JobPromised{j.ID, Promise{p.room.Name, p.at}, why})
}

// unfit stands for a worker that a job can't be placed on as it is.
const unfit Time = -1

// roomAt is when the worker has room for the job, if those that run there leave when they are due. Where that is too late
// to matter, it is found no more exactly than to be not before what is returned.
func (p *pass) roomAt(w *Worker, j *Job, latest Time) (at Time, exact bool) {
	if !w.Open() || !w.fits(&j.Request) || w.claim != 0 {
		return unfit, true
	}
	if len(w.keeps) > 0 {
		return p.roomBeside(w, j), true
	}
	slots, mem := w.Slots-min(w.UsedSlots, w.Slots), w.Mem-min(w.UsedMem, w.Mem)
	for i := range w.leaving {
		l := &w.leaving[i]
		if l.at > latest {
			return l.at, false
		}
		slots, mem = min(slots+l.slots, w.Slots), min(mem+l.mem, w.Mem)
		last := i == len(w.leaving)-1
		if last || !j.Exclusive && !w.Exclusive && slots >= j.slots() && mem >= j.mem() {
			return l.at, true
		}
	}
	return 0, true
}

// leave is what a worker gets back, from whom, and when.
type leave struct {
	at    Time
	slots uint32
	mem   uint64
	job   JobID
}

func (w *Worker) expect(j *Job, due Time) {
	i := sort.Search(len(w.leaving), func(i int) bool { return w.leaving[i].at >= due })
	w.leaving = slices.Insert(w.leaving, i, leave{due, j.slots(), j.mem(), j.ID})
}

func (w *Worker) unexpect(j *Job) {
	if i := slices.IndexFunc(w.leaving, func(l leave) bool { return l.job == j.ID }); i >= 0 {
		w.leaving = slices.Delete(w.leaving, i, i+1)
	}
}

// roomBeside is roomAt on a worker that reservations keep some of.
func (p *pass) roomBeside(w *Worker, j *Job) Time {
	at := p.s.earliest(w, p.s.uses(w, p.now), j, p.now)
	if at <= p.now.After(overdue) {
		return p.now
	}
	return at
}
