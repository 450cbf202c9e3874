package sim

import (
	"slices"
	"strings"

	"github.com/faasmrun/faasmrun/scheduler/core"
)

// rules checks what was decided against the policy, from the journal alone: quotas, room, reservations, who gives way
// to whom, and that within one decision nobody who is placed delays the one to whom a start was promised in it.
type rules struct {
	c            *checker
	policy       core.Policy
	jobs         map[core.JobID]*account
	workers      map[core.WorkerName]*ledger
	reservations map[string]*core.ReservationMade
	claims       map[core.WorkerName]core.JobID
	held         map[core.Tenant]core.Quota // Slots, Mem and Running now

	// Of this batch.
	head *core.JobPromised
}

// account is what the journal says of a job that has not ended.
type account struct {
	core.Request
	promised core.Promise
	at       core.WorkerName // "": it holds nothing
	due      core.Time
	until    core.Time
	started  bool
	units    []core.Unit

	deadline core.Time // when the scheduler has to do something about it; 0: never
	told     core.Time // when it was told to end; 0: it was not
	killed   bool      // and not politely
}

// slots is how many it holds.
func (a *account) slots() uint32 {
	if a.Slots > 0 {
		return a.Slots
	}
	return a.Ranks
}

// ledger is what the journal says of a worker.
type ledger struct {
	slots uint32
	mem   uint64
	jobs  map[core.JobID]bool

	engines   []core.Engine
	resources core.Resources

	giveUp         core.Time // when it is lost for good; 0: it is connected
	drained, unfit string    // why it takes no jobs
}

func newRules(c *checker, p core.Policy) *rules {
	return &rules{c: c, policy: p, jobs: map[core.JobID]*account{}, workers: map[core.WorkerName]*ledger{},
		reservations: map[string]*core.ReservationMade{}, claims: map[core.WorkerName]core.JobID{},
		held: map[core.Tenant]core.Quota{}}
}

const endOfTime = core.Time(1<<63 - 1)

// batch reads one record of the journal.
func (r *rules) batch(now core.Time, ts []core.Transition) {
	r.head = nil
	for _, t := range ts {
		r.read(t)
		r.timed(now, t)
	}
}

func (r *rules) read(t core.Transition) {
	switch t := t.(type) {
	case *core.JobAccepted:
		r.jobs[t.Job] = &account{Request: t.Request}
	case *core.WorkerJoined:
		w := r.workers[t.Name]
		if w == nil {
			w = &ledger{jobs: map[core.JobID]bool{}}
			r.workers[t.Name] = w
		}
		w.slots, w.mem, w.engines, w.unfit = t.Slots, t.Mem, t.Engines, ""
		w.resources = t.Resources
	case *core.WorkerForgotten:
		if len(r.workers[t.Name].jobs) > 0 {
			r.c.fail("worker %s is forgotten with its jobs", t.Name)
		}
		delete(r.workers, t.Name)
	case *core.WorkerLost:
		delete(r.claims, t.Name)
	case *core.WorkerDrained:
		delete(r.claims, t.Name)
		r.workers[t.Name].drained = t.Reason
	case *core.WorkerUnfit:
		delete(r.claims, t.Name)
		r.workers[t.Name].unfit = t.Reason
	case *core.ReservationMade:
		r.reservations[t.Name] = t
	case *core.ReservationOver:
		delete(r.reservations, t.Name)
	case *core.JobClaimed:
		r.unclaim(t.Job)
		r.claims[t.Worker] = t.Job
	case *core.JobPromised:
		r.promised(t)
	case *core.JobPlaced:
		r.placed(t)
	case *core.JobStarted:
		j := r.jobs[t.Ref.Job]
		j.started = true
		if j.due = endOfTime; t.Limit > 0 {
			j.due = t.Limit
		}
		if j.until > 0 && j.due > j.until {
			r.c.fail("job %d may run to %d, beyond the end of its reservation at %d", t.Ref.Job, j.due, j.until)
		}
	case *core.JobEnding:
		r.ending(t)
	case *core.JobRequeued:
		r.left(t.Ref.Job)
	case *core.JobOrphaned:
		r.left(t.Ref.Job)
	case *core.JobFinished:
		r.left(t.Job)
		r.unclaim(t.Job)
		delete(r.jobs, t.Job)
	}
}

func (r *rules) unclaim(id core.JobID) {
	for w, by := range r.claims {
		if by == id {
			delete(r.claims, w)
		}
	}
}

// promised: a promise becomes later only with a reason.
func (r *rules) promised(t *core.JobPromised) {
	j := r.jobs[t.Job]
	if old := j.promised; old.At != 0 && t.Promise.At > old.At && t.Reason == "" {
		r.c.fail("job %d was promised %s at %d, and %s at %d without a reason", t.Job, old.Worker, old.At, t.Promise.Worker,
			t.Promise.At)
	}
	j.promised = t.Promise
	r.head = t
}

