package core

// Transition is one step that the state takes, as it is journalled. It carries everything that it changes; applying it
// asks no policy and no clock.
type Transition interface {
	kind() kind
	fields(*codec)
	apply(*State) error
}

// kind says in the journal which transition follows. Never renumber.
type kind uint8

const (
	kindJobAccepted kind = iota + 1
	kindJobAttached
	kindJobDetached
	kindJobPlaced
	kindJobStarted
	kindJobEnding
	kindJobFinished
	kindJobRequeued
	kindJobReady
	kindJobForgotten
	kindWorkerJoined
	kindWorkerLost
	kindWorkerForgotten
	kindJobHeld
	kindJobReleased
	kindJobPromised
	kindTenantCharged
	kindWorkerDrained
	kindReservationMade
	kindReservationBegan
	kindReservationOver
	kindJobClaimed
	kindWorkerUnfit
	kindJobOrphaned
	kindJobTrimmed
	kindJobEligible
	kindStepNoted
)

func newTransition(k kind) Transition {
	switch k {
	case kindJobAccepted:
		return new(JobAccepted)
	case kindJobAttached:
		return new(JobAttached)
	case kindJobDetached:
		return new(JobDetached)
	case kindJobPlaced:
		return new(JobPlaced)
	case kindJobStarted:
		return new(JobStarted)
	case kindJobEnding:
		return new(JobEnding)
	case kindJobFinished:
		return new(JobFinished)
	case kindJobRequeued:
		return new(JobRequeued)
	case kindJobReady:
		return new(JobReady)
	case kindJobForgotten:
		return new(JobForgotten)
	case kindWorkerJoined:
		return new(WorkerJoined)
	case kindWorkerLost:
		return new(WorkerLost)
	case kindWorkerForgotten:
		return new(WorkerForgotten)
	case kindJobHeld:
		return new(JobHeld)
	case kindJobReleased:
		return new(JobReleased)
	case kindJobPromised:
		return new(JobPromised)
	case kindTenantCharged:
		return new(TenantCharged)
	case kindWorkerDrained:
		return new(WorkerDrained)
	case kindReservationMade:
		return new(ReservationMade)
	case kindReservationBegan:
		return new(ReservationBegan)
	case kindReservationOver:
		return new(ReservationOver)
	case kindJobClaimed:
		return new(JobClaimed)
	case kindWorkerUnfit:
		return new(WorkerUnfit)
	case kindJobOrphaned:
		return new(JobOrphaned)
	case kindJobTrimmed:
		return new(JobTrimmed)
	case kindJobEligible:
		return new(JobEligible)
	case kindStepNoted:
		return new(StepNoted)
	}
	return nil
}

// JobAccepted is a job's birth.
type JobAccepted struct {
	Job      JobID
	Key      string
	Request  Request
	At       Time
	AttachBy Time // when an interactive job without a launcher is given up; 0: never
}

// JobAttached: the launcher of an interactive job is there.
type JobAttached struct{ Job JobID }

// JobDetached: an interactive job goes on without its launcher, as a batch job.
type JobDetached struct{ Job JobID }

// JobPlaced gives a job a placement and a new epoch.
type JobPlaced struct {
	Ref       JobRef
	Placement []Span
	At        Time
	Until     Time // the end of its reservation; 0: it is in none
	Units     []Unit
}

// JobStarted: its ranks run.
type JobStarted struct {
	Ref   JobRef
	At    Time
	Limit Time // when its time is over; 0: never
}

// JobEnding: its worker is told to end it.
type JobEnding struct {
	Ref    JobRef
	Ending Ending
	KillAt Time // when a polite ending becomes a kill; 0: never
}

// JobFinished is a job's one end.
type JobFinished struct {
	Job JobID
	End End
	At  Time
}

// JobRequeued: its placement is over and it will be tried again.
type JobRequeued struct {
	Ref    JobRef
	Reason string
	Ready  Time // when nothing of it can be running any more

	LaunchFailed bool // its ranks never began there
}

// JobReady: a requeued job stands in the queue again.
type JobReady struct {
	Job      JobID
	AttachBy Time
}

// JobForgotten drops an ended job from the state.
type JobForgotten struct{ Job JobID }

// WorkerJoined: a worker is connected, new or back.
type WorkerJoined struct {
	Name   WorkerName
	Slots  uint32
	Mem    uint64
	Labels []Label
	At     Time

	StateID string
	Engines []Engine

	Resources Resources
}

// WorkerLost: its connection is gone.
type WorkerLost struct {
	Name    WorkerName
	At      Time
	GiveUp  Time // when its jobs are given up, on the steady clock of the process that decided
	Stopped bool // it had said goodbye
}

// WorkerForgotten drops a lost worker that holds nothing.
type WorkerForgotten struct{ Name WorkerName }

// JobHeld keeps a waiting job from being looked at; JobReleased undoes it.
type (
	JobHeld     struct{ Job JobID }
	JobReleased struct{ Job JobID }
)

