package omp

import (
	"sync/atomic"
	"unsafe"
)

// A lock is the program's: a word of its memory, of omp_lock_t or of what clang makes for a critical section. Its first
// 4 bytes are 0 where it is free, or else the number of the thread that has it, plus one, and hasWaiters if others may
// wait. The next 4 count how often a nested one was set.
const hasWaiters = 1 << 31

// lockSpins is how often a thread looks at a lock before it waits, where that keeps nobody from a processor.
const lockSpins = 500

// lock is a lock's state in memory.
type lock struct {
	address uint64
	state   *atomic.Uint32
	count   *atomic.Uint32
}

func (t *Thread) lockAt(address uint64) lock {
	if address%4 != 0 {
		fail("a lock at address %d, which is not aligned", address)
	}
	b := t.host.Bytes(address, 8)
	return lock{address, (*atomic.Uint32)(unsafe.Pointer(&b[0])), (*atomic.Uint32)(unsafe.Pointer(&b[4]))}
}

// me is the thread as a lock names it.
func (t *Thread) me() uint32 { return uint32(t.id) + 1 }

func (t *Thread) set(l lock) {
	if t.test(l) {
		return
	}
	if s := t.runtime.stats; s != nil {
		began := nanos()
		t.setLater(l)
		s.waited(t, nanos()-began)
		return
	}
	t.setLater(l)
}

// setLater waits for a lock that another thread has.
func (t *Thread) setLater(l lock) {
	for range lockSpins {
		if !t.runtime.maySpin() {
			break
		}
		if l.state.Load() == 0 && t.test(l) {
			return
		}
	}
	for {
		now := l.state.Load()
		switch {
		case now == 0:
			// Others may wait: who waited can't know.
			if l.state.CompareAndSwap(0, t.me()|hasWaiters) {
				return
			}
		case now&hasWaiters != 0 || l.state.CompareAndSwap(now, now|hasWaiters):
			t.runtime.awake.Add(-1)
			t.host.Wait(l.address, l.state, now|hasWaiters)
			t.runtime.awake.Add(1)
		}
	}
}

// test reports whether the lock was free and is the thread's now.
func (t *Thread) test(l lock) bool { return l.state.CompareAndSwap(0, t.me()) }

func (t *Thread) unset(l lock) {
	if l.state.Swap(0)&hasWaiters != 0 {
		t.host.Notify(l.address, 1)
	}
}

// has reports whether the thread has the lock.
func (t *Thread) has(l lock) bool { return l.state.Load()&^hasWaiters == t.me() }

// void omp_init_lock(*lock), omp_destroy_lock: the lock is free.
func initLock(t *Thread, s []uint64) { t.store(s[0], 8, 0) }

// void omp_set_lock(*lock)
func setLock(t *Thread, s []uint64) { t.set(t.lockAt(s[0])) }

// void omp_unset_lock(*lock)
func unsetLock(t *Thread, s []uint64) { t.unset(t.lockAt(s[0])) }

// i32 omp_test_lock(*lock) -> 1: the lock is set, by this thread.
func testLock(t *Thread, s []uint64) { s[0] = truthOf(t.test(t.lockAt(s[0]))) }

// void omp_set_nest_lock(*lock)
func setNestLock(t *Thread, s []uint64) {
	l := t.lockAt(s[0])
	if !t.has(l) {
		t.set(l)
	}
	l.count.Add(1)
}

// void omp_unset_nest_lock(*lock)
func unsetNestLock(t *Thread, s []uint64) {
	if l := t.lockAt(s[0]); l.count.Add(^uint32(0)) == 0 {
		t.unset(l)
	}
}

// i32 omp_test_nest_lock(*lock) -> how often the thread has set the lock; 0: another one has it.
func testNestLock(t *Thread, s []uint64) {
	l := t.lockAt(s[0])
	if !t.has(l) && !t.test(l) {
		s[0] = 0
		return
	}
	s[0] = uint64(l.count.Add(1))
}

// void __kmpc_critical(loc, gtid, *name), void __kmpc_critical_with_hint(loc, gtid, *name, hint i32)
func critical(t *Thread, s []uint64) {
	t.set(t.lockAt(s[2]))
	if t.runtime.stats != nil {
		t.enters()
	}
}

// void __kmpc_end_critical(loc, gtid, *name)
func endCritical(t *Thread, s []uint64) {
	if t.runtime.stats != nil {
		t.leaves()
	}
	t.unset(t.lockAt(s[2]))
}
