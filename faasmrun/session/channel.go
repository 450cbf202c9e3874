package session

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// channel is the conversation about one job, over as many attach streams as it takes. What the launcher sends is
// numbered and kept until the ranks' executor has it; what comes of the job's output goes on behind what has come. So a
// stream may break anywhere, and the scheduler and the job's worker may be restarted, and nothing is lost or comes
// twice.
type channel struct {
	jobs schedpb.JobsClient
	open *schedpb.AttachOpen // as it was first

	events chan *schedpb.AttachResponse // closed behind the last one
	notes  chan string                  // what the user should know of the connection
	done   chan struct{}                // closed when the channel is over
	err    error                        // why, if not by the job's end; set before events is closed

	mu       sync.Mutex // guards all below; not held across anything that waits
	wake     chan struct{}
	known    bool             // this stream's scheduler numbers input
	unknown  bool             // it does not: one of release 0.1
	seq      uint64           // of the last item
	items    []*schedpb.Input // that have not been received, in order
	next     int              // of items: what has not been sent on this stream
	others   []*schedpb.AttachRequest
	ending   *schedpb.AttachRequest // the job's end was asked for: said again on each stream
	asked    bool                   // a question where ranks stand is open
	leaving  bool
	streams  int    // begun
	epoch    uint64 // of the output that has come last
	offset   uint64 // where it goes on
	told     uint64 // of that, what the scheduler knows to be written
	idle     chan struct{}
	received bool // something, on this stream
	full     bool // what has come waits to be taken, and so may the scheduler's answers
	silent   int  // pings that nothing has come after
	away     bool // the user has been told that the scheduler does not answer
}

const (
	// pingEvery is how often a launcher says that it is there. When silentPings of them stay unanswered its stream leads
	// nowhere.
	pingEvery   = 5 * time.Second
	silentPings = 4
	// maxItems bounds the items that may be outstanding. Standard input, of which none may be left out, waits at half of
	// it.
	maxItems = 1024
	// tellEvery is how much output may come before the scheduler is told that it has.
	tellEvery = 256 << 10
	// How long a lost scheduler is waited for, how often it is tried, and when the user is told.
	reconnectWithin = 10 * time.Minute
	reconnectPause  = 250 * time.Millisecond
	reconnectUntold = 2 * time.Second
)

func newChannel(jobs schedpb.JobsClient, open *schedpb.AttachOpen) *channel {
	open.Batches = true
	return &channel{jobs: jobs, open: open, events: make(chan *schedpb.AttachResponse, 64), notes: make(chan string, 4),
		done: make(chan struct{}), wake: make(chan struct{}, 1)}
}

// NewSession names a launcher.
func NewSession() []byte {
	b := make([]byte, 32)
	rand.Read(b)
	return b
}

// run carries the conversation until the job's end, ctx's, or that of all hope.
func (c *channel) run(ctx context.Context) {
	defer close(c.done)
	defer close(c.events)
	var lost time.Time // since when there is no stream; zero: there is one
	for {
		ended, err := c.carry(ctx)
		if ended || ctx.Err() != nil {
			return
		}
		if !comesBack(err) || c.open.Session == nil && !c.open.Onlooker {
			c.err = err
			return
		}
		c.mu.Lock()
		if c.received || lost.IsZero() {
			lost = time.Now()
		}
		untold := !c.away && time.Since(lost) > reconnectUntold
		c.away = c.away || untold
		c.mu.Unlock()
		if time.Since(lost) > reconnectWithin {
			c.err = err
			return
		}
		if untold {
			c.note("the scheduler does not answer; waiting for it to come back")
		}
		select {
		case <-time.After(reconnectPause):
		case <-ctx.Done():
			return
		}
	}
}

// note leaves a word for the user, if the last ones have been read.
func (c *channel) note(text string) {
	select {
	case c.notes <- text:
	default:
	}
}

// comesBack reports whether another stream may do better.
func comesBack(err error) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Aborted, codes.ResourceExhausted, codes.Internal:
		return true
	}
	return errors.Is(err, errSilent)
}

var errSilent = errors.New("the scheduler does not answer any more")

