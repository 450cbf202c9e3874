package scheduler

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/faasmrun/faasmrun/scheduler/core"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// outputStream is one job's output on its way from a worker to one attachment. The reactor keeps it from the order to
// the worker until the eof; an Output call carries it in between.
type outputStream struct {
	id     uint64 // random: it is the right to speak for the job
	ref    core.JobRef
	worker core.WorkerName // who alone may carry it
	part   core.Span       // the ranks whose output it may be
	to     *attachment
	open   bool   // an Output call carries it now
	offset uint64 // where the worker's log goes on behind what has been passed on
	passed bool   // something has been passed on
	cuts   int    // calls that ended early
	gone   bool   // the worker has no log
}

// maxCuts bounds how often a stream that keeps breaking is asked for again.
const maxCuts = 8

// openStream asks the job's worker for its output, where the attachment wants it, once for each placement. A nil worker is asked once it is back.
func (r *reactor) openStream(a *attachment, j *core.Job, w *workerConn) {
	if !a.output || a.streamed >= j.Epoch {
		return
	}
	a.streamed = j.Epoch
	o := &outputStream{id: r.newStream(), ref: j.Ref(), worker: lastWorker(j), part: j.Place[0], to: a}
	r.streams[o.id] = o
	a.expect()
	if w != nil {
		o.ask(w)
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

func (o *outputStream) ask(w *workerConn) {
	w.order(&schedpb.SchedulerMessage{Msg: &schedpb.SchedulerMessage_StreamOutput{StreamOutput: &schedpb.StreamOutput{
		Job: wireRef(o.ref), StreamId: o.id, FromOffset: o.offset, Once: o.to.once}}})
}

// dropStreams gives up the chosen streams that no call carries: their worker is gone, and nothing more will come.
func (r *reactor) dropStreams(chosen func(*outputStream) bool) {
	for id, o := range r.streams {
		if !o.open && chosen(o) {
			r.loseRest(o)
			delete(r.streams, id)
			o.to.done()
		}
	}
}

func (r *reactor) loseRest(o *outputStream) {
	why := ""
	if r.workers[o.worker] == nil {
		why = ", which is not connected"
	}
	o.to.lost("the rest of the output of job %d could not be read from worker %s%s", o.ref.Job, o.worker, why)
}

// resumeStreams asks a worker that is back for what it had not sent.
func (r *reactor) resumeStreams(w *workerConn) {
	for _, o := range r.streams {
		if o.worker == w.name && !o.open {
			o.ask(w)
		}
	}
}

// closeStream is the end of the Output call that carried a stream. A stream that was cut short is asked for again, at once
// or when its worker is back; without offsets it can't be picked up where it was.
func (r *reactor) closeStream(o *outputStream, eof bool) {
	o.open = false
	if r.streams[o.id] != o {
		return // the attachment is gone
	}
	w := r.workers[o.worker]
	j := r.state.Job(o.ref.Job)
	running := j != nil && j.Ref() == o.ref && j.State.Holds()
	again := !o.passed || o.offset > 0
	switch {
	case eof:
	case again && w != nil && o.cuts < maxCuts:
		o.cuts++
		o.ask(w)
		return
	case again && w == nil && running:
		return // resumeStreams asks for it
	default:
		r.loseRest(o)
	}
	if o.gone && j != nil && j.Started != 0 { // one that never ran has printed nothing
		o.to.lost("the output of job %d is no longer kept by worker %s", o.ref.Job, o.worker)
	}
	delete(r.streams, o.id)
	o.to.done()
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
	claimed := false
	if o != nil && s.worker(stream.Context(), string(o.worker)) == nil {
		err = s.do(func(r *reactor) {
			if claimed = r.streams[o.id] == o && !o.open; claimed {
				o.open = true
			}
		})
	}
	if err != nil {
		return err
	}
	if !claimed {
		return status.Errorf(codes.NotFound, "nobody waits for output stream %d any more", frame.StreamId)
	}
	eof, err := s.carry(stream, o, frame)
	s.post(func(r *reactor) { r.closeStream(o, eof) })
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
				return false, status.Errorf(codes.InvalidArgument, "rank %d of job %d is not on worker %s", out.GetRank(), o.ref.Job, o.worker)
			}
		}
		if len(frame.Output) > 0 {
			select {
			case o.to.frames <- frame:
				o.passed, o.offset = true, frame.NextOffset
			case <-o.to.closed:
				return false, status.Error(codes.Canceled, "the reader of this output is gone")
			case <-stream.Context().Done():
				return false, status.FromContextError(stream.Context().Err()).Err()
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
