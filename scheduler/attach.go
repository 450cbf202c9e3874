package scheduler

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/faasmrun/faasmrun/scheduler/core"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// attachStream is the scheduler's side of an Attach call.
type attachStream = grpc.BidiStreamingServer[schedpb.AttachRequest, schedpb.AttachResponse]

// attachment is one Attach stream. Its handler alone sends on it. The reactor queues messages, and must never
// wait for that; Output calls pass frames to it, and do wait.
type attachment struct {
	job     core.JobID
	output  bool
	once    bool   // what there is now, and no more
	session string // of a launcher that comes back; "": this stream is all there is
	batches bool   // its output comes in batches, and it knows where it was
	from    struct {
		epoch  core.Epoch
		offset uint64
	}
	ended <-chan struct{} // closed when the caller's process has ended; nil: nobody can tell
	liveness

	// The reactor's own.
	holds    bool       // the job is interactive and lives by this stream
	reason   string     // last sent, why the job waits
	streamed core.Epoch // the placement whose output was last asked for
	asked    bool       // wants to know where ranks stand
	launcher bool       // it held the job: what it says of the output counts
	written  uint64     // of the output of the job's placement, as it says

	frames   chan carried
	given    atomic.Uint64 // where what it has been sent of the latest placement ends
	closed   chan struct{} // by the handler's end: nobody takes frames any more
	released chan struct{} // closed when it has said that it ends
	wake     chan struct{} // something below has changed

	mu           sync.Mutex // guards all below; innermost
	mail         []*schedpb.AttachResponse
	end          *schedpb.JobEnd
	streams      int // output streams that have not ended
	err          error
	stdin, items window              // plain standard input; numbered items
	room         chan struct{}       // holds one, when a window has room
	input        *schedpb.InputTaken // to be sent; nil: nothing new
	pong         bool                // to be said
}

// carried is a frame on its way to an attachment.
type carried struct {
	*schedpb.OutputFrame
	epoch core.Epoch
}

const (
	// maxMail bounds what waits for a launcher that reads nothing. Output is no part of it.
	maxMail = 4096
	// stdinWindow bounds standard input on its way to the ranks; the protocol promises it.
	stdinWindow = 256 << 10
	maxStdin    = 64 << 10 // in one message
)

func newAttachment(open *schedpb.AttachOpen) *attachment {
	a := &attachment{job: core.JobID(open.JobId), output: open.Output, once: open.Once, frames: make(chan carried),
		batches: open.Batches,
		session: string(open.Session), closed: make(chan struct{}), released: make(chan struct{}),
		wake:  make(chan struct{}, 1),
		stdin: newWindow(stdinWindow), items: newWindow(inputAhead), room: make(chan struct{}, 1)}
	a.from.epoch, a.from.offset = core.Epoch(open.OutputEpoch), open.OutputOffset
	a.pong = a.batches || a.session != "" // says that this scheduler knows of them
	return a
}

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// enqueue queues a message for the stream's handler. A launcher that lets them pile up loses the stream.
func (a *attachment) enqueue(m *schedpb.AttachResponse) {
	a.mu.Lock()
	if a.mail = append(a.mail, m); len(a.mail) > maxMail {
		a.err = status.Error(codes.ResourceExhausted, "the launcher reads nothing; its stream is given up")
	}
	a.mu.Unlock()
	wake(a.wake)
}

// finish queues the job's end, which goes out behind all output.
func (a *attachment) finish(end *schedpb.JobEnd) {
	a.mu.Lock()
	a.end = end
	a.mu.Unlock()
	wake(a.wake)
}

func (a *attachment) abort(why string) {
	a.mu.Lock()
	a.err = status.Error(codes.FailedPrecondition, why)
	a.mu.Unlock()
	wake(a.wake)
}

// lost tells the launcher that some output is missing.
func (a *attachment) lost(format string, args ...any) {
	lost := &schedpb.OutputLost{Why: fmt.Sprintf(format, args...)}
	a.enqueue(&schedpb.AttachResponse{Msg: &schedpb.AttachResponse_OutputLost{OutputLost: lost}})
}

// expect and done count the output streams that the end has to wait for.
func (a *attachment) expect() {
	a.mu.Lock()
	a.streams++
	a.mu.Unlock()
}

func (a *attachment) done() {
	a.mu.Lock()
	a.streams--
	a.mu.Unlock()
	wake(a.wake)
}

// Attach implements schedpb.JobsServer.
func (s *Server) Attach(stream attachStream) error {
	return s.untilHalt(func() error { return s.attach(stream) })
}

