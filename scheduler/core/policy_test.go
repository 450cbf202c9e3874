package core

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/scheduler/core/result"
)

// testCluster is a state with a clock, to which tests give events.
type testCluster struct {
	t   *testing.T
	s   *State
	now Time
}

func newTestCluster(t *testing.T, workers ...uint32) *testCluster {
	h := &testCluster{t, NewState(DefaultPolicy()), Time(1_800_000_000 * Second)}
	for i, slots := range workers {
		h.do(WorkerConnected{Name: WorkerName(fmt.Sprint("n", i+1)), Slots: slots, Mem: 100 << 30})
	}
	return h
}

func (h *testCluster) do(e Event) []Transition {
	h.t.Helper()
	ts := h.step(e)
	for pass := 0; pass == 0 || h.s.Unsettled(); pass++ {
		ts = append(ts, h.step(Pass{})...)
	}
	if err := h.s.Check(); err != nil {
		h.t.Fatal(err)
	}
	return ts
}

func (h *testCluster) step(e Event) []Transition {
	h.t.Helper()
	ts, err := Decide(h.s, e, h.now)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, tr := range ts {
		if err := Apply(h.s, tr); err != nil {
			h.t.Fatal(err)
		}
	}
	return ts
}

func (h *testCluster) submit(r Request) *Job {
	h.t.Helper()
	if r.Tenant == "" {
		r.Tenant = "alice"
	}
	h.do(Submit{Request: r})
	return h.s.Job(h.s.LastJob())
}

func (h *testCluster) end(j *Job, state JobState) {
	h.t.Helper()
	h.do(RanksEnded{Worker: j.worker(), Ref: j.Ref(), Report: made(state)})
}

// is compares the states of jobs with their codes.
func (h *testCluster) is(want string, jobs ...*Job) {
	h.t.Helper()
	var got []string
	for _, j := range jobs {
		got = append(got, j.State.String())
	}
	if g := strings.Join(got, " "); g != want {
		h.t.Errorf("states are %s, want %s", g, want)
	}
}

func (h *testCluster) waits(j *Job, words string) {
	h.t.Helper()
	if why := h.s.Waiting(j); !strings.Contains(why, words) {
		h.t.Errorf("job %d waits because it %q, want %q", j.ID, why, words)
	}
}

func TestBackfill(t *testing.T) {
	h := newTestCluster(t, 10)
	long := h.submit(Request{Ranks: 6, TimeLimit: 10 * Minute})
	head := h.submit(Request{Ranks: 8, TimeLimit: Hour})
	if head.Promised != (Promise{"n1", h.now.After(10 * Minute)}) {
		t.Errorf("promised %+v", head.Promised)
	}
	short := h.submit(Request{Ranks: 2, TimeLimit: 10 * Minute})
	slow := h.submit(Request{Ranks: 2, TimeLimit: 11 * Minute}) // ends behind the promise, and fits beside the head
	h.is("CF PD CF CF", long, head, short, slow)

	h = newTestCluster(t, 10)
	long = h.submit(Request{Ranks: 6, TimeLimit: 10 * Minute})
	head = h.submit(Request{Ranks: 9, TimeLimit: Hour})
	slow = h.submit(Request{Ranks: 2, TimeLimit: 11 * Minute}) // would delay the head
	endless := h.submit(Request{Ranks: 2})
	short = h.submit(Request{Ranks: 4, TimeLimit: 10 * Minute})
	h.is("CF PD PD PD CF", long, head, slow, endless, short)
	h.waits(slow, "most that are free on one worker now are 0")
	h.end(short, Completed)
	h.waits(slow, "jobs of higher priority come first")
	h.end(long, Completed)
	h.is("CF PD", head, slow)
}

func TestStrictOrderWithoutBackfill(t *testing.T) {
	h := newTestCluster(t, 10)
	h.s.Policy.Backfill = false
	h.submit(Request{Ranks: 6, TimeLimit: Hour})
	head := h.submit(Request{Ranks: 8, TimeLimit: Hour})
	short := h.submit(Request{Ranks: 1, TimeLimit: Minute})
	h.is("PD PD", head, short)
}

