package worker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/faasmrun/faasmrun/internal/failpoint"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker/cgroup"
	"github.com/faasmrun/faasmrun/worker/control"
	"github.com/faasmrun/faasmrun/worker/state"
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

	orders  outbox          // for the executor
	prepare context.Context // of what comes before the executor; a termination ends it
	abandon context.CancelFunc

	mu         sync.Mutex // guards all below; not held across anything that waits
	process    *process   // nil before it is started, and when it waits for another job
	remains    *process   // one that has ended, whose files are needed until that is acknowledged
	doing      string     // before that, what takes long
	terminated *schedpb.TerminateJob
	overdue    *time.Timer // kills a process that does not follow a termination
	started    bool
	stopped    bool // by TSTP: from the start on, if that comes first
	taken      uint64
	left       bool // to the next worker with this directory
	end        *schedpb.JobEnded
	acked      bool
	read       bool           // an output stream has reached the end
	grew       chan struct{}  // closed and renewed when the log grows and when the job ends
	readers    map[int]uint64 // open output streams: what each has delivered
	nextReader int
	told       uint64 // of what was delivered, what the executor knows
}

// obedience is how long an executor may take to end its ranks before it is killed.
const obedience = 2 * time.Second

func newJob(w *Worker, order *schedpb.StartJob) *job {
	j := &job{w: w, key: keyOf(order.GetJob()), spec: order.GetSpec(), order: order, grew: make(chan struct{}), readers: map[int]uint64{}}
	j.dir = w.jobDir(j.key)
	j.orders.wake = make(chan struct{}, 1)
	j.prepare, j.abandon = context.WithCancel(context.Background())
	return j
}

// file is the path of one of its files.
func (j *job) file(name string) string { return filepath.Join(j.dir, name) }

// outlives says that the job goes on without this worker, which a launcher's own worker has no successor for.
func (j *job) outlives() bool { return !j.spec.GetInteractive() && j.w.state != nil }

// run is the job's life.
func (j *job) run() {
	defer j.abandon()
	end, usage := j.live()
	if end == nil {
		return // its end is the next worker's to report
	}
	ended := &schedpb.JobEnded{Job: j.key.ref(), End: end, CpuNs: usage.cpuNs, MaxRssBytes: usage.maxRSS}
	failpoint.Here(failpoint.WorkerBeforeReport)
	j.w.Logger.Info("job ended", "job", j.key.id, "state", end.State, "exit", end.ExitCode, "reason", end.Reason)
	j.mu.Lock()
	j.end = ended
	close(j.grew)
	j.grew = make(chan struct{})
	j.mu.Unlock()
	j.w.report(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_Ended{Ended: ended}})
}

// live returns nil when it left the job to the next worker.
func (j *job) live() (*schedpb.JobEnd, usage) {
	p := j.process // one that was found running
	if p != nil {
		last, left := j.follow(p)
		return j.over(p, last, left)
	}
	start, err := j.ready()
	for err == nil {
		if p, err = j.launch(start); err != nil {
			break
		}
		last, left := j.follow(p)
		if last == nil && !left && p.served > 0 && j.unbegun() {
			// It had gone, or went, while it was idle. Of those there are only so many.
			j.w.Logger.Info("an executor that had served another job has died before this one began", "job", j.key.id, "pid", p.pid)
			p.discard()
			continue
		}
		return j.over(p, last, left)
	}
	return j.neverRan(err), usage{}
}

// unbegun says that the job's ranks never ran in a process that is gone: it makes a log before.
func (j *job) unbegun() bool {
	_, err := os.Stat(j.file("log"))
	return errors.Is(err, fs.ErrNotExist)
}

// over is the job's end, after that of its process, unless that can be used again.
func (j *job) over(p *process, last *control.Ended, left bool) (*schedpb.JobEnd, usage) {
	if left {
		return nil, usage{}
	}
	if last != nil && last.Idle {
		return j.verdict(p, last, nil), usage{last.CPUNs, last.MaxRSS}
	}
	end := j.verdict(p, last, p.lastWords())
	p.dissolve()
	if j.outlives() { // a later worker may have to find out once more how it ended
		j.mu.Lock()
		j.remains = p
		j.mu.Unlock()
	} else {
		p.forgetFiles()
	}
	return end, p.usage(last)
}

