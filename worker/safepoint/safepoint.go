// Package safepoint owns when garbage is collected in a process that runs programs: at moments at which no thread of a
// program computes. Engines say when a thread comes from its program into a host call and when it goes back; the
// executor's policy says when a collection is wanted.
package safepoint

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Safepoint collects garbage without stopping a thread that computes. Go's collector stops the world, and code compiled
// from WebAssembly can't be stopped: one thread in a long loop would hold up all others until its next host call. So Go
// never collects by itself here. A collection runs when every thread is inside a host call, and threads that want to
// return to their programs meanwhile wait.
//
// A thread is inside a host call from Enter to Leave, and counts as inside before it starts and after it ends.
// Correctness rests on the order of two stores and two loads. A thread that leaves stores that it is in its program and
// then loads the phase; the collector stores the phase and then loads whether a thread is in its program. One of them
// sees the other, if no processor delays the thread's store behind its load. A fence in each Leave would cost every
// host call 15 ns (measured), so the collector makes all processors order theirs, by membarrier. Where the system has
// no such call, the world is stopped beside a computing thread once in a very long while, which costs time and nothing
// else.
type Safepoint struct {
	phase   atomic.Uint32
	threads atomic.Pointer[[]*threadState] // never changed in place
	last    atomic.Int32                   // the index of the one that anyInGuest found in its program

	mu       sync.Mutex    // guards all below, and changes of phase and threads
	released chan struct{} // closed when phase falls below holding; nil while nobody waits
	collect  func()        // runtime.GC, but in tests
	count    int           // collections done
}

// Phases of a Safepoint.
const (
	notWanted  uint32 = iota // no collection is wanted
	wanted                   // at the next moment at which every thread is inside a host call
	holding                  // wanted, and urgent: nobody leaves until it is done
	collecting               // nobody leaves
)

// threadState is where a thread is. It fills a cache line of its own, because its thread writes it twice a host call.
type threadState struct {
	inGuest uint32 // written by the thread as it is, read atomically
	_       [60]byte
}

// set is an ordinary store, on purpose: see Safepoint.
//
//go:norace
func (s *threadState) set(inGuest uint32) { s.inGuest = inGuest }

// Commands of membarrier(2).
const (
	registerPrivateExpedited = 1 << 4
	privateExpedited         = 1 << 3
)

// New makes a safepoint for the main threads of that many ranks, all of them inside.
func New(ranks int) *Safepoint {
	unix.Syscall(unix.SYS_MEMBARRIER, registerPrivateExpedited, 0, 0) // may fail: see Safepoint
	s := &Safepoint{collect: runtime.GC}
	states, threads := make([]threadState, ranks), make([]*threadState, ranks)
	for i := range states {
		threads[i] = &states[i]
	}
	s.threads.Store(&threads)
	return s
}

// Thread is what a safepoint knows of a thread of a program.
type Thread struct {
	of    *Safepoint
	state *threadState
}

// Thread is the main thread of a rank.
func (s *Safepoint) Thread(rank int) *Thread { return &Thread{s, (*s.threads.Load())[rank]} }

// Another adds a thread, which is inside. It waits while garbage is collected.
func (t *Thread) Another() *Thread {
	s := t.of
	s.mu.Lock()
	defer s.mu.Unlock()
	added := &threadState{}
	threads := append(slices.Clone(*s.threads.Load()), added)
	s.threads.Store(&threads)
	return &Thread{s, added}
}

// Remove takes out a thread that Another has added, and that has ended.
func (t *Thread) Remove() {
	s := t.of
	s.mu.Lock()
	defer s.mu.Unlock()
	threads := slices.DeleteFunc(slices.Clone(*s.threads.Load()), func(x *threadState) bool { return x == t.state })
	s.threads.Store(&threads)
}

// Enter is called when the thread comes from its program into a host call. It may be repeated.
func (t *Thread) Enter() {
	t.state.set(0)
	if t.of.phase.Load() != notWanted {
		t.of.attempt()
	}
}

// Leave is called when the thread returns to its program. It waits while garbage is collected.
func (t *Thread) Leave() {
	t.state.set(1)
	if t.of.phase.Load() >= holding {
		t.hold()
	}
}

// hold waits until threads may leave.
func (t *Thread) hold() {
	for t.of.phase.Load() >= holding {
		t.state.set(0)
		t.of.wait()
		t.state.set(1)
	}
}

// Want asks for a collection as soon as every thread is inside a host call; if it is urgent, threads that are inside
// stay there. It collects at once if all are.
func (s *Safepoint) Want(urgent bool) {
	s.mu.Lock()
	switch p := s.phase.Load(); {
	case urgent && p < holding:
		s.phase.Store(holding)
	case p == notWanted:
		s.phase.Store(wanted)
	}
	s.mu.Unlock()
	s.attempt()
}

// Collections is how often garbage has been collected.
func (s *Safepoint) Collections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// attempt collects if every thread is inside a host call. The caller, if it is one, is inside itself; so is one that
// waits for mu here, or in Leave.
func (s *Safepoint) attempt() {
	if s.anyInGuest() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.phase.Load()
	if before == notWanted {
		return // another has done it
	}
	s.phase.Store(collecting)
	unix.Syscall(unix.SYS_MEMBARRIER, privateExpedited, 0, 0)
	if s.anyInGuest() {
		s.phase.Store(before)
		if before < holding {
			s.release()
		}
		return
	}
	s.collect()
	s.count++
	s.phase.Store(notWanted)
	s.release()
}

// anyInGuest reports whether a thread is in its program. It looks first at the one that it last found there: while a
// collection is wanted each host call asks.
func (s *Safepoint) anyInGuest() bool {
	threads := *s.threads.Load()
	if last := int(s.last.Load()); last < len(threads) && threads[last].isInGuest() {
		return true
	}
	for i, t := range threads {
		if t.isInGuest() {
			s.last.Store(int32(i))
			return true
		}
	}
	return false
}

// isInGuest reports whether the thread is in its program.
func (s *threadState) isInGuest() bool { return atomic.LoadUint32(&s.inGuest) != 0 }

func (s *Safepoint) release() {
	if s.released != nil {
		close(s.released)
		s.released = nil
	}
}

// wait returns when threads may leave host calls.
func (s *Safepoint) wait() {
	s.attempt() // the thread that could not leave may have been the last one in its program
	s.mu.Lock()
	if s.phase.Load() < holding {
		s.mu.Unlock()
		return
	}
	if s.released == nil {
		s.released = make(chan struct{})
	}
	reopened := s.released
	s.mu.Unlock()
	<-reopened
}
