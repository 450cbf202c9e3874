package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker/control"
)

// protocol is the version of the protocol with the scheduler: 2 reports JobStdinTaken, 3 renews its lease by
// HeartbeatAck, 4 takes JobInput and JobOutputTaken, 5 reports how ranks ended (JobReport).
const protocol = 5

const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// runSessions runs one session after another. Ranks outlive a lost session until the lease ends; then they are killed.
func (w *Worker) runSessions() error {
	retry := firstRetry
	known := false // the scheduler has had this worker before
	defer w.lease.stop()
	for {
		s, err := w.connect()
		if err == nil {
			if retry, known = firstRetry, true; w.Connected != nil {
				w.Connected()
			}
			err = s.serve()
		}
		if w.isShuttingDown() {
			<-w.ctx.Done() // its end tells part that the goodbye has arrived
			return nil
		}
		if !known && refused(err) {
			return fmt.Errorf("worker %s: the scheduler refuses this worker: %w", w.Name, err)
		}
		w.Logger.Warn("no connection to the scheduler", "retry", retry, "err", err)
		select {
		case <-time.After(retry):
		case <-w.ctx.Done():
			return nil
		}
		retry = min(2*retry, lastRetry)
	}
}

// refused reports whether an answer is one that another try won't change. It counts at the first try alone: a scheduler
// that has not yet noticed the end of the last connection answers AlreadyExists to a worker that comes back.
func refused(err error) bool {
	switch status.Code(err) {
	case codes.PermissionDenied, codes.Unauthenticated, codes.InvalidArgument, codes.AlreadyExists, codes.Unimplemented,
		codes.FailedPrecondition:
		return true
	}
	return false
}

// leaseEnded ends every job when the lease is over.
func (w *Worker) leaseEnded(grace time.Duration) {
	if !w.lease.over() {
		return // renewed at the last moment
	}
	for _, j := range w.held() {
		j.endRanks(&termination{cutOff: grace})
	}
}

// session is one connection to the scheduler.
type session struct {
	w         *Worker
	stream    grpc.BidiStreamingClient[schedpb.WorkerMessage, schedpb.SchedulerMessage]
	heartbeat time.Duration
	grace     time.Duration
	answered  atomic.Uint64               // the control.Instant of the latest heartbeat that was answered
	out       chan *schedpb.WorkerMessage // sent by one goroutine; reports wait for it, and so for the scheduler
	ctx       context.Context
	close     context.CancelFunc
}

// maxReports bounds the messages that wait to be sent.
const maxReports = 256

// welcomePatience is how long a scheduler may take to answer a hello.
const welcomePatience = 30 * time.Second

// connect sends Hello and waits for Welcome.
func (w *Worker) connect() (*session, error) {
	ctx, cancel := context.WithCancel(w.ctx)
	s := &session{w: w, out: make(chan *schedpb.WorkerMessage, maxReports), ctx: ctx, close: cancel}
	late := time.AfterFunc(welcomePatience, cancel)
	defer late.Stop()
	err := func() (err error) {
		if s.stream, err = w.client.Connect(ctx); err != nil {
			return err
		}
		asked := control.Now()
		if err = s.stream.Send(w.hello()); err != nil {
			return s.cause(err)
		}
		first, err := s.stream.Recv()
		if err != nil {
			return err
		}
		welcome := first.GetWelcome()
		if welcome == nil {
			return errors.New("the scheduler's first message is no welcome")
		}
		s.heartbeat = orElse(time.Duration(welcome.HeartbeatEveryMs)*time.Millisecond, defaultHeartbeat)
		s.grace = orElse(w.Grace, orElse(time.Duration(welcome.GraceMs)*time.Millisecond, defaultGrace))
		s.answer(asked)
		return nil
	}()
	if err != nil {
		cancel()
		return nil, err
	}
	return s, nil
}

func orElse(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}

// cause is the reason of a failed Send, which itself is only io.EOF.
func (s *session) cause(err error) error {
	if _, cause := s.stream.Recv(); cause != nil {
		return cause
	}
	return err
}

// goodbyeTimeout is how long a scheduler may take to journal a goodbye. If it takes longer, the grace tells it the
// same.
const goodbyeTimeout = 5 * time.Second

// goodbye tells the scheduler which jobs keep running without this worker, after all reports, and waits until the
// scheduler has ended the stream.
func (s *session) goodbye(staying []*schedpb.JobRef) {
	late := time.NewTimer(goodbyeTimeout)
	defer late.Stop()
	select {
	case s.out <- &schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_Goodbye{Goodbye: &schedpb.Goodbye{Staying: staying}}}:
	case <-s.ctx.Done():
		return
	case <-late.C:
		return
	}
	select {
	case <-s.ctx.Done():
	case <-late.C:
		s.w.Logger.Warn("the scheduler has not answered the goodbye")
	}
}

// trouble says why no new jobs should come, "" if they may.
func (w *Worker) trouble() string {
	if why := w.disks.trouble(); why != "" {
		return why
	}
	return w.health.reason()
}

