package scheduler

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// resume opens a stream of a launcher's session, behind an offset of the output of epoch 1.
func (w *world) resume(id uint64, session string, offset uint64) *launcher {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.ctx)
	w.t.Cleanup(cancel)
	stream, err := w.jobs.Attach(ctx)
	ok(w.t, err)
	l := &launcher{t: w.t, stream: stream, die: cancel}
	l.send(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Open{Open: &schedpb.AttachOpen{JobId: id, Output: true,
		Batches: true,
		Session: []byte(session), OutputEpoch: 1, OutputOffset: offset}}})
	if m := l.recv(); m.GetPong() == nil {
		w.t.Fatalf("the first word is %v", m)
	}
	return l
}

var aSession = strings.Repeat("s", minSession)

func numberedHello(name string, slots uint32, running ...*schedpb.JobRef) *schedpb.WorkerHello {
	h := hello(name, slots, running...)
	h.Protocol = protocolInput
	return h
}

func (w *world) interactive() uint64 {
	spec := w.spec(1)
	spec.Interactive = true
	return w.submit(spec)
}

func (f *fakeWorker) item() *schedpb.Input {
	f.t.Helper()
	for {
		m := f.recv()
		if in := m.GetInput(); in != nil {
			return in.Input
		}
		if m.GetTerminate() != nil {
			f.t.Fatalf("expected input, got %v", m)
		}
	}
}

func (f *fakeWorker) taken(ref *schedpb.JobRef, received, bytes uint64) {
	f.send(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_InputTaken{InputTaken: &schedpb.JobInputTaken{Job: ref,
		Taken: &schedpb.InputTaken{Received: received, StdinBytes: bytes}}}})
}

func item(seq uint64, text string) *schedpb.AttachRequest {
	return input(&schedpb.Input{Seq: seq, Item: &schedpb.Input_Stdin{Stdin: &schedpb.Stdin{Data: []byte(text)}}})
}

// inputTaken reads up to the next word about input.
func (l *launcher) inputTaken() *schedpb.InputTaken {
	l.t.Helper()
	for {
		if t := l.recv().GetInputTaken(); t != nil {
			return t
		}
	}
}

// A launcher's stream breaks and another takes its place; the scheduler is restarted; and so is the worker's
// connection. The job goes on, what was received is said again, and what may be lost is asked for.
func TestLauncherComesBack(t *testing.T) {
	w := newWorld(t, Config{})
	f := w.connect(numberedHello("n1", 1))
	id := w.interactive()
	l := w.resume(id, aSession, 0)
	ref := f.start().Job
	order := f.streamOrder()
	equal(t, "answered", order.Answered, true)
	f.started(ref)
	equal(t, "with the start", l.inputTaken().Resend, true)
	l.send(item(1, "one"))
	equal(t, "item", f.item().Seq, 1)
	f.taken(ref, 1, 3)
	equal(t, "received", l.inputTaken().Received, 1)
	l.die()
	l = w.resume(id, aSession, 0)
	if got := l.inputTaken(); got.Received != 1 || got.StdinBytes != 3 {
		t.Errorf("on the new stream: %v", got)
	}
	w.restart()
	l = w.resume(id, aSession, 0)
	f = w.connect(numberedHello("n1", 1, ref))
	f.started(ref)
	f.taken(ref, 1, 3)
	for got := l.inputTaken(); got.Received != 1; got = l.inputTaken() {
		equal(t, "what may be lost", got.Resend, true)
	}
	l.send(item(2, "two"))
	equal(t, "item", string(f.item().GetStdin().Data), "two")
	l.send(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Leave{Leave: &schedpb.Leave{}}})
	for {
		if m := f.recv(); m.GetTerminate() != nil {
			return // its own word that it ends is its end
		}
	}
}

// A worker that may know nothing of the job's launcher is told of it with each stream: another reader's, too, and while
// it is away.
func TestAnsweredForEveryReader(t *testing.T) {
	w := newWorld(t, Config{})
	f := w.connect(numberedHello("n1", 1))
	id := w.interactive()
	l := w.resume(id, aSession, 0)
	ref := f.start().Job
	f.streamOrder()
	f.started(ref)
	look := func() {
		stream, err := w.jobs.Attach(w.ctx)
		ok(t, err)
		ok(t, stream.Send(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Open{Open: &schedpb.AttachOpen{JobId: id,
			Output:   true,
			Onlooker: true}}}))
	}
	look()
	equal(t, "answered, to another reader", f.streamOrder().Answered, true)
	l.die()
	look()
	equal(t, "answered, while the launcher is away", f.streamOrder().Answered, true)
}

