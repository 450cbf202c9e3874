package scheduler

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/scheduler/store"
)

// world is a scheduler, reached over gRPC as everyone reaches it.
type world struct {
	t       *testing.T
	cfg     Config
	store   *store.Memory
	server  *Server
	grpc    *grpc.Server
	conn    *grpc.ClientConn
	jobs    schedpb.JobsClient
	workers schedpb.WorkersClient
	cluster schedpb.ClusterClient
	ctx     context.Context
	down    bool
	disk    bool                          // the store is the server's own, in its directory
	around  func(store.Store) store.Store // what the server gets instead of the store
}

// newWorld starts one. Calls are made by tenant "alice" unless the context says otherwise (as).
func newWorld(t *testing.T, cfg Config) *world {
	ctx, cancel := context.WithTimeout(context.Background(), 24*time.Hour)
	w := &world{t: t, cfg: cfg, store: store.NewMemory(), ctx: ctx}
	w.cfg.Dir = t.TempDir()
	if cfg.Heartbeat == 0 {
		w.cfg.Heartbeat = time.Hour // fake workers have none
	}
	begin := time.Now() // in a bubble the machine's own clock stands still
	w.cfg.Steady = func() time.Duration { return time.Since(begin) }
	if cfg.Identity == nil {
		w.cfg.Identity = callerNamed
	}
	w.start()
	t.Cleanup(func() { w.stop(); cancel() })
	return w
}

// callerNamed believes what the context says.
func callerNamed(ctx context.Context) (string, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	if who := md.Get("tenant"); len(who) > 0 {
		return who[0], nil
	}
	return "alice", nil
}

func onlyNamed(_ context.Context, name string) error {
	if name != "n1" {
		return errors.New("this certificate is for worker n1")
	}
	return nil
}

func as(ctx context.Context, tenant string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "tenant", tenant)
}

func (w *world) start() {
	w.t.Helper()
	w.store = w.store.Reopen()
	if w.cfg.Store = w.store; w.disk {
		w.cfg.Store = nil
	}
	if w.around != nil {
		w.cfg.Store = w.around(w.store)
	}
	var err error
	if w.server, err = New(w.cfg); err != nil {
		w.t.Fatal(err)
	}
	listener := bufconn.Listen(1 << 20)
	w.grpc = grpc.NewServer()
	w.server.Register(w.grpc)
	go w.grpc.Serve(listener)
	w.conn, err = grpc.NewClient("passthrough:///scheduler", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		w.t.Fatal(err)
	}
	w.jobs, w.workers = schedpb.NewJobsClient(w.conn), schedpb.NewWorkersClient(w.conn)
	w.cluster = schedpb.NewClusterClient(w.conn)
	w.down = false
}

func (w *world) stop() {
	if w.down {
		return
	}
	w.down = true
	w.server.Stop()
	w.grpc.Stop()
	w.conn.Close()
}

// restart is a new process on what the old one had journalled.
func (w *world) restart() {
	w.stop()
	w.start()
}

var moduleBytes = []byte("\x00asm\x01\x00\x00\x00 a program")

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func (w *world) putModule(hash string, chunks ...[]byte) error {
	return w.putModuleAs(w.ctx, hash, chunks...)
}

func (w *world) putModuleAs(ctx context.Context, hash string, chunks ...[]byte) error {
	stream, err := w.jobs.PutModule(ctx)
	if err != nil {
		return err
	}
	for i, c := range chunks {
		m := &schedpb.ModuleChunk{Data: c}
		if i == 0 {
			m.Sha256 = hash
		}
		if err := stream.Send(m); err != nil {
			break // CloseAndRecv says why
		}
	}
	_, err = stream.CloseAndRecv()
	return err
}

func (w *world) spec(ranks uint32) *schedpb.JobSpec {
	return &schedpb.JobSpec{Apps: []*schedpb.App{{ModuleSha256: hashOf(moduleBytes), Program: "hello.wasm", Dir: "/tmp",
		Ranks: ranks}}}
}

// submit sends the module and a job.
func (w *world) submit(spec *schedpb.JobSpec) uint64 {
	w.t.Helper()
	if err := w.putModule(hashOf(moduleBytes), moduleBytes); err != nil {
		w.t.Fatal(err)
	}
	resp, err := w.jobs.Submit(w.ctx, &schedpb.SubmitRequest{Spec: spec})
	if err != nil {
		w.t.Fatal(err)
	}
	return resp.JobId
}

// launcher is a fake launcher's attach stream.
type launcher struct {
	t      *testing.T
	stream grpc.BidiStreamingClient[schedpb.AttachRequest, schedpb.AttachResponse]
	die    context.CancelFunc
	out    strings.Builder
	lost   string // what was said of output that is not there
}

func (w *world) attach(id uint64) *launcher {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.ctx)
	w.t.Cleanup(cancel)
	stream, err := w.jobs.Attach(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	l := &launcher{t: w.t, stream: stream, die: cancel}
	l.send(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Open{Open: &schedpb.AttachOpen{JobId: id, Output: true}}})
	return l
}

func (l *launcher) send(m *schedpb.AttachRequest) {
	l.t.Helper()
	if err := l.stream.Send(m); err != nil && !errors.Is(err, io.EOF) {
		l.t.Fatal(err)
	}
}

func (l *launcher) recv() *schedpb.AttachResponse {
	l.t.Helper()
	m, err := l.stream.Recv()
	if err != nil {
		l.t.Fatal(err)
	}
	if o := m.GetOutput(); o != nil {
		l.out.Write(o.Data)
	}
	if lost := m.GetOutputLost(); lost != nil {
		l.lost = lost.Why
	}
	return m
}

