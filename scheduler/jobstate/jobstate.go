// Package jobstate owns the words by which the scheduler, its workers and its launchers name how a job stands and how
// it ended: state codes, and the exit statuses that do not come from a rank. It imports nothing, so that all sides can
// share it. Which state may follow which is core's table.
package jobstate

// Codes of the states of a job, as messages and listings carry them; Slurm's where Slurm has one.
const (
	Pending     = "PD"
	Configuring = "CF"
	Running     = "R"
	Suspended   = "S"
	Migrating   = "MG"
	Frozen      = "FZ"
	Completing  = "CG"
	Requeued    = "RQ"
	Completed   = "CD"
	Failed      = "F"
	Cancelled   = "CA"
	TimedOut    = "TO"
	NodeFailed  = "NF"
	OutOfMemory = "OOM"
	Preempted   = "PR"
)

// Exit statuses of a job that no rank ended with.
const (
	// ExitFailed is the status of a job that was ended, or that the system could not run.
	ExitFailed = 1
	// ExitTimedOut is the status of a job whose time limit was reached, as Open MPI's mpirun has it.
	ExitTimedOut = 110
	// ExitFindings is the status of a job that ended well and in which --check has found mistakes.
	ExitFindings = 111
	// ExitSignalled and a signal's number are the status of what the signal ended.
	ExitSignalled = 128
)
