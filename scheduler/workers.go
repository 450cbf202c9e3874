package scheduler

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/faasmrun/faasmrun/scheduler/core"
	"github.com/faasmrun/faasmrun/scheduler/core/result"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// workerStream is the scheduler's side of a Connect call.
type workerStream = grpc.BidiStreamingServer[schedpb.WorkerMessage, schedpb.SchedulerMessage]

// workerConn is one worker's Connect stream. The reactor queues orders, and must never wait for them to be sent.
type workerConn struct {
	name        core.WorkerName
	countsStdin bool
	numbered    bool // it takes numbered input, and what is said of output
	leased      bool // its heartbeats are answered
	reports     bool // how ranks ended; others report the results that they made

	wake chan struct{}
	liveness

	mu     sync.Mutex // guards all below; innermost
	orders []order
	over   bool // nobody sends any more
	err    error
}

// order is a message to a worker.
type order struct {
	*schedpb.SchedulerMessage
	done func() // called when it has been sent, or never will be; nil: nobody waits for it
}

// Bounds of what a worker may say and of what may wait for it.
const (
	maxOrders       = 65536
	maxWorkerSlots  = core.MaxSlots
	maxWorkerMem    = 1 << 50
	maxHolding      = 1 << 16
	maxEngines      = 16
	maxMissing      = 1 << 10
	maxDataModels   = 16      // of one
	maxDetail       = 1 << 20 // of a job's end; what is larger loses its longest part
	silentBeats     = 4       // missed heartbeats that make a loss
	protocolLowest  = 1
	protocolHighest = 5
	protocolStdin   = 2 // from here on workers report the standard input that they took
	protocolLease   = 3 // and live by answers to their heartbeats
	protocolInput   = 4 // and take numbered input
	protocolReport  = 5 // and report how ranks ended; those below report a result
)

// order queues an order. A worker that lets them pile up is cut off; it comes back and is told what holds then.
func (w *workerConn) order(m *schedpb.SchedulerMessage) { w.orderThen(m, nil) }

func (w *workerConn) orderThen(m *schedpb.SchedulerMessage, done func()) {
	w.mu.Lock()
	over := w.over
	if !over {
		w.orders = append(w.orders, order{m, done})
	}
	if len(w.orders) > maxOrders {
		w.err = status.Error(codes.ResourceExhausted, "the worker does not take its orders")
	}
	w.mu.Unlock()
	if over && done != nil {
		done()
	}
	wake(w.wake)
}

// close drops what has not been sent.
func (w *workerConn) close() {
	w.mu.Lock()
	orders := w.orders
	w.orders, w.over = nil, true
	w.mu.Unlock()
	drop(orders)
}

func drop(orders []order) {
	for _, o := range orders {
		if o.done != nil {
			o.done()
		}
	}
}

func (w *workerConn) fail(err error) {
	w.mu.Lock()
	if w.err == nil {
		w.err = err
	}
	w.mu.Unlock()
	wake(w.wake)
}

// Connect implements schedpb.WorkersServer.
func (s *Server) Connect(stream workerStream) error {
	return s.untilHalt(func() error { return s.connect(stream) })
}

func (s *Server) connect(stream workerStream) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	hello := first.GetHello()
	if err := checkHello(hello); err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	if err := s.worker(stream.Context(), hello.Name); err != nil {
		return err
	}
	w := &workerConn{name: core.WorkerName(hello.Name), countsStdin: hello.Protocol >= protocolStdin,
		leased: hello.Protocol >= protocolLease, numbered: hello.Protocol >= protocolInput,
		reports: hello.Protocol >= protocolReport, wake: make(chan struct{}, 1)}
	if err := s.welcome(w, hello); err != nil {
		return err
	}
	defer s.post(func(r *reactor) { r.workerDisconnected(w) })
	if !s.tasks.Go(func() { w.fail(s.receiveFromWorker(stream, w, hello.Unfit)) }) {
		return s.unavailable()
	}
	limit := silentBeats * s.cfg.Heartbeat
	silent := func() error {
		return status.Errorf(codes.DeadlineExceeded, "no message from worker %s for %v", w.name, limit)
	}
	err = s.whileAlive(limit, &w.liveness, silent, func() error { return s.command(stream, w) })
	if errors.Is(err, errStopping) {
		return nil
	}
	return err
}

