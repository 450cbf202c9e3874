package mpi

import (
	"runtime"
	"sync/atomic"
	"time"
)

// parker is how a thread of a rank waits. Others wake it at the rank's endpoint.
type parker struct {
	spinTime time.Duration // how long the thread spins before it parks; only its own goroutine uses it
	shares   bool          // the processor, maybe, with a thread that was woken or has woken it; as spinTime
	token    chan struct{} // holds one
	measured atomic.Bool   // waited is kept: reading the clock costs as much as passing a message, so only on request
	waited   atomic.Int64  // nanoseconds parked
}

func (p *parker) begin() { p.token, p.spinTime = make(chan struct{}, 1), maxSpinTime }

// Interrupt has the rank handle a signal, if it waits, before it waits on. Any goroutine may call it.
func (r *Rank) Interrupt() {
	r.interrupted.Store(true)
	r.wakeFromOutside()
}

// wakeFromOutside wakes the rank from a goroutine that is none of the job's threads. It counts as one meanwhile: else a
// rank that was told that it need not sleep, and still counts as blocked, might be taken for the last of all to wait.
func (r *Rank) wakeFromOutside() {
	w := r.world
	w.active.Add(1)
	r.endpoint.Wake()
	if w.active.Add(-1) == w.blocked.Load() {
		w.stuck()
	}
}

// handleSignals runs handlers within a wait.
func (t *Thread) handleSignals() {
	if t.interrupted.Swap(false) {
		defer t.ascend(t.descend())
		t.host.HandleSignals()
	}
}

// MeasureWaits starts counting the time for which the thread waits in MPI. Any goroutine may call it.
func (p *parker) MeasureWaits() { p.measured.Store(true) }

// Waited is the time counted since MeasureWaits. Any goroutine may call it.
func (p *parker) Waited() time.Duration { return time.Duration(p.waited.Load()) }

// park waits for the token.
func (p *parker) park() {
	if !p.measured.Load() {
		<-p.token
		return
	}
	began := time.Now()
	<-p.token
	p.waited.Add(int64(time.Since(began)))
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
// true it must stay so, because it is asked again. note records what the thread waits for, before it parks. It panics
// when the job ends, and with suspended where the call is to be broken off: then done was false, and nothing else has
// been done than what note did.
func (t *Thread) wait(scope waitScope, note func(), done func() bool) {
	t.waitOn(nil, scope, note, done)
}

// waitOn is wait for something of which those who make done true say that it is that, by WakeFor.
func (t *Thread) waitOn(subject any, scope waitScope, note func(), done func() bool) {
	for first := true; !t.look(done); first = false {
		t.checkEnded()
		t.handleSignals()
		t.breakOff(first)
		looks := func() bool { return t.read(done) }
		if len(t.requests.live) > 0 { // not looked for at each of so many looks
			looks = func() bool { return t.look(done) }
		}
		if t.spin(scope, looks) {
			return
		}
		note()
		if t.holds {
			t.parkAmong(subject, done)
			continue
		}
		t.endpoint.Announce(t.token)
		goesOn := t.read(done) || t.canAdvance() || t.ended.Load() != nil || t.interrupted.Load() || t.suspends()
		if goesOn && t.endpoint.Retract() {
			continue
		}
		// Either there is nothing to do but wait, or another goroutine has woken the rank and the token is here or coming. A
		// rank counts as blocked only after it has announced that it sleeps and the condition was seen false, and stops
		// counting when it is woken: so blocked is never more than the ranks that really wait.
		if t.world.blocked.Add(1) == t.world.active.Load() {
			t.world.stuck()
		}
		t.park()
		t.world.waking.Add(-1)
		t.shares = true
	}
}

// parkAmong parks a thread while others of its rank may call MPI, until somebody wakes it.
func (t *Thread) parkAmong(subject any, done func() bool) {
	t.waiter.Subject = subject
	t.endpoint.Join(&t.waiter)
	goesOn := t.read(done) || t.canAdvance() || t.ended.Load() != nil || t.interrupted.Load() || t.suspends()
	if goesOn && t.endpoint.Leave(&t.waiter) {
		return
	}
	t.parked.Store(true)
	t.endTurn()
	if t.world.blocked.Add(1) == t.world.active.Load() {
		t.world.stuck()
	}
	t.park()
	t.world.waking.Add(-1)
	t.takeTurn()
	t.parked.Store(false)
	t.shares = true
}

// look reads the rank's mail, goes on with its collectives by messages and reports whether done.
func (t *Thread) look(done func() bool) bool {
	if t.endpoint.HasMail() {
		t.endpoint.Read()
	}
	if len(t.requests.live) > 0 {
		t.advance()
	}
	return done()
}

// read reports whether done as look does, on the way to sleep, where functions of the program must not run.
func (t *Thread) read(done func() bool) bool {
	if t.endpoint.HasMail() {
		t.endpoint.Read()
	}
	return done()
}

// spin checks the condition for as long as the spin time lasts and no other rank needs the processor. It reports
// whether the condition has become true.
func (t *Thread) spin(scope waitScope, done func() bool) bool {
	w := t.world
	if !w.maySpin() || scope == scopeAll && w.active.Load() > int64(w.config.Cores) {
		return false
	}
	for began, last := time.Duration(-1), time.Duration(0); ; {
		for range spinLooks {
			t.cede()
			if done() {
				t.spinTime = min(2*t.spinTime, maxSpinTime)
				return true
			}
			pause()
		}
		if t.ended.Load() != nil || !w.maySpin() {
			return false
		}
		if w.waking.Load() > 0 {
			// The woken rank mostly stands next in the queue of this very processor, and another processor would take it from
			// there too late. The time that yielding takes does not show that another process wants the processor.
			t.letRun()
			began = -1
			continue
		}
		if t.shares && w.yielded.Load() > 0 {
			t.letRun()
			last = time.Since(w.started)
		} else {
			t.shares = false
		}
		now := time.Since(w.started)
		if began < 0 { // reading the clock takes as long as some checks
			began, last = now, now
		}
		if now-last > preemptedGap || now-began > t.spinTime {
			t.spinTime = max(t.spinTime/2, minSpinTime)
			return false
		}
		last = now
	}
}

// letRun lets another thread have this processor of Go's. What runs then in its stead does the same as soon as it waits
// (shares), until another processor has taken one of them over. It would otherwise spin, for what this one is to do,
// until it parked, and would have to be woken once more: where an idle processor takes longer to wake up than the spin
// time, which is 30 µs on virtual machines, two ranks went on like that for ever.
func (t *Thread) letRun() {
	t.shares = true
	t.world.yielded.Add(1)
	runtime.Gosched()
	t.world.yielded.Add(-1)
}

// maySpin reports whether every rank that could compute has a processor of its own. The caller is one of them; if it is
// the only one, nobody is left that could make its condition true.
func (w *World) maySpin() bool {
	n := w.active.Load() - w.blocked.Load()
	return n > 1 && n <= int64(w.config.Cores)
}

func (r *Rank) checkEnded() {
	if e := r.ended.Load(); e != nil {
		panic(e)
	}
}