// A promise that becomes later says why.
func TestPromiseMovesWithAReason(t *testing.T) {
	h := newTestCluster(t, 4, 4)
	h.submit(Request{Ranks: 4, TimeLimit: 10 * Minute})
	h.submit(Request{Ranks: 4, TimeLimit: 20 * Minute})
	head := h.submit(Request{Ranks: 4, TimeLimit: Minute})
	if head.Promised.Worker != "n1" {
		t.Fatalf("promised %+v", head.Promised)
	}
	for _, tr := range h.do(Drain{"n1", "repairs"}) {
		if r, ok := tr.(*JobPromised); ok && (r.Promise.Worker != "n2" || r.Reason != "worker n1 is lost or drained") {
			t.Errorf("%+v", r)
		}
	}
	if head.Promised.At != h.now.After(20*Minute) {
		t.Errorf("promised %+v", head.Promised)
	}
}

func TestBestFit(t *testing.T) {
	h := newTestCluster(t, 16, 4, 8)
	for _, c := range []struct {
		ranks uint32
		want  WorkerName
	}{{4, "n2"}, {7, "n3"}, {9, "n1"}} {
		if j := h.submit(Request{Ranks: c.ranks}); j.worker() != c.want {
			t.Errorf("%d ranks went to %s, want %s", c.ranks, j.worker(), c.want)
		}
	}
}

func TestPriority(t *testing.T) {
	h := newTestCluster(t, 1)
	h.submit(Request{Ranks: 1})
	plain := h.submit(Request{Ranks: 1})
	low := h.submit(Request{Ranks: 1, QOS: "low"})
	high := h.submit(Request{Ranks: 1, QOS: "high"})
	h.is("PD PD PD", plain, low, high)
	for _, next := range []*Job{high, plain, low} {
		h.end(h.s.Job(h.s.Worker("n1").Jobs[0]), Completed)
		h.is("CF", next)
	}
	if _, err := Decide(h.s, Submit{Request: Request{Ranks: 1, QOS: "royal"}}, h.now); !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
}

// Who waits long enough overtakes who is wanted more.
func TestAgeWins(t *testing.T) {
	h := newTestCluster(t, 1)
	running := h.submit(Request{Ranks: 1})
	old := h.submit(Request{Ranks: 1})
	h.now = h.now.After(11 * Hour)
	high := h.submit(Request{Ranks: 1, QOS: "high"})
	h.end(running, Completed)
	h.is("CF PD", old, high)
}

func TestFairShare(t *testing.T) {
	h := newTestCluster(t, 1)
	h.s.Policy.Tenants = map[Tenant]Quota{"carol": {Shares: 1}}
	h.submit(Request{Ranks: 1, Tenant: "alice"})
	greedy := h.submit(Request{Ranks: 1, Tenant: "alice"})
	h.now = h.now.After(Minute)
	modest := h.submit(Request{Ranks: 1, Tenant: "bob"})
	h.end(h.s.Job(1), Completed)
	h.is("PD CF", greedy, modest)
	alice := h.s.byTenant["alice"]
	if alice.SlotMS != 60_000 || alice.Jobs != 1 {
		t.Errorf("alice is charged %+v", alice)
	}
	// What was used fades.
	if used := alice.used(h.now.After(7*24*Hour), h.s.Policy.HalfLife); used != 30_000 {
		t.Errorf("after a half-life %d are left", used)
	}
}

func TestShareFactor(t *testing.T) {
	for _, c := range []struct {
		used, total   uint64
		share, shares uint32
		want          int64
	}{{0, 0, 1, 1, 65536}, {0, 10, 1, 2, 65536}, {5, 10, 1, 2, 32768}, {10, 20, 2, 2, 46340},
		{1 << 60, 1 << 61, 1, 4, 16384}} {
		if got := shareFactor(c.used, c.total, c.share, c.shares); got < c.want-1 || got > c.want+1 {
			t.Errorf("%+v: %d", c, got)
		}
	}
	if got := decayed(1<<63, 256*10); got != 1<<53 {
		t.Errorf("ten half-lives leave %d", got)
	}
	if got := decayed(1<<32, 128); got < 3037000400 || got > 3037000600 {
		t.Errorf("half a half-life leaves %d", got)
	}
}

