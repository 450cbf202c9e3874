package schedpb

import (
	"time"

	"github.com/faasmrun/faasmrun/scheduler/core/result"
)

// Seen is what a worker reports of a job's ranks, as the rule takes it (scheduler/core/result). has reports whether a
// rank is on that worker; of others it can say nothing.
func (m *JobEnded) Seen(node string, has func(rank uint32) bool) result.Report {
	r := m.GetReport()
	seen := result.Report{Node: node, Deadlock: r.GetDeadlock(), Findings: r.GetFindings(), LostOutput: r.GetLostOutput(),
		NotBegun: r.GetNotBegun(), Elsewhere: m.GetLaunchFailed(), Terminated: r.GetTerminated(),
		Overdue: milliseconds(r.GetOverdueMs()), CutOff: milliseconds(r.GetCutOffMs()),
		OutputLimit: r.GetOutputLimitBytes(), ExcessInput: r.GetExcessInput(), Fenced: r.GetFenced(),
		WithWorker: r.GetWithWorker(), Made: r.GetMade().made(), OfScript: r.GetOfScript()}
	if e := r.GetScript(); e != nil {
		seen.Script = &result.ScriptEnd{Name: e.Name, Status: e.Status, Signal: e.Signal, SignalName: e.SignalName}
	}
	for _, e := range r.GetRanks() {
		if has(e.GetRank()) {
			seen.Ranks = append(seen.Ranks, result.RankEnd{Rank: e.GetRank(), Cause: cause(e.GetCause()),
				Number: e.GetNumber(), Text: e.GetText(), Program: e.GetProgram()})
		}
	}
	if d := r.GetDeath(); d != nil {
		seen.Death = &result.Death{Before: d.Before, Adopted: d.Adopted, Rebooted: d.Rebooted, OutOfMemory: d.OutOfMemory,
			Signal: d.Signal, SignalName: d.SignalName, Status: d.Status, Stderr: d.Stderr}
	}
	return seen
}

func milliseconds(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// cause is the rule's word for a cause, which has the same number. One that is unknown here is a fault.
func cause(c RankCause) result.Cause {
	if _, known := RankCause_name[int32(c)]; !known {
		return result.Broken
	}
	return result.Cause(c)
}

// Seen is what a worker of 0.1.0 says, which makes the result itself.
func (e *JobEnd) Seen(node string) result.Report {
	if e == nil {
		e = &JobEnd{}
	}
	return result.Report{Node: node, Made: e.made()}
}

func (e *JobEnd) made() *result.Result {
	if e == nil {
		return nil
	}
	return &result.Result{State: e.State, ExitCode: e.ExitCode, Reason: e.Reason}
}

// RankExits is how those ranks ended that did not exit with 0, by rank.
func RankExits(r result.Report) (exits []*RankExit) {
	for _, e := range r.Failures() {
		exits = append(exits, &RankExit{Rank: e.Rank, ExitCode: e.Status(), Message: e.Message(),
			Consequence: e.Consequence()})
	}
	return exits
}