// ready gets everything that the executor needs.
func (j *job) ready() (*control.Start, error) {
	if j.order.Ranks != j.order.WorldSize || j.order.FirstRank != 0 {
		return nil, fmt.Errorf("ranks %d to %d of %d were placed here; this version runs a job on one worker",
			j.order.FirstRank, j.order.FirstRank+j.order.Ranks-1, j.order.WorldSize)
	}
	if err := j.settle(); err != nil {
		return nil, err
	}
	start := &control.Start{
		Job:         j.key.id,
		Epoch:       j.key.epoch,
		Restarts:    j.order.Restarts,
		Node:        j.w.Name,
		FirstRank:   j.order.FirstRank,
		Ranks:       j.order.Ranks,
		WorldSize:   j.order.WorldSize,
		Interactive: !j.outlives(),
		MemPerRank:  j.spec.GetMemPerRankBytes(),
		Stdin:       control.StdinTo(j.spec.GetStdin()),
		StdinRanks:  j.spec.GetStdinRanks(),
		LogPath:     j.theirs("log"),
		ExitPath:    j.theirs("exit"),
		CacheDir:    j.cached(j.w.modules.native()),
		Check:       j.spec.GetMpi().GetCheck(),
		MPIStats:    j.spec.GetMpi().GetStats(),
		Linger:      j.w.idle.linger(),
	}
	if j.spec.GetInteractive() {
		start.LogWindow = j.w.LogWindow
	}
	start.Stdout, start.Stderr = j.outputFiles(j.spec.GetStdoutPath()), j.outputFiles(j.spec.GetStderrPath())
	if j.spec.GetStderrPath() == "" {
		start.Stderr = start.Stdout
	}
	start.Append = j.spec.GetAppendOutput()
	if j.outlives() {
		start.AgentUID = uint32(os.Geteuid())
	}
	var needs []need
	for _, app := range j.spec.GetApps() {
		prepared, err := j.w.modules.prepare(j.prepare, app.GetModuleSha256(), app.GetProgram(), j.tell)
		if err != nil {
			return nil, err
		}
		start.Apps = append(start.Apps, appOf(app, j.cached(prepared.Module), j.order))
		needs = append(needs, need{app.GetProgram(), app.GetRanks(), prepared.MinMemory})
	}
	j.tell("")
	return start, j.w.fits(needs)
}

// tell notes what the job is at, for those who ask where its ranks stand.
func (j *job) tell(doing string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.doing = doing
}

// settle finds out whom the job runs as, and makes its directory, which is that user's.
func (j *job) settle() (err error) {
	if j.as, err = j.w.identityOf(j.order.GetTenant()); err != nil {
		return err
	}
	if err := os.MkdirAll(j.dir, 0o700); err != nil {
		return fmt.Errorf("make the job's directory: %w", err)
	}
	if j.as == nil {
		return nil
	}
	if err := os.Chown(j.dir, int(j.as.uid), int(j.as.gid)); err != nil {
		return fmt.Errorf("give the job's directory to user %s: %w", j.as.name, err)
	}
	return nil
}

// An executor of another user's is lent the cache and the job's directory: it might not be let through the directories above.
const lentCache, lentJob = 0, 1

// theirs is the path of one of the job's files, for its executor.
func (j *job) theirs(name string) string {
	if j.as == nil {
		return j.file(name)
	}
	return lentPath(lentJob, name)
}

// cached is a path in the cache, for its executor.
func (j *job) cached(path string) string {
	if j.as == nil {
		return path
	}
	return lentPath(lentCache, strings.TrimPrefix(path, j.w.CacheDir))
}

// executor takes an idle one of the tenant's, or one that was started ahead, or starts one.
func (j *job) executor() (p *process, err error) {
	if p = j.w.idle.take(j.order.GetTenant(), j.as); p != nil {
		failpoint.Here(failpoint.WorkerBeforeReuse)
		return p, nil
	}
	if j.as == nil {
		p, err = j.w.spares.take()
	} else {
		p, err = j.w.spawnAs(j.as)
	}
	if err == nil {
		p.tenant = j.order.GetTenant()
	}
	return p, err
}

// spawnAs starts an executor of another user's.
func (w *Worker) spawnAs(as *identity) (*process, error) {
	var lent []*os.File
	for _, path := range []string{lentCache: w.CacheDir, lentJob: os.DevNull} { // until there is a job
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		lent = append(lent, f)
	}
	return w.spawner.spawn(as, lent...)
}

// enclose puts the process into a control group of its own, with the job's limits.
func (j *job) enclose(p *process, who state.Process) (err error) {
	if j.w.Groups == nil {
		return nil
	}
	limits := cgroup.Limits{Memory: j.w.MemBytes, Weight: uint64(j.order.Ranks)}
	if most := j.spec.GetMemPerRankBytes(); most > 0 {
		limits.Memory = uint64(j.order.Ranks)*(most+rankOverhead) + executorOverhead
	}
	if p.group != nil {
		return p.group.Limit(limits)
	}
	if p.group, err = j.w.Groups.New(groupOf(who), limits); err == nil {
		err = p.group.Add(p.pid)
	}
	return err
}

