package scheduler

import (
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

// TestOneJob is a job's whole life, as launcher and worker see it.
func TestOneJob(t *testing.T) {
	w := newWorld(t, Config{})
	f := w.connect(hello("n1", 4))
	spec := w.spec(4)
	spec.Interactive = true
	id := w.submit(spec)
	l := w.attach(id)
	start := f.start()
	equal(t, "job", start.Job.JobId, id)
	equal(t, "epoch", start.Job.Epoch, 1)
	equal(t, "ranks", start.Ranks, 4)
	equal(t, "world", start.WorldSize, 4)
	equal(t, "program", start.Spec.Apps[0].Program, "hello.wasm")
	order := f.streamOrder()
	out := f.output(order)
	f.started(start.Job)
	l.until("R")
	ok(t, out.Send(text(1, "hello\n")))
	f.ended(start.Job, &schedpb.JobEnd{State: "F", ExitCode: 42, Reason: "rank 1 said so",
		Exits: []*schedpb.RankExit{{Rank: 1, ExitCode: 42}}})
	equal(t, "acknowledged", f.ack().JobId, id)
	l.until("F")
	// The end waits for the output behind it.
	ok(t, out.Send(text(2, "bye\n")))
	ok(t, out.Send(&schedpb.OutputFrame{Eof: true}))
	end := l.end()
	equal(t, "output", l.out.String(), "hello\nbye\n")
	equal(t, "state", end.State, "F")
	equal(t, "code", end.ExitCode, 42)
	equal(t, "reason", end.Reason, "rank 1 said so")
	equal(t, "exits", len(end.Exits), 1)
	if _, err := out.CloseAndRecv(); err != nil {
		t.Error(err)
	}
	// Told again, it acknowledges again.
	f.ended(start.Job, done())
	equal(t, "acknowledged", f.ack().JobId, id)
}

func TestOutputOfAnEndedJob(t *testing.T) {
	w := newWorld(t, Config{})
	f := w.connect(hello("n1", 4))
	id := w.submit(w.spec(1))
	start := f.start()
	f.ended(start.Job, done())
	f.ack()
	l := w.attach(id)
	out := f.output(f.streamOrder())
	ok(t, out.Send(text(1, "late\n")))
	ok(t, out.Send(&schedpb.OutputFrame{Eof: true}))
	equal(t, "state", l.end().State, "CD")
	equal(t, "output", l.out.String(), "late\n")
}

func TestQueueWaitsItsTurn(t *testing.T) {
	w := newWorld(t, Config{})
	big := w.attach(w.submit(w.spec(64)))
	big.reason("no worker is registered")
	f := w.connect(hello("n1", 16))
	big.reason("needs 64 slots; the largest worker has 16")
	// What no worker can run holds up nobody.
	w.submit(w.spec(1))
	equal(t, "small job", f.start().Ranks, 1)
	g := w.connect(hello("n2", 64))
	equal(t, "big job", g.start().Ranks, 64)
	big.until("CF")
}

func TestFixedClusterRefusesWhatCanNeverRun(t *testing.T) {
	w := newWorld(t, Config{Fixed: true})
	w.connect(hello("n1", 16))
	end := w.attach(w.submit(w.spec(64))).end()
	equal(t, "state", end.State, "F")
	equal(t, "reason", end.Reason, "needs 64 slots; the largest worker has 16")
	spec := w.spec(16)
	spec.MemPerRankBytes = 4 << 30
	spec.Apps[0].Ranks = 16
	w.submit(spec) // just fits
	spec.MemPerRankBytes++
	_, err := w.jobs.Submit(w.ctx, &schedpb.SubmitRequest{Spec: spec})
	equal(t, "no rank can have that", status.Code(err), codes.InvalidArgument)
}

func TestCancel(t *testing.T) {
	w := newWorld(t, Config{})
	f := w.connect(hello("n1", 1))
	terminate := &schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Terminate{Terminate: &schedpb.Terminate{Reason: "enough"}}}
	kill := &schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Terminate{Terminate: &schedpb.Terminate{Kill: true}}}

	running := w.attach(w.submit(w.spec(1)))
	start := f.start()
	f.output(f.streamOrder()).Send(&schedpb.OutputFrame{Eof: true})
	f.started(start.Job)
	running.until("R")

	waiting := w.attach(w.submit(w.spec(1)))
	waiting.send(terminate)
	end := waiting.end()
	equal(t, "waiting", end.State, "CA")
	equal(t, "code", end.ExitCode, 1)
	equal(t, "reason", end.Reason, "enough")

	running.send(terminate)
	first := f.terminate()
	equal(t, "kill", first.Kill, false)
	equal(t, "state", first.State, "CA")
	running.until("CG")
	running.send(kill)
	equal(t, "kill", f.terminate().Kill, true)
	f.ended(start.Job, &schedpb.JobEnd{State: "CA", ExitCode: 137, RankStates: &schedpb.RankStates{
		Ranks: []*schedpb.RankState{{Where: "MPI_Recv from rank 3"}}}})
	end = running.end()
	equal(t, "state", end.State, "CA")
	equal(t, "code", end.ExitCode, 1)
	equal(t, "where", end.RankStates.Ranks[0].Where, "MPI_Recv from rank 3")
}

