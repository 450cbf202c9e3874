package core

// Request is what a job asks for, as far as deciding needs to know. Everything else is in Spec, which only the shell and
// the worker read.
type Request struct {
	Tenant      Tenant
	Name        string
	Ranks       uint32   // at least 1
	MemPerRank  uint64   // bytes; 0: not accounted for
	TimeLimit   Duration // from the start of its ranks; 0: the policy's default
	Interactive bool     // lives no longer than its attach stream
	Spec        []byte
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
	State    JobState
	Epoch    Epoch
	Place    []Span // of this epoch; kept after the end, for those who ask where it ran
	Attached bool   // an interactive job's launcher is there

	Submitted, Placed, Started, Ended Time

	Ending Ending // in Completing
	End    End    // once ended

	timer timer // the one deadline that a job has in its state
}

// Ref names the job's present placement.
func (j *Job) Ref() JobRef { return JobRef{j.ID, j.Epoch} }

// Deadline is when something is due for the job, as its state means it: an attachment, the time limit, the kill.
func (j *Job) Deadline() Time { return j.timer.at }

// worker is where the job runs; a job has one worker for now.
func (j *Job) worker() WorkerName {
	if len(j.Place) == 0 {
		return ""
	}
	return j.Place[0].Worker
}

// on says whether a worker speaks for this very placement of the job.
func (j *Job) on(w WorkerName, ref JobRef) bool {
	return j != nil && j.Epoch == ref.Epoch && j.State.Holds() && j.worker() == w
}