// carry is one stream's life. ended says that it brought the job's end.
func (c *channel) carry(ctx context.Context) (ended bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c.begin()
	stream, err := c.jobs.Attach(ctx)
	if err == nil {
		err = stream.Send(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Open{Open: c.opening()}})
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	var helpers sync.WaitGroup
	defer helpers.Wait()
	defer cancel(nil)
	over := make(chan struct{}) // the stream has brought its last message
	helpers.Go(func() { c.transmit(ctx, stream, over) })
	helpers.Go(func() { c.ping(ctx, cancel) })
	for {
		m, err := stream.Recv()
		if err != nil {
			if cause := context.Cause(ctx); errors.Is(cause, errSilent) {
				err = cause
			}
			return ended, err
		}
		if !c.receive(ctx, m) {
			return ended, ctx.Err()
		}
		if m.GetEnd() != nil {
			ended = true
			close(over) // it is said that it came; the scheduler then ends the stream
		}
	}
}

// begin forgets what was true of the last stream.
func (c *channel) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known, c.unknown, c.received, c.full, c.next, c.silent, c.told = false, false, false, false, 0, 0, 0
	if c.streams++; c.streams == 1 {
		return
	}
	c.others = nil
	if c.ending != nil {
		c.others = append(c.others, c.ending)
	}
	if c.asked && c.open.Onlooker {
		c.others = append(c.others,
			&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_QueryRanks{QueryRanks: &schedpb.QueryRanks{}}})
	}
}

func (c *channel) opening() *schedpb.AttachOpen {
	c.mu.Lock()
	defer c.mu.Unlock()
	return &schedpb.AttachOpen{JobId: c.open.JobId, Output: c.open.Output, Once: c.open.Once, Onlooker: c.open.Onlooker,
		Session: c.open.Session,
		Batches: true, OutputEpoch: c.epoch, OutputOffset: c.offset}
}

// receive takes what the scheduler sends, and hands on what is of the job. It reports whether ctx is not over yet.
func (c *channel) receive(ctx context.Context, m *schedpb.AttachResponse) bool {
	c.mu.Lock()
	if !c.received && m.GetPong() == nil {
		c.unknown = true
	}
	c.known = !c.unknown
	back := c.away
	c.received, c.full, c.silent, c.away = true, true, 0, false
	if taken := m.GetInputTaken(); taken != nil {
		c.taken(taken)
	}
	if m.GetRankStates() != nil {
		c.asked = false
	}
	c.mu.Unlock()
	c.poke()
	if back {
		c.note("the scheduler is back")
	}
	if m.GetPong() == nil {
		select {
		case c.events <- m:
		case <-ctx.Done():
			return false
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.full = false
	if batch := m.GetBatch(); batch != nil { // it is ours now
		if batch.Epoch > c.epoch {
			c.epoch, c.told = batch.Epoch, 0
		}
		if batch.Epoch == c.epoch {
			c.offset = batch.NextOffset
		}
		c.poke()
	}
	return true
}

// taken drops what has been received, and sends again what may be lost. It is called with mu held.
func (c *channel) taken(t *schedpb.InputTaken) {
	n := 0
	for n < len(c.items) && c.items[n].Seq <= t.Received {
		n++
	}
	c.items, c.next = c.items[n:], max(0, c.next-n)
	if t.Resend {
		c.next = 0
		if c.asked && !c.asks() {
			c.add(&schedpb.Input{Item: &schedpb.Input_QueryRanks{QueryRanks: &schedpb.QueryRanks{}}})
		}
	}
}

// asks reports whether a question is among the items.
func (c *channel) asks() bool {
	for _, in := range c.items {
		if in.GetQueryRanks() != nil {
			return true
		}
	}
	return false
}

func (c *channel) add(in *schedpb.Input) {
	c.seq++
	in.Seq = c.seq
	c.items = append(c.items, in)
}

// put numbers an item, and sends it until it has been received.
func (c *channel) put(in *schedpb.Input) {
	c.mu.Lock()
	if in.GetQueryRanks() != nil {
		c.asked = true
	}
	if in.GetStdin() != nil || len(c.items) < maxItems { // more signals than anybody counts
		c.add(in)
	}
	c.mu.Unlock()
	c.poke()
}

// takesStdin reports whether there is room for another item of standard input. What makes room comes with an event.
func (c *channel) takesStdin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.items) < maxItems/2
}

// say sends something once, on the stream that there is or the next one.
func (c *channel) say(m *schedpb.AttachRequest) {
	c.mu.Lock()
	c.others = append(c.others, m)
	c.asked = c.asked || m.GetQueryRanks() != nil
	if m.GetTerminate() != nil {
		c.ending = m
	}
	c.mu.Unlock()
	c.poke()
}

