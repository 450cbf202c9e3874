package core

import (
	"errors"
	"fmt"
	"sort"
)

// State is everything that the scheduler knows. Decide reads it and Apply changes it; neither is safe for use by
// several goroutines.
type State struct {
	Policy Policy // set by the shell; no part of what is saved
	// Skew is how far the clock that events are decided by has been set ahead of one that nobody sets, since this process
	// began; the shell keeps it current. Fences are on the steady one.
	Skew Duration

	lastJob JobID
	jobs    map[JobID]*Job
	keys    map[idemKey]JobID
	workers []*Worker // by name
	ended   []JobID   // in the order in which they ended; at most Policy.KeepEnded stay
	oldest  JobID     // no job below it is remembered
	version uint64    // raised by what may let a job start: a pass over the queue is due when it has moved

	accounts []*Account // of tenants, by name
	byTenant map[Tenant]*Account

	reservations []*Reservation // by name
	arrays       map[JobID]*array

	// All below follows from the above.
	timers    timers
	fences    timers            // until when something may still run that nobody can be asked about: steady time
	freeSlots freeSlotIndex     // the open workers
	waiters   map[JobID][]JobID // who depends on a job, ascending
	names     map[nameKey]names // the jobs of a name that have not ended
	held      map[string]uint32 // slots, by quality of service
	doomed    []JobID           // that can never run: the next pass cancels them
	claimed   int               // workers that are claimed
	pending   int               // jobs in Pending
	shadow    shadow
	opened    uint64 // the version since which nothing but new jobs has come
	arrivals  []*Job // that came after the last pass and after opened; one more than maxArrivals stands for many
	last      lastPass

	details  map[detailsKey]*details
	shared   *details // the last ones that were looked for, never nil
	sharedAs Request  // and what they were looked for with
	loaded   shares   // from pieces, while they are loaded

	qos []string // qualities of service that jobs have asked for
}

type idemKey struct {
	tenant Tenant
	key    string
}

// NewState is a scheduler's first day.
func NewState(p Policy) *State {
	return &State{Policy: p, oldest: 1, jobs: map[JobID]*Job{}, keys: map[idemKey]JobID{}, byTenant: map[Tenant]*Account{},
		waiters: map[JobID][]JobID{}, names: map[nameKey]names{}, arrays: map[JobID]*array{}, held: map[string]uint32{},
		details: map[detailsKey]*details{}, shared: &details{}}
}

// Job finds a job, nil if there is none.
func (s *State) Job(id JobID) *Job { return s.jobs[id] }

// JobByKey finds the job that a tenant submitted under an idempotency key, of an array the first task that is
// remembered; nil if there is none.
func (s *State) JobByKey(t Tenant, key string) *Job {
	if key == "" {
		return nil
	}
	id := s.keys[idemKey{t, key}]
	if a := s.arrays[id]; a != nil {
		id = a.first(s)
	}
	return s.jobs[id]
}

// rememberKey remembers the job's key, for what the key names: an array, not one of its tasks.
func (s *State) rememberKey(j *Job) {
	if j.Key != "" {
		s.keys[idemKey{j.Tenant, j.Key}] = j.Whole()
	}
}

// Workers are all workers ever seen and not forgotten, by name. The slice is the state's own.
func (s *State) Workers() []*Worker { return s.workers }

// Worker finds a worker, nil if there is none.
func (s *State) Worker(name WorkerName) *Worker {
	i := s.workerIndex(name)
	if i < len(s.workers) && s.workers[i].Name == name {
		return s.workers[i]
	}
	return nil
}

func (s *State) workerIndex(name WorkerName) int {
	return sort.Search(len(s.workers), func(i int) bool { return s.workers[i].Name >= name })
}

// LastJob is the newest job's id; ids rise without a gap.
func (s *State) LastJob() JobID { return s.lastJob }

// Oldest is below or at the id of every job that the state remembers.
func (s *State) Oldest() JobID { return s.oldest }

