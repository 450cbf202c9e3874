package scheduler

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/faasmrun/faasmrun/internal/failpoint"
	"github.com/faasmrun/faasmrun/scheduler/core"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/scheduler/store"
)

// reactor owns core's state. It takes what has come in, has core decide, journals the transitions of all of it with one
// sync, and only then acts and answers. The state runs ahead of the journal in between, and nobody sees it.
type reactor struct {
	s     *Server
	log   *slog.Logger
	state *core.State
	store store.Store

	batch  []core.Transition
	after  []func()
	passed uint64 // the state's version after the last pass
	began  instant

	saving   saving
	replicas sync.WaitGroup // the goroutines of withReplica

	workers   map[core.WorkerName]*workerConn
	watches   map[core.JobID]*watch
	launchers map[core.JobID]*launcherSession
	streams   map[uint64]*outputStream
	followers map[*follower]bool

	lastSpec  *schedpb.JobSpec // the last one that was read, and its bytes
	lastBytes []byte
}

// batchSize bounds how many calls share one sync of the journal.
const batchSize = 512

func newReactor(s *Server) (*reactor, error) {
	r := &reactor{s: s, began: instant{s.cfg.Clock(), s.cfg.Steady()}, log: s.cfg.Logger, store: s.cfg.Store,
		state:   core.NewState(s.cfg.policy()),
		workers: map[core.WorkerName]*workerConn{}, watches: map[core.JobID]*watch{},
		launchers: map[core.JobID]*launcherSession{}, streams: map[uint64]*outputStream{}, followers: map[*follower]bool{}}
	if err := r.store.Load(r.state.LoadPiece, replayInto(r.state)); err != nil {
		return nil, fmt.Errorf("reading the journal back: %w", err)
	}
	if _, err := r.decide(core.Recovered{}); err != nil {
		return nil, err
	}
	r.awaitLaunchers()
	return r, r.commit()
}

func (r *reactor) run() {
	defer func() {
		r.replicas.Wait() // they read the store
		r.store.Close()
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-r.s.halt:
			return
		case f := <-r.s.inbox:
			f(r)
			r.drain()
		case <-timer.C:
			if _, err := r.decide(core.Tick{}); err != nil {
				r.log.Error("tick", "err", err)
			}
		}
		if err := r.settle(); err != nil {
			r.log.Error("the scheduler stops", "err", err)
			r.s.stop(err)
			return
		}
		r.arm(timer)
	}
}

// drain takes what else has come in meanwhile, so that it shares the sync.
func (r *reactor) drain() {
	for range batchSize {
		select {
		case f := <-r.s.inbox:
			f(r)
		default:
			return
		}
	}
}

// settle places what can be placed now, and makes everything known once it is on disk.
func (r *reactor) settle() error {
	for r.state.Version() != r.passed || r.state.Unsettled() {
		if _, err := r.decide(core.Pass{}); err != nil {
			return err
		}
		r.passed = r.state.Version()
	}
	return r.commit()
}

// decide has core decide about an event and takes the steps that follow; they are not on disk yet.
func (r *reactor) decide(e core.Event) ([]core.Transition, error) {
	ts, err := core.Decide(r.state, e, r.now())
	if err != nil {
		return nil, err
	}
	for _, t := range ts {
		if err := core.Apply(r.state, t); err != nil {
			// What core decides on a state fits that state: this is a bug, and no state to go on from.
			panic(fmt.Sprintf("scheduler: %v", err))
		}
	}
	r.batch = append(r.batch, ts...)
	return ts, nil
}

// instant is a moment on both clocks.
type instant struct {
	wall   time.Time
	steady time.Duration
}

// now is what the clock on the wall shows. Whoever set it meanwhile has moved no fence.
func (r *reactor) now() core.Time {
	now := instant{r.s.cfg.Clock(), r.s.cfg.Steady()}
	// Without their monotonic parts: a Time's own is that of a clock that stands still while the machine sleeps.
	r.state.Skew = core.Duration(now.wall.Round(0).Sub(r.began.wall.Round(0)) - (now.steady - r.began.steady))
	return core.Time(now.wall.UnixNano())
}

// afterCommit runs f when everything decided so far is on disk. f runs on the reactor and must not wait.
func (r *reactor) afterCommit(f func()) { r.after = append(r.after, f) }

// commit journals, then acts, then answers.
func (r *reactor) commit() error {
	batch, after := r.batch, r.after
	r.batch, r.after = nil, nil
	if len(batch) > 0 {
		failpoint.Here(failpoint.SchedulerBeforeJournal)
		if err := r.store.Append(core.EncodeRecord(batch)); err != nil {
			return err
		}
	}
	if len(batch) > 0 {
		failpoint.Here(failpoint.SchedulerAfterJournal)
	}
	for _, t := range batch {
		r.logTransition(t)
		r.act(t)
		r.sendOrders(r.state.OrdersAfter(t))
		r.markFollowers(t)
	}
	if len(batch) > 0 {
		r.notifyReasons()
		failpoint.Here(failpoint.SchedulerBeforeAnswer)
	}
	for _, f := range after {
		f()
	}
	return r.snapshot()
}

// arm sets the timer to the next deadline that core has.
func (r *reactor) arm(timer *time.Timer) {
	wait := time.Hour
	if at := r.state.Deadline(); at != 0 {
		wait = min(wait, max(0, time.Duration(at-r.now())))
	}
	timer.Reset(wait)
}

// act carries a journalled transition to whom it concerns. It looks at the state as it is now: what a later transition
// of the same batch has overtaken needs no act, and acting twice changes nothing.
func (r *reactor) act(t core.Transition) {
	switch t := t.(type) {
	case *core.JobPlaced:
		if j := r.state.Job(t.Ref.Job); j != nil && j.Ref() == t.Ref {
			r.notifyPlaced(j)
		}
	case *core.JobStarted:
		r.notifyState(t.Ref.Job, core.Running, "", t.At)
	case *core.JobEnding:
		r.notifyState(t.Ref.Job, core.Completing, t.Ending.Reason, r.now())
	case *core.JobRequeued:
		r.notifyState(t.Ref.Job, core.Requeued, t.Reason, r.now())
	case *core.JobOrphaned:
		r.notifyState(t.Ref.Job, core.Requeued, t.Reason, r.now())
	case *core.JobFinished:
		r.notifyEnd(t.Job)
	case *core.WorkerForgotten:
		if r.workers[t.Name] == nil {
			r.dropStreams(func(o *outputStream) bool { return o.worker == t.Name })
		}
	}
}
