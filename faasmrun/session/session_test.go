package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// fakeScheduler plays one job's attach stream from a script.
type fakeScheduler struct {
	schedpb.UnimplementedJobsServer
	script func(s *fakeStream) error
	seq    uint64              // of the last item of input that was new
	open   *schedpb.AttachOpen // of the last stream
}

func (f *fakeScheduler) Attach(stream grpc.BidiStreamingServer[schedpb.AttachRequest, schedpb.AttachResponse]) error {
	return f.script(&fakeStream{stream, f})
}

type fakeStream struct {
	grpc.BidiStreamingServer[schedpb.AttachRequest, schedpb.AttachResponse]
	f *fakeScheduler
}

// Recv takes the next message that is new, and of the job. What has been seen before comes again on each stream.
func (s *fakeStream) Recv() (*schedpb.AttachRequest, error) {
	for {
		m, err := s.BidiStreamingServer.Recv()
		in := m.GetInput()
		switch {
		case err != nil:
			return nil, err
		case m.GetPing() != nil || m.GetOutputTaken() != nil || m.GetLeave() != nil:
		case in == nil:
			return m, nil
		case in.Seq > s.f.seq+1:
			return nil, fmt.Errorf("item %d follows item %d", in.Seq, s.f.seq)
		case in.Seq == s.f.seq+1:
			s.f.seq++
			return m, nil
		}
	}
}

// take says that all input so far has been received, and so many bytes of standard input taken.
func (s *fakeStream) take(bytes uint64, resend bool) {
	s.Send(&schedpb.AttachResponse{Msg: &schedpb.AttachResponse_InputTaken{InputTaken: &schedpb.InputTaken{
		Received: s.f.seq, StdinBytes: bytes, Resend: resend}}})
}

func (s *fakeStream) print(rank uint32, text string) {
	s.Send(&schedpb.AttachResponse{Msg: &schedpb.AttachResponse_Output{Output: &schedpb.Output{Rank: rank,
		Data: []byte(text)}}})
}

// batch is output of the first placement, up to an offset.
func (s *fakeStream) batch(next uint64, text string) {
	s.Send(&schedpb.AttachResponse{Msg: &schedpb.AttachResponse_Batch{Batch: &schedpb.OutputBatch{
		Epoch: 1, NextOffset: next, Output: []*schedpb.Output{{Data: []byte(text)}}}}})
}

// from checks what the stream was opened with: where the output is to go on.
func (s *fakeStream) from(epoch, offset uint64) error {
	if o := s.f.open; o.OutputEpoch != epoch || o.OutputOffset != offset {
		return fmt.Errorf("opened at %d of placement %d, want %d of %d", o.OutputOffset, o.OutputEpoch, offset, epoch)
	}
	return nil
}

func (s *fakeStream) await(rank uint32) {
	s.Send(&schedpb.AttachResponse{Msg: &schedpb.AttachResponse_Output{Output: &schedpb.Output{Rank: rank,
		AwaitsInput: true}}})
}

func (s *fakeStream) end(end *schedpb.JobEnd) error {
	return s.Send(&schedpb.AttachResponse{Msg: &schedpb.AttachResponse_End{End: end}})
}

// expect reads one message, which the test names by what it is.
func (s *fakeStream) expect(want string) error {
	m, err := s.Recv()
	if err != nil {
		return err
	}
	var got string
	switch m := m.Msg.(type) {
	case *schedpb.AttachRequest_Open:
		got, s.f.open = fmt.Sprintf("open %d", m.Open.JobId), m.Open
	case *schedpb.AttachRequest_Terminate:
		got = fmt.Sprintf("terminate kill=%v %s", m.Terminate.Kill, m.Terminate.Reason)
	case *schedpb.AttachRequest_Input:
		switch item := m.Input.Item.(type) {
		case *schedpb.Input_Signal:
			got = "signal " + unix.SignalName(syscall.Signal(item.Signal.Number))
		case *schedpb.Input_Stdin:
			got = fmt.Sprintf("stdin %q eof=%v", item.Stdin.Data, item.Stdin.Eof)
		case *schedpb.Input_QueryRanks:
			got = "query"
		}
	case *schedpb.AttachRequest_Detach:
		got = "detach"
	}
	if got != want {
		return fmt.Errorf("got %s, want %s", got, want)
	}
	return nil
}

// bench is a session with a fake scheduler at its other end.
type bench struct {
	session        *Session
	stdout, stderr *bytes.Buffer
	signals        chan os.Signal
	script         func(s *fakeStream) error
	fault          error // what the script complained of
}