// A job that ended by itself before it could be told to has the end that it made.
func TestEndBeatsCancel(t *testing.T) {
	w := newWorld(t, Config{})
	f := w.connect(hello("n1", 1))
	l := w.attach(w.submit(w.spec(1)))
	start := f.start()
	f.output(f.streamOrder()).Send(&schedpb.OutputFrame{Eof: true})
	l.send(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Terminate{Terminate: &schedpb.Terminate{}}})
	f.terminate()
	f.ended(start.Job, done())
	equal(t, "state", l.end().State, "CD")
}

func TestLaunchersDeathEndsItsJob(t *testing.T) {
	w := newWorld(t, Config{})
	f := w.connect(hello("n1", 1))
	spec := w.spec(1)
	spec.Interactive = true
	id := w.submit(spec)
	l := w.attach(id)
	f.start()
	f.streamOrder()
	other := w.attach(id) // who only looks on may go
	f.streamOrder()
	other.until("CF")
	other.die()
	l.die()
	order := f.terminate()
	equal(t, "kill", order.Kill, true)
	equal(t, "state", order.State, "CA")
}

func TestDetachedJobOutlivesItsLauncher(t *testing.T) {
	w := newWorld(t, Config{})
	f := w.connect(hello("n1", 1))
	spec := w.spec(1)
	spec.Interactive = true
	id := w.submit(spec)
	l := w.attach(id)
	start := f.start()
	f.streamOrder()
	l.send(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Detach{Detach: &schedpb.Detach{}}})
	l.send(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_QueryRanks{QueryRanks: &schedpb.QueryRanks{}}})
	if m := f.recv(); m.GetQueryRanks() == nil {
		t.Fatalf("got %v", m)
	}
	l.die()
	again := w.attach(id)
	f.output(f.streamOrder()).Send(&schedpb.OutputFrame{Eof: true})
	f.ended(start.Job, done())
	equal(t, "state", again.end().State, "CD")
}

func TestStdinSignalsAndQueries(t *testing.T) {
	w := newWorld(t, Config{})
	spec := w.spec(1)
	spec.Interactive = true
	l := w.attach(w.submit(spec))
	stdin := func(s string, eof bool) {
		l.send(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Stdin{Stdin: &schedpb.Stdin{Data: []byte(s), Eof: eof}}})
	}
	stdin("early ", false) // before the job has a place
	h := hello("n1", 1)
	h.Protocol = 2
	f := w.connect(h)
	start := f.start()
	read := func() *schedpb.JobStdin {
		t.Helper()
		m := f.recv()
		for m.GetStreamOutput() != nil {
			m = f.recv()
		}
		if m.GetStdin() == nil {
			t.Fatalf("expected standard input, got %v", m)
		}
		return m.GetStdin()
	}
	equal(t, "stdin", string(read().Stdin.Data), "early ")
	// As much as the window holds goes through, and no more until some is taken.
	block := strings.Repeat("x", 64<<10)
	for range 4 {
		stdin(block, false)
	}
	for range 3 {
		equal(t, "stdin", len(read().Stdin.Data), 64<<10)
	}
	f.started(start.Job)
	l.until("R")
	f.send(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_StdinTaken{StdinTaken: &schedpb.JobStdinTaken{Job: start.Job, Bytes: 70000}}})
	equal(t, "stdin", len(read().Stdin.Data), 64<<10)
	if m := l.recv(); m.GetStdinTaken().GetBytes() != 70000 {
		t.Errorf("got %v", m)
	}
	stdin("", true)
	equal(t, "eof", read().Stdin.Eof, true)

	l.send(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Signal{Signal: &schedpb.Signal{Number: 10}}})
	equal(t, "signal", f.recv().GetSignal().GetNumber(), 10)
	l.send(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_QueryRanks{QueryRanks: &schedpb.QueryRanks{}}})
	if f.recv().GetQueryRanks() == nil {
		t.Error("no query")
	}
	f.send(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_RankStates{RankStates: &schedpb.JobRankStates{Job: start.Job,
		States: &schedpb.RankStates{Ranks: []*schedpb.RankState{{Rank: 0, Where: "computing"}}}}}})
	equal(t, "where", l.recv().GetRankStates().GetRanks()[0].Where, "computing")
}