func TestQuotas(t *testing.T) {
	h := newTestCluster(t, 10)
	h.s.Policy.Tenants = map[Tenant]Quota{"alice": {Slots: 4, Mem: 8 << 30, Pending: 2}}
	a := h.submit(Request{Ranks: 3})
	b := h.submit(Request{Ranks: 2})
	other := h.submit(Request{Ranks: 7, Tenant: "bob"})
	h.is("CF PD CF", a, b, other)
	h.waits(b, "its tenant's quota of slots")
	h.submit(Request{Ranks: 2})
	for words, r := range map[string]Request{
		"has 2 jobs waiting": {Ranks: 1}, "quota of tenant alice is 4 slots": {Ranks: 5},
		"is 8 GiB": {Ranks: 3, MemPerRank: 3 << 30},
	} {
		r.Tenant = "alice"
		if _, err := Decide(h.s, Submit{Request: r}, h.now); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("expected %q, got %v", words, err)
		}
	}
}

func TestHold(t *testing.T) {
	h := newTestCluster(t, 1)
	j := h.submit(Request{Ranks: 1, Held: true})
	h.waits(j, "is held")
	h.do(Release{j.ID})
	h.is("CF", j)
	if _, err := Decide(h.s, Hold{j.ID}, h.now); !errors.Is(err, ErrState) {
		t.Error(err)
	}
	k := h.submit(Request{Ranks: 1})
	h.do(Hold{k.ID})
	h.end(j, Completed)
	h.is("PD", k)
}

func TestDependencies(t *testing.T) {
	h := newTestCluster(t, 10)
	first := h.submit(Request{Ranks: 1})
	on := func(k DependencyKind, j *Job) *Job {
		return h.submit(Request{Ranks: 1, After: []Dependency{{Kind: k, Job: j.ID}}})
	}
	after, ok, anyhow, notok := on(After, first), on(AfterOK, first), on(AfterAny, first), on(AfterNotOK, first)
	chained := on(AfterOK, ok)
	h.is("PD PD PD PD PD", after, ok, anyhow, notok, chained)
	h.waits(ok, "waits for job 1 (afterok)")
	h.do(RanksStarted{"n1", first.Ref()})
	h.is("CF PD", after, ok)
	h.end(first, Failed)
	h.is("CA CF CF CA", ok, anyhow, notok, chained)
	if ok.End.Reason != "waits for job 1 (afterok), which is failed" ||
		chained.End.Reason != "waits for job 3 (afterok), which is cancelled" {
		t.Errorf("%q, %q", ok.End.Reason, chained.End.Reason)
	}
	h.is("CF", on(AfterNotOK, first))
	h.is("CA", on(AfterOK, first))
	for _, r := range []Request{{Tenant: "alice", Ranks: 1, After: []Dependency{{Kind: After, Job: 99}}},
		{Tenant: "bob", Ranks: 1, After: []Dependency{{Kind: After, Job: 1}}}} {
		if _, err := Decide(h.s, Submit{Request: r}, h.now); !errors.Is(err, ErrInvalid) {
			t.Error(err)
		}
	}
}

func TestSingleton(t *testing.T) {
	h := newTestCluster(t, 10)
	a := h.submit(Request{Ranks: 1, Name: "x"})
	b := h.submit(Request{Ranks: 1, Name: "x", Singleton: true})
	c := h.submit(Request{Ranks: 1, Name: "y", Singleton: true})
	h.is("CF PD CF", a, b, c)
	h.waits(b, "waits for job 1 of the same name")
	h.end(a, Completed)
	h.is("CF", b)
}

