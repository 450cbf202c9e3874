package worker

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/faasmrun/faasmrun/faasmrun/toolchain"
	"github.com/faasmrun/faasmrun/scheduler/core/result"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker/engine/native/clang"
	"github.com/faasmrun/faasmrun/worker/executor"
	"github.com/faasmrun/faasmrun/worker/state"
)

// scratch outlives the tests of a run: compiled programs and the module cache.
var scratch string

// TestMain is also the children's main: the agent starts them from its own executable.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "executor":
			os.Exit(executor.Main())
		case "hold":
			hold(os.Args[2])
			return
		case "work":
			work(os.Args[2], os.Args[3], os.Args[4])
		case "prepare":
			os.Exit(executor.CompileMain(os.Args[2:], os.Stderr))
		case "object":
			os.Exit(executor.ObjectMain(os.Args[2:], os.Stdout, os.Stderr))
		case "clang":
			os.Exit(clang.Main(os.Args[2:], os.Stderr))
		}
	}
	var err error
	if scratch, err = os.MkdirTemp("", "worker-test-*"); err != nil {
		panic(err)
	}
	status := m.Run()
	os.RemoveAll(scratch)
	os.Exit(status)
}

// testTimeout is how long a test waits for what must come. Nothing waits for it in a test that passes.
const testTimeout = 60 * time.Second

// compiled makes a module of a C program in testdata, once a run.
func compiled(t testing.TB, name string) []byte {
	t.Helper()
	path := filepath.Join(scratch, name+".wasm")
	if b, err := os.ReadFile(path); err == nil {
		return b
	}
	var words bytes.Buffer
	env := toolchain.System()
	env.Stdout, env.Stderr = &words, &words
	if toolchain.Main("cc", []string{"-O2", "-g", filepath.Join("testdata", name+".c"), "-o", path}, env) != 0 {
		t.Fatalf("compile %s.c: %s", name, &words)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// bench is a worker and the scheduler that it is connected to.
type bench struct {
	schedpb.UnimplementedWorkersServer
	t       testing.TB
	worker  *Worker
	running sync.WaitGroup
	dir     string
	log     *bytes.Buffer

	hello    chan *schedpb.WorkerHello
	orders   chan *schedpb.SchedulerMessage
	acks     chan *schedpb.SchedulerMessage // of heartbeats; holds one
	started  chan *schedpb.JobStarted
	states   chan *schedpb.JobRankStates
	ended    chan *schedpb.JobEnded
	taken    chan *schedpb.JobStdinTaken
	input    chan *schedpb.JobInputTaken
	frames   chan *schedpb.OutputFrame // unbuffered: the test is the slow reader
	cut      chan struct{}             // ends Output streams
	hangUp   chan struct{}             // ends the Connect stream
	beats    chan struct{}             // holds one
	away     error                     // what Connect answers instead of a welcome; guarded by mu
	mu       sync.Mutex
	modules  map[string][]byte
	fetched  int
	mute     bool // answers no heartbeat
	goodbye  *schedpb.Goodbye
	unfit    string // as it last said
	told     map[jobKey]*result.Order
	busy     int // so many requests for modules find nobody
	nextJob  uint64
	damaging bool // serve modules with a wrong byte
}

func newBench(t testing.TB, change func(*Config)) *bench {
	t.Helper()
	b := &bench{t: t, hello: make(chan *schedpb.WorkerHello, 16), orders: make(chan *schedpb.SchedulerMessage, 64),
		acks:    make(chan *schedpb.SchedulerMessage, 1),
		started: make(chan *schedpb.JobStarted, 64), states: make(chan *schedpb.JobRankStates, 64),
		ended: make(chan *schedpb.JobEnded, 64), taken: make(chan *schedpb.JobStdinTaken, 1024),
		input:  make(chan *schedpb.JobInputTaken, 1024),
		frames: make(chan *schedpb.OutputFrame), beats: make(chan struct{}, 1), hangUp: make(chan struct{}),
		modules: map[string][]byte{}, told: map[jobKey]*result.Order{}}
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer()
	schedpb.RegisterWorkersServer(server, b)
	var serving sync.WaitGroup
	serving.Go(func() { server.Serve(listener) })
	conn, err := grpc.NewClient("passthrough:///bench", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return listener.Dial() }))
	if err != nil {
		t.Fatal(err)
	}
	b.dir = t.TempDir()
	c := Config{Conn: conn, Name: "n1", Slots: 4, Idle: 2, Dir: b.dir, CacheDir: filepath.Join(scratch, "cache"),
		Logger: slog.New(slog.NewTextHandler(testWriter{t}, nil))}
	if change != nil {
		change(&c)
	}
	if b.worker, err = New(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.worker.Stop()
		b.running.Wait()
		b.endLeft()
		conn.Close()
		server.Stop()
		serving.Wait()
	})
	b.serve()
	return b
}

// serve runs the worker, and waits until it has said hello.
func (b *bench) serve() *schedpb.WorkerHello {
	b.t.Helper()
	w := b.worker
	b.running.Go(func() {
		if err := w.Run(context.Background()); err != nil {
			b.t.Error(err)
		}
	})
	return wait(b.t, b.hello, "hello")
}

