package worker

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/faasmrun/faasmrun/internal/failpoint"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker/cgroup"
	"github.com/faasmrun/faasmrun/worker/control"
	"github.com/faasmrun/faasmrun/worker/state"
)

// What comes before a job's ranks: its directory, its programs, the process that is to run it, and that process's
// Start.

// prepareStart gets everything that the executor needs.
func (j *job) prepareStart() (*control.Start, error) {
	if j.order.Ranks != j.order.WorldSize || j.order.FirstRank != 0 {
		return nil, fmt.Errorf("ranks %d to %d of %d were placed here; this version runs a job on one worker",
			j.order.FirstRank, j.order.FirstRank+j.order.Ranks-1, j.order.WorldSize)
	}
	if err := j.makeDir(); err != nil {
		return nil, err
	}
	if j.spec.GetScript() != nil {
		if err := j.mayRunScript(); err != nil {
			return nil, err
		}
	}
	start := &control.Start{
		Job:         j.key.id,
		Epoch:       j.key.epoch,
		Restarts:    j.order.Restarts,
		Node:        j.w.Name,
		FirstRank:   j.order.FirstRank,
		Ranks:       j.order.Ranks,
		WorldSize:   j.order.WorldSize,
		Interactive: !j.outlivesWorker(),
		MemPerRank:  j.spec.GetMemPerRankBytes(),
		Stdin:       control.StdinTo(j.spec.GetStdin()),
		StdinRanks:  j.spec.GetStdinRanks(),
		LogPath:     j.executorPath("log"),
		ExitPath:    j.executorPath("exit"),
		CacheDir:    j.executorCachePath(j.w.modules.native()),
		Check:       j.spec.GetMpi().GetCheck(),
		MPIStats:    j.spec.GetMpi().GetStats(),
		OpenMPStats: j.spec.GetOpenmpStats(),
		IdleTimeout: j.w.idle.executorTimeout(),
	}
	if j.spec.GetInteractive() {
		start.LogWindow = j.w.LogWindow
	}
	start.Stdout, start.Stderr = j.outputFiles(j.spec.GetStdoutPath()), j.outputFiles(j.spec.GetStderrPath())
	if j.spec.GetStderrPath() == "" {
		start.Stderr = start.Stdout
	}
	start.Append = j.spec.GetAppendOutput()
	start.SharedOut, start.SharedErr = j.shared(j.spec.GetStdoutPath()), j.shared(j.spec.GetStderrPath())
	if j.outlivesWorker() {
		start.AgentUID = uint32(os.Geteuid())
	}
	if x := j.spec.GetScript(); x != nil {
		j.prepareScript(start, x)
		return start, nil
	}
	if within := j.w.Within; within != nil { // for its ranks, which are to know the job and not the step's number
		start.Job, start.Restarts = within.Job, within.Restarts
	}
	programs, err := j.preparePrograms(start)
	if err != nil {
		return nil, err
	}
	if j.engine = schedpb.EngineWazero; start.Native {
		j.engine = schedpb.EngineNative
	}
	var needs []memoryNeed
	for i, app := range j.spec.GetApps() {
		p := programs[i]
		started := j.app(app, j.executorCachePath(p.Module))
		if p.object != nil {
			started.Object, started.Digest = j.executorCachePath(p.object.Path), hex.EncodeToString(p.object.Digest[:])
		}
		start.Apps = append(start.Apps, started)
		needs = append(needs, memoryNeed{app.GetProgram(), app.GetRanks(), p.MinMemory})
	}
	j.setActivity("")
	return start, j.w.fits(needs)
}

// setActivity notes what the job is doing, for those who ask for the states of its ranks.
func (j *job) setActivity(doing string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.activity = doing
}

// makeDir finds out which user the job runs as, and makes its directory, which is that user's.
func (j *job) makeDir() (err error) {
	if j.as, err = j.w.identityOf(j.order.GetTenant()); err != nil {
		return err
	}
	if err := os.MkdirAll(j.dir, 0o700); err != nil {
		return asWorkerFault(fmt.Errorf("make the job's directory: %w", err))
	}
	if j.as == nil {
		return nil
	}
	if err := os.Chown(j.dir, int(j.as.uid), int(j.as.gid)); err != nil {
		return asWorkerFault(fmt.Errorf("give the job's directory to user %s: %w", j.as.name, err))
	}
	return nil
}

