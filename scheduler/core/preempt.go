package core

import (
	"fmt"
	"sort"

	"github.com/faasmrun/faasmrun/scheduler/jobstate"
)

// PreemptMode is how the jobs of a quality of service give way. Ways that keep what they have computed, to be frozen or
// moved, will stand before these.
type PreemptMode uint8

const (
	PreemptAsAsked PreemptMode = iota // queued again if the job asked for that (Request.Requeue), ended otherwise
	PreemptRequeue                    // queued again, but for interactive jobs, whose launcher can't begin anew
	PreemptCancel                     // ended
)

// PreemptModes are their words in a policy.
var PreemptModes = []string{PreemptAsAsked: "as-asked", PreemptRequeue: "requeue", PreemptCancel: "cancel"}

// JobClaimed: jobs on the worker are told to give way to this one, and nobody else is placed there until it is.
type JobClaimed struct {
	Job    JobID
	Worker WorkerName
}

func (*JobClaimed) kind() kind        { return kindJobClaimed }
func (t *JobClaimed) fields(c *codec) { c.job(&t.Job); c.worker(&t.Worker) }

func (t *JobClaimed) apply(s *State) error {
	j, w := s.jobs[t.Job], s.Worker(t.Worker)
	if j == nil || w == nil || j.State != Pending {
		return fmt.Errorf("job %d on worker %q: one of them is not there, or does not wait", t.Job, t.Worker)
	}
	s.unclaim(j)
	s.unclaim(s.jobs[w.claim])
	s.claim(j, w)
	return nil
}

func (s *State) claim(j *Job, w *Worker) {
	j.Claim, w.claim = w.Name, j.ID
	s.claimed++
	s.touch(w)
}

func (s *State) unclaim(j *Job) {
	if j == nil || j.Claim == "" {
		return
	}
	if w := s.Worker(j.Claim); w != nil && w.claim == j.ID {
		w.claim = 0
		s.claimed--
		s.touch(w)
	}
	j.Claim = ""
}

// maxPreemptors bounds how many jobs of one pass look for others that could give way: each looks at every worker.
const maxPreemptors = 16

// preempt makes room for a job whose quality of service may have others give way: on the worker where the least work is
// lost, the least wanted and youngest of them. It reports whether room is being made; the worker is kept for the job
// meanwhile.
func (p *pass) preempt(j *Job) bool {
	s := p.s
	if w := s.Worker(j.Claim); w != nil && s.fitsNow(w, j, p.now, isCompleting) {
		return true // those who are told to go have not gone yet
	}
	qos := s.Policy.QOS[j.QOS]
	if !s.anyHeld(qos.Preempts) || p.preemptors == maxPreemptors {
		return false
	}
	p.preemptors++
	var best *Worker
	var victims []*Job
	least := int64(0)
	for _, w := range s.workers {
		if w.claim != 0 && w.claim != j.ID || !w.Open() || !w.fits(&j.Request) {
			continue
		}
		chosen, ok := p.victims(j, w, qos.Preempts)
		if lost := p.worth(chosen); ok && (best == nil || lost < least) {
			best, victims, least = w, chosen, lost
		}
	}
	if best == nil {
		return false
	}
	p.claims = append(p.claims, claim{best, best.claim})
	best.claim = j.ID
	s.touch(best)
	p.ts = append(p.ts, &JobClaimed{j.ID, best.Name})
	for _, v := range victims {
		why := "preempted by job " + j.ID.String()
		if j.QOS != "" {
			why += " (" + j.QOS + ")"
		}
		p.ts = append(p.ts, s.end(v, Ending{State: s.givesWayAs(v), ExitCode: jobstate.ExitFailed, Reason: why}, p.now)...)
	}
	return true
}

// claim is a worker's that a pass has made, and what stood there before.
type claim struct {
	worker *Worker
	before JobID
}

func isCompleting(j *Job) bool { return j.State == Completing }

// givesWayAs is the state that a job goes to when it is preempted.
func (s *State) givesWayAs(j *Job) JobState {
	mode := s.Policy.QOS[j.QOS].Preempted
	if mode == PreemptRequeue && !j.Interactive || mode == PreemptAsAsked && j.Requeue && !j.Interactive {
		return Requeued
	}
	return Preempted
}

func (s *State) anyHeld(qos []string) bool {
	for _, name := range qos {
		if s.held[name] > 0 {
			return true
		}
	}
	return false
}

// victims chooses who would have to leave a worker: as few of the least wanted as make room, none if those who are
// leaving anyhow do.
func (p *pass) victims(j *Job, w *Worker, qos []string) ([]*Job, bool) {
	s := p.s
	var willing []*Job
	for _, id := range w.Jobs {
		v := s.jobs[id]
		if (v.State == Configuring || v.State == Running) && in(qos, v.QOS) && w.pool(v) == w.pool(j) {
			willing = append(willing, v)
		}
	}
	sort.Slice(willing, func(a, b int) bool {
		u, v := willing[a], willing[b]
		if pu, pv := s.Policy.QOS[u.QOS].Points, s.Policy.QOS[v.QOS].Points; pu != pv {
			return pu < pv
		}
		return u.Placed > v.Placed || u.Placed == v.Placed && u.ID > v.ID
	})
	out := map[JobID]bool{}
	gone := func(v *Job) bool { return isCompleting(v) || out[v.ID] }
	hasRoom := func() bool { return s.fitsNow(w, j, p.now, gone) && p.canBackfill(j, w, gone) }
	n := 0
	for ; !hasRoom(); n++ {
		if n == len(willing) {
			return nil, false
		}
		out[willing[n].ID] = true
	}
	var chosen []*Job
	for _, v := range willing[:n] { // who was chosen before a larger one came may stay
		if delete(out, v.ID); !hasRoom() {
			out[v.ID] = true
			chosen = append(chosen, v)
		}
	}
	return chosen, true
}

func in(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

// worth is the slot-milliseconds that are lost with jobs.
func (p *pass) worth(victims []*Job) int64 {
	sum := int64(0)
	for _, v := range victims {
		sum += int64(v.slots()) * (millis(p.now) - millis(v.Placed))
	}
	return sum
}
