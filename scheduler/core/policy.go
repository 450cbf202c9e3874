package core

// Policy is what an administrator sets. It is no part of what is journalled: a transition carries whatever the policy
// said when it was decided, so another policy never rewrites history.
type Policy struct {
	TimeLimit     Duration // of a job that names none; 0: none
	Grace         Duration // how long a lost worker's jobs are waited for
	AttachWithin  Duration // how long an interactive job waits for its launcher
	KillAfter     Duration // how long a job may take to end politely
	Fixed         bool     // no other worker will ever come: what fits none is refused, not queued
	KeepEnded     int      // how many ended jobs the state remembers
	MaxRanks      uint32
	MaxMemPerRank uint64
	MaxPending    int // jobs waiting in the queue
	MaxArray      int // tasks of an array
	MaxRestarts   uint32

	Backfill bool // EASY; without it the queue is served strictly in order
	Depth    int  // how many jobs one pass looks at

	// Priority is a sum of points, kept in thousandths.
	AgePerHour   int64    // for each hour of waiting
	PerRank      int64    // for each rank or, where those are more, each slot, up to RanksCounted
	RanksCounted uint32   //
	FairShare    int64    // for a tenant that has used nothing; half of it for one that has used its share
	HalfLife     Duration // of what a tenant has used

	QOS     map[string]QOS // by name; "" is every job's that names none
	Tenants map[Tenant]Quota
	Others  Quota // of tenants that are not listed
}

// QOS is a quality of service.
type QOS struct {
	Points    int64
	Preempts  []string    // whose jobs give way to those of this one
	Preempted PreemptMode // how its own give way
}

// Quota is what one tenant may have. 0 of anything but Shares is no bound.
type Quota struct {
	Shares  uint32 // its part, beside those of the others
	Slots   uint32 // held at once
	Mem     uint64
	Running int // jobs that hold slots at once
	Pending int // jobs in the queue
	// bytes of what its jobs ask for that have not ended, those that are alike once; 0: DefaultDescriptions
	Descriptions uint64
	Output       uint64 // bytes that one of its batch jobs may print: they stay on the worker's disk
}

// DefaultDescriptions is the quota of tenants for whom the policy says none: what jobs ask for stays in the scheduler's
// memory.
const DefaultDescriptions = 256 << 20

// DefaultPolicy is what is used where nothing is said.
func DefaultPolicy() Policy {
	return Policy{
		Grace:        5*Minute + 30*Second, // the worker's own grace of 5 minutes, plus a margin
		AttachWithin: Minute,
		KillAfter:    10 * Second,
		KeepEnded:    10_000,
		MaxRanks:     1 << 20,
		// Whatever an engine gives, so that sums over MaxRanks don't overflow.
		MaxMemPerRank: 1 << 40,
		MaxPending:    1_000_000,
		MaxArray:      10_000,
		MaxRestarts:   10,
		Backfill:      true,
		Depth:         1000,
		AgePerHour:    1000,
		PerRank:       1,
		RanksCounted:  1000,
		FairShare:     10_000,
		HalfLife:      7 * 24 * Hour,
		QOS:           map[string]QOS{"": {}, "low": {Points: -10_000}, "high": {Points: 10_000}},
		Others:        Quota{Shares: 1},
	}
}

// Quota is a tenant's.
func (p *Policy) Quota(t Tenant) Quota {
	q, listed := p.Tenants[t]
	if !listed {
		q = p.Others
	}
	q.Shares = max(q.Shares, 1)
	if q.Descriptions == 0 {
		q.Descriptions = DefaultDescriptions
	}
	return q
}

// scoreBase keeps scores small: milliseconds of 2020-01-01.
const scoreBase = 1_577_836_800_000

// score is the part of a job's priority that orders it among its tenant's, in thousandths of a point. Age counts as the
// time of submission, so that the order does not change while jobs wait.
func (p *Policy) score(j *Job) int64 {
	submitted := int64(j.Submitted)/int64(Millisecond) - scoreBase
	return p.QOS[j.QOS].Points*1000 + p.sizePoints(j)*1000 - int64(j.Nice)*1000 -
		submitted*p.AgePerHour/3600
}

func (p *Policy) sizePoints(j *Job) int64 {
	return p.PerRank * int64(min(max(j.Ranks, j.slots()), p.RanksCounted))
}
