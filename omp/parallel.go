package omp

import (
	"sync"
	"sync/atomic"
)

// team is the threads that work on a parallel region. It is used again by the next region of as many threads that its
// encountering thread comes to.
type team struct {
	size    int
	members []region
	threads []*Thread // by number; 0 is the one that came to the region
	parent  *region   // where that one was
	level   int       // of regions that this one is in, itself included
	active  int       // of these, those with several threads

	function  uint32
	arguments []uint64 // what the region has captured

	tasking
	outer     *taskOf // what the one that came to the region was at
	modifying sync.Mutex
	modified  [2]atomic.Pointer[reductionCopies] // set under modifying: of a region, and of a loop in it
	cancelled atomic.Uint32                      // what was cancelled of the region, by clang's number; 0: nothing
	noted     atomic.Uint32                      // the same, as it was at the last barrier
	league    *league                            // of which it is a team, with one initial thread

	acrossMu sync.Mutex // guards the next, and what it says there
	across   []*doacross

	singles  atomic.Uint32
	copied   uint64 // what a copyprivate clause hands around
	loops    [openLoops]sharedLoop
	reducing reduction
}

// region is a member of a team: a thread within a parallel region, and its implicit task.
type region struct {
	team   *team
	number int
	queue  queue // of tasks
	child  *team // the last team that was made here, to be used again

	implicit taskOf
	initial  *region // in a league: that of the team of its own
	times    times   // where the runtime measures

	singles    uint32 // constructs of each sort that the thread has come to
	begun      uint32 // loops that are dealt out
	reductions uint32
	loop       dealing
	crossings  uint32
	across     *crossing
}

// letters are the parameters of a region's function: addresses of both numbers of the thread, and what is captured.
var letters = func() string {
	b := make([]byte, mostCaptured+2)
	for i := range b {
		b[i] = 'l'
	}
	return string(b)
}()

// mostCaptured bounds what a region captures: WebAssembly's functions have 1000 parameters at most.
const mostCaptured = 990

// void __kmpc_fork_call(loc, captured i32, region, arguments): runs the region in a team, and returns when all of it
// has. arguments points to what is captured, 8 bytes each.
func forkCall(t *Thread, s []uint64) {
	tm := t.form(t.reserve())
	t.capture(tm, s)
	if t.runtime.stats != nil {
		t.measureRegion(tm, s[0])
		return
	}
	t.work(tm)
}

// capture notes a region's function and what it has captured: (loc, captured i32, region, arguments).
func (t *Thread) capture(tm *team, s []uint64) {
	captured := int(int32(s[1]))
	if captured < 0 || captured > mostCaptured {
		fail("a parallel region that captures %d variables: at most %d", captured, mostCaptured)
	}
	tm.function = uint32(s[2])
	tm.arguments = tm.arguments[:0]
	for i := range captured {
		tm.arguments = append(tm.arguments, t.number(s[3]+8*uint64(i), 8))
	}
}

// form makes a team of n threads, the calling one among them, or takes the one that was made here last.
func (t *Thread) form(n int) *team {
	at := t.region
	tm := at.child
	if tm == nil || tm.size != n {
		tm = newTeam(n)
		tm.parent, tm.level, tm.active = at, at.team.level+1, at.team.active
		if n > 1 {
			tm.active++
		}
		tm.threads[0] = t
		at.child = tm
	}
	tm.outer = t.task
	inner := t.task.icvs.within()
	if len(t.nested) > 0 {
		inner.threads = t.nested
	}
	tm.serial.Add(1) // from here on no thread of the last region takes a task
	for i := range tm.members {
		tm.members[i].begin(inner)
	}
	tm.singles.Store(0)
	tm.state.Store(0)
	tm.cancelled.Store(0)
	tm.across = nil
	tm.reducing.reset()
	for i := range tm.loops {
		tm.loops[i].reset(uint32(i))
	}
	t.nested = nil
	t.takeThreads(tm)
	return tm
}

func newTeam(n int) *team {
	tm := &team{size: n, members: make([]region, n), threads: make([]*Thread, n)}
	tm.reducing.data = make([]uint64, n)
	for i := range tm.members {
		tm.members[i].team, tm.members[i].number = tm, i
	}
	return tm
}

// begin is the beginning of a region for a member.
func (m *region) begin(inner icvs) {
	m.singles, m.begun, m.reductions, m.loop, m.crossings, m.across = 0, 0, 0, dealing{}, 0, nil
	m.initial = nil
	k := &m.implicit
	k.team, k.parent, k.icvs, k.group, k.graph.used = m.team, k, inner, nil, false
	k.children.Store(0)
	k.users.Store(1)
}