// errStopping: the worker stops in order, and that is journalled.
var errStopping = errors.New("the worker has said goodbye")

func checkHello(h *schedpb.WorkerHello) error {
	switch {
	case h == nil:
		return fmt.Errorf("a worker's first message is its hello")
	case !nameable(h.Name):
		return fmt.Errorf("%.80q is no name for a worker", h.Name)
	case h.Slots == 0 || h.Slots > maxWorkerSlots:
		return fmt.Errorf("worker %s announces %d slots; between 1 and %d are accepted", h.Name, h.Slots, maxWorkerSlots)
	case h.MemBytes > maxWorkerMem:
		return fmt.Errorf("worker %s announces %d bytes of memory; at most %d are accepted", h.Name, h.MemBytes,
			uint64(maxWorkerMem))
	case len(h.StateId) > maxName:
		return fmt.Errorf("worker %s names its state with %d bytes; at most %d", h.Name, len(h.StateId), maxName)
	case len(h.Unfit) > maxReason:
		return fmt.Errorf("worker %s is unfit for a reason of %d bytes; at most %d", h.Name, len(h.Unfit), maxReason)
	case len(h.Running) > maxHolding:
		return fmt.Errorf("worker %s holds %d jobs; at most %d", h.Name, len(h.Running), maxHolding)
	case h.Protocol < protocolLowest || h.Protocol > protocolHighest:
		return fmt.Errorf("worker %s uses version %d of the protocol, this scheduler knows %d to %d: use programs of one "+
			"release", h.Name, h.Protocol, protocolLowest, protocolHighest)
	}
	if err := checkLabels(h.Labels); err != nil {
		return fmt.Errorf("worker %s: %w", h.Name, err)
	}
	if err := checkResources(h.Resources); err != nil {
		return fmt.Errorf("worker %s: %w", h.Name, err)
	}
	if err := checkEngines(h.Engines); err != nil {
		return fmt.Errorf("worker %s: %w", h.Name, err)
	}
	return nil
}

func checkEngines(engines []*schedpb.Engine) error {
	if len(engines) > maxEngines {
		return fmt.Errorf("%d engines; at most %d are accepted", len(engines), maxEngines)
	}
	for _, e := range engines {
		switch {
		case !nameable(e.GetName()):
			return fmt.Errorf("%.80q is no name for an engine", e.GetName())
		case len(e.GetDataModels()) > maxDataModels:
			return fmt.Errorf("engine %s announces %d data models; at most %d are accepted", e.Name, len(e.DataModels),
				maxDataModels)
		case len(e.GetMissing()) > maxMissing || !printable(e.GetMissing()):
			return fmt.Errorf("why engine %s is missing is %d bytes, or can't be shown; at most %d are accepted", e.Name,
				len(e.Missing), maxMissing)
		case e.GetMaxRankMemBytes() > maxWorkerMem:
			return fmt.Errorf("engine %s announces %d bytes of memory per rank; at most %d are accepted", e.Name,
				e.MaxRankMemBytes, uint64(maxWorkerMem))
		}
	}
	return nil
}

