// Package mpi serves the import module "mpi": the C interface of MPI 5.0 by its standard ABI, for ranks that are
// goroutines of one process, each with a linear memory of its own. It owns everything a rank knows of MPI
// (communicators, groups, handles of datatypes, operations, requests, messages) as plain data. It leaves running the
// ranks, their memories and their instances to worker/rank, what datatypes are and how data is copied and reduced to
// mpi/datatype, agreement on new communicators to mpi/agree, groups to mpi/group, matching to mpi/match, the way of a
// message to mpi/transport, the algorithms of collectives to mpi/coll, and the header to mpi/guest.
//
// A large message is copied once: by the receiver if the sender came first, by the sender if the receive was posted. A
// small one is copied into a bounded store outside the Go heap, so that the sender need not wait. No lock is held while
// more than a few bytes are copied, and nothing is allocated per message in the steady state.
package mpi

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/faasmrun/faasmrun/mpi/group"
	"github.com/faasmrun/faasmrun/mpi/transport"
)

// WorldConfig describes a job's world.
type WorldConfig struct {
	Size int    // ranks of MPI_COMM_WORLD
	Node string // what MPI_Get_processor_name says
	// Home says of each rank whether it runs in this process, and Link leads to the others; nil: all do. Such a job is not
	// checked, and that all its ranks wait for each other is not noticed.
	Home []bool
	Link transport.Link
	// EagerBytes bounds the memory for messages that were sent and not yet received; 0 takes a default. Beyond it
	// senders wait for their receivers.
	EagerBytes int64
	// Programs gives the number of each rank's program, in a job of several; nil: all run the first.
	Programs []int
	// Stats counts and times every call, for Profile.
	Stats bool
	// Cores is how many processors the ranks have to themselves: as long as no more ranks could run, a waiting rank spins
	// before it parks. 0: every rank parks at once.
	Cores int
	// Check, if not nil, is told what a program does wrong that MPI need not notice: leaks, signatures that differ,
	// buffers that overlap. It is called from the ranks' goroutines.
	Check func(rank int, text string)
	// ResumeEvery has calls broken off and made again, in tests.
	ResumeEvery ResumeEvery
	// ByMessages has the collectives of all communicators go by messages, in tests. Else those of which a member runs
	// elsewhere do.
	ByMessages bool
	// Unwatched leaves out the check that not all ranks wait for each other.
	Unwatched bool
}

// program is MPI_APPNUM.
func (c *WorldConfig) program(rank int) int {
	if c.Programs == nil {
		return 0
	}
	return c.Programs[rank]
}

const defaultEagerBytes = 64 << 20

// World joins the ranks of a job that run in this process.
type World struct {
	config  WorldConfig
	started time.Time
	ranks   []*Rank // nil of those that run elsewhere
	// everyone is the group of MPI_COMM_WORLD.
	everyone *group.Group
	fabric   *transport.Fabric
	checkers []*checker // by rank; nil unless asked for
	ended    atomic.Pointer[Ended]

	_       [64]byte     // every park writes the next four; the fields above are read all the time
	blocked atomic.Int64 // threads that wait, in MPI or without an end for another thread of their rank
	active  atomic.Int64 // threads of ranks that have not finalized
	waking  atomic.Int64 // threads that were woken in MPI and do not run yet
	yielded atomic.Int64 // threads that let another one run and do not run again yet
	_       [64]byte

	instancesMu sync.Mutex
	named       map[string]*instances // of ranks that agree under a name; guarded by instancesMu
	made        map[uint32]*instances // by contexts; see madeInstances; guarded by instancesMu
}

// NewWorld makes a world. Its ranks may run once NewRank has been called for each.
func NewWorld(config WorldConfig) *World {
	if config.EagerBytes == 0 {
		config.EagerBytes = defaultEagerBytes
	}
	w := &World{config: config, started: time.Now(), named: map[string]*instances{},
		made: map[uint32]*instances{}}
	w.fabric = transport.NewFabric(transport.Config{Size: config.Size, Home: config.Home, Link: config.Link,
		EagerBytes: config.EagerBytes, Woken: w.woken})
	w.ranks = make([]*Rank, config.Size)
	w.everyone = group.New(config.Size)
	set := newInstances(config.Size)
	if config.Check != nil {
		w.checkers = make([]*checker, config.Size)
	}
	for i := range w.ranks {
		if !w.fabric.AtHome(group.WorldRank(i)) {
			w.config.Unwatched = true
			continue
		}
		w.active.Add(1)
		w.ranks[i] = newRank(w, group.WorldRank(i), w.everyone, set)
	}
	return w
}

// Arrive takes a frame that a link has brought; see transport.Fabric.Arrive.
func (w *World) Arrive(f *transport.Frame) error { return w.fabric.Arrive(f) }

// leastAtHome is the first of the ranks that run here, by which the ranks of one process know each other.
func (w *World) leastAtHome() group.WorldRank {
	rank := group.WorldRank(0)
	for !w.fabric.AtHome(rank) {
		rank++
	}
	return rank
}

// NewRank gives a rank the surroundings of its main thread.
func (w *World) NewRank(rank int, h Host) *Rank {
	r := w.ranks[rank]
	r.main.host, r.lowest = h, h.Lowest()
	return r
}

// End wakes every rank: each waiting or next call panics with *Ended. The first cause stays.
func (w *World) End(cause error) {
	w.ended.CompareAndSwap(nil, &Ended{cause})
	for _, r := range w.ranks {
		if r != nil {
			r.end(w.ended.Load())
		}
	}
}

// End ends one rank, as World.End does all. Any goroutine may call it.
func (r *Rank) End(cause error) { r.end(&Ended{cause}) }

func (r *Rank) end(e *Ended) {
	if r.ended.CompareAndSwap(nil, e) {
		close(r.over)
	}
	r.endpoint.Wake()
}

// Done is closed when the rank is to end, for its threads that wait outside MPI.
func (r *Rank) Done() <-chan struct{} { return r.over }

// woken counts a thread that is woken in MPI.
func (w *World) woken() {
	w.waking.Add(1)
	w.blocked.Add(-1)
}

// Close gives back the world's memory. Every rank's goroutine must have returned, and no link bring anything.
func (w *World) Close() { w.fabric.Close() }

// stuck is called by the thread whose waiting leaves nobody to run. Every rank waits for another one, and every thread
// of it; nothing is under way (a message is delivered before its sender parks), so nobody will ever wake: the job ends
// here, and says why.
func (w *World) stuck() {
	if w.config.Unwatched || w.blocked.Load() != w.active.Load() || w.active.Load() == 0 {
		return
	}
	w.End(&DeadlockError{Waiting: w.waiting()})
}

func (w *World) waiting() []string {
	lines := make([]string, len(w.ranks))
	for i, r := range w.ranks { // all of which run here, or nobody watches
		lines[i] = r.Activity()
	}
	return lines
}

// DeadlockError is the cause when every rank waits for another.
type DeadlockError struct {
	Waiting []string // Activity of each rank
}

func (e *DeadlockError) Error() string {
	var b strings.Builder
	b.WriteString("deadlock: every rank waits for another")
	for i, state := range e.Waiting {
		if i == maxWaitingShown && len(e.Waiting) > maxWaitingShown+1 {
			fmt.Fprintf(&b, "\n  … and %d more", len(e.Waiting)-i)
			break
		}
		fmt.Fprintf(&b, "\n  rank %d: %s", i, state)
	}
	return b.String()
}

// maxWaitingShown bounds the ranks a deadlock's message lists.
const maxWaitingShown = 32
