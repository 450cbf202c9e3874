package wasi

import (
	"encoding/binary"
	"math"
	"runtime"
	"sync"
	"time"
)

const (
	subscriptionSize = 48
	eventSize        = 32

	pollClock   = 0
	pollFDRead  = 1
	pollFDWrite = 2

	absoluteTime = 1 // subscription flag
	hangup       = 1 // event flag
)

// forever is a wait without an end of its own.
const forever = time.Duration(math.MaxInt64)

// wait parks the calling goroutine until ready is closed, d has passed, a signal has come or the rank is ended; then it
// panics with Ended. Nothing of a call may be consumed before it: a rank suspended here calls again.
func (p *Process) wait(d time.Duration, ready <-chan struct{}) {
	p.waitFor(waitText(d, ready), d, ready)
}

func (p *Process) waitFor(what string, d time.Duration, ready <-chan struct{}) {
	p.waitOr(what, d, ready, nil)
}

// waitOr is the one function in this package that waits: as wait, and until something else has come.
func (p *Process) waitOr(what string, d time.Duration, ready, other <-chan struct{}) {
	if p.blocked != nil {
		defer p.blocked(what)()
	}
	began := time.Now()
	defer func() { p.waited.Add(int64(time.Since(began))) }()
	var expired <-chan time.Time
	if d != forever {
		timer := time.NewTimer(d)
		defer timer.Stop()
		expired = timer.C
	}
	select {
	case <-ready:
	case <-expired:
	case <-p.signals.wake:
	case <-other:
	case <-p.done:
		panic(Ended{})
	}
}

func waitText(d time.Duration, ready <-chan struct{}) string {
	switch {
	case ready == nil:
		return "sleep of " + rounded(d)
	case d == forever:
		return "read of standard input"
	}
	return "poll of standard input, at most " + rounded(d)
}

// rounded is a duration for a person.
func rounded(d time.Duration) string {
	switch {
	case d >= 10*time.Millisecond: // two ranks that sleep as long are listed together
		d = d.Round(time.Millisecond)
	case d >= time.Millisecond:
		d = d.Round(time.Microsecond)
	}
	return d.String()
}

// poll is one poll_oneoff under way.
type poll struct {
	p     *Process
	start time.Duration     // monotonic: relative timeouts count from here
	awake <-chan struct{}   // the call may be to be broken off
	left  time.Duration     // until the first clock subscription
	ready []<-chan struct{} // what somebody waits for: standard input, pipes
	pipes bool              // they are among it
}

// poll_oneoff(in *subscription, out *event, count size, events *size) waits until at least one subscription is due and
// writes an event for each that is. EINVAL for none or an unknown tag, EFAULT, EINTR. What is wrong with a single one
// is in its event.
//
//	subscription (48): userdata u64 · tag u8 at 8 · clock: id u32 at 16, timeout u64 at 24,
//	                                                precision u64 at 32, flags u16 at 40
//	                                              · fd_read, fd_write: fd u32 at 16
//	event (32): userdata u64 · error u16 at 8 · tag u8 at 10 · nbytes u64 at 16 · flags u16 at 24
func pollOneoff(p *Process, a args) errno {
	m, count := p.mem(), a.ptr(2)
	in, ok1 := m.array(a.ptr(0), count, subscriptionSize)
	out, ok2 := m.array(a.ptr(1), count, eventSize)
	if !ok1 || !ok2 {
		return eFAULT
	}
	if count == 0 {
		return eINVAL
	}
	if e := a.putSize(m, 3, 0); e != success {
		return e
	}
	poll := poll{p: p, start: a.pending.begins(p.clock.monotonic()), awake: a.pending.awake()}
	for first := true; ; first = false {
		n, e := poll.once(in, out)
		if e != success || n > 0 {
			runtime.Gosched() // a guest that polls in a loop lets the others run
			a.putSize(m, 3, uint64(n))
			return e
		}
		if p.SignalDue() {
			return eINTR
		}
		if a.pending.suspends(first) {
			return brokenOff
		}
		poll.wait()
	}
}

// wait waits until one of the subscriptions may be due.
func (q *poll) wait() {
	switch {
	case len(q.ready) == 0:
		q.p.waitOr(waitText(q.left, nil), q.left, nil, q.awake)
		return
	case len(q.ready) == 1 && !q.pipes:
		q.p.waitOr(waitText(q.left, q.ready[0]), q.left, q.ready[0], q.awake)
		return
	}
	any, over := make(chan struct{}), make(chan struct{})
	var watchers sync.WaitGroup
	var first sync.Once
	defer watchers.Wait()
	defer close(over)
	for _, ready := range q.ready {
		watchers.Go(func() {
			select {
			case <-ready:
				first.Do(func() { close(any) })
			case <-over:
			}
		})
	}
	what := "poll of pipes"
	if q.left != forever {
		what += ", at most " + rounded(q.left)
	}
	q.p.waitOr(what, q.left, any, q.awake)
}

