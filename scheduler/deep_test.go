package scheduler

import (
	"context"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

var deep = flag.Int("deep", 2000, "jobs that wait in TestDeepQueue")

// TestDeepQueue fills a scheduler of its own process, reads the queue and submits to it, kills it, and has it read its
// journal back: nothing is lost, and the log has the figures (go test ./scheduler -run DeepQueue -v -deep 100000).
func TestDeepQueue(t *testing.T) {
	v := &victim{t: t, dir: t.TempDir()}
	v.start()
	defer func() { v.kill() }()
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	conn := v.dial()
	defer func() { conn.Close() }()
	w := &world{jobs: schedpb.NewJobsClient(conn), ctx: ctx}
	ok(t, w.putModule(hashOf(moduleBytes), moduleBytes))
	v.fullWorker(ctx, conn)
	jobs, spec := w.jobs, w.spec(4)
	spec.TimeLimitMs = 3600_000
	begin := time.Now()
	var wg sync.WaitGroup
	var mu sync.Mutex
	worst := time.Duration(0)
	for part := range 32 {
		wg.Go(func() {
			for i := part; i < *deep; i += 32 {
				s := proto.CloneOf(spec)
				s.Name = "job" + strconv.Itoa(i%100)
				asked := time.Now()
				if _, err := jobs.Submit(ctx, &schedpb.SubmitRequest{Spec: s}); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				worst = max(worst, time.Since(asked))
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	t.Logf("%d submissions from 32 callers: %.0f/s, the slowest %v", *deep, float64(*deep)/time.Since(begin).Seconds(),
		worst.Round(time.Millisecond))
	v.figures(ctx, jobs, spec)
	v.kill()
	conn.Close()
	begin = time.Now()
	v.start()
	t.Logf("recovery after kill -9: %v", time.Since(begin).Round(time.Millisecond))
	conn = v.dial()
	if n := len(listAll(t, ctx, schedpb.NewJobsClient(conn))); n != *deep+latencies {
		t.Errorf("%d jobs are there after the kill, not %d", n, *deep+latencies)
	}
}

func (v *victim) dial() *grpc.ClientConn {
	conn, err := grpc.NewClient("unix:"+filepath.Join(v.dir, "sock"),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	ok(v.t, err)
	return conn
}

// fullWorker takes a few jobs and keeps them; two of its slots stay free, so that each pass looks for what could use
// them.
func (v *victim) fullWorker(ctx context.Context, conn *grpc.ClientConn) {
	stream, err := schedpb.NewWorkersClient(conn).Connect(ctx)
	ok(v.t, err)
	ok(v.t, stream.Send(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_Hello{Hello: hello("n1", 66)}}))
	_, err = stream.Recv()
	ok(v.t, err)
	go func() {
		beat := time.NewTicker(time.Second)
		defer beat.Stop()
		alive := &schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_Heartbeat{Heartbeat: &schedpb.Heartbeat{}}}
		for stream.Send(alive) == nil {
			<-beat.C
		}
	}()
}

// latencies is how many calls each figure is taken from.
const latencies = 50

// figures logs how long calls take.
func (v *victim) figures(ctx context.Context, jobs schedpb.JobsClient, spec *schedpb.JobSpec) {
	begin := time.Now()
	n := len(listAll(v.t, ctx, jobs))
	v.t.Logf("the whole queue, %d jobs: %v", n, time.Since(begin).Round(time.Millisecond))
	measure := func(what string, call func() error) {
		var took []time.Duration
		for range latencies {
			begin := time.Now()
			ok(v.t, call())
			took = append(took, time.Since(begin))
		}
		slices.Sort(took)
		v.t.Logf("%s: p50 %v, p95 %v", what, took[latencies/2].Round(10*time.Microsecond),
			took[latencies*95/100].Round(10*time.Microsecond))
	}
	measure("submit", func() error { _, err := jobs.Submit(ctx, &schedpb.SubmitRequest{Spec: spec}); return err })
	measure("a page of the queue", func() error { _, err := jobs.List(ctx, &schedpb.ListRequest{}); return err })
	measure("the newest job", func() error {
		_, err := jobs.List(ctx, &schedpb.ListRequest{Newest: true, Limit: 1})
		return err
	})
	measure("explain the first", func() error {
		_, err := jobs.Explain(ctx, &schedpb.ExplainRequest{JobId: 1})
		return err
	})
	measure("explain the last", func() error {
		_, err := jobs.Explain(ctx, &schedpb.ExplainRequest{JobId: uint64(n)})
		return err
	})
	size := int64(0)
	ok(v.t, filepath.WalkDir(filepath.Join(v.dir, "state", "journal"), func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			if info, err := e.Info(); err == nil {
				size += info.Size()
			}
		}
		return err
	}))
	status, err := os.ReadFile("/proc/" + strconv.Itoa(v.cmd.Process.Pid) + "/status")
	ok(v.t, err)
	for _, line := range strings.Split(string(status), "\n") {
		if rss, found := strings.CutPrefix(line, "VmHWM:"); found {
			v.t.Logf("memory at most%s; journal on disk %.1f MB", rss, float64(size)/1e6)
		}
	}
}

func listAll(t *testing.T, ctx context.Context, jobs schedpb.JobsClient) []*schedpb.JobInfo {
	var all []*schedpb.JobInfo
	for req := (&schedpb.ListRequest{Everyone: true}); ; {
		page, err := jobs.List(ctx, req)
		ok(t, err)
		if all = append(all, page.Jobs...); !page.More {
			return all
		}
		req.AboveId = all[len(all)-1].Id
	}
}