func newBench(t *testing.T, ranks int, script func(s *fakeStream) error) *bench {
	t.Helper()
	b := &bench{stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}, signals: make(chan os.Signal, 8), script: script}
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer()
	schedpb.RegisterJobsServer(server, &fakeScheduler{script: func(s *fakeStream) error {
		err := s.expect("open 7")
		if err == nil {
			s.Send(&schedpb.AttachResponse{Msg: &schedpb.AttachResponse_Pong{Pong: &schedpb.Pong{}}})
			err = b.script(s)
		}
		// a launcher may leave at any time
		if err != nil && !errors.Is(err, errGone) && !errors.Is(err, errAway) && s.Context().Err() == nil {
			b.fault = err
		}
		return err
	}})
	go server.Serve(listener)
	conn, err := grpc.NewClient("passthrough:///fake", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); server.Stop() })
	b.session = &Session{Session: NewSession(), Job: 7, Ranks: ranks, Jobs: schedpb.NewJobsClient(conn), Notes: b.stderr,
		Maps:    b.stdout,
		Signals: b.signals, Display: NewDisplay(OutputOptions{}, ranks, b.stdout, b.stderr)}
	return b
}

// errGone is how a script ends its stream in the middle of a job.
var errGone = errors.New("the scheduler stops")

// errAway is how it ends when the scheduler is restarted.
var errAway = status.Error(codes.Unavailable, "the scheduler stops")

func (b *bench) run(t *testing.T) int {
	t.Helper()
	status := b.session.Run(context.Background())
	if b.fault != nil {
		t.Errorf("the scheduler's side: %v", b.fault)
	}
	return status
}

func (b *bench) check(t *testing.T, status, wantStatus int, stdout, stderr string) {
	t.Helper()
	if status != wantStatus {
		t.Errorf("status %d, want %d", status, wantStatus)
	}
	if b.stdout.String() != stdout {
		t.Errorf("stdout:\n%s\nwant:\n%s", b.stdout, stdout)
	}
	if b.stderr.String() != stderr {
		t.Errorf("stderr:\n%s\nwant:\n%s", b.stderr, stderr)
	}
}

func TestSessionEnds(t *testing.T) {
	states := &schedpb.RankStates{Ranks: []*schedpb.RankState{
		{Rank: 0, Node: "n", Where: "MPI_Barrier"}, {Rank: 1, Node: "n", Where: "MPI_Barrier"},
		{Rank: 2, Node: "n", Where: "computing"}}}
	for _, c := range []struct {
		name   string
		end    *schedpb.JobEnd
		status int
		stderr string
	}{
		{"success", &schedpb.JobEnd{State: "CD"}, 0, ""},
		{"a rank failed", &schedpb.JobEnd{State: "F", ExitCode: 3, Reason: "rank 1 on n exited with 3\nsecond line"}, 3,
			"faasmrun: rank 1 on n exited with 3\n  second line\n"},
		{"no reason", &schedpb.JobEnd{State: "NF", ExitCode: 137}, 137,
			"faasmrun: job 7 ended in state NF with status 137\n"},
		{"time ran out", &schedpb.JobEnd{State: "TO", ExitCode: 110, Reason: "the time limit of 1s was reached",
			RankStates: states}, 110,
			"faasmrun: the time limit of 1s was reached; where the ranks stood:\n  ranks 0-1: MPI_Barrier\n  rank 2: " +
				"computing\n"},
		{"a status beyond 255", &schedpb.JobEnd{State: "F", ExitCode: 256, Reason: "r"}, 1, "faasmrun: r\n"},
		{"failed with status 0", &schedpb.JobEnd{State: "F", Reason: "r"}, 1, "faasmrun: r\n"},
		{"cancelled elsewhere", &schedpb.JobEnd{State: "CA", ExitCode: 1, Reason: "cancelled"}, 1, "faasmrun: cancelled\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, 3, func(s *fakeStream) error {
				s.print(0, "one\ntw")
				s.print(1, "x\n")
				s.print(0, "o")
				return s.end(c.end)
			})
			b.check(t, b.run(t), c.status, "one\nx\ntwo", c.stderr)
		})
	}
}

func TestSchedulerLost(t *testing.T) {
	b := newBench(t, 2, func(s *fakeStream) error {
		s.print(0, "before\nunfin")
		return errGone
	})
	b.check(t, b.run(t), 1, "before\nunfin",
		"faasmrun: the connection to the scheduler was lost, and job 7 can't be followed any more: the scheduler stops\n")
}

