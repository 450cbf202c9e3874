package omp

import (
	"errors"
	"fmt"
)

// A pool is the threads of a contention group's teams, without the initial one. They are made when a team needs them,
// or taken from a group that has ended, and stay; between regions they wait. The first ones are taken first, so that as
// long as no teams are nested, a number in a team is one thread's, whose threadprivate variables stay.

// reserve decides how many threads the next region gets, and counts those of the pool among them as in use.
func (t *Thread) reserve() int {
	a := t.asked
	t.asked = asked{}
	n := t.reserveFor(a)
	if a.strict && n < a.threads {
		if a.message == "" {
			a.message = fmt.Sprintf("a parallel region asks for %d threads, and can have %d", a.threads, n)
		}
		t.complain(a.severity, a.message)
	}
	return n
}

func (t *Thread) reserveFor(a asked) int {
	r := t.runtime
	r.mu.Lock()
	defer r.mu.Unlock()
	n := t.task.icvs.teamSize(a.threads, t.region.team.active, r.limit-r.inUse, r.processors)
	r.inUse += n - 1
	return n
}

// takeThreads gives a team the threads that were reserved for it.
func (t *Thread) takeThreads(tm *team) {
	if tm.size == 1 {
		return
	}
	r := t.runtime
	r.mu.Lock()
	next, g := 0, t.group
	var fresh []*Thread
	for i := 1; i < tm.size; i++ {
		for next < len(g.pool) && g.pool[next].busy {
			next++
		}
		if next == len(g.pool) {
			var w *Thread
			if n := len(r.free); n > 0 {
				w, r.free = r.free[n-1], r.free[:n-1]
			} else {
				w = r.newThread()
				fresh = append(fresh, w)
			}
			w.group = g
			g.pool = append(g.pool, w)
		}
		tm.threads[i] = g.pool[next]
		tm.threads[i].busy = true
	}
	r.mu.Unlock()
	for _, w := range fresh {
		t.startThread(w, tm.size)
	}
}

func (t *Thread) returnThreads(tm *team) {
	if tm.size == 1 {
		return
	}
	r := t.runtime
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range tm.threads[1:] {
		w.busy = false
	}
	r.inUse -= tm.size - 1
}

// startThread starts a thread that is new, for a team of size threads.
func (t *Thread) startThread(w *Thread, size int) {
	least := t.runtime.settings.LeastStack
	stack := min(t.runtime.settings.StackSize, max(least, stacksRoom/uint64(size)))
	t.runtime.awake.Add(1)
	scratch, err := t.host.Start(stack, w)
	if stack > least && errors.Is(err, ErrNoRoom) {
		stack = least
		scratch, err = t.host.Start(stack, w)
	}
	switch {
	case errors.Is(err, ErrNoRoom):
		fail("a parallel region of %d threads: the rank's memory has no room for the stack of thread %d, %d KiB: run with "+
			"fewer threads (OMP_NUM_THREADS) or smaller stacks (OMP_STACKSIZE), or give the rank more memory (--mem-per-rank)",
			size, w.id, stack>>10)
	case err != nil:
		fail("a parallel region of %d threads: %v", size, err)
	}
	w.scratch = scratch
}

// Work is what a pooled thread does, on its goroutine, until the rank ends or a region ends it: it works on one region
// after the other, and behind the end of each on what its team has left of tasks.
func (t *Thread) Work(h Host) error {
	t.host = h
	serial := uint32(0) // of the region that it was in last
	for {
		turn := t.begin.value.Load()
		if m := t.assigned.Swap(nil); m != nil {
			tm := m.team
			serial = tm.serial.Load()
			if t.runtime.stats != nil {
				m.times.idleSince.Store(0)
			}
			if err := h.Run(tm.function, letters[:2+len(tm.arguments)], t.enter(m)...); err != nil {
				return err
			}
			t.leaveTeam()
			if t.runtime.stats != nil {
				m.times.rest()
			}
			if s := tm.state.Add(oneAtEnd); tasksIn(s) == 0 {
				t.settle(tm, s)
			}
			continue
		}
		if t.region == nil || !t.help(serial) {
			t.await(&t.begin, turn)
			t.settleIdle()
		}
	}
}

// help runs a task of the team that the thread has come to the end of, and reports whether there was one. If not, it
// is among those that are told of the next one.
func (t *Thread) help(serial uint32) bool {
	tm := t.region.team
	if tm.serial.Load() != serial {
		return false
	}
	k := t.region.takeTask(nil, serial)
	if k == nil {
		tm.idle.Add(1)
		t.idle.Store(true)
		if k = t.region.takeTask(nil, serial); k == nil {
			return false
		}
		t.settleIdle()
	}
	t.outside = true
	if t.runtime.stats != nil {
		m := &t.region.times
		m.busy()
		t.run(k)
		m.rest()
	} else {
		t.run(k)
	}
	t.outside = false
	return true
}

// settleIdle takes the thread from those that are told of tasks, unless somebody has. Who gives it a region does
// before.
func (t *Thread) settleIdle() {
	if t.idle.CompareAndSwap(true, false) {
		t.region.team.idle.Add(-1)
	}
}
