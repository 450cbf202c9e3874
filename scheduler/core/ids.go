// Package core owns what the scheduler decides: jobs and their states, workers, the queue, placement and policy. It is
// pure: Decide reads the state and an event and answers with transitions, Apply carries transitions out on the state,
// and neither knows a clock, a file, a goroutine or a random number. The order of nothing depends on a map, and nothing
// decided rests on floating point, so that the same events give the same bytes everywhere: in the daemon, in a replay
// of its journal, in the simulator. What the end of a job's ranks makes of the job is core/result's rule, which workers
// share. Journalling, timers, connections and who may ask for what are left to package scheduler.
package core

import "strconv"

// JobID names a job for ever. The first is 1; 0 is no job.
type JobID uint64

func (id JobID) String() string { return strconv.FormatUint(uint64(id), 10) }

// Epoch numbers the placements of one job: 0 before the first, raised by each start, move and restart. What is
// said of an older one is refused.
type Epoch uint64

// WorkerName names a worker daemon.
type WorkerName string

// Tenant is who owns a job and pays for it. The connection proves it; no request says it.
type Tenant string

// Rank numbers a rank in its world.
type Rank uint32

// Time is nanoseconds since the Unix epoch; 0 is never. Duration is nanoseconds. They are handed in from outside: this
// package must not be able to look at a clock.
type (
	Time     int64
	Duration int64
)

// The durations that defaults are written in.
const (
	Millisecond Duration = 1_000_000
	Second               = 1000 * Millisecond
	Minute               = 60 * Second
	Hour                 = 60 * Minute
)

// never is the end of time.
const never Time = 1<<63 - 1

// After is the moment d later. A moment past the end of time is the end of time.
func (t Time) After(d Duration) Time {
	if sum := t + Time(d); sum >= t || d < 0 {
		return sum
	}
	return never
}

// JobRef names one placement of a job.
type JobRef struct {
	Job   JobID
	Epoch Epoch
}
