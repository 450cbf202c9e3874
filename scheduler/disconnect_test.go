package scheduler

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

func (w *world) node(name string) *schedpb.NodeInfo {
	w.t.Helper()
	nodes, err := w.cluster.Nodes(w.ctx, &schedpb.NodesRequest{})
	ok(w.t, err)
	for _, n := range nodes.Nodes {
		if n.Name == name {
			return n
		}
	}
	w.t.Fatalf("there is no worker %s: %v", name, nodes)
	return nil
}

func (w *world) job(id uint64) *schedpb.JobInfo {
	w.t.Helper()
	page, err := w.jobs.List(w.ctx, &schedpb.ListRequest{Ids: []uint64{id}, Any: true})
	ok(w.t, err)
	if len(page.Jobs) != 1 {
		w.t.Fatalf("job %d: %v", id, page)
	}
	return page.Jobs[0]
}

// A worker that could not start a job's ranks says so: it gets nothing until it says that it is fit again, and the job
// goes elsewhere.
func TestLaunchFails(t *testing.T) {
	w := newWorld(t, Config{})
	f := w.connect(hello("n1", 1))
	id := w.submit(w.spec(1))
	fail := func(f *fakeWorker, unfit string) {
		t.Helper()
		end := &schedpb.JobEnd{State: "NF", Reason: "no process can be started"}
		job := f.start().Job
		equal(t, "job", job.JobId, id)
		f.send(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_Ended{Ended: &schedpb.JobEnded{Job: job, End: end,
			LaunchFailed: true, Unfit: unfit}}})
	}
	acked := func(f *fakeWorker) {
		t.Helper()
		equal(t, "acknowledged", f.ack().JobId, id)
	}
	beat := func(why string) {
		f.send(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_Heartbeat{Heartbeat: &schedpb.Heartbeat{Unfit: why}}})
	}
	fail(f, "it can't start processes")
	acked(f)
	equal(t, "unfit", w.node("n1").Unfit, "it can't start processes")
	g := w.connect(hello("n2", 1))
	fail(g, "")
	equal(t, "unfit", w.node("n2").Unfit, "")
	// Of a process that was killed the worker is not to blame: it is tried there again, and then no more.
	fail(g, "")
	acked(g)
	acked(g)
	if end := w.job(id); end.State != "NF" || !strings.Contains(end.Reason,
		"no process can be started (the last of 3 tries)") {
		t.Errorf("ended %v", end)
	}
	// The first worker was fit when it last spoke of it, and says so again: that is news.
	beat("")
	next := w.submit(w.spec(1))
	other := w.submit(w.spec(1))
	equal(t, "it starts", g.start().Job.JobId+f.start().Job.JobId, next+other)
}

// A goodbye ends what does not stay, at once, and the worker is told by the end of its stream that this is journalled.
func TestWorkerStopping(t *testing.T) {
	timed(t, func(t *testing.T) {
		w := newWorld(t, Config{Grace: time.Minute, GraceMargin: time.Second})
		f := w.connect(hello("n1", 3))
		requeue := w.spec(1)
		requeue.Requeue = true
		stays, over, again := w.submit(w.spec(1)), w.submit(w.spec(1)), w.submit(requeue)
		refs := map[uint64]*schedpb.JobRef{}
		for range 3 {
			ref := f.start().Job
			refs[ref.JobId] = ref
			f.started(ref)
		}
		l := w.attach(over)
		l.until("R")
		begin := time.Now()
		f.send(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_Goodbye{
			Goodbye: &schedpb.Goodbye{Staying: []*schedpb.JobRef{refs[stays]}}}})
		if err := f.gone(); !errors.Is(err, io.EOF) {
			t.Errorf("the stream ended with %v", err)
		}
		end := l.end()
		equal(t, "state", end.State, "NF")
		equal(t, "reason", end.Reason, "worker n1 was stopped")
		equal(t, "after", time.Since(begin), 0)
		equal(t, "stopped", w.node("n1").Stopped, true)

		g := w.connect(hello("n2", 3))
		equal(t, "starts elsewhere", g.start().Job.JobId, again)
		f = w.connect(hello("n1", 3, refs[stays]))
		equal(t, "stopped", w.node("n1").Stopped, false)
		f.ended(refs[stays], done())
		f.ack()
		equal(t, "what stayed", w.job(stays).State, "CD")
	})
}

// A worker's name for its state is bounded.
func TestLongStateID(t *testing.T) {
	w := newWorld(t, Config{})
	h := hello("n1", 1)
	h.StateId = strings.Repeat("x", maxName+1)
	equal(t, "refused", status.Code(w.dial(h).gone()), codes.InvalidArgument)
}

// A machine whose clock is set forward, and whose scheduler is then restarted, starts nothing twice.
func TestClockIsSet(t *testing.T) {
	timed(t, func(t *testing.T) {
		var set atomic.Int64 // nanoseconds that the clock is ahead
		w := newWorld(t, Config{Grace: time.Minute, GraceMargin: time.Second,
			Clock: func() time.Time { return time.Now().Add(time.Duration(set.Load())) }})
		h := hello("n1", 1)
		h.StateId = "first"
		f := w.connect(h)
		spec := w.spec(1)
		spec.Requeue = true
		id := w.submit(spec)
		f.started(f.start().Job)
		l := w.attach(id)
		l.until("R")
		f.streamOrder()
		f.die()
		ok(t, context.Cause(w.ctx))
		begin := time.Now()
		time.Sleep(30 * time.Second)
		set.Store(int64(time.Hour))
		w.node("n1") // it looks at the clock
		equal(t, "it is requeued", l.until("RQ"), "worker n1 was lost")
		equal(t, "after", time.Since(begin), 61*time.Second)
	})
}
