package wasi

import "time"

// Pending is how far a thread's call has come that waits, so that it can be broken off and made again. It is empty
// between two calls, unless the first was broken off.
type Pending struct {
	// Suspends reports whether a wait is to be broken off. first is its first look at what it waits for.
	Suspends func(first bool) bool
	wake     chan struct{}
	begun    bool
	start    time.Duration // of poll_oneoff: when it was called first, on the monotonic clock
	written  int           // of fd_write: bytes that are behind it
}

// NewPending makes what a thread needs for its calls to be broken off.
func NewPending(suspends func(first bool) bool) *Pending {
	return &Pending{Suspends: suspends, wake: make(chan struct{}, 1)}
}

// Wake has a call that waits ask Suspends again. Any goroutine may call it.
func (q *Pending) Wake() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// brokenOff is what a function gives back that was broken off. No guest sees it.
const brokenOff errno = 0xffff

func resumable(fn func(*Process, args) errno, wide bool) func(*Process, *Pending, []uint64) bool {
	return func(p *Process, q *Pending, stack []uint64) bool {
		p.enter()
		e := fn(p, args{stack: stack, wide: wide, pending: q})
		if e == brokenOff {
			return true
		}
		q.begun, q.written = false, 0
		stack[0] = uint64(e)
		return false
	}
}

// begins gives the time of the call's first beginning, of which it is told the present one.
func (q *Pending) begins(now time.Duration) time.Duration {
	if q == nil {
		return now
	}
	if !q.begun {
		q.begun, q.start = true, now
	}
	return q.start
}

// before is how many bytes of the call's were written before it was broken off.
func (q *Pending) before() int {
	if q == nil {
		return 0
	}
	return q.written
}

// suspends reports whether the wait that begins, or goes on, is to be broken off.
func (q *Pending) suspends(first bool) bool { return q != nil && q.Suspends(first) }

// awake is a channel that Wake sends on.
func (q *Pending) awake() <-chan struct{} {
	if q == nil {
		return nil
	}
	return q.wake
}
