package core

import (
	"errors"
	"testing"
)

// tick lets time pass, as far as the state itself asks to be looked at again.
func (h *testCluster) tick(d Duration) {
	h.t.Helper()
	to := h.now.After(d)
	for at := h.s.Deadline(); at != 0 && at <= to; at = h.s.Deadline() {
		h.now = max(h.now, at)
		h.do(Tick{})
	}
	h.now = to
}

func (h *testCluster) refused(e Submit) {
	h.t.Helper()
	if _, err := Decide(h.s, e, h.now); !errors.Is(err, ErrInvalid) {
		h.t.Errorf("%+v: %v", e, err)
	}
}

func TestBegin(t *testing.T) {
	h := newTestCluster(t, 4)
	later := h.submit(Request{Ranks: 4, TimeLimit: Hour, Begin: h.now.After(Hour)})
	past := h.submit(Request{Ranks: 1, TimeLimit: Minute, Begin: h.now - 1})
	h.is("PD CF", later, past)
	h.waits(later, "the time at which it is to begin")
	h.end(past, Completed)
	h.tick(Hour - 1)
	h.is("PD", later)
	h.reload() // what it waits for outlives a restart of the scheduler
	later = h.job(later.ID)
	h.do(WorkerConnected{Name: "n1", Slots: 4, Mem: 100 << 30})
	h.is("PD", later)
	h.tick(1)
	h.is("CF", later)

	held := h.submit(Request{Ranks: 1, Held: true, Begin: h.now.After(Minute)})
	h.do(Release{held.ID})
	h.waits(held, "the time at which it is to begin")
	h.refused(Submit{Request: Request{Tenant: "alice", Ranks: 1, Interactive: true, Begin: h.now.After(Minute)}})
}

func TestDeadline(t *testing.T) {
	h := newTestCluster(t, 4)
	busy := h.submit(Request{Ranks: 4, TimeLimit: 2 * Hour})
	j := h.submit(Request{Ranks: 1, TimeLimit: Hour, EndBy: h.now.After(2 * Hour)})
	open := h.submit(Request{Ranks: 1, EndBy: h.now.After(3 * Hour)}) // without a limit it may start until then
	h.tick(Hour)
	h.is("CF PD PD", busy, j, open)
	h.tick(1)
	h.is("CF CA PD", busy, j, open)
	if j.End.Reason != "it can't end before its deadline any more" {
		t.Errorf("%+v", j.End)
	}
	h.end(busy, Completed)
	h.is("CF", open)
	h.do(RanksStarted{"n1", open.Ref()})
	h.tick(2*Hour - 2)
	h.is("R", open)
	h.tick(1)
	h.is("CG", open)
	if open.Ending.State != TimedOut || open.Ending.Reason != "its deadline has come" {
		t.Errorf("%+v", open.Ending)
	}
	h.refused(Submit{Request: Request{Tenant: "alice", Ranks: 1, TimeLimit: Hour, EndBy: h.now.After(Hour - 1)}})
	h.refused(Submit{Request: Request{Tenant: "alice", Ranks: 1, TimeLimit: Hour, Begin: h.now.After(Hour),
		EndBy: h.now.After(90 * Minute)}})
	h.refused(Submit{Request: Request{Tenant: "alice", Ranks: 1, EndBy: -1}})
}

// One that begins later than it could end is told so when it can't any more, however it came to wait.
func TestDeadlineBeforeBegin(t *testing.T) {
	h := newTestCluster(t, 4)
	first := h.submit(Request{Ranks: 1, TimeLimit: Hour})
	j := h.submit(Request{Ranks: 1, TimeLimit: Minute, EndBy: h.now.After(10 * Minute),
		After: []Dependency{{After, first.ID, Hour}}})
	h.do(RanksStarted{"n1", first.Ref()})
	h.waits(j, "the time at which it is to begin")
	h.tick(9 * Minute)
	h.is("PD", j)
	h.tick(1)
	h.is("CA", j)
}