// until reads up to a state change to the given state and returns its reason.
func (l *launcher) until(state string) string {
	l.t.Helper()
	for {
		m := l.recv()
		if s := m.GetState(); s.GetState() == state {
			return s.Reason
		}
		if end := m.GetEnd(); end != nil {
			l.t.Fatalf("the job ended %v before it was %s", end, state)
		}
	}
}

// reason reads up to a pending reason with the given words in it.
func (l *launcher) reason(words string) {
	l.t.Helper()
	for {
		if s := l.recv().GetState(); s.GetState() == "PD" && strings.Contains(s.Reason, words) {
			return
		}
	}
}

// end reads up to the end, and makes sure that nothing follows.
func (l *launcher) end() *schedpb.JobEnd {
	l.t.Helper()
	for {
		if end := l.recv().GetEnd(); end != nil {
			if m, err := l.stream.Recv(); !errors.Is(err, io.EOF) {
				l.t.Errorf("behind the end came %v, %v", m, err)
			}
			return end
		}
	}
}

// fakeWorker is a worker's side of Connect, moved by hand.
type fakeWorker struct {
	t      *testing.T
	w      *world
	stream grpc.BidiStreamingClient[schedpb.WorkerMessage, schedpb.SchedulerMessage]
	ctx    context.Context
	die    context.CancelFunc
}

func hello(name string, slots uint32, running ...*schedpb.JobRef) *schedpb.WorkerHello {
	return &schedpb.WorkerHello{Name: name, Slots: slots, MemBytes: 64 << 30, Running: running, Protocol: 1}
}

// connect says hello and waits for the welcome.
func (w *world) connect(h *schedpb.WorkerHello) *fakeWorker {
	w.t.Helper()
	f := w.dial(h)
	if m := f.recv(); m.GetWelcome() == nil {
		w.t.Fatalf("welcomed with %v", m)
	}
	return f
}

func (w *world) dial(h *schedpb.WorkerHello) *fakeWorker {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.ctx)
	w.t.Cleanup(cancel)
	stream, err := w.workers.Connect(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	f := &fakeWorker{t: w.t, w: w, stream: stream, ctx: ctx, die: cancel}
	f.send(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_Hello{Hello: h}})
	return f
}

func (f *fakeWorker) send(m *schedpb.WorkerMessage) {
	f.t.Helper()
	if err := f.stream.Send(m); err != nil && !errors.Is(err, io.EOF) {
		f.t.Fatal(err)
	}
}

func (f *fakeWorker) recv() *schedpb.SchedulerMessage {
	f.t.Helper()
	m, err := f.stream.Recv()
	if err != nil {
		f.t.Fatal(err)
	}
	return m
}

// gone waits until the scheduler has ended the stream.
func (f *fakeWorker) gone() error {
	for {
		if _, err := f.stream.Recv(); err != nil {
			return err
		}
	}
}

// gone waits until the scheduler has ended the stream.
func (l *launcher) gone() error {
	for {
		if _, err := l.stream.Recv(); err != nil {
			return err
		}
	}
}

func (f *fakeWorker) start() *schedpb.StartJob {
	f.t.Helper()
	m := f.recv()
	if m.GetStart() == nil {
		f.t.Fatalf("expected a start, got %v", m)
	}
	return m.GetStart()
}

func (f *fakeWorker) terminate() *schedpb.TerminateJob {
	f.t.Helper()
	m := f.recv()
	if m.GetTerminate() == nil {
		f.t.Fatalf("expected a terminate, got %v", m)
	}
	return m.GetTerminate()
}

func (f *fakeWorker) streamOrder() *schedpb.StreamOutput {
	f.t.Helper()
	m := f.recv()
	if m.GetStreamOutput() == nil {
		f.t.Fatalf("expected a request for output, got %v", m)
	}
	return m.GetStreamOutput()
}

func (f *fakeWorker) ack() *schedpb.JobRef {
	f.t.Helper()
	m := f.recv()
	if m.GetAckEnded() == nil {
		f.t.Fatalf("expected an acknowledgement, got %v", m)
	}
	return m.GetAckEnded().Job
}

func (f *fakeWorker) started(ref *schedpb.JobRef) {
	f.send(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_Started{Started: &schedpb.JobStarted{Job: ref}}})
}

// ended is the end that a worker of release 0.1.0 has made.
func (f *fakeWorker) ended(ref *schedpb.JobRef, end *schedpb.JobEnd) {
	f.send(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_Ended{Ended: &schedpb.JobEnded{Job: ref, End: end, CpuNs: 5,
		MaxRssBytes: 6}}})
}

// reported is the end that a worker of this release reports.
func (f *fakeWorker) reported(ref *schedpb.JobRef, r *schedpb.JobReport) {
	f.send(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_Ended{Ended: &schedpb.JobEnded{Job: ref, Report: r, CpuNs: 5,
		MaxRssBytes: 6}}})
}

// output opens an Output call for the stream that was asked for.
func (f *fakeWorker) output(order *schedpb.StreamOutput) grpc.ClientStreamingClient[schedpb.OutputFrame,
	schedpb.OutputDone] {
	f.t.Helper()
	stream, err := f.w.workers.Output(f.ctx)
	if err != nil {
		f.t.Fatal(err)
	}
	if err := stream.Send(&schedpb.OutputFrame{StreamId: order.StreamId}); err != nil {
		f.t.Fatal(err)
	}
	return stream
}

func text(offset uint64, words string) *schedpb.OutputFrame {
	return &schedpb.OutputFrame{Output: []*schedpb.Output{{Data: []byte(words)}}, NextOffset: offset}
}

func done() *schedpb.JobEnd { return &schedpb.JobEnd{State: "CD"} }

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// timed runs a test in a bubble where time passes by itself.
func timed(t *testing.T, f func(t *testing.T)) { synctest.Test(t, f) }
