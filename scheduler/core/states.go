package core

import (
	"fmt"
	"strings"

	"github.com/faasmrun/faasmrun/scheduler/jobstate"
)

// JobState is where a job stands. Its values are journalled: never renumber them.
type JobState uint8

// The states, in the order of the table.
const (
	Pending JobState = iota + 1
	Configuring
	Running
	Suspended
	Migrating
	Frozen
	Completing
	Requeued
	Completed
	Failed
	Cancelled
	TimedOut
	NodeFailed
	OutOfMemory
	Preempted
)

// StateRow is one line of the state table.
type StateRow struct {
	State JobState
	Code  string // what listings show; Slurm's where Slurm has one
	Name  string
	Means string     // one sentence for the documentation
	Holds bool       // slots and memory of a worker are taken
	Next  []JobState // the states that may follow; none: the job has ended
}

// ended is how a job that was placed can end.
var ended = []JobState{Completed, Failed, Cancelled, TimedOut, NodeFailed, OutOfMemory, Preempted}

// StateTable is the state machine of a job. The code, docs/states.md and the tests all read it.
var StateTable = []StateRow{
	{Pending, jobstate.Pending, "pending", "Waits in the queue; `explain` says for what.", false,
		[]JobState{Configuring, Cancelled, Failed}},
	{Configuring, jobstate.Configuring, "configuring", "Has a placement; its worker fetches modules and starts the ranks.",
		true, append([]JobState{Running, Completing, Requeued}, ended...)},
	{Running, jobstate.Running, "running", "Its ranks run.", true,
		append([]JobState{Suspended, Migrating, Frozen, Completing, Requeued}, ended...)},
	{Suspended, jobstate.Suspended, "suspended", "Its ranks are stopped where they are and keep their memory.", true,
		append([]JobState{Running, Completing, Requeued}, ended...)},
	{Migrating, jobstate.Migrating, "migrating", "Some of its ranks are on their way to another worker.", true,
		append([]JobState{Running, Completing, Requeued}, ended...)},
	{Frozen, jobstate.Frozen, "frozen", "Is an image in the store, holds no slot, and waits to be resumed.", false,
		[]JobState{Configuring, Cancelled, Failed}},
	{Completing, jobstate.Completing, "completing", "Has been told to end; its worker has not reported the end yet.", true,
		append([]JobState{Requeued}, ended...)},
	{Requeued, jobstate.Requeued, "requeued", "Lost its placement and waits until nothing of it can still be running.",
		false, []JobState{Pending, Cancelled, NodeFailed, Failed, TimedOut, Preempted}},
	{Completed, jobstate.Completed, "completed", "Every rank ended with status 0.", false, nil},
	{Failed, jobstate.Failed, "failed", "A rank ended with another status, or the job could not start.", false, nil},
	{Cancelled, jobstate.Cancelled, "cancelled", "Its owner, its launcher's end or an administrator ended it.", false,
		nil},
	{TimedOut, jobstate.TimedOut, "timed out", "Ran longer than its time limit.", false, nil},
	{NodeFailed, jobstate.NodeFailed, "node failed", "Its worker was lost.", false, nil},
	{OutOfMemory, jobstate.OutOfMemory, "out of memory", "The system ended it for its use of memory.", false, nil},
	{Preempted, jobstate.Preempted, "preempted", "Was ended to make room and was not to be requeued.", false, nil},
}

// Row is the state's line of the table. An unknown state has a line without a code.
func (s JobState) Row() StateRow {
	if s < 1 || int(s) > len(StateTable) {
		return StateRow{State: s}
	}
	return StateTable[s-1]
}

// String is the state's code.
func (s JobState) String() string { return s.Row().Code }

// Terminal reports whether a job in this state has ended.
func (s JobState) Terminal() bool { return s.Row().Code != "" && s.Row().Next == nil }

// Holds reports whether a job in this state takes slots and memory of a worker.
func (s JobState) Holds() bool { return s.Row().Holds }

// May reports whether a job may go from s to next.
func (s JobState) May(next JobState) bool {
	for _, n := range s.Row().Next {
		if n == next {
			return true
		}
	}
	return false
}

// ParseState finds a state by its code.
func ParseState(code string) (JobState, bool) {
	for _, row := range StateTable {
		if row.Code == code {
			return row.State, true
		}
	}
	return 0, false
}

// StatesMarkdown is the table as docs/states.md holds it.
func StatesMarkdown() string {
	var b strings.Builder
	b.WriteString("# The states of a job\n\nWritten from `scheduler/core/states.go`; " +
		"`go test ./scheduler/core -run StatesPage -update` writes it anew.\n\n" +
		"| code | state | meaning | holds slots | may become |\n|---|---|---|---|---|\n")
	for _, row := range StateTable {
		next := "(the end)"
		if len(row.Next) > 0 {
			codes := make([]string, len(row.Next))
			for i, n := range row.Next {
				codes[i] = n.String()
			}
			next = strings.Join(codes, ", ")
		}
		holds := "no"
		if row.Holds {
			holds = "yes"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", row.Code, row.Name, row.Means, holds, next)
	}
	return b.String()
}