// Output goes on where the launcher has it, whatever was on its way; none is given up for having been cut often.
func TestOutputIsCutOften(t *testing.T) {
	w := newWorld(t, Config{})
	f := w.connect(numberedHello("n1", 1))
	id := w.interactive()
	l := w.resume(id, aSession, 0)
	ref := f.start().Job
	f.started(ref)
	offset, all := uint64(0), ""
	for i := range uint64(5 * maxCuts) {
		order := f.streamOrder()
		equal(t, "from", order.FromOffset, offset)
		out := f.output(order)
		ok(t, out.Send(text(i+1, fmt.Sprint(i, "\n"))))
		for offset == 0 || offset <= i {
			if b := l.recv().GetBatch(); b != nil {
				offset = b.NextOffset
				all += string(b.Output[0].Data)
			}
		}
		if i%17 == 0 { // the launcher's stream
			l.die()
			l = w.resume(id, aSession, offset)
			continue
		}
		out.CloseSend() // without an eof
	}
	last := f.output(f.streamOrder())
	ok(t, last.Send(&schedpb.OutputFrame{Eof: true}))
	f.ended(ref, done())
	for l.recv().GetEnd() == nil {
	}
	equal(t, "lines", strings.Count(all, "\n"), 5*maxCuts)
}

// A stream that breaks at the same frame again and again, over a connection that lasts, is given up.
func TestOutputThatCantBeRead(t *testing.T) {
	timed(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		f := w.connect(hello("n1", 1))
		id := w.submit(w.spec(1))
		ref := f.start().Job
		f.started(ref)
		l := w.attach(id)
		for range maxCuts + 1 {
			f.output(f.streamOrder()).CloseSend()
		}
		for l.lost == "" {
			l.recv()
		}
	})
}

// A launcher that falls silent frees its slots within a minute; one that pings is left alone, and one that was
// suspended.
func TestVanishedLauncher(t *testing.T) {
	for _, c := range []struct {
		name  string
		ping  bool
		freed bool
	}{{name: "silent", freed: true}, {name: "suspended", ping: true}} {
		t.Run(c.name, func(t *testing.T) {
			timed(t, func(t *testing.T) {
				w := newWorld(t, Config{})
				f := w.connect(numberedHello("n1", 1))
				id := w.interactive()
				l := w.resume(id, aSession, 0)
				ref := f.start().Job
				f.streamOrder()
				f.started(ref)
				l.inputTaken()
				for range 10 { // longer than its silence may last
					time.Sleep(5 * time.Second) // in the bubble
					l.send(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Ping{Ping: &schedpb.Ping{}}})
				}
				if c.ping {
					l.send(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Ping{Ping: &schedpb.Ping{Suspended: true}}})
				}
				synctest.Wait()
				begin := time.Now()
				told := make(chan time.Duration, 1)
				go func() {
					for {
						m, err := f.stream.Recv()
						if err != nil || m.GetTerminate() != nil {
							told <- time.Since(begin)
							return
						}
					}
				}()
				select {
				case after := <-told:
					if !c.freed || after > time.Minute {
						t.Errorf("ended after %v", after)
					}
				case <-time.After(time.Hour):
					if c.freed {
						t.Error("its slots are held for ever")
					}
				}
			})
		})
	}
}

// A job is its own launcher's: another session of its tenant's looks on.
func TestAnothersSession(t *testing.T) {
	w := newWorld(t, Config{})
	f := w.connect(numberedHello("n1", 1))
	id := w.interactive()
	l := w.resume(id, aSession, 0)
	ref := f.start().Job
	f.started(ref)
	other := w.resume(id, strings.Repeat("o", minSession), 0)
	other.send(item(1, "forged"))
	other.send(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Ping{Ping: &schedpb.Ping{}}})
	for other.recv().GetPong() == nil {
	}
	l.send(item(1, "true"))
	equal(t, "item", string(f.item().GetStdin().Data), "true")
	for _, session := range []string{"short", strings.Repeat("l", maxSession+1)} {
		stream, err := w.jobs.Attach(w.ctx)
		ok(t, err)
		ok(t, stream.Send(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Open{Open: &schedpb.AttachOpen{JobId: id,
			Session: []byte(session)}}}))
		_, err = stream.Recv()
		equal(t, "code", status.Code(err), codes.InvalidArgument)
	}
}

