package worker

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/faasmrun/faasmrun/internal/failpoint"
	"github.com/faasmrun/faasmrun/scheduler/core/result"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker/control"
)

// job is one placement of a job on this worker, from the order to start it until its end is acknowledged and its output
// read.
type job struct {
	w     *Worker
	key   jobKey
	spec  *schedpb.JobSpec
	order *schedpb.StartJob
	dir   string
	as    *identity // whom its executor runs as; nil: as the worker

	engine   string // that runs it; "" before that is known, and where another worker has begun it
	rebooted bool   // the machine, since its executor was started

	orders        outbox          // for the executor
	prepare       context.Context // of what comes before the executor; a termination ends it
	cancelPrepare context.CancelFunc

	mu             sync.Mutex   // guards all below; not held across anything that waits
	process        *process     // nil before it is started, and when it waits for another job
	endedProcess   *process     // one that has ended, whose files are needed until that is acknowledged
	activity       string       // before that, what takes long
	terminated     *termination // the first; nil: nobody wants its end
	overdue        *time.Timer  // kills a process that does not follow a termination
	started        bool
	stopped        bool // by TSTP: from the start on, if that comes first
	taken          uint64
	steps          []*control.Step // of its script: the newest
	in             input
	leftRunning    bool // to the next worker with this directory
	workerStopping bool // the worker stops: what its end does to the job is none of the job's doing
	end            *schedpb.JobEnded
	acked          bool
	read           bool           // its output has reached its end, and whom it is for
	launcher       bool           // who reads the output says what it has written: it may ask for all else again
	written        uint64         // how much that is
	grew           chan struct{}  // closed and renewed when the log grows and when the job ends
	readers        map[int]uint64 // open output streams: what each has delivered
	nextReader     int
	sentDelivered  uint64 // of what was delivered, what the executor knows
}

// terminationGrace is how long an executor may take to end its ranks before it is killed.
const terminationGrace = 2 * time.Second

func newJob(w *Worker, order *schedpb.StartJob) *job {
	j := &job{w: w, key: keyOf(order.GetJob()), spec: order.GetSpec().Decoded(), order: order, grew: make(chan struct{}),
		readers: map[int]uint64{}}
	j.dir = w.jobDir(j.key)
	j.orders.wake = make(chan struct{}, 1)
	j.prepare, j.cancelPrepare = context.WithCancel(context.Background())
	return j
}

// file is the path of one of its files.
func (j *job) file(name string) string { return filepath.Join(j.dir, name) }

// outlivesWorker reports whether the job goes on without this worker. The launcher's own worker has no successor, so
// nothing outlives it.
func (j *job) outlivesWorker() bool { return j.w.state != nil }

// run takes the job from its start to its reported end.
func (j *job) run() {
	defer j.cancelPrepare()
	ended := j.execute()
	if !j.isLeftRunning() {
		j.w.removeTemporary(j.dir)
	}
	if ended == nil {
		return // its end is the next worker's to report, or follows from the worker's goodbye
	}
	end := j.made(ended)
	if !ended.LaunchFailed {
		j.appendEnd(end)
	}
	failpoint.Here(failpoint.WorkerBeforeReport)
	fields := []any{"job", j.key.id, "epoch", j.key.epoch, "tenant", j.order.GetTenant(), "state", end.State, "exit",
		end.ExitCode}
	if len(end.Exits) == 0 { // what ranks say of their end is their tenant's
		fields = append(fields, "reason", end.Reason)
	}
	j.w.Logger.Info("job ended", fields...)
	j.mu.Lock()
	j.end = ended
	close(j.grew)
	j.grew = make(chan struct{})
	j.mu.Unlock()
	j.w.report(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_Ended{Ended: ended}})
}