// Known is how many jobs the state remembers.
func (s *State) Known() int { return len(s.jobs) }

// Pending is how many jobs wait.
func (s *State) Pending() int { return s.pending }

// Unsettled reports whether another pass is due at once.
func (s *State) Unsettled() bool { return len(s.doomed) > 0 }

// Version moves with whatever makes another pass worth while.
func (s *State) Version() uint64 { return s.version }

// Deadline is when the next Tick is due; 0 when nothing is.
func (s *State) Deadline() Time {
	var at Time
	if len(s.timers) > 0 {
		at = s.timers[0].at
	}
	if len(s.fences) > 0 {
		if fence := s.fences[0].at.After(s.Skew); at == 0 || fence < at {
			at = fence
		}
	}
	return at
}

// steady is a moment on the clock that nobody sets.
func (s *State) steady(t Time) Time { return t - Time(s.Skew) }

// clock is where a job's deadline stands. What may run astray is fenced.
func (s *State) clock(j *Job) *timers {
	if j.State == Requeued {
		return &s.fences
	}
	return &s.timers
}

// Check returns the first broken invariant that it finds. Tests call it after every step.
func (s *State) Check() error {
	queued := 0
	for _, a := range s.accounts {
		queued += len(a.queue)
		if err := s.checkAccount(a); err != nil {
			return err
		}
	}
	if err := errors.Join(checkTimers(s.timers, false), checkTimers(s.fences, true)); err != nil {
		return err
	}
	for _, w := range s.workers {
		if err := s.checkWorker(w); err != nil {
			return err
		}
	}
	for _, r := range s.reservations {
		if r.timer.at == 0 || r.To <= r.From {
			return fmt.Errorf("reservation %s has no end", r.Name)
		}
	}
	if err := s.checkDetails(); err != nil {
		return err
	}
	if err := s.checkFreeSlots(); err != nil {
		return err
	}
	return s.checkJobs(queued)
}

// checkTimers: a heap is in order, and all deadlines in it are by its clock.
func checkTimers(heap timers, fences bool) error {
	for i, t := range heap {
		if t.index != i || t.at == 0 || i > 0 && heap[(i-1)/2].at > t.at {
			return fmt.Errorf("timer %d of the heap is out of order", i)
		}
		if fence := t.worker != nil || t.job != nil && t.job.State == Requeued; fence != fences {
			return fmt.Errorf("timer %d of the heap stands by the wrong clock", i)
		}
	}
	return nil
}

// checkFreeSlots: every open worker is in the index once, where it belongs.
func (s *State) checkFreeSlots() error {
	open, claimed, seen := 0, 0, 0
	for _, w := range s.workers {
		if w.Open() {
			open++
		}
		if w.claim != 0 {
			claimed++
		}
	}
	if claimed != s.claimed {
		return fmt.Errorf("%d workers are claimed, %d are counted", claimed, s.claimed)
	}
	var last indexEntry
	for _, bucket := range s.freeSlots.buckets {
		for _, r := range bucket {
			if !r.worker.Open() || r.free != r.worker.Free() || seen > 0 && !last.before(r) {
				return fmt.Errorf("worker %s is at position %d of the free-slot index", r.worker.Name, seen)
			}
			last = r
			seen++
		}
	}
	if seen != open || seen != s.freeSlots.n {
		return fmt.Errorf("%d workers are open, %d are in the free-slot index, %d are counted", open, seen, s.freeSlots.n)
	}
	return nil
}

