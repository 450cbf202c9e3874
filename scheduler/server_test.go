package scheduler

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/scheduler/store"
)

func TestStrangersJob(t *testing.T) {
	w := newWorld(t, Config{})
	id := w.submit(w.spec(1))
	stream, err := w.jobs.Attach(as(w.ctx, "mallory"))
	ok(t, err)
	ok(t, stream.Send(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Open{Open: &schedpb.AttachOpen{JobId: id}}}))
	_, err = stream.Recv()
	equal(t, "code", status.Code(err), codes.NotFound)
}

func TestIdempotencyKey(t *testing.T) {
	w := newWorld(t, Config{})
	first := w.submit(w.spec(1)) // sends the module, too
	req := &schedpb.SubmitRequest{Spec: w.spec(1), IdempotencyKey: "k"}
	a, err := w.jobs.Submit(w.ctx, req)
	ok(t, err)
	b, err := w.jobs.Submit(w.ctx, req)
	ok(t, err)
	equal(t, "repeated", b.JobId, a.JobId)
	w.restart()
	b, err = w.jobs.Submit(w.ctx, req)
	ok(t, err)
	equal(t, "after a restart", b.JobId, a.JobId)
	ok(t, w.putModuleAs(as(w.ctx, "bob"), hashOf(moduleBytes), moduleBytes))
	c, err := w.jobs.Submit(as(w.ctx, "bob"), req)
	ok(t, err)
	if c.JobId == a.JobId || a.JobId == first {
		t.Error("a key is its tenant's own")
	}
}

// TestRestart: what was acknowledged is there, running ranks are taken back, and nothing ends twice.
func TestRestart(t *testing.T) {
	w := newWorld(t, Config{SnapshotEvery: 3})
	f := w.connect(hello("n1", 1))
	running := w.submit(w.spec(1))
	start := f.start()
	f.started(start.Job)
	waiting := w.submit(w.spec(1))
	over := w.submit(w.spec(1))
	l := w.attach(over)
	l.send(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Terminate{Terminate: &schedpb.Terminate{Reason: "gone"}}})
	l.end()
	w.restart()
	equal(t, "the ended job's reason", w.attach(over).end().Reason, "gone")
	r := w.attach(running)
	r.until("R")
	f = w.connect(hello("n1", 1, start.Job))
	f.output(f.streamOrder()).Send(&schedpb.OutputFrame{Eof: true})
	f.ended(start.Job, done())
	next := f.start() // its slot is given on in the same breath
	f.ack()
	equal(t, "running job", r.end().State, "CD")
	equal(t, "waiting job", next.Job.JobId, waiting)
	w.restart() // the start may have been lost: it is given again
	f = w.connect(hello("n1", 1))
	equal(t, "waiting job", f.start().Job.JobId, waiting)
}

func TestFullDisk(t *testing.T) {
	w := newWorld(t, Config{})
	kept := w.submit(w.spec(1))
	w.store.FailNext = fmt.Errorf("no space left on device")
	_, err := w.jobs.Submit(w.ctx, &schedpb.SubmitRequest{Spec: w.spec(1)})
	equal(t, "code", status.Code(err), codes.Unavailable)
	if !strings.Contains(err.Error(), "no space left") {
		t.Error(err)
	}
	<-w.server.Halted()
	if w.server.Err() == nil {
		t.Error("no reason")
	}
	w.restart()
	l := w.attach(kept)
	l.reason("no worker")
	if id := w.submit(w.spec(1)); id != kept+1 {
		t.Errorf("job %d: the unacknowledged one is there", id)
	}
}