// leave says that the launcher ends. Whoever only looks on just goes.
func (c *channel) leave() {
	c.mu.Lock()
	c.leaving = true
	c.mu.Unlock()
	c.poke()
}

func (c *channel) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// flush waits until all has been sent, for a time.
func (c *channel) flush(most time.Duration) {
	idle := make(chan struct{})
	c.mu.Lock()
	c.idle = idle
	c.mu.Unlock()
	c.poke()
	select {
	case <-idle:
	case <-c.done:
	case <-time.After(most):
	}
}

// transmit sends what there is to send, until the stream is over.
func (c *channel) transmit(ctx context.Context,
	stream grpc.BidiStreamingClient[schedpb.AttachRequest, schedpb.AttachResponse], over <-chan struct{}) {
	for {
		ms, leave, idle := c.takeOut()
		for _, m := range ms {
			if stream.Send(m) != nil {
				return // Recv says why
			}
		}
		if leave {
			stream.CloseSend()
			return
		}
		if len(ms) > 0 {
			continue
		}
		if idle != nil {
			close(idle)
		}
		select {
		case <-c.wake:
		case <-over:
			over = nil
			c.leave()
		case <-ctx.Done():
			return
		}
	}
}

// takeOut takes what can be sent now.
func (c *channel) takeOut() (ms []*schedpb.AttachRequest, leave bool, idle chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ms, c.others = c.others, nil
	numbered := c.known && c.open.Session != nil
	if c.known || c.unknown {
		for _, in := range c.items[c.next:] {
			if numbered {
				ms = append(ms, &schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Input{Input: in}})
			} else {
				ms = append(ms, unnumbered(in))
			}
		}
		if c.next = len(c.items); !numbered {
			c.items, c.next = nil, 0
		}
	}
	if numbered && c.offset >= c.told+tellEvery {
		ms = append(ms, c.outputTaken())
	}
	if c.leaving {
		if numbered {
			ms = append(ms, &schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Leave{Leave: &schedpb.Leave{}}})
		}
		return ms, true, nil
	}
	if len(ms) == 0 && c.next == len(c.items) {
		idle, c.idle = c.idle, nil
	}
	return ms, false, idle
}

func (c *channel) outputTaken() *schedpb.AttachRequest {
	c.told = c.offset
	return &schedpb.AttachRequest{Msg: &schedpb.AttachRequest_OutputTaken{OutputTaken: &schedpb.OutputTaken{Epoch: c.epoch,
		Offset: c.offset}}}
}

// unnumbered is an item for a scheduler of release 0.1, or of a launcher that does not come back.
func unnumbered(in *schedpb.Input) *schedpb.AttachRequest {
	switch item := in.Item.(type) {
	case *schedpb.Input_Stdin:
		return &schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Stdin{Stdin: item.Stdin}}
	case *schedpb.Input_Signal:
		return &schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Signal{Signal: item.Signal}}
	}
	return &schedpb.AttachRequest{Msg: &schedpb.AttachRequest_QueryRanks{QueryRanks: &schedpb.QueryRanks{}}}
}

// ping keeps the stream alive, or gives it up when nothing comes back. It counts pings, not time: a launcher that was
// stopped has sent none.
func (c *channel) ping(ctx context.Context, giveUp context.CancelCauseFunc) {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		c.mu.Lock()
		if !c.unknown { // whatever its release, it says at once where the job stands
			if c.silent++; c.silent > silentPings && !c.full {
				giveUp(errSilent)
			}
		}
		if c.known {
			c.others = append(c.others, &schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Ping{Ping: &schedpb.Ping{}}})
			if c.open.Session != nil && c.offset > c.told {
				c.others = append(c.others, c.outputTaken())
			}
		}
		c.mu.Unlock()
		c.poke()
	}
}

// suspend says that no pings will come until the process is continued.
func (c *channel) suspend() {
	c.mu.Lock()
	if c.known {
		c.others = append(c.others,
			&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Ping{Ping: &schedpb.Ping{Suspended: true}}})
	}
	c.mu.Unlock()
	c.poke()
}

// lostView says how the view of a job was lost.
func (c *channel) lostView() string {
	if c.err == nil {
		return "it closed the connection"
	}
	return fmt.Sprint(cli.Explain(c.err))
}
