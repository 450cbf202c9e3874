package worker

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/faasmrun/faasmrun/scheduler/core/result"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker/control"
	"github.com/faasmrun/faasmrun/worker/state"
)

func batch(apps ...*schedpb.App) *schedpb.JobSpec { return &schedpb.JobSpec{Apps: apps} }

// release lets a rank that looks for a file go on.
func release(t testing.TB, app *schedpb.App) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(app.Dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// lingering starts a batch job whose ranks print a line and wait for a file.
func (b *bench) lingering(ranks int) (*schedpb.JobRef, *schedpb.App) {
	b.t.Helper()
	app := b.app("act", ranks, "linger")
	ref := b.start(batch(app))
	wait(b.t, b.started, "start of the ranks")
	out := map[string]string{}
	if b.read(out, func() bool { return out["0"] == "waiting\n" }) {
		b.t.Fatalf("it ended: %q", out)
	}
	return ref, app
}

func (b *bench) wantsOutput(ref *schedpb.JobRef) {
	b.order(&schedpb.SchedulerMessage_StreamOutput{StreamOutput: &schedpb.StreamOutput{Job: ref, StreamId: 77}})
}

// A batch job's executor outlives its worker. The next one finds it: its ranks are asked, its output streamed on, its
// end reported once; and it obeys.
func TestAdoption(t *testing.T) {
	b := newBench(t, nil)
	ref, app := b.lingering(2)
	pid := b.pid(ref)
	for range 2 {
		hello := b.restart()
		if len(hello.Running) != 1 || hello.Running[0].JobId != ref.JobId {
			t.Fatalf("running: %v", hello.Running)
		}
		wait(t, b.started, "start, said again")
		if got := b.pid(ref); got != pid {
			t.Fatalf("executor %d has become %d", pid, got)
		}
		if states := b.query(ref); len(states) != 2 {
			t.Errorf("states: %v", states)
		}
	}
	b.wantsOutput(ref)
	release(t, app)
	o := b.collect()
	if o.End.State != "CD" || o.out["0"] != "waiting\nlinger ends\n" || o.out["1"] != "waiting\nlinger ends\n" {
		t.Errorf("ended %v after %q", o.End, o.out)
	}
	if o.CpuNs == 0 || o.MaxRssBytes == 0 {
		t.Errorf("used %d ns, %d bytes", o.CpuNs, o.MaxRssBytes)
	}
	b.start(interactive(b.app("hello", 1))) // behind the acknowledgement
	b.collect()
	for range 2 {
		if hello := b.restart(); len(hello.Running) > 1 || len(hello.Running) == 1 && hello.Running[0].JobId == ref.JobId {
			t.Errorf("it is still there: %v", hello.Running)
		}
	}

	ref, _ = b.lingering(1)
	b.restart()
	wait(t, b.started, "start, said again")
	b.terminate(ref, "CA", false)
	if end := wait(t, b.ended, "end"); end.End.State != "CA" || end.Job.JobId != ref.JobId {
		t.Errorf("ended %v", end)
	}
}

func signalled(s syscall.Signal) func(*bench, *schedpb.JobRef, *schedpb.App) {
	return func(b *bench, ref *schedpb.JobRef, _ *schedpb.App) { syscall.Kill(b.pid(ref), s) }
}

// tellToEnd tells an executor to end its ranks, as its worker would.
func tellToEnd(b *bench, ref *schedpb.JobRef, _ *schedpb.App) {
	t, p := b.t, &process{}
	t.Helper()
	if err := p.call(b.worker.job(ref).process.files+socketSuffix, control.Version); err != nil {
		t.Fatal(err)
	}
	defer p.close()
	if err := p.conn.Send(&control.Terminate{}); err != nil {
		t.Fatal(err)
	}
	for {
		if m, err := p.conn.Receive(); err != nil {
			t.Fatal(err)
		} else if _, ended := m.(*control.Ended); ended {
			return
		}
	}
}

// What ends while no worker is there has its end reported by the next one: as its record says, or that it left none.
func TestEndsUnattended(t *testing.T) {
	for _, c := range []struct {
		name  string
		end   func(*bench, *schedpb.JobRef, *schedpb.App)
		state string
		code  int32
		words string
	}{
		{"well", func(_ *bench, _ *schedpb.JobRef, app *schedpb.App) { release(t, app) }, "CD", 0, ""},
		{"killed", signalled(syscall.SIGKILL), "NF", 1,
			"killed while no worker was there"},
		{"crashed", signalled(syscall.SIGQUIT), "F", 1, "SIGQUIT"},
		// by a worker that is killed then: the next one does not know why
		{"told to end", tellToEnd, "CA", 1, ""},
		{"one of 0.1.0", func(b *bench, ref *schedpb.JobRef, _ *schedpb.App) {
			j := b.worker.job(ref)
			syscall.Kill(j.process.pid, syscall.SIGKILL)
			waitGone(b.t, j.process.pid)
			if err := control.WriteRecord(j.file("exit"), &control.Ended{
				Made: &result.Result{State: "F", ExitCode: 3, Reason: "rank 0 of act on n1 exited with status 3"}}); err != nil {
				b.t.Fatal(err)
			}
		}, "F", 3, "rank 0 of act on n1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, nil)
			ref, app := b.lingering(1)
			pid := b.pid(ref)
			b.worker.Stop()
			b.running.Wait()
			c.end(b, ref, app)
			waitGone(t, pid)
			for range 2 { // until it is acknowledged
				if hello := b.restart(); len(hello.Running) != 1 {
					t.Fatalf("running: %v", hello.Running)
				}
				end := wait(t, b.ended, "end")
				if end.Job.JobId != ref.JobId || end.End.State != c.state || end.End.ExitCode != c.code ||
					!strings.Contains(end.End.Reason, c.words) {
					t.Errorf("ended %v", end)
				}
			}
			b.order(&schedpb.SchedulerMessage_AckEnded{AckEnded: &schedpb.AckEnded{Job: ref}})
			b.wantsOutput(ref)
			out := map[string]string{}
			b.read(out, func() bool { return false })
			if !strings.HasPrefix(out["0"], "waiting\n") {
				t.Errorf("its output is %q", out)
			}
		})
	}
}