func TestArrayThrottle(t *testing.T) {
	h := newTestCluster(t, 10)
	h.do(Submit{Request: Request{Tenant: "alice", Ranks: 1}, Array: []uint32{1, 3, 5, 7}, Throttle: 2})
	other := h.submit(Request{Ranks: 1})
	tasks := []*Job{h.s.Job(1), h.s.Job(2), h.s.Job(3), h.s.Job(4)}
	h.is("CF CF PD PD", tasks...)
	h.is("CF", other)
	h.waits(tasks[2], "2 tasks of its array may run at once")
	h.end(tasks[0], Failed)
	h.is("F CF CF PD", tasks...)
	if tasks[3].Array != (ArrayTask{1, 7, 2}) {
		t.Errorf("%+v", tasks[3].Array)
	}
}

// A job whose program compiles for ever holds its slots no longer than its ranks might have.
func TestTimeLimitOfWhatNeverStarts(t *testing.T) {
	h := newTestCluster(t, 1)
	endless := h.submit(Request{Ranks: 1, TimeLimit: Minute})
	next := h.submit(Request{Ranks: 1, TimeLimit: Hour})
	placed := h.now
	h.is("CF PD", endless, next)
	if due := h.s.Deadline(); due != placed.After(Minute) {
		t.Fatalf("due at %d, placed at %d", due, placed)
	}
	h.now = placed.After(Minute)
	h.do(Tick{})
	h.is("CG PD", endless, next)
	if e := endless.Ending; e.State != TimedOut || e.Kill ||
		!strings.Contains(e.Reason, "time limit of 1m reached before its ranks had started") {
		t.Errorf("it ends as %+v", e)
	}
	h.end(endless, TimedOut)
	h.is("TO CF", endless, next)
	// What one had is not taken from the time of its ranks.
	h.now = h.now.After(30 * Minute)
	h.do(RanksStarted{"n1", next.Ref()})
	if due := h.s.Deadline(); due != h.now.After(Hour) {
		t.Errorf("due at %d, started at %d", due, h.now)
	}
	h.now = h.now.After(Hour)
	h.do(Tick{})
	h.is("TO CG", endless, next)
	h.end(next, TimedOut)
	// Without a limit nothing is due.
	h.submit(Request{Ranks: 1})
	if due := h.s.Deadline(); due != 0 {
		t.Errorf("due at %d", due)
	}
}

// A snapshot of a version that had no limit for compiling has none for the job either.
func TestTimeLimitOfWhatNeverStartsIsSaved(t *testing.T) {
	h := newTestCluster(t, 1)
	j := h.submit(Request{Ranks: 1, TimeLimit: Minute})
	for _, old := range []bool{false, true} {
		if old {
			h.s.timers.set(&j.timer, 0)
		}
		again := NewState(DefaultPolicy())
		for piece := range h.s.Pieces() {
			if err := again.LoadPiece(piece); err != nil {
				t.Fatal(err)
			}
		}
		if due := again.Deadline(); due != h.now.After(Minute) {
			t.Errorf("saved by an old version %t: due at %d, placed at %d", old, due, h.now)
		}
	}
}

func TestRequeueAfterLoss(t *testing.T) {
	h := newTestCluster(t, 4)
	kept := h.submit(Request{Ranks: 1, Requeue: true})
	gone := h.submit(Request{Ranks: 1})
	h.do(WorkerDisconnected{"n1"})
	h.is("CF CF", kept, gone)
	h.now = h.s.Deadline()
	h.do(Tick{})
	h.is("PD NF", kept, gone)
	h.do(WorkerConnected{Name: "n2", Slots: 4, Mem: 1 << 40})
	h.is("CF", kept)
	if kept.Epoch != 2 || kept.Restarts != 1 {
		t.Errorf("epoch %d, %d restarts", kept.Epoch, kept.Restarts)
	}
	// What the old placement says does not count any more.
	h.do(RanksEnded{Worker: "n1", Ref: JobRef{kept.ID, 1}})
	h.is("CF", kept)
	h.do(Requeue{kept.ID})
	h.is("CG", kept)
	h.do(RanksEnded{Worker: "n2", Ref: kept.Ref(), Report: result.Report{Terminated: true}})
	h.is("CF", kept)
	h.end(kept, Completed)
}

