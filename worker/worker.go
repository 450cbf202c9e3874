// Package worker is the agent on a node. It owns the node's stream to the scheduler, the module cache and the
// executors: for each job it starts a child process, or reuses an idle one of the same tenant, passes the scheduler's
// orders to it, streams its output and reports how its ranks ended. It never runs guest code. Placement is the
// scheduler's, and so is what an end makes of a job (scheduler/core/result); what happens inside an executor is
// worker/executor's, the frames between the two are worker/control's, and the output file is worker/joblog's.
//
//	DIR/state                       which executors may be running: what the next worker with this directory adopts
//	DIR/jobs/<job>.<epoch>/log      output of the job's ranks here
//	DIR/jobs/<job>.<epoch>/exit     the executor's exit record
//	DIR/executors/<name>.stderr     an executor's stderr: what a crash leaves
//	DIR/executors/<name>.socket     its adoption socket, to which the next worker connects
//	CACHEDIR/modules                modules, and what is known of them (modules.go)
//	CACHEDIR/native                 machine code, the engine's
package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/faasmrun/faasmrun/internal/private"
	"github.com/faasmrun/faasmrun/internal/tasks"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker/cgroup"
	"github.com/faasmrun/faasmrun/worker/state"
)

// Config is what a worker needs. Zero values of those marked so take a default.
type Config struct {
	Conn   grpc.ClientConnInterface // to the scheduler; remains the caller's
	Name   string                   // of the node, in messages and listings
	Slots  uint32
	Labels []*schedpb.EnvVar // what jobs may ask for

	Resources []*schedpb.Resource // that jobs may take
	Engines   []*schedpb.Engine   // what programs can be run with
	Native    *Native             // how machine code for the native engine is made; nil: the worker has not that engine
	MemBytes  uint64              // for ranks; 0: whatever the machine has free when a job starts
	Dir       string              // the worker's own state; made if missing
	CacheDir  string              // shared with other workers of this machine; made if missing
	// this program, whose verbs "executor", "prepare", "object" and "clang" are the children; "": the running one
	Executable string
	Logger     *slog.Logger  // nil: silent
	Grace      time.Duration // how long ranks outlive a lost scheduler; 0: what the scheduler says
	// by tenant: the user that its executors run as, if the worker is root; others have the tenant's name
	Users        map[string]string
	Groups       *cgroup.Groups // nil: executors are in no control groups of their own
	LogWindow    uint64         // undelivered output that an interactive job may have; 0: 64 MiB
	Prestart     int            // how many executors are kept ready for the next jobs of the worker's own user
	KeepLogs     int            // of how many ended batch jobs the output is kept, of the newest; 0: DefaultKeepLogs
	KeepLogBytes uint64         // and how many bytes of it; 0: DefaultKeepLogBytes
	Idle         int            // how many executors may wait for their tenants' next jobs; 0: each ends with its job
	IdleTimeout  time.Duration  // how long one waits; 0: DefaultIdleTimeout
	// asked when it stops: whether its jobs are to start elsewhere at once, instead of waiting for its successor; nil:
	// they wait
	Requeue   func() bool
	Connected func() // called when the scheduler has taken the worker in, each time that it does; nil: nobody asks
	// called with what the user of a job should know that goes on all the same; nil: there is nobody
	Notice func(what string)
	// scripts are not run here, which is announced; nor are they by a worker that nobody comes after
	NoScripts bool
	// the job in whose script the scheduler of this worker's jobs runs: they are its steps. nil: it is no such worker
	Within *Within
	// nobody comes after this worker: every executor ends with it, and nothing is remembered
	Ephemeral bool
}

const (
	defaultGrace     = 5 * time.Minute
	defaultHeartbeat = 5 * time.Second
	defaultLogWindow = 64 << 20
)

// Within is the job whose steps a worker runs.
type Within struct {
	Job      uint64
	Restarts uint32
}

