package scheduler

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// A test binary that is called with this variable is a scheduler, to be killed.
const schedulerProcess = "SCHEDULER_TEST_DIR"

func TestMain(m *testing.M) {
	flag.Parse()
	if dir := os.Getenv(schedulerProcess); dir != "" {
		if err := serveForTest(dir); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serveForTest serves on a socket in the directory, says so, and ends when killed or when its input closes.
func serveForTest(dir string) error {
	s, err := New(Config{Dir: filepath.Join(dir, "state"), SnapshotEvery: 50})
	if err != nil {
		return err
	}
	defer s.Stop()
	os.Remove(filepath.Join(dir, "sock"))
	listener, err := net.Listen("unix", filepath.Join(dir, "sock"))
	if err != nil {
		return err
	}
	g := grpc.NewServer()
	s.Register(g)
	go g.Serve(listener)
	defer g.Stop()
	fmt.Println("ready")
	bufio.NewReader(os.Stdin).ReadByte()
	return nil
}

var kills = flag.Int("kills", 12, "how often TestKilledAtRandom kills the scheduler")

// victim is a scheduler in a process of its own.
type victim struct {
	t   *testing.T
	dir string
	cmd *exec.Cmd
}

func (v *victim) start() {
	v.cmd = exec.Command(os.Args[0])
	v.cmd.Env = append(os.Environ(), schedulerProcess+"="+v.dir)
	v.cmd.Stderr = os.Stderr
	out, err := v.cmd.StdoutPipe()
	ok(v.t, err)
	_, err = v.cmd.StdinPipe() // closes with this process, and ends that one
	ok(v.t, err)
	ok(v.t, v.cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "ready\n" {
		v.t.Fatalf("the scheduler does not start: %q, %v", line, err)
	}
}

func (v *victim) kill() {
	v.cmd.Process.Kill()
	v.cmd.Wait()
}

// eager is a worker that ends each job as soon as it is told to start it, and remembers what it ran.
type eager struct {
	name string
	jobs schedpb.WorkersClient

	mu   sync.Mutex
	held map[uint64]*schedpb.JobEnded // not acknowledged yet
	ran  map[uint64]int               // by job: how often it was started
}

func (e *eager) run(ctx context.Context) {
	for ctx.Err() == nil {
		e.session(ctx) // until the scheduler dies
	}
}

func (e *eager) session(ctx context.Context) error {
	stream, err := e.jobs.Connect(ctx, grpc.WaitForReady(true))
	if err != nil {
		return err
	}
	h := hello(e.name, 4)
	e.mu.Lock()
	var again []*schedpb.JobEnded
	for _, m := range e.held {
		h.Running = append(h.Running, m.Job)
		again = append(again, m)
	}
	e.mu.Unlock()
	if err := stream.Send(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_Hello{Hello: h}}); err != nil {
		return err
	}
	for _, m := range again {
		stream.Send(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_Ended{Ended: m}})
	}
	for {
		m, err := stream.Recv()
		if err != nil {
			return err
		}
		if start := m.GetStart(); start != nil {
			e.mu.Lock()
			known := e.held[start.Job.JobId]
			if known == nil {
				known = &schedpb.JobEnded{Job: start.Job, End: done()}
				e.held[start.Job.JobId] = known
				e.ran[start.Job.JobId]++
			}
			e.mu.Unlock()
			stream.Send(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_Started{
				Started: &schedpb.JobStarted{Job: start.Job}}})
			stream.Send(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_Ended{Ended: known}})
		}
		if ack := m.GetAckEnded(); ack != nil {
			e.mu.Lock()
			delete(e.held, ack.Job.JobId)
			e.mu.Unlock()
		}
	}
}

