// Package failpoint names the points at which a test has a process die, as by kill -9: between two steps that a crash
// must not tear apart. It owns the names and the death; what must hold afterwards is checked by whoever arms them
// (faasmrun/e2e/kill_test.go).
package failpoint

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Point is one of them. Its name begins with the process that dies.
type Point string

// The scheduler's: before a batch of transitions is on disk; when it is, and nobody has been told; when orders are out,
// and whoever asked has no answer; when some of a snapshot's pieces are written; when all are, but don't count yet; and
// when they do.
const (
	SchedulerBeforeJournal  Point = "scheduler.before-journal"
	SchedulerAfterJournal   Point = "scheduler.after-journal"
	SchedulerBeforeAnswer   Point = "scheduler.before-answer"
	SchedulerDuringSnapshot Point = "scheduler.during-snapshot"
	SchedulerBeforeSnapshot Point = "scheduler.before-snapshot"
	SchedulerAfterSnapshot  Point = "scheduler.after-snapshot"
)

// The worker's: an executor is there, and not remembered; remembered, and not told to start; told; a job has ended, and
// nobody knows; its end is acknowledged, and not forgotten; and forgotten; an earlier worker's executors are about to
// be looked for; an executor waits for its tenant's next job, and the last one's end is not reported; it was chosen for
// the next, and not remembered.
const (
	WorkerBeforeRemember Point = "worker.before-remember"
	WorkerBeforeStart    Point = "worker.before-start"
	WorkerAfterStart     Point = "worker.after-start"
	WorkerBeforeReport   Point = "worker.before-report"
	WorkerBeforeForget   Point = "worker.before-forget"
	WorkerAfterForget    Point = "worker.after-forget"
	WorkerBeforeAdoption Point = "worker.before-adoption"
	WorkerAfterIdle      Point = "worker.after-idle"
	WorkerBeforeReuse    Point = "worker.before-reuse"
)

// The executor's: told to start, and still tied to its worker; no longer tied, and without a log; the ranks have ended,
// and no record says how; the record is there, and the worker has not been told; nothing is left of the job, and the
// worker has not been told; it has been told, and may send the next job any moment.
const (
	ExecutorBeforeOutlive Point = "executor.before-outlive"
	ExecutorBeforeLog     Point = "executor.before-log"
	ExecutorBeforeRecord  Point = "executor.before-record"
	ExecutorAfterRecord   Point = "executor.after-record"
	ExecutorBeforeIdle    Point = "executor.before-idle"
	ExecutorAfterIdle     Point = "executor.after-idle"
)

// The supervisor's of a script: the script runs, and nobody has been told; it has ended, and what it left runs; nothing
// of the job is left, and no record says how it ended; the record is there, and the worker has not been told.
const (
	SupervisorBegun        Point = "supervisor.begun"
	SupervisorScriptEnded  Point = "supervisor.script-ended"
	SupervisorBeforeRecord Point = "supervisor.before-record"
	SupervisorAfterRecord  Point = "supervisor.after-record"
)

// All lists every point.
var All = []Point{SchedulerBeforeJournal, SchedulerAfterJournal, SchedulerBeforeAnswer, SchedulerDuringSnapshot,
	SchedulerBeforeSnapshot, SchedulerAfterSnapshot,
	WorkerBeforeRemember, WorkerBeforeStart, WorkerAfterStart, WorkerBeforeReport, WorkerBeforeForget, WorkerAfterForget,
	WorkerBeforeAdoption,
	WorkerAfterIdle, WorkerBeforeReuse,
	ExecutorBeforeOutlive, ExecutorBeforeLog, ExecutorBeforeRecord, ExecutorAfterRecord, ExecutorBeforeIdle,
	ExecutorAfterIdle,
	SupervisorBegun, SupervisorScriptEnded, SupervisorBeforeRecord, SupervisorAfterRecord}

// Process is whose point it is: scheduler, worker, executor or supervisor.
func (p Point) Process() string {
	process, _, _ := strings.Cut(string(p), ".")
	return process
}

// Variable names the environment variable that arms a point.
const Variable = "FAASMRUN_FAIL_AT"

var armed = Point(os.Getenv(Variable))

// Here is such a point. Unless it is armed, passing it costs a comparison.
func Here(p Point) {
	if armed == p {
		unix.Kill(os.Getpid(), unix.SIGKILL)
		select {} // it is on its way
	}
}

// ForChild is the environment by which a worker hands on a point of an executor's or a supervisor's: empty but in
// tests.
func ForChild() []string {
	if p := armed.Process(); p == "executor" || p == "supervisor" {
		return []string{Variable + "=" + string(armed)}
	}
	return []string{}
}