// TestInterrupts: in order, at once, not at all.
func TestInterrupts(t *testing.T) {
	const first = "faasmrun: SIGINT: ending the job; once more kills it at once\n"
	const second = "faasmrun: SIGINT: killing the job; once more leaves without waiting\n"
	t.Run("once", func(t *testing.T) {
		b := newBench(t, 2, func(s *fakeStream) error {
			if err := s.expect("terminate kill=false interrupted by SIGINT"); err != nil {
				return err
			}
			s.print(0, "last words\n")
			return s.end(&schedpb.JobEnd{State: "CA", ExitCode: 1, Reason: "interrupted by SIGINT",
				RankStates: &schedpb.RankStates{Ranks: []*schedpb.RankState{{Rank: 0, Where: "computing"},
					{Rank: 1, Where: "MPI_Recv from rank 0"}}}})
		})
		b.signals <- syscall.SIGINT
		b.check(t, b.run(t), 1, "last words\n",
			first+"faasmrun: interrupted by SIGINT; where the ranks stood:\n  rank 0: computing\n  rank 1: MPI_Recv from rank "+
				"0\n")
	})
	t.Run("twice", func(t *testing.T) {
		b := newBench(t, 2, func(s *fakeStream) error {
			for _, want := range []string{"terminate kill=false interrupted by SIGINT",
				"terminate kill=true killed by a second SIGINT"} {
				if err := s.expect(want); err != nil {
					return err
				}
			}
			return s.end(&schedpb.JobEnd{State: "CA", ExitCode: 1, Reason: "killed"})
		})
		b.signals <- syscall.SIGINT
		b.signals <- syscall.SIGINT
		b.check(t, b.run(t), 1, "", first+second+"faasmrun: killed\n")
	})
	t.Run("twice by a program", func(t *testing.T) {
		b := newBench(t, 2, func(s *fakeStream) error {
			for _, want := range []string{"terminate kill=false interrupted by SIGINT", "query"} {
				if err := s.expect(want); err != nil {
					return err
				}
			}
			return s.end(&schedpb.JobEnd{State: "CA", ExitCode: 1, Reason: "interrupted"})
		})
		b.session.Typed = func() bool { return false }
		b.signals <- syscall.SIGINT
		b.signals <- syscall.SIGINT
		b.signals <- syscall.SIGQUIT // behind both
		b.check(t, b.run(t), 1, "", first+"faasmrun: interrupted\n")
	})
	t.Run("three times", func(t *testing.T) {
		b := newBench(t, 2, func(s *fakeStream) error {
			<-s.Context().Done()
			return errGone
		})
		for range 3 {
			b.signals <- syscall.SIGINT
		}
		b.check(t, b.run(t), 1, "", first+second+"faasmrun: left job 7; its scheduler is still ending it\n")
	})
	t.Run("the job ended by itself meanwhile", func(t *testing.T) {
		b := newBench(t, 2, func(s *fakeStream) error {
			if err := s.expect("terminate kill=false interrupted by SIGTERM"); err != nil {
				return err
			}
			return s.end(&schedpb.JobEnd{State: "CD"})
		})
		b.signals <- syscall.SIGTERM
		b.signals <- syscall.SIGTERM // as timeout sends it: twice at once
		b.check(t, b.run(t), 0, "", strings.ReplaceAll(first, "SIGINT", "SIGTERM"))
	})
}

func TestSignals(t *testing.T) {
	stopped := 0
	b := newBench(t, 2, func(s *fakeStream) error {
		for _, want := range []string{"signal SIGUSR1", "signal SIGUSR2", "signal SIGTSTP", "signal SIGCONT", "query"} {
			if err := s.expect(want); err != nil {
				return err
			}
		}
		s.Send(&schedpb.AttachResponse{Msg: &schedpb.AttachResponse_RankStates{RankStates: &schedpb.RankStates{
			Ranks: []*schedpb.RankState{{Rank: 0, Node: "a", Where: "computing"}, {Rank: 1, Node: "b", Where: "computing"}}}}})
		return s.end(&schedpb.JobEnd{State: "CD"})
	})
	b.session.StopSelf = func() { stopped++ }
	for _, sig := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGTSTP, syscall.SIGQUIT} {
		b.signals <- sig
	}
	b.check(t, b.run(t), 0, "", "faasmrun: where the ranks stand:\n  rank 0 on a: computing\n  rank 1 on b: computing\n")
	if stopped != 1 {
		t.Errorf("the launcher stopped itself %d times", stopped)
	}
}

// failingWriter fails as a closed pipe or a full disk does.
type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Path: "/dev/stdout", Err: w.err}
}

