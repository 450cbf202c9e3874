package scheduler

import (
	"strings"
	"testing"
	"time"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
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

// Output that is not there any more is no empty output, and neither is one that ends in the middle.
func TestLostOutput(t *testing.T) { timed(t, lostOutput) }

func lostOutput(t *testing.T) {
	w := newWorld(t, Config{})
	f := w.connect(hello("n1", 4))
	id, never := w.submit(w.spec(1)), w.submit(w.spec(1))
	start := f.start()
	f.started(start.Job)
	f.ended(start.Job, done())
	fails := f.start()
	f.ended(fails.Job, &schedpb.JobEnd{State: "F", ExitCode: 1})
	for range 2 {
		for {
			if m := f.recv(); m.GetAckEnded() != nil {
				break
			}
		}
	}
	gone := func(id uint64) string {
		l := w.attach(id)
		ok(t, f.output(f.streamOrder()).Send(&schedpb.OutputFrame{Eof: true, Gone: true}))
		l.end()
		return l.lost
	}
	equal(t, "lost", gone(id), "the output of job 1 is no longer kept by worker n1")
	equal(t, "lost of one that never ran", gone(never), "")
	l := w.attach(id)
	f.streamOrder()
	f.die()
	left := time.Now()
	l.end()
	equal(t, "waited for the worker", time.Since(left), 30*time.Second)
	equal(t, "lost with the worker", l.lost,
		"the rest of the output of job 1 could not be read from worker n1, which is not connected")
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
	spec.MemPerRankBytes = 5 << 30
	end = w.attach(w.submit(spec)).end()
	equal(t, "no rank can have that", end.Reason, "needs 5 GiB of memory per rank; no worker has an engine that gives "+
		"a rank more than 4 GiB: ask for at most that (--mem-per-rank), and spread the data over more ranks")
}

func TestCancel(t *testing.T) {
	w := newWorld(t, Config{})
	f := w.connect(hello("n1", 1))
	terminate := &schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Terminate{
		Terminate: &schedpb.Terminate{Reason: "enough"}}}
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
	stdin("early ", false) // before the job has a placement
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
	f.send(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_StdinTaken{StdinTaken: &schedpb.JobStdinTaken{Job: start.Job,
		Bytes: 70000}}})
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

// Who looks on before the launcher is there takes nothing from it: the job starts with its launcher, and is not ended
// with the onlooker.
func TestOnlookerBeforeTheLauncher(t *testing.T) {
	w := newWorld(t, Config{})
	f := w.connect(hello("n1", 1))
	spec := w.spec(1)
	spec.Interactive = true
	id := w.submit(spec)
	onlooker, err := w.jobs.Attach(w.ctx)
	ok(t, err)
	ok(t, onlooker.Send(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Open{Open: &schedpb.AttachOpen{JobId: id,
		Onlooker: true}}}))
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