func TestDrainHostsLabelsExclusive(t *testing.T) {
	h := newTestCluster(t, 4, 4)
	h.do(Drain{"n1", "repairs"})
	a := h.submit(Request{Ranks: 1, Exclusive: true})
	b := h.submit(Request{Ranks: 1})
	if a.worker() != "n2" {
		t.Errorf("placed on %s", a.worker())
	}
	h.is("PD", b)
	h.do(Drain{"n1", ""})
	h.is("CF", b)
	c := h.submit(Request{Ranks: 1, Exclusive: true})
	h.waits(c, "needs a worker for itself")
	h.do(Cancel{Job: c.ID})
	d := h.submit(Request{Ranks: 1, Hosts: []WorkerName{"n3"}})
	e := h.submit(Request{Ranks: 1, Constraint: Constraint{{{"gpu", "yes"}}}})
	h.waits(d, "no worker is registered of those that it may run on: n3")
	h.waits(e, "no worker has the labels gpu=yes")
	h.do(WorkerConnected{Name: "n3", Slots: 1, Mem: 1 << 40, Labels: []Label{{"gpu", "yes"}}})
	h.is("CF PD", d, e)
	h.end(d, Completed)
	h.is("CF", e)
}

// A pass at 100,000 waiting jobs looks at no more of them than the policy says.
func BenchmarkPass(b *testing.B) {
	s := NewState(DefaultPolicy())
	now := Time(1_800_000_000 * Second)
	run := func(e Event) {
		ts, err := Decide(s, e, now)
		if err != nil {
			b.Fatal(err)
		}
		for _, t := range ts {
			if err := Apply(s, t); err != nil {
				b.Fatal(err)
			}
		}
	}
	for i := range 100 {
		run(WorkerConnected{Name: WorkerName(fmt.Sprintf("n%03d", i)), Slots: 16, Mem: 1 << 40})
	}
	for i := range 100_000 {
		run(Submit{Request: Request{Tenant: Tenant(fmt.Sprint(i % 20)), Ranks: uint32(1 + i%16),
			TimeLimit: Duration(1+i%50) * Minute}})
	}
	run(Pass{})
	busy := slices.IndexFunc(s.workers, func(w *Worker) bool { return w.UsedSlots > 0 })
	for b.Loop() {
		// One job ends, one comes, and the pass gives the slots on.
		j := s.Job(s.workers[busy].Jobs[0])
		now = now.After(Second)
		run(RanksEnded{Worker: j.worker(), Ref: j.Ref()})
		run(Submit{Request: Request{Tenant: "0", Ranks: j.Ranks, TimeLimit: Minute}})
		run(Pass{})
	}
}

func TestExplain(t *testing.T) {
	h := newTestCluster(t, 4)
	h.submit(Request{Ranks: 4, TimeLimit: 10 * Minute})
	second := h.submit(Request{Ranks: 4, TimeLimit: 5 * Minute})
	third := h.submit(Request{Ranks: 2, TimeLimit: 5 * Minute, QOS: "low"})
	for j, want := range map[*Job]struct {
		ahead int
		start Time
	}{second: {0, h.now.After(10 * Minute)}, third: {1, h.now.After(15 * Minute)}} {
		x := h.s.Explain(j, h.now)
		if x.Ahead != want.ahead || x.Start != want.start || x.Worker != "n1" || x.Unknown != "" {
			t.Errorf("job %d: %+v", j.ID, x)
		}
		sum := int64(0)
		for _, p := range x.Parts {
			sum += p.Points
		}
		if sum != x.Priority || !strings.Contains(x.Why, "needs") {
			t.Errorf("job %d: %+v", j.ID, x)
		}
	}
	held := h.submit(Request{Ranks: 1, Held: true})
	if x := h.s.Explain(held, h.now); !strings.Contains(x.Unknown, "held") {
		t.Errorf("%+v", x)
	}
	h.submit(Request{Ranks: 4})
	endless := h.submit(Request{Ranks: 4})
	if x := h.s.Explain(endless, h.now); x.Unknown != "jobs without a time limit are in its way" {
		t.Errorf("%+v", x)
	}
}

