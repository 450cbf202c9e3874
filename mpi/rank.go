package mpi

import (
	"sync"
	"sync/atomic"

	"github.com/faasmrun/faasmrun/mpi/agree"
	"github.com/faasmrun/faasmrun/mpi/datatype"
	"github.com/faasmrun/faasmrun/mpi/group"
	"github.com/faasmrun/faasmrun/mpi/match"
)

// Host is what MPI needs of the surroundings of a rank's thread.
type Host interface {
	// Memory is the rank's linear memory. Its base never moves; it may be longer at the next call.
	Memory() []byte
	// Lowest is the first address of it that may be touched: null pointers, and what is a little above, are below. It
	// never changes; 0 where all may be.
	Lowest() uint64
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
	// HandleSignals runs the program's handlers of the signals that have come. It panics with what ends the program there.
	HandleSignals()
}

// Rank is one rank's MPI: everything it has made and everything that waits for it. Its methods are called from the
// goroutine of the thread whose turn it is; Activity, End, Interrupt, and what other ranks do to its mailbox, are the
// exceptions.
type Rank struct {
	parker
	mailbox
	eager eagerStock // of the messages it sends
	job   copyJob    // the copy it makes
	world *World
	rank  group.WorldRank
	// lowest is the host's.
	lowest uint64
	main   Thread // its host is never another
	ended  atomic.Pointer[Ended]
	over   chan struct{} // closed once ended is set

	several    atomic.Bool            // there is or was a thread besides main
	inside     atomic.Pointer[Thread] // whose call is under way, in a rank of several
	initThread *Thread                // the one that initialized MPI
	threadsMu  sync.Mutex
	threads    []*Thread // besides main; guarded by threadsMu

	state          atomic.Uint32 // a phase
	threadLevel    int32
	contexts       agree.Contexts // of the communicators it founds
	worldComm      *comm
	self           *comm
	comms          table[comm]
	groups         table[group.Group]
	types          table[datatype.Type]
	f90            map[f90Key]uint32 // handles of the types with a precision or range
	ops            table[op]
	messages       table[extracted]
	errhandlers    table[errhandler]
	infos          table[info]
	nested         int // functions of the program that MPI has called and that are in MPI again
	keyvals        []keyval
	freeKeyvals    []int // indexes of keyvals that may be used again
	errors         userErrors
	heap           heap
	attached       attached
	typeAttributes map[*datatype.Type]*attributes
	typeNames      map[uint32]string // that the program gave to predefined datatypes
	predefinedAt   map[int32]uint64  // addresses of predefined attributes in memory
	requests       requests
	serial         uint64 // sends so far
	draft          part   // of the collective that is being called
	mover          mover
	reader         reader         // of the slots of a collective
	own            overflowBuffer // what the rank has combined of them
	result         []byte         // what this or another rank has combined

	traffic     []traffic     // to each rank
	stats       *stats        // nil unless asked for
	check       *checker      // nil unless asked for
	call        atomic.Uint32 // index of the last function called
	waitStateMu sync.Mutex
	waitState   waitState   // guarded by waitStateMu
	oneOf       []waitState // of some of the requests that the rank waits for; guarded by waitStateMu
}

// phase is how far a rank's MPI has come.
type phase uint8

const (
	beforeInit phase = iota
	running
	finalized
)

// mailbox matches the messages for a rank with its receives.
type mailbox struct {
	inbox   inbox
	mailMu  sync.Mutex // taken for matching only, never while bytes are copied
	queue   match.Queue[*request, message]
	stored  atomic.Uint32 // counts the unexpected messages that did not come through the inbox
	probing bool          // the rank waits for a message without a receive; guarded by mailMu
}

// Contexts keep communicators' messages apart. Those of new communicators come from agree.Contexts.
const (
	worldContext = 1
	selfContext  = 2
)

func newRank(w *World, rank group.WorldRank, everyone *group.Group, set *instances) *Rank {
	r := &Rank{world: w, rank: rank, contexts: agree.NewContexts(rank, w.config.Size)}
	r.main = Thread{rank: r, counted: true}
	r.initThread, r.over = &r.main, make(chan struct{})
	r.token, r.spinTime = make(chan struct{}, 1), maxSpinTime
	r.worldComm = newComm(commWorld, fatalHandler)
	r.worldComm.context, r.worldComm.group, r.worldComm.instances = worldContext, everyone, set
	r.worldComm.rank, r.worldComm.member = match.Rank(rank), int(rank)
	r.self = newComm(commSelf, fatalHandler)
	r.self.context, r.self.instances = selfContext, newInstances(1)
	r.self.group = &group.Group{Ranks: []group.WorldRank{rank}}
	r.mover.r = r
	r.eager.pool, r.inbox.cells = w.eager, new([inboxCells]cell)
	r.traffic = make([]traffic, w.config.Size)
	if w.config.Stats {
		r.stats = &stats{calls: make([]callStats, len(names))}
	}
	if w.config.Check != nil {
		r.check = newChecker(r, w.config.Check)
	}
	return r
}

func (r *Rank) phase() phase { return phase(r.state.Load()) }

// Initialized reports whether MPI_Init has been called.
func (r *Rank) Initialized() bool { return r.phase() != beforeInit }

// Finalized reports whether MPI_Finalize has been called.
func (r *Rank) Finalized() bool { return r.phase() == finalized }
