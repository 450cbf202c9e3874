package mpi

import "sync/atomic"

// parker lets one rank's goroutine wait and any other wake it. A wake between the look at the condition and the wait is
// not lost: parked is raised before the look.
type parker struct {
	parked atomic.Uint32
	token  chan struct{} // holds one
}

// wait parks the rank until done, which other ranks make true before they wake it. It panics when the job ends.
func (r *Rank) wait(done func() bool) {
	for {
		if done() {
			return
		}
		r.checkEnded()
		r.parked.Store(1)
		if (done() || r.world.ended.Load() != nil) && r.parked.CompareAndSwap(1, 0) {
			continue
		}
		// Either there is nothing to do but wait, or someone has cleared parked and its token is here or coming. A rank
		// counts as blocked only after parked is up and the condition was seen false, and stops counting when its waker
		// clears parked: so blocked never says more ranks than really wait.
		if r.world.blocked.Add(1) == r.world.active.Load() {
			r.world.stuck()
		}
		<-r.token
	}
}

// wake makes the rank look at its condition again. Any goroutine may call it, holding no lock that a waking rank needs
// for long.
func (r *Rank) wake() {
	if r.parked.Load() == 1 && r.parked.CompareAndSwap(1, 0) {
		r.world.blocked.Add(-1)
		r.token <- struct{}{}
	}
}

func (r *Rank) checkEnded() {
	if e := r.world.ended.Load(); e != nil {
		panic(e)
	}
}
