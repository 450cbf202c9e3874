package core

import (
	"fmt"

	"github.com/faasmrun/faasmrun/scheduler/jobstate"
)

// A waiting job that may not start yet stays out of the queue until it is eligible: what it waits for is a moment. One
// that could not end before the moment by which it has to is cancelled.

// JobEligible: the moment before which a waiting job may not start has come.
type JobEligible struct{ Job JobID }

func (*JobEligible) kind() kind        { return kindJobEligible }
func (t *JobEligible) fields(c *codec) { c.job(&t.Job) }

func (t *JobEligible) apply(s *State) error {
	j, err := s.job(t.Job, 0)
	if err != nil {
		return err
	}
	j.NotBefore = 0
	s.armPending(j)
	s.updateQueue(j)
	return nil
}

// postpone keeps a waiting job from starting before a moment, however late others were willing to let it.
func (s *State) postpone(j *Job, at Time) {
	if at > j.NotBefore {
		j.NotBefore = at
		s.armPending(j)
	}
}

// armPending sets a waiting batch job's timer. An interactive job's is its launcher's.
func (s *State) armPending(j *Job) {
	if j.State == Pending && !j.Interactive {
		s.timers.set(&j.timer, j.pendingTimer())
	}
}

// pendingTimer is what comes first for a waiting batch job: the moment from which it may start, or that at which it is
// too late; 0 where neither comes.
func (j *Job) pendingTimer() Time {
	latest := j.latestStart()
	if latest == never || j.NotBefore != 0 && j.NotBefore <= latest {
		return j.NotBefore
	}
	return latest.After(1)
}

// latestStart is when the job has to start so as to end in time; never where it may end at any time.
func (j *Job) latestStart() Time {
	if j.EndBy == 0 {
		return never
	}
	return max(j.EndBy-Time(j.TimeLimit), 0)
}

// pendingDue: a waiting job's timer is due.
func (s *State) pendingDue(j *Job, now Time) []Transition {
	switch {
	case j.Interactive:
		return s.end(j, Ending{State: Cancelled, ExitCode: jobstate.ExitFailed, Kill: true,
			Reason: "it is interactive and no launcher attached to it"}, now)
	case j.latestStart() < now:
		return s.end(j, Ending{State: Cancelled, ExitCode: jobstate.ExitFailed, Kill: true,
			Reason: "it can't end before its deadline any more"}, now)
	case j.NotBefore > 0 && j.NotBefore <= now:
		return []Transition{&JobEligible{j.ID}}
	}
	return nil
}

// since is when what a dependency named came to be as it is: the start of a job, or its end if it never started, of an
// array the latest of those.
func (s *State) since(d Dependency) (at Time) {
	last := d.Job
	if a := s.arrayNamed(d); a != nil {
		last += JobID(a.tasks) - 1
	}
	for id := d.Job; id <= last; id++ {
		switch j := s.jobs[id]; {
		case j == nil: // forgotten: long ago
		case j.Started != 0:
			at = max(at, j.Started)
		default:
			at = max(at, j.Ended)
		}
	}
	return at
}

// corresponding is the task of an array with an index; 0 where none is remembered.
func (s *State) corresponding(array JobID, index uint32) JobID {
	a := s.arrays[array]
	if a == nil {
		return 0
	}
	for id := array; id < array+JobID(a.tasks); id++ {
		if j := s.jobs[id]; j != nil && j.Array.Job == array && j.Array.Index == index {
			return id
		}
	}
	return 0
}

// checkCorresponding: each task of the array that is submitted has one to follow.
func (s *State) checkCorresponding(array JobID, indices []uint32) error {
	if s.arrays[array] == nil || len(indices) == 0 {
		return fmt.Errorf("%w: aftercorr has the tasks of an array follow those of another; job %d is none, or the job "+
			"itself is none", ErrInvalid, array)
	}
	for _, index := range indices {
		if s.corresponding(array, index) == 0 {
			return fmt.Errorf("%w: array %d has no task %d for the one of that index to follow", ErrInvalid, array, index)
		}
	}
	return nil
}

// waitsOf are what a new job waits for: of arrays that it follows task by task, the one task that is its own.
func (s *State) waitsOf(r *Request) []Dependency {
	waits := append([]Dependency(nil), r.After...)
	for i := range waits {
		if d := &waits[i]; d.Kind == AfterCorr {
			d.Kind, d.Job = AfterOK|Alone, s.corresponding(d.Job, r.Array.Index)
		}
	}
	return waits
}
