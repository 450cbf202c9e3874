package worker

import (
	"fmt"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker/control"
)

// Exit statuses of the launcher that don't come from a rank.
const (
	exitFailed   = 1
	exitTimedOut = 110 // as Open MPI's mpirun
	signalBase   = 128
)

const killHint = "by hand, or by the system because memory ran out"

// neverRan is the end of a job whose ranks did not start.
func (j *job) neverRan(err error) *schedpb.JobEnd {
	j.mu.Lock()
	t := j.terminated
	j.mu.Unlock()
	if t != nil {
		return terminatedEnd(t)
	}
	return &schedpb.JobEnd{State: "F", ExitCode: exitFailed, Reason: text(err.Error(), maxMessage)}
}

// terminatedEnd is the end of a job that was told to end.
func terminatedEnd(t *schedpb.TerminateJob) *schedpb.JobEnd {
	end := &schedpb.JobEnd{State: t.GetState(), ExitCode: exitFailed, Reason: t.GetReason()}
	if end.State == "" {
		end.State = "CA"
	}
	if end.State == "TO" {
		end.ExitCode = exitTimedOut
	}
	return end
}

// result is the job's end, from the executor's last message and from how its process ended.
func (j *job) result(p *process, last *control.Ended, words []byte) *schedpb.JobEnd {
	j.mu.Lock()
	t := j.terminated
	if j.overdue != nil {
		j.overdue.Stop()
	}
	j.mu.Unlock()
	switch {
	case last != nil && last.Fenced:
		return j.details(&schedpb.JobEnd{State: "NF", ExitCode: exitFailed,
			Reason: fmt.Sprintf("%s had lost the scheduler for too long", j.w.Name)}, last)
	case last != nil && !(last.Terminated && t != nil):
		end := &schedpb.JobEnd{State: "CD", ExitCode: last.ExitCode, Reason: last.Reason}
		if last.ExitCode != 0 {
			end.State = "F"
		}
		return j.details(end, last)
	case last != nil:
		return j.details(terminatedEnd(t), last)
	case t != nil:
		end := terminatedEnd(t)
		if !t.GetKill() {
			end.Reason += fmt.Sprintf(" (the ranks had not ended %v later and were killed)", terminationGrace)
		}
		return end
	}
	return j.died(p, words)
}

func (j *job) details(end *schedpb.JobEnd, last *control.Ended) *schedpb.JobEnd {
	if len(last.States) > 0 {
		end.RankStates = j.states(last.States)
	}
	end.MpiBytes = last.MPIBytes
	room := maxMessages
	for _, x := range last.Exits {
		message := text(x.Message, min(room, maxMessage))
		room -= len(message)
		end.Exits = append(end.Exits, &schedpb.RankExit{Rank: x.Rank, ExitCode: x.ExitCode, Message: message,
			Consequence: x.Consequence})
	}
	end.Reason = text(end.Reason, maxMessage)
	return end
}

// Bounds of what is said about a job's end: thousands of ranks may fail at once, each with a backtrace.
const (
	maxMessage  = 16 << 10
	maxMessages = 256 << 10 // of all ranks together
	maxWhere    = 1 << 10
)

// text makes text that comes from an executor, and in part from a program (a function's name, say), fit to be sent:
// valid UTF-8 without terminal control sequences, at most limit bytes.
func text(s string, limit int) string {
	const more = " …"
	s = strings.Map(func(c rune) rune {
		if c == '\n' || c == '\t' || unicode.IsPrint(c) {
			return c
		}
		return utf8.RuneError
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if len(s) <= limit {
		return s
	}
	if limit <= len(more) {
		return ""
	}
	return strings.ToValidUTF8(s[:limit-len(more)], "") + more
}

// died describes an executor that ended without a last message.
func (j *job) died(p *process, words []byte) *schedpb.JobEnd {
	end := &schedpb.JobEnd{State: "F", ExitCode: exitFailed}
	var status syscall.WaitStatus
	if p.cmd != nil && p.cmd.ProcessState != nil {
		status, _ = p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	}
	switch {
	case p.gone && j.rebooted:
		end.State = "NF"
		end.Reason = fmt.Sprintf("the machine %s was restarted under the job's ranks", j.w.Name)
	case p.gone && p.group != nil && p.group.OutOfMemory():
		end.State, end.ExitCode = "OOM", signalBase+int32(syscall.SIGKILL)
		end.Reason = fmt.Sprintf("the executor of the job's ranks on %s was killed for want of memory: run fewer ranks, or "+
			"set --mem-per-rank so "+
			"that the excess is found earlier", j.w.Name)
	case p.gone && len(words) == 0: // as all are that end with their node's container or service
		end.State = "NF"
		end.Reason = fmt.Sprintf("the executor of the job's ranks on %s was killed while no worker was there", j.w.Name)
	case p.cmd == nil && len(words) == 0:
		end.ExitCode = signalBase + int32(syscall.SIGKILL)
		end.Reason = fmt.Sprintf("the executor of the job's ranks on %s, which outlived the worker that started it, was "+
			"killed: %s",
			j.w.Name, killHint)
	case status.Signaled() && p.outOfMemory():
		end.State, end.ExitCode = "OOM", signalBase+int32(status.Signal())
		end.Reason = fmt.Sprintf("the machine %s ran out of memory, and the system killed the executor of the job's ranks: "+
			"run fewer ranks, or set --mem-per-rank so that the excess is found earlier", j.w.Name)
	case status.Signaled():
		end.ExitCode = signalBase + int32(status.Signal())
		end.Reason = fmt.Sprintf("the executor of the job's ranks on %s was killed by signal %d (%v): %s", j.w.Name,
			int(status.Signal()), status.Signal(), killHint)
	case len(words) > 0:
		end.Reason = fmt.Sprintf("the executor of the job's ranks on %s crashed (please report this): %s", j.w.Name,
			text(crash(words), maxMessage))
	default:
		end.Reason = fmt.Sprintf("the executor of the job's ranks on %s ended with status %d and left no exit record "+
			"(please report this)", j.w.Name, status.ExitStatus())
	}
	return end
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
