package scheduler

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

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
		for l.out.Len() == 0 {
			l.recv()
		}
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

// A job that waited for its worker is started as the worker joins, and its output asked for with that, once: the second
// of two calls for one stream would be refused, and the worker would report output that was cut.
func TestOutputIsAskedForOnce(t *testing.T) {
	w := newWorld(t, Config{})
	spec := w.spec(1)
	spec.Interactive = true
	l := w.attach(w.submit(spec))
	l.until("PD")
	f := w.connect(hello("n1", 1))
	start := f.start()
	f.streamOrder()
	f.started(start.Job)
	l.until("R")
	l.send(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Signal{Signal: &schedpb.Signal{Number: 10}}})
	if m := f.recv(); m.GetSignal().GetNumber() != 10 {
		t.Errorf("before the signal came %v", m)
	}
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
		// it counts seconds in which nothing came
		if after := time.Since(beats); after < 14*time.Second || after > 15*time.Second {
			t.Errorf("after %v", after)
		}
	})
}

func TestTwoWorkersOfOneName(t *testing.T) {
	w := newWorld(t, Config{})
	w.connect(hello("n1", 1))
	equal(t, "second", status.Code(w.dial(hello("n1", 1)).gone()), codes.AlreadyExists)
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
	// A worker can't report on a job that is not its own.
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

// What jobs may ask for comes with the hello; labels that could not be asked for are refused, and so are too many.
func TestLabels(t *testing.T) {
	w := newWorld(t, Config{})
	gpu := &schedpb.EnvVar{Name: "gpu", Value: "a100"}
	many := make([]*schedpb.EnvVar, 257)
	fill(many)
	for _, bad := range [][]*schedpb.EnvVar{{{Name: ""}}, {{Name: strings.Repeat("n", 65)}},
		{{Name: "n", Value: strings.Repeat("v", 257)}},
		{{Name: "a&b"}}, {gpu, {Name: "a\x1b"}}, many} {
		h := hello("n1", 1)
		h.Labels = bad
		equal(t, fmt.Sprintf("%.60v", h), status.Code(w.dial(h).gone()), codes.InvalidArgument)
		spec := w.spec(1)
		spec.Constraint = []*schedpb.LabelSet{{All: []*schedpb.EnvVar{gpu}}, {All: bad}}
		_, err := w.jobs.Submit(w.ctx, &schedpb.SubmitRequest{Spec: spec})
		equal(t, "a job that asks for them", status.Code(err), codes.InvalidArgument)
	}
	spec := w.spec(1)
	for range maxAlternatives + 1 {
		spec.Constraint = append(spec.Constraint, &schedpb.LabelSet{All: []*schedpb.EnvVar{gpu}})
	}
	_, err := w.jobs.Submit(w.ctx, &schedpb.SubmitRequest{Spec: spec})
	equal(t, "too many alternatives", status.Code(err), codes.InvalidArgument)

	plain := w.connect(hello("n1", 1))
	spec.Constraint = []*schedpb.LabelSet{{All: []*schedpb.EnvVar{{Name: "gpu"}, {Name: "fast"}}}}
	id := w.submit(spec)
	x, err := w.jobs.Explain(w.ctx, &schedpb.ExplainRequest{JobId: id})
	ok(t, err)
	equal(t, "why", x.Why, "no worker has the labels gpu&fast")
	h := hello("n2", 1)
	h.Labels = []*schedpb.EnvVar{gpu, {Name: "fast"}}
	equal(t, "the labelled one starts", w.connect(h).start().Job.JobId, id)
	next := w.submit(w.spec(1))
	equal(t, "the plain one starts", plain.start().Job.JobId, next)
}

// A worker that says that it is unfit gets no new jobs until it says that it is fit again.
func TestUnfitWorker(t *testing.T) {
	w := newWorld(t, Config{})
	h := hello("n1", 1)
	h.Unfit = "its disk is full"
	f := w.connect(h)
	unfit := func() string {
		nodes, err := w.cluster.Nodes(w.ctx, &schedpb.NodesRequest{})
		ok(t, err)
		return nodes.Nodes[0].Unfit
	}
	beat := func(why string) {
		f.send(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_Heartbeat{Heartbeat: &schedpb.Heartbeat{Unfit: why}}})
	}
	equal(t, "unfit", unfit(), "its disk is full")
	id := w.submit(w.spec(1))
	beat("")
	start := f.start()
	equal(t, "starts", start.Job.JobId, id)
	equal(t, "unfit", unfit(), "")
	w.submit(w.spec(1))
	beat("its disk is full again")
	f.ended(start.Job, done())
	f.ack() // and no order to start
	equal(t, "unfit", unfit(), "its disk is full again")
	beat(strings.Repeat("x", maxReason+1))
	equal(t, "a long story", status.Code(f.gone()), codes.InvalidArgument)
}
