package mpi

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/faasmrun/faasmrun/mpi/coll/schedule"
	"github.com/faasmrun/faasmrun/mpi/datatype"
	"github.com/faasmrun/faasmrun/mpi/transport"
)

// Thread is one thread of a rank's program. Calls come from threads: what MPI calls back runs in the thread that called
// it. What a Rank holds is never used by two at once: its threads take turns in MPI, by themselves up to
// MPI_THREAD_SERIALIZED, and made to by a lock with MPI_THREAD_MULTIPLE, which a thread gives back while it waits and
// while MPI calls the program.
//
// A call's receiver is a thread where it waits, calls the program back or uses the scratch below, and else the rank.
type Thread struct {
	*Rank
	parker
	number int // 0 is the one that runs main
	host   Host
	// counted reports whether the thread is among the world's active ones. Its own goroutine alone writes it, and not
	// while it waits.
	counted bool
	waits   atomic.Bool // without an end of its own, outside MPI
	left    atomic.Bool // main, which has ended before others

	holds  bool // the rank's turn, which it has to give back where it waits
	waiter transport.Waiter
	parked atomic.Bool // in MPI, among others of its rank

	call    atomic.Uint32   // index of the last function called
	waiting []*request      // room for those of a call that waits for several
	nested  int             // functions of the program that MPI has called and that may be in MPI again
	called  bool            // MPI, where that is timed
	apart   time.Duration   // of the call that is being timed: what calls within it have taken
	draft   part            // of the collective that is being called
	steps   schedule.Steps  // of the round that is being begun
	spans   []datatype.Span // of the reduction in it
	mover   mover
	reader  reader         // of the slots of a collective
	own     overflowBuffer // what the thread has combined of them
	result  []byte         // what this or another rank has combined

	pending    pending
	toSuspend  atomic.Bool // its call is to be broken off
	resumable  bool        // the call that it is in can be
	suspending bool        // that happens just now
	resume     *resumer    // nil but in tests

	waitStateMu sync.Mutex
	waitState   waitState   // guarded by waitStateMu
	oneOf       []waitState // of some of the requests that it waits for; guarded by waitStateMu
}

func (t *Thread) begin(r *Rank, number int) {
	t.Rank, t.number, t.counted = r, number, true
	t.parker.begin()
	t.waiter.Token = t.token
	t.mover.t = t
	t.resume = r.world.config.ResumeEvery.newResumer(int(r.rank), number)
}

// Main is the thread that runs the rank's main.
func (r *Rank) Main() *Thread { return &r.main }

// NewThread adds a thread, which h serves, to a rank. Retire is to follow when it ends. It is called on a goroutine of
// one of the rank's threads.
func (r *Rank) NewThread(number int, h Host) *Thread {
	t := &Thread{host: h}
	t.begin(r, number)
	r.threadsMu.Lock()
	r.threads = append(r.threads, t)
	r.threadsMu.Unlock()
	r.several.Store(true)
	r.world.active.Add(1)
	return t
}

// Retire takes a thread that has ended out of the count, and out of its rank.
func (t *Thread) Retire() {
	r := t.Rank
	r.threadsMu.Lock()
	for i, other := range r.threads {
		if other == t {
			r.threads = append(r.threads[:i:i], r.threads[i+1:]...)
			break
		}
	}
	r.threadsMu.Unlock()
	if t.holds {
		t.endTurn()
	}
	if t == &r.main { // all others have ended
		r.endpoint.Count()
	}
	t.uncount()
}

// Leave takes main, which has ended before others, out of the count.
func (t *Thread) Leave() {
	t.left.Store(true)
	t.uncount()
}

// Count notes that the thread waits, outside MPI, for what another thread of its rank is to do, or no longer does. Who
// ends the wait says so, before the thread goes on. Settle is to follow when it begins.
func (t *Thread) Count(waits bool) {
	t.waits.Store(waits)
	switch {
	case !t.counted:
	case waits:
		t.world.blocked.Add(1)
	default:
		t.world.blocked.Add(-1)
	}
}

// Settle ends the job if its last running thread was the one that now waits.
func (t *Thread) Settle() {
	if w := t.world; w.blocked.Load() == w.active.Load() {
		w.stuck()
	}
}