func (s *Server) attach(stream attachStream) error {
	tenant, err := s.tenant(stream.Context())
	if err != nil {
		return err
	}
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	open := first.GetOpen()
	if open == nil {
		return status.Error(codes.InvalidArgument, "the first message of an attach stream says which job")
	}
	if err := checkSession(open); err != nil {
		return err
	}
	a := newAttachment(open)
	if a.session != "" && s.cfg.CallerEnded != nil {
		a.ended = s.cfg.CallerEnded(stream.Context())
	}
	if err := s.attachTo(a, open, tenant); err != nil {
		return err
	}
	defer s.post(func(r *reactor) { r.detach(a) })
	if !s.tasks.Go(func() { s.receiveFromLauncher(stream, a) }) {
		return s.unavailable()
	}
	limit := s.cfg.LauncherSilence
	if a.session == "" {
		limit = 0
	}
	silent := func() error {
		return status.Errorf(codes.DeadlineExceeded, "no message from the launcher of job %d for %v", a.job, limit)
	}
	return s.whileAlive(limit, &a.liveness, silent, func() error { return s.follow(stream, a) })
}

// attachTo makes the attachment known to the reactor, if the tenant may see the job. Another's job is no job to it.
func (s *Server) attachTo(a *attachment, open *schedpb.AttachOpen, tenant core.Tenant) error {
	var refused error
	err := s.do(func(r *reactor) {
		j := r.state.Job(a.job)
		if j == nil || j.Tenant != tenant {
			refused = status.Errorf(codes.NotFound, "there is no job %d", a.job)
			return
		}
		if !open.Once && !open.Onlooker {
			if refused = r.holdJob(a, j); refused != nil {
				return
			}
			a.launcher = a.session != ""
		}
		r.attach(a, j)
	})
	if err == nil {
		err = refused
	}
	return err
}

// follow sends what the job's life brings until its end, or the stream's.
func (s *Server) follow(stream attachStream, a *attachment) error {
	defer close(a.closed)
	for {
		finished, err := a.deliver(stream)
		if finished && err == nil && a.session != "" && !a.once {
			return s.awaitRelease(stream, a)
		}
		if finished || err != nil {
			return err
		}
		select {
		case <-a.wake:
		case frame := <-a.frames:
			if a.batches {
				if err := stream.Send(&schedpb.AttachResponse{Msg: &schedpb.AttachResponse_Batch{Batch: &schedpb.OutputBatch{
					Epoch: uint64(frame.epoch), Output: frame.Output, NextOffset: frame.NextOffset}}}); err != nil {
					return err
				}
				continue
			}
			for _, out := range frame.Output {
				if err := stream.Send(&schedpb.AttachResponse{Msg: &schedpb.AttachResponse_Output{Output: out}}); err != nil {
					return err
				}
			}
		case <-stream.Context().Done():
			return status.FromContextError(stream.Context().Err()).Err()
		case <-s.halt:
			return s.unavailable()
		}
	}
}

// awaitRelease waits until a launcher says that it has its job's end. One that doesn't may ask again.
func (s *Server) awaitRelease(stream attachStream, a *attachment) error {
	late := time.NewTimer(endPatience)
	defer late.Stop()
	select {
	case <-a.released:
		return nil
	case <-late.C:
		return nil
	case <-stream.Context().Done():
		return status.FromContextError(stream.Context().Err()).Err()
	case <-s.halt:
		return s.unavailable()
	}
}

// deliver sends what is queued, and the end when all output has gone before it.
func (a *attachment) deliver(stream attachStream) (finished bool, err error) {
	a.mu.Lock()
	mail, end := a.mail, a.end
	if a.pong {
		mail = append([]*schedpb.AttachResponse{{Msg: &schedpb.AttachResponse_Pong{Pong: &schedpb.Pong{}}}}, mail...)
	}
	if a.input != nil {
		mail = append(mail, &schedpb.AttachResponse{Msg: &schedpb.AttachResponse_InputTaken{InputTaken: a.input}})
	}
	a.mail, a.input, a.pong = nil, nil, false
	finished, err = (end != nil || a.once) && a.streams == 0, a.err
	a.mu.Unlock()
	if err != nil {
		return false, err
	}
	for _, m := range mail {
		if err := stream.Send(m); err != nil {
			return false, err
		}
	}
	if finished && end != nil {
		err = stream.Send(&schedpb.AttachResponse{Msg: &schedpb.AttachResponse_End{End: end}})
	}
	return finished, err
}