// Worker is one node's agent.
type Worker struct {
	Config
	client     schedpb.WorkersClient
	modules    *modules
	state      *state.Store // nil: ephemeral
	lease      lease
	spawner    spawner
	prestarted prestarted
	idle       idleExecutors
	forgotten  atomic.Uint64 // jobs
	disks      disks
	health     health

	cancel       context.CancelFunc
	ctx          context.Context // of everything that ends with the worker
	aside        context.Context // of tasks that a worker which stops does not wait out
	endAside     context.CancelFunc
	ran          chan struct{} // closed when Run has returned
	tasks        tasks.Group   // jobs, makers, what finds out whether jobs can be started; stopped: it shuts down
	streams      tasks.Group   // of output
	shutDownOnce sync.Once

	mu      sync.Mutex // guards all below; not held across anything that waits
	started bool
	jobs    map[jobKey]*job // held: running, or ended and not yet forgotten
	kept    []*job          // acknowledged, but nobody has read their output yet; at most maxKept
	session *session        // nil while there is no connection
}

// jobKey names one placement of a job.
type jobKey struct{ id, epoch uint64 }

func keyOf(r *schedpb.JobRef) jobKey { return jobKey{r.GetJobId(), r.GetEpoch()} }

func (k jobKey) String() string { return fmt.Sprintf("%d.%d", k.id, k.epoch) }

func (k jobKey) ref() *schedpb.JobRef { return &schedpb.JobRef{JobId: k.id, Epoch: k.epoch} }

