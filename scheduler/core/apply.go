package core

import "fmt"

// Apply carries a transition out. An error means that journal and state don't belong together: the state is then not to
// be used any more.
func Apply(s *State, t Transition) error {
	switch t.(type) {
	case *JobAccepted, *JobPlaced, *JobStarted, *JobEnding, *JobPromised, *JobForgotten, *JobTrimmed, *JobEligible,
		*TenantCharged:
		// They free nothing. A job that becomes ready with one of them raises the version itself.
	default:
		s.version++
		s.opened, s.arrivals = s.version, nil
	}
	s.loaded = shares{}
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

// move changes a job's state and keeps all that follows from it in step. Its deadline belonged to the old state.
func (s *State) move(j *Job, next JobState) error {
	w := s.Worker(j.worker())
	if w == nil && next.Holds() {
		return fmt.Errorf("job %d: there is no worker %q", j.ID, j.worker())
	}
	a := s.account(j.Tenant)
	was := j.State
	s.clock(j).set(&j.timer, 0)
	j.State = next
	if held, holds := was.Holds(), next.Holds(); holds && !held {
		s.book(j, w, j.due())
		a.began += int64(j.slots()) * millis(j.Placed)
	} else if held && !holds {
		s.unbook(j, w)
		a.began -= int64(j.slots()) * millis(j.Placed)
	}
	if was == Pending && next != Pending {
		s.pending--
		a.Pending--
		s.unclaim(j)
	} else if next == Pending && was != Pending {
		s.pending++
		a.Pending++
	}
	s.updateQueue(j)
	array := s.arrayOf(j)
	s.unpark(array)
	if next.Terminal() {
		s.delist(j)
		array.taskEnded(j)
		s.wake(j)
	}
	return nil
}

// book gives a job its worker's slots until it is due, and unbook takes them back. A pass does both to try a placement.
func (s *State) book(j *Job, w *Worker, due Time) {
	s.freeSlots.remove(w)
	w.take(j, due)
	s.booked(j, w, 1)
}

func (s *State) unbook(j *Job, w *Worker) {
	s.freeSlots.remove(w)
	w.free(j)
	s.booked(j, w, -1)
}

// booked keeps everyone else's books; by is 1 or -1. Unsigned sums come out right either way.
func (s *State) booked(j *Job, w *Worker, by int) {
	s.freeSlots.add(w)
	s.touch(w)
	a := s.account(j.Tenant)
	a.Slots += uint32(by) * j.slots()
	a.Mem += uint64(by) * j.mem()
	a.Running += by
	if array := s.arrayOf(j); array != nil {
		array.running += uint32(by)
	}
	if s.held[j.QOS] += uint32(by) * j.slots(); s.held[j.QOS] == 0 {
		delete(s.held, j.QOS)
	}
}

func (t *JobAccepted) apply(s *State) error {
	if t.Job != s.lastJob+1 {
		return fmt.Errorf("job %d follows job %d", t.Job, s.lastJob)
	}
	s.lastJob = t.Job
	j := &Job{ID: t.Job, Key: t.Key, Request: t.Request, Submitted: t.At}
	s.share(j)
	j.Waits = s.waitsOf(&j.Request)
	if j.Begin > t.At {
		j.NotBefore = j.Begin
	}
	j.timer.job = j
	s.jobs[j.ID] = j
	s.rememberKey(j)
	for _, d := range j.Waits {
		s.waiters[d.Job] = append(s.waiters[d.Job], j.ID)
	}
	s.enlist(j)
	if a := s.arrayOf(j); a != nil {
		a.tasks++
		a.known++
	}
	if err := s.move(j, Pending); err != nil {
		return err
	}
	s.settle(j)
	s.armPending(j)
	if t.AttachBy != 0 {
		s.timers.set(&j.timer, t.AttachBy)
	}
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
	s.updateQueue(j)
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
	s.updateQueue(j)
	return nil
}

func (t *JobPlaced) apply(s *State) error {
	j := s.jobs[t.Ref.Job]
	if j == nil || t.Ref.Epoch != j.Epoch+1 || !j.State.May(Configuring) || len(t.Placement) != 1 {
		return fmt.Errorf("placement %d of job %d is out of turn", t.Ref.Epoch, t.Ref.Job)
	}
	if a := s.arrayOf(j); a != nil && j.Started != 0 {
		a.started--
	}
	j.Epoch, j.Placement, j.Placed, j.Started, j.Until = t.Ref.Epoch, t.Placement, t.At, 0, t.Until
	j.Steps = nil
	j.Units = t.Units
	if _, err := s.job(j.ID, Configuring); err != nil {
		return err
	}
	s.timers.set(&j.timer, j.startBy())
	return nil
}

func (t *JobStarted) apply(s *State) error {
	j, err := s.job(t.Ref.Job, Running)
	if err != nil {
		return err
	}
	if a := s.arrayOf(j); a != nil && j.Started == 0 {
		a.started++
	}
	j.Started, j.LaunchFailures = t.At, 0
	w := s.Worker(j.worker())
	w.removeRelease(j)
	w.addRelease(j, j.due())
	s.touch(w)
	s.wake(j)
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
	j.End, j.Ended, j.Attached, j.Orphaned = t.End, t.At, false, ""
	s.undoom(j)
	s.unlive(j)
	s.account(j.Tenant).Kept += j.kept()
	s.ended = append(s.ended, j.ID)
	return nil
}

func (t *JobRequeued) apply(s *State) error {
	j, err := s.job(t.Ref.Job, Requeued)
	if err != nil {
		return err
	}
	j.Ending = Ending{}
	j.Restarts++
	if t.LaunchFailed {
		j.LaunchFailures++
	}
	s.fences.set(&j.timer, t.Ready)
	return nil
}

func (t *JobReady) apply(s *State) error {
	j, err := s.job(t.Job, Pending)
	if err != nil {
		return err
	}
	if j.Orphaned != "" {
		j.Orphaned, j.Ending = "", Ending{}
		j.Restarts++
	}
	s.armPending(j)
	if t.AttachBy != 0 {
		s.timers.set(&j.timer, t.AttachBy)
	}
	if j.Reservation != "" && s.reservation(j.Reservation) == nil {
		s.doom(j, "its reservation "+j.Reservation+" is over")
		s.updateQueue(j)
	}
	return nil
}

func (t *JobForgotten) apply(s *State) error {
	j := s.jobs[t.Job]
	if len(s.ended) == 0 || s.ended[0] != t.Job || j == nil {
		return fmt.Errorf("job %d is not the one that ended first", t.Job)
	}
	s.ended = s.ended[1:]
	s.unshare(j)
	delete(s.jobs, t.Job)
	for s.oldest <= s.lastJob && s.jobs[s.oldest] == nil {
		s.oldest++
	}
	if a := s.arrayOf(j); a != nil {
		if a.known--; a.known == 0 {
			delete(s.arrays, a.id)
		}
	}
	if k := (idemKey{j.Tenant, j.Key}); s.keys[k] == j.Whole() && s.arrays[j.Array.Job] == nil {
		delete(s.keys, k)
	}
	return nil
}

func (t *WorkerJoined) apply(s *State) error {
	w := s.Worker(t.Name)
	if w == nil {
		w = &Worker{Name: t.Name}
		w.timer.worker = w
		i := s.workerIndex(t.Name)
		s.workers = append(s.workers, nil)
		copy(s.workers[i+1:], s.workers[i:])
		s.workers[i] = w
	}
	s.freeSlots.remove(w)
	w.Slots, w.Mem, w.Labels, w.Connected, w.Since, w.Unfit = t.Slots, t.Mem, t.Labels, true, t.At, ""
	w.StateID, w.Stopped, w.Engines, w.Resources = t.StateID, false, t.Engines, t.Resources
	s.updateReservations(w)
	s.freeSlots.add(w)
	s.fences.set(&w.timer, 0)
	return nil
}

func (t *WorkerLost) apply(s *State) error {
	w := s.Worker(t.Name)
	if w == nil {
		return fmt.Errorf("there is no worker %q", t.Name)
	}
	s.close(w, func() { w.Connected, w.Since, w.Stopped = false, t.At, t.Stopped })
	s.fences.set(&w.timer, t.GiveUp)
	return nil
}

func (t *WorkerForgotten) apply(s *State) error {
	i := s.workerIndex(t.Name)
	if i == len(s.workers) || s.workers[i].Name != t.Name || len(s.workers[i].Jobs) > 0 {
		return fmt.Errorf("worker %q is not there or holds jobs", t.Name)
	}
	s.fences.set(&s.workers[i].timer, 0)
	s.freeSlots.remove(s.workers[i])
	s.workers = append(s.workers[:i], s.workers[i+1:]...)
	return nil
}

func (t *JobHeld) apply(s *State) error     { return s.hold(t.Job, true) }
func (t *JobReleased) apply(s *State) error { return s.hold(t.Job, false) }

func (s *State) hold(id JobID, held bool) error {
	j, err := s.job(id, 0)
	if err != nil {
		return err
	}
	j.Held = held
	s.unclaim(j)
	s.updateQueue(j)
	return nil
}

func (t *JobPromised) apply(s *State) error {
	j, err := s.job(t.Job, 0)
	if err != nil {
		return err
	}
	j.Promised = t.Promise
	return nil
}

func (t *TenantCharged) apply(s *State) error {
	a := s.account(t.Tenant)
	a.Usage = decayed(a.Usage, parts(a.UsageAt, t.At, t.HalfLife)) + t.SlotMS
	a.UsageAt = t.At
	a.SlotMS += t.SlotMS
	a.CPU += t.CPU
	a.Jobs++
	return nil
}

func (t *WorkerDrained) apply(s *State) error {
	w := s.Worker(t.Name)
	if w == nil {
		return fmt.Errorf("there is no worker %q", t.Name)
	}
	s.close(w, func() { w.Draining = t.Reason })
	return nil
}