// timed runs a test in a bubble where time passes by itself.
func timed(t *testing.T, f func(t *testing.T)) { synctest.Test(t, f) }

func TestTimeLimit(t *testing.T) {
	timed(t, func(t *testing.T) {
		w := newWorld(t, Config{Heartbeat: time.Hour})
		f := w.connect(hello("n1", 1))
		spec := w.spec(1)
		spec.TimeLimitMs = 1500
		l := w.attach(w.submit(spec))
		start := f.start()
		f.output(f.streamOrder()).Send(&schedpb.OutputFrame{Eof: true})
		f.started(start.Job)
		begin := time.Now()
		order := f.terminate()
		equal(t, "after", time.Since(begin), 1500*time.Millisecond)
		equal(t, "state", order.State, "TO")
		equal(t, "kill", order.Kill, false)
		equal(t, "kill", f.terminate().Kill, true) // it takes too long
		equal(t, "after", time.Since(begin), 11500*time.Millisecond)
		f.ended(start.Job, &schedpb.JobEnd{State: "TO", ExitCode: 1})
		end := l.end()
		equal(t, "state", end.State, "TO")
		equal(t, "code", end.ExitCode, 110)
		equal(t, "reason", end.Reason, "time limit of 1s reached")
	})
}

func TestWorkerLost(t *testing.T) {
	timed(t, func(t *testing.T) {
		w := newWorld(t, Config{Grace: time.Minute, GraceMargin: time.Second})
		f := w.connect(hello("n1", 1))
		l := w.attach(w.submit(w.spec(1)))
		start := f.start()
		out := f.output(f.streamOrder())
		ok(t, out.Send(text(1, "some ")))
		f.started(start.Job)
		l.until("R")
		f.die()
		begin := time.Now()
		end := l.end()
		equal(t, "after", time.Since(begin), 61*time.Second)
		equal(t, "state", end.State, "NF")
		equal(t, "reason", end.Reason, "worker n1 was lost")
		equal(t, "output", l.out.String(), "some ")
		// Too late: what it still holds is over.
		f = w.connect(hello("n1", 1, start.Job))
		equal(t, "kill", f.terminate().Kill, true)
	})
}

func TestWorkerComesBack(t *testing.T) {
	w := newWorld(t, Config{})
	f := w.connect(hello("n1", 2))
	kept, lost := w.attach(w.submit(w.spec(1))), uint64(0)
	start := f.start()
	out := f.output(f.streamOrder())
	ok(t, out.Send(text(7, "first ")))
	f.started(start.Job)
	kept.until("R")
	lost = w.submit(w.spec(1))
	f.started(f.start().Job)
	watch := w.attach(lost)
	watch.until("R")
	f.streamOrder()
	f.die()

	// A name is free again once its stream is gone, which the scheduler may learn a moment later.
	var again *fakeWorker
	for again == nil {
		d := w.dial(hello("n1", 2, start.Job))
		if m, err := d.stream.Recv(); err == nil && m.GetWelcome() != nil {
			again = d
		} else if status.Code(err) != codes.AlreadyExists {
			t.Fatal(m, err)
		}
	}
	for range 2 {
		if order := again.streamOrder(); order.Job.JobId == lost {
			again.output(order).Send(&schedpb.OutputFrame{Eof: true})
		} else {
			equal(t, "offset", order.FromOffset, 7)
			out = again.output(order)
		}
	}
	equal(t, "lost job", watch.end().State, "NF")
	ok(t, out.Send(text(9, "second")))
	ok(t, out.Send(&schedpb.OutputFrame{Eof: true}))
	again.ended(start.Job, done())
	equal(t, "kept job", kept.end().State, "CD")
	equal(t, "output", kept.out.String(), "first second")
}

func TestSilentWorkerIsLost(t *testing.T) {
	timed(t, func(t *testing.T) {
		w := newWorld(t, Config{Heartbeat: time.Second})
		f := w.connect(hello("n1", 1))
		beats := time.Now()
		for range 10 {
			time.Sleep(time.Second) // in the bubble, where it takes no time
			f.send(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_Heartbeat{Heartbeat: &schedpb.Heartbeat{}}})
		}
		err := f.gone()
		equal(t, "code", status.Code(err), codes.DeadlineExceeded)
		equal(t, "after", time.Since(beats), 14*time.Second)
	})
}