// An executor of another user is passed the cache and the job's directory as descriptors: that user might not be
// allowed into the directories above them.
const lentCache, lentJob = 0, 1

// executorPath is the path of one of the job's files, as its executor sees it.
func (j *job) executorPath(name string) string {
	if j.as == nil {
		return j.file(name)
	}
	return lentPath(lentJob, name)
}

// executorCachePath is a path in the cache, as the job's executor sees it.
func (j *job) executorCachePath(path string) string {
	if j.as == nil {
		return path
	}
	return lentPath(lentCache, strings.TrimPrefix(path, j.w.CacheDir))
}

// executor takes one of the tenant's idle executors, or a prestarted one, or starts one.
func (j *job) executor() (p *process, err error) {
	if j.spec.GetScript() != nil {
		return j.supervisor()
	}
	if p = j.w.idle.take(j.order.GetTenant(), j.as); p != nil {
		failpoint.Here(failpoint.WorkerBeforeReuse)
		return p, nil
	}
	if j.as == nil {
		p, err = j.w.prestarted.take()
	} else {
		p, err = j.w.spawnAs(executorVerb, j.as)
	}
	if err == nil {
		p.tenant = j.order.GetTenant()
	}
	return p, err
}

// spawnAs starts a child of a verb as another user.
func (w *Worker) spawnAs(verb string, as *identity) (*process, error) {
	var lent []*os.File
	for _, path := range []string{lentCache: w.CacheDir, lentJob: os.DevNull} { // until there is a job
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		lent = append(lent, f)
	}
	return w.spawner.spawn(verb, as, lent...)
}

// joinGroup puts the process into a control group of its own, with the job's limits.
func (j *job) joinGroup(p *process, who state.Process) (err error) {
	if j.w.Groups == nil {
		return nil
	}
	limits := cgroup.Limits{Memory: j.memoryLimit(), Weight: j.slots()}
	if p.group != nil {
		return p.group.Limit(limits)
	}
	if p.group, err = j.w.Groups.New(groupOf(who), limits); err == nil {
		err = p.group.Add(p.pid)
	}
	return err
}

// memoryLimit is what all of the job may have; the worker's own limit where it was not said.
func (j *job) memoryLimit() uint64 {
	if most := j.spec.GetMemPerRankBytes(); most > 0 {
		return uint64(j.order.Ranks)*(most+rankOverhead) + executorOverhead
	}
	return j.w.MemBytes
}

// groupOf names a process's control group.
func groupOf(who state.Process) string { return fmt.Sprintf("%d.%d", who.PID, who.Began) }

var errTerminated = errors.New("the job was ended before its ranks started")

// launch has an executor start the job, unless the job has been ended meanwhile.
func (j *job) launch(start *control.Start) (*process, error) {
	p, err := j.acquireProcess()
	if err != nil {
		return nil, err
	}
	j.mu.Lock()
	ended := j.terminated != nil || j.workerStopping
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

// acquireProcess gets a process that is to run the job, and records which it is.
func (j *job) acquireProcess() (*process, error) {
	for {
		p, err := j.executor()
		if err != nil {
			return nil, asWorkerFault(err)
		}
		failpoint.Here(failpoint.WorkerBeforeRemember)
		who, err := state.Identify(p.pid)
		if err == nil {
			err = errors.Join(j.joinGroup(p, who), j.remember(p, who))
		}
		if err == nil {
			return p, nil
		}
		p.discard()
		if p.served == 0 {
			return nil, asWorkerFault(err)
		}
		j.w.Logger.Info("an idle executor can't be used again", "job", j.key.id, "pid", p.pid, "err", err)
	}
}

// remember records which process will run the job, before it gets Start: the other way round a worker that is killed in
// between would leave ranks that nobody knows of.
func (j *job) remember(p *process, who state.Process) error {
	if !j.outlivesWorker() {
		return nil
	}
	order, err := proto.Marshal(j.order)
	if err != nil {
		return err
	}
	return j.w.state.Put(state.Executor{Job: j.key.id, Epoch: j.key.epoch, Order: order, Process: who,
		Files: filepath.Base(p.files), Group: p.group != nil,
		Control: p.conn.Version()})
}