func (r *rules) placed(t *core.JobPlaced) {
	j, at := r.jobs[t.Ref.Job], t.Placement[0].Worker
	w := r.workers[at]
	if w == nil {
		r.c.fail("job %d is placed on worker %s, which there is not", t.Ref.Job, at)
		return
	}
	if w.giveUp != 0 || w.drained != "" || w.unfit != "" {
		r.c.fail("job %d is placed on worker %s, which takes none: %+v", t.Ref.Job, at, *w)
	}
	if by, claimed := r.claims[at]; claimed && by != t.Ref.Job {
		r.c.fail("job %d is placed on worker %s, where others give way to job %d", t.Ref.Job, at, by)
	}
	if t.At < j.Begin {
		r.c.fail("job %d is placed at %d; it was to begin at %d", t.Ref.Job, t.At, j.Begin)
	}
	j.at, j.due, j.until, j.started = at, endOfTime, t.Until, false
	if j.TimeLimit > 0 {
		j.due = t.At.After(j.TimeLimit)
	}
	if j.EndBy > 0 {
		j.due = min(j.due, j.EndBy)
	}
	if t.Until > 0 {
		j.due = min(j.due, t.Until)
	}
	w.jobs[t.Ref.Job] = true
	r.count(j, 1)
	r.unclaim(t.Ref.Job)
	r.checkQuota(t, j)
	r.checkRoom(t, w)
	r.checkEngines(t, j, w)
	r.checkUnits(t, j, w)
	r.checkReservations(t, j, w)
	if r.head != nil && r.head.Promise.Worker == at && r.head.Job != t.Ref.Job {
		r.checkHead(t, w)
	}
}

func (r *rules) count(j *account, by int) {
	q := r.held[j.Tenant]
	q.Slots += uint32(by) * j.slots()
	q.Mem += uint64(by) * uint64(j.Ranks) * j.MemPerRank
	q.Running += by
	r.held[j.Tenant] = q
}

func (r *rules) left(id core.JobID) {
	j := r.jobs[id]
	if j == nil || j.at == "" {
		return
	}
	if w := r.workers[j.at]; w != nil {
		delete(w.jobs, id)
	}
	r.count(j, -1)
	j.at = ""
}

func (r *rules) checkQuota(t *core.JobPlaced, j *account) {
	q, now := r.policy.Quota(j.Tenant), r.held[j.Tenant]
	if q.Slots > 0 && now.Slots > q.Slots || q.Mem > 0 && now.Mem > q.Mem || q.Running > 0 && now.Running > q.Running {
		r.c.fail("with job %d tenant %s holds %d slots and %d bytes in %d jobs; its quota is %+v", t.Ref.Job, j.Tenant,
			now.Slots, now.Mem, now.Running, q)
	}
}

func (r *rules) checkRoom(t *core.JobPlaced, w *ledger) {
	slots, mem := uint64(0), uint64(0)
	for id := range w.jobs {
		slots += uint64(r.jobs[id].slots())
		mem += uint64(r.jobs[id].Ranks) * r.jobs[id].MemPerRank
	}
	if slots > uint64(w.slots) || mem > w.mem {
		r.c.fail("with job %d %d slots and %d bytes of worker %s are given away", t.Ref.Job, slots, mem,
			t.Placement[0].Worker)
	}
}

// checkEngines: one of the worker's runs programs as the job's, and gives each rank what it asks for.
func (r *rules) checkEngines(t *core.JobPlaced, j *account, w *ledger) {
	for _, e := range w.engines {
		if (j.Needs.Engine == "" || j.Needs.Engine == e.Name) && e.Missing == "" &&
			e.Models|j.Needs.Models == e.Models && j.Needs.LeastMem <= e.MaxRankMem && j.MemPerRank <= e.MaxRankMem {
			return
		}
	}
	r.c.fail("job %d needs %+v and is placed on worker %s, whose engines are %+v", t.Ref.Job, j.Needs,
		t.Placement[0].Worker, w.engines)
}

// checkUnits: the job has the units that it asked for, of those that the worker announced, and nobody else has them.
func (r *rules) checkUnits(t *core.JobPlaced, j *account, w *ledger) {
	got := map[string]uint32{}
	for _, u := range t.Units {
		got[u.Name]++
		for id := range w.jobs {
			if id != t.Ref.Job && slices.Contains(r.jobs[id].units, u) {
				r.c.fail("jobs %d and %d both have %s %d", t.Ref.Job, id, u.Name, u.Number)
			}
		}
		if !slices.ContainsFunc(w.resources, func(x core.Resource) bool { return x.Name == u.Name && u.Number < x.Count }) {
			r.c.fail("job %d has %s %d of worker %s, which has %v", t.Ref.Job, u.Name, u.Number, t.Placement[0].Worker,
				w.resources)
		}
	}
	for _, want := range j.Resources {
		if got[want.Name] != want.Count {
			r.c.fail("job %d wants %s and has %v", t.Ref.Job, want, t.Units)
		}
	}
	j.units = t.Units
}