func TestTwoWorkersOfOneName(t *testing.T) {
	w := newWorld(t, Config{})
	w.connect(hello("n1", 1))
	equal(t, "second", status.Code(w.dial(hello("n1", 1)).gone()), codes.AlreadyExists)
}

func TestNobodyAttachesToAnInteractiveJob(t *testing.T) {
	timed(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		spec := w.spec(1)
		spec.Interactive = true
		id := w.submit(spec)
		time.Sleep(time.Hour) // in the bubble
		end := w.attach(id).end()
		equal(t, "state", end.State, "CA")
	})
}

// Who looks on before the launcher is there takes nothing from it: the job starts with its launcher, and is not ended with the
// onlooker.
func TestOnlookerBeforeTheLauncher(t *testing.T) {
	w := newWorld(t, Config{})
	f := w.connect(hello("n1", 1))
	spec := w.spec(1)
	spec.Interactive = true
	id := w.submit(spec)
	onlooker, err := w.jobs.Attach(w.ctx)
	ok(t, err)
	ok(t, onlooker.Send(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Open{Open: &schedpb.AttachOpen{JobId: id, Onlooker: true}}}))
	_, err = onlooker.Recv() // why it waits
	ok(t, err)
	l := w.attach(id)
	start := f.start()
	f.streamOrder()
	l.until("CF")
	ok(t, onlooker.CloseSend())
	l.die()
	order := f.terminate()
	equal(t, "job", order.Job.JobId, start.Job.JobId)
	equal(t, "reason", order.Reason, "its launcher is gone")
}

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
	stream, err := w.workers.GetModule(w.ctx, &schedpb.GetModuleRequest{Sha256: hash})
	ok(t, err)
	chunk, err := stream.Recv()
	ok(t, err)
	equal(t, "module", string(chunk.Data), string(moduleBytes))
	stream, _ = w.workers.GetModule(w.ctx, &schedpb.GetModuleRequest{Sha256: hashOf(nil)})
	_, err = stream.Recv()
	equal(t, "unknown module", status.Code(err), codes.NotFound)
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
		"mount point":                 app(func(a *schedpb.App) { a.Mounts = []*schedpb.Mount{{HostDir: "/x", GuestDir: "y"}} }),
		"can't be shown":              job(func(s *schedpb.JobSpec) { s.Name = "a\x1b[2J" }),
		"name has 300 bytes":          job(func(s *schedpb.JobSpec) { s.Name = strings.Repeat("n", 300) }),
		"a time limit of -1 ms":       job(func(s *schedpb.JobSpec) { s.TimeLimitMs = -1 }),
		"beyond the end of time":      job(func(s *schedpb.JobSpec) { s.TimeLimitMs = 1 << 62 }),
		"the most that a rank":        job(func(s *schedpb.JobSpec) { s.MemPerRankBytes = 1 << 40 }),
		"unknown choice 9":            job(func(s *schedpb.JobSpec) { s.Stdin = 9 }),
		"does not go to a list":       job(func(s *schedpb.JobSpec) { s.StdinRanks = []uint32{0} }),
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

func TestHostileWorkers(t *testing.T) {
	w := newWorld(t, Config{})
	for _, h := range []*schedpb.WorkerHello{
		hello("", 1), hello("n1", 0), hello("n1", 4_000_000_000), hello("a\x00b", 1), hello(strings.Repeat("n", 300), 1),
		{Name: "n1", Slots: 1, MemBytes: 1 << 60, Protocol: 1}, {Name: "n1", Slots: 1, Protocol: 99},
	} {
		if code := status.Code(w.dial(h).gone()); code != codes.InvalidArgument {
			t.Errorf("%.60v: %v", h, code)
		}
	}
	// A worker can't speak for a job that is not its own.
	f, other := w.connect(hello("n1", 1)), w.connect(hello("n2", 1))
	l := w.attach(w.submit(w.spec(1)))
	start := f.start()
	f.output(f.streamOrder()).Send(&schedpb.OutputFrame{Eof: true})
	other.started(start.Job)
	other.ended(start.Job, done())
	other.ack()
	other.ended(&schedpb.JobRef{JobId: 99, Epoch: 1}, done())
	other.ack()
	f.ended(&schedpb.JobRef{JobId: start.Job.JobId, Epoch: 7}, done())
	f.ack()
	f.ended(start.Job, &schedpb.JobEnd{State: "nonsense"})
	end := l.end()
	equal(t, "state", end.State, "F")
	equal(t, "code", end.ExitCode, 1)
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