// Jobs that are passed over for their tenant's quota hold up nobody else, however many they are.
func TestQuotaHoldsUpNobodyElse(t *testing.T) {
	h := newTestCluster(t, 10)
	h.s.Policy.Depth = 5
	h.s.Policy.Tenants = map[Tenant]Quota{"alice": {Running: 1}, "carol": {Slots: 5}}
	for range 20 {
		h.submit(Request{Ranks: 1, Tenant: "alice", QOS: "high"})
	}
	h.submit(Request{Ranks: 3, Tenant: "carol", QOS: "high"})
	for range 20 { // each may not start beside the first, a smaller one might
		h.submit(Request{Ranks: 3, Tenant: "carol", QOS: "high"})
	}
	modest := h.submit(Request{Ranks: 1, Tenant: "bob", QOS: "low"})
	h.is("CF CF", h.s.Job(21), modest)
}

// A long array under a throttle leaves the queue to what its tenant submits behind it.
func TestThrottledArrayHoldsUpNobody(t *testing.T) {
	h := newTestCluster(t, 10)
	h.s.Policy.Depth = 5
	indices := make([]uint32, 50)
	for i := range indices {
		indices[i] = uint32(i)
	}
	h.do(Submit{Request: Request{Tenant: "alice", Ranks: 1}, Array: indices, Throttle: 2})
	other := h.submit(Request{Ranks: 1})
	h.is("CF CF PD CF", h.s.Job(1), h.s.Job(2), h.s.Job(3), other)
	h.do(Hold{3})
	h.end(h.s.Job(1), Completed)
	h.is("PD CF PD", h.s.Job(3), h.s.Job(4), h.s.Job(5))
	if x := h.s.Explain(h.s.Job(9), h.now); x.Unknown != "it waits for other tasks of its array" {
		t.Errorf("%+v", x)
	}
}

// An array's id stands for all of its tasks.
func TestDependencyOnAnArray(t *testing.T) {
	h := newTestCluster(t, 10)
	h.s.Policy.KeepEnded = 2
	h.do(Submit{Request: Request{Tenant: "alice", Ranks: 1}, Array: []uint32{0, 1, 2}})
	on := func(k DependencyKind) *Job {
		return h.submit(Request{Ranks: 1, After: []Dependency{{Kind: k, Job: 1}}})
	}
	after, ok, anyhow, notok := on(After), on(AfterOK), on(AfterAny), on(AfterNotOK)
	for id := JobID(1); id <= 3; id++ {
		h.is("PD", after)
		h.do(RanksStarted{"n1", h.s.Job(id).Ref()})
	}
	h.is("CF PD PD PD", after, ok, anyhow, notok)
	h.end(h.s.Job(1), Completed)
	h.end(h.s.Job(2), Completed)
	h.is("PD PD PD", ok, anyhow, notok)
	h.end(h.s.Job(3), Completed)
	h.is("CF CF CA", ok, anyhow, notok)

	h = newTestCluster(t, 10)
	h.s.Policy.KeepEnded = 1
	h.do(Submit{Request: Request{Tenant: "alice", Ranks: 1}, Array: []uint32{0, 1, 2}})
	ok, notok = on(AfterOK), on(AfterNotOK)
	h.end(h.s.Job(1), Failed)
	h.is("CA PD", ok, notok)
	h.end(h.s.Job(2), Completed)
	h.is("PD", on(AfterNotOK)) // the array's first task is forgotten by now, the array is not
	h.end(h.s.Job(3), Completed)
	h.is("CF", notok)
}

