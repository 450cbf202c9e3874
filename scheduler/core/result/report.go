// Package result owns what an executor and its worker report of the end of a job's ranks, and the one rule that makes
// the job's result of it: state, exit status and reason. It is pure. The scheduler's core applies the rule; a worker
// applies it too, for what it writes behind a job's output before the scheduler knows of the end. It leaves to the
// executor and the worker to see what happened, to scheduler/core what becomes of a job then (some are queued again),
// and to scheduler/jobstate the codes of states and the statuses that come from no rank.
package result

import "time"

// Cause is how a rank ended. Its values are on the wire and in exit records: never renumber them.
type Cause uint8

const (
	Exited         Cause = iota // by itself, with the exit status Number
	Trapped                     // by what would have been the signal Number, with a trace
	Signalled                   // by the signal Number, which was sent to it and for which it has no handler
	Aborted                     // by MPI_Abort, or by an MPI error that is fatal, with the code Number
	NotFinalized                // with status 0, between MPI_Init and MPI_Finalize
	NotInitialized              // with status 0, without the MPI_Init that others have called
	Broken                      // by a fault of ours
	Ended                       // by us in a host call, for another's sake
	Killed                      // by us while it computed, for another's sake
)

// RankEnd is how one rank ended.
type RankEnd struct {
	Rank    uint32
	Cause   Cause
	Number  int32  // what Cause says: an exit status, a signal, an MPI error code
	Text    string // what happened beyond that; may be empty
	Program string // as its user named it; only of a rank that failed by itself
}

// Report is what was seen of the end of a job's ranks on one worker: facts, from which Of makes the result.
type Report struct {
	Node string // the worker
	// Ranks is in the order in which they ended. Those that exited with 0 may be left out. A rank that is here twice had
	// the first of its ends: the second is what came of it.
	Ranks       []RankEnd
	Deadlock    string        // the diagnosis that ended them
	Findings    uint64        // mistakes that --check found
	LostOutput  string        // why some of their output is lost
	NotBegun    string        // why they never began
	Elsewhere   bool          // with NotBegun: that is not the job's fault
	Terminated  bool          // they ended because they were told to, or before they had begun
	Overdue     time.Duration // with Terminated: how long they had been told to, when they were killed; 0: they were not
	OutputLimit uint64        // with Terminated: the worker told them to, since their output had reached so many bytes
	ExcessInput bool          // with Terminated: the worker told them to, since more input came than they take
	CutOff      time.Duration // with Terminated: the worker told them to, without a connection for so long
	Fenced      bool          // the worker's right to run them was over
	WithWorker  bool          // an earlier worker of this name was killed, and they with it
	Death       *Death        // of their executor, which left no account
	OfScript    bool          // the job has a script: its executor is the script's supervisor
	Script      *ScriptEnd    // how that ended by itself; nil: nobody saw it
	Made        *Result       // what release 0.1.0 made of it: that is all there is, beside Ranks' statuses
}

// Death is what a worker knows of an executor that ended without an account.
type Death struct {
	Before      bool   // it had ended when this worker looked for it
	Adopted     bool   // it was an earlier worker's child: its status is nobody's to know
	Rebooted    bool   // the machine was started again since
	OutOfMemory bool   // the system killed for want of memory
	Signal      int32  // that ended it; 0: none
	Status      int32  // that it exited with
	SignalName  string // of Signal
	Stderr      string // what it said at last, if it said anything
}

// ScriptEnd is how a job's script ended by itself.
type ScriptEnd struct {
	Name       string
	Status     int32
	Signal     int32 // that ended it; 0: none
	SignalName string
}

// Order is the end that a job was told to make.
type Order struct{ State, Reason string }

// Result is a job's end. State is a code of scheduler/jobstate.
type Result struct {
	State    string
	ExitCode int32
	Reason   string // for a person; may be empty
}
