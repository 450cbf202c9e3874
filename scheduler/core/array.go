package core

import "fmt"

// ArrayTask says which task of which array a job is. Job 0: it is in none.
type ArrayTask struct {
	Job      JobID // the array's id, which is that of its first task
	Index    uint32
	Throttle uint32 // how many of the array run at once; 0: any number
}

// array is what is known of an array as a whole, for as long as any of its tasks is remembered.
type array struct {
	id     JobID
	tenant Tenant

	tasks   uint32
	started uint32 // that run, have run since they were last placed, or have ended
	ended   uint32
	bad     uint32 // that ended in any way but completed

	saved bool // the counts above come from a snapshot; the oldest have none and they are counted anew

	// Derived from the jobs.
	known    uint32
	throttle uint32
	running  uint32 // hold slots
	queued   uint32 // stand in their tenant's queue
	parked   queue  // are ready, and wait outside of the queue for the throttle
}

// arrayOf finds or opens the array of a task; nil for a job that is in none.
func (s *State) arrayOf(j *Job) *array {
	if j.Array.Job == 0 {
		return nil
	}
	a := s.arrays[j.Array.Job]
	if a == nil {
		a = &array{id: j.Array.Job, tenant: j.Tenant}
		s.arrays[a.id] = a
	}
	a.throttle = j.Array.Throttle
	return a
}

// first is its first task that is remembered: its tasks' ids follow one another.
func (a *array) first(s *State) JobID {
	id := max(a.id, s.oldest)
	for s.jobs[id] == nil {
		id++
	}
	return id
}

func (a *array) full() bool { return a.throttle > 0 && a.queued+a.running >= a.throttle }

// unpark lets tasks into the queue as far as the throttle allows. A long array thus never stands in the way of what its
// tenant submits behind it.
func (s *State) unpark(a *array) {
	for a != nil && len(a.parked) > 0 && !a.full() {
		j := a.parked[0].job
		a.parked.remove(j)
		j.parked = false
		s.enqueue(j)
	}
}

// taskEnded counts the end of a task, in the state that it has now.
func (a *array) taskEnded(j *Job) {
	if a == nil {
		return
	}
	a.ended++
	if j.State != Completed {
		a.bad++
	}
	if j.Started == 0 {
		a.started++
	}
}

// throttled says what holds a task of an array back.
func (s *State) throttled(j *Job) string {
	if j.Array.Throttle == 0 {
		return ""
	}
	a := s.arrays[j.Array.Job]
	if a == nil || !j.parked && a.running < a.throttle {
		return ""
	}
	return fmt.Sprintf("%d tasks of its array may run at once", j.Array.Throttle)
}

// met says of the array what Dependency.met says of a job. All tasks count.
func (a *array) met(k DependencyKind) (now, ever bool) {
	over := a.ended == a.tasks
	switch k {
	case After:
		return a.started == a.tasks, true
	case AfterOK:
		return over && a.bad == 0, a.bad == 0
	case AfterNotOK:
		return over && a.bad > 0, !over || a.bad > 0
	}
	return over, true
}

func (a *array) fields(c *codec) {
	c.job(&a.id)
	c.string((*string)(&a.tenant))
	c.uint32(&a.tasks)
	c.uint32(&a.started)
	c.uint32(&a.ended)
	c.uint32(&a.bad)
}

func (s *State) loadArray(c *codec) error {
	a := &array{}
	a.fields(c)
	if err := c.end(); err != nil {
		return err
	}
	if a.id == 0 || a.id > s.lastJob || s.arrays[a.id] != nil {
		return fmt.Errorf("%w: array %d does not belong here", ErrRecord, a.id)
	}
	a.saved = true
	s.arrays[a.id] = a
	return nil
}

// load counts a task that a snapshot holds.
func (a *array) load(j *Job) {
	a.known++
	if a.saved {
		return
	}
	a.tasks++
	if j.State.Terminal() {
		a.taskEnded(j)
	}
	if j.Started != 0 {
		a.started++
	}
}