// TestKilledAtRandom kills the scheduler with SIGKILL again and again during a stream of submissions. Every submission
// that was acknowledged has exactly one end, ran exactly once, and one that was asked for twice is one job.
func TestKilledAtRandom(t *testing.T) {
	v := &victim{t: t, dir: t.TempDir()}
	v.start()
	defer v.kill()
	conn, err := grpc.NewClient("unix:"+filepath.Join(v.dir, "sock"),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: time.Second}))
	ok(t, err)
	defer conn.Close()
	w := &world{t: t, jobs: schedpb.NewJobsClient(conn), ctx: t.Context()}
	ok(t, w.putModule(hashOf(moduleBytes), moduleBytes))

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	worker := &eager{name: "n1", jobs: schedpb.NewWorkersClient(conn), held: map[uint64]*schedpb.JobEnded{},
		ran: map[uint64]int{}}
	var running sync.WaitGroup
	running.Go(func() { worker.run(ctx) })

	// Launchers submit until told to stop, and repeat what was not answered.
	var mu sync.Mutex
	acked := map[uint64]string{}
	stop, progress := make(chan struct{}), make(chan struct{}, 1)
	var launchers sync.WaitGroup
	for l := range 4 {
		launchers.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				req := &schedpb.SubmitRequest{Spec: w.spec(1), IdempotencyKey: fmt.Sprint(l, ":", n)}
				for {
					resp, err := w.jobs.Submit(ctx, req, grpc.WaitForReady(true))
					if err == nil {
						mu.Lock()
						if was, twice := acked[resp.JobId]; twice {
							t.Errorf("job %d is acknowledged for %s and for %s", resp.JobId, was, req.IdempotencyKey)
						}
						acked[resp.JobId] = req.IdempotencyKey
						mu.Unlock()
						select {
						case progress <- struct{}{}:
						case <-stop:
						}
						break
					}
					if ctx.Err() != nil {
						return
					}
				}
			}
		})
	}
	rnd := rand.New(rand.NewPCG(1, 1))
	for range *kills {
		for range 1 + rnd.IntN(40) {
			<-progress
		}
		v.kill()
		v.start()
	}
	close(stop)
	launchers.Wait()

	var ids []uint64
	for id := range acked {
		ids = append(ids, id)
	}
	feed, err := w.jobs.Watch(ctx, &schedpb.WatchRequest{Ids: ids}, grpc.WaitForReady(true))
	ok(t, err)
	ends := map[uint64]string{}
	for {
		m, err := feed.Recv()
		if err != nil {
			break
		}
		for _, j := range m.Jobs {
			ends[j.Id] = j.State
		}
	}
	cancel()
	running.Wait()
	wrong := []string{}
	for _, id := range ids {
		if ends[id] != "CD" || worker.ran[id] != 1 {
			wrong = append(wrong, fmt.Sprintf("job %d is %q and ran %d times", id, ends[id], worker.ran[id]))
		}
	}
	if len(wrong) > 0 {
		t.Errorf("%d jobs: %s", len(wrong), strings.Join(wrong[:min(10, len(wrong))], "; "))
	}
	t.Logf("%d jobs acknowledged over %d kills", len(ids), *kills)
}

// BenchmarkSubmit is one RPC and one durable acknowledgement each, over a socket, with the real store.
func BenchmarkSubmit(b *testing.B) {
	for _, connections := range []int{1, 32} {
		b.Run(fmt.Sprint(connections), func(b *testing.B) { benchmark(b, connections, false) })
	}
}

// BenchmarkDrain is from submission to the recorded end, with a worker that ends jobs at once.
func BenchmarkDrain(b *testing.B) { benchmark(b, 32, true) }

func benchmark(b *testing.B, connections int, drain bool) {
	dir := b.TempDir()
	s, err := New(Config{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Stop()
	listener, err := net.Listen("unix", filepath.Join(dir, "sock"))
	if err != nil {
		b.Fatal(err)
	}
	g := grpc.NewServer()
	s.Register(g)
	go g.Serve(listener)
	defer g.Stop()
	dial := func() *grpc.ClientConn {
		conn, err := grpc.NewClient("unix:"+filepath.Join(dir, "sock"),
			grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			b.Fatal(err)
		}
		return conn
	}
	conn := dial()
	defer conn.Close()
	w := &world{jobs: schedpb.NewJobsClient(conn), ctx: b.Context()}
	if err := w.putModule(hashOf(moduleBytes), moduleBytes); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	if drain {
		e := &eager{name: "n1", jobs: schedpb.NewWorkersClient(conn), held: map[uint64]*schedpb.JobEnded{},
			ran: map[uint64]int{}}
		go e.run(ctx)
	}
	b.ResetTimer()
	var clients sync.WaitGroup
	var last sync.Map
	for c := range connections {
		clients.Go(func() {
			conn := dial()
			defer conn.Close()
			jobs := schedpb.NewJobsClient(conn)
			for i := c; i < b.N; i += connections {
				resp, err := jobs.Submit(ctx, &schedpb.SubmitRequest{Spec: w.spec(1)})
				if err != nil {
					b.Error(err)
					return
				}
				last.Store(c, resp.JobId)
			}
		})
	}
	clients.Wait()
	if drain {
		var ids []uint64
		last.Range(func(_, id any) bool { ids = append(ids, id.(uint64)); return true })
		feed, err := w.jobs.Watch(ctx, &schedpb.WatchRequest{Ids: ids})
		for err == nil {
			_, err = feed.Recv()
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
}
