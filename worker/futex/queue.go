// Package futex owns waiting on a linear memory that threads share: who waits on which address, who is woken, and how
// a wait is broken off when the rank ends or a signal comes. It serves the functions that internal/waits puts in the
// place of memory.atomic.wait32, wait64 and notify. It leaves to its caller what a wait means for the rank, which a
// Thread's hooks tell (counting who waits for ever, running handlers, ending), and memory itself.
package futex

import (
	"sync"
	"time"
)

// Queue holds those that wait on one memory, by address, first come first served.
type Queue struct {
	mu      sync.Mutex // guards all below, and a Thread's fields that say so
	waiting map[uint64]*line
}

// line is those that wait on one address.
type line struct{ first, last *Thread }

// outcome is what a wait returns to the program.
type outcome uint32

// The outcomes of a wait, by WebAssembly's numbers.
const (
	woken outcome = iota
	notEqual
	timedOut
)

// forever is a timeout that never ends.
const forever time.Duration = -1

// wait waits on an address until t is notified there or the time is over, if equal reports true: the comparison and the
// beginning of the wait are one step for whoever notifies.
func (q *Queue) wait(t *Thread, address uint64, timeout time.Duration, equal func() bool) outcome {
	q.mu.Lock()
	if !equal() {
		q.mu.Unlock()
		return notEqual
	}
	if timeout == 0 {
		q.mu.Unlock()
		return timedOut
	}
	t.endless = timeout < 0
	q.append(t, address)
	t.count(true)
	q.mu.Unlock()
	began := time.Now()
	defer func() {
		q.remove(t) // where a handler, or the end of the rank, leaves by a panic
		t.waited.Add(int64(time.Since(began)))
	}()
	return q.sleep(t, timeout)
}

// sleep waits for the end of a wait that has begun.
func (q *Queue) sleep(t *Thread, timeout time.Duration) outcome {
	var expired <-chan time.Time
	if timeout >= 0 {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		expired = timer.C
	}
	for {
		if t.endless {
			t.hooks.Settle()
		}
		select {
		case <-t.wake:
			if !q.waits(t, false) {
				return woken
			}
			// A signal has come. Who handles it does not wait for ever meanwhile, and may be notified.
			t.hooks.Interrupted()
			if !q.waits(t, true) {
				return woken
			}
		case <-expired:
			if q.remove(t) {
				return timedOut
			}
			return woken // just now
		case <-t.hooks.Done():
			t.hooks.End()
			return timedOut
		}
	}
}

// waits reports whether nobody has notified the thread since it began to wait, and counts it as one that does, or not.
func (q *Queue) waits(t *Thread, count bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if t.queued {
		t.count(count)
	}
	return t.queued
}

// Recount has the hooks of all that wait without a timeout count them anew: what they go by has changed. Any goroutine
// may call it.
func (q *Queue) Recount() {
	q.mu.Lock()
	var one *Thread
	for _, l := range q.waiting {
		for t := l.first; t != nil; t = t.behind {
			if t.endless && t.counted {
				t.hooks.Count(true)
				one = t
			}
		}
	}
	q.mu.Unlock()
	if one != nil {
		one.hooks.Settle()
	}
}

// remove ends a wait that nobody has ended, and reports whether there was one.
func (q *Queue) remove(t *Thread) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !t.queued {
		return false
	}
	q.unlink(t)
	return true
}

// notify wakes up to count of those that wait on an address and returns how many.
func (q *Queue) notify(address uint64, count uint32) (n uint32) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for n < count {
		l := q.waiting[address]
		if l == nil {
			break
		}
		t := l.first
		q.unlink(t)
		t.ping()
		n++
	}
	return n
}

// append puts a thread at the end of an address's line. q.mu is held.
func (q *Queue) append(t *Thread, address uint64) {
	if q.waiting == nil {
		q.waiting = map[uint64]*line{}
	}
	l := q.waiting[address]
	if l == nil {
		l = &line{}
		q.waiting[address] = l
	}
	t.address, t.queued, t.before, t.behind = address, true, l.last, nil
	if l.last != nil {
		l.last.behind = t
	} else {
		l.first = t
	}
	l.last = t
}

// unlink takes a thread out of its line; from here on it does not wait. q.mu is held.
func (q *Queue) unlink(t *Thread) {
	l := q.waiting[t.address]
	if t.before != nil {
		t.before.behind = t.behind
	} else {
		l.first = t.behind
	}
	if t.behind != nil {
		t.behind.before = t.before
	} else {
		l.last = t.before
	}
	if l.first == nil {
		delete(q.waiting, t.address)
	}
	t.queued, t.before, t.behind = false, nil, nil
	t.count(false)
}