// Another policy puts those who wait into its own order, just as a restart with it would.
func TestSetPolicy(t *testing.T) {
	h := newTestCluster(t, 1)
	h.s.Policy.QOS = map[string]QOS{"": {}, "a": {Points: 10}, "b": {Points: 20}}
	h.submit(Request{Ranks: 1})
	var jobs []*Job
	for i := range 20 {
		h.do(Submit{Request: Request{Tenant: Tenant("alice"[:1+i%3]), Ranks: 1, QOS: []string{"", "a", "b"}[i%3]}})
		jobs = append(jobs, h.s.Job(h.s.LastJob()))
	}
	h.do(Submit{Request: Request{Tenant: "alice", Ranks: 1, QOS: "a"}, Array: []uint32{1, 2, 3, 4}, Throttle: 1})
	p := h.s.Policy
	p.QOS = map[string]QOS{"": {Points: 5}, "a": {Points: 40}} // there is no b any more
	h.s.SetPolicy(p)
	if err := h.s.Check(); err != nil {
		t.Fatal(err)
	}
	again := NewState(p)
	for piece := range h.s.Pieces() {
		if err := again.LoadPiece(piece); err != nil {
			t.Fatal(err)
		}
	}
	for i, a := range h.s.accounts {
		b := again.accounts[i]
		if len(a.queue) != len(b.queue) {
			t.Fatalf("tenant %s has %d in its queue, %d after a restart", a.Name, len(a.queue), len(b.queue))
		}
		for k := range a.queue {
			if a.queue[k].job.ID != b.queue[k].job.ID || a.queue[k].score != b.queue[k].score {
				t.Errorf("tenant %s: %d. is job %d, after a restart job %d", a.Name, k, a.queue[k].job.ID, b.queue[k].job.ID)
			}
		}
	}
	h.end(h.s.Job(1), Completed)
	if jobs[1].State != Configuring {
		t.Errorf("the best by the new policy is %s", jobs[1].State)
	}
	h.do(Cancel{Job: jobs[2].ID}) // it is found where it stands
	h.is("CA", jobs[2])
}

// A job's slots are its ranks times what each was asked for: they are placed, counted against quotas, and told so.
func TestSlotsOfThreads(t *testing.T) {
	h := newTestCluster(t, 4)
	one := h.submit(Request{Ranks: 1, Slots: 3})
	other := h.submit(Request{Ranks: 2, Slots: 4})
	h.is("CF PD", one, other)
	if w := h.s.Workers()[0]; w.UsedSlots != 3 {
		t.Errorf("%d slots are used", w.UsedSlots)
	}
	want := "needs 4 slots, 2 for each rank (--cpus-per-rank, OMP_NUM_THREADS); the most that are free on one worker " +
		"now are 1"
	if why := h.s.Waiting(other); why != want {
		t.Errorf("it waits: %s", why)
	}
	h.end(one, Completed)
	h.is("CD CF", one, other)
	large := h.submit(Request{Ranks: 3, Slots: 7})
	want = "needs 7 slots for 3 ranks (--cpus-per-rank, OMP_NUM_THREADS); the largest worker has 4"
	if why := h.s.Waiting(large); why != want {
		t.Errorf("it waits: %s", why)
	}
	shared := Request{Ranks: 2, Slots: 16}
	if h.s.Share(&shared); shared.Slots != 4 {
		t.Errorf("they share %d slots", shared.Slots)
	}
	if points := h.s.Policy.sizePoints(large); points != 7 {
		t.Errorf("a job of 7 slots has %d points for its size", points)
	}
}

// Ranks that share slots take what there is of the largest worker, and no more of it than it has.
func TestSharedSlots(t *testing.T) {
	h := newTestCluster(t, 4)
	r := Request{Ranks: 9, Tenant: "alice"}
	if h.s.Share(&r); r.Slots != 4 {
		t.Fatalf("%d slots", r.Slots)
	}
	few := Request{Ranks: 3}
	if h.s.Share(&few); few.Slots != 0 {
		t.Errorf("3 ranks share %d slots of 4", few.Slots)
	}
	a := h.submit(r)
	b := h.submit(Request{Ranks: 1})
	h.is("CF PD", a, b)
	if w := h.s.Workers()[0]; w.UsedSlots != 4 || a.Placement[0].Ranks != 9 {
		t.Errorf("%d slots are used by ranks %+v", w.UsedSlots, a.Placement)
	}
	h.end(a, Completed)
	h.is("CD CF", a, b)
	if _, err := Decide(h.s, Submit{Request: Request{Ranks: 1, Slots: MaxSlots + 1, Tenant: "alice"}}, h.now); !errors.Is(
		err, ErrInvalid) {
		t.Error(err)
	}
	if NewState(DefaultPolicy()).Share(&r); r.Slots != 1 {
		t.Errorf("where there is no worker yet: %d slots", r.Slots)
	}
}