// restart stops the worker and starts its successor.
func (b *bench) restart() *schedpb.WorkerHello {
	b.t.Helper()
	b.worker.Stop()
	b.running.Wait()
	var err error
	if b.worker, err = New(b.worker.Config); err != nil {
		b.t.Fatal(err)
	}
	return b.serve()
}

// endLeft ends the executors that are left to a successor that will not come.
func (b *bench) endLeft() {
	s, err := state.Open(filepath.Join(b.worker.Dir, "state"))
	if err != nil {
		return // none: the worker was ephemeral, or its disk is full
	}
	defer s.Close()
	left, _ := s.Executors()
	for _, e := range left {
		if now, err := state.Identify(e.Process.PID); err == nil && now == e.Process {
			syscall.Kill(now.PID, syscall.SIGKILL)
		}
	}
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("worker: %s", bytes.TrimSpace(p))
	return len(p), nil
}

func wait[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(testTimeout):
		t.Fatalf("no %s after %v", what, testTimeout)
		panic("unreachable")
	}
}

// waitUntil waits for what nothing tells a test of: it looks, and lets others run.
func (b *bench) waitUntil(what string, done func() bool) {
	b.t.Helper()
	for end := time.Now().Add(testTimeout); !done(); runtime.Gosched() {
		if time.Now().After(end) {
			b.t.Fatalf("not after %v: %s", testTimeout, what)
		}
	}
}

func (b *bench) Connect(stream grpc.BidiStreamingServer[schedpb.WorkerMessage, schedpb.SchedulerMessage]) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	b.mu.Lock()
	away := b.away
	b.mu.Unlock()
	if away != nil {
		return away
	}
	welcome := &schedpb.SchedulerMessage{Msg: &schedpb.SchedulerMessage_Welcome{
		Welcome: &schedpb.Welcome{HeartbeatEveryMs: 20, GraceMs: 60000}}}
	if err := stream.Send(welcome); err != nil {
		return err
	}
	b.hello <- first.GetHello()
	lost := make(chan struct{})
	go func() {
		defer close(lost)
		for {
			m, err := stream.Recv()
			if err != nil {
				return
			}
			if bye := m.GetGoodbye(); bye != nil {
				b.mu.Lock()
				b.goodbye = bye
				b.mu.Unlock()
				return
			}
			b.handle(m)
		}
	}()
	for {
		select {
		case m := <-b.acks:
			if err := stream.Send(m); err != nil {
				return err
			}
		case m := <-b.orders:
			if err := stream.Send(m); err != nil {
				return err
			}
		case <-lost:
			return nil
		case <-b.hangUp:
			return status.Error(codes.Unavailable, "the test hangs up")
		}
	}
}

func (b *bench) handle(m *schedpb.WorkerMessage) {
	switch m := m.Msg.(type) {
	case *schedpb.WorkerMessage_Heartbeat:
		b.mu.Lock()
		mute := b.mute
		b.unfit = m.Heartbeat.Unfit
		b.mu.Unlock()
		if mute {
			return
		}
		ack := &schedpb.HeartbeatAck{Stamp: m.Heartbeat.Stamp}
		select {
		case b.acks <- &schedpb.SchedulerMessage{Msg: &schedpb.SchedulerMessage_HeartbeatAck{HeartbeatAck: ack}}:
		default:
		}
		select {
		case b.beats <- struct{}{}:
		default:
		}
	case *schedpb.WorkerMessage_Started:
		b.started <- m.Started
	case *schedpb.WorkerMessage_RankStates:
		b.states <- m.RankStates
	case *schedpb.WorkerMessage_Ended:
		b.ended <- b.makeEnd(m.Ended)
	case *schedpb.WorkerMessage_InputTaken:
		b.input <- m.InputTaken
	case *schedpb.WorkerMessage_StdinTaken:
		b.taken <- m.StdinTaken
	}
}

func (b *bench) GetModule(r *schedpb.GetModuleRequest, stream grpc.ServerStreamingServer[schedpb.ModuleChunk]) error {
	b.mu.Lock()
	if b.busy > 0 {
		b.busy--
		b.mu.Unlock()
		return status.Error(codes.Unavailable, "the scheduler is stopping")
	}
	module, ok := b.modules[r.Sha256]
	b.fetched++
	if b.damaging {
		module = append([]byte{1}, module...)
	}
	b.mu.Unlock()
	if !ok {
		return status.Error(codes.NotFound, "no such module")
	}
	for first := true; len(module) > 0 || first; first = false {
		n := min(len(module), 1<<20)
		if err := stream.Send(&schedpb.ModuleChunk{Data: module[:n]}); err != nil {
			return err
		}
		module = module[n:]
	}
	return nil
}

func (b *bench) Output(stream grpc.ClientStreamingServer[schedpb.OutputFrame, schedpb.OutputDone]) error {
	for {
		f, err := stream.Recv()
		if err == io.EOF {
			return stream.SendAndClose(&schedpb.OutputDone{})
		}
		if err != nil {
			return err
		}
		select {
		case b.frames <- f:
		case <-b.cut:
			return status.Error(codes.Canceled, "nobody reads any more")
		case <-stream.Context().Done():
			return stream.Context().Err()
		}
	}
}

