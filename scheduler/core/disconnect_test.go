package core

import (
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/scheduler/core/result"
)

// reload reads the state back from a snapshot, as a scheduler that is started anew does.
func (h *testCluster) reload() {
	h.t.Helper()
	fresh := NewState(h.s.Policy)
	for p := range h.s.Pieces() {
		if err := fresh.LoadPiece(p); err != nil {
			h.t.Fatal(err)
		}
	}
	h.s = fresh
	h.do(Recovered{})
}

func (h *testCluster) job(id JobID) *Job {
	h.t.Helper()
	j := h.s.Job(id)
	if j == nil {
		h.t.Fatalf("there is no job %d", id)
	}
	return j
}

// A key stands for the whole array: behind a snapshot too, and when its first tasks are forgotten, for as long as any
// is known.
func TestKeyOfAnArray(t *testing.T) {
	h := newTestCluster(t, 10)
	h.s.Policy.KeepEnded = 2
	ask := Submit{Key: "k", Request: Request{Tenant: "alice", Ranks: 1}, Array: []uint32{1, 3, 5, 7}}
	h.do(ask)
	for range 2 {
		if j := h.s.JobByKey("alice", "k"); j == nil || j.Whole() != 1 {
			t.Fatalf("the key is that of %+v", j)
		}
		h.reload()
		h.do(WorkerConnected{Name: "n1", Slots: 10, Mem: 1 << 40, Holding: []JobRef{{1, 1}, {2, 1}, {3, 1}, {4, 1}}})
	}
	for id := JobID(1); id <= 4; id++ {
		h.end(h.job(id), Completed)
		h.do(ask) // again, in vain
	}
	if h.s.LastJob() != 4 || h.s.Job(1) != nil || h.s.JobByKey("alice", "k").Whole() != 1 {
		t.Fatalf("%d jobs, of which the first that is known is %d", h.s.LastJob(), h.s.Oldest())
	}
	h.reload()
	h.do(ask)
	h.do(WorkerConnected{Name: "n1", Slots: 10, Mem: 1 << 40})
	for range 3 { // and others end
		h.end(h.submit(Request{Ranks: 1}), Completed)
	}
	if h.s.LastJob() != 7 || h.s.JobByKey("alice", "k") != nil {
		t.Errorf("%d jobs; the key of a forgotten array is that of %+v", h.s.LastJob(), h.s.JobByKey("alice", "k"))
	}
	h.do(ask)
	if h.s.LastJob() != 11 {
		t.Errorf("%d jobs", h.s.LastJob())
	}
}

// A worker that comes back with another state can't know what its executors do: nothing that ran there starts or ends
// before they must have ended by themselves.
func TestOrphaned(t *testing.T) {
	h := newTestCluster(t)
	join := func(state string, holding ...JobRef) {
		h.do(WorkerConnected{Name: "n1", Slots: 4, Mem: 1 << 40, StateID: state, Holding: holding})
	}
	join("first")
	again, never := h.submit(Request{Ranks: 1, Requeue: true}).ID, h.submit(Request{Ranks: 1}).ID
	told, placed := h.submit(Request{Ranks: 1, Requeue: true}).ID, h.submit(Request{Ranks: 1, Requeue: true}).ID
	for _, id := range []JobID{again, never, told} {
		h.do(RanksStarted{"n1", h.job(id).Ref()})
	}
	h.do(Cancel{Job: told})
	states := func(want string) {
		t.Helper()
		h.is(want, h.job(again), h.job(never), h.job(told), h.job(placed))
	}
	h.do(WorkerDisconnected{"n1"})
	lost := h.now
	h.now = h.now.After(Minute)
	join("second")
	states("RQ RQ RQ RQ")
	if why := h.job(again).Orphaned; !strings.Contains(why, "another state") {
		t.Errorf("because it %q", why)
	}
	h.now = lost.After(h.s.Policy.Grace) - 1
	h.do(Tick{})
	states("RQ RQ RQ RQ")
	h.now++
	h.do(Tick{})
	states("CF NF CA CF")
	if j := h.job(again); j.Epoch != 2 || j.Restarts != 1 || j.Orphaned != "" {
		t.Errorf("%+v", j)
	}
	if a, _ := h.s.byTenant["alice"], 0; a.Slots != 2 || a.Jobs != 4 {
		t.Errorf("%+v", a)
	}

	// With the same state it knows: at once. An order that it may not have had is given again.
	h.do(RanksStarted{"n1", h.job(again).Ref()})
	h.do(WorkerDisconnected{"n1"})
	join("second")
	states("CF NF CA CF")
	if h.job(again).Epoch != 3 || h.job(placed).Epoch != 2 {
		t.Errorf("epochs %d and %d", h.job(again).Epoch, h.job(placed).Epoch)
	}
}