// The process whose number a record has is someone else's by now, or none, or of another boot: nobody is touched, and a
// job whose ranks never ran is not held.
func TestAdoptsNoStranger(t *testing.T) {
	b := newBench(t, nil)
	ref, _ := b.lingering(1)
	pid := b.pid(ref)
	b.worker.Stop()
	b.running.Wait()
	stranger := exec.Command("sleep", "1000")
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { stranger.Process.Kill(); stranger.Wait() }()
	s, err := state.Open(filepath.Join(b.dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	left, err := s.Executors()
	if err != nil || len(left) != 1 || left[0].Process.PID != pid {
		t.Fatalf("%+v, %v", left, err)
	}
	e := left[0]
	syscall.Kill(pid, syscall.SIGKILL)
	e.Process.PID = stranger.Process.Pid // with the wrong start
	if err := s.Put(e); err != nil {
		t.Fatal(err)
	}
	e.Job, e.Epoch = 50, 1 // never began
	e.Order, _ = proto.Marshal(&schedpb.StartJob{Job: &schedpb.JobRef{JobId: 50, Epoch: 1}})
	if err := s.Put(e); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if hello := b.restart(); len(hello.Running) != 1 || hello.Running[0].JobId != ref.JobId {
		t.Errorf("running: %v", hello.Running)
	}
	if end := wait(t, b.ended, "end"); end.End.State != "NF" {
		t.Errorf("ended %v", end)
	}
	if err := stranger.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the stranger: %v", err)
	}
}

// A worker that is killed with SIGKILL is as good as one that stops.
func TestAdoptionAfterKill(t *testing.T) {
	b := newBench(t, nil)
	app := b.app("act", 1, "linger")
	spec, err := proto.Marshal(&schedpb.StartJob{Job: &schedpb.JobRef{JobId: 9, Epoch: 2}, Spec: batch(app), Ranks: 1,
		WorldSize: 1, Tenant: ownTenant()})
	if err != nil {
		t.Fatal(err)
	}
	b.run(interactive(b.app("act", 1, "nothing"))) // the module is in the cache
	b.worker.Stop()
	b.running.Wait()
	order := filepath.Join(t.TempDir(), "order")
	if err := os.WriteFile(order, spec, 0o600); err != nil {
		t.Fatal(err)
	}
	holder := exec.Command(os.Args[0], "work", b.dir, b.worker.CacheDir, order)
	holder.Stderr = os.Stderr
	in, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscan(out, &pid); err != nil {
		t.Fatal(err)
	}
	holder.Process.Kill()
	holder.Wait()
	if hello := b.restart(); len(hello.Running) != 1 || hello.Running[0].JobId != 9 || hello.Running[0].Epoch != 2 {
		t.Fatalf("running: %v", hello.Running)
	}
	wait(t, b.started, "start, said again")
	if got := b.pid(&schedpb.JobRef{JobId: 9, Epoch: 2}); got != pid {
		t.Errorf("executor %d has become %d", pid, got)
	}
	release(t, app)
	if end := wait(t, b.ended, "end"); end.End.State != "CD" || end.Job.JobId != 9 {
		t.Errorf("ended %v", end)
	}
}

// work is a worker without a scheduler that is given one order, and says the executor's number once its ranks run.
func work(dir, cache, order string) {
	w, err := New(Config{Name: "n1", Dir: dir, CacheDir: cache, Executable: os.Args[0]})
	if err != nil {
		panic(err)
	}
	b, err := os.ReadFile(order)
	if err != nil {
		panic(err)
	}
	start := new(schedpb.StartJob)
	if err := proto.Unmarshal(b, start); err != nil {
		panic(err)
	}
	w.start(start)
	j := w.job(start.Job)
	for grew, _ := j.growth(); ; grew, _ = j.growth() {
		j.mu.Lock()
		p, started := j.process, j.started
		j.mu.Unlock()
		if started {
			fmt.Println(p.pid)
			io.Copy(io.Discard, os.Stdin)
		}
		<-grew
	}
}

// Nobody renews the lease of an executor whose worker is dead: it ends itself, and the next worker says so.
func TestFencedExecutor(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Grace = 3 * time.Second })
	ref, _ := b.lingering(2)
	pid := b.pid(ref)
	b.worker.Stop()
	b.running.Wait()
	waitGone(t, pid)
	b.restart()
	if end := wait(t, b.ended, "end"); end.Job.JobId != ref.JobId || end.End.State != "NF" ||
		!strings.Contains(end.End.Reason, "lost the scheduler") {
		t.Errorf("ended %v", end)
	}
}

