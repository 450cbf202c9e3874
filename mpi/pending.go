package mpi

// A call that waits can be broken off: its wait ends in suspended, with nothing announced that nobody would take back,
// and what the call has done is kept in pending. Made again with the same arguments, it goes on from there. Nothing is
// broken off while the program runs inside a call, in a function that MPI has called back.

// pending is how far a thread's call has come that waits: what it must not do a second time when it is made again.
// Between two calls it is empty, unless the first was broken off.
type pending struct {
	call  uint32 // index of the function that was broken off; 0: none was
	large bool   // it is the _c function
	used  bool   // something in here is set
	step  uint8  // how many of its waits are behind a call that waits for several things, and cannot do it all again
	stage stage  // of its collective

	send, receive *request   // its own, which the program has no handle of
	answer        *answer    // its agreement, from stageEntered on
	named         *instances // of its agreement, where those who agree have no communicator
	in            membership // of its collective, where that does not go through slots
}

// membership is a rank's place in a collective instance. The instance itself is another collective's once it is over.
type membership struct {
	set      *instances // nil: there is none
	sequence uint64
	member   int
}

// instance is that of a collective that is not over; nil of one that is.
func (m *membership) instance() *instance {
	if m.set == nil {
		return nil
	}
	m.set.mu.Lock()
	defer m.set.mu.Unlock()
	return m.set.live[m.sequence]
}

// claim takes the work of an instance that is open, as long as nobody has: then it cannot be another collective's.
func (m *membership) claim() *instance {
	if m.set == nil {
		return nil
	}
	m.set.mu.Lock()
	defer m.set.mu.Unlock()
	inst := m.set.live[m.sequence]
	if inst == nil {
		return nil
	}
	if _, mine := inst.Take(); !mine {
		return nil
	}
	return inst
}

// withdraw takes back that the rank has arrived, which is to arrive again. It reports whether that was possible: not
// when all have.
func (m *membership) withdraw() bool {
	m.set.mu.Lock()
	defer m.set.mu.Unlock()
	inst := m.set.live[m.sequence]
	return inst != nil && inst.Withdraw()
}

// name is the function that was broken off.
func (p *pending) name() string {
	if p.large {
		return callName(p.call) + "_c"
	}
	return callName(p.call)
}

// stage is how far a blocking collective has come.
type stage uint8

const (
	stageNone    stage = iota
	stageEntered       // it has its number, and waits for a row of the slots
	stageOut           // what the rank brings is out
)

// enters notes a stage of the call's collective.
func (t *Thread) enters(s stage) { t.pending.stage, t.pending.used = s, true }

// keeps notes requests of the call's own. Either may be nil.
func (t *Thread) keeps(send, receive *request) {
	t.pending.send, t.pending.receive, t.pending.used = send, receive, true
}

// passes notes that a call has done what it waits for first, and begins with what comes next.
func (t *Thread) passes() {
	p := &t.pending
	*p = pending{call: p.call, large: p.large, used: true, step: p.step + 1}
}

// suspended is what a wait panics with that was broken off. attempt catches it, and nobody else.
type suspended struct{}

// Suspend has the thread's call broken off where it waits, or the next one that waits. Any goroutine may call it.
func (t *Thread) Suspend() {
	t.toSuspend.Store(true)
	t.wakeFromOutside()
}

// suspends reports whether the thread's call is to be broken off.
func (t *Thread) suspends() bool { return t.toSuspend.Load() && t.nested == 0 }

// breakOff ends a wait that is to be broken off. first is its first look at what it waits for.
func (t *Thread) breakOff(first bool) {
	if !t.SuspendsOutside(first) {
		return
	}
	if !t.resumable {
		t.abort(errIntern, callName(t.call.Load()), "it waits and cannot be broken off [MPI_ERR_INTERN]")
	}
	t.suspending = true
	panic(suspended{})
}

// SuspendsOutside reports whether a wait of the thread outside MPI, in a call that Outside makes, is to be broken off.
// first is its first look at what it waits for. Within a call of MPI, where a function of the program runs, none is.
func (t *Thread) SuspendsOutside(first bool) bool {
	if first && t.resume != nil && t.nested == 0 && t.resume.due() {
		t.toSuspend.Store(true)
	}
	return t.suspends()
}

// Outside makes a call outside MPI, and makes it again as often as it is broken off, which it reports.
func (t *Thread) Outside(call func() (broken bool)) {
	for call() {
		t.toSuspend.Store(false)
	}
	if t.resume != nil {
		t.resume.again = false
	}
}

// run calls a function. If that is broken off it is made again.
func (s *served) run(c call, stack []uint64) *failure {
	if !s.waits {
		return s.fn.call(c, stack)
	}
	t := c.Thread
	if s.fn.fast != nil && t.pending.call == 0 && s.fn.fast(c, stack) {
		return nil
	}
	outer := t.resumable
	t.resumable = true
	f, broken := s.attempt(c, stack)
	for broken {
		t.pending.call, t.pending.large, t.pending.used = s.index, s.large, true
		if t.resume != nil {
			t.resume.broke[s.index]++
			t.reloadForTest()
		}
		f, broken = s.attempt(c, stack)
	}
	t.resumable = outer
	if t.pending.used {
		t.pending = pending{}
	}
	if t.resume != nil {
		t.resume.again = false
	}
	return f
}

// attempt calls a function that can be broken off, and reports whether it was.
func (s *served) attempt(c call, stack []uint64) (f *failure, broken bool) {
	defer c.catch(&broken)
	return s.fn.call(c, stack), false
}

// catch is deferred around a call that can be broken off. Here alone is a suspended wait caught, so that what is
// between has no errors to pass on.
func (t *Thread) catch(broken *bool) {
	if t.suspending {
		t.suspending, *broken = false, true
		t.toSuspend.Store(false)
		_ = recover()
	}
}
