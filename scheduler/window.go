package scheduler

import (
	"context"
	"io"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// window bounds what a launcher may have on its way to its job's ranks. Plain standard input (Stdin) is on its way
// until the ranks have taken it, numbered items (Input) until they have been sent to the worker: what gets lost then
// comes again. The attachment's mu guards it.
type window struct {
	size uint64
	sent uint64 // ever, as what goes on below
	gone uint64 // no longer on its way
}

func newWindow(size uint64) window { return window{size: size} }

// take takes n of it, and reports whether there was room. What is nothing, as an end of file is, always fits.
func (w *window) take(n uint64) bool {
	if n > 0 && w.sent-w.gone+n > w.size {
		return false
	}
	w.sent += n
	return true
}

// admit waits until there is room in one of the attachment's windows for standard input, nil for none, and for what it
// costs beside its bytes. Nothing else of its launcher is read meanwhile.
func (s *Server) admit(ctx context.Context, a *attachment, w *window, in *schedpb.Stdin, cost int) error {
	n := len(in.GetData())
	if n > maxStdin {
		return status.Errorf(codes.InvalidArgument, "%d bytes of standard input in one message; at most %d", n, maxStdin)
	}
	n += cost
	for {
		a.mu.Lock()
		fits := w.take(uint64(n))
		a.mu.Unlock()
		if fits {
			return nil
		}
		select {
		case <-a.room:
		case <-a.closed:
			return io.ErrClosedPipe
		case <-ctx.Done():
			return ctx.Err()
		case <-s.halt:
			return s.unavailable()
		}
	}
}

// leaves takes n off a window: it is no longer on its way.
func (a *attachment) leaves(w *window, n int) {
	a.mu.Lock()
	w.gone += uint64(n)
	a.mu.Unlock()
	wake(a.room)
}

// leftInAll is for those who say how much has gone since the beginning. That can't be more than was sent.
func (a *attachment) leftInAll(w *window, n uint64) {
	a.mu.Lock()
	w.gone = max(w.gone, min(n, w.sent))
	a.mu.Unlock()
	wake(a.room)
}