// checkAccount: the queue is in order, and quotas see what is held.
func (s *State) checkAccount(a *Account) error {
	var slots uint32
	var mem uint64
	running := 0
	for i, t := range a.queue {
		j := t.job
		if s.notReady(j) != "" || !j.queued || t.score != j.score || i > 0 && !a.queue[i-1].ahead(j) {
			return fmt.Errorf("job %d is at position %d of the queue of %s: %s", j.ID, i, a.Name, s.notReady(j))
		}
	}
	for _, w := range s.workers {
		for _, id := range w.Jobs {
			if j := s.jobs[id]; j.Tenant == a.Name {
				slots += j.slots()
				mem += j.mem()
				running++
			}
		}
	}
	if slots != a.Slots || mem != a.Mem || running != a.Running {
		return fmt.Errorf("tenant %s is booked with %d slots, %d bytes and %d jobs; its jobs hold %d, %d and are %d",
			a.Name, a.Slots, a.Mem, a.Running, slots, mem, running)
	}
	return nil
}

// checkWorker: no slot and no byte is given away twice, and the books agree with the jobs.
func (s *State) checkWorker(w *Worker) error {
	var slots uint32
	var mem uint64
	for _, id := range w.Jobs {
		j := s.jobs[id]
		if j == nil || !j.State.Holds() || j.worker() != w.Name {
			return fmt.Errorf("worker %s lists job %d, which does not hold slots there", w.Name, id)
		}
		slots += j.slots()
		mem += j.mem()
	}
	for i, l := range w.releases {
		if j := s.jobs[l.job]; j == nil || !contains(w.Jobs, l.job) ||
			l != (slotRelease{j.due(), j.slots(), j.mem(), j.ID}) || i > 0 && w.releases[i-1].at > l.at {
			return fmt.Errorf("worker %s takes job %d to leave at %d", w.Name, l.job, l.at)
		}
	}
	if len(w.releases) != len(w.Jobs) {
		return fmt.Errorf("worker %s waits for %d of %d jobs to leave", w.Name, len(w.releases), len(w.Jobs))
	}
	if j := s.jobs[w.claim]; w.claim != 0 && (j == nil || j.State != Pending || j.Claim != w.Name || !w.Open()) {
		return fmt.Errorf("worker %s is claimed by job %d, which does not wait for it", w.Name, w.claim)
	}
	if err := s.checkUnits(w); err != nil {
		return err
	}
	if slots != w.UsedSlots || mem != w.UsedMem {
		return fmt.Errorf("worker %s: %d slots and %d bytes are booked, its jobs hold %d and %d",
			w.Name, w.UsedSlots, w.UsedMem, slots, mem)
	}
	return nil
}

func (s *State) checkJobs(queued int) error {
	pending, ready := 0, 0
	for id := s.oldest; id <= s.lastJob; id++ {
		j := s.jobs[id]
		if j == nil {
			continue
		}
		if j.State == Pending {
			pending++
			if s.notReady(j) == "" {
				ready++
			}
			if j.parked {
				queued++
			}
			if !j.Interactive && j.timer.at != j.pendingTimer() {
				return fmt.Errorf("job %d waits until %d, its timer is set to %d", id, j.pendingTimer(), j.timer.at)
			}
			if w := s.Worker(j.Claim); j.Claim != "" && (w == nil || w.claim != id) {
				return fmt.Errorf("job %d waits for worker %q, which is not claimed for it", id, j.Claim)
			}
		}
		if j.State.Holds() {
			if w := s.Worker(j.worker()); w == nil || !contains(w.Jobs, id) {
				return fmt.Errorf("job %d is %s on worker %q, whose books do not know it", id, j.State, j.worker())
			}
		}
		if j.State.Terminal() && (j.timer.at != 0 || j.Ended == 0) {
			return fmt.Errorf("job %d has ended and still has a deadline or no end", id)
		}
	}
	if pending != s.pending || ready != queued {
		return fmt.Errorf("%d jobs are pending, %d of them ready; %d are counted and %d stand in queues", pending, ready,
			s.pending, queued)
	}
	return nil
}

func contains(ids []JobID, id JobID) bool {
	i := sort.Search(len(ids), func(i int) bool { return ids[i] >= id })
	return i < len(ids) && ids[i] == id
}
