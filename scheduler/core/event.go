package core

import (
	"errors"
	"fmt"

	"github.com/faasmrun/faasmrun/internal/bytesize"
	"github.com/faasmrun/faasmrun/scheduler/core/result"
	"github.com/faasmrun/faasmrun/scheduler/jobstate"
)

// Event is something that happened and that the scheduler has to decide about.
type Event interface {
	decide(s *State, now Time) ([]Transition, error)
}

// Decide answers an event with the transitions that it calls for, in order, and changes nothing. An error refuses the
// event: nothing follows from it. Errors wrap one of the sentinels below.
func Decide(s *State, e Event, now Time) ([]Transition, error) { return e.decide(s, now) }

// What an event can be refused for.
var (
	ErrInvalid   = errors.New("invalid request")
	ErrNoJob     = errors.New("no such job")
	ErrExhausted = errors.New("limit reached")
	ErrState     = errors.New("not in this state")
	ErrNoWorker  = errors.New("no such worker")

	ErrNoReservation = errors.New("no such reservation")
)

// Submit asks for a job, or for an array of them: one for each index. Whoever asks again with the same key gets the
// first job (State.JobByKey) and no transition.
type Submit struct {
	Key      string
	Request  Request
	Array    []uint32 // indices, ascending; none: no array
	Throttle uint32
}

// LauncherAttached: the launcher of an interactive job is there. LauncherDetached: it lets the job go on without it.
// LauncherDisconnected: it is gone.
type (
	LauncherAttached     struct{ Job JobID }
	LauncherDetached     struct{ Job JobID }
	LauncherDisconnected struct{ Job JobID }
)

// Hold keeps a waiting job from starting; Release lets it.
type (
	Hold    struct{ Job JobID }
	Release struct{ Job JobID }
)

// Drain keeps new jobs off a worker, or, with no reason, lets them on again.
type Drain struct {
	Worker WorkerName
	Reason string
}

// Requeue ends a job where it runs and puts it back into the queue.
type Requeue struct{ Job JobID }

// Cancel asks for a job's end.
type Cancel struct {
	Job    JobID
	Kill   bool
	Reason string
}

// WorkerConnected: a worker connected and says what it has and which placements it still holds, whether they run or
// have ended without being acknowledged.
type WorkerConnected struct {
	Name    WorkerName
	Slots   uint32
	Mem     uint64
	Labels  []Label
	Holding []JobRef
	StateID string   // of what it remembers
	Engines []Engine // none: UnannouncedEngine

	Resources Resources
}

// WorkerDisconnected: a worker's connection ended.
type WorkerDisconnected struct{ Name WorkerName }

// RanksStarted: a worker's executor runs the ranks of a job.
type RanksStarted struct {
	Worker WorkerName
	Ref    JobRef
}

// RanksEnded: a worker reports the end of a job's ranks.
type RanksEnded struct {
	Worker WorkerName
	Ref    JobRef
	Report result.Report
	Detail []byte // as in End
	CPU    Duration
	MaxRSS uint64 // bytes
}

// Tick: the time that State.Deadline asked for has come.
type Tick struct{}

// Recovered: the state has been read back from the journal. Nobody is connected any more. The launchers of interactive
// jobs may come back; of one that doesn't, LauncherDisconnected tells.
type Recovered struct{}

// Pass goes over the queue and places what can be placed. The shell asks for it after other events when the state has
// changed, once for many of them.
type Pass struct{}

func (e Submit) decide(s *State, now Time) ([]Transition, error) {
	if s.JobByKey(e.Request.Tenant, e.Key) != nil {
		return nil, nil
	}
	if err := s.checkRequest(&e, now); err != nil {
		return nil, err
	}
	r := e.Request
	if r.TimeLimit == 0 {
		r.TimeLimit = s.Policy.TimeLimit
	}
	first := &JobAccepted{Job: s.lastJob + 1, Key: e.Key, Request: r, At: now}
	if r.Interactive {
		first.AttachBy = now.After(s.Policy.AttachWithin)
	}
	if len(e.Array) == 0 {
		return []Transition{first}, nil
	}
	ts := make([]Transition, len(e.Array))
	for i, index := range e.Array {
		task := *first
		task.Job += JobID(i)
		task.Request.Array = ArrayTask{first.Job, index, e.Throttle}
		ts[i] = &task
	}
	return ts, nil
}

