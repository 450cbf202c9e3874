package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/faasmrun/faasmrun/scheduler/core"
)

// Question is "what if": the state of a real queue, as a snapshot of it, and what is to be otherwise.
type Question struct {
	Pieces [][]byte // of core.State's Outline
	At     time.Time
	Policy core.Policy
	// Fraction is the part of their time limits that jobs take.
	Fraction float64
	Nodes    int // that join, of so many slots, and of more memory than any job asks for
	Slots    uint32
}

// Answer is what becomes of one job that waits.
type Answer struct {
	Job    core.JobID
	Tenant core.Tenant
	Ranks  uint32
	Start  time.Time // zero: it does not start
	Worker core.WorkerName
	Why    string // it does not start
}

// horizon is how far is looked ahead.
const horizon = 365 * 24 * core.Hour

// WhatIf goes on from a queue as it is now, without another submission and without faults, until every job that waits
// has started or can't. A job without a time limit never ends.
func WhatIf(q Question) ([]Answer, error) {
	q.Policy.KeepEnded = max(q.Policy.KeepEnded, 1000) // what ends at one moment has to be there for the figures
	now := core.Time(q.At.UnixNano())
	s := &Sim{cfg: Config{Policy: q.Policy, Light: true}, now: now, moved: now, state: core.NewState(q.Policy),
		drained: true,
		workers: map[core.WorkerName]*worker{}, jobs: map[core.JobID]*Job{}}
	s.checks.init(q.Policy)
	s.checks.light = true
	for _, p := range q.Pieces {
		if err := s.state.LoadPiece(p); err != nil {
			return nil, fmt.Errorf("the scheduler's snapshot: %w", err)
		}
	}
	for _, w := range s.state.Workers() {
		s.addWorker(w.Name, w.Slots, w.Mem, w.Labels, w.Engines).up = w.Connected
	}
	waiting := s.resume(q)
	engines := s.enginesFor(waiting)
	for i := range q.Nodes {
		s.at(now, s.addWorker(core.WorkerName(fmt.Sprintf("new%05d", i)), q.Slots, 1<<50, nil, engines).connect)
	}
	s.at(now, func() { s.decide(core.Tick{}, nil) })
	return s.answer(waiting, now.After(horizon))
}

// enginesFor are engines that run every program, by every name that one of these jobs asks for.
func (s *Sim) enginesFor(jobs []core.JobID) []core.Engine {
	engines := slices.Clone(anyEngine)
	for _, id := range jobs {
		e := anyEngine[0]
		e.Name = s.state.Job(id).Needs.Engine
		if e.Name != "" && !slices.Contains(engines, e) {
			engines = append(engines, e)
		}
	}
	return engines
}

// resume has those run who run, and lists those who wait.
func (s *Sim) resume(q Question) (waiting []core.JobID) {
	for id := s.state.Oldest(); id <= s.state.LastJob(); id++ {
		j := s.state.Job(id)
		if j == nil || j.State.Terminal() {
			continue
		}
		run := core.Duration(horizon)
		if j.TimeLimit > 0 {
			run = max(core.Second, core.Duration(float64(j.TimeLimit)*q.Fraction))
		}
		s.jobs[id] = &Job{Ranks: j.Ranks, Slots: j.Slots, Run: run, Tenant: j.Tenant}
		if !j.State.Holds() {
			waiting = append(waiting, id)
			continue
		}
		w := s.workers[j.Placement[0].Worker]
		ran := core.Duration(s.now - max(j.Started, j.Placed))
		if j.State == core.Completing {
			ran = run
		}
		r := w.start(j.Ref(), j.TakenSlots(), max(core.Second, run-ran))
		if j.State == core.Configuring {
			w.send(core.RanksStarted{Worker: w.name, Ref: r.ref}, nil)
		}
	}
	return waiting
}

// answer runs until all that waited have started, nothing happens any more, or the horizon is reached.
func (s *Sim) answer(waiting []core.JobID, until core.Time) ([]Answer, error) {
	answers := make([]Answer, 0, len(waiting))
	at := map[core.JobID]int{}
	for _, id := range waiting {
		at[id] = len(answers)
		answers = append(answers, Answer{Job: id, Tenant: s.state.Job(id).Tenant, Ranks: s.state.Job(id).Ranks})
	}
	left := len(answers)
	s.watch = func(t core.Transition) {
		switch t := t.(type) {
		case *core.JobPlaced:
			if i, ok := at[t.Ref.Job]; ok && answers[i].Start.IsZero() {
				answers[i].Start, answers[i].Worker = time.Unix(0, int64(t.At)), t.Placement[0].Worker
				left--
			}
		case *core.JobFinished:
			if i, ok := at[t.Job]; ok && answers[i].Start.IsZero() && answers[i].Why == "" {
				answers[i].Why = t.End.Reason
				left--
			}
		}
	}
	for left > 0 && s.next(until) {
	}
	for i := range answers {
		if a := &answers[i]; a.Start.IsZero() && a.Why == "" {
			a.Why = s.state.Waiting(s.state.Job(a.Job))
		}
	}
	return answers, s.checks.err
}