// receiveFromLauncher handles the launcher's messages, until its stream or the handler ends.
func (s *Server) receiveFromLauncher(stream attachStream, a *attachment) {
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return // it has nothing more to say, and still listens
		}
		if m.GetLeave() != nil && a.session != "" {
			err = s.post(func(r *reactor) { r.launcherLeft(a) })
			close(a.released)
			return
		}
		if err == nil {
			a.active.Store(true)
			a.excused.Store(false)
			err = s.handleMessage(stream.Context(), a, m)
		}
		if err != nil {
			a.mu.Lock()
			if a.err == nil {
				a.err = err
			}
			a.mu.Unlock()
			wake(a.wake)
			return
		}
	}
}

func (s *Server) handleMessage(ctx context.Context, a *attachment, m *schedpb.AttachRequest) error {
	switch m := m.Msg.(type) {
	case *schedpb.AttachRequest_Stdin:
		if err := s.admit(ctx, a, &a.stdin, m.Stdin, 0); err != nil {
			return err
		}
		return s.post(func(r *reactor) { r.stdin(a, m.Stdin) })
	case *schedpb.AttachRequest_Input:
		if a.session == "" {
			break
		}
		if err := s.admit(ctx, a, &a.items, m.Input.GetStdin(), itemCost); err != nil {
			return err
		}
		cost := len(m.Input.GetStdin().GetData()) + itemCost
		return s.post(func(r *reactor) { r.input(a, m.Input, cost) })
	case *schedpb.AttachRequest_OutputTaken:
		return s.post(func(r *reactor) { r.outputTaken(a, m.OutputTaken) })
	case *schedpb.AttachRequest_Ping:
		a.excused.Store(m.Ping.GetSuspended())
		a.mu.Lock()
		a.pong = true
		a.mu.Unlock()
		wake(a.wake)
		return nil
	case *schedpb.AttachRequest_Signal:
		return s.post(func(r *reactor) { r.signal(a.job, m.Signal.GetNumber()) })
	case *schedpb.AttachRequest_Terminate:
		return s.post(func(r *reactor) { r.cancel(a.job, m.Terminate) })
	case *schedpb.AttachRequest_QueryRanks:
		return s.post(func(r *reactor) { r.query(a) })
	case *schedpb.AttachRequest_Detach:
		return s.post(func(r *reactor) { r.release(a) })
	}
	return status.Error(codes.InvalidArgument, "an attach stream carries no such message at this point")
}

const maxReason = 4096

func (r *reactor) cancel(id core.JobID, t *schedpb.Terminate) {
	reason := fmt.Sprintf("%.*s", maxReason, t.GetReason())
	if _, err := r.decide(core.Cancel{Job: id, Kill: t.GetKill(), Reason: reason}); err != nil {
		r.log.Warn("cancelling", "job", id, "err", err)
	}
}

func (r *reactor) signal(id core.JobID, number int32) {
	j := r.state.Job(id)
	if w := r.workerOf(j); w != nil {
		w.order(&schedpb.SchedulerMessage{Msg: &schedpb.SchedulerMessage_Signal{
			Signal: &schedpb.JobSignal{Job: wireRef(j.Ref()), Number: number}}})
	}
}

// query asks where the job's ranks stand; of a job that runs nowhere the answer is that it has none.
func (r *reactor) query(a *attachment) {
	j := r.state.Job(a.job)
	w := r.workerOf(j)
	if w == nil {
		a.enqueue(rankStates(&schedpb.RankStates{}))
		return
	}
	a.asked = true
	w.order(&schedpb.SchedulerMessage{Msg: &schedpb.SchedulerMessage_QueryRanks{
		QueryRanks: &schedpb.QueryJobRanks{Job: wireRef(j.Ref())}}})
}

func (r *reactor) answerQuery(ref core.JobRef, states *schedpb.RankStates) {
	w := r.watches[ref.Job]
	if w == nil {
		return
	}
	for _, a := range w.attached {
		if a.asked {
			a.asked = false
			a.enqueue(rankStates(states))
		}
	}
}

func rankStates(states *schedpb.RankStates) *schedpb.AttachResponse {
	return &schedpb.AttachResponse{Msg: &schedpb.AttachResponse_RankStates{RankStates: states}}
}

// release lets an interactive job go on without its launcher.
func (r *reactor) release(a *attachment) {
	if !a.holds {
		return
	}
	a.holds = false
	r.forgetSession(a.job)
	if j := r.state.Job(a.job); j != nil && a.launcher {
		r.orderOutputTaken(j, forGood) // what comes is kept, as a batch job's
	}
	if _, err := r.decide(core.LauncherDetached{Job: a.job}); err != nil {
		r.log.Warn("detaching", "job", a.job, "err", err)
	}
}
