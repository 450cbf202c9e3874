package core

import "testing"

func newPreemptingCluster(t *testing.T, workers ...uint32) *testCluster {
	h := newTestCluster(t, workers...)
	h.s.Policy.QOS = map[string]QOS{"": {}, "low": {Points: -10_000},
		"cheap":  {Points: -20_000, Preempted: PreemptRequeue},
		"urgent": {Points: 10_000, Preempts: []string{"low", "cheap"}}}
	return h
}

func TestPreemption(t *testing.T) {
	h := newPreemptingCluster(t, 8)
	plain := h.submit(Request{Ranks: 2, TimeLimit: Hour})
	ends := h.submit(Request{Ranks: 2, TimeLimit: Hour, QOS: "low"})
	again := h.submit(Request{Ranks: 2, TimeLimit: Hour, QOS: "low", Requeue: true})
	cheap := h.submit(Request{Ranks: 2, TimeLimit: Hour, QOS: "cheap"})
	h.is("CF CF CF CF", plain, ends, again, cheap)
	urgent := h.submit(Request{Ranks: 4, TimeLimit: Hour, QOS: "urgent"})
	// The least wanted goes, then the youngest; who asked for no more than was needed stays.
	h.is("CF CF CG CG PD", plain, ends, again, cheap, urgent)
	h.waits(urgent, "others on worker n1 are giving way to it")
	if cheap.Ending != (Ending{State: Requeued, ExitCode: 1, Reason: "preempted by job 5 (urgent)"}) ||
		again.Ending.State != Requeued {
		t.Errorf("%+v, %+v", cheap.Ending, again.Ending)
	}
	h.end(again, Preempted)
	h.is("PD PD", again, urgent)
	quick := h.submit(Request{Ranks: 1, TimeLimit: Minute}) // what is being made room for is not taken by others
	h.is("PD PD", urgent, quick)
	h.end(cheap, Preempted)
	h.is("CF PD PD", urgent, cheap, again)
	if again.Restarts != 1 || urgent.Claim != "" {
		t.Errorf("%d restarts, claim %q", again.Restarts, urgent.Claim)
	}
	second := h.submit(Request{Ranks: 2, TimeLimit: Hour, QOS: "urgent"})
	h.is("CG PD", ends, second)
	h.end(ends, Preempted)
	h.is("PR CF CF", ends, second, urgent)
	third := h.submit(Request{Ranks: 2, TimeLimit: Hour, QOS: "urgent"})
	h.is("PD CF", third, plain) // nobody is left who would have to give way
}

// Where least is lost, and nowhere if it would not help.
func TestPreemptionChoosesTheWorker(t *testing.T) {
	h := newPreemptingCluster(t, 4, 4, 4)
	old := h.submit(Request{Ranks: 4, TimeLimit: 5 * Hour, QOS: "low"})
	h.now = h.now.After(Hour)
	young := h.submit(Request{Ranks: 4, TimeLimit: 5 * Hour, QOS: "low"})
	half := h.submit(Request{Ranks: 2, TimeLimit: 5 * Hour})
	other := h.submit(Request{Ranks: 2, TimeLimit: 5 * Hour, QOS: "low"})
	h.now = h.now.After(Hour)
	urgent := h.submit(Request{Ranks: 4, TimeLimit: Hour, QOS: "urgent"})
	h.is("CF CG CF CF PD", old, young, half, other, urgent)
	// The worker is lost: the claim goes, and others are asked to give way.
	h.do(WorkerDisconnected{"n2"})
	h.is("CG CG PD", old, young, urgent)
	if urgent.Claim != "n1" {
		t.Errorf("claims %q", urgent.Claim)
	}
	h.do(Hold{urgent.ID})
	if urgent.Claim != "" {
		t.Errorf("held, it still claims %q", urgent.Claim)
	}
	large := h.submit(Request{Ranks: 5, TimeLimit: Hour, QOS: "urgent"})
	h.is("PD CF CF", large, half, other)
}

// A claim survives a restart of the scheduler.
func TestClaimIsSaved(t *testing.T) {
	h := newPreemptingCluster(t, 4)
	h.submit(Request{Ranks: 4, TimeLimit: Hour, QOS: "low"})
	urgent := h.submit(Request{Ranks: 4, TimeLimit: Hour, QOS: "urgent"})
	fresh := NewState(h.s.Policy)
	for p := range h.s.Pieces() {
		if err := fresh.LoadPiece(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := fresh.Check(); err != nil || fresh.Worker("n1").claim != urgent.ID {
		t.Errorf("claimed by %d, %v", fresh.Worker("n1").claim, err)
	}
}
