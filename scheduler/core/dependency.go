package core

// Dependency is another job that has to be in some state first. An array's id stands for all of its tasks.
type Dependency struct {
	Kind  DependencyKind
	Job   JobID
	Delay Duration // how long after it is met; of After alone
}

// DependencyKind says what is waited for. Journalled: never renumber.
type DependencyKind uint8

const (
	After      DependencyKind = iota + 1 // it has started, or ended
	AfterOK                              // it has completed
	AfterAny                             // it has ended
	AfterNotOK                           // it has ended in any way but completed
	AfterCorr                            // of an array: the task of the same index has completed

	// Alone, added to one of these, means the job itself where its id is also an array's.
	Alone DependencyKind = 1 << 7
)

// DependencyNames are the words of the command line, by kind.
var DependencyNames = []string{After: "after", AfterOK: "afterok", AfterAny: "afterany", AfterNotOK: "afternotok",
	AfterCorr: "aftercorr"}

func (k DependencyKind) String() string { return DependencyNames[k&^Alone] }

// arrayNamed is the array that a dependency names; nil when it names a job.
func (s *State) arrayNamed(d Dependency) *array {
	if d.Kind&Alone != 0 {
		return nil
	}
	return s.arrays[d.Job]
}

// met reports whether the dependency is satisfied by a job as it is, and whether it can ever be.
func (d Dependency) met(j *Job) (now, ever bool) {
	switch d.Kind &^ Alone {
	case After:
		now = j.Started != 0 || j.State.Terminal()
		return now, true
	case AfterOK:
		return j.State == Completed, !j.State.Terminal() || j.State == Completed
	case AfterNotOK:
		now = j.State.Terminal() && j.State != Completed
		return now, now || !j.State.Terminal()
	}
	return j.State.Terminal(), true
}

// owner is the tenant of what a dependency names; false when there is no such thing any more.
func (s *State) owner(d Dependency) (Tenant, bool) {
	if a := s.arrays[d.Job]; a != nil {
		return a.tenant, true
	}
	if j := s.jobs[d.Job]; j != nil {
		return j.Tenant, true
	}
	return "", false
}

// settle looks at what a job waits for: what is met goes, what can't be met dooms it, or goes too where another is
// enough.
func (s *State) settle(j *Job) {
	left, met, never := j.Waits[:0], false, ""
	for _, d := range j.Waits {
		now, ever, is := true, true, ""
		if a := s.arrayNamed(d); a != nil {
			now, ever = a.met(d.Kind)
			is = "is an array with a task that did not complete"
			if a.bad == 0 {
				is = "is an array of which every task has completed"
			}
		} else if on := s.jobs[d.Job]; on != nil {
			now, ever = d.met(on)
			is = "is " + on.State.Row().Name
		} // else it ended long ago and is forgotten: it was looked at when it ended
		switch {
		case !ever:
			never = "waits for job " + d.Job.String() + " (" + d.Kind.String() + "), which " + is
		case !now:
			left = append(left, d)
		default:
			met = true
			if d.Delay > 0 {
				s.postpone(j, s.since(d).After(d.Delay))
			}
		}
	}
	switch {
	case j.AnyOf && met:
		left = nil
	case never != "" && (!j.AnyOf || len(left) == 0):
		s.doom(j, never)
	}
	j.Waits = left
	s.updateQueue(j)
}

// doom has the next pass cancel a job that can never run.
func (s *State) doom(j *Job, why string) {
	if j.Doomed == "" {
		j.Doomed = why
		s.doomed = append(s.doomed, j.ID)
	}
}

// undoom forgets that a job that has ended was to be cancelled. It is the first of them as a rule.
func (s *State) undoom(j *Job) {
	if j.Doomed == "" {
		return
	}
	for i, id := range s.doomed {
		if id == j.ID && i == 0 {
			s.doomed = s.doomed[1:]
			return
		} else if id == j.ID {
			s.doomed = append(s.doomed[:i], s.doomed[i+1:]...)
			return
		}
	}
}

// wake rechecks the jobs that wait for a job that has started or ended, or for its array.
func (s *State) wake(j *Job) {
	s.wakeWaiters(j.ID, j.State.Terminal())
	if a := s.arrays[j.Array.Job]; a != nil {
		s.wakeWaiters(a.id, a.ended == a.tasks)
	}
}

// wakeWaiters wakes those who wait for an id, for the last time when what it names is over. An array's is that of its
// first task, who may end long before it.
func (s *State) wakeWaiters(id JobID, over bool) {
	for _, waiter := range s.waiters[id] {
		if w := s.jobs[waiter]; w != nil && w.State == Pending {
			s.settle(w)
		}
	}
	if a := s.arrays[id]; over && (a == nil || a.ended == a.tasks) {
		delete(s.waiters, id)
	}
}