// What is fenced when the scheduler is restarted is fenced for the whole grace from then on: what the clock showed
// before may mean nothing now.
func TestFencesCountAnew(t *testing.T) {
	h := newTestCluster(t)
	h.do(WorkerConnected{Name: "n1", Slots: 4, Mem: 1 << 40, StateID: "first"})
	h.do(WorkerConnected{Name: "n2", Slots: 4, Mem: 1 << 40, StateID: "first"})
	stray, lost := h.submit(Request{Ranks: 3, Requeue: true, Hosts: []WorkerName{"n1"}}).ID,
		h.submit(Request{Ranks: 3, Hosts: []WorkerName{"n2"}}).ID
	for _, name := range []WorkerName{"n1", "n2"} {
		h.do(WorkerDisconnected{name})
	}
	h.do(WorkerConnected{Name: "n1", Slots: 4, Mem: 1 << 40, StateID: "second"})
	h.now = h.now.After(h.s.Policy.Grace) - 1
	h.reload()
	since := h.now
	for _, at := range []Time{since.After(Hour) - Time(Hour), since.After(h.s.Policy.Grace) - 1} {
		h.now = at
		h.do(Tick{})
		h.is("RQ CF", h.job(stray), h.job(lost))
	}
	h.now++
	h.do(Tick{})
	h.is("PD NF", h.job(stray), h.job(lost))
}

// A clock that is set forward ends no fence early, and one that is set back makes none longer.
func TestClockSteps(t *testing.T) {
	for _, step := range []Duration{Hour, -Hour} {
		h := newTestCluster(t, 4)
		j := h.submit(Request{Ranks: 1})
		h.do(RanksStarted{"n1", j.Ref()})
		h.do(WorkerDisconnected{"n1"})
		h.s.Skew = step
		h.now = h.now.After(step)
		due := h.now.After(h.s.Policy.Grace)
		if got := h.s.Deadline(); got != due {
			t.Errorf("set by %v: the next deadline is in %v", step, Duration(got-h.now))
		}
		h.now = due - 1
		h.do(Tick{})
		h.is("R", j)
		h.now = due
		h.do(Tick{})
		h.is("NF", j)
	}
}

func TestWorkerStopping(t *testing.T) {
	h := newTestCluster(t, 4)
	stays, again := h.submit(Request{Ranks: 1}), h.submit(Request{Ranks: 1, Requeue: true})
	over, unbegun := h.submit(Request{Ranks: 1}), h.submit(Request{Ranks: 1})
	for _, j := range []*Job{stays, again, over} {
		h.do(RanksStarted{"n1", j.Ref()})
	}
	h.do(WorkerStopping{"n1", []JobRef{stays.Ref()}})
	h.is("R PD NF PD", stays, again, over, unbegun)
	w := h.s.Worker("n1")
	if w.Connected || !w.Stopped || over.End.Reason != "worker n1 was stopped" {
		t.Errorf("%+v; ended %+v", w, over.End)
	}
	h.do(WorkerDisconnected{"n1"}) // the stream ends too
	if w := h.s.Worker("n1"); !w.Stopped {
		t.Error("then it is lost")
	}
	h.reload()
	if w := h.s.Worker("n1"); !w.Stopped {
		t.Error("behind the scheduler's restart it is lost")
	}
	stays = h.job(stays.ID)
	h.do(WorkerConnected{Name: "n1", Slots: 4, Mem: 1 << 40, Holding: []JobRef{stays.Ref()}})
	if w := h.s.Worker("n1"); w.Stopped || !w.Connected {
		t.Errorf("it is back: %+v", w)
	}
	h.is("R CF CF", stays, h.job(again.ID), h.job(unbegun.ID))

	// Nobody comes for what stayed: it is given up as behind a loss.
	h.do(WorkerStopping{"n1", []JobRef{stays.Ref()}})
	h.now = h.s.Deadline()
	h.do(Tick{})
	h.is("NF", stays)
	if h.s.Worker("n1") != nil {
		t.Error("the worker is not forgotten")
	}
}

func TestLaunchFails(t *testing.T) {
	h := newTestCluster(t, 4, 4, 4, 4)
	fail := func(j *Job) {
		t.Helper()
		at := j.worker()
		h.step(LaunchFailed{at, j.Ref(), "no process can be started"})
		h.do(Unfit{at, "no process can be started"})
	}
	j := h.submit(Request{Ranks: 1})
	tried := map[WorkerName]bool{}
	for range MaxLaunches - 1 {
		tried[j.worker()] = true
		fail(j)
		h.is("CF", j)
	}
	tried[j.worker()] = true
	fail(j)
	h.is("NF", j)
	if len(tried) != MaxLaunches || !strings.Contains(j.End.Reason, "no process can be started (the last of 3 tries)") {
		t.Errorf("tried on %v; ended %+v", tried, j.End)
	}

	// One that begins after all has all its tries again; one that was told to end ends.
	h.do(Unfit{"n1", ""})
	h.do(Unfit{"n2", ""})
	h.do(Unfit{"n3", ""})
	j = h.submit(Request{Ranks: 1, Requeue: true})
	fail(j)
	h.do(RanksStarted{j.worker(), j.Ref()})
	if j.LaunchFailures != 0 || j.Restarts != 1 {
		t.Errorf("%d failures, %d restarts", j.LaunchFailures, j.Restarts)
	}
	h.do(Requeue{j.ID})
	h.do(RanksEnded{Worker: j.worker(), Ref: j.Ref(), Report: result.Report{Terminated: true}})
	h.do(Cancel{Job: j.ID})
	fail(j)
	h.is("CA", j)
}
