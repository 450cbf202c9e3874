package sim

import "github.com/faasmrun/faasmrun/scheduler/core"

// punctual is how late the scheduler may be with what it owes: events of one moment come one after another.
const punctual = core.Second

// deadlines checks that what the journal says is due is done, and that ranks end that were told to: a time limit that
// nobody looks after shows in no other way. It is called before each decision. A scheduler that was down, or a worker
// that was cut off, has until shortly after it is back.
func (r *rules) deadlines(s *Sim) {
	for id, j := range r.jobs {
		if late(s, j.deadline, s.since) {
			r.c.fail("job %d is %s, and at %d its time was over at %d", id, j.status(), s.now, j.deadline)
		}
	}
	for name, w := range r.workers {
		if late(s, w.giveUp, s.since) {
			r.c.fail("worker %s is lost, and at %d it was to be given up at %d", name, s.now, w.giveUp)
		}
	}
	for _, name := range s.names {
		w := s.workers[name]
		for id, run := range w.running {
			j := r.jobs[id]
			if j == nil || !w.up || run.stubborn && !j.killed || j.told == 0 || j.at != name {
				continue
			}
			if late(s, max(j.told, w.since).After(2*s.cfg.Faults.Delay), s.since) {
				r.c.fail("job %d was told to end at %d, and at %d its ranks still run on %s", id, j.told, s.now, name)
			}
		}
	}
}

func late(s *Sim, at, since core.Time) bool {
	return at != 0 && s.now > max(at, since).After(punctual)
}

func (j *account) status() string {
	switch {
	case j.told != 0:
		return "ending politely"
	case j.started:
		return "running"
	}
	return "not running"
}

// limit is for a job that was placed or whose ranks have started: it may take so long for either.
func (j *account) limit(from, now core.Time) {
	if j.deadline = j.until; j.TimeLimit > 0 && (j.until == 0 || from.After(j.TimeLimit) < j.until) {
		j.deadline = from.After(j.TimeLimit)
	}
	if j.EndBy > 0 && (j.deadline == 0 || j.EndBy < j.deadline) {
		j.deadline = j.EndBy
	}
	if j.deadline != 0 { // what becomes known only when its reservation is over is ended then
		j.deadline = max(j.deadline, now)
	}
}

// hopeless is for a job that waits: when it can't end in time any more, it is cancelled.
func (j *account) hopeless(now core.Time) {
	if j.deadline = 0; j.EndBy > 0 {
		j.deadline = max(j.EndBy-core.Time(j.TimeLimit), now)
	}
}

// timed follows what a transition says about deadlines. The time limit is reckoned here anew.
func (r *rules) timed(now core.Time, t core.Transition) {
	switch t := t.(type) {
	case *core.JobAccepted:
		r.jobs[t.Job].hopeless(now)
	case *core.JobPlaced:
		j := r.jobs[t.Ref.Job]
		j.told, j.killed = 0, false
		j.limit(t.At, now)
	case *core.JobStarted:
		r.jobs[t.Ref.Job].limit(t.At, now)
	case *core.JobEnding:
		j := r.jobs[t.Ref.Job]
		j.deadline, j.told, j.killed = 0, now, t.Ending.Kill
		if !t.Ending.Kill {
			j.deadline = now.After(r.policy.KillAfter)
		}
	case *core.JobRequeued:
		j := r.jobs[t.Ref.Job]
		j.deadline, j.told, j.killed = 0, 0, false
	case *core.JobOrphaned:
		j := r.jobs[t.Ref.Job]
		j.deadline, j.told, j.killed = t.Until, 0, false
	case *core.JobReady:
		r.jobs[t.Job].hopeless(now)
	case *core.WorkerLost: // behind a restart of the scheduler too, the whole grace from now on
		r.workers[t.Name].giveUp = now.After(r.policy.Grace)
	case *core.WorkerJoined:
		r.workers[t.Name].giveUp = 0
	}
}