// welcome makes the worker known, and queues the orders that follow from what it holds and what it should hold.
func (s *Server) welcome(w *workerConn, hello *schedpb.WorkerHello) error {
	join := core.WorkerConnected{Name: w.name, Slots: hello.Slots, Mem: hello.MemBytes, Labels: coreLabels(hello.Labels),
		StateID: hello.StateId, Engines: coreEngines(hello.Engines), Resources: coreResources(hello.Resources)}
	for _, ref := range hello.Running {
		join.Holding = append(join.Holding, coreRef(ref))
	}
	var refused error
	err := s.do(func(r *reactor) {
		if r.workers[w.name] != nil {
			refused = status.Errorf(codes.AlreadyExists,
				"a worker named %s is connected already; give each worker a name of its own", w.name)
			return
		}
		if _, err := r.decide(join); err != nil {
			refused = refusal(err)
			return
		}
		r.unfit(w, hello.Unfit)
		r.workers[w.name] = w
		w.order(&schedpb.SchedulerMessage{Msg: &schedpb.SchedulerMessage_Welcome{Welcome: &schedpb.Welcome{
			HeartbeatEveryMs: s.cfg.Heartbeat.Milliseconds(), GraceMs: s.cfg.Grace.Milliseconds()}}})
		// The orders are those of now: what the coming pass places is ordered as it is placed.
		orders := r.state.OrdersOnConnect(w.name, join.Holding)
		r.afterCommit(func() { r.resendOrders(w, orders) })
	})
	if err == nil {
		err = refused
	}
	return err
}

// resendOrders gives a worker that is back the orders that it may have missed, and picks up its other streams.
func (r *reactor) resendOrders(w *workerConn, orders []core.Order) {
	r.sendOrders(orders)
	for _, id := range r.state.Worker(w.name).Jobs {
		if watch := r.watches[id]; watch != nil && r.state.Job(id).State != core.Configuring {
			watch.flushStdin(w, r.state.Job(id))
		}
	}
	r.resumeStreams(w)
}

// unfit records whether a worker takes new jobs.
func (r *reactor) unfit(w *workerConn, why string) {
	if _, err := r.decide(core.Unfit{Worker: w.name, Reason: why}); err != nil {
		r.log.Error("a worker is unfit", "worker", w.name, "err", err)
	}
}

func (r *reactor) workerDisconnected(w *workerConn) {
	if r.workers[w.name] != w {
		return
	}
	delete(r.workers, w.name)
	if _, err := r.decide(core.WorkerDisconnected{Name: w.name}); err != nil {
		r.log.Error("a worker is gone", "worker", w.name, "err", err)
	}
	r.awaitStreams(func(o *outputStream) bool { return o.worker == w.name })
}

// command sends orders until the connection ends.
func (s *Server) command(stream workerStream, w *workerConn) error {
	defer w.close()
	for {
		w.mu.Lock()
		orders, err := w.orders, w.err
		w.orders = nil
		w.mu.Unlock()
		if err != nil {
			return err
		}
		for i, m := range orders {
			err := stream.Send(m.SchedulerMessage)
			if m.done != nil {
				m.done()
			}
			if err != nil {
				drop(orders[i+1:])
				return err
			}
		}
		select {
		case <-w.wake:
		case <-stream.Context().Done():
			return status.FromContextError(stream.Context().Err()).Err()
		case <-s.halt:
			return s.unavailable()
		}
	}
}

// receiveFromWorker takes a worker's reports, the first of which said why it is unfit; the error says how that ended.
func (s *Server) receiveFromWorker(stream workerStream,
	w *workerConn,
	unfit string) error {
	for {
		m, err := stream.Recv()
		if err != nil {
			return err
		}
		w.active.Store(true)
		if beat := m.GetHeartbeat(); beat != nil {
			if w.leased {
				w.order(&schedpb.SchedulerMessage{Msg: &schedpb.SchedulerMessage_HeartbeatAck{
					HeartbeatAck: &schedpb.HeartbeatAck{Stamp: beat.Stamp}}})
			}
			if beat.Unfit == unfit {
				continue
			}
			if unfit = beat.Unfit; len(unfit) > maxReason {
				return status.Errorf(codes.InvalidArgument, "worker %s is unfit for a reason of %d bytes; at most %d", w.name,
					len(unfit), maxReason)
			}
		}
		if failed := m.GetEnded(); failed.GetLaunchFailed() && failed.GetUnfit() != "" {
			if unfit = failed.GetUnfit(); len(unfit) > maxReason {
				return status.Errorf(codes.InvalidArgument, "worker %s is unfit for a reason of %d bytes; at most %d", w.name,
					len(unfit), maxReason)
			}
		}
		report := func(r *reactor) {
			if r.workers[w.name] == w { // a report of a connection that has been given up comes again
				r.report(w, m)
			}
		}
		if err := s.post(report); err != nil {
			return err
		}
	}
}