func TestModules(t *testing.T) {
	w := newWorld(t, Config{MaxModuleBytes: 1 << 20})
	hash := hashOf(moduleBytes)
	missing := func() int {
		resp, err := w.jobs.MissingModules(w.ctx, &schedpb.MissingModulesRequest{Sha256: []string{hash}})
		ok(t, err)
		return len(resp.Sha256)
	}
	equal(t, "missing", missing(), 1)
	for name, err := range map[string]error{
		"wrong hash": w.putModule(hash, []byte("something else")),
		"no hash":    w.putModule("", moduleBytes),
		"path":       w.putModule("../../../../../../../../../../../../../../../../../../etc/passwd/", moduleBytes),
		"upper case": w.putModule(strings.ToUpper(hash), moduleBytes),
		"too large":  w.putModule(hash, make([]byte, 1<<20), []byte{1}),
		"long chunk": w.putModule(hash, make([]byte, 1<<20+1)),
	} {
		if status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
	equal(t, "missing", missing(), 1)
	ok(t, w.putModule(hash, moduleBytes[:5], moduleBytes[5:]))
	equal(t, "missing", missing(), 0)
	if left, _ := filepath.Glob(filepath.Join(w.cfg.Dir, "modules", ".put-*")); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
	f := w.connect(hello("n1", 1))
	w.submit(w.spec(1))
	f.start()
	for _, name := range []string{"n1", ""} { // workers of 0.1.0 don't say who they are
		got, err := w.getModule(w.ctx, name, hash)
		ok(t, err)
		equal(t, "module", got, string(moduleBytes))
	}
	_, err := w.getModule(w.ctx, "n1", hashOf(nil))
	equal(t, "unknown module", status.Code(err), codes.NotFound)
}

func (w *world) getModule(ctx context.Context, worker, hash string) (string, error) {
	stream, err := w.workers.GetModule(ctx, &schedpb.GetModuleRequest{Sha256: hash, Worker: worker})
	if err != nil {
		return "", err
	}
	chunk, err := stream.Recv()
	return string(chunk.GetData()), err
}

func TestHostileSubmissions(t *testing.T) {
	w := newWorld(t, Config{})
	w.submit(w.spec(1))
	app := func(f func(*schedpb.App)) *schedpb.JobSpec {
		s := w.spec(1)
		f(s.Apps[0])
		return s
	}
	job := func(f func(*schedpb.JobSpec)) *schedpb.JobSpec {
		s := w.spec(1)
		f(s)
		return s
	}
	for words, spec := range map[string]*schedpb.JobSpec{
		"no job in it":          nil,
		"no program":            {},
		"has no ranks":          w.spec(0),
		"takes at most 1048576": w.spec(4_000_000_000),
		"more than a world": job(func(s *schedpb.JobSpec) {
			s.Apps = append(w.spec(4_000_000_000).Apps, w.spec(4_000_000_000).Apps...)
		}),
		"not absolute":           app(func(a *schedpb.App) { a.Dir = "work" }),
		`directory "" is not`:    app(func(a *schedpb.App) { a.Dir = "" }),
		"directory holds a NUL":  app(func(a *schedpb.App) { a.Dir = "/a\x00b" }),
		"is not here; send":      app(func(a *schedpb.App) { a.ModuleSha256 = hashOf(nil) }),
		"not named by a SHA-256": app(func(a *schedpb.App) { a.ModuleSha256 = "../x" }),
		"name holds a NUL":       app(func(a *schedpb.App) { a.Program = "a\x00" }),
		"argument 2 holds":       app(func(a *schedpb.App) { a.Args = []string{"a", "\x00"} }),
		"variable has no name":   app(func(a *schedpb.App) { a.Env = []*schedpb.EnvVar{{}} }),
		"or a NUL byte":          app(func(a *schedpb.App) { a.Env = []*schedpb.EnvVar{{Name: "A=B"}} }),
		"variable A holds a NUL": app(func(a *schedpb.App) { a.Env = []*schedpb.EnvVar{{Name: "A", Value: "\x00"}} }),
		"description takes 3073 KiB": app(func(a *schedpb.App) {
			a.Env = []*schedpb.EnvVar{{Name: "A", Value: strings.Repeat("x", 3<<20+1000)}}
		}),
		"20000 environment variables": app(func(a *schedpb.App) { a.Env = make([]*schedpb.EnvVar, 20000); fill(a.Env) }),
		"mount point": app(func(a *schedpb.App) {
			a.Mounts = []*schedpb.Mount{{HostDir: "/x",
				GuestDir: "y"}}
		}),
		"can't be shown":         job(func(s *schedpb.JobSpec) { s.Name = "a\x1b[2J" }),
		"name has 300 bytes":     job(func(s *schedpb.JobSpec) { s.Name = strings.Repeat("n", 300) }),
		"a time limit of -1 ms":  job(func(s *schedpb.JobSpec) { s.TimeLimitMs = -1 }),
		"beyond the end of time": job(func(s *schedpb.JobSpec) { s.TimeLimitMs = 1 << 62 }),
		"the most that a rank":   job(func(s *schedpb.JobSpec) { s.MemPerRankBytes = 1<<40 + 1 }),
		"unknown choice 9":       job(func(s *schedpb.JobSpec) { s.Stdin = 9 }),
		"does not go to a list":  job(func(s *schedpb.JobSpec) { s.StdinRanks = []uint32{0} }),
		"for rank 1 of a job": job(func(s *schedpb.JobSpec) {
			s.Stdin = schedpb.StdinTo_STDIN_LIST
			s.StdinRanks = []uint32{1}
		}),
	} {
		_, err := w.jobs.Submit(w.ctx, &schedpb.SubmitRequest{Spec: spec})
		if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), words) {
			t.Errorf("expected %q, got %v", words, err)
		}
	}
	_, err := w.jobs.Submit(w.ctx, &schedpb.SubmitRequest{Spec: w.spec(1), IdempotencyKey: strings.Repeat("k", 300)})
	equal(t, "key", status.Code(err), codes.InvalidArgument)
}