// execute runs the job. It returns nil when it left the job to the next worker, or to nobody.
func (j *job) execute() *schedpb.JobEnded {
	p := j.process // one that was found running
	if p != nil {
		last, left := j.supervise(p)
		return j.finish(p, last, left)
	}
	if !j.neverBegan() {
		// An earlier worker started them, and was killed before the scheduler was told: its order has come again. They
		// must not run twice, and ended with that worker; those that would have outlived it are remembered.
		return j.ended(&schedpb.JobReport{WithWorker: true}, usage{})
	}
	start, err := j.prepareStart()
	again := false
	for err == nil {
		if p, err = j.launch(start); err != nil {
			break
		}
		stop := j.tierUp(start)
		last, left := j.supervise(p)
		stop()
		if left || !j.neverBegan() || j.isTerminating() {
			return j.finish(p, last, left)
		}
		switch {
		case last != nil && last.Unprepared && !again:
			j.w.Logger.Warn("a program is prepared anew", "job", j.key.id, "err", last.NotBegun)
			again = true
			for i, app := range j.spec.GetApps() {
				j.w.modules.forget(app.GetModuleSha256(), variantOf(start))
				os.Remove(start.Apps[i].Object)
			}
			start, err = j.prepareStart()
		case last != nil && last.NotBegun != "": // it could not even make the log
			err = asWorkerFault(errors.New(last.NotBegun))
		case last != nil:
			return j.finish(p, last, left)
		case p.served > 0: // It had gone, or went, while it was idle. Of those there are only so many.
			j.w.Logger.Info("an executor that had served another job has died before this one began", "job", j.key.id, "pid",
				p.pid)
		default:
			err = j.earlyExit(p)
		}
		p.discard()
	}
	j.mu.Lock()
	stopping := j.workerStopping
	j.mu.Unlock()
	if stopping {
		return nil
	}
	if !j.isTerminating() {
		if failed := j.launchFailed(err); failed != nil {
			return failed
		}
	}
	return j.ended(j.notBegun(err), usage{})
}

// isTerminating reports whether the job was told to end, by the scheduler or by the end of the worker.
func (j *job) isTerminating() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.terminated != nil || j.workerStopping
}

// neverBegan reports whether the job's ranks never ran in a process that has ended: an executor makes the log before
// they run.
func (j *job) neverBegan() bool {
	_, err := os.Stat(j.file("log"))
	return errors.Is(err, fs.ErrNotExist)
}

// finish returns the report of the job's end, after its process has ended or is idle.
func (j *job) finish(p *process, last *control.Ended, left bool) *schedpb.JobEnded {
	if left {
		return nil
	}
	j.w.health.resetBackoff()
	if last != nil && last.Idle {
		return j.ended(j.report(p, last, nil), usage{last.CPUNs, last.MaxRSS})
	}
	report := j.report(p, last, p.readStderr())
	p.removeGroup()
	j.cleanUpScript(p)
	if j.outlivesWorker() { // a later worker may have to find out once more how it ended
		j.mu.Lock()
		j.endedProcess = p
		j.mu.Unlock()
	} else {
		p.removeFiles()
	}
	j.mu.Lock()
	stopping := j.workerStopping
	j.mu.Unlock()
	if stopping && last == nil {
		return nil // killed by its worker
	}
	return j.ended(report, p.usage(last))
}

func (j *job) ended(report *schedpb.JobReport, u usage) *schedpb.JobEnded {
	return &schedpb.JobEnded{Job: j.key.ref(), Report: report, CpuNs: u.cpuNs, MaxRssBytes: u.maxRSS}
}

func (j *job) stdinTaken(n uint64) *schedpb.WorkerMessage {
	return &schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_StdinTaken{
		StdinTaken: &schedpb.JobStdinTaken{Job: j.key.ref(), Bytes: n}}}
}

func (j *job) states(ranks []control.RankState) *schedpb.RankStates {
	states := &schedpb.RankStates{}
	for _, r := range ranks {
		states.Ranks = append(states.Ranks, &schedpb.RankState{Rank: r.Rank, Node: j.w.Name,
			Where: result.Text(r.Where, maxWhere)})
	}
	return states
}

// Orders.

// maxStdinAhead bounds standard input, signals and questions that the executor has not taken from its socket; launchers
// send 256 KiB ahead.
const maxStdinAhead = 1 << 20

