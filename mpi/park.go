package mpi

import (
	"runtime"
	"sync/atomic"
	"time"
)

// parker lets one rank's goroutine wait and any other wake it. A wake between the look at the condition and the wait is
// not lost: parked is raised before the look.
type parker struct {
	patience time.Duration // how long the rank looks before it parks; its goroutine's own
	_        [56]byte      // what others write lies on another cache line
	parked   atomic.Uint32
	token    chan struct{} // holds one

	interrupted atomic.Bool   // there is a signal for the program
	measured    bool          // waited is kept: the clock costs what a hand-over does, so only for those who ask
	waited      time.Duration // parked; the rank's own goroutine's
}

// Attender is a Host whose program has handlers for signals.
type Attender interface {
	// Attend runs the handlers of the signals that have come. It panics with what ends the program there.
	Attend()
}

// Interrupt has the rank attend to a signal, if it waits, before it waits on. Any goroutine may call it.
func (r *Rank) Interrupt() {
	r.interrupted.Store(true)
	r.wake()
}

// attendSignals runs handlers within a wait.
func (r *Rank) attendSignals() {
	if !r.interrupted.Swap(false) {
		return
	}
	if a, ok := r.host.(Attender); ok {
		a.Attend()
	}
}

// MeasureWaits has the time counted from now on for which the rank waits for others. The rank's own goroutine calls it, or who
// has not yet started it.
func (r *Rank) MeasureWaits() { r.measured = true }

// Waited is that time.
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

// A rank that waits looks at its condition for a while before it parks, where a processor is free for that: parking and
// being woken takes 3 to 10 µs between two processors, a look 10 ns. The while is no fixed one. Looks that succeed
// lengthen it, up to where even the end of an imbalanced step is met; looks in vain shorten it, but not below what a
// wake-up takes, or two ranks that have parked once would go on waking each other for ever. Where there are more ranks than
// processors, who waits for all others parks at once: most of them must get a processor before that.
const (
	mostPatience  = 100 * time.Microsecond
	leastPatience = 20 * time.Microsecond
	// looks is how often a rank looks between two looks at the clock and at who else runs.
	looks = 32
	// taken is a gap between two looks at the clock that says that the processor was away: another process wants it.
	taken = 20 * time.Microsecond
)

// forWhom says for how many others a rank waits.
type forWhom bool

const (
	forOne forWhom = false
	forAll forWhom = true
)

// wait waits until done, which other ranks make true before they wake this one, or by messages in its inbox; once true it stays so,
// because it is asked again. note writes down what it waits for, before it parks. It panics when the job ends.
func (r *Rank) wait(whom forWhom, note func(), done func() bool) {
	for !r.look(done) {
		r.checkEnded()
		r.attendSignals()
		if r.spin(whom, func() bool { return r.look(done) }) {
			return
		}
		note()
		r.parked.Store(1)
		if (r.look(done) || r.world.ended.Load() != nil || r.interrupted.Load()) && r.parked.CompareAndSwap(1, 0) {
			continue
		}
		// Either there is nothing to do but wait, or someone has cleared parked and its token is here or coming. A rank
		// counts as blocked only after parked is up and the condition was seen false, and stops counting when its waker
		// clears parked: so blocked never says more ranks than really wait.
		if r.world.blocked.Add(1) == r.world.active.Load() {
			r.world.stuck()
		}
		r.park()
		r.world.waking.Add(-1)
	}
}

// look reads the rank's mail and tells whether done.
func (r *Rank) look(done func() bool) bool {
	if r.hasMail() {
		r.readMail()
	}
	return done()
}

// spin looks at the condition for as long as the rank has patience and nobody else needs the processor.
func (r *Rank) spin(whom forWhom, done func() bool) bool {
	w := r.world
	if !w.roomToSpin() || whom == forAll && w.active.Load() > int64(w.config.Cores) {
		return false
	}
	for began, last := time.Duration(-1), time.Duration(0); ; {
		for range looks {
			if done() {
				r.patience = min(2*r.patience, mostPatience)
				return true
			}
		}
		if w.ended.Load() != nil || !w.roomToSpin() {
			return false
		}
		if w.waking.Load() > 0 {
			// It mostly stands next in the queue of this very processor, and another one would take it from there too late.
			// What yielding takes says nothing about who else wants the processor.
			runtime.Gosched()
			began = -1
			continue
		}
		now := time.Since(w.started)
		if began < 0 { // the clock takes as long as some looks
			began, last = now, now
		}
		if now-last > taken || now-began > r.patience {
			r.patience = max(r.patience/2, leastPatience)
			return false
		}
		last = now
	}
}

// roomToSpin tells whether every rank that could compute has a processor of its own. The one that asks is one of them; if
// it is the only one, nobody is left who could make its condition true.
func (w *World) roomToSpin() bool {
	n := w.active.Load() - w.blocked.Load()
	return n > 1 && n <= int64(w.config.Cores)
}

// wake makes the rank look at its condition again, and tells whether it was parked. Any goroutine may call it, holding no
// lock that a waking rank needs for long.
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
	if e := r.world.ended.Load(); e != nil {
		panic(e)
	}
}
