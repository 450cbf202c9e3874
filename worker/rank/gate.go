package rank

import (
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Gate lets garbage be collected without stopping a rank that computes. Go's collector stops the world, and code compiled
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
type Gate struct {
	phase atomic.Uint32
	seats []seat
	last  atomic.Int32 // the rank that anyoneOutside found outside

	mu       sync.Mutex    // guards all below, and changes of phase
	reopened chan struct{} // closed when phase falls below holding; nil while nobody waits
	collect  func()        // runtime.GC, but in tests
	count    int           // collections done
}

// Phases of a Gate.
const (
	open       uint32 = iota // no collection is wanted
	wanted                   // at the next moment at which every rank is inside
	holding                  // wanted, and urgent: nobody leaves until it is done
	collecting               // nobody leaves
)

// seat is a rank's place. It fills a cache line of its own, because its rank writes it twice a host call.
type seat struct {
	outside uint32 // written by the rank as it is, read atomically
	_       [60]byte
}

// set is an ordinary store, on purpose: see Gate.
//
//go:norace
func (s *seat) set(outside uint32) { s.outside = outside }

// Commands of membarrier(2).
const (
	registerPrivateExpedited = 1 << 4
	privateExpedited         = 1 << 3
)

// NewGate makes a gate for that many ranks, all of them inside.
func NewGate(ranks int) *Gate {
	unix.Syscall(unix.SYS_MEMBARRIER, registerPrivateExpedited, 0, 0) // may fail: see Gate
	return &Gate{seats: make([]seat, ranks), collect: runtime.GC}
}

// Enter is called when a rank comes from its program into a host call.
func (g *Gate) Enter(rank int) {
	g.seats[rank].set(0)
	if g.phase.Load() != open {
		g.attempt()
	}
}

// Leave is called when a rank goes back to its program. It waits while garbage is collected.
func (g *Gate) Leave(rank int) {
	g.seats[rank].set(1)
	for g.phase.Load() >= holding {
		g.seats[rank].set(0)
		g.wait()
		g.seats[rank].set(1)
	}
}

// Want asks for a collection as soon as every rank is inside; urgently, so that who is inside stays there. It collects at
// once if all are.
func (g *Gate) Want(urgent bool) {
	g.mu.Lock()
	switch p := g.phase.Load(); {
	case urgent && p < holding:
		g.phase.Store(holding)
	case p == open:
		g.phase.Store(wanted)
	}
	g.mu.Unlock()
	g.attempt()
}

// Collections says how often garbage has been collected.
func (g *Gate) Collections() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.count
}

// attempt collects if everyone is inside. The caller, if it is a rank, is inside itself; so is one that waits for mu here,
// or at Leave.
func (g *Gate) attempt() {
	if g.anyoneOutside() {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	before := g.phase.Load()
	if before == open {
		return // another has done it
	}
	g.phase.Store(collecting)
	unix.Syscall(unix.SYS_MEMBARRIER, privateExpedited, 0, 0)
	if g.anyoneOutside() {
		g.phase.Store(before)
		if before < holding {
			g.reopen()
		}
		return
	}
	g.collect()
	g.count++
	g.phase.Store(open)
	g.reopen()
}

// anyoneOutside looks first at whom it last found there: while a collection is wanted each host call asks.
func (g *Gate) anyoneOutside() bool {
	if g.isOutside(int(g.last.Load())) {
		return true
	}
	for rank := range g.seats {
		if g.isOutside(rank) {
			g.last.Store(int32(rank))
			return true
		}
	}
	return false
}

func (g *Gate) isOutside(rank int) bool { return atomic.LoadUint32(&g.seats[rank].outside) != 0 }

func (g *Gate) reopen() {
	if g.reopened != nil {
		close(g.reopened)
		g.reopened = nil
	}
}

// wait returns when the gate may be open.
func (g *Gate) wait() {
	g.attempt() // the one that could not leave may have been the last one outside
	g.mu.Lock()
	if g.phase.Load() < holding {
		g.mu.Unlock()
		return
	}
	if g.reopened == nil {
		g.reopened = make(chan struct{})
	}
	reopened := g.reopened
	g.mu.Unlock()
	<-reopened
}