// A scheduler that is connected and answers no heartbeat may have given the worker up: the connection is not trusted,
// and behind the grace the ranks end.
func TestUnansweredHeartbeats(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Grace = 3 * time.Second })
	ref, _ := b.lingering(1)
	pid := b.pid(ref)
	b.mu.Lock()
	b.mute = true
	b.mu.Unlock()
	wait(t, b.hello, "hello of a new connection")
	b.setAway(io.ErrUnexpectedEOF)
	b.mu.Lock()
	b.mute = false
	b.mu.Unlock()
	b.hangUp <- struct{}{}
	waitGone(t, pid)
	b.setAway(nil)
	if end := wait(t, b.ended, "end"); end.End.State != "NF" {
		t.Errorf("ended %v", end)
	}
}

func TestLease(t *testing.T) {
	var l lease
	defer l.stop()
	if l.end() != 0 {
		t.Error("a lease before the first answer")
	}
	now := control.Now()
	fired := make(chan struct{}, 2)
	over := func() { fired <- struct{}{} }
	l.renew(now.Add(time.Hour), over)
	l.renew(now.Add(time.Minute), over) // an answer that was overtaken
	if l.end() != now.Add(time.Hour) || l.over() {
		t.Errorf("it ends %v from now", l.end().Until(now))
	}
	var short lease
	defer short.stop()
	short.renew(now.Add(time.Millisecond), over)
	wait(t, fired, "end of the lease")
	if !short.over() {
		t.Error("not over")
	}
}

// An interactive job's executor outlives its worker, too: its input goes on behind what it has, whatever comes again,
// and its output.
func TestAdoptionOfAnInteractiveJob(t *testing.T) {
	b := newBench(t, nil)
	ref := b.start(interactive(b.app("act", 1, "cat")))
	wait(t, b.started, "start of the ranks")
	out := map[string]string{}
	b.read(out, func() bool { return out["0?"] != "" })
	stdin := func(seq uint64, data string, eof bool) {
		b.orders <- &schedpb.SchedulerMessage{Msg: &schedpb.SchedulerMessage_Input{Input: &schedpb.JobInput{Job: ref,
			Input: &schedpb.Input{Seq: seq, Item: &schedpb.Input_Stdin{Stdin: &schedpb.Stdin{Data: []byte(data), Eof: eof}}}}}}
	}
	stdin(1, "one\n", false)
	for in := wait(t, b.input, "word about input"); in.Taken.Received < 1; in = wait(t, b.input, "word about input") {
	}
	pid := b.pid(ref)
	b.restart()
	wait(t, b.started, "start, said again")
	if got := b.pid(ref); got != pid {
		t.Fatalf("executor %d has become %d", pid, got)
	}
	b.wantsOutput(ref)
	stdin(1, "one\n", false) // its launcher was not told that they were taken
	stdin(2, "two\n", false)
	stdin(3, "", true)
	o := b.collect()
	if want := "name? got one\ngot two\nend after 8\n"; o.End.State != "CD" || o.out["0"] != want {
		t.Errorf("ended %v after %q, not %q", o.End, o.out, want)
	}
}