// What a worker does not take, or what ranks don't, holds up the launcher that sends it, not the scheduler's memory.
func TestInputAhead(t *testing.T) {
	for name, c := range map[string]struct {
		window func(*attachment) *window
		size   int
		cost   int
		free   func(*attachment, *window, int)
	}{
		"items": {func(a *attachment) *window { return &a.items }, inputAhead, itemCost, (*attachment).leaves},
		"plain": {func(a *attachment) *window { return &a.stdin }, stdinWindow, 0, (*attachment).leaves},
		"plain, counted by the ranks": {func(a *attachment) *window { return &a.stdin }, stdinWindow, 0,
			func(a *attachment, w *window, n int) {
				a.leftInAll(w, uint64(n))
				a.leftInAll(w, uint64(n)) // said again
			}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAttachment(&schedpb.AttachOpen{JobId: 1})
				s := &Server{halt: make(chan struct{})}
				w, in, piece := c.window(a), &schedpb.Stdin{Data: make([]byte, maxStdin)}, maxStdin+c.cost
				ctx, cancel := context.WithCancel(context.Background())
				for n := 0; n+piece <= c.size; n += piece {
					ok(t, s.admit(ctx, a, w, in, c.cost))
				}
				ok(t, s.admit(ctx, a, w, nil, 0)) // an end of file
				full := make(chan error, 1)
				go func() { full <- s.admit(ctx, a, w, in, c.cost) }()
				synctest.Wait()
				select {
				case err := <-full:
					t.Fatalf("more than the bound was admitted: %v", err)
				default:
				}
				c.free(a, w, piece)
				ok(t, <-full)
				go func() { full <- s.admit(ctx, a, w, in, c.cost) }()
				synctest.Wait()
				cancel()
				if <-full == nil {
					t.Error("more than the bound was admitted")
				}
				too := &schedpb.Stdin{Data: make([]byte, maxStdin+1)}
				if code := status.Code(s.admit(ctx, a, w, too, c.cost)); code != codes.InvalidArgument {
					t.Errorf("a message that is too long: %v", code)
				}
				a.leftInAll(w, 1<<60) // more than was ever sent
				for n := 0; n+piece <= c.size; n += piece {
					if !w.take(uint64(piece)) {
						t.Fatal("it has no room")
					}
				}
				if w.take(uint64(piece)) {
					t.Error("an account of more than was sent made room")
				}
			})
		})
	}
}

// The attach of a job whose first worker died ends with the job, though that worker's output never comes.
func TestRequeuedJobsFollowersEnd(t *testing.T) {
	timed(t, func(t *testing.T) {
		w := newWorld(t, Config{Grace: time.Second, GraceMargin: time.Second})
		f := w.connect(hello("n1", 1))
		spec := w.spec(1)
		spec.Requeue = true
		id := w.submit(spec)
		ref := f.start().Job
		f.started(ref)
		follower := w.attach(id)
		f.output(f.streamOrder()).Send(text(5, "first\n"))
		for follower.out.Len() == 0 {
			follower.recv()
		}
		second := w.connect(hello("n2", 1))
		f.die()
		ref = second.start().Job
		out := second.output(second.streamOrder())
		ok(t, out.Send(text(5, "again\n")))
		ok(t, out.Send(&schedpb.OutputFrame{Eof: true}))
		second.started(ref)
		second.ended(ref, done())
		begin := time.Now()
		equal(t, "state", follower.end().State, "CD")
		equal(t, "output", follower.out.String(), "first\nagain\n")
		if waited := time.Since(begin); waited > time.Minute {
			t.Errorf("it ended after %v", waited)
		}
		if !strings.Contains(follower.lost, "worker n1") {
			t.Errorf("of the first worker's output it was told %q", follower.lost)
		}
	})
}
