package omp

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// word is a number that threads wait on until it changes. It is part of an object on the heap, never copied.
type word struct {
	value    atomic.Uint32
	sleepers atomic.Int32 // threads between falling asleep and running again; changed under mu
	mu       sync.Mutex
	woken    int32 // of the sleepers, as many count as awake already, whichever they are; guarded by mu
}

// key is by what the host knows a word: no address of the program's memory is as large.
func (w *word) key() uint64 { return 1<<63 | uint64(uintptr(unsafe.Pointer(w))) }

// advance changes a word, and wakes those that wait on it.
func (t *Thread) advance(w *word) { t.advanceBy(w, 1) }

func (t *Thread) advanceBy(w *word, n uint32) {
	w.value.Add(n)
	t.wake(w, math.MaxInt32)
}

// advanceForOne changes a word, and wakes one of those that wait on it. Others sleep on until it changes again.
func (t *Thread) advanceForOne(w *word) {
	w.value.Add(1)
	t.wake(w, 1)
}

// wake wakes up to count of a word's sleepers. From here on these are awake, though they do not run yet: who waits for
// them may spin. They are sleepers until they run: others may have fallen asleep since the word changed, and wake here
// in vain. When those were taken off here, the next who changed the word woke nobody.
func (t *Thread) wake(w *word, count int32) {
	if w.sleepers.Load() == 0 {
		return
	}
	w.mu.Lock()
	n := min(count, w.sleepers.Load()-w.woken)
	w.woken += n
	t.runtime.awake.Add(n)
	w.mu.Unlock()
	t.host.Notify(w.key(), uint32(count))
}

// await waits until a word is no longer old.
func (t *Thread) await(w *word, old uint32) {
	if w.value.Load() != old {
		return
	}
	if s := t.runtime.stats; s != nil {
		began := nanos()
		t.awaitChange(w, old)
		s.waited(t, nanos()-began)
		return
	}
	t.awaitChange(w, old)
}

func (t *Thread) awaitChange(w *word, old uint32) {
	if t.spin(&w.value, old) || !t.fallsAsleep(w, old) {
		return
	}
	// When the rank ends, Wait panics, and nobody counts any more.
	for asleep := true; asleep; asleep = t.sleepsOn(w, old) {
		t.host.Wait(w.key(), &w.value, old)
	}
}

// fallsAsleep counts the thread among those that sleep until a word is no longer old, unless it is that already, and
// reports whether it has. Who advances the word looks for sleepers afterwards, and the thread at the word: neither
// misses the other.
func (t *Thread) fallsAsleep(w *word, old uint32) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sleepers.Add(1)
	if w.value.Load() != old {
		w.sleepers.Add(-1)
		return false
	}
	t.runtime.awake.Add(-1)
	return true
}

// sleepsOn counts a sleeper that runs again as awake, and reports whether it was woken for nothing: then it is asleep.
func (t *Thread) sleepsOn(w *word, old uint32) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.woken > 0 {
		w.woken--
	} else {
		t.runtime.awake.Add(1)
	}
	if w.value.Load() != old {
		w.sleepers.Add(-1)
		return false
	}
	t.runtime.awake.Add(-1)
	return true
}

// A thread that waits spins before it parks, where every thread of the rank that is awake has a processor of its own:
// parking and being woken take some microseconds. The time adapts: success lengthens it, failure shortens it.
const (
	mostSpin  = 50 * time.Microsecond
	leastSpin = 5 * time.Microsecond
	spinLooks = 64 // between two readings of the clock
)

var started = time.Now()

// maySpin reports whether a thread that waits keeps no other from a processor. Alone it would wait for nobody.
func (r *Runtime) maySpin() bool {
	n := r.awake.Load()
	return !r.passive && n > 1 && int(n) <= r.cores
}

// spin reports whether a word has changed within the spin time.
func (t *Thread) spin(value *atomic.Uint32, old uint32) bool {
	if !t.runtime.maySpin() {
		return false
	}
	for began := time.Since(started); ; {
		for range spinLooks {
			if value.Load() != old {
				t.spinning = min(2*t.spinning, mostSpin)
				return true
			}
		}
		if time.Since(started)-began > t.spinning || !t.runtime.maySpin() {
			t.spinning = max(t.spinning/2, leastSpin)
			return false
		}
	}
}