// JobPromised: the job heads the queue, can't start, and will have room there and then. Reason says why it has become
// later, where it has.
type JobPromised struct {
	Job     JobID
	Promise Promise
	Reason  string
}

// TenantCharged adds a placement that is over to its tenant's account. What stood there decays first.
type TenantCharged struct {
	Tenant   Tenant
	SlotMS   uint64
	CPU      Duration
	At       Time
	HalfLife Duration
}

// WorkerDrained: nothing new is placed on the worker; an empty reason undoes it.
type WorkerDrained struct {
	Name   WorkerName
	Reason string
}

func (*JobHeld) kind() kind       { return kindJobHeld }
func (*JobReleased) kind() kind   { return kindJobReleased }
func (*JobPromised) kind() kind   { return kindJobPromised }
func (*TenantCharged) kind() kind { return kindTenantCharged }
func (*WorkerDrained) kind() kind { return kindWorkerDrained }

func (t *JobHeld) fields(c *codec)     { c.job(&t.Job) }
func (t *JobReleased) fields(c *codec) { c.job(&t.Job) }
func (t *JobPromised) fields(c *codec) {
	c.job(&t.Job)
	t.Promise.fields(c)
	c.string(&t.Reason)
}
func (t *TenantCharged) fields(c *codec) {
	c.string((*string)(&t.Tenant))
	c.uint64(&t.SlotMS)
	c.duration(&t.CPU)
	c.time(&t.At)
	c.duration(&t.HalfLife)
}
func (t *WorkerDrained) fields(c *codec) { c.worker(&t.Name); c.string(&t.Reason) }

func (*JobAccepted) kind() kind     { return kindJobAccepted }
func (*JobAttached) kind() kind     { return kindJobAttached }
func (*JobDetached) kind() kind     { return kindJobDetached }
func (*JobPlaced) kind() kind       { return kindJobPlaced }
func (*JobStarted) kind() kind      { return kindJobStarted }
func (*JobEnding) kind() kind       { return kindJobEnding }
func (*JobFinished) kind() kind     { return kindJobFinished }
func (*JobRequeued) kind() kind     { return kindJobRequeued }
func (*JobReady) kind() kind        { return kindJobReady }
func (*JobForgotten) kind() kind    { return kindJobForgotten }
func (*WorkerJoined) kind() kind    { return kindWorkerJoined }
func (*WorkerLost) kind() kind      { return kindWorkerLost }
func (*WorkerForgotten) kind() kind { return kindWorkerForgotten }

func (t *JobAccepted) fields(c *codec) {
	c.job(&t.Job)
	c.string(&t.Key)
	t.Request.fields(c)
	c.time(&t.At)
	c.time(&t.AttachBy)
}
func (t *JobAttached) fields(c *codec) { c.job(&t.Job) }
func (t *JobDetached) fields(c *codec) { c.job(&t.Job) }
func (t *JobPlaced) fields(c *codec) {
	c.ref(&t.Ref)
	list(c, &t.Placement, func(p *Span) { p.fields(c) })
	c.time(&t.At)
	if c.version >= 2 {
		c.time(&t.Until)
	}
	if c.version >= 10 {
		list(c, &t.Units, func(u *Unit) { u.fields(c) })
	}
}
func (t *JobStarted) fields(c *codec) { c.ref(&t.Ref); c.time(&t.At); c.time(&t.Limit) }
func (t *JobEnding) fields(c *codec)  { c.ref(&t.Ref); t.Ending.fields(c); c.time(&t.KillAt) }
func (t *JobFinished) fields(c *codec) {
	c.job(&t.Job)
	t.End.fields(c)
	c.time(&t.At)
}
func (t *JobRequeued) fields(c *codec) {
	c.ref(&t.Ref)
	c.string(&t.Reason)
	c.time(&t.Ready)
	if c.version >= 4 {
		c.bool(&t.LaunchFailed)
	}
}
func (t *JobReady) fields(c *codec)     { c.job(&t.Job); c.time(&t.AttachBy) }
func (t *JobForgotten) fields(c *codec) { c.job(&t.Job) }
func (t *WorkerJoined) fields(c *codec) {
	c.worker(&t.Name)
	c.uint32(&t.Slots)
	c.uint64(&t.Mem)
	list(c, &t.Labels, func(l *Label) { l.fields(c) })
	c.time(&t.At)
	if c.version >= 4 {
		c.string(&t.StateID)
	}
	engineFields(c, &t.Engines)
	resourceFields(c, &t.Resources)
}
func (t *WorkerLost) fields(c *codec) {
	c.worker(&t.Name)
	c.time(&t.At)
	c.time(&t.GiveUp)
	if c.version >= 4 {
		c.bool(&t.Stopped)
	}
}
func (t *WorkerForgotten) fields(c *codec) { c.worker(&t.Name) }
