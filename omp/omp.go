// Package omp is OpenMP's runtime for one rank: teams of threads over one memory, worksharing loops and their
// schedules, synchronization, reductions, locks, and the routines and environment variables around them. Its calls are
// what clang's code for directives and omp.h call (package omp/guest declares them). What decides is apart from what
// acts: schedule.go, icv.go and environment.go compute and do nothing else. It leaves to worker/rank what a thread is
// (an instance over the rank's memory, on a goroutine), how one waits, and what the end of one means; see Host.
package omp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/faasmrun/faasmrun/omp/task"
)

// Host is one thread of the rank's program, as the runtime needs it. Its methods are called on the thread's goroutine,
// and end the thread by a panic when the rank ends.
type Host interface {
	// Bytes is a part of the linear memory. One that is not there traps where the program has called.
	Bytes(address, size uint64) []byte
	// Grow adds at least size bytes to the memory, zeros, and gives where they begin.
	Grow(size uint64) (address uint64, ok bool)
	// CallTable calls a function pointer with parameters of those types, within a host call; Run does outside of one.
	CallTable(function uint32, params string, args ...uint64) error
	Run(function uint32, params string, args ...uint64) error
	// CallTableResult and RunResult call functions that return an i32.
	CallTableResult(function uint32, params string, args ...uint64) (int32, error)
	RunResult(function uint32, params string, args ...uint64) (int32, error)
	// Wait parks the thread for as long as word holds a value, until Notify is called with its key. It may return
	// early.
	Wait(key uint64, word *atomic.Uint32, value uint32)
	// Notify wakes up to count of those that wait with a key. Who changes the word notifies afterwards.
	Notify(key uint64, count uint32)
	// Print writes text to the program's standard output (1) or standard error (2).
	Print(descriptor uint32, text []byte)
	// Start starts a further thread with a stack of a size, on a goroutine of its own, which calls t.Work and ends with
	// that. scratch is room in the memory that the thread has to itself, of ScratchSize bytes. The error wraps ErrNoRoom
	// where the memory has none for the stack.
	Start(stack uint64, t *Thread) (scratch uint64, err error)
}

// ErrNoRoom is that the memory has no room for one more thread.
var ErrNoRoom = errors.New("the rank's memory has no room for one more thread")

// ScratchSize is what the runtime needs in the memory for each thread: its numbers, for regions' functions.
const ScratchSize = 16

// Config is what a rank's runtime is made with.
type Config struct {
	Env        []string // the rank's environment, of which OMP_… count
	Hostname   string   // of this host, as the program is told
	Processors int      // that programs are told of; as many threads has a team by default
	Cores      int      // real ones, that the rank has to itself
	Limit      int      // most threads of the rank
	// Stats has regions and waits be measured, for Runtime.Profile; Read then gives what of the program's memory can be
	// read from an address on.
	Stats bool
	Read  func(address uint64) []byte
}

// Runtime is OpenMP of one rank.
type Runtime struct {
	settings   Settings
	processors int
	cores      int
	limit      int
	hostname   string
	passive    bool         // threads that wait never spin
	awake      atomic.Int32 // threads that do not wait
	stats      *stats       // nil unless asked for

	mu    sync.Mutex // guards the next three, and pools
	made  int        // threads so far, main included
	free  []*Thread  // of contention groups that have ended
	inUse int        // threads in teams, but those that came to the region

	blocks  blocks        // tasks
	handles atomic.Uint64 // given to the program, of taskgroups
	arenaMu sync.Mutex    // guards the arena
	arena   arena

	allocators allocators

	affinityFormat atomic.Pointer[string]
}

// contentionGroup is a thread that the program has made, or main, and those of its teams. The pool is the
// latter; see there.
type contentionGroup struct{ pool []*Thread }

// Thread is a thread of the rank: main, another that the program has made, or one of the pool that its teams are made
// of.
type Thread struct {
	runtime *Runtime
	group   *contentionGroup
	host    Host
	id      int // clang's global thread number: main is 0
	scratch uint64
	// region is where the thread is: which member of which team; task is what it runs there.
	region                 *region
	task                   *taskOf
	inside                 inside
	sections               []entered // critical ones that it is in, where that is measured
	asked                  asked     // of the next region, by its num_threads clause
	nested                 []int     // threads of regions in that one, by the same clause
	askedTeams, askedLimit int       // teams of the next teams construct, and threads in each
	args                   []uint64  // of a region's function

	blocks   [blockSizes]freeBlocks // tasks that are the thread's to make
	taskArgs [2]uint64
	depends  []task.Dependence
	ready    []*task.Node[*taskOf]
	outside  bool // of any host call, with a task

	busy     bool                   // in a team; guarded by runtime.mu; the first of a group is in none
	begin    word                   // advanced when a pooled thread has something to do:
	assigned atomic.Pointer[region] // a region, which is this member; or a task of its team's, if it was
	idle     atomic.Bool            // at the region's end, and found none
	spinning time.Duration

	showed string // of its affinity, last
}

// New makes the runtime of a rank. Main is its first thread.
func New(c Config) *Runtime {
	settings, _ := Environment(c.Env, c.Processors, c.Limit)
	r := &Runtime{settings: settings, processors: c.Processors, cores: c.Cores, limit: settings.ThreadLimit,
		passive: settings.Passive, hostname: c.Hostname}
	r.affinityFormat.Store(&settings.AffinityFormat)
	if c.Stats {
		r.stats = newStats(c.Read)
	}
	return r
}

// Initial is a thread that the program itself has: main, for which it is called first, or one that main has made by
// other means than OpenMP's. End is to follow when one of the latter ends.
func (r *Runtime) Initial(h Host) *Thread {
	r.mu.Lock()
	t := r.newThread()
	r.mu.Unlock()
	t.host, t.group = h, &contentionGroup{}
	first := newTeam(1)
	t.region = &first.members[0]
	t.region.begin(r.settings.icvs)
	t.task = &t.region.implicit
	r.awake.Add(1)
	return t
}

// End leaves the threads of an initial thread's teams to others.
func (t *Thread) End() {
	r := t.runtime
	r.awake.Add(-1)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.free = append(r.free, t.group.pool...)
	t.group.pool = nil
}

// newThread makes a thread. r.mu is held.
func (r *Runtime) newThread() *Thread {
	r.made++
	return &Thread{runtime: r, id: r.made - 1, spinning: mostSpin}
}

// Error is a fault that ends the rank: what OpenMP was asked for can't be had.
type Error struct{ Text string }

func (e *Error) Error() string { return e.Text }

func fail(format string, args ...any) { panic(&Error{fmt.Sprintf(format, args...)}) }

// pageSize is WebAssembly's.
const pageSize = 64 << 10

// number reads an integer of the program's memory, of 4 bytes with its sign or of 8.
func (t *Thread) number(address uint64, size uint64) uint64 {
	b := t.host.Bytes(address, size)
	if size == 4 {
		return uint64(int64(int32(binary.LittleEndian.Uint32(b))))
	}
	return binary.LittleEndian.Uint64(b)
}

// store writes one.
func (t *Thread) store(address, size, value uint64) {
	b := t.host.Bytes(address, size)
	if size == 4 {
		binary.LittleEndian.PutUint32(b, uint32(value))
	} else {
		binary.LittleEndian.PutUint64(b, value)
	}
}