func TestAfterWithDelay(t *testing.T) {
	h := newTestCluster(t, 4)
	first := h.submit(Request{Ranks: 1})
	j := h.submit(Request{Ranks: 1, After: []Dependency{{After, first.ID, 10 * Minute}}})
	h.is("CF PD", first, j)
	h.waits(j, "job 1 (after)")
	h.tick(Hour)
	h.do(RanksStarted{"n1", first.Ref()})
	h.waits(j, "the time at which it is to begin")
	h.tick(10*Minute - 1)
	h.is("PD", j)
	h.tick(1)
	h.is("CF", j)
	// One that is met already counts from when it was.
	late := h.submit(Request{Ranks: 1, After: []Dependency{{After, first.ID, 15 * Minute}}})
	h.tick(5*Minute - 1)
	h.is("PD", late)
	h.tick(1)
	h.is("CF", late)
	// Of what never started it is the end.
	never := h.submit(Request{Ranks: 1, Held: true})
	h.tick(Minute)
	h.do(Cancel{Job: never.ID, Reason: "changed my mind"})
	behind := h.submit(Request{Ranks: 1, After: []Dependency{{After, never.ID, Minute}}})
	h.tick(Minute - 1)
	h.is("PD", behind)
	h.tick(1)
	h.is("CF", behind)
}

func TestAfterCorr(t *testing.T) {
	h := newTestCluster(t, 8)
	h.do(Submit{Request: Request{Tenant: "alice", Ranks: 1}, Array: []uint32{1, 2, 5}})
	h.do(Submit{Request: Request{Tenant: "alice", Ranks: 1, After: []Dependency{{Kind: AfterCorr, Job: 1}}},
		Array: []uint32{1, 5}})
	a1, a5, b1, b5 := h.job(1), h.job(3), h.job(4), h.job(5)
	h.is("CF CF PD PD", a1, a5, b1, b5)
	h.waits(b1, "job 1 (afterok)")
	h.end(a5, Completed)
	h.is("PD CF", b1, b5)
	h.end(a1, Failed)
	h.is("CA CF", b1, b5)
	h.refused(Submit{Request: Request{Tenant: "alice", Ranks: 1, After: []Dependency{{Kind: AfterCorr, Job: 1}}},
		Array: []uint32{1, 3}})
	h.refused(Submit{Request: Request{Tenant: "alice", Ranks: 1, After: []Dependency{{Kind: AfterCorr, Job: 1}}}})
	alone := h.submit(Request{Ranks: 1})
	h.refused(Submit{Request: Request{Tenant: "alice", Ranks: 1, After: []Dependency{{Kind: AfterCorr, Job: alone.ID}}},
		Array: []uint32{1}})
}

// One of several dependencies is enough where that was asked for.
func TestAnyDependency(t *testing.T) {
	h := newTestCluster(t, 8)
	a, b := h.submit(Request{Ranks: 1}), h.submit(Request{Ranks: 1})
	either := []Dependency{{Kind: AfterOK, Job: a.ID}, {Kind: AfterOK, Job: b.ID}}
	j := h.submit(Request{Ranks: 1, After: either, AnyOf: true})
	both := h.submit(Request{Ranks: 1, After: either})
	h.end(a, Failed)
	h.is("PD CA", j, both)
	h.end(b, Completed)
	h.is("CF", j)

	c, d := h.submit(Request{Ranks: 1}), h.submit(Request{Ranks: 1})
	none := h.submit(Request{Ranks: 1, AnyOf: true,
		After: []Dependency{{Kind: AfterOK, Job: c.ID}, {Kind: AfterOK, Job: d.ID}}})
	h.end(c, Failed)
	h.is("PD", none)
	h.end(d, Failed)
	h.is("CA", none)
}

func TestExcludedWorkers(t *testing.T) {
	h := newTestCluster(t, 4, 4)
	j := h.submit(Request{Ranks: 1, Excluded: []WorkerName{"n1"}})
	if j.worker() != "n2" {
		t.Errorf("runs on %q", j.worker())
	}
	wide := h.submit(Request{Ranks: 4, Excluded: []WorkerName{"n1"}})
	h.is("PD", wide)
	h.waits(wide, "the most that are free on one worker now are 3")
	none := h.submit(Request{Ranks: 1, Excluded: []WorkerName{"n1", "n2"}})
	h.waits(none, "--exclude")
}

func TestNice(t *testing.T) {
	h := newTestCluster(t, 4)
	busy := h.submit(Request{Ranks: 4})
	nice := h.submit(Request{Ranks: 4, Nice: 100})
	plain := h.submit(Request{Ranks: 4})
	h.end(busy, Completed)
	h.is("PD CF", nice, plain)
	parts := h.s.Explain(nice, h.now).Parts
	if last := parts[len(parts)-1]; last.Name != "nice" || last.Points != -100 {
		t.Errorf("%+v", parts)
	}
}