// groupOf names a process's control group.
func groupOf(who state.Process) string { return fmt.Sprintf("%d.%d", who.PID, who.Began) }

// Variables in which the ranks of an array's task find the array and their index.
const arrayJobVariable, arrayTaskVariable = "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID"

func appOf(a *schedpb.App, module string, order *schedpb.StartJob) control.App {
	app := control.App{Module: module, Program: a.GetProgram(), Args: a.GetArgs(), Dir: a.GetDir(), Ranks: a.GetRanks()}
	for _, v := range a.GetEnv() {
		if name := v.GetName(); name != arrayJobVariable && name != arrayTaskVariable {
			app.Env = append(app.Env, name+"="+v.GetValue())
		}
	}
	if order.GetArrayId() != 0 {
		app.Env = append(app.Env, fmt.Sprintf("%s=%d", arrayJobVariable, order.ArrayId), fmt.Sprintf("%s=%d", arrayTaskVariable, order.ArrayIndex))
	}
	for _, m := range a.GetMounts() {
		app.Mounts = append(app.Mounts, control.Mount{HostDir: m.GetHostDir(), GuestDir: m.GetGuestDir(), ReadOnly: m.GetReadOnly()})
	}
	return app
}

var errTerminated = errors.New("the job was ended before its ranks started")

// launch starts the executor, unless the job has been ended meanwhile.
func (j *job) launch(start *control.Start) (*process, error) {
	p, err := j.appoint()
	if err != nil {
		return nil, err
	}
	j.mu.Lock()
	ended := j.terminated != nil || j.w.ctx.Err() != nil
	if !ended {
		j.process = p
	}
	j.mu.Unlock()
	if ended {
		p.discard()
		return nil, errTerminated
	}
	failpoint.Here(failpoint.WorkerBeforeStart)
	start.LeaseUntil = j.w.lease.end()
	if j.as != nil {
		err = p.lend(lentJob, j.dir)
	}
	if err = errors.Join(err, p.conn.Send(start)); err != nil {
		j.w.Logger.Warn("starting a job", "job", j.key.id, "err", err) // follow finds out why
		p.kill()
	}
	failpoint.Here(failpoint.WorkerAfterStart)
	return p, nil
}

// appoint finds the process that is to run the job, and remembers which it is.
func (j *job) appoint() (*process, error) {
	for {
		p, err := j.executor()
		if err != nil {
			return nil, err
		}
		failpoint.Here(failpoint.WorkerBeforeRemember)
		who, err := state.Identify(p.pid)
		if err == nil {
			err = errors.Join(j.enclose(p, who), j.remember(p, who))
		}
		if err == nil {
			return p, nil
		}
		p.discard()
		if p.served == 0 {
			return nil, err
		}
		j.w.Logger.Info("an idle executor can't be used again", "job", j.key.id, "pid", p.pid, "err", err)
	}
}

// remember notes which process will run the job, before it is told to: the other way round a worker that is killed in
// between would leave ranks that nobody knows of.
func (j *job) remember(p *process, who state.Process) error {
	if !j.outlives() {
		return nil
	}
	order, err := proto.Marshal(j.order)
	if err != nil {
		return err
	}
	return j.w.state.Put(state.Executor{Job: j.key.id, Epoch: j.key.epoch, Order: order, Process: who, Files: filepath.Base(p.files), Group: p.group != nil})
}

// follow speaks with the executor until it has ended, and returns its last message, if it left one; or until it is idle again; or
// until the job is left to the next worker.
func (j *job) follow(p *process) (last *control.Ended, left bool) {
	if !p.gone {
		last, left = j.converse(p)
	}
	if last == nil && !left {
		last, _ = control.ReadRecord(j.file("exit"))
	}
	return last, left
}

func (j *job) converse(p *process) (last *control.Ended, left bool) {
	var sending sync.WaitGroup
	stop, awake := make(chan struct{}), make(chan struct{})
	sending.Go(func() {
		begun := awake
		if p.cmd == nil { // it had begun when it was found
			begun = closed
		}
		select {
		case <-begun: // orders to one that dies before it has begun are for the next one
			j.orders.drain(p.conn, stop)
		case <-stop:
		}
	})
	last = j.listen(p, awake)
	if last != nil && last.Idle {
		close(stop)
		stuck := time.AfterFunc(obedience, p.kill)
		sending.Wait() // nothing of this job's may reach the next
		if stuck.Stop() && j.spare(p, last) {
			return last, false
		}
		last.Idle = false
		p.kill() // nobody needs it
	} else {
		defer sending.Wait()
		defer close(stop)
	}
	if left = j.isLeft(); !left {
		late := time.AfterFunc(obedience, p.kill)
		defer late.Stop()
		p.wait()
		j.kill(p)
	}
	p.close() // lets a drain that waits for the socket return
	return last, left
}

