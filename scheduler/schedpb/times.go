package schedpb

import (
	"cmp"
	"time"
)

// Waited is how long a job has waited for its ranks' start, or did until it ended without.
func (j *JobInfo) Waited(now time.Time) time.Duration {
	until := cmp.Or(j.StartedUnixNs, j.EndedUnixNs, now.UnixNano())
	return max(0, time.Duration(until-j.SubmittedUnixNs))
}

// Ran is how long a job's ranks have run, or did.
func (j *JobInfo) Ran(now time.Time) time.Duration {
	if j.StartedUnixNs == 0 {
		return 0
	}
	return max(0, time.Duration(cmp.Or(j.EndedUnixNs, now.UnixNano())-j.StartedUnixNs))
}

// TimeLimit is how long they may run; 0: for ever.
func (j *JobInfo) TimeLimit() time.Duration { return time.Duration(j.TimeLimitMs) * time.Millisecond }
