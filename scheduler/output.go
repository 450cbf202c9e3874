package scheduler

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/faasmrun/faasmrun/scheduler/core"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// outputStream is one job's output on its way from a worker to one attachment. The reactor keeps it from the order to
// the worker until the eof; an Output call carries it in between.
type outputStream struct {
	id     uint64 // random: it is the right to send the job's output
	ref    core.JobRef
	worker core.WorkerName // who alone may carry it
	part   core.Span       // the ranks whose output it may be
	to     *attachment
	open   bool          // an Output call carries it now
	stop   chan struct{} // of that call: closed when its connection is given up
	offset uint64        // where the worker's log goes on behind what has been passed on
	passed bool          // something has been passed on
	gone   bool          // the worker has no log

	// Since something was passed on, by this connection of the worker's:
	askedOf *workerConn
	askedAt uint64
	cuts    int // calls that ended early
}

// maxCuts bounds how often a stream that breaks at the same frame of a connection that lasts is asked for again, the
// first time at once, then after pauses that begin with cutPause and double.
const (
	maxCuts  = 8
	cutPause = 50 * time.Millisecond
)

// openStream asks the job's worker for its output, where the attachment wants it, once for each placement. A nil worker
// is asked once it is back.
func (r *reactor) openStream(a *attachment, j *core.Job, w *workerConn) {
	if !a.output || a.streamed >= j.Epoch {
		return
	}
	a.streamed = j.Epoch
	o := &outputStream{id: r.newStream(), ref: j.Ref(), worker: lastWorker(j), part: j.Placement[0], to: a}
	if a.batches && a.from.epoch == j.Epoch {
		o.offset, o.passed = a.from.offset, a.from.offset > 0
	}
	a.given.Store(o.offset)
	a.written = 0
	r.streams[o.id] = o
	a.expect()
	if w != nil {
		r.ask(o, w)
	} else {
		r.awaitStream(o)
	}
}

func (r *reactor) newStream() uint64 {
	for {
		var b [8]byte
		rand.Read(b[:]) // never fails
		if id := binary.LittleEndian.Uint64(b[:]); id != 0 && r.streams[id] == nil {
			return id
		}
	}
}

// ask has a worker send a stream. Every order reports whether the job has a launcher that says what it has written: a
// worker that has been restarted must not drop that for another reader's sake.
func (r *reactor) ask(o *outputStream, w *workerConn) {
	if o.askedOf != w || o.askedAt != o.offset {
		o.askedOf, o.askedAt, o.cuts = w, o.offset, 0
	}
	h := r.launchers[o.ref.Job]
	w.order(&schedpb.SchedulerMessage{Msg: &schedpb.SchedulerMessage_StreamOutput{StreamOutput: &schedpb.StreamOutput{
		Job: wireRef(o.ref), StreamId: o.id, FromOffset: o.offset, Once: o.to.once,
		Answered: h != nil && h.session != "" && w.numbered}}})
}

// dropStreams gives up the chosen streams that no call carries: their worker is gone, and nothing more will come.
func (r *reactor) dropStreams(chosen func(*outputStream) bool) {
	for _, o := range r.streams {
		if !o.open && chosen(o) {
			r.endStream(o, true)
		}
	}
}

// awaitStreams is for streams whose worker may be away.
func (r *reactor) awaitStreams(chosen func(*outputStream) bool) {
	for _, o := range r.streams {
		if chosen(o) {
			r.awaitStream(o)
		}
	}
}

// awaitStream waits for the worker of a stream, if that is away: as long as core waits for it, where the job goes on
// there, and for a while otherwise.
func (r *reactor) awaitStream(o *outputStream) {
	if r.workers[o.worker] != nil {
		return
	}
	if o.open {
		if o.stop != nil { // its end comes back here
			close(o.stop)
			o.stop = nil
		}
		return
	}
	j := r.state.Job(o.ref.Job)
	worker := r.state.Worker(o.worker)
	switch {
	case worker == nil:
		r.endStream(o, true)
	case j != nil && j.Ref() == o.ref && j.State.Holds():
	case worker.Stopped: // and nobody knows whether it is started again
		r.endStream(o, true)
	default:
		s := r.s
		time.AfterFunc(s.cfg.OutputWithin, func() {
			s.post(func(r *reactor) {
				if r.streams[o.id] == o && !o.open && r.workers[o.worker] == nil {
					r.endStream(o, true)
				}
			})
		})
	}
}

// endStream is the end of a stream, with all of the output or not.
func (r *reactor) endStream(o *outputStream, lost bool) {
	if lost {
		r.loseRest(o)
	}
	delete(r.streams, o.id)
	o.to.done()
}

func (r *reactor) loseRest(o *outputStream) {
	why := ""
	if r.workers[o.worker] == nil {
		why = ", which is not connected"
	}
	o.to.lost("the rest of the output of job %d could not be read from worker %s%s", o.ref.Job, o.worker, why)
}

