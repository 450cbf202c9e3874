package transport

import (
	"slices"

	"github.com/faasmrun/faasmrun/mpi/group"
)

// Several threads of a rank may sleep at once, each for something else.

// Waiter is a thread that sleeps among others of its rank.
type Waiter struct {
	Token   chan struct{} // which holds one
	Subject any           // what it waits for; nil: anything may be it
}

// parkedList is what parked holds as long as there are waiters. A rank whose threads take turns has 1 there.
const parkedList = 2

// Join says that a thread is about to sleep, until there is something in its channel.
func (e *Endpoint) Join(w *Waiter) {
	e.Count()
	e.sleepersMu.Lock()
	defer e.sleepersMu.Unlock()
	e.sleepers = append(e.sleepers, w)
	e.parked.Store(parkedList)
}

// Leave takes that back, and reports whether it could: else the thread was woken meanwhile, and the token is there or
// coming.
func (s *Sleeper) Leave(w *Waiter) bool {
	s.sleepersMu.Lock()
	defer s.sleepersMu.Unlock()
	i := slices.Index(s.sleepers, w)
	if i < 0 {
		return false
	}
	s.sleepers = slices.Delete(s.sleepers, i, i+1)
	s.awake()
	return true
}

// awake is the end of a change of the list. The caller holds the lock.
func (s *Sleeper) awake() {
	if len(s.sleepers) == 0 {
		s.parked.Store(0)
	}
}

// WakeFor is Wake for what a thread waits for: those that wait for something else sleep on. It reports whether one
// slept.
func (s *Sleeper) WakeFor(subject any) bool {
	if !s.Asleep() {
		return false
	}
	return s.wake(subject)
}

// Wake is Endpoint.WakeFor of a rank that runs here, and reports whether it slept. Any goroutine may call it.
func (f *Fabric) Wake(rank group.WorldRank, subject any) bool { return f.home[rank].WakeFor(subject) }

// Asleep reports whether a rank that runs here sleeps, or is about to. Any goroutine may ask.
func (f *Fabric) Asleep(rank group.WorldRank) bool { return f.home[rank].Asleep() }

func (s *Sleeper) wake(subject any) bool {
	if s.Retract() {
		s.woken()
		s.token <- struct{}{}
		return true
	}
	return s.parked.Load() == parkedList && s.wakeWaiters(subject)
}

// wakeWaiters wakes the threads that wait for something, or all where that is nil, and reports whether one slept.
func (s *Sleeper) wakeWaiters(subject any) (woken bool) {
	s.sleepersMu.Lock()
	defer s.sleepersMu.Unlock()
	left := s.sleepers[:0]
	for _, w := range s.sleepers {
		if subject != nil && w.Subject != nil && w.Subject != subject {
			left = append(left, w)
			continue
		}
		woken = true
		s.woken()
		w.Token <- struct{}{}
	}
	clear(s.sleepers[len(left):])
	s.sleepers = left
	s.awake()
	return woken
}