// report takes what a worker says of its own jobs; what it says of others' counts for nothing.
func (r *reactor) report(w *workerConn, m *schedpb.WorkerMessage) {
	switch m := m.Msg.(type) {
	case *schedpb.WorkerMessage_Heartbeat:
		r.unfit(w, m.Heartbeat.Unfit)
	case *schedpb.WorkerMessage_Started:
		if _, err := r.decide(core.RanksStarted{Worker: w.name, Ref: coreRef(m.Started.GetJob())}); err != nil {
			r.log.Error("ranks started", "worker", w.name, "err", err)
		}
		if _, its := r.state.Part(w.name, coreRef(m.Started.GetJob())); its {
			r.inputTaken(coreRef(m.Started.GetJob()), &schedpb.InputTaken{Resend: true})
		}
	case *schedpb.WorkerMessage_InputTaken:
		if _, its := r.state.Part(w.name, coreRef(m.InputTaken.GetJob())); its {
			t := m.InputTaken.GetTaken()
			r.inputTaken(coreRef(m.InputTaken.GetJob()),
				&schedpb.InputTaken{Received: t.GetReceived(), StdinBytes: t.GetStdinBytes()})
		}
	case *schedpb.WorkerMessage_RankStates:
		ref := coreRef(m.RankStates.GetJob())
		if part, its := r.state.Part(w.name, ref); its {
			r.answerQuery(ref, rankStatesOf(part, m.RankStates.GetStates()))
		}
	case *schedpb.WorkerMessage_StdinTaken:
		ref := coreRef(m.StdinTaken.GetJob())
		if _, its := r.state.Part(w.name, ref); its {
			r.stdinTaken(ref, m.StdinTaken.GetBytes())
		}
	case *schedpb.WorkerMessage_Step:
		r.step(w, m.Step)
	case *schedpb.WorkerMessage_Ended:
		r.ended(w, m.Ended)
	case *schedpb.WorkerMessage_Goodbye:
		r.goodbye(w, m.Goodbye)
	default:
		w.fail(status.Errorf(codes.InvalidArgument, "a worker's stream carries no %T at this point", m))
	}
}

// step takes what a script's supervisor says of a step: its tenant's word, about their own job.
func (r *reactor) step(w *workerConn, m *schedpb.JobStep) {
	p := m.GetStep()
	state, known := core.ParseState(p.GetState())
	if !known || p.GetStartedUnixNs() < 0 || p.GetEndedUnixNs() < 0 {
		return
	}
	e := core.StepReported{Worker: w.name, Ref: coreRef(m.GetJob()), Step: core.Step{Number: p.GetNumber(),
		Name: p.GetName(), Ranks: p.GetRanks(), Slots: p.GetSlots(), Started: core.Time(p.GetStartedUnixNs()),
		Ended: core.Time(p.GetEndedUnixNs()), State: state, ExitCode: p.GetExitCode()}}
	if _, err := r.decide(e); err != nil {
		r.log.Info("a step is left out", "worker", w.name, "job", e.Ref.Job, "err", err)
	}
}

