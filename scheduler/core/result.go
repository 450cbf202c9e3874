package core

import "github.com/faasmrun/faasmrun/scheduler/jobstate"

// result is the end of a job whose worker reports that it has ended, and how. The state decides the exit status where
// no rank did: 0 for a job that completed, the time limit's, that of a cancelled job. A job that ended by itself before
// it was told to has the end that it made; one that made the end that it was told to make has that one's reason.
func result(j *Job, reported End) End {
	end := reported
	if !end.State.Terminal() { // of a worker that speaks of states that are unknown here
		end.State = Failed
	}
	switch {
	case end.State == Completed:
		end.ExitCode = 0
	case end.State == Cancelled:
		end.ExitCode = jobstate.ExitFailed
	case end.State == TimedOut:
		end.ExitCode = jobstate.ExitTimedOut
	case end.ExitCode == 0:
		end.ExitCode = jobstate.ExitFailed
	}
	if j.State == Completing && end.State == j.Ending.State && end.Reason == "" {
		end.Reason = j.Ending.Reason
	}
	return end
}
