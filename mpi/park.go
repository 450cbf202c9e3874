package mpi

import (
	"runtime"
	"sync/atomic"
	"time"
)

// parker lets one rank's goroutine wait and any other wake it. No wake is lost between the last check of the condition
// and parking: parked is set before the check.
type parker struct {
	spinTime time.Duration // how long the rank spins before it parks; only its own goroutine uses it
	_        [56]byte      // what others write lies on another cache line
	parked   atomic.Uint32
	token    chan struct{} // holds one

	interrupted atomic.Bool   // there is a signal for the program
	measured    bool          // waited is kept: reading the clock costs as much as passing a message, so only on request
	waited      time.Duration // time parked; only the rank's own goroutine uses it
}

// Interrupt has the rank handle a signal, if it waits, before it waits on. Any goroutine may call it.
func (r *Rank) Interrupt() {
	r.interrupted.Store(true)
	r.wake()
}

// handleSignals runs handlers within a wait.
func (r *Rank) handleSignals() {
	if r.interrupted.Swap(false) {
		r.calling().host.HandleSignals()
	}
}

// MeasureWaits starts counting the time for which the rank waits for others. Only the rank's own goroutine may call it,
// or any before that one has started.
func (r *Rank) MeasureWaits() { r.measured = true }

// Waited is the time counted since MeasureWaits.
func (r *Rank) Waited() time.Duration { return r.waited }

// park waits for the token.
func (r *Rank) park() {
	if !r.measured {
		<-r.token
		return
	}
	began := time.Now()
	<-r.token
	r.waited += time.Since(began)
}

// A waiting rank spins on its condition before it parks, where a processor is free for that: parking and being woken
// takes 3 to 10 µs between two processors, a check 10 ns. The spin time adapts. Success lengthens it, enough to cover
// even the end of an imbalanced step; failure shortens it, but not below the cost of a wake-up, or two ranks that have
// parked once would go on waking each other for ever. Where there are more ranks than processors, a rank that waits for
// all others parks at once: most of them need a processor first.
const (
	maxSpinTime = 100 * time.Microsecond
	minSpinTime = 20 * time.Microsecond
	// spinLooks is how often a rank checks its condition between two readings of the clock and of the other ranks' state.
	spinLooks = 32
	// preemptedGap is a gap between two readings of the clock that shows that another process took the processor.
	preemptedGap = 20 * time.Microsecond
)

// waitScope is whether a rank waits for one other rank or for all.
type waitScope bool

const (
	scopeOne waitScope = false
	scopeAll waitScope = true
)

// wait waits until done. Other ranks make done true before they wake this one, or a message in its inbox does; once
// true it must stay so, because it is asked again. note records what the rank waits for, before it parks. It panics
// when the job ends.
func (r *Rank) wait(scope waitScope, note func(), done func() bool) {
	for !r.look(done) {
		r.checkEnded()
		r.handleSignals()
		if r.spin(scope, func() bool { return r.look(done) }) {
			return
		}
		note()
		r.parked.Store(1)
		if (r.look(done) || r.ended.Load() != nil || r.interrupted.Load()) && r.parked.CompareAndSwap(1, 0) {
			continue
		}
		// Either there is nothing to do but wait, or another goroutine has cleared parked and its token is here or coming. A
		// rank counts as blocked only after parked is set and the condition was seen false, and stops counting when its waker
		// clears parked: so blocked is never more than the ranks that really wait.
		if r.world.blocked.Add(1) == r.world.active.Load() {
			r.world.stuck()
		}
		r.park()
		r.world.waking.Add(-1)
	}
}

// look reads the rank's mail and reports whether done.
func (r *Rank) look(done func() bool) bool {
	if r.hasMail() {
		r.readMail()
	}
	return done()
}

// spin checks the condition for as long as the spin time lasts and no other rank needs the processor. It reports
// whether the condition has become true.
func (r *Rank) spin(scope waitScope, done func() bool) bool {
	w := r.world
	if !w.maySpin() || scope == scopeAll && w.active.Load() > int64(w.config.Cores) {
		return false
	}
	for began, last := time.Duration(-1), time.Duration(0); ; {
		for range spinLooks {
			if done() {
				r.spinTime = min(2*r.spinTime, maxSpinTime)
				return true
			}
			pause()
		}
		if r.ended.Load() != nil || !w.maySpin() {
			return false
		}
		if w.waking.Load() > 0 {
			// The woken rank mostly stands next in the queue of this very processor, and another processor would take it from
			// there too late. The time that yielding takes does not show that another process wants the processor.
			runtime.Gosched()
			began = -1
			continue
		}
		now := time.Since(w.started)
		if began < 0 { // reading the clock takes as long as some checks
			began, last = now, now
		}
		if now-last > preemptedGap || now-began > r.spinTime {
			r.spinTime = max(r.spinTime/2, minSpinTime)
			return false
		}
		last = now
	}
}

// maySpin reports whether every rank that could compute has a processor of its own. The caller is one of them; if it is
// the only one, nobody is left that could make its condition true.
func (w *World) maySpin() bool {
	n := w.active.Load() - w.blocked.Load()
	return n > 1 && n <= int64(w.config.Cores)
}

// wake makes the rank check its condition again, and reports whether it was parked. Any goroutine may call it, holding
// no lock that a waking rank needs for long.
func (r *Rank) wake() bool {
	if r.parked.Load() == 0 || !r.parked.CompareAndSwap(1, 0) {
		return false
	}
	r.world.waking.Add(1)
	r.world.blocked.Add(-1)
	r.token <- struct{}{}
	return true
}

func (r *Rank) checkEnded() {
	if e := r.ended.Load(); e != nil {
		panic(e)
	}
}
