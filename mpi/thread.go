package mpi

import "sync/atomic"

// Thread is one thread of a rank's program, as the search for deadlocks counts it: it may wait for another thread of
// its rank by means that are not MPI's.
type Thread struct {
	rank *Rank
	// counted reports whether the thread is among the world's active ones. Its own goroutine alone writes it, and not
	// while it waits.
	counted bool
	waits   atomic.Bool // without an end of its own, outside MPI
}

// Main is the thread that runs the rank's main.
func (r *Rank) Main() *Thread { return &r.main }

// Count notes that the thread waits, outside MPI, for what another thread of its rank is to do, or no longer does. Who
// ends the wait says so, before the thread goes on. Settle is to follow when it begins.
func (t *Thread) Count(waits bool) {
	t.waits.Store(waits)
	switch {
	case !t.counted:
	case waits:
		t.rank.world.blocked.Add(1)
	default:
		t.rank.world.blocked.Add(-1)
	}
}

// Settle ends the job if its last running thread was the one that now waits.
func (t *Thread) Settle() {
	if w := t.rank.world; w.blocked.Load() == w.active.Load() {
		w.stuck()
	}
}

// retire takes the thread, which will wake no other rank any more, out of the count. If all others wait, it is the last
// that could tell.
func (t *Thread) retire() {
	if !t.counted {
		return
	}
	t.counted = false
	if w := t.rank.world; w.active.Add(-1) == w.blocked.Load() {
		w.stuck()
	}
}

// Retire takes a rank whose program has ended out of the count.
func (r *Rank) Retire() { r.main.retire() }

// CheckEnded panics with *Ended if the job is to end.
func (r *Rank) CheckEnded() { r.checkEnded() }
