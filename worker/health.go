package worker

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker/cgroup"
	"github.com/faasmrun/faasmrun/worker/state"
)

// A job that can't be started because of this worker (no process can be made, its control group is gone, its disk fails) goes back
// to the scheduler, and no other comes until what it takes to start one works again. What is wrong with the job or its module ends
// the job alone: a tenant's module must not close a worker.

// ownFault is an error that is the worker's, not the job's.
type ownFault struct{ error }

func (f ownFault) Unwrap() error { return f.error }

// own marks an error as the worker's; nil stays nil.
func own(err error) error {
	if err == nil {
		return nil
	}
	return ownFault{err}
}

func isOwn(err error) bool { return errors.As(err, new(ownFault)) }

// How long a worker waits before it looks whether it can start jobs again: longer each time, so that one that only seems to be fit
// does not have all jobs come by.
const (
	firstProbe = 5 * time.Second
	lastProbe  = 5 * time.Minute
)

// health is whether jobs can be started here.
type health struct {
	mu    sync.Mutex // guards all below
	why   string     // they can't; "": they can, for all that is known
	wait  time.Duration
	timer *time.Timer
}

func (h *health) trouble() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.why
}

// blame notes that a job could not be started, and has that looked at later.
func (h *health) blame(err error, probe func()) (why string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.why = text("it can't start jobs: "+err.Error(), maxWhere)
	if h.wait = min(2*h.wait, lastProbe); h.wait == 0 {
		h.wait = firstProbe
	}
	if h.timer != nil {
		h.timer.Stop()
	}
	h.timer = time.AfterFunc(h.wait, probe)
	return h.why
}

// fit notes that they can be started, as far as can be found out without one.
func (h *health) fit() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.why = ""
}

// proven notes that one was.
func (h *health) proven() {
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

// blame is called when a job could not be started, by the worker's own fault.
func (w *Worker) blame(err error) (why string) {
	w.Logger.Error("jobs can't be started here", "err", err)
	return w.health.blame(err, w.examine)
}

// examine finds out whether jobs can be started again.
func (w *Worker) examine() {
	w.mu.Lock()
	over := w.parting
	if !over {
		w.jobsDone.Add(1)
	}
	w.mu.Unlock()
	if over {
		return
	}
	defer w.jobsDone.Done()
	if err := w.rehearse(); err != nil {
		w.blame(err)
		return
	}
	w.Logger.Info("jobs can be started here again")
	w.health.fit()
}

// rehearse does all that comes before a job's ranks, without a job.
func (w *Worker) rehearse() error {
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
	p, err := w.spawner.spawn(nil)
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
	p.hangUp() // it ends by itself, once it has come so far
	late := time.AfterFunc(obedience, p.kill)
	defer late.Stop()
	if p.wait(); !p.cmd.ProcessState.Success() {
		return fmt.Errorf("an executor without a job ended with %v: %s", p.cmd.ProcessState, text(crash(p.lastWords()), maxWhere))
	}
	return nil
}

// unstarted is an executor that ended before it had begun its job; a program's doing it can't be.
func (j *job) unstarted(p *process) error {
	state, words := p.cmd.ProcessState, p.lastWords()
	err := fmt.Errorf("the executor ended (%v) before it began", state)
	if len(words) > 0 {
		err = fmt.Errorf("%w: %s", err, text(crash(words), maxWhere))
	}
	if state.Exited() {
		return own(err)
	}
	return killedEarly{err} // by whoever: its tenant may, and the system for want of memory
}

// killedEarly is the end of an executor by a signal before it began: another try is right, but nobody is to blame.
type killedEarly struct{ error }

// launchFailed is the report of a job that could not be started, if that is not its own fault; nil: it is.
func (j *job) launchFailed(err error) *schedpb.JobEnded {
	if j.w.Ephemeral || err == nil { // there is nowhere else to run
		return nil
	}
	ended := &schedpb.JobEnded{Job: j.key.ref(), LaunchFailed: true,
		End: &schedpb.JobEnd{State: "NF", ExitCode: exitFailed, Reason: text(err.Error(), maxMessage)}}
	switch {
	case isOwn(err):
		ended.Unfit = j.w.blame(err)
	case errors.As(err, new(killedEarly)):
	default:
		return nil
	}
	return ended
}