func (b *bench) setAway(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.away = err
}

// put makes a module known and returns its hash.
func (b *bench) put(wasm []byte) string {
	sum := sha256.Sum256(wasm)
	sha := hex.EncodeToString(sum[:])
	b.mu.Lock()
	defer b.mu.Unlock()
	b.modules[sha] = wasm
	return sha
}

// app is a program from testdata.
func (b *bench) app(name string, ranks int, args ...string) *schedpb.App {
	return &schedpb.App{ModuleSha256: b.put(compiled(b.t, name)), Program: name + ".wasm", Args: args, Dir: b.t.TempDir(),
		Ranks: uint32(ranks)}
}

func interactive(apps ...*schedpb.App) *schedpb.JobSpec {
	return &schedpb.JobSpec{Apps: apps, Interactive: true}
}

// start orders a job and its output.
func (b *bench) start(spec *schedpb.JobSpec) *schedpb.JobRef {
	b.nextJob++
	ref := &schedpb.JobRef{JobId: b.nextJob, Epoch: 1}
	var ranks uint32
	for _, a := range spec.Apps {
		ranks += a.Ranks
	}
	b.order(&schedpb.SchedulerMessage_Start{Start: &schedpb.StartJob{Job: ref, Spec: spec, Ranks: ranks, WorldSize: ranks,
		Tenant: ownTenant()}})
	b.order(&schedpb.SchedulerMessage_StreamOutput{StreamOutput: &schedpb.StreamOutput{Job: ref, StreamId: b.nextJob}})
	return ref
}

// order sends what goes into a SchedulerMessage's oneof.
func (b *bench) order(msg any) {
	m := &schedpb.SchedulerMessage{}
	switch msg := msg.(type) {
	case *schedpb.SchedulerMessage_Start:
		m.Msg = msg
	case *schedpb.SchedulerMessage_StreamOutput:
		m.Msg = msg
	case *schedpb.SchedulerMessage_Stdin:
		m.Msg = msg
	case *schedpb.SchedulerMessage_Signal:
		m.Msg = msg
	case *schedpb.SchedulerMessage_Terminate:
		m.Msg = msg
	case *schedpb.SchedulerMessage_QueryRanks:
		m.Msg = msg
	case *schedpb.SchedulerMessage_AckEnded:
		m.Msg = msg
	default:
		b.t.Fatalf("no order: %T", msg)
	}
	if t := m.GetTerminate(); t != nil {
		b.mu.Lock()
		if b.told[keyOf(t.Job)] == nil {
			b.told[keyOf(t.Job)] = &result.Order{State: t.State, Reason: t.Reason}
		}
		b.mu.Unlock()
	}
	b.orders <- m
}

// makeEnd makes a job's end of its worker's report, as the scheduler does.
func (b *bench) makeEnd(m *schedpb.JobEnded) *schedpb.JobEnded {
	if m.End != nil {
		b.t.Errorf("the worker made a result: %v", m.End)
	}
	if m.Report == nil { // a test's own
		return m
	}
	b.mu.Lock()
	told := b.told[keyOf(m.Job)]
	b.mu.Unlock()
	seen := m.Seen("n1", func(uint32) bool { return true })
	made := result.Of(seen, told)
	m.End = &schedpb.JobEnd{State: made.State, ExitCode: made.ExitCode, Reason: made.Reason,
		RankStates: m.Report.RankStates, Exits: schedpb.RankExits(seen), MpiBytes: m.Report.MpiBytes}
	return m
}

// outcome is a job's output and end.
type outcome struct {
	out map[string]string // "0" is rank 0's stdout, "0e" its stderr
	*schedpb.JobEnded
}

// collect reads output to its eof, then the end.
func (b *bench) collect() outcome {
	b.t.Helper()
	o := outcome{out: map[string]string{}}
	b.read(o.out, func() bool { return false })
	o.JobEnded = wait(b.t, b.ended, "end of the job")
	b.order(&schedpb.SchedulerMessage_AckEnded{AckEnded: &schedpb.AckEnded{Job: o.JobEnded.Job}})
	return o
}

// read reads output until enough says so or the eof, and reports whether the eof has come.
func (b *bench) read(out map[string]string, enough func() bool) (eof bool) {
	b.t.Helper()
	for !enough() {
		f := wait(b.t, b.frames, "output")
		for _, r := range f.Output {
			key := fmt.Sprint(r.Rank)
			if r.Stream == schedpb.Stream_STREAM_STDERR {
				key += "e"
			}
			if r.AwaitsInput {
				key += "?"
			}
			out[key] += string(r.Data)
			if r.AwaitsInput {
				out[key] += "?"
			}
		}
		if f.Eof {
			return true
		}
	}
	return false
}

func (b *bench) run(spec *schedpb.JobSpec) outcome {
	b.t.Helper()
	b.start(spec)
	return b.collect()
}

// ownTenant is the tenant that this process's user is.
func ownTenant() string { return localTenant + strconv.Itoa(os.Geteuid()) }