func TestOutputThatCannotBeWritten(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		stderr string
	}{
		{unix.EPIPE, 141, ""},
		{unix.ENOSPC, 1, "faasmrun: standard output cannot be written: no space left on device; the job was ended\n"},
	} {
		b := newBench(t, 2, func(s *fakeStream) error {
			s.print(0, "lost\n")
			if err := s.expect("terminate kill=true standard output cannot be written: " + c.err.Error()); err != nil {
				return err
			}
			s.print(0, "more\n")
			return s.end(&schedpb.JobEnd{State: "CA", ExitCode: 1, Reason: "killed"})
		})
		b.session.Display = NewDisplay(OutputOptions{}, 2, failingWriter{c.err}, b.stderr)
		b.check(t, b.run(t), c.status, "", c.stderr)
	}
}

// TestStdin: nothing is read before a rank wants it; the window holds; the end is told.
func TestStdin(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	b := newBench(t, 2, func(s *fakeStream) error {
		s.await(0)
		if err := s.expect(`stdin "hello\n" eof=false`); err != nil {
			return err
		}
		write.Close()
		if err := s.expect(`stdin "" eof=true`); err != nil {
			return err
		}
		return s.end(&schedpb.JobEnd{State: "CD"})
	})
	b.session.Stdin = read
	write.WriteString("hello\n")
	b.check(t, b.run(t), 0, "", "")
}

func TestStdinIsLeftAlone(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	b := newBench(t, 2, func(s *fakeStream) error {
		s.print(0, "no questions\n")
		return s.end(&schedpb.JobEnd{State: "CD"})
	})
	b.session.Stdin = read
	write.WriteString("for someone else\n")
	write.Close()
	b.check(t, b.run(t), 0, "no questions\n", "")
	if rest, err := io.ReadAll(read); err != nil || string(rest) != "for someone else\n" {
		t.Errorf("left of standard input: %q, %v", rest, err)
	}
}

// TestStdinWindow: no more is on its way than the window, until the ranks have taken some.
func TestStdinWindow(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	const total = 3 * stdinWindow
	go func() {
		defer write.Close()
		write.Write(bytes.Repeat([]byte("x"), total))
	}()
	b := newBench(t, 2, func(s *fakeStream) error {
		s.await(0)
		received := uint64(0)
		for taken := uint64(0); ; {
			m, err := s.Recv()
			if err != nil {
				return err
			}
			received += uint64(len(m.GetInput().GetStdin().GetData()))
			if received-taken > stdinWindow {
				return fmt.Errorf("%d bytes are on their way", received-taken)
			}
			if m.GetInput().GetStdin().GetEof() {
				break
			}
			if received-taken > stdinWindow-stdinChunk { // the launcher must wait now
				taken = received
				s.take(taken, false)
			}
		}
		if received != total {
			return fmt.Errorf("%d bytes of %d arrived", received, total)
		}
		return s.end(&schedpb.JobEnd{State: "CD"})
	})
	b.session.Stdin = read
	b.check(t, b.run(t), 0, "", "")
}

// TestDots: on a terminal a line that grows is seen to grow.
func TestDots(t *testing.T) {
	b := newBench(t, 2, nil)
	shown := make(chan string, 1)
	b.session.Display = NewDisplay(OutputOptions{}, 2, writerFunc(func(p []byte) { shown <- string(p) }), b.stderr)
	b.session.Live = true
	b.session.Stdin = nil
	b.script = func(s *fakeStream) error {
		s.print(0, "..")
		if got := <-shown; got != ".." {
			return fmt.Errorf("%q is shown", got)
		}
		s.print(0, ".\n")
		if got := <-shown; got != ".\n" {
			return fmt.Errorf("%q is shown next", got)
		}
		return s.end(&schedpb.JobEnd{State: "CD"})
	}
	b.check(t, b.run(t), 0, "", "")
}

type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) {
	f(p)
	return len(p), nil
}

func pending(reason string) *schedpb.AttachResponse {
	return &schedpb.AttachResponse{Msg: &schedpb.AttachResponse_State{State: &schedpb.StateChange{State: "PD",
		Reason: reason}}}
}

func TestWaitingIsTold(t *testing.T) {
	b := newBench(t, 2, nil)
	told := make(chan string, 1)
	b.session.Notes = writerFunc(func(p []byte) { told <- string(p) })
	b.script = func(s *fakeStream) error {
		s.Send(pending("4 slots of 8 are free"))
		if got := <-told; got != "faasmrun: job 7 waits: 4 slots of 8 are free\n" {
			return errors.New(got)
		}
		s.Send(pending("4 slots of 8 are free")) // told once
		s.Send(pending("7 slots of 8 are free"))
		if got := <-told; got != "faasmrun: job 7 waits: 7 slots of 8 are free\n" {
			return errors.New(got)
		}
		return s.end(&schedpb.JobEnd{State: "CD"})
	}
	b.check(t, b.run(t), 0, "", "")
}