// checkRequest refuses what no configuration could ever run, and what is more than the tenant may ask for.
func (s *State) checkRequest(e *Submit, now Time) error {
	r, quota := &e.Request, s.Policy.Quota(e.Request.Tenant)
	jobs := max(1, len(e.Array))
	switch _, known := s.Policy.QOS[r.QOS]; {
	case r.Ranks == 0:
		return fmt.Errorf("%w: a job has at least one rank", ErrInvalid)
	case r.Slots > MaxSlots:
		return fmt.Errorf("%w: %s; a worker has at most %d", ErrInvalid, r.slotsText(), MaxSlots)
	case r.Ranks > s.Policy.MaxRanks:
		return fmt.Errorf("%w: %d ranks; this scheduler takes at most %d", ErrInvalid, r.Ranks, s.Policy.MaxRanks)
	case r.rankMem() > s.Policy.MaxMemPerRank:
		return fmt.Errorf("%w: %s of memory per rank; the most that a rank can have is %s", ErrInvalid,
			bytesize.String(r.rankMem()), bytesize.String(s.Policy.MaxMemPerRank))
	case r.TimeLimit < 0:
		return fmt.Errorf("%w: a negative time limit", ErrInvalid)
	case !known:
		return fmt.Errorf("%w: there is no quality of service %q", ErrInvalid, r.QOS)
	case quota.Slots > 0 && r.slots() > quota.Slots:
		return fmt.Errorf("%w: %d slots are asked for; the quota of tenant %s is %d slots", ErrInvalid, r.slots(), r.Tenant,
			quota.Slots)
	case quota.Mem > 0 && r.mem() > quota.Mem:
		return fmt.Errorf("%w: %s of memory; the quota of tenant %s is %s", ErrInvalid, bytesize.String(r.mem()), r.Tenant,
			bytesize.String(quota.Mem))
	case r.Interactive && (r.Begin != 0 || r.EndBy != 0):
		return fmt.Errorf("%w: a job with a launcher begins at once and has no deadline", ErrInvalid)
	case r.Begin < 0 || r.EndBy < 0:
		return fmt.Errorf("%w: a time to begin or a deadline before 1970", ErrInvalid)
	case r.EndBy > 0 && max(now, r.Begin) > (&Job{Request: *r}).latestStart():
		return fmt.Errorf("%w: it can't end before its deadline, with the time limit that it has", ErrInvalid)
	case len(e.Array) > s.Policy.MaxArray:
		return fmt.Errorf("%w: an array of %d jobs; at most %d", ErrInvalid, len(e.Array), s.Policy.MaxArray)
	case len(e.Array) > 0 && r.Interactive:
		return fmt.Errorf("%w: an array can't be interactive", ErrInvalid)
	case s.pending+jobs > s.Policy.MaxPending:
		return fmt.Errorf("%w: %d jobs are waiting already; try again when some have ended", ErrExhausted, s.pending)
	case quota.Pending > 0 && s.waitingOf(r.Tenant)+jobs > quota.Pending:
		return fmt.Errorf("%w: tenant %s has %d jobs waiting; its quota is %d", ErrExhausted, r.Tenant, s.waitingOf(r.Tenant),
			quota.Pending)
	}
	if len(r.After)*jobs > maxWaits {
		return fmt.Errorf("%w: %d jobs that wait for %d others each; at most %d dependencies are taken at once", ErrInvalid,
			jobs, len(r.After), maxWaits)
	}
	if more, live := s.newDetails(r); live+more > quota.Descriptions {
		return fmt.Errorf("%w: the descriptions of tenant %s's jobs, their arguments and environment mostly, would take %s; "+
			"its quota is %s "+
			"(the tasks of an array, and jobs that are alike, take it once)", ErrExhausted, r.Tenant, bytesize.String(live+more),
			bytesize.String(quota.Descriptions))
	}
	if err := checkResources(r); err != nil {
		return err
	}
	if err := s.checkReservation(r); err != nil {
		return err
	}
	for _, d := range r.After {
		if owner, there := s.owner(d); !there || owner != r.Tenant {
			return fmt.Errorf("%w: there is no job %d for it to wait for", ErrInvalid, d.Job)
		}
		if d.Kind == AfterCorr {
			if err := s.checkCorresponding(d.Job, e.Array); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *State) waitingOf(t Tenant) int {
	if a := s.byTenant[t]; a != nil {
		return a.Pending
	}
	return 0
}

func (e LauncherAttached) decide(s *State, now Time) ([]Transition, error) {
	j := s.jobs[e.Job]
	if j == nil {
		return nil, ErrNoJob
	}
	if !j.Interactive || j.Attached || j.State.Terminal() {
		return nil, nil
	}
	return []Transition{&JobAttached{j.ID}}, nil
}

func (e LauncherDetached) decide(s *State, now Time) ([]Transition, error) {
	j := s.jobs[e.Job]
	if j == nil {
		return nil, ErrNoJob
	}
	if !j.Interactive || j.State.Terminal() {
		return nil, nil
	}
	return []Transition{&JobDetached{j.ID}}, nil
}

func (e LauncherDisconnected) decide(s *State, now Time) ([]Transition, error) {
	j := s.jobs[e.Job]
	if j == nil {
		return nil, ErrNoJob
	}
	if !j.Interactive {
		return nil, nil
	}
	return s.end(j, Ending{Cancelled, jobstate.ExitFailed, "its launcher is gone", true}, now), nil
}

func (e Cancel) decide(s *State, now Time) ([]Transition, error) {
	j := s.jobs[e.Job]
	if j == nil {
		return nil, ErrNoJob
	}
	return s.end(j, Ending{Cancelled, jobstate.ExitFailed, e.Reason, e.Kill}, now), nil
}

func (e Hold) decide(s *State, now Time) ([]Transition, error) {
	j := s.jobs[e.Job]
	switch {
	case j == nil:
		return nil, ErrNoJob
	case j.State != Pending:
		return nil, fmt.Errorf("%w: only a waiting job can be held, job %d is %s", ErrState, j.ID, j.State.Row().Name)
	case j.Held:
		return nil, nil
	}
	return []Transition{&JobHeld{j.ID}}, nil
}

func (e Release) decide(s *State, now Time) ([]Transition, error) {
	j := s.jobs[e.Job]
	if j == nil {
		return nil, ErrNoJob
	}
	if !j.Held {
		return nil, nil
	}
	return []Transition{&JobReleased{j.ID}}, nil
}

func (e Drain) decide(s *State, now Time) ([]Transition, error) {
	w := s.Worker(e.Worker)
	if w == nil {
		return nil, fmt.Errorf("%w: %s", ErrNoWorker, e.Worker)
	}
	if w.Draining == e.Reason {
		return nil, nil
	}
	return []Transition{&WorkerDrained{e.Worker, e.Reason}}, nil
}

func (e Requeue) decide(s *State, now Time) ([]Transition, error) {
	j := s.jobs[e.Job]
	switch {
	case j == nil:
		return nil, ErrNoJob
	case !j.State.Holds() || j.State == Completing || j.Interactive:
		return nil, fmt.Errorf("%w: only a running batch job can be requeued, job %d is %s", ErrState, j.ID,
			j.State.Row().Name)
	}
	return s.end(j, Ending{State: Requeued, Reason: "requeued on request", Kill: true}, now), nil
}

// end brings a job to an end: at once where nothing runs, through its worker otherwise. A job that is ending already
// can only be hurried.
func (s *State) end(j *Job, e Ending, now Time) []Transition {
	switch {
	case j.State.Terminal():
		return nil
	case !j.State.Holds():
		return s.finish(j, End{State: e.State, ExitCode: e.ExitCode, Reason: e.Reason}, now)
	case j.State == Completing && j.Ending.State == Requeued && e.State == Cancelled:
		return []Transition{&JobEnding{Ref: j.Ref(), Ending: e}}
	case j.State == Completing:
		if j.Ending.Kill || !e.Kill {
			return nil
		}
		kill := j.Ending
		kill.Kill = true
		return []Transition{&JobEnding{Ref: j.Ref(), Ending: kill}}
	}
	t := &JobEnding{Ref: j.Ref(), Ending: e}
	if !e.Kill {
		t.KillAt = now.After(s.killAfter(j))
	}
	return []Transition{t}
}

func (e WorkerConnected) decide(s *State, now Time) ([]Transition, error) {
	engines := e.Engines
	if len(engines) == 0 {
		engines = []Engine{UnannouncedEngine}
	}
	ts := []Transition{&WorkerJoined{e.Name, e.Slots, e.Mem, e.Labels, now, e.StateID, engines, e.Resources}}
	w := s.Worker(e.Name)
	if w == nil {
		return ts, nil
	}
	held := holding(e.Holding)
	for _, id := range w.Jobs {
		switch j := s.jobs[id]; {
		case held[j.Ref()]:
			if j.State == Configuring {
				ts = append(ts, s.started(j, now))
			}
		case w.StateID != e.StateID:
			ts = append(ts, s.orphan(j, w, now)...)
		case j.State != Configuring: // else the order may not have arrived, and is given again
			ts = append(ts, s.lost(j, now, "worker "+string(e.Name)+" came back without it")...)
		}
	}
	return ts, nil
}

func holding(refs []JobRef) map[JobRef]bool {
	held := make(map[JobRef]bool, len(refs))
	for _, ref := range refs {
		held[ref] = true
	}
	return held
}

func (e WorkerDisconnected) decide(s *State, now Time) ([]Transition, error) {
	w := s.Worker(e.Name)
	if w == nil || !w.Connected {
		return nil, nil
	}
	return []Transition{s.fence(w, now, false)}, nil
}

func (e RanksStarted) decide(s *State, now Time) ([]Transition, error) {
	j := s.jobs[e.Ref.Job]
	if !j.on(e.Worker, e.Ref) || j.State != Configuring {
		return nil, nil
	}
	return []Transition{s.started(j, now)}, nil
}

func (s *State) started(j *Job, now Time) Transition {
	t := &JobStarted{Ref: j.Ref(), At: now}
	if j.TimeLimit > 0 {
		t.Limit = now.After(j.TimeLimit)
	}
	if j.Until > 0 && (t.Limit == 0 || j.Until < t.Limit) {
		t.Limit = j.Until
	}
	if j.EndBy > 0 && (t.Limit == 0 || j.EndBy < t.Limit) {
		t.Limit = j.EndBy
	}
	return t
}

func (e RanksEnded) decide(s *State, now Time) ([]Transition, error) {
	j := s.jobs[e.Ref.Job]
	if !j.on(e.Worker, e.Ref) {
		return nil, nil
	}
	var told *result.Order
	if j.State == Completing {
		told = &result.Order{State: j.Ending.State.String(), Reason: j.Ending.Reason}
	}
	made := result.Of(e.Report, told)
	state, _ := ParseState(made.State)
	if state == NodeFailed { // the worker itself had lost us for too long, and comes back before it was given up
		return s.lost(j, now, made.Reason), nil
	}
	if j.State == Completing && j.Ending.State == Requeued && state != Completed {
		return s.requeue(j, now, j.Ending.Reason), nil
	}
	return s.finish(j, End{State: state, ExitCode: made.ExitCode, Reason: made.Reason, Detail: e.Detail, CPU: e.CPU,
		MaxRSS: e.MaxRSS}, now), nil
}

// finish records a job's end and charges its tenant for the placement.
func (s *State) finish(j *Job, end End, now Time) []Transition {
	ts := []Transition{&JobFinished{j.ID, end, now}}
	if j.State.Holds() {
		ts = append(ts, s.charge(j, end.CPU, now))
	}
	return ts
}

func (s *State) charge(j *Job, cpu Duration, now Time) Transition {
	ms := max(0, int64(now-j.Placed)/int64(Millisecond))
	return &TenantCharged{j.Tenant, uint64(ms) * uint64(j.slots()), cpu, now, s.Policy.HalfLife}
}

// requeue puts a job that is over at its worker back into the queue.
func (s *State) requeue(j *Job, now Time, why string) []Transition {
	return []Transition{&JobRequeued{j.Ref(), why, now, false}, s.charge(j, 0, now), s.ready(j, now)}
}

// lost ends a job whose worker will not report its end, or starts it again if it asked for that. Nothing of it can be
// running any more: the worker has said so, or its grace and a margin are over.
func (s *State) lost(j *Job, now Time, why string) []Transition {
	if end, over := s.lostEnd(j, why); over {
		return s.finish(j, end, now)
	}
	return s.requeue(j, now, why)
}

// lostEnd is the end of such a job, if it is not to be started again.
func (s *State) lostEnd(j *Job, why string) (end End, over bool) {
	e := j.Ending // of one that was told to end, in whatever state that finds it
	switch {
	case e.State != 0 && e.State != Requeued:
		return End{State: e.State, ExitCode: e.ExitCode, Reason: e.Reason}, true
	case e.State == Requeued || j.Requeue && !j.Interactive && j.Restarts < s.Policy.MaxRestarts:
		return End{}, false
	}
	return End{State: NodeFailed, ExitCode: jobstate.ExitFailed, Reason: why}, true
}

func (Tick) decide(s *State, now Time) ([]Transition, error) {
	var ts []Transition
	due := append(s.fences.due(s.steady(now)), s.timers.due(now)...)
	for _, t := range due {
		switch {
		case t.reservation != nil:
			ts = append(ts, t.reservation.due(now)...)
		case t.worker != nil:
			ts = append(ts, s.workerDue(t.worker, now)...)
		case !s.endsWithWorker(t.job, now):
			ts = append(ts, s.jobDue(t.job, now)...)
		}
	}
	return ts, nil
}

// endsWithWorker reports whether this very tick ends the job with its worker.
func (s *State) endsWithWorker(j *Job, now Time) bool {
	if !j.State.Holds() {
		return false
	}
	at := s.Worker(j.worker()).timer.at
	return at != 0 && at <= s.steady(now)
}

func (s *State) jobDue(j *Job, now Time) []Transition {
	switch j.State {
	case Pending:
		return s.pendingDue(j, now)
	case Completing:
		return s.end(j, Ending{Kill: true}, now)
	case Requeued:
		return s.orphanDue(j, now)
	}
	why := "time limit of " + j.TimeLimit.String() + " reached"
	switch {
	case j.Until > 0 && j.Until <= now:
		why = "its reservation " + j.Reservation + " is over"
	case j.EndBy > 0 && j.EndBy <= now:
		why = "its deadline has come"
	case j.State == Configuring:
		why += " before its ranks had started: its program was still being fetched or compiled"
	}
	return s.end(j, Ending{TimedOut, jobstate.ExitTimedOut, why, false}, now)
}

func (s *State) ready(j *Job, now Time) Transition {
	t := &JobReady{Job: j.ID}
	if j.Interactive && !j.Attached {
		t.AttachBy = now.After(s.Policy.AttachWithin)
	}
	return t
}

func (s *State) workerDue(w *Worker, now Time) []Transition {
	var ts []Transition
	for _, id := range w.Jobs {
		ts = append(ts, s.lost(s.jobs[id], now, "worker "+string(w.Name)+" was lost")...)
	}
	return append(ts, &WorkerForgotten{w.Name})
}

func (Recovered) decide(s *State, now Time) ([]Transition, error) {
	var ts []Transition
	// Fences are by a clock that ended with the old process, and clocks may have been set meanwhile: they count anew, in
	// full.
	for _, w := range s.workers {
		switch lost := s.fence(w, now, w.Stopped).(*WorkerLost); {
		case w.Connected:
			ts = append(ts, lost)
		case w.timer.at != 0:
			lost.At = w.Since
			ts = append(ts, lost)
		}
	}
	for id := s.oldest; id <= s.lastJob; id++ {
		if j := s.jobs[id]; j != nil && j.Orphaned != "" {
			ts = append(ts, &JobOrphaned{j.Ref(), j.Orphaned, s.steady(now).After(s.Policy.Grace)})
		}
	}
	return ts, nil
}

func (Pass) decide(s *State, now Time) ([]Transition, error) {
	ts := append(s.schedule(now), s.trim()...)
	for i := 0; i < len(s.ended)-s.Policy.KeepEnded; i++ {
		ts = append(ts, &JobForgotten{s.ended[i]})
	}
	return ts, nil
}
