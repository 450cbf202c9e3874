package scheduler

import (
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/faasmrun/faasmrun/scheduler/core"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// launcherSession is the launcher that an interactive job depends on, over all of its streams.
type launcherSession struct {
	session string              // "": its launcher was there before this scheduler, and is the first that comes
	stream  *attachment         // nil: it is away
	away    *time.Timer         // ends the job, unless the launcher comes back before
	taken   *schedpb.InputTaken // the last word of the job's worker, which a stream may not have carried to its end
}

// Bounds of a launcher's session.
const (
	minSession = 16
	maxSession = 64
	// inputAhead bounds what one launcher's input may occupy on its way to a worker that does not take it.
	inputAhead = 2 * stdinWindow
	itemCost   = 256 // of an item beside its bytes
	// endPatience is how long a launcher may take to say that it has its job's end.
	endPatience = 10 * time.Second
	// forGood is the offset that stands for all output, now and to come.
	forGood = ^uint64(0)
)

func checkSession(open *schedpb.AttachOpen) error {
	if n := len(open.Session); n > 0 && (n < minSession || n > maxSession) {
		return status.Errorf(codes.InvalidArgument, "a launcher's session has %d bytes; between %d and %d are taken", n,
			minSession, maxSession)
	}
	return nil
}

// holdJob makes a stream the one that an interactive job depends on, if it is its launcher's.
func (r *reactor) holdJob(a *attachment, j *core.Job) error {
	ts, err := r.decide(core.LauncherAttached{Job: a.job})
	if err != nil {
		return refusal(err)
	}
	a.holds = len(ts) > 0
	if a.session == "" || !j.Interactive || j.State.Terminal() {
		return nil
	}
	h := r.launchers[j.ID]
	switch {
	case h == nil && a.holds:
		h = &launcherSession{}
		r.launchers[j.ID] = h
	case h == nil || h.session != "" && h.session != a.session:
		return nil // another launcher's: this one looks on
	}
	if old := h.stream; old != nil {
		old.holds = false
		old.abort("its launcher has another stream by now")
	}
	if h.away != nil {
		h.away.Stop()
	}
	h.session, h.stream, h.away = a.session, a, nil
	if h.taken != nil {
		a.enqueueInput(h.taken)
	}
	a.holds = true
	return nil
}

// awaitLauncher gives a launcher whose stream has ended time to come back.
func (r *reactor) awaitLauncher(id core.JobID, h *launcherSession, ended <-chan struct{}) {
	s := r.s
	h.stream = nil
	giveUp := func() {
		s.post(func(r *reactor) {
			if r.launchers[id] == h && h.stream == nil {
				r.launcherDisconnected(id)
			}
		})
	}
	h.away = time.AfterFunc(s.cfg.LauncherWithin, giveUp)
	if ended == nil {
		return
	}
	s.tasks.Go(func() {
		away := time.NewTimer(s.cfg.LauncherWithin)
		defer away.Stop()
		select {
		case <-ended: // its process is no more
			giveUp()
		case <-away.C:
		case <-s.halt:
		}
	})
}

// awaitLaunchers does so for those whose streams ended with the last scheduler.
func (r *reactor) awaitLaunchers() {
	for id := r.state.Oldest(); id <= r.state.LastJob(); id++ {
		if j := r.state.Job(id); j != nil && j.Interactive && j.Attached && !j.State.Terminal() {
			h := &launcherSession{}
			r.launchers[id] = h
			r.awaitLauncher(id, h, nil)
		}
	}
}

// launcherDisconnected is the end of an interactive job's launcher.
func (r *reactor) launcherDisconnected(id core.JobID) {
	r.forgetSession(id)
	if _, err := r.decide(core.LauncherDisconnected{Job: id}); err != nil {
		r.log.Error("a launcher left", "job", id, "err", err)
	}
}

func (r *reactor) forgetSession(id core.JobID) {
	if h := r.launchers[id]; h != nil && h.away != nil {
		h.away.Stop()
	}
	delete(r.launchers, id)
}

// launcherLeft takes a launcher's own word that it ends: nobody asks for the job's output any more.
func (r *reactor) launcherLeft(a *attachment) {
	j := r.state.Job(a.job)
	if j == nil {
		return
	}
	if a.launcher {
		r.orderOutputTaken(j, forGood)
	}
	if a.holds {
		a.holds = false
		r.launcherDisconnected(a.job)
	}
}

func (r *reactor) orderOutputTaken(j *core.Job, offset uint64) {
	if w := r.workers[lastWorker(j)]; w != nil && w.numbered {
		w.order(&schedpb.SchedulerMessage{Msg: &schedpb.SchedulerMessage_OutputTaken{
			OutputTaken: &schedpb.JobOutputTaken{Job: wireRef(j.Ref()), Offset: offset}}})
	}
}

// outputTaken passes on what the launcher has written, which can't be more than it was given.
func (r *reactor) outputTaken(a *attachment, t *schedpb.OutputTaken) {
	j := r.state.Job(a.job)
	if j == nil || !a.launcher || core.Epoch(t.GetEpoch()) != j.Epoch || t.GetOffset() <= a.written ||
		t.GetOffset() > a.given.Load() {
		return
	}
	a.written = t.GetOffset()
	r.orderOutputTaken(j, t.GetOffset())
}

// input passes an item on. What can't be passed on now comes again when the job's worker says that its ranks have
// started.
func (r *reactor) input(a *attachment, in *schedpb.Input, cost int) {
	j, w := r.state.Job(a.job), r.watches[a.job]
	conn := r.workerOf(j)
	if in.GetQueryRanks() != nil {
		a.asked = conn != nil
		if conn == nil {
			a.enqueue(rankStates(&schedpb.RankStates{}))
		}
	}
	if !a.holds || conn == nil || w == nil {
		a.leaves(&a.items, cost)
		return
	}
	if conn.numbered {
		conn.orderThen(&schedpb.SchedulerMessage{Msg: &schedpb.SchedulerMessage_Input{
			Input: &schedpb.JobInput{Job: wireRef(j.Ref()), Input: in}}}, func() { a.leaves(&a.items, cost) })
		return
	}
	a.leaves(&a.items, cost)
	if w.passed == 0 {
		w.passed = in.GetSeq() - 1 // where its launcher begins
	}
	if w.started && in.GetSeq() == w.passed+1 {
		w.passed++
		r.inputUnnumbered(a, w, conn, j, in)
	}
}

// inputUnnumbered passes an item on to a worker of an earlier release: as if it could not be lost.
func (r *reactor) inputUnnumbered(a *attachment, w *watch, conn *workerConn, j *core.Job, in *schedpb.Input) {
	switch item := in.Item.(type) {
	case *schedpb.Input_Stdin:
		w.input = a
		w.sendStdin(conn, j, item.Stdin)
	case *schedpb.Input_Signal:
		r.signal(j.ID, item.Signal.GetNumber())
	case *schedpb.Input_QueryRanks:
		r.query(a)
	}
	a.enqueueInput(&schedpb.InputTaken{Received: w.passed})
}

// inputTaken is a worker's word to the launcher of a job.
func (r *reactor) inputTaken(ref core.JobRef, t *schedpb.InputTaken) {
	j, h := r.state.Job(ref.Job), r.launchers[ref.Job]
	if j == nil || j.Ref() != ref || h == nil {
		return
	}
	if !t.GetResend() {
		h.taken = t
	}
	if h.stream != nil {
		h.stream.enqueueInput(t)
	}
}

// enqueueInput queues how far a launcher's input is; the latest message says all.
func (a *attachment) enqueueInput(t *schedpb.InputTaken) {
	a.mu.Lock()
	if a.input == nil {
		a.input = &schedpb.InputTaken{}
	}
	a.input.Received = max(a.input.Received, t.GetReceived())
	a.input.StdinBytes = max(a.input.StdinBytes, t.GetStdinBytes())
	a.input.Resend = a.input.Resend || t.GetResend()
	a.mu.Unlock()
	wake(a.wake)
}

// liveness records whether anything has come from the other end of a stream.
type liveness struct{ active, excused atomic.Bool }

const livenessTicks = 4

// whileAlive runs the sending side of a stream for as long as messages come from its other end: sending may have to
// wait for one that is no more. What counts is in how many ticks in a row none came, not a time: a scheduler that was
// stopped itself would find everyone silent. No limit is no end.
func (s *Server) whileAlive(limit time.Duration, peer *liveness, silent func() error, send func() error) error {
	if limit <= 0 {
		return send()
	}
	sent := make(chan error, 1)
	if !s.tasks.Go(func() { sent <- send() }) {
		return s.unavailable()
	}
	tick := time.NewTicker(limit / livenessTicks)
	defer tick.Stop()
	for missed := 0; missed < livenessTicks; {
		select {
		case err := <-sent:
			return err
		case <-tick.C:
			if missed++; peer.active.Swap(false) || peer.excused.Load() {
				missed = 0
			}
		}
	}
	return silent()
}