func (j *job) stdin(s *schedpb.Stdin) {
	if !j.orders.put(&control.Stdin{Data: s.GetData(), EOF: s.GetEof()}) {
		j.endRanks(&termination{excessInput: true})
	}
}

// signal handles a signal for the job. TSTP and CONT stop and continue the process; the others are for the ranks.
func (j *job) signal(number int32) {
	switch syscall.Signal(number) {
	case syscall.SIGTSTP, syscall.SIGSTOP:
		j.stopOrContinue(syscall.SIGSTOP)
	case syscall.SIGCONT:
		j.stopOrContinue(syscall.SIGCONT)
	default:
		j.orders.put(&control.Signal{Number: number})
	}
}

// stopOrContinue stops or continues the executor. One that has not started yet is stopped when it has: before, it would
// not notice its worker's end.
func (j *job) stopOrContinue(s syscall.Signal) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.stopped = s == syscall.SIGSTOP
	if j.started && j.process != nil {
		j.process.signal(s)
	}
}

// query asks for the states of the ranks. Before they have started the worker answers with its own activity.
func (j *job) query() {
	j.mu.Lock()
	// one that is idle again is not the job's any more
	running := j.started && j.end == nil && j.process != nil && !j.process.gone
	doing := j.activity
	j.mu.Unlock()
	if running {
		j.orders.put(&control.QueryRanks{})
		return
	}
	var ranks []control.RankState
	if doing != "" {
		for i := range j.order.Ranks {
			ranks = append(ranks, control.RankState{Rank: j.order.FirstRank + i, Where: doing})
		}
	}
	j.w.report(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_RankStates{
		RankStates: &schedpb.JobRankStates{Job: j.key.ref(), States: j.states(ranks)}}})
}

// terminate ends the job as the scheduler says: in order, or at once.
func (j *job) terminate(t *schedpb.TerminateJob) { j.endRanks(&termination{order: t}) }

// endRanks ends the job's ranks. A second order may be more urgent; why they end is the first one's to say.
func (j *job) endRanks(t *termination) {
	j.mu.Lock()
	defer j.mu.Unlock()
	first := j.terminated == nil
	if first {
		j.terminated = t
	}
	j.cancelPrepare()
	p := j.process
	switch {
	case p == nil || p.gone:
	case t.kill():
		p.kill()
	case first:
		j.orders.put(&control.Terminate{})
		p.signal(syscall.SIGCONT) // a stopped process could not answer
		j.overdue = time.AfterFunc(j.terminationGrace(), p.kill)
	}
}

// terminationGrace is how long the job may take to end, once it has been told to.
func (j *job) terminationGrace() time.Duration {
	if j.spec.GetScript() != nil {
		return control.ScriptGrace + terminationGrace
	}
	return terminationGrace
}

// detachWorker ends this worker's part in the job: the job goes on without it, or, where that is impossible or
// unwanted, is killed and not reported.
func (j *job) detachWorker(kill bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.workerStopping = true
	j.cancelPrepare()
	switch {
	case j.process == nil || j.process.gone:
	case j.outlivesWorker() && !kill:
		j.leftRunning = true
		j.process.closeConn()
	default:
		j.process.kill()
	}
}

// survivesWorker reports whether a successor will find the job's executor, or how it ended.
func (j *job) survivesWorker() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.leftRunning || j.end != nil && !j.acked && j.outlivesWorker()
}

func (j *job) isLeftRunning() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.leftRunning
}

// acknowledge: the scheduler has journalled the end.
func (j *job) acknowledge() {
	j.mu.Lock()
	first := j.end != nil && !j.acked
	j.acked = j.end != nil
	idle := len(j.readers) == 0
	j.mu.Unlock()
	if first && j.outlivesWorker() {
		j.forget()
	}
	if first && idle {
		j.w.release(j)
	}
}