var closed = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// spare lets go of a process that is ready for another job, if there may be one for it.
func (j *job) spare(p *process, last *control.Ended) bool {
	j.mu.Lock()
	if j.terminated != nil || j.stopped || j.left {
		j.mu.Unlock()
		return false
	}
	j.process = nil // no order for this job does anything to it from here on
	j.mu.Unlock()
	billed := p.billed
	p.served, p.billed = p.served+1, billed+last.CPUNs // before another job has it
	if !j.w.idle.put(p) {
		p.billed = billed
		return false
	}
	failpoint.Here(failpoint.WorkerAfterIdle)
	return true
}

// kill ends whatever else there is of the job. The group itself is needed until the verdict.
func (j *job) kill(p *process) {
	if p.group == nil {
		return
	}
	if err := p.group.Kill(); err != nil {
		j.w.Logger.Warn("ending all of a job", "job", j.key.id, "err", err)
	}
}

// listen hears what the executor says until one of the two hangs up, or the executor is idle. awake is closed when it has begun.
func (j *job) listen(p *process, awake chan<- struct{}) (last *control.Ended) {
	for {
		m, err := p.conn.Receive()
		if err != nil {
			return last // it has ended, or speaks nonsense, and then is ended
		}
		if awake != nil {
			close(awake)
			awake = nil
		}
		if ended, ok := m.(*control.Ended); ok {
			last = ended
			if last.Idle {
				return last
			}
			defer time.AfterFunc(obedience, p.kill).Stop()
			continue
		}
		j.hear(m)
	}
}

func (j *job) hear(m control.Message) {
	switch m := m.(type) {
	case *control.Started:
		j.mu.Lock()
		j.started = true
		if j.stopped && j.terminated == nil {
			j.process.signal(syscall.SIGSTOP)
		}
		j.mu.Unlock()
		j.w.report(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_Started{Started: &schedpb.JobStarted{Job: j.key.ref()}}})
	case *control.LogGrew:
		j.mu.Lock()
		close(j.grew)
		j.grew = make(chan struct{})
		j.mu.Unlock()
		if limit := j.order.GetOutputLimitBytes(); limit > 0 && m.End > limit {
			j.terminate(&schedpb.TerminateJob{State: "F", Reason: fmt.Sprintf("its output has reached %d bytes, what its tenant's quota allows a job", limit)})
		}
	case *control.StdinTaken:
		j.mu.Lock()
		j.taken = m.Bytes
		j.mu.Unlock()
		j.w.report(j.stdinTaken(m.Bytes))
	case *control.RankStates:
		j.w.report(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_RankStates{
			RankStates: &schedpb.JobRankStates{Job: j.key.ref(), States: j.states(m.Ranks)}}})
	}
}

func (j *job) stdinTaken(n uint64) *schedpb.WorkerMessage {
	return &schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_StdinTaken{
		StdinTaken: &schedpb.JobStdinTaken{Job: j.key.ref(), Bytes: n}}}
}

func (j *job) states(ranks []control.RankState) *schedpb.RankStates {
	states := &schedpb.RankStates{}
	for _, r := range ranks {
		states.Ranks = append(states.Ranks, &schedpb.RankState{Rank: r.Rank, Node: j.w.Name, Where: text(r.Where, maxWhere)})
	}
	return states
}

// Orders.

// maxStdinAhead bounds standard input that the executor has not taken from its socket; the scheduler sends 256 KiB ahead.
const maxStdinAhead = 1 << 20

func (j *job) stdin(s *schedpb.Stdin) {
	if !j.orders.put(&control.Stdin{Data: s.GetData(), EOF: s.GetEof()}) {
		j.terminate(&schedpb.TerminateJob{State: "F", Reason: "the scheduler sent more standard input than the ranks take"})
	}
}

// signal hands a signal on. TSTP and CONT stop and continue the process; the others are for the ranks.
func (j *job) signal(number int32) {
	switch syscall.Signal(number) {
	case syscall.SIGTSTP, syscall.SIGSTOP:
		j.halt(syscall.SIGSTOP)
	case syscall.SIGCONT:
		j.halt(syscall.SIGCONT)
	default:
		j.orders.put(&control.Signal{Number: number})
	}
}

