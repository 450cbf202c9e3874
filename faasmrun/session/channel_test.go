package session

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// fakeJobs is a scheduler without a wire: attach makes each stream.
type fakeJobs struct {
	schedpb.JobsClient
	attach func(ctx context.Context) (*fakeAttach, error)
}

func (f *fakeJobs) Attach(ctx context.Context,
	_ ...grpc.CallOption) (grpc.BidiStreamingClient[schedpb.AttachRequest, schedpb.AttachResponse], error) {
	s, err := f.attach(ctx)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// fakeAttach takes everything, and brings what comes of says, then the end, which is err if there is one.
type fakeAttach struct {
	grpc.BidiStreamingClient[schedpb.AttachRequest, schedpb.AttachResponse]
	ctx  context.Context
	says <-chan *schedpb.AttachResponse
	err  error
}

func (s *fakeAttach) Send(*schedpb.AttachRequest) error { return s.ctx.Err() }
func (s *fakeAttach) CloseSend() error                  { return nil }

func (s *fakeAttach) Recv() (*schedpb.AttachResponse, error) {
	select {
	case m, ok := <-s.says:
		if ok {
			return m, nil
		}
		if s.err != nil {
			return nil, s.err
		}
		return nil, io.EOF
	case <-s.ctx.Done():
		return nil, status.FromContextError(s.ctx.Err()).Err()
	}
}

func saying(ms ...*schedpb.AttachResponse) <-chan *schedpb.AttachResponse {
	c := make(chan *schedpb.AttachResponse, len(ms))
	for _, m := range ms {
		c <- m
	}
	close(c)
	return c
}

var (
	pong    = &schedpb.AttachResponse{Msg: &schedpb.AttachResponse_Pong{Pong: &schedpb.Pong{}}}
	ended   = &schedpb.AttachResponse{Msg: &schedpb.AttachResponse_End{End: &schedpb.JobEnd{State: "CD"}}}
	unknown = status.Error(codes.Unavailable, "gone")
)

// A scheduler that takes a stream and says nothing, because it was stopped or its machine is away, is one that does not
// answer.
func TestSilentFromTheBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*reconnectWithin)
		defer cancel()
		c := newChannel(&fakeJobs{attach: func(ctx context.Context) (*fakeAttach, error) {
			return &fakeAttach{ctx: ctx},
				nil
		}},
			&schedpb.AttachOpen{JobId: 7, Session: NewSession()})
		began := time.Now()
		c.run(ctx)
		if !errors.Is(c.err, errSilent) {
			t.Errorf("it ended with %v after %v", c.err, time.Since(began))
		}
		if n := len(c.notes); n != 1 {
			t.Errorf("the user was told %d times that the scheduler does not answer", n)
		}
	})
}

// That the scheduler is back is told when it is, not when it is lost the next time.
func TestToldThatTheSchedulerIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, streams := time.Now(), 0
		says := make(chan *schedpb.AttachResponse)
		c := newChannel(&fakeJobs{attach: func(ctx context.Context) (*fakeAttach, error) {
			switch streams++; {
			case streams == 1:
				return &fakeAttach{ctx: ctx, says: saying(pong), err: unknown}, nil
			case time.Since(began) < 2*reconnectUntold:
				return nil, unknown
			}
			return &fakeAttach{ctx: ctx, says: says}, nil
		}}, &schedpb.AttachOpen{JobId: 7, Session: NewSession()})
		go c.run(t.Context())
		if text := <-c.notes; text != "the scheduler does not answer; waiting for it to come back" {
			t.Errorf("the user was told: %s", text)
		}
		says <- pong
		synctest.Wait()
		select {
		case text := <-c.notes:
			if text != "the scheduler is back" {
				t.Errorf("the user was told: %s", text)
			}
		default:
			t.Error("the user was not told that the scheduler is back")
		}
		says <- ended
		close(says)
		for range c.events {
		}
		<-c.done
	})
}

// Standard input that comes in small pieces waits for the ranks; none of it is left out.
func TestManySmallPiecesOfInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const pieces = 3 * maxItems
		pump := &stdinPump{chunks: make(chan []byte), done: make(chan struct{})}
		if err := unix.Pipe2(pump.wake[:], unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		go func() {
			defer close(pump.done)
			defer close(pump.chunks)
			for range pieces {
				pump.chunks <- []byte{'x'}
			}
		}()
		c := newChannel(nil, &schedpb.AttachOpen{JobId: 7, Session: NewSession()})
		s := &Session{Job: 7, Ranks: 1, Notes: io.Discard, channel: c, pump: pump,
			Display: NewDisplay(OutputOptions{}, 1, io.Discard, io.Discard)}
		go s.follow()
		bytes, received, eof := 0, uint64(0), false
		for !eof {
			synctest.Wait()
			c.mu.Lock()
			items := c.items
			c.mu.Unlock()
			if len(items) == 0 || len(items) > maxItems {
				t.Fatalf("%d items wait after %d bytes", len(items), bytes)
			}
			for _, in := range items {
				bytes, received, eof = bytes+len(in.GetStdin().Data), in.Seq, in.GetStdin().Eof
			}
			taken := &schedpb.InputTaken{Received: received}
			c.receive(t.Context(), &schedpb.AttachResponse{Msg: &schedpb.AttachResponse_InputTaken{InputTaken: taken}})
		}
		if bytes != pieces {
			t.Errorf("%d bytes of %d have come", bytes, pieces)
		}
		c.receive(t.Context(), ended)
		synctest.Wait()
	})
}