// resumeStreams asks a worker that is back for what it had not sent. Streams of jobs that have just been started there
// were asked for with the start: the second of two calls for one stream would be refused.
func (r *reactor) resumeStreams(w *workerConn) {
	for _, o := range r.streams {
		if o.worker == w.name && !o.open && o.askedOf != w {
			r.ask(o, w)
		}
	}
}

// closeStream is the end of the Output call that carried a stream. A stream that was cut short is asked for again, or
// when its worker is back; without offsets it can't be picked up where it was.
func (r *reactor) closeStream(o *outputStream, eof bool) {
	o.open, o.stop = false, nil
	if r.streams[o.id] != o {
		return // the attachment is gone
	}
	w := r.workers[o.worker]
	j := r.state.Job(o.ref.Job)
	switch {
	case eof:
		if o.gone && j != nil && j.Started != 0 { // one that never ran has printed nothing
			o.to.lost("the output of job %d is no longer kept by worker %s", o.ref.Job, o.worker)
		}
		r.endStream(o, false)
	case o.passed && o.offset == 0:
		r.endStream(o, true)
	case w == nil:
		r.awaitStream(o)
	case w != o.askedOf || o.offset != o.askedAt || o.cuts == 0:
		r.ask(o, w)
		o.cuts++
	case o.cuts < maxCuts:
		o.cuts++
		s := r.s
		time.AfterFunc(cutPause<<o.cuts, func() { s.post(func(r *reactor) { r.resumeStream(o) }) })
	default:
		r.endStream(o, true)
	}
}

// resumeStream asks for a stream, if it still waits for it.
func (r *reactor) resumeStream(o *outputStream) {
	if w := r.workers[o.worker]; w != nil && r.streams[o.id] == o && !o.open {
		r.ask(o, w)
	}
}

// Output implements schedpb.WorkersServer: it only carries frames, at the pace of the launcher that reads them.
func (s *Server) Output(stream grpc.ClientStreamingServer[schedpb.OutputFrame, schedpb.OutputDone]) error {
	return s.untilHalt(func() error { return s.carryOutput(stream) })
}

func (s *Server) carryOutput(stream grpc.ClientStreamingServer[schedpb.OutputFrame, schedpb.OutputDone]) error {
	if err := s.worker(stream.Context(), ""); err != nil {
		return err
	}
	frame, err := stream.Recv()
	if err != nil {
		return err
	}
	var o *outputStream
	if err := s.do(func(r *reactor) { o = r.streams[frame.StreamId] }); err != nil {
		return err
	}
	// Another worker's stream is no stream to it.
	claimed, stop := false, make(chan struct{})
	if o != nil && s.worker(stream.Context(), string(o.worker)) == nil {
		err = s.do(func(r *reactor) {
			if claimed = r.streams[o.id] == o && !o.open; claimed {
				o.open, o.stop = true, stop
			}
		})
	}
	if err != nil {
		return err
	}
	if !claimed {
		return status.Errorf(codes.NotFound, "nobody waits for output stream %d any more", frame.StreamId)
	}
	over := make(chan error, 1)
	if !s.tasks.Go(func() {
		eof, err := s.carry(stream, o, frame)
		s.post(func(r *reactor) { r.closeStream(o, eof) })
		over <- err
	}) {
		return s.unavailable()
	}
	select {
	case err = <-over:
	case <-stop: // with this call's end the other's waiting is over
		err = status.Errorf(codes.Unavailable, "the connection of worker %s was given up", o.worker)
	}
	if err != nil {
		return err
	}
	return stream.SendAndClose(&schedpb.OutputDone{})
}

// carry hands frames over until the eof.
func (s *Server) carry(stream grpc.ClientStreamingServer[schedpb.OutputFrame, schedpb.OutputDone], o *outputStream,
	frame *schedpb.OutputFrame) (eof bool, err error) {
	for {
		for _, out := range frame.Output {
			if !o.part.Has(core.Rank(out.GetRank())) {
				return false, status.Errorf(codes.InvalidArgument, "rank %d of job %d is not on worker %s", out.GetRank(),
					o.ref.Job, o.worker)
			}
		}
		if len(frame.Output) > 0 {
			select {
			case o.to.frames <- carried{frame, o.ref.Epoch}:
				o.passed, o.offset = true, frame.NextOffset
				o.to.given.Store(frame.NextOffset)
			case <-o.to.closed: // alone: what has come is passed on, whatever becomes of the connection
				return false, status.Error(codes.Canceled, "the reader of this output is gone")
			case <-s.halt:
				return false, s.unavailable()
			}
		}
		if frame.Eof {
			o.gone = frame.Gone
			return true, nil
		}
		if frame, err = stream.Recv(); err != nil {
			if errors.Is(err, io.EOF) {
				return false, status.Error(codes.InvalidArgument, "an output stream ends with an eof frame")
			}
			return false, err
		}
	}
}