// halt stops or continues the executor. One that has not started yet is stopped when it has: before, it could not even be
// told of its worker's end.
func (j *job) halt(s syscall.Signal) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.stopped = s == syscall.SIGSTOP
	if j.started && j.process != nil {
		j.process.signal(s)
	}
}

// query asks where the ranks stand. Before they have started they stand where the worker is with them.
func (j *job) query() {
	j.mu.Lock()
	running := j.started && !j.process.gone && j.end == nil
	doing := j.doing
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

// terminate ends the job: in order, or at once. A second order may be more urgent; the first one's reason stays.
func (j *job) terminate(t *schedpb.TerminateJob) {
	j.mu.Lock()
	defer j.mu.Unlock()
	first := j.terminated == nil
	if first {
		j.terminated = t
	}
	j.abandon()
	p := j.process
	switch {
	case p == nil || p.gone:
	case t.GetKill():
		p.kill()
	case first:
		j.orders.put(&control.Terminate{})
		p.signal(syscall.SIGCONT) // a stopped process could not answer
		j.overdue = time.AfterFunc(obedience, p.kill)
	}
}

// leave ends this worker's part in the job: it goes on without, or, where it can't, ends without a word.
func (j *job) leave() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.abandon()
	switch {
	case j.process == nil || j.process.gone:
	case j.outlives():
		j.left = true
		j.process.hangUp()
	default:
		j.process.kill()
	}
}

func (j *job) isLeft() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.left
}

// acknowledge: the scheduler has journalled the end.
func (j *job) acknowledge() {
	j.mu.Lock()
	first := j.end != nil && !j.acked
	j.acked = j.end != nil
	idle := len(j.readers) == 0
	j.mu.Unlock()
	if first && j.outlives() {
		j.forget()
	}
	if first && idle {
		j.w.release(j)
	}
}

// forget leaves of the job what is in its directory, until that is pruned. (Removing the record now would make new files slow on some
// file systems, which look at each inode that was deleted lately.)
func (j *job) forget() {
	failpoint.Here(failpoint.WorkerBeforeForget)
	defer failpoint.Here(failpoint.WorkerAfterForget)
	if err := j.w.state.Forget(j.key.id, j.key.epoch); err != nil {
		j.w.Logger.Warn("a job that has ended", "job", j.key.id, "err", err)
	}
	j.mu.Lock()
	remains := j.remains
	j.mu.Unlock()
	if remains != nil {
		remains.forgetFiles()
	}
	j.w.pruneSometimes()
}

func (j *job) acknowledged() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.acked
}

// reportAgain says what a lost connection may have swallowed.
func (j *job) reportAgain() {
	j.mu.Lock()
	started, taken, end, acked := j.started, j.taken, j.end, j.acked
	j.mu.Unlock()
	if acked {
		return
	}
	if started {
		j.w.report(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_Started{Started: &schedpb.JobStarted{Job: j.key.ref()}}})
	}
	if taken > 0 {
		j.w.report(j.stdinTaken(taken))
	}
	if end != nil {
		j.w.report(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_Ended{Ended: end}})
	}
}

// Output.

// attach counts a reader of the log in. It begins at offset.
func (j *job) attach(offset uint64) (id int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.nextReader++
	j.readers[j.nextReader] = offset
	return j.nextReader
}

// detach counts it out. When nobody reads any more an interactive job's ranks need not wait for anybody.
func (j *job) detach(id int, eof bool) {
	j.mu.Lock()
	delete(j.readers, id)
	j.read = j.read || eof
	unread := len(j.readers) == 0 && j.end == nil
	forget := len(j.readers) == 0 && j.acked
	j.mu.Unlock()
	if unread && j.spec.GetInteractive() {
		j.orders.put(&control.Delivered{Offset: math.MaxUint64})
	}
	if forget {
		j.w.release(j)
	}
}

// delivered notes how far a reader is. It returns how far the slowest one is, and whether it is the only one.
func (j *job) delivered(id int, offset uint64) (slowest uint64, alone bool) {
	j.mu.Lock()
	j.readers[id] = offset
	slowest = offset
	for _, o := range j.readers {
		slowest = min(slowest, o)
	}
	alone = len(j.readers) == 1
	tell := slowest >= j.told+j.w.LogWindow/16 // not for every line
	if tell {
		j.told = slowest
	}
	j.mu.Unlock()
	if tell && j.spec.GetInteractive() {
		j.orders.put(&control.Delivered{Offset: slowest})
	}
	return slowest, alone
}

// growth returns a channel that is closed when there is more to read than at the time of the call, and whether the job has
// ended by now.
func (j *job) growth() (grew <-chan struct{}, ended bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.grew, j.end != nil
}
