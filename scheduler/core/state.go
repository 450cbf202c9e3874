package core

import (
	"fmt"
	"sort"
)

// State is everything that the scheduler knows. Decide reads it and Apply changes it; neither is safe for use by several
// goroutines.
type State struct {
	Policy Policy // set by the shell; no part of what is saved

	lastJob JobID
	jobs    map[JobID]*Job
	keys    map[idemKey]JobID
	workers []*Worker // by name
	queue   queue     // exactly the jobs in Pending
	ended   []JobID   // in the order in which they ended; at most Policy.KeepEnded stay
	timers  timers
	version uint64 // raised by every Apply: a pass over the queue is due when it has moved
}

type idemKey struct {
	tenant Tenant
	key    string
}

// NewState is a scheduler's first day.
func NewState(p Policy) *State {
	return &State{Policy: p, jobs: map[JobID]*Job{}, keys: map[idemKey]JobID{}}
}

// Job finds a job, nil if there is none.
func (s *State) Job(id JobID) *Job { return s.jobs[id] }

// JobByKey finds the job that a tenant submitted under an idempotency key, nil if there is none.
func (s *State) JobByKey(t Tenant, key string) *Job {
	if key == "" {
		return nil
	}
	return s.jobs[s.keys[idemKey{t, key}]]
}

// Workers are all workers ever seen and not forgotten, by name. The slice is the state's own.
func (s *State) Workers() []*Worker { return s.workers }

// Worker finds a worker, nil if there is none.
func (s *State) Worker(name WorkerName) *Worker {
	i := s.seat(name)
	if i < len(s.workers) && s.workers[i].Name == name {
		return s.workers[i]
	}
	return nil
}

func (s *State) seat(name WorkerName) int {
	return sort.Search(len(s.workers), func(i int) bool { return s.workers[i].Name >= name })
}

// Version moves with every transition applied.
func (s *State) Version() uint64 { return s.version }

// Deadline is when the next Tick is due; 0 when nothing is.
func (s *State) Deadline() Time {
	if len(s.timers) == 0 {
		return 0
	}
	return s.timers[0].at
}

// Check returns the first broken invariant that it finds. Tests call it after every step.
func (s *State) Check() error {
	for i, j := range s.queue {
		if j.State != Pending || i > 0 && s.queue[i-1].ID >= j.ID {
			return fmt.Errorf("job %d is at seat %d of the queue in state %s", j.ID, i, j.State)
		}
	}
	for i, t := range s.timers {
		if t.index != i || t.at == 0 || i > 0 && s.timers[(i-1)/2].at > t.at {
			return fmt.Errorf("timer %d of the heap is out of order", i)
		}
	}
	for _, w := range s.workers {
		if err := s.checkWorker(w); err != nil {
			return err
		}
	}
	return s.checkJobs()
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
		slots += j.Ranks
		mem += j.mem()
	}
	if slots != w.UsedSlots || mem != w.UsedMem {
		return fmt.Errorf("worker %s: %d slots and %d bytes are booked, its jobs hold %d and %d",
			w.Name, w.UsedSlots, w.UsedMem, slots, mem)
	}
	return nil
}

func (s *State) checkJobs() error {
	pending := 0
	for id := JobID(1); id <= s.lastJob; id++ {
		j := s.jobs[id]
		if j == nil {
			continue
		}
		if j.State == Pending {
			pending++
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
	if pending != len(s.queue) {
		return fmt.Errorf("%d jobs are pending and %d stand in the queue", pending, len(s.queue))
	}
	return nil
}

func contains(ids []JobID, id JobID) bool {
	i := sort.Search(len(ids), func(i int) bool { return ids[i] >= id })
	return i < len(ids) && ids[i] == id
}
