package sim

import (
	"fmt"

	"github.com/faasmrun/faasmrun/scheduler/core"
)

// checker knows what was acknowledged, what the journal says and what really ran, and nothing of how it was decided.
type checker struct {
	err    error
	acked  map[core.JobID]bool
	ends   map[core.JobID]core.JobState
	placed map[core.JobID]core.Epoch
	live   map[core.JobID]map[core.Epoch]core.WorkerName // placements that really run
	used   map[core.WorkerName]uint32
	done   map[core.JobID]int // how often its ranks ran to their end
	rules  *rules
	light  bool
}

func (c *checker) init(p core.Policy) {
	c.rules = newRules(c, p)
	c.acked, c.ends, c.placed = map[core.JobID]bool{}, map[core.JobID]core.JobState{}, map[core.JobID]core.Epoch{}
	c.live, c.used, c.done = map[core.JobID]map[core.Epoch]core.WorkerName{}, map[core.WorkerName]uint32{},
		map[core.JobID]int{}
}

func (c *checker) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, args...)
	}
}

func (c *checker) acknowledged(id core.JobID) {
	if !c.light {
		c.acked[id] = true
	}
}

// journalled: a job has one end, and each placement is a new one.
func (c *checker) journalled(t core.Transition) {
	if c.light {
		return
	}
	switch t := t.(type) {
	case *core.JobFinished:
		if was, twice := c.ends[t.Job]; twice {
			c.fail("job %d ended as %s and again as %s", t.Job, was, t.End.State)
		}
		c.ends[t.Job] = t.End.State
	case *core.JobPlaced:
		if t.Ref.Epoch != c.placed[t.Ref.Job]+1 {
			c.fail("job %d: placement %d follows %d", t.Ref.Job, t.Ref.Epoch, c.placed[t.Ref.Job])
		}
		c.placed[t.Ref.Job] = t.Ref.Epoch
	}
}

// started: the job runs nowhere else, and the worker has the slots.
func (c *checker) started(s *Sim, at core.WorkerName, r *run) {
	c.used[at] += r.slots
	if slots := s.workers[at].slots; c.used[at] > slots {
		c.fail("worker %s has given away %d of %d slots", at, c.used[at], slots)
	}
	if c.light {
		return
	}
	if c.live[r.ref.Job] == nil {
		c.live[r.ref.Job] = map[core.Epoch]core.WorkerName{}
	}
	for epoch, where := range c.live[r.ref.Job] {
		c.fail("job %d runs as placement %d on %s and as placement %d on %s", r.ref.Job, epoch, where, r.ref.Epoch, at)
	}
	c.live[r.ref.Job][r.ref.Epoch] = at
}

// orphaned: the worker knows nothing of what still runs, and gives its slots to others.
func (c *checker) orphaned(at core.WorkerName, r *run) { c.used[at] -= r.slots }

func (c *checker) stopped(at core.WorkerName, r *run) {
	if !r.stray {
		c.used[at] -= r.slots
	}
	if !c.light {
		delete(c.live[r.ref.Job], r.ref.Epoch)
	}
}

func (c *checker) completed(ref core.JobRef) {
	if !c.light {
		c.done[ref.Job]++
	}
}

// finish: nothing acknowledged was lost, nothing waits for ever, and who is recorded as completed did run.
func (c *checker) finish(s *Sim) error {
	if c.err != nil {
		return c.err
	}
	if !s.drained || len(s.jobs) > 0 {
		return fmt.Errorf("nothing happens any more and %d jobs have not ended", len(s.jobs))
	}
	if c.light {
		return nil
	}
	for id := range c.acked {
		state, ended := c.ends[id]
		if !ended {
			return fmt.Errorf("job %d was acknowledged and has no end", id)
		}
		if state == core.Completed && c.done[id] == 0 {
			return fmt.Errorf("job %d is recorded as completed and never ran to its end", id)
		}
	}
	return s.state.Check()
}
