package worker

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/faasmrun/faasmrun/scheduler/core/result"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker/cgroup"
	"github.com/faasmrun/faasmrun/worker/state"
)

// A job that can't be started because of this worker (no process can be made, its control group is gone, its disk
// fails) goes back to the scheduler, and no other comes until what it takes to start one works again. What is wrong
// with the job or its module ends the job alone: a tenant's module must not close a worker.

// workerFault is an error that is the worker's, not the job's.
type workerFault struct{ error }

func (f workerFault) Unwrap() error { return f.error }

// asWorkerFault marks an error as the worker's; nil stays nil.
func asWorkerFault(err error) error {
	if err == nil {
		return nil
	}
	return workerFault{err}
}

func isWorkerFault(err error) bool { return errors.As(err, new(workerFault)) }

// How long a worker waits before it looks whether it can start jobs again: longer each time, so that one that only
// seems to be fit does not have all jobs come by.
const (
	firstProbe = 5 * time.Second
	lastProbe  = 5 * time.Minute
)

// health is whether jobs can be started here.
type health struct {
	mu    sync.Mutex // guards all below
	unfit string     // they can't; "": they can, for all that is known
	wait  time.Duration
	timer *time.Timer
}

func (h *health) reason() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.unfit
}

// markUnfit notes that a job could not be started, and schedules a check.
func (h *health) markUnfit(err error, probe func()) (why string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unfit = result.Text("it can't start jobs: "+err.Error(), maxWhere)
	if h.wait = min(2*h.wait, lastProbe); h.wait == 0 {
		h.wait = firstProbe
	}
	if h.timer != nil {
		h.timer.Stop()
	}
	h.timer = time.AfterFunc(h.wait, probe)
	return h.unfit
}

// markFit notes that jobs can be started, as far as can be found out without one.
func (h *health) markFit() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unfit = ""
}

// resetBackoff notes that a job was started: the next fault is checked early again.
func (h *health) resetBackoff() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wait = 0
}

func (h *health) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.timer != nil {
		h.timer.Stop()
	}
}

// markUnfit is called when a job could not be started, by the worker's own fault.
func (w *Worker) markUnfit(err error) (why string) {
	w.Logger.Error("jobs can't be started here", "err", err)
	return w.health.markUnfit(err, w.recheckHealth)
}

// recheckHealth finds out whether jobs can be started again.
func (w *Worker) recheckHealth() {
	done := w.tasks.Start()
	if done == nil {
		return
	}
	defer done()
	if err := w.tryStart(); err != nil {
		w.markUnfit(err)
		return
	}
	w.Logger.Info("jobs can be started here again")
	w.health.markFit()
}

// tryStart does everything that comes before a job's ranks, without a job.
func (w *Worker) tryStart() error {
	dir, err := os.MkdirTemp(filepath.Join(w.Dir, "executors"), "probe-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if w.state != nil {
		if err := w.state.Probe(); err != nil {
			return err
		}
	}
	p, err := w.spawner.spawn(executorVerb, nil)
	if err != nil {
		return err
	}
	defer p.discard()
	if w.Groups != nil {
		who, err := state.Identify(p.pid)
		if err == nil {
			if p.group, err = w.Groups.New(groupOf(who), cgroup.Limits{Memory: w.MemBytes, Weight: 1}); err == nil {
				err = p.group.Add(p.pid)
			}
		}
		if err != nil {
			return err
		}
	}
	p.closeConn() // it ends by itself, once it has come so far
	late := time.AfterFunc(terminationGrace, p.kill)
	defer late.Stop()
	if p.wait(); !p.cmd.ProcessState.Success() {
		return fmt.Errorf("an executor without a job ended with %v: %s", p.cmd.ProcessState,
			result.Text(crash(p.readStderr()), maxWhere))
	}
	return nil
}

// earlyExit is the error for an executor that ended before it had begun its job. No program can have caused it.
func (j *job) earlyExit(p *process) error {
	state, words := p.cmd.ProcessState, p.readStderr()
	err := fmt.Errorf("the executor ended (%v) before it began", state)
	if len(words) > 0 {
		err = fmt.Errorf("%w: %s", err, result.Text(crash(words), maxWhere))
	}
	if state.Exited() {
		return asWorkerFault(err)
	}
	return killedEarly{err} // by whoever: its tenant may, and the system for want of memory
}

// killedEarly is the end of an executor by a signal before it began. Another try is right, but it is not the worker's
// fault: the tenant may have sent the signal, or the system for want of memory.
type killedEarly struct{ error }

// launchFailed is the report of a job that could not be started; nil if that is the job's own fault.
func (j *job) launchFailed(err error) *schedpb.JobEnded {
	if j.w.Ephemeral || err == nil { // there is nowhere else to run
		return nil
	}
	ended := j.ended(j.notBegun(err), usage{})
	ended.LaunchFailed = true
	switch {
	case isWorkerFault(err):
		ended.Unfit = j.w.markUnfit(err)
	case errors.As(err, new(killedEarly)):
	default:
		return nil
	}
	return ended
}