// New makes the worker's directories and opens its state. A worker that New returned must be stopped.
func New(c Config) (*Worker, error) {
	if c.Executable == "" {
		// Not its path: that may be another program by then, or lie where another user can't go.
		c.Executable = "/proc/self/exe"
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.LogWindow == 0 {
		c.LogWindow = defaultLogWindow
	}
	if c.KeepLogs == 0 {
		c.KeepLogs = DefaultKeepLogs
	}
	if c.KeepLogBytes == 0 {
		c.KeepLogBytes = DefaultKeepLogBytes
	}
	if c.IdleTimeout == 0 {
		c.IdleTimeout = DefaultIdleTimeout
	}
	if c.Ephemeral && c.Within == nil {
		c.Idle = 0 // nobody comes after its job
	}
	for _, name := range []string{"jobs", "executors"} {
		if err := private.Dir(filepath.Join(c.Dir, name)); err != nil {
			return nil, fmt.Errorf("worker %s: %w", c.Name, err)
		}
	}
	w := &Worker{Config: c, client: schedpb.NewWorkersClient(c.Conn), jobs: map[jobKey]*job{}, ran: make(chan struct{})}
	w.spawner = spawner{executable: c.Executable, dir: filepath.Join(c.Dir, "executors"), adoptable: !c.Ephemeral}
	w.prestarted = prestarted{spawner: &w.spawner, want: c.Prestart, renew: !c.Ephemeral}
	w.idle = idleExecutors{limit: c.Idle, timeout: c.IdleTimeout}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	w.aside, w.endAside = context.WithCancel(w.ctx)
	var err error
	if w.modules, err = newModules(c.CacheDir, c.Executable, c.Name, w.client); err != nil {
		return nil, fmt.Errorf("worker %s: %w", c.Name, err)
	}
	if !c.Ephemeral { // a job that has nowhere else to run is to fail, not to wait
		w.disks = disks{dirs: []string{c.Dir, c.CacheDir}, free: freeSpace}
		if w.state, err = state.Open(filepath.Join(c.Dir, "state")); err != nil {
			return nil, fmt.Errorf("worker %s: %w", c.Name, err)
		}
	}
	return w, nil
}

// Run serves the scheduler, and reconnects when the connection is lost, until ctx ends, Stop is called or the scheduler
// refuses this worker; only the last is an error. It first adopts what an earlier worker left in the directory. When it
// returns every executor has ended, but for those of batch jobs, which the next worker adopts. It is called once.
func (w *Worker) Run(ctx context.Context) error {
	w.mu.Lock()
	if w.started || w.ctx.Err() != nil {
		w.mu.Unlock()
		return errors.New("worker: it ran before")
	}
	w.started = true
	w.mu.Unlock()
	defer close(w.ran)
	inOrder := false
	defer func() {
		// a panic may have left locks held that an end in order would wait for, and a process that hangs helps nobody
		if !inOrder {
			w.shutDownOnce.Do(w.cancel)
		}
	}()
	defer context.AfterFunc(ctx, w.shutDown)()
	err := w.work()
	inOrder = true
	w.end()
	return err
}

func (w *Worker) work() error {
	if w.state != nil {
		if err := w.adopt(); err != nil {
			return fmt.Errorf("worker %s: %w", w.Name, err)
		}
		w.sweepTemporary()
		w.prune()
	}
	w.prestarted.fill()
	return w.runSessions()
}

// Stop ends the worker, with the executors that end with it, and waits until they are gone. It may be repeated.
func (w *Worker) Stop() {
	w.shutDown()
	w.mu.Lock()
	started := w.started
	w.started = true
	w.mu.Unlock()
	if started {
		<-w.ran
		return
	}
	w.end()
	close(w.ran)
}

// end shuts down, leaves batch jobs running, kills the rest and waits for it.
func (w *Worker) end() {
	w.shutDown()
	w.streams.Stop()
	w.streams.Wait()
	w.health.stop()
	w.prestarted.close()
	w.idle.close()
	if w.state != nil {
		if err := w.state.Close(); err != nil {
			w.Logger.Warn("closing the worker's state", "err", err)
		}
	}
}

// shutDown stops taking orders, detaches from every job, tells the scheduler which ones keep running, and closes the
// connection.
func (w *Worker) shutDown() {
	w.shutDownOnce.Do(func() {
		defer w.cancel()
		w.mu.Lock()
		w.tasks.Stop()
		s := w.session
		w.mu.Unlock()
		w.endAside()
		kill := w.Requeue != nil && w.Requeue()
		held := w.held()
		for _, j := range held {
			j.detachWorker(kill)
		}
		w.tasks.Wait()
		var staying []*schedpb.JobRef
		for _, j := range held {
			switch {
			case j.survivesWorker():
				staying = append(staying, j.key.ref())
			case w.state != nil && j.outlivesWorker() && !j.acknowledged():
				w.state.Forget(j.key.id, j.key.epoch) // the scheduler is told that nothing of it runs
			}
		}
		if s != nil && !w.Ephemeral {
			s.goodbye(staying)
		}
	})
}

func (w *Worker) isShuttingDown() bool { return w.tasks.Stopped() }

func (w *Worker) held() []*job {
	w.mu.Lock()
	defer w.mu.Unlock()
	jobs := make([]*job, 0, len(w.jobs))
	for _, j := range w.jobs {
		jobs = append(jobs, j)
	}
	return jobs
}

func (w *Worker) job(ref *schedpb.JobRef) *job {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.jobs[keyOf(ref)]
}

// jobDir is the directory of a placement's files.
func (w *Worker) jobDir(k jobKey) string {
	return filepath.Join(w.Dir, "jobs", k.String())
}

// start takes a job. A repeated order for the same placement changes nothing.
func (w *Worker) start(order *schedpb.StartJob) { w.take(newJob(w, order)) }

func (w *Worker) take(j *job) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.jobs[j.key] == nil && w.tasks.Go(j.run) {
		w.jobs[j.key] = j
	}
}

// maxKept bounds the jobs that are over and acknowledged, and whose output nobody has read yet.
const maxKept = 32

// release forgets a job that is over, acknowledged and read. A batch job's log is kept.
func (w *Worker) release(j *job) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !j.spec.GetInteractive() || j.read {
		w.drop(j)
		return
	}
	w.kept = append(w.kept, j)
	if len(w.kept) > maxKept {
		w.drop(w.kept[0])
		w.kept = w.kept[1:]
	}
}

// drop is called with mu held. Removing a few files is quick enough for it.
func (w *Worker) drop(j *job) {
	delete(w.jobs, j.key)
	if j.spec.GetInteractive() {
		os.RemoveAll(j.dir)
	}
}
