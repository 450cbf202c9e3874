package scheduler

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/faasmrun/faasmrun/scheduler/core"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// watch is what the reactor knows about the attach streams of one job. It is there while there are any.
type watch struct {
	attached []*attachment
	input    *attachment // whose standard input the job reads: the first that sent some
	stdin    []*schedpb.Stdin
	started  bool   // the job's worker has been told to start it: standard input can go there
	passed   uint64 // of numbered input: the last item that went to a worker which knows no numbers
}

// attach adds a stream to a job's watch and tells it where the job stands.
func (r *reactor) attach(a *attachment, j *core.Job) {
	w := r.watches[j.ID]
	if w == nil {
		w = &watch{}
		r.watches[j.ID] = w
	}
	w.attached = append(w.attached, a) // even if it is to see this only once: its streams may need a worker's return
	a.enqueue(stateChange(j.State, "", r.now()))
	// The coming pass may place it: only what still waits then has a reason to wait.
	r.afterCommit(func() { r.notifyReason(a) })
	if j.Epoch > 0 {
		a.enqueue(placement(j))
	}
	w.started = w.started || r.workerOf(j) != nil
	// The log outlives the job, at the worker where it ran. A worker that is away is asked when it comes back.
	conn := r.workers[lastWorker(j)]
	if conn != nil || j.State.Holds() || a.batches && r.state.Worker(lastWorker(j)) != nil {
		r.openStream(a, j, conn)
	}
	if j.State.Terminal() {
		a.finish(jobEnd(j))
	}
}

func lastWorker(j *core.Job) core.WorkerName {
	if len(j.Placement) == 0 {
		return ""
	}
	return j.Placement[0].Worker
}

// detach forgets a stream. The end of the one that an interactive job lives by ends the job.
func (r *reactor) detach(a *attachment) {
	w := r.watches[a.job]
	if w == nil {
		return
	}
	w.attached = slices.DeleteFunc(w.attached, func(b *attachment) bool { return a == b })
	if w.input == a {
		w.input = nil
	}
	if len(w.attached) == 0 {
		delete(r.watches, a.job)
	}
	for id, o := range r.streams {
		if o.to == a {
			delete(r.streams, id)
		}
	}
	if !a.holds {
		return
	}
	a.holds = false
	if h := r.launchers[a.job]; h != nil && h.stream == a {
		r.awaitLauncher(a.job, h, a.ended)
	} else {
		r.launcherDisconnected(a.job)
	}
}

func (r *reactor) notify(id core.JobID, m *schedpb.AttachResponse) {
	if w := r.watches[id]; w != nil {
		for _, a := range w.attached {
			a.enqueue(m)
		}
	}
}

func (r *reactor) notifyState(id core.JobID, s core.JobState, reason string, at core.Time) {
	r.notify(id, stateChange(s, reason, at))
}

func (r *reactor) notifyPlaced(j *core.Job) {
	r.notify(j.ID, placement(j))
	r.notifyState(j.ID, core.Configuring, "", j.Placed)
}

// notifyReasons tells those who wait for a job why it waits, when that has changed.
func (r *reactor) notifyReasons() {
	for _, w := range r.watches {
		for _, a := range w.attached {
			r.notifyReason(a)
		}
	}
}

func (r *reactor) notifyReason(a *attachment) {
	j := r.state.Job(a.job)
	if j == nil || j.State != core.Pending {
		return
	}
	if reason := r.state.Waiting(j); a.reason != reason {
		a.reason = reason
		a.enqueue(stateChange(j.State, reason, r.now()))
	}
}

func (r *reactor) notifyEnd(id core.JobID) {
	r.forgetSession(id)
	w, j := r.watches[id], r.state.Job(id)
	if w == nil || j == nil {
		return
	}
	r.notifyState(id, j.State, j.End.Reason, j.Ended)
	r.awaitStreams(func(o *outputStream) bool { return o.ref.Job == id })
	for _, a := range w.attached {
		a.finish(jobEnd(j))
	}
}

func stateChange(s core.JobState, reason string, at core.Time) *schedpb.AttachResponse {
	return &schedpb.AttachResponse{Msg: &schedpb.AttachResponse_State{State: &schedpb.StateChange{
		State: s.String(), Reason: reason, AtUnixNs: int64(at)}}}
}

func placement(j *core.Job) *schedpb.AttachResponse {
	p := &schedpb.Placement{Epoch: uint64(j.Epoch), Nodes: nodeRanks(j)}
	return &schedpb.AttachResponse{Msg: &schedpb.AttachResponse_Placement{Placement: p}}
}

// jobEnd is the worker's own account of the end under what was decided about it.
func jobEnd(j *core.Job) *schedpb.JobEnd {
	end := &schedpb.JobEnd{}
	if err := proto.Unmarshal(j.End.Detail, end); err != nil {
		panic("scheduler: an end that was accepted can't be read back: " + err.Error())
	}
	end.State, end.ExitCode, end.Reason = j.End.State.String(), j.End.ExitCode, j.End.Reason
	return end
}

// stdin passes standard input on, or keeps it until the job has a worker. What is kept is within the sender's window.
func (r *reactor) stdin(a *attachment, in *schedpb.Stdin) {
	w, j := r.watches[a.job], r.state.Job(a.job)
	if w == nil || j == nil || j.State.Terminal() {
		return
	}
	if w.input == nil {
		w.input = a
	}
	if w.input != a {
		a.abort("another stream feeds this job's standard input")
		return
	}
	conn := r.workerOf(j)
	if !w.started || conn == nil {
		w.stdin = append(w.stdin, in)
		return
	}
	w.sendStdin(conn, j, in)
}

func (w *watch) flushStdin(conn *workerConn, j *core.Job) {
	w.started = true
	for _, in := range w.stdin {
		w.sendStdin(conn, j, in)
	}
	w.stdin = nil
}

func (w *watch) sendStdin(conn *workerConn, j *core.Job, in *schedpb.Stdin) {
	conn.order(&schedpb.SchedulerMessage{Msg: &schedpb.SchedulerMessage_Stdin{
		Stdin: &schedpb.JobStdin{Job: wireRef(j.Ref()), Stdin: in}}})
	if !conn.countsStdin && w.input != nil {
		w.input.leaves(&w.input.stdin, len(in.Data))
	}
}

// stdinTaken frees room in the sender's window.
func (r *reactor) stdinTaken(ref core.JobRef, total uint64) {
	w, j := r.watches[ref.Job], r.state.Job(ref.Job)
	if w == nil || w.input == nil || j == nil || j.Ref() != ref {
		return
	}
	w.input.leftInAll(&w.input.stdin, total)
	taken := &schedpb.StdinTaken{Bytes: total}
	w.input.enqueue(&schedpb.AttachResponse{Msg: &schedpb.AttachResponse_StdinTaken{StdinTaken: taken}})
}
