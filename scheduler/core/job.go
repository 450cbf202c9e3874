package core

import "fmt"

// Request is what a job asks for, as far as deciding needs to know. Everything else is in Spec, which only the shell
// and the worker read.
type Request struct {
	Tenant      Tenant
	Name        string
	Ranks       uint32   // at least 1
	Slots       uint32   // that they take together; 0: each takes one
	MemPerRank  uint64   // bytes; 0: not accounted for
	TimeLimit   Duration // from the start of its ranks; 0: the policy's default
	Interactive bool     // lives no longer than its attach stream
	QOS         string   // quality of service, one of the policy's; "": the plain one
	Held        bool     // waits for Release
	Requeue     bool     // is tried again when its worker is lost
	Exclusive   bool     // shares its worker with no other job
	After       []Dependency
	AnyOf       bool         // one of After is enough
	Begin       Time         // does not start before; 0: at once
	EndBy       Time         // has ended by then, or never starts; 0: it may end at any time
	Nice        uint32       // points that its priority is lowered by
	Singleton   bool         // waits for the tenant's earlier jobs of its name
	Hosts       []WorkerName // may run on these only; none: on all
	Resources   Resources    // that it takes where it runs, all its ranks together
	Excluded    []WorkerName // may not run on these
	Constraint  Constraint   // of its worker's labels
	Reservation string       // runs within what this reservation keeps; "": in none
	Array       ArrayTask    // of which array it is a part
	Needs       Needs        // of an engine
	Spec        []byte
}

// MaxSlots is how many a worker can have.
const MaxSlots = 1 << 20

// slots is how many slots the whole job takes.
func (r *Request) slots() uint32 {
	if r.Slots > 0 {
		return r.Slots
	}
	return r.Ranks
}

// TakenSlots is how many slots the job takes wherever it runs, all its ranks together.
func (r *Request) TakenSlots() uint32 { return r.slots() }

// slotsText says how many slots the job takes, and why, where that is not one for each rank.
func (r *Request) slotsText() string {
	text := fmt.Sprintf("%d slots", r.slots())
	switch each := r.slots() / r.Ranks; {
	case r.slots() <= r.Ranks:
		return text
	case r.slots()%r.Ranks == 0:
		return text + fmt.Sprintf(", %d for each rank (--cpus-per-rank, OMP_NUM_THREADS)", each)
	default:
		return text + fmt.Sprintf(" for %d ranks (--cpus-per-rank, OMP_NUM_THREADS)", r.Ranks)
	}
}

// sizeText is what a job's size is, as its priority counts it.
func (r *Request) sizeText() string {
	if r.slots() > r.Ranks {
		return fmt.Sprintf("%d ranks with %d slots", r.Ranks, r.slots())
	}
	return fmt.Sprintf("%d ranks", r.Ranks)
}

// mem is the memory that the whole job asks for. Submit bounds both factors, so it can't overflow.
func (r *Request) mem() uint64 { return uint64(r.Ranks) * r.MemPerRank }

// Span is a run of ranks on one worker.
type Span struct {
	Worker WorkerName
	First  Rank
	Ranks  uint32
}

// End is how a job ended.
type End struct {
	State    JobState
	ExitCode int32
	Reason   string // for a person; may be empty
	Detail   []byte // the worker's own account, which only the shell reads
	CPU      Duration
	MaxRSS   uint64 // bytes
}

// Ending is the end that a job in Completing was told to make.
type Ending struct {
	State    JobState
	ExitCode int32
	Reason   string
	Kill     bool // at once, without asking ranks where they stand
}

// Job is one job from its acceptance on. Whoever reads it must not change it: that is Apply's alone.
type Job struct {
	ID  JobID
	Key string // idempotency key, "" for none
	Request
	State     JobState
	Epoch     Epoch
	Placement []Span       // of this epoch; kept after the end, for those who ask where it ran
	Units     []Unit       // of its worker's resources, that it has there
	Attached  bool         // an interactive job's launcher is there
	Restarts  uint32       // how often it was requeued
	Waits     []Dependency // what is left of After
	NotBefore Time         // it may not start before that; 0: it may, as far as time goes
	Doomed    string       // why its dependencies can never be met; the next pass cancels it
	Promised  Promise      // made for it while it headed the queue
	Claim     WorkerName   // where others were told to give way to it; nobody else is placed there meanwhile
	Until     Time         // the end of the reservation that it was placed in; 0: it was in none
	Steps     []Step       // of its script, by number; of the newest placement, and of those the newest
	Orphaned  string       // in Requeued: why nobody knows whether its ranks still run

	LaunchFailures uint32 // how often its ranks could not be started since they last were

	Submitted, Placed, Started, Ended Time

	Ending Ending // in Completing
	End    End    // once ended

	details *details // what is long of the request; nil: dropped

	timer  timer // the one deadline that a job has in its state
	queued bool  // in its tenant's queue
	parked bool  // in its array's, which waits outside of that
	score  int64 // its rank there, higher first; the parts of its priority that do not change with time
}

// Promise is the worker and time that the head of the queue was promised. No job is backfilled so that it comes later.
type Promise struct {
	Worker WorkerName
	At     Time // 0: none
}

// Ref names the job's present placement.
func (j *Job) Ref() JobRef { return JobRef{j.ID, j.Epoch} }

// Whole is what the job is a part of: its array, or itself.
func (j *Job) Whole() JobID {
	if j.Array.Job != 0 {
		return j.Array.Job
	}
	return j.ID
}

// Deadline is when something is due for the job, as its state means it: an attachment, the time limit, the kill.
func (j *Job) Deadline() Time { return j.timer.at }

// due is when the job is expected to have left its worker.
func (j *Job) due() Time {
	at := never
	if j.TimeLimit > 0 {
		at = max(j.Placed, j.Started).After(j.TimeLimit)
	}
	if j.Until > 0 {
		at = min(at, j.Until)
	}
	if j.EndBy > 0 {
		at = min(at, j.EndBy)
	}
	return at
}

// startBy is when a job in Configuring has held its slots for as long as its ranks may run: a program that takes for
// ever to compile is ended, too. 0: it has no limit. What the ranks may use begins with their start.
func (j *Job) startBy() Time {
	if at := j.due(); at != never {
		return at
	}
	return 0
}

// worker is where the job runs; a job has one worker for now.
func (j *Job) worker() WorkerName {
	if len(j.Placement) == 0 {
		return ""
	}
	return j.Placement[0].Worker
}

// Part is the ranks of a placement that a worker holds now: all that it may report on.
func (s *State) Part(w WorkerName, ref JobRef) (Span, bool) {
	j := s.jobs[ref.Job]
	if !j.on(w, ref) {
		return Span{}, false
	}
	return j.Placement[0], true
}

// Has reports whether a rank is one of these.
func (p Span) Has(r Rank) bool { return r >= p.First && uint64(r) < uint64(p.First)+uint64(p.Ranks) }

// on reports whether a worker holds this very placement of the job.
func (j *Job) on(w WorkerName, ref JobRef) bool {
	return j != nil && j.Epoch == ref.Epoch && j.State.Holds() && j.worker() == w
}
