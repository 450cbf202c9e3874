package core

import "fmt"

// Apply carries a transition out. An error means that journal and state don't belong together: the state is then not to
// be used any more.
func Apply(s *State, t Transition) error {
	s.version++
	if err := t.apply(s); err != nil {
		return fmt.Errorf("%T: %w", t, err)
	}
	return nil
}

// job finds the job of a transition and moves it to its next state, if one is given.
func (s *State) job(id JobID, next JobState) (*Job, error) {
	j := s.jobs[id]
	if j == nil {
		return nil, fmt.Errorf("there is no job %d", id)
	}
	if next == 0 {
		return j, nil
	}
	if !j.State.May(next) && !(j.State == next && next == Completing) {
		return nil, fmt.Errorf("job %d can't go from %s to %s", id, j.State, next)
	}
	return j, s.move(j, next)
}

// move changes a job's state and keeps the queue and the workers' books in step. Its deadline belonged to the old state.
func (s *State) move(j *Job, next JobState) error {
	if j.State == Pending {
		s.queue.remove(j)
	}
	w := s.Worker(j.worker())
	if w == nil && next.Holds() {
		return fmt.Errorf("job %d: there is no worker %q", j.ID, j.worker())
	}
	if j.State.Holds() != next.Holds() {
		if next.Holds() {
			w.take(j)
		} else if w != nil {
			w.free(j)
		}
	}
	s.timers.set(&j.timer, 0)
	j.State = next
	if next == Pending {
		s.queue.add(j)
	}
	return nil
}

func (t *JobAccepted) apply(s *State) error {
	if t.Job != s.lastJob+1 {
		return fmt.Errorf("job %d follows job %d", t.Job, s.lastJob)
	}
	s.lastJob = t.Job
	j := &Job{ID: t.Job, Key: t.Key, Request: t.Request, State: Pending, Submitted: t.At}
	j.timer.job = j
	s.jobs[j.ID] = j
	if j.Key != "" {
		s.keys[idemKey{j.Tenant, j.Key}] = j.ID
	}
	s.queue.add(j)
	s.timers.set(&j.timer, t.AttachBy)
	return nil
}

func (t *JobAttached) apply(s *State) error {
	j, err := s.job(t.Job, 0)
	if err != nil {
		return err
	}
	j.Attached = true
	if j.State == Pending {
		s.timers.set(&j.timer, 0)
	}
	return nil
}

func (t *JobDetached) apply(s *State) error {
	j, err := s.job(t.Job, 0)
	if err != nil {
		return err
	}
	j.Interactive, j.Attached = false, false
	if j.State == Pending {
		s.timers.set(&j.timer, 0)
	}
	return nil
}

func (t *JobPlaced) apply(s *State) error {
	j := s.jobs[t.Ref.Job]
	if j == nil || t.Ref.Epoch != j.Epoch+1 {
		return fmt.Errorf("placement %d of job %d is out of turn", t.Ref.Epoch, t.Ref.Job)
	}
	j.Epoch, j.Place, j.Placed, j.Started = t.Ref.Epoch, t.Place, t.At, 0
	_, err := s.job(j.ID, Configuring)
	return err
}

func (t *JobStarted) apply(s *State) error {
	j, err := s.job(t.Ref.Job, Running)
	if err != nil {
		return err
	}
	j.Started = t.At
	s.timers.set(&j.timer, t.Limit)
	return nil
}

func (t *JobEnding) apply(s *State) error {
	j, err := s.job(t.Ref.Job, Completing)
	if err != nil {
		return err
	}
	j.Ending = t.Ending
	s.timers.set(&j.timer, t.KillAt)
	return nil
}

func (t *JobFinished) apply(s *State) error {
	if !t.End.State.Terminal() {
		return fmt.Errorf("job %d can't finish as %q", t.Job, t.End.State)
	}
	j, err := s.job(t.Job, t.End.State)
	if err != nil {
		return err
	}
	j.End, j.Ended, j.Attached = t.End, t.At, false
	s.ended = append(s.ended, j.ID)
	return nil
}

func (t *JobRequeued) apply(s *State) error {
	j, err := s.job(t.Ref.Job, Requeued)
	if err != nil {
		return err
	}
	j.Ending = Ending{}
	s.timers.set(&j.timer, t.Ready)
	return nil
}

func (t *JobReady) apply(s *State) error {
	j, err := s.job(t.Job, Pending)
	if err != nil {
		return err
	}
	s.timers.set(&j.timer, t.AttachBy)
	return nil
}

func (t *JobForgotten) apply(s *State) error {
	j := s.jobs[t.Job]
	if len(s.ended) == 0 || s.ended[0] != t.Job || j == nil {
		return fmt.Errorf("job %d is not the one that ended first", t.Job)
	}
	s.ended = s.ended[1:]
	delete(s.jobs, t.Job)
	if k := (idemKey{j.Tenant, j.Key}); s.keys[k] == j.ID {
		delete(s.keys, k)
	}
	return nil
}

func (t *WorkerJoined) apply(s *State) error {
	w := s.Worker(t.Name)
	if w == nil {
		w = &Worker{Name: t.Name}
		w.timer.worker = w
		i := s.seat(t.Name)
		s.workers = append(s.workers, nil)
		copy(s.workers[i+1:], s.workers[i:])
		s.workers[i] = w
	}
	w.Slots, w.Mem, w.Labels, w.Connected, w.Since = t.Slots, t.Mem, t.Labels, true, t.At
	s.timers.set(&w.timer, 0)
	return nil
}

func (t *WorkerLost) apply(s *State) error {
	w := s.Worker(t.Name)
	if w == nil {
		return fmt.Errorf("there is no worker %q", t.Name)
	}
	w.Connected, w.Since = false, t.At
	s.timers.set(&w.timer, t.GiveUp)
	return nil
}

func (t *WorkerForgotten) apply(s *State) error {
	i := s.seat(t.Name)
	if i == len(s.workers) || s.workers[i].Name != t.Name || len(s.workers[i].Jobs) > 0 {
		return fmt.Errorf("worker %q is not there or holds jobs", t.Name)
	}
	s.timers.set(&s.workers[i].timer, 0)
	s.workers = append(s.workers[:i], s.workers[i+1:]...)
	return nil
}