func (w *Worker) hello() *schedpb.WorkerMessage {
	hello := &schedpb.WorkerHello{Name: w.Name, Slots: w.Slots, MemBytes: w.memoryOffered(), Protocol: protocol,
		Labels: w.Labels, Resources: w.Resources,
		Engines: append(w.Engines[:len(w.Engines):len(w.Engines)], w.scriptEngine()...), Unfit: w.trouble()}
	if w.state != nil {
		hello.StateId = w.state.ID()
	}
	for _, j := range w.held() {
		if !j.acknowledged() {
			hello.Running = append(hello.Running, j.key.ref())
		}
	}
	return &schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_Hello{Hello: hello}}
}

// serve follows orders and sends reports until the connection is lost. It returns why.
func (s *session) serve() error {
	var sending sync.WaitGroup
	defer sending.Wait()
	defer s.close()
	sending.Go(s.send)
	sending.Go(s.watch)
	s.w.setSession(s)
	defer s.w.setSession(nil)
	sending.Go(func() { // what the last connection may have swallowed
		for _, j := range s.w.held() {
			j.resendReports()
		}
	})
	for {
		m, err := s.stream.Recv()
		if err != nil {
			return err
		}
		if ack := m.GetHeartbeatAck(); ack != nil {
			s.answer(control.Instant(ack.Stamp))
			continue
		}
		s.w.handleMessage(m)
	}
}

// answer is the scheduler's word that it had not given this worker up at that time. A time to come is nobody's to give.
func (s *session) answer(at control.Instant) {
	if at > control.Now() {
		return
	}
	s.answered.Store(uint64(at))
	s.w.renewLease(at, s.grace)
}

// Heartbeats that go unanswered for so long mean that the connection leads nowhere any more.
const (
	silentBeats   = 4
	silenceMargin = time.Second
)

func (s *session) isUnanswered() bool {
	last := control.Instant(s.answered.Load())
	return control.Now() > last.Add(silentBeats*s.heartbeat+silenceMargin)
}

// watch ends a session whose heartbeats go unanswered. Sending can't see to that: it may itself wait for a scheduler
// that is no more.
func (s *session) watch() {
	beat := time.NewTicker(s.heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-beat.C:
		case <-s.ctx.Done():
			return
		}
		if s.isUnanswered() {
			s.w.Logger.Warn("the scheduler does not answer heartbeats")
			s.close()
			return
		}
	}
}

func (w *Worker) setSession(s *session) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.session = s
}

// send puts the reports on the stream, and a heartbeat between them.
func (s *session) send() {
	defer s.close()
	beat := time.NewTicker(s.heartbeat)
	defer beat.Stop()
	for {
		var m *schedpb.WorkerMessage
		select {
		case m = <-s.out:
		case now := <-beat.C:
			m = &schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_Heartbeat{
				Heartbeat: &schedpb.Heartbeat{AtUnixNs: now.UnixNano(), Stamp: uint64(control.Now()), Unfit: s.w.trouble()}}}
		case <-s.ctx.Done():
			return
		}
		if s.stream.Send(m) != nil {
			return // Recv says why
		}
	}
}

// report sends a message if there is a connection. What must not be lost is sent again by resendReports.
func (w *Worker) report(m *schedpb.WorkerMessage) {
	w.mu.Lock()
	s := w.session
	w.mu.Unlock()
	if s == nil {
		return
	}
	select {
	case s.out <- m:
	case <-s.ctx.Done():
	}
}

// handleMessage executes one order of the scheduler. It never waits for a job. An order for an unknown job was sent
// before the job's end arrived there.
func (w *Worker) handleMessage(m *schedpb.SchedulerMessage) {
	switch m := m.Msg.(type) {
	case *schedpb.SchedulerMessage_Start:
		w.start(m.Start)
	case *schedpb.SchedulerMessage_StreamOutput:
		w.streamOutput(m.StreamOutput)
	case *schedpb.SchedulerMessage_Stdin:
		if j := w.job(m.Stdin.Job); j != nil {
			j.stdin(m.Stdin.Stdin)
		}
	case *schedpb.SchedulerMessage_Input:
		if j := w.job(m.Input.Job); j != nil {
			j.input(m.Input.Input)
		}
	case *schedpb.SchedulerMessage_OutputTaken:
		if j := w.job(m.OutputTaken.Job); j != nil {
			j.outputTaken(m.OutputTaken.Offset)
		}
	case *schedpb.SchedulerMessage_Signal:
		if j := w.job(m.Signal.Job); j != nil {
			j.signal(m.Signal.Number)
		}
	case *schedpb.SchedulerMessage_Terminate:
		if j := w.job(m.Terminate.Job); j != nil {
			j.terminate(m.Terminate)
		}
	case *schedpb.SchedulerMessage_QueryRanks:
		if j := w.job(m.QueryRanks.Job); j != nil {
			j.query()
		}
	case *schedpb.SchedulerMessage_AckEnded:
		if j := w.job(m.AckEnded.Job); j != nil {
			j.acknowledge()
		}
	}
}
