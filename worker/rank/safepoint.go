package rank

import (
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Safepoint lets garbage be collected without stopping a rank that computes. Go's collector stops the world, and code compiled
// from WebAssembly can't be stopped: one rank in a long loop would hold up all others until its next host call. So Go never
// collects by itself here; it is done when every rank happens to be inside a host call, and those that want to leave one
// meanwhile wait.
//
// A rank is inside from Enter to Leave, and before it starts and after it ends. It rests on an order of two stores and two
// loads: a leaver says that it is outside and then looks whether a collection runs; the collector says that it runs and then
// looks whether anyone is outside. One of them sees the other, if no processor holds the leaver's store back behind its
// load. Ordering each leaver would cost every host call 15 ns (measured), so the collector makes all processors order
// theirs, by membarrier. Where the system has no such call, the world is stopped beside a computing rank once in a very
// long while, which costs time and nothing else.
type Safepoint struct {
	phase atomic.Uint32
	ranks []rankState
	last  atomic.Int32 // the rank that anyoneOutside found outside

	mu       sync.Mutex    // guards all below, and changes of phase
	released chan struct{} // closed when phase falls below holding; nil while nobody waits
	collect  func()        // runtime.GC, but in tests
	count    int           // collections done
}

// Phases of a Safepoint.
const (
	notWanted  uint32 = iota // no collection is wanted
	wanted                   // at the next moment at which every rank is inside
	holding                  // wanted, and urgent: nobody leaves until it is done
	collecting               // nobody leaves
)

// rankState is where a rank is. It fills a cache line of its own, because its rank writes it twice a host call.
type rankState struct {
	inGuest uint32 // written by the rank as it is, read atomically
	_       [60]byte
}

// set is an ordinary store, on purpose: see Safepoint.
//
//go:norace
func (s *rankState) set(outside uint32) { s.inGuest = outside }

// Commands of membarrier(2).
const (
	registerPrivateExpedited = 1 << 4
	privateExpedited         = 1 << 3
)

// NewSafepoint makes a safepoint for that many ranks, all of them inside.
func NewSafepoint(ranks int) *Safepoint {
	unix.Syscall(unix.SYS_MEMBARRIER, registerPrivateExpedited, 0, 0) // may fail: see Safepoint
	return &Safepoint{ranks: make([]rankState, ranks), collect: runtime.GC}
}

// Enter is called when a rank comes from its program into a host call.
func (s *Safepoint) Enter(rank int) {
	s.ranks[rank].set(0)
	if s.phase.Load() != notWanted {
		s.attempt()
	}
}

// Leave is called when a rank goes back to its program. It waits while garbage is collected.
func (s *Safepoint) Leave(rank int) {
	s.ranks[rank].set(1)
	for s.phase.Load() >= holding {
		s.ranks[rank].set(0)
		s.wait()
		s.ranks[rank].set(1)
	}
}

// Want asks for a collection as soon as every rank is inside; urgently, so that who is inside stays there. It collects at
// once if all are.
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

// Collections says how often garbage has been collected.
func (s *Safepoint) Collections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// attempt collects if everyone is inside. The caller, if it is a rank, is inside itself; so is one that waits for mu here,
// or at Leave.
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

// anyInGuest looks first at whom it last found there: while a collection is wanted each host call asks.
func (s *Safepoint) anyInGuest() bool {
	if s.isInGuest(int(s.last.Load())) {
		return true
	}
	for rank := range s.ranks {
		if s.isInGuest(rank) {
			s.last.Store(int32(rank))
			return true
		}
	}
	return false
}

func (s *Safepoint) isInGuest(rank int) bool { return atomic.LoadUint32(&s.ranks[rank].inGuest) != 0 }

func (s *Safepoint) release() {
	if s.released != nil {
		close(s.released)
		s.released = nil
	}
}

// wait returns when ranks may leave host calls.
func (s *Safepoint) wait() {
	s.attempt() // the one that could not leave may have been the last one outside
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
