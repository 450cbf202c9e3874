package result

import (
	"fmt"
	"strings"

	"github.com/faasmrun/faasmrun/scheduler/jobstate"
)

// MaxReason bounds a reason, in bytes.
const MaxReason = 16 << 10

// Of is the rule: a job's result, from what its worker reports and from the end that the job was told to make; nil when
// it was told nothing. A job that ended by itself before it was told has the end that it made.
func Of(r Report, told *Order) Result {
	made := r.result(told)
	made.ExitCode = status(made.State, made.ExitCode)
	made.Reason = Text(made.Reason, MaxReason)
	return made
}

func (r Report) result(told *Order) Result {
	switch {
	case r.Fenced:
		return nodeFailed("%s had lost the scheduler for too long", r.Node)
	case r.WithWorker:
		return nodeFailed("the worker %s was killed, and with it the job's ranks", r.Node)
	case r.Terminated:
		return r.terminated(told)
	case r.Made != nil:
		return r.ready(told)
	case r.NotBegun != "" && r.Elsewhere:
		return nodeFailed("%s", r.NotBegun)
	case r.NotBegun != "":
		return failed(jobstate.ExitFailed, "%s", r.NotBegun)
	case r.Death != nil:
		return r.died()
	}
	code, reason := r.ranks()
	if r.Script != nil {
		code, reason = r.script()
	}
	if code == 0 && r.Findings > 0 {
		code, reason = jobstate.ExitFindings, "the job ended well, but --check found "+mistakes(r.Findings)
	}
	if r.LostOutput != "" {
		reason = join(reason, "some of the job's output is lost: "+r.LostOutput)
	}
	if code != 0 {
		return Result{jobstate.Failed, code, reason}
	}
	return Result{jobstate.Completed, 0, reason}
}

// status is a job's exit status: the state decides it where no rank did.
func status(state string, code int32) int32 {
	switch {
	case state == jobstate.Completed:
		return 0
	case state == jobstate.Cancelled:
		return jobstate.ExitFailed
	case state == jobstate.TimedOut:
		return jobstate.ExitTimedOut
	case code == 0:
		return jobstate.ExitFailed
	}
	return code
}

// terminated is the end that the ranks were told to make: by their worker, or by the scheduler.
func (r Report) terminated(told *Order) Result {
	end := Result{State: jobstate.Cancelled}
	switch {
	case r.OutputLimit > 0:
		end = failed(jobstate.ExitFailed, "its output has reached its tenant's quota, which is %d bytes for each job",
			r.OutputLimit)
	case r.ExcessInput:
		end = failed(jobstate.ExitFailed, "the scheduler sent more standard input than the ranks take")
	case r.CutOff > 0:
		end = nodeFailed("%s had no connection to the scheduler for %v", r.Node, r.CutOff)
	case told != nil:
		end = Result{State: told.State, Reason: told.Reason}
	}
	if r.Overdue > 0 {
		end.Reason += fmt.Sprintf(" (the ranks had not ended %v later and were killed)", r.Overdue)
	}
	return end
}

// script is the status that the script's end makes, and why: its steps' ends are the script's to judge.
func (r Report) script() (code int32, reason string) {
	e := r.Script
	who := "the script"
	if e.Name != "" {
		who += " " + OneLine(e.Name)
	}
	switch {
	case e.Signal > 0 && e.Signal <= maxSignal:
		return jobstate.ExitSignalled + e.Signal, fmt.Sprintf("%s on %s was killed by signal %d (%s)", who, r.Node, e.Signal,
			OneLine(e.SignalName))
	case e.Signal != 0:
		return jobstate.ExitFailed, who + " was killed by a signal that there is none of"
	case e.Status&0xff != 0:
		return e.Status & 0xff, fmt.Sprintf("%s on %s exited with status %d", who, r.Node, e.Status&0xff)
	}
	return 0, ""
}

// ready is the end that release 0.1.0 made, of executors or of whole workers. A state that is unknown here is a
// failure. That a job is to be queued again was an end to those: what it was told since counts.
func (r Report) ready(told *Order) Result {
	end := *r.Made
	switch end.State {
	case jobstate.Completed, jobstate.Failed, jobstate.Cancelled, jobstate.TimedOut, jobstate.NodeFailed,
		jobstate.OutOfMemory, jobstate.Preempted:
	case jobstate.Requeued:
		if told != nil {
			return Result{State: told.State, Reason: told.Reason}
		}
		end.State = jobstate.Failed
	default:
		end.State = jobstate.Failed
	}
	if told != nil && end.State == told.State && end.Reason == "" {
		end.Reason = told.Reason
	}
	return end
}

const (
	// KillHint says who may have killed a process of ours.
	KillHint   = "by hand, or by the system because memory ran out"
	memoryHint = "run fewer ranks, or set --mem-per-rank so that the excess is found earlier"
)

// died is the end of a job whose executor ended without an account.
func (r Report) died() Result {
	d := r.Death
	executor := "the executor of the job's ranks on " + r.Node
	if r.OfScript {
		executor = "the supervisor of the job's script on " + r.Node
	}
	switch {
	case d.Before && d.Rebooted:
		return nodeFailed("the machine %s was restarted under the job's ranks", r.Node)
	case d.Before && d.OutOfMemory:
		return Result{jobstate.OutOfMemory, jobstate.ExitSignalled + sigKILL,
			executor + " was killed for want of memory: " + memoryHint}
	case d.Before && d.Stderr == "": // as all are that end with their node's container or service
		return nodeFailed("%s was killed while no worker was there", executor)
	case d.Adopted && d.Stderr == "":
		return failed(jobstate.ExitSignalled+sigKILL, "%s, which outlived the worker that started it, was killed: %s",
			executor, KillHint)
	case d.Signal != 0 && d.OutOfMemory:
		return Result{jobstate.OutOfMemory, jobstate.ExitSignalled + d.Signal, fmt.Sprintf("the machine %s ran out of "+
			"memory, and the system killed %s: %s", r.Node, strings.TrimSuffix(executor, " on "+r.Node), memoryHint)}
	case d.Signal != 0:
		return failed(jobstate.ExitSignalled+d.Signal, "%s was killed by signal %d (%s): %s", executor, d.Signal,
			d.SignalName, KillHint)
	case d.Stderr != "":
		return failed(jobstate.ExitFailed, "%s crashed (please report this): %s", executor, d.Stderr)
	}
	return failed(jobstate.ExitFailed, "%s ended with status %d and left no exit record (please report this)", executor,
		d.Status)
}

func failed(code int32, format string, args ...any) Result {
	return Result{jobstate.Failed, code, fmt.Sprintf(format, args...)}
}

func nodeFailed(format string, args ...any) Result {
	return Result{jobstate.NodeFailed, jobstate.ExitFailed, fmt.Sprintf(format, args...)}
}

func mistakes(n uint64) string {
	if n == 1 {
		return "a mistake"
	}
	return fmt.Sprintf("%d mistakes", n)
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + "\n" + b
}
