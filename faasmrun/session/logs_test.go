package session

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/faasmrun/faasmrun/faasmrun/client"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// awayJobs is a scheduler that can't be reached for a number of tries, once there has been a stream.
type awayJobs struct {
	schedpb.JobsClient
	tries, began int
}

func (a *awayJobs) Attach(ctx context.Context, o ...grpc.CallOption) (
	grpc.BidiStreamingClient[schedpb.AttachRequest, schedpb.AttachResponse], error) {
	if a.began++; a.began > 1 && a.began <= 1+a.tries {
		return nil, status.Error(codes.Unavailable, "nobody is there")
	}
	return a.JobsClient.Attach(ctx, o...)
}

// readLogs is faasmrun logs against a script, with a scheduler that is away for a number of tries after the first
// stream.
func readLogs(t *testing.T, follow bool, tries int, script func(s *fakeStream) error) (stdout string, err error) {
	t.Helper()
	b := newBench(t, 1, script)
	c := &client.Cluster{Ctx: context.Background(), Out: b.stdout,
		JobService: &awayJobs{JobsClient: b.session.Jobs, tries: tries}}
	err = logs(c, &schedpb.JobInfo{Id: 7, Ranks: 1}, follow, OutputOptions{}, statsFiles{})
	if b.fault != nil {
		t.Errorf("the scheduler's side: %v", b.fault)
	}
	return b.stdout.String(), err
}

// Who follows a job's output goes on behind what has come when the scheduler is restarted.
func TestLogsThroughARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streams := 0
		out, err := readLogs(t, true, 12, func(s *fakeStream) error {
			if streams++; streams == 1 {
				s.batch(6, "one\ntw")
				return errAway
			}
			if err := s.from(1, 6); err != nil {
				return err
			}
			s.batch(8, "o\n")
			return s.end(&schedpb.JobEnd{State: "CD"})
		})
		if out != "one\ntwo\n" || err != nil {
			t.Errorf("got %q, %v", out, err)
		}
	})
}

// Without -f there is no end to wait for; and what is refused is refused at once.
func TestLogsOnce(t *testing.T) {
	out, err := readLogs(t, false, 0, func(s *fakeStream) error {
		s.batch(8, "one\ntwo\n")
		return nil
	})
	if out != "one\ntwo\n" || err != nil {
		t.Errorf("got %q, %v", out, err)
	}
	refused := status.Error(codes.NotFound, "there is no job 7")
	for _, follow := range []bool{false, true} {
		b := newBench(t, 1, func(*fakeStream) error { return refused })
		c := &client.Cluster{Ctx: context.Background(), Out: &bytes.Buffer{}, JobService: b.session.Jobs}
		err := logs(c, &schedpb.JobInfo{Id: 7, Ranks: 1}, follow, OutputOptions{}, statsFiles{})
		if err == nil || !strings.Contains(err.Error(), "there is no job 7") {
			t.Errorf("got %v", err)
		}
	}
}

// An interrupt ends the waiting for a scheduler that stays away.
func TestLogsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		b := newBench(t, 1, func(s *fakeStream) error { return errAway })
		c := &client.Cluster{Ctx: ctx, Out: b.stdout, JobService: &awayJobs{JobsClient: b.session.Jobs, tries: 1 << 30}}
		ended := make(chan error, 1)
		go func() { ended <- logs(c, &schedpb.JobInfo{Id: 7, Ranks: 1}, true, OutputOptions{}, statsFiles{}) }()
		synctest.Wait()
		cancel()
		if err := <-ended; err == nil || !strings.Contains(err.Error(), "interrupted") {
			t.Errorf("got %v", err)
		}
	})
}
