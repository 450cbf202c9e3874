package transport

import (
	"sync"
	"sync/atomic"
)

// Sleeper lets the goroutine of a rank sleep and any other wake it. No wake is lost between the last look at what is
// waited for and sleeping: the rank announces that it sleeps before it looks.
type Sleeper struct {
	_      [64]byte // what others write lies on another cache line
	parked atomic.Uint32
	token  chan struct{} // of who sleeps, which holds one; whoever clears parked may use it
	woken  func()

	sleepersMu sync.Mutex
	sleepers   []*Waiter // of a rank whose threads do not take turns; guarded by sleepersMu
}

// Asleep reports whether the rank sleeps or is about to: nobody reads its inbox.
func (s *Sleeper) Asleep() bool { return s.parked.Load() != 0 }

// Announce says that the rank is about to sleep, until there is something in a channel that holds one.
func (e *Endpoint) Announce(token chan struct{}) {
	e.Count()
	e.token = token
	e.parked.Store(1)
}

// Retract takes that back, and reports whether it could: else the rank was woken meanwhile, and the token is there or
// coming.
func (s *Sleeper) Retract() bool { return s.parked.CompareAndSwap(1, 0) }

// Wake makes the rank look again at what it waits for, and reports whether it slept. Any goroutine may call it, holding
// no lock that a waking rank needs for long.
func (s *Sleeper) Wake() bool {
	return s.WakeFor(nil)
}