// kept is what a reservation keeps of a worker; false for nothing.
func kept(v *core.ReservationMade, at core.WorkerName, w *ledger) (uint32, bool) {
	for _, p := range v.Parts {
		if p.Worker == at {
			if p.Slots == 0 {
				return w.slots, true
			}
			return min(p.Slots, w.slots), true
		}
	}
	return 0, false
}

// checkReservations: who is placed in a reservation is of it, and it has begun; who is placed outside leaves each its
// slots by the time that it begins.
func (r *rules) checkReservations(t *core.JobPlaced, j *account, w *ledger) {
	at := t.Placement[0].Worker
	if j.Reservation != "" {
		v := r.reservations[j.Reservation]
		if v == nil {
			r.c.fail("job %d is placed in reservation %s, which is over", t.Ref.Job, j.Reservation)
			return
		}
		if _, ok := kept(v, at, w); !ok || t.At < v.From || t.At >= v.To || !slices.Contains(v.Tenants, j.Tenant) ||
			t.Until != v.To {
			r.c.fail("job %d of %s is placed on %s at %d in reservation %+v", t.Ref.Job, j.Tenant, at, t.At, *v)
		}
		return
	}
	for _, v := range r.reservations {
		n, ok := kept(v, at, w)
		if !ok || v.To <= t.At || j.due <= v.From {
			continue
		}
		taken := n
		for id := range w.jobs {
			if o := r.jobs[id]; o.due > v.From && (o.Reservation == "" || r.reservations[o.Reservation] == nil) {
				taken += o.slots()
			}
		}
		if taken > w.slots {
			r.c.fail("job %d is placed on %s to %d, where reservation %s keeps %d of %d slots from %d on", t.Ref.Job, at, j.due,
				v.Name, n, w.slots, v.From)
		}
	}
}

// checkHead: the one who was promised the worker in this decision has room there by then, for all that this one takes.
func (r *rules) checkHead(t *core.JobPlaced, w *ledger) {
	h := r.jobs[r.head.Job]
	if h == nil || h.Reservation != r.jobs[t.Ref.Job].Reservation || r.jobs[t.Ref.Job].due <= r.head.Promise.At {
		return
	}
	slots, mem := uint64(h.slots()), uint64(h.Ranks)*h.MemPerRank
	for id := range w.jobs {
		if o := r.jobs[id]; o.due > r.head.Promise.At && o.due > t.At && o.Reservation == h.Reservation {
			slots += uint64(o.slots())
			mem += uint64(o.Ranks) * o.MemPerRank
		}
	}
	if slots > uint64(w.slots) || mem > w.mem {
		r.c.fail("job %d delays job %d, which was promised %s at %d", t.Ref.Job, r.head.Job, r.head.Promise.Worker,
			r.head.Promise.At)
	}
}

// ending: only who may be preempted is, by one who claims its worker, and in the way that was asked for.
func (r *rules) ending(t *core.JobEnding) {
	j := r.jobs[t.Ref.Job]
	if !strings.HasPrefix(t.Ending.Reason, "preempted by") || t.Ending.Kill {
		return
	}
	by := r.jobs[r.claims[j.at]]
	if by == nil {
		r.c.fail("job %d is preempted on %s, which nobody claims", t.Ref.Job, j.at)
		return
	}
	if !slices.Contains(r.policy.QOS[by.QOS].Preempts, j.QOS) {
		r.c.fail("job %d (%s) is preempted by one of %s", t.Ref.Job, j.QOS, by.QOS)
	}
	want := core.Preempted
	switch mode := r.policy.QOS[j.QOS].Preempted; {
	case mode == core.PreemptRequeue, mode == core.PreemptAsAsked && j.Requeue:
		want = core.Requeued
	}
	if t.Ending.State != want {
		r.c.fail("job %d is preempted to %s, not %s", t.Ref.Job, t.Ending.State, want)
	}
}

// joined: what a worker that is back does not hold is not taken to run there any more.
func (r *rules) joined(at core.WorkerName, holding []core.JobRef) {
	w := r.workers[at]
	if w == nil {
		return
	}
	for id := range w.jobs {
		if r.jobs[id].started && !slices.ContainsFunc(holding, func(ref core.JobRef) bool { return ref.Job == id }) {
			r.c.fail("worker %s has come back without job %d, which is still taken to run there", at, id)
		}
	}
}