func fill(env []*schedpb.EnvVar) {
	for i := range env {
		env[i] = &schedpb.EnvVar{Name: "A"}
	}
}

func TestStopLeavesNothingBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	synctest.Test(t, func(t *testing.T) { // which fails when a goroutine of the bubble is left
		w := newWorld(t, Config{})
		f := w.connect(hello("n1", 1))
		l := w.attach(w.submit(w.spec(1)))
		f.start()
		f.output(f.streamOrder())
		l.until("CF")
		w.server.Stop()
		w.server.Stop()
		if err := l.gone(); status.Code(err) != codes.Unavailable {
			t.Errorf("the launcher was told %v", err)
		}
		if err := f.gone(); status.Code(err) != codes.Unavailable {
			t.Errorf("the worker was told %v", err)
		}
		_, err := w.jobs.Submit(w.ctx, &schedpb.SubmitRequest{Spec: w.spec(1)})
		equal(t, "code", status.Code(err), codes.Unavailable)
		w.stop()
		synctest.Wait()
	})
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines before, %d after", before, after)
	}
}

// TestStartUp is the budget of an embedded run: from nothing to the start order.
func TestStartUp(t *testing.T) {
	best := time.Hour
	for range 5 {
		w := &world{t: t, store: store.NewMemory()}
		dir := t.TempDir()
		modules := filepath.Join(dir, "modules")
		ok(t, os.MkdirAll(modules, 0o700))
		ok(t, os.WriteFile(filepath.Join(modules, hashOf(moduleBytes)+".wasm"), moduleBytes, 0o600))
		begin := time.Now()
		s, err := New(Config{Dir: dir, Ephemeral: true, Fixed: true})
		ok(t, err)
		made := time.Since(begin)
		_, err = s.Submit(t.Context(), &schedpb.SubmitRequest{Spec: w.spec(4)})
		ok(t, err)
		took := time.Since(begin)
		best = min(best, took)
		t.Logf("New %v, with Submit %v", made, took)
		s.Stop()
	}
	t.Logf("best %v", best)
}
