package mpi

import (
	"sync"
	"sync/atomic"

	"github.com/faasmrun/faasmrun/mpi/group"
	"github.com/faasmrun/faasmrun/mpi/transport"
)

// Host is what MPI needs of the surroundings of a rank's thread.
type Host interface {
	// Memory is the rank's linear memory. Its base never moves; it may be longer at the next call.
	Memory() []byte
	// Lowest is the first address of it that may be touched: null pointers, and what is a little above, are below. It
	// never changes; 0 where all may be.
	Lowest() uint64
	// Open is how many bytes of it may be touched from an address on: as far as the memory goes, or the guard below a
	// thread's stack. Without further threads it is all.
	Open(address uint64) (bytes uint64)
	// Grow adds at least size bytes to the memory, as memory.grow would, and gives their address: for MPI_Alloc_mem,
	// attributes that are pointers, user operations and callbacks. The program's allocator copes with memory that it did
	// not ask for.
	Grow(size uint64) (address uint64, ok bool)
	// CallTable calls a function of the program by its table index: user operations and callbacks.
	CallTable(index uint32, params string, args ...uint64) error
	// CallTableResult calls as CallTable does, a function that returns an i32.
	CallTableResult(index uint32, params string, args ...uint64) (int32, error)
	// Site is the call site in the program of the call under way. It is asked on the rank's goroutine.
	Site() Site
	// Frames describes a call site, a line for each function, innermost first. Any goroutine may ask.
	Frames(Site) []string
	// Waits says what the thread waits for outside MPI. Any goroutine may ask.
	Waits() string
	// HandleSignals runs the program's handlers of the signals that have come. It panics with what ends the program there.
	HandleSignals()
}

// Rank is one rank's MPI: its endpoint, which other ranks deliver to; its process, which is what its program has made;
// and its threads, on which calls run. Its methods are called from the goroutine of the thread whose turn it is;
// Activity, End, Interrupt, and what other ranks do to its endpoint, are the exceptions.
type Rank struct {
	process
	state       atomic.Uint32 // a phase; any goroutine may look
	endpoint    *transport.Endpoint
	interrupted atomic.Bool // there is a signal for the program
	world       *World
	rank        group.WorldRank
	// lowest is the host's.
	lowest uint64
	ended  atomic.Pointer[Ended]
	over   chan struct{} // closed once ended is set

	several    atomic.Bool            // there is or was a thread besides main
	multiple   atomic.Bool            // MPI_THREAD_MULTIPLE was given
	turn       sync.Mutex             // around calls of threads, with both of these; see Thread. No other lock is held
	queued     atomic.Int32           // threads that wait for turn
	inside     atomic.Pointer[Thread] // whose call is under way, in a rank of several
	initThread *Thread                // the one that initialized MPI
	threadsMu  sync.Mutex
	threads    []*Thread // besides main; guarded by threadsMu

	stats *stats   // nil unless asked for
	check *checker // nil unless asked for

	_    [64]byte // a thread writes all the time, and other ranks read what is above
	main Thread   // its host is never another
}

func newRank(w *World, rank group.WorldRank, everyone *group.Group, set *instances) *Rank {
	r := &Rank{endpoint: w.fabric.Endpoint(rank), world: w, rank: rank}
	r.begin(rank, everyone, set)
	r.worldComm.byMessages = r.goesByMessages(r.worldComm.group, nil)
	r.self.byMessages = r.goesByMessages(r.self.group, nil)
	r.main.begin(r, 0)
	r.initThread, r.over = &r.main, make(chan struct{})
	if w.config.Stats {
		r.stats = &stats{calls: make([]callStats, len(names))}
	}
	if w.config.Check != nil {
		r.check = newChecker(r, w.config.Check)
		w.checkers[rank] = r.check
	}
	return r
}

func (r *Rank) phase() phase { return phase(r.state.Load()) }

// Initialized reports whether MPI_Init has been called.
func (r *Rank) Initialized() bool { return r.phase() != beforeInit }

// Finalized reports whether MPI_Finalize has been called.
func (r *Rank) Finalized() bool { return r.phase() == finalized }