// work runs a team's region: the calling thread is its first.
func (t *Thread) work(tm *team) {
	for i := 1; i < tm.size; i++ {
		w := tm.threads[i]
		w.settleIdle()
		w.assigned.Store(&tm.members[i])
		t.advance(&w.begin)
	}
	t.callBack(tm.function, letters[:2+len(tm.arguments)], t.enter(&tm.members[0])...)
	t.leaveTeam()
	t.endRegion()
	t.returnThreads(tm)
}

// endRegion waits for a region's other threads and for its tasks, and puts the thread back to where it came from.
func (t *Thread) endRegion() {
	tm := t.region.team
	before := tm.ended.Load()
	if s := tm.state.Add(oneAtEnd); atEnd(s) < tm.size || tasksIn(s) > 0 {
		t.workUntil(until{word: &tm.ended, old: before}, &tm.barrier, nil)
	}
	t.region, t.task = tm.parent, tm.outer
}

// leaveTeam is the end of a team of a league for its initial thread.
func (t *Thread) leaveTeam() {
	if t.region.team.league != nil {
		t.endRegion()
	}
}

// enter puts the thread into a region, and gives the arguments of its function.
func (t *Thread) enter(m *region) []uint64 {
	arguments := m.team.arguments
	if m.initial != nil {
		m = m.initial
	}
	t.region, t.task = m, &m.implicit
	if t.scratch == 0 {
		address, ok := t.host.Grow(pageSize)
		if !ok {
			fail("a parallel region: the rank's memory is full (--mem-per-rank)")
		}
		t.scratch = address
	}
	if t.runtime.settings.DisplayAffinity {
		t.showAffinity()
	}
	t.store(t.scratch, 4, uint64(t.id))
	t.store(t.scratch+4, 4, 0)
	t.args = append(append(t.args[:0], t.scratch, t.scratch+4), arguments...)
	return t.args
}

// void __kmpc_fork_call_if(loc, captured i32, region, condition i32, argument): a region with an if clause, whose only
// captured variable, if it has one, is the argument.
func forkCallIf(t *Thread, s []uint64) {
	n := 1
	if int32(s[3]) != 0 {
		n = t.reserve()
	} else {
		t.asked, t.nested = asked{}, nil
	}
	tm := t.form(n)
	tm.function = uint32(s[2])
	if tm.arguments = tm.arguments[:0]; s[4] != 0 {
		tm.arguments = append(tm.arguments, s[4])
	}
	t.work(tm)
}

// void __kmpc_serialized_parallel(loc, gtid): the code that follows is a region of one thread.
func serializedParallel(t *Thread, _ []uint64) {
	t.asked, t.nested = asked{}, nil
	tm := t.form(1) // which takes nobody
	t.region, t.task = &tm.members[0], &tm.members[0].implicit
}

// void __kmpc_end_serialized_parallel(loc, gtid)
func endSerializedParallel(t *Thread, _ []uint64) {
	if t.region.team.parent != nil {
		t.endRegion()
	}
}

// asked is what a num_threads clause says of a region.
type asked struct {
	threads  int    // 0: nothing
	strict   bool   // fewer are a mistake,
	severity uint64 // by clang's number,
	message  string // which is told so
}

// void __kmpc_push_num_threads(loc, gtid, threads i32): of the next region.
func pushNumThreads(t *Thread, s []uint64) { t.asked = asked{threads: max(int(int32(s[2])), 0)} }

// void __kmpc_push_num_threads_strict(loc, gtid, threads i32, severity i32, *message)
func pushNumThreadsStrict(t *Thread, s []uint64) {
	pushNumThreads(t, s)
	t.beStrict(s[3], s[4])
}

// void __kmpc_push_num_threads_list(loc, gtid, count i32, *threads): of the next region and those nested in it.
func pushNumThreadsList(t *Thread, s []uint64) {
	n := int32(s[2])
	if n < 1 || n > mostLevels {
		fail("a num_threads clause with %d numbers: at most %d", n, mostLevels)
	}
	list := make([]int, n)
	for i := range list {
		list[i] = max(int(int32(t.number(s[3]+4*uint64(i), 4))), 1)
	}
	t.asked = asked{threads: list[0]}
	if n > 1 {
		t.nested = list[1:]
	}
}

// void __kmpc_push_num_threads_list_strict(loc, gtid, count i32, *threads, severity i32, *message)
func pushNumThreadsListStrict(t *Thread, s []uint64) {
	pushNumThreadsList(t, s)
	t.beStrict(s[4], s[5])
}

func (t *Thread) beStrict(severity, message uint64) {
	t.asked.strict, t.asked.severity, t.asked.message = true, severity, string(t.text(message))
}