// ended takes the end of a job. Whatever it means, it is acknowledged, once it is on disk: a job that is not the
// worker's any more is to be forgotten there too.
func (r *reactor) ended(w *workerConn, m *schedpb.JobEnded) {
	ref := coreRef(m.GetJob())
	part, _ := r.state.Part(w.name, ref)
	seen, detail := w.seen(part, m)
	if m.LaunchFailed {
		if m.Unfit != "" {
			r.unfit(w, m.Unfit) // before the job is placed anew
		}
		reason := fmt.Sprintf("%.*s", maxReason, result.Of(seen, nil).Reason)
		if _, err := r.decide(core.LaunchFailed{Worker: w.name, Ref: ref, Reason: reason}); err != nil {
			r.log.Error("ranks could not be started", "worker", w.name, "err", err)
		}
		r.acknowledge(w, ref)
		return
	}
	if _, err := r.decide(core.RanksEnded{Worker: w.name, Ref: ref, Report: seen, Detail: endDetail(part, detail),
		CPU: core.Duration(min(m.CpuNs, 1<<62)), MaxRSS: m.MaxRssBytes}); err != nil {
		r.log.Error("ranks ended", "worker", w.name, "err", err)
	}
	r.acknowledge(w, ref)
}

// seen is what a worker reports of its part of a job, for the rule and for those who ask for the details. Workers of
// 0.1.0 make the result; one that says neither has failed.
func (w *workerConn) seen(part core.Span, m *schedpb.JobEnded) (result.Report, *schedpb.JobEnd) {
	if !w.reports || m.GetReport() == nil {
		return m.GetEnd().Seen(string(w.name)), m.GetEnd()
	}
	seen := m.Seen(string(w.name), func(rank uint32) bool { return part.Has(core.Rank(rank)) })
	return seen, &schedpb.JobEnd{RankStates: m.GetReport().GetRankStates(), Exits: schedpb.RankExits(seen),
		MpiBytes: m.GetReport().GetMpiBytes()}
}

func (r *reactor) acknowledge(w *workerConn, ref core.JobRef) {
	r.afterCommit(func() {
		ack := &schedpb.AckEnded{Job: wireRef(ref)}
		w.order(&schedpb.SchedulerMessage{Msg: &schedpb.SchedulerMessage_AckEnded{AckEnded: ack}})
	})
}

// goodbye: the worker stops. The end of its stream tells it that this is known.
func (r *reactor) goodbye(w *workerConn, m *schedpb.Goodbye) {
	e := core.WorkerStopping{Worker: w.name}
	for _, ref := range m.Staying {
		e.Staying = append(e.Staying, coreRef(ref))
	}
	if _, err := r.decide(e); err != nil {
		r.log.Error("a worker stops", "worker", w.name, "err", err)
	}
	r.log.Info("a worker stops", "worker", w.name, "jobs that stay", len(m.Staying))
	r.afterCommit(func() { w.fail(errStopping) })
}

// endDetail is what the journal keeps of a worker's account: state, code and reason stand in core's own fields. An
// account beyond the bound keeps the exit codes of the ranks and loses their stories. It is of the worker's own ranks
// alone.
func endDetail(part core.Span, end *schedpb.JobEnd) []byte {
	keep := &schedpb.JobEnd{Exits: end.GetExits(), MpiBytes: end.GetMpiBytes()}
	keep.Exits = slices.DeleteFunc(keep.Exits, func(e *schedpb.RankExit) bool { return !part.Has(core.Rank(e.GetRank())) })
	if end.GetRankStates() != nil {
		keep.RankStates = rankStatesOf(part, end.RankStates)
	}
	if proto.Size(keep) > maxDetail {
		keep.RankStates = nil
		for i, e := range keep.Exits {
			keep.Exits[i] = &schedpb.RankExit{Rank: e.GetRank(), ExitCode: e.GetExitCode(), Consequence: e.GetConsequence()}
		}
	}
	if proto.Size(keep) > maxDetail {
		keep.Exits = nil
	}
	b, err := proto.Marshal(keep)
	if err != nil {
		return nil
	}
	return b
}

// rankStatesOf is where a worker says that its own ranks stand.
func rankStatesOf(part core.Span, states *schedpb.RankStates) *schedpb.RankStates {
	own := &schedpb.RankStates{}
	for _, s := range states.GetRanks() {
		if part.Has(core.Rank(s.GetRank())) {
			own.Ranks = append(own.Ranks, &schedpb.RankState{Rank: s.GetRank(), Node: string(part.Worker), Where: s.GetWhere()})
		}
	}
	return own
}
