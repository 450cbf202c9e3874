package worker

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker/joblog"
)

// maxBatch bounds the bytes of output in one frame.
const maxBatch = 64 << 10

// sameMoment is how far apart two writes of a rank may be to travel as one, under the time of the first.
const sameMoment = 10 * time.Millisecond

// resumable is how much of what was delivered is kept: a stream that was cut is resumed from where the scheduler had
// got to.
const resumable = 1 << 20

// streamOutput answers an order to send a job's output, on a stream of its own.
func (w *Worker) streamOutput(order *schedpb.StreamOutput) {
	w.streams.Go(func() {
		o := &output{w: w, id: order.StreamId, from: order.FromOffset}
		if err := o.run(order); err != nil && w.ctx.Err() == nil {
			w.Logger.Warn("a job's output stream was cut", "job", order.Job.GetJobId(), "stream", o.id, "err", err)
		}
	})
}

// output is one stream of a job's output.
type output struct {
	w      *Worker
	id     uint64
	from   uint64
	stream grpc.ClientStreamingClient[schedpb.OutputFrame, schedpb.OutputDone]
}

func (o *output) run(order *schedpb.StreamOutput) error {
	ref := order.Job
	var err error
	if o.stream, err = o.w.client.Output(o.w.ctx); err != nil {
		return err
	}
	if j := o.w.job(ref); j != nil && !order.Once {
		if order.Answered {
			j.attachLauncher()
		}
		err = o.follow(j)
	} else {
		err = o.whatIsLeft(keyOf(ref))
	}
	if err != nil && !errors.Is(err, io.EOF) {
		o.stream.CloseAndRecv()
		return err
	}
	_, err = o.stream.CloseAndRecv()
	return err
}

// follow sends the log as it grows, to the job's end.
func (o *output) follow(j *job) error {
	id := j.attach(o.from)
	eof := false
	defer func() { j.detach(id, eof) }()
	var log *joblog.Reader
	defer func() {
		if log != nil {
			log.Close()
		}
	}()
	for {
		grew, ended := j.growth() // first: what grows after it will be noticed
		if log == nil {
			var err error
			if log, err = o.open(j.key); err != nil {
				return err
			}
		}
		if err := o.sendAll(log, func(offset uint64) error {
			if unneeded := j.delivered(id, offset); j.spec.GetInteractive() && unneeded > 0 {
				return log.Discard(unneeded)
			}
			return nil
		}); err != nil {
			return err
		}
		if ended {
			eof = true
			return o.finish(log)
		}
		select {
		case <-grew:
		case <-o.stream.Context().Done():
			return o.stream.Context().Err()
		}
	}
}

// whatIsLeft sends the log of a job that is no longer held, if there still is one.
func (o *output) whatIsLeft(key jobKey) error {
	log, err := o.open(key)
	if err != nil {
		return err
	}
	if log == nil {
		if _, err := os.Stat(o.w.jobDir(key)); errors.Is(err, fs.ErrNotExist) {
			return o.stream.Send(&schedpb.OutputFrame{StreamId: o.id, Eof: true, Gone: true})
		}
		return o.finish(nil)
	}
	defer log.Close()
	if err := o.sendAll(log, func(uint64) error { return nil }); err != nil {
		return err
	}
	return o.finish(log)
}

func (o *output) finish(log *joblog.Reader) error {
	frame := &schedpb.OutputFrame{StreamId: o.id, Eof: true}
	if log != nil {
		frame.NextOffset = log.Offset()
		if log.Torn() {
			o.w.Logger.Warn("the end of a job's output is torn: its executor was killed while it wrote", "stream", o.id)
		}
	}
	return o.stream.Send(frame)
}

// fileRetry is how long is waited when a log can't be opened because too many files are open.
const fileRetry = 100 * time.Millisecond

// open opens the job's log; nil if there is none (yet). While too many files are open it waits for one to be closed:
// nobody asks for the stream again, and whoever follows the job would wait for its end for ever.
func (o *output) open(key jobKey) (*joblog.Reader, error) {
	for {
		log, err := joblog.OpenReader(filepath.Join(o.w.jobDir(key), "log"))
		switch {
		case err == nil:
			log.Seek(o.from)
			return log, nil
		case errors.Is(err, fs.ErrNotExist):
			return nil, nil
		case !errors.Is(err, unix.EMFILE) && !errors.Is(err, unix.ENFILE):
			return nil, err
		}
		select {
		case <-time.After(fileRetry):
		case <-o.stream.Context().Done():
			return nil, o.stream.Context().Err()
		}
	}
}

// sendAll sends what is in the log now. sent is called after each frame with how far it reached.
func (o *output) sendAll(log *joblog.Reader, sent func(offset uint64) error) error {
	for log != nil {
		frame, more, err := o.batch(log)
		if err != nil {
			return err
		}
		if len(frame.Output) > 0 {
			if err := o.stream.Send(frame); err != nil {
				return err
			}
			if err := sent(frame.NextOffset); err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
	}
	return nil
}

// batch puts records into a frame until it is full or the log has no more for now.
func (o *output) batch(log *joblog.Reader) (frame *schedpb.OutputFrame, more bool, err error) {
	frame = &schedpb.OutputFrame{StreamId: o.id}
	bytes := 0
	for bytes < maxBatch {
		r, err := log.Next()
		if err == io.EOF {
			frame.NextOffset = log.Offset()
			return frame, false, nil
		}
		if err != nil {
			return nil, false, err
		}
		bytes += len(r.Data)
		add(frame, r)
	}
	frame.NextOffset = log.Offset()
	return frame, true, nil
}

// add appends a record, to the one before it where that is the same rank's and of the same moment.
func add(frame *schedpb.OutputFrame, r joblog.Record) {
	if n := len(frame.Output); n > 0 && !r.AwaitsInput {
		last := frame.Output[n-1]
		near := r.Time.UnixNano()-last.AtUnixNs < int64(sameMoment)
		if last.Rank == r.Rank && last.Stream == schedpb.Stream(r.Stream) && !last.AwaitsInput && near {
			last.Data = append(last.Data, r.Data...)
			return
		}
	}
	frame.Output = append(frame.Output, &schedpb.Output{Rank: r.Rank, Stream: schedpb.Stream(r.Stream),
		Data: append([]byte(nil), r.Data...), AtUnixNs: r.Time.UnixNano(), AwaitsInput: r.AwaitsInput})
}