// forget removes everything of the job but its directory, which is pruned later. (Removing the record now would make
// new files slow on some file systems, which look at each inode that was deleted lately.)
func (j *job) forget() {
	failpoint.Here(failpoint.WorkerBeforeForget)
	defer failpoint.Here(failpoint.WorkerAfterForget)
	if err := j.w.state.Forget(j.key.id, j.key.epoch); err != nil {
		j.w.Logger.Warn("a job that has ended", "job", j.key.id, "err", err)
	}
	j.mu.Lock()
	remains := j.endedProcess
	j.mu.Unlock()
	if remains != nil {
		remains.removeFiles()
	}
	j.w.pruneSometimes()
}

func (j *job) acknowledged() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.acked
}

// resendReports repeats what a lost connection may have swallowed.
func (j *job) resendReports() {
	j.mu.Lock()
	started, taken, end, acked := j.started, j.taken, j.end, j.acked
	steps := slices.Clone(j.steps)
	in := j.in
	j.mu.Unlock()
	if acked {
		return
	}
	if started {
		j.w.report(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_Started{
			Started: &schedpb.JobStarted{Job: j.key.ref()}}})
	}
	for _, m := range steps {
		j.w.report(j.step(m))
	}
	if taken > 0 {
		j.w.report(j.stdinTaken(taken))
	}
	if in.received > 0 {
		j.w.report(j.received(in))
	}
	if end != nil {
		j.w.report(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_Ended{Ended: end}})
	}
}

// Output.

// attach adds a reader of the log, which begins at offset.
func (j *job) attach(offset uint64) (id int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.nextReader++
	j.readers[j.nextReader] = offset
	return j.nextReader
}

// detach removes it. When nobody reads any more an interactive job's ranks need not wait for a reader, unless its
// launcher comes back for what it has not written.
func (j *job) detach(id int, eof bool) {
	j.mu.Lock()
	delete(j.readers, id)
	j.read = j.read || eof && !j.launcher
	unread := len(j.readers) == 0 && j.end == nil && !j.launcher
	forget := len(j.readers) == 0 && j.acked
	j.mu.Unlock()
	if unread && j.spec.GetInteractive() {
		j.orders.put(&control.Delivered{Offset: math.MaxUint64})
	}
	if forget {
		j.w.release(j)
	}
}

// delivered notes how far a reader is. It returns the offset up to which an interactive job's log is no longer needed.
func (j *job) delivered(id int, offset uint64) (unneeded uint64) {
	j.mu.Lock()
	j.readers[id] = offset
	slowest := offset
	for _, o := range j.readers {
		slowest = min(slowest, o)
	}
	launcher := j.launcher
	switch {
	case launcher:
		unneeded = min(slowest, j.written)
	case len(j.readers) == 1 && slowest > resumable:
		unneeded = slowest - resumable
	}
	j.mu.Unlock()
	if !launcher {
		j.sendDelivered(slowest)
	}
	return unneeded
}

// sendDelivered lets the ranks of an interactive job write on.
func (j *job) sendDelivered(offset uint64) {
	j.mu.Lock()
	send := offset >= j.sentDelivered+j.w.LogWindow/16 // not for every line
	if send {
		j.sentDelivered = offset
	}
	j.mu.Unlock()
	if send && j.spec.GetInteractive() {
		j.orders.put(&control.Delivered{Offset: offset})
	}
}

// attachLauncher notes that the job has a launcher that acknowledges the output it has written.
func (j *job) attachLauncher() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.launcher = true
}

// forGood is the offset that a launcher acknowledges which asks for no more: it has all, or is gone.
const forGood = math.MaxUint64

// outputTaken handles the launcher's acknowledgement.
func (j *job) outputTaken(offset uint64) {
	j.mu.Lock()
	if offset != forGood {
		j.written = max(j.written, offset)
		j.mu.Unlock()
		j.sendDelivered(offset)
		return
	}
	ended := j.end != nil
	j.read = j.read || ended
	idle := ended && j.acked && len(j.readers) == 0
	j.mu.Unlock()
	if !ended {
		j.orders.put(&control.Delivered{Offset: math.MaxUint64})
	}
	if idle {
		j.w.release(j)
	}
}

// growth returns a channel that is closed when there is more to read than at the time of the call, and whether the job
// has ended by now.
func (j *job) growth() (grew <-chan struct{}, ended bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.grew, j.end != nil
}