// once writes the events that are due and returns their number. With none, left and ready say what to wait for.
func (q *poll) once(in, out []byte) (n uint32, e errno) {
	q.left, q.ready, q.pipes = forever, q.ready[:0], false
	for ; len(in) > 0; in = in[subscriptionSize:] {
		event, due, e := q.check(in)
		if e != success {
			return 0, e
		}
		if due {
			// The event's 32 bytes never reach a subscription that is yet to be read, even where the guest passed one array for
			// both.
			event.put(out[n*eventSize:])
			n++
		}
	}
	return n, success
}

// event is what poll_oneoff says of one subscription.
type event struct {
	userdata uint64
	err      errno
	tag      uint8
	nbytes   uint64
	flags    uint16
}

func (ev event) put(b []byte) {
	clear(b[:eventSize])
	binary.LittleEndian.PutUint64(b, ev.userdata)
	binary.LittleEndian.PutUint16(b[8:], uint16(ev.err))
	b[10] = ev.tag
	binary.LittleEndian.PutUint64(b[16:], ev.nbytes)
	binary.LittleEndian.PutUint16(b[24:], ev.flags)
}

func (q *poll) check(sub []byte) (ev event, due bool, e errno) {
	ev = event{userdata: binary.LittleEndian.Uint64(sub), tag: sub[8]}
	switch ev.tag {
	case pollClock:
		due = q.checkClock(&ev, sub[16:])
	case pollFDRead, pollFDWrite:
		due = q.checkFD(&ev, binary.LittleEndian.Uint32(sub[16:]))
	default:
		return ev, false, eINVAL
	}
	return ev, due, success
}

func (q *poll) checkClock(ev *event, sub []byte) bool {
	id, timeout := binary.LittleEndian.Uint32(sub), binary.LittleEndian.Uint64(sub[8:])
	flags := binary.LittleEndian.Uint16(sub[24:])
	now, ok := q.p.now(id)
	if !ok || flags&^absoluteTime != 0 || flags != 0 && id >= clockProcessCPU { // which stands still while the rank waits
		ev.err = eINVAL
		return true
	}
	// A relative wait is on the monotonic clock whatever its id: nothing steps it.
	end := time.Duration(min(timeout, math.MaxInt64-1))
	if flags&absoluteTime == 0 {
		now = q.p.clock.monotonic() - q.start
	}
	if now >= end {
		return true
	}
	q.left = min(q.left, end-now)
	return false
}

// checkFD reports whether there is an event of a descriptor: files are always ready, as POSIX has it; standard output
// is, because a write may wait; standard input when it says so; and a fault is an event.
func (q *poll) checkFD(ev *event, fd uint32) bool {
	need := rightFDRead
	if ev.tag == pollFDWrite {
		need = rightFDWrite
	}
	f, e := q.p.get(fd, need)
	if e != success {
		ev.err = e
		return true
	}
	defer q.p.put(f)
	switch {
	case f.pipe != nil:
		return q.checkPipe(ev, f.pipe)
	case ev.tag == pollFDWrite:
		return true
	case f.kind == kindStdin:
		return q.checkStdin(ev)
	}
	ev.nbytes = f.unread()
	return true
}

func (q *poll) checkStdin(ev *event) bool {
	ready := q.p.stdin.Ready()
	select {
	case <-ready:
		ev.nbytes = uint64(q.p.stdin.Len())
		if ev.nbytes == 0 {
			ev.flags = hangup
		}
		return true
	default:
		q.ready = append(q.ready, ready)
		return false
	}
}

// checkPipe reports whether an end of a pipe is ready: a call would not wait, be it for the other end's being closed.
func (q *poll) checkPipe(ev *event, pipe *pipe) bool {
	reads := ev.tag == pollFDRead
	bytes, room, hungUp, change := pipe.state(reads)
	ev.nbytes = uint64(room)
	if reads {
		ev.nbytes = uint64(bytes)
	}
	if hungUp && (!reads || bytes == 0) {
		ev.flags = hangup
	}
	if hungUp || reads && bytes > 0 || !reads && room >= pipeAtomic {
		return true
	}
	q.ready, q.pipes = append(q.ready, change), true
	return false
}
