package core

import "fmt"

// How a worker loses its jobs otherwise than by their ends: it stops in order, it comes back without knowing what it
// ran, it can't start a job's ranks.

// WorkerStopping: a worker stops in order. Nothing runs there any more but what stays, which its successor takes over.
type WorkerStopping struct {
	Worker  WorkerName
	Staying []JobRef
}

// LaunchFailed: a worker could not start a job's ranks, and that was not the job's fault.
type LaunchFailed struct {
	Worker WorkerName
	Ref    JobRef
	Reason string
}

// JobOrphaned: nobody knows whether the job's ranks still run, nor can end them. It waits until they must have ended by
// themselves.
type JobOrphaned struct {
	Ref    JobRef
	Reason string
	Until  Time // steady
}

// MaxLaunches is how many workers try to start a job's ranks before it ends.
const MaxLaunches = 3

func (*JobOrphaned) kind() kind        { return kindJobOrphaned }
func (t *JobOrphaned) fields(c *codec) { c.ref(&t.Ref); c.string(&t.Reason); c.time(&t.Until) }

func (t *JobOrphaned) apply(s *State) error {
	j := s.jobs[t.Ref.Job]
	if j == nil || j.Ref() != t.Ref {
		return fmt.Errorf("there is no placement %d of job %d", t.Ref.Epoch, t.Ref.Job)
	}
	if j.Orphaned == "" { // else the scheduler has been restarted, and counts anew
		if _, err := s.job(j.ID, Requeued); err != nil {
			return err
		}
	}
	j.Orphaned = t.Reason
	s.fences.set(&j.timer, t.Until)
	return nil
}

func (e WorkerStopping) decide(s *State, now Time) ([]Transition, error) {
	w := s.Worker(e.Worker)
	if w == nil || !w.Connected {
		return nil, nil
	}
	staying := holding(e.Staying)
	var ts []Transition
	why := "worker " + string(w.Name) + " was stopped"
	for _, id := range w.Jobs {
		switch j := s.jobs[id]; {
		case staying[j.Ref()]:
		case j.State == Configuring: // none of its ranks ever ran
			ts = append(ts, s.requeue(j, now, why)...)
		default:
			ts = append(ts, s.lost(j, now, why)...)
		}
	}
	return append(ts, s.fence(w, now, true)), nil
}

// fence is the loss of a worker: what it ran may run on until its grace and a margin are over.
func (s *State) fence(w *Worker, since Time, stopped bool) Transition {
	return &WorkerLost{w.Name, since, s.steady(since).After(s.Policy.Grace), stopped}
}

// orphan fences a job whose worker has come back with another state: the first one's executors may be there still.
func (s *State) orphan(j *Job, w *Worker, now Time) []Transition {
	until := w.timer.at
	if until == 0 {
		until = s.steady(now).After(s.Policy.Grace)
	}
	why := "worker " + string(w.Name) + " came back with another state, and its ranks may run on until they are fenced"
	return []Transition{&JobOrphaned{j.Ref(), why, until}, s.charge(j, 0, now)}
}

// orphanDue: nothing of a job can be running any more.
func (s *State) orphanDue(j *Job, now Time) []Transition {
	if end, over := s.lostEnd(j, "worker "+string(j.worker())+" lost its state"); over {
		return s.finish(j, end, now)
	}
	return []Transition{s.ready(j, now)}
}

func (e LaunchFailed) decide(s *State, now Time) ([]Transition, error) {
	j := s.jobs[e.Ref.Job]
	if !j.on(e.Worker, e.Ref) {
		return nil, nil
	}
	why := fmt.Sprintf("worker %s could not start its ranks: %s", e.Worker, e.Reason)
	switch {
	case j.State == Completing && j.Ending.State != Requeued:
		return s.lost(j, now, why), nil
	case j.LaunchFailures+1 >= MaxLaunches:
		return s.finish(j, End{State: NodeFailed, ExitCode: 1,
			Reason: fmt.Sprintf("%s (the last of %d tries)", why, MaxLaunches)}, now), nil
	}
	return []Transition{&JobRequeued{j.Ref(), why, now, true}, s.charge(j, 0, now), s.ready(j, now)}, nil
}
