package worker

import (
	"cmp"
	"strings"
	"syscall"
	"time"

	"github.com/faasmrun/faasmrun/scheduler/core/result"
	"github.com/faasmrun/faasmrun/scheduler/jobstate"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker/control"
)

// What is reported of a job's end is what was seen of it. The scheduler makes the job's result of that, by the rule of
// scheduler/core/result.

// termination is why a job's ranks were told to end: by the scheduler, or by this worker.
type termination struct {
	order       *schedpb.TerminateJob // of the scheduler; nil: it was the worker
	outputLimit uint64                // their output had reached so many bytes
	excessInput bool                  // more input came than they take
	cutOff      time.Duration         // the scheduler was out of reach for so long
}

// kill reports whether the ranks are to end at once.
func (t *termination) kill() bool { return t.order.GetKill() || t.cutOff > 0 }

// say adds to a report why its ranks were told to end.
func (t *termination) say(r *schedpb.JobReport) {
	r.Terminated, r.OutputLimitBytes, r.CutOffMs = true, t.outputLimit, t.cutOff.Milliseconds()
	r.ExcessInput = r.ExcessInput || t.excessInput
}

// notBegun is the report of a job whose ranks did not begin.
func (j *job) notBegun(err error) *schedpb.JobReport {
	r := &schedpb.JobReport{NotBegun: result.Text(err.Error(), maxMessage)}
	if t := j.termination(); t != nil {
		t.say(r)
	}
	return r
}

// report is what the executor's last message says, or, if it left none, how its process ended.
func (j *job) report(p *process, last *control.Ended, words []byte) *schedpb.JobReport {
	t := j.termination()
	j.mu.Lock()
	if j.overdue != nil {
		j.overdue.Stop()
	}
	j.mu.Unlock()
	r := &schedpb.JobReport{}
	switch {
	case last != nil:
		r = j.account(last)
	case t != nil:
		r.Terminated = true
		if !t.kill() {
			r.OverdueMs = j.terminationGrace().Milliseconds()
		}
	default:
		r.Death = j.death(p, words)
	}
	r.OfScript = j.spec.GetScript() != nil
	if r.Terminated && t != nil {
		t.say(r)
	} else if limit := j.order.GetOutputLimitBytes(); r.Terminated && limit > 0 && last.LogEnd > limit {
		r.OutputLimitBytes = limit // by an earlier worker; what the scheduler orders comes again
	}
	return r
}

func (j *job) termination() *termination {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.terminated
}

// account is what the executor says of its ranks, within bounds.
func (j *job) account(last *control.Ended) *schedpb.JobReport {
	r := &schedpb.JobReport{Deadlock: result.Text(last.Deadlock, maxMessage), Findings: last.Findings,
		LostOutput: result.Text(last.LostOutput, maxMessage), NotBegun: result.Text(last.NotBegun, maxMessage),
		Terminated: last.Terminated, ExcessInput: last.ExcessInput, Fenced: last.Fenced, MpiBytes: last.MPIBytes}
	if m := last.Made; m != nil {
		r.Made = &schedpb.JobEnd{State: m.State, ExitCode: m.ExitCode, Reason: result.Text(m.Reason, maxMessage)}
	}
	if e := last.Script; e != nil {
		r.Script = &schedpb.ScriptEnd{Name: result.Text(e.Name, maxWhere), Status: e.Status, Signal: e.Signal,
			SignalName: result.Text(e.SignalName, maxWhere)}
	}
	if len(last.States) > 0 {
		r.RankStates = j.states(last.States)
	}
	room := maxMessages
	bounded := func(s string) string {
		s = result.Text(s, min(room, maxMessage))
		room -= len(s)
		return s
	}
	for _, e := range last.Ranks {
		r.Ranks = append(r.Ranks, &schedpb.RankEnd{Rank: e.Rank, Cause: schedpb.RankCause(e.Cause), Number: e.Number,
			Text: bounded(e.Text), Program: bounded(e.Program)})
	}
	return r
}

// Bounds of what is said about a job's end: thousands of ranks may fail at once, each with a backtrace.
const (
	maxMessage  = result.MaxReason
	maxMessages = 256 << 10 // of all ranks together
	maxWhere    = 1 << 10
)

// death is what is known of an executor that ended without a last message.
func (j *job) death(p *process, words []byte) *schedpb.ExecutorDeath {
	d := &schedpb.ExecutorDeath{Before: p.gone, Adopted: p.cmd == nil, Rebooted: j.rebooted}
	if len(words) > 0 {
		d.Stderr = result.Text(crash(words), maxMessage)
	}
	if p.cmd != nil && p.cmd.ProcessState != nil {
		if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			d.Signal, d.SignalName = int32(status.Signal()), status.Signal().String()
		} else if ok {
			d.Status = int32(status.ExitStatus())
		}
	}
	if p.gone {
		d.OutOfMemory = p.group != nil && p.group.OutOfMemory()
	} else {
		d.OutOfMemory = d.Signal != 0 && p.outOfMemory()
	}
	return d
}

// made is the end that follows from a report, as far as it is known here: the scheduler may have told the job something
// else meanwhile.
func (j *job) made(ended *schedpb.JobEnded) *schedpb.JobEnd {
	var told *result.Order
	if t := j.termination(); t != nil && t.order != nil {
		told = &result.Order{State: cmp.Or(t.order.GetState(), jobstate.Cancelled), Reason: t.order.GetReason()}
	}
	seen := ended.Seen(j.w.Name, func(uint32) bool { return true })
	made := result.Of(seen, told)
	return &schedpb.JobEnd{State: made.State, ExitCode: made.ExitCode, Reason: made.Reason,
		RankStates: ended.GetReport().GetRankStates(), Exits: schedpb.RankExits(seen)}
}

// maxCrashLines bounds a crash's stack in a message.
const maxCrashLines = 16

// crash extracts from a Go program's stderr what happened, and the beginning of the stack it happened on.
func crash(words []byte) string {
	lines := strings.Split(strings.TrimSpace(string(words)), "\n")
	what := lines[0]
	for i, line := range lines {
		if startsCrash(line) {
			what, lines = line, lines[i+1:]
			break
		}
	}
	for i, line := range lines {
		if strings.HasPrefix(line, "goroutine ") {
			return strings.Join(append([]string{what}, lines[i:min(len(lines), i+maxCrashLines)]...), "\n    ")
		}
	}
	return what
}

func startsCrash(line string) bool {
	for _, sign := range []string{"panic: ", "fatal error: ", "runtime: ", "SIG"} {
		if strings.HasPrefix(line, sign) {
			return true
		}
	}
	return false
}