func TestShortWaitsAreNotTold(t *testing.T) {
	b := newBench(t, 2, func(s *fakeStream) error {
		s.Send(pending("a slot is being freed"))
		s.Send(stateOf("R"))
		return s.end(&schedpb.JobEnd{State: "CD"})
	})
	b.check(t, b.run(t), 0, "", "")
}

// TestSlowStartIsTold: what keeps ranks from starting is asked after a while, and told once; where running ranks stand
// is not.
func TestSlowStartIsTold(t *testing.T) {
	for _, c := range []struct {
		name, then, want string
		quiet            bool
	}{
		{name: "compiling", want: "faasmrun: compiling a.wasm\n"},
		{name: "begun meanwhile", then: "R"},
		{name: "quiet", quiet: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, 2, func(s *fakeStream) error {
				s.Send(stateOf("CF"))
				if c.quiet {
					return s.end(&schedpb.JobEnd{State: "CD"})
				}
				if err := s.expect("query"); err != nil {
					return err
				}
				if c.then != "" {
					s.Send(stateOf(c.then))
				}
				for range 2 {
					s.Send(&schedpb.AttachResponse{Msg: &schedpb.AttachResponse_RankStates{RankStates: &schedpb.RankStates{
						Ranks: []*schedpb.RankState{{Where: "compiling a.wasm"}, {Rank: 1, Where: "compiling a.wasm"}}}}})
				}
				return s.end(&schedpb.JobEnd{State: "CD"})
			})
			b.session.Options.Quiet = c.quiet
			b.check(t, b.run(t), 0, "", c.want)
		})
	}
}

func stateOf(code string) *schedpb.AttachResponse {
	return &schedpb.AttachResponse{Msg: &schedpb.AttachResponse_State{State: &schedpb.StateChange{State: code}}}
}

func TestMapAndBindings(t *testing.T) {
	b := newBench(t, 3, func(s *fakeStream) error {
		s.Send(&schedpb.AttachResponse{Msg: &schedpb.AttachResponse_Placement{
			Placement: &schedpb.Placement{Nodes: []*schedpb.NodeRanks{
				{Node: "a", Ranks: 2}, {Node: "b", FirstRank: 2, Ranks: 1}}}}})
		return s.end(&schedpb.JobEnd{State: "CD"})
	})
	b.session.Options = Options{DisplayMap: true, ReportBindings: true, Bind: "core"}
	b.session.Programs = []string{"x.wasm", "x.wasm", "y.wasm"}
	b.check(t, b.run(t), 0, ` ========================   JOB MAP   ========================

 Data for node: a	Num procs: 2
 	Process rank: 0	Program: x.wasm	Bound: N/A
 	Process rank: 1	Program: x.wasm	Bound: N/A

 Data for node: b	Num procs: 1
 	Process rank: 2	Program: y.wasm	Bound: N/A

 =============================================================
`, `faasmrun: rank 0 on a is not bound (any processor); ranks share their executor's threads, so --bind-to core has no effect
faasmrun: rank 1 on a is not bound (any processor)
faasmrun: rank 2 on b is not bound (any processor)
`)
}

// Where ranks stand is shown for the first of many, and as words.
func TestShowRanks(t *testing.T) {
	states := &schedpb.RankStates{}
	for i := range uint32(100) {
		states.Ranks = append(states.Ranks, &schedpb.RankState{Rank: i, Node: "n",
			Where: fmt.Sprintf("MPI_Recv, tag %d", i/2)})
	}
	states.Ranks[0].Where, states.Ranks[1].Where = "x\x1b[31m\nrank 1: forged", "y"
	var out bytes.Buffer
	s := &Session{Notes: &out, Display: NewDisplay(OutputOptions{}, 1, io.Discard, io.Discard)}
	s.showRanks(states)
	if got := out.String(); !strings.HasPrefix(got,
		"  rank 0: x\\x1b[31m rank 1: forged\n  rank 1: y\n  ranks 2-3: MPI_Recv, tag 1\n") ||
		!strings.HasSuffix(got, "  … and 3 more groups of ranks\n") {
		t.Errorf("%q … %q", got[:80], got[len(got)-40:])
	}
}