// uncount takes the thread, which will wake no other rank any more, out of the count. If all others wait, it is the
// last that could tell.
func (t *Thread) uncount() {
	if !t.counted {
		return
	}
	t.counted = false
	if w := t.world; w.active.Add(-1) == w.blocked.Load() {
		w.stuck()
	}
}

// CheckEnded panics with *Ended if the rank is to end.
func (t *Thread) CheckEnded() { t.checkEnded() }

// title is who the thread is, for a message.
func (t *Thread) title() string {
	if t.number == 0 {
		return fmt.Sprintf("rank %d", t.rank)
	}
	return fmt.Sprintf("rank %d, thread %d", t.rank, t.number)
}

// calling is the thread whose call is under way.
func (r *Rank) calling() *Thread {
	if t := r.inside.Load(); t != nil {
		return t
	}
	return &r.main
}

// takeTurn waits for the rank's lock. Who has it never waits for what others do, so the thread does not count as one
// that waits.
func (t *Thread) takeTurn() {
	r := t.Rank
	if !r.turn.TryLock() {
		r.queued.Add(1)
		r.turn.Lock()
		r.queued.Add(-1)
	}
	r.inside.Store(t)
	t.holds = true
}

// endTurn gives the rank's lock back.
func (t *Thread) endTurn() {
	t.holds = false
	t.inside.Store(nil)
	t.turn.Unlock()
}

// cede lets others have the rank's lock that wait for it, within a wait of the thread's.
func (t *Thread) cede() {
	if t.holds && t.queued.Load() > 0 {
		t.endTurn()
		runtime.Gosched()
		t.takeTurn()
	}
}

// locked reports whether the rank's threads may call MPI at once, and there are several.
func (r *Rank) locked() bool { return r.several.Load() && r.multiple.Load() }

// inTurn is a call of a thread of a rank that has several, of a function that uses what the rank holds. A thread that
// comes while another one is in such a call, where the level of thread support forbids it, ends the rank.
func (s *served) inTurn(t *Thread, stack []uint64) {
	r := t.Rank
	if r.multiple.Load() {
		t.takeTurn()
		defer t.leaveTurn()
		s.call(t, stack)
		return
	}
	if !r.inside.CompareAndSwap(nil, t) {
		other := "another thread"
		if o := r.inside.Load(); o != nil {
			other = fmt.Sprintf("thread %d", o.number)
		}
		t.abort(errOther, s.name, "called while %s is in %s: MPI_Init_thread did not give MPI_THREAD_MULTIPLE, so that "+
			"threads must take turns [MPI_ERR_OTHER]", other, callName(r.calling().call.Load()))
	}
	defer r.inside.Store(nil)
	if r.phase() == running && r.threadLevel < threadSerialized && t != r.initThread {
		t.abort(errOther, s.name, "called by a thread that did not initialize MPI: with less than MPI_THREAD_SERIALIZED "+
			"only that one may [MPI_ERR_OTHER]")
	}
	s.call(t, stack)
}

// leaveTurn is the end of a call, however it ends.
func (t *Thread) leaveTurn() {
	if t.holds {
		t.endTurn()
	}
}

// raise is Thread.raise in the thread's turn: an error handler is the program's.
func (s *served) raise(t *Thread, f *failure) int32 {
	r := t.Rank
	if r.locked() && !t.holds {
		t.takeTurn()
		defer t.leaveTurn()
	} else if r.several.Load() && r.inside.Load() != t {
		if !r.inside.CompareAndSwap(nil, t) {
			t.abort(int(f.class), s.name, "%s [%s]", f.reason, className(f.class))
		}
		defer r.inside.Store(nil)
	}
	return t.raise(s.name, f)
}

// Activity describes what each thread of the rank is doing, for a user who asks why the job makes no progress. Any
// goroutine may call it.
func (r *Rank) Activity() string {
	threads := r.allThreads()
	var parts []string
	for _, t := range threads {
		if t.left.Load() {
			continue
		}
		what := t.activity()
		if t.waits.Load() {
			what = t.host.Waits()
		}
		if len(threads) > 1 {
			what = fmt.Sprintf("thread %d: %s", t.number, what)
		}
		parts = append(parts, what)
	}
	return strings.Join(parts, "; ")
}
