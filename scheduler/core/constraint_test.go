package core

import "testing"

func TestConstraint(t *testing.T) {
	labels := []Label{{"gpu", "a100"}, {"fast", ""}, {"gpu", "spare"}}
	for _, c := range []struct {
		wanted Constraint
		words  string
		met    bool
	}{
		{nil, "", true},
		{Constraint{{{"gpu", "a100"}}}, "gpu=a100", true},
		{Constraint{{{"gpu", "spare"}}}, "gpu=spare", true},
		{Constraint{{{"gpu", "h100"}}}, "gpu=h100", false},
		{Constraint{{{"gpu", ""}}}, "gpu", true}, // any
		{Constraint{{{"fast", "very"}}}, "fast=very", false},
		{Constraint{{{"gpu", "a100"}, {"fast", ""}}}, "gpu=a100&fast", true},
		{Constraint{{{"gpu", "a100"}, {"big", ""}}}, "gpu=a100&big", false},
		{Constraint{{{"big", ""}}, {{"fast", ""}, {"gpu", ""}}}, "big|fast&gpu", true},
		{Constraint{{{"big", ""}}, {{"fast", ""}, {"slow", ""}}}, "big|fast&slow", false},
	} {
		if got := c.wanted.met(labels); got != c.met || c.wanted.String() != c.words {
			t.Errorf("%s (%s): %v", c.words, c.wanted, got)
		}
	}
}

// What nobody has is named, and what is asked for is the reason only where it is.
func TestConstraintIsExplained(t *testing.T) {
	h := newTestCluster(t, 8)
	h.do(WorkerConnected{Name: "g1", Slots: 2, Mem: 1 << 40, Labels: []Label{{"gpu", "a100"}}})
	gpu := Constraint{{{"gpu", ""}}}
	first := h.submit(Request{Ranks: 2, Constraint: gpu})
	h.is("CF", first)
	if at := first.worker(); at != "g1" {
		t.Errorf("it is placed on %s", at)
	}
	h.waits(h.submit(Request{Ranks: 3, Constraint: gpu}), "needs 3 slots; the largest worker of its choice has 2")
	h.waits(h.submit(Request{Ranks: 1, Constraint: gpu}), "needs 1 slots; the most that are free on one worker now are 0")
	h.waits(h.submit(Request{Ranks: 1, Constraint: gpu, Hosts: []WorkerName{"n1"}}),
		"none of the workers n1 has the labels gpu")
	h.waits(h.submit(Request{Ranks: 1, Constraint: Constraint{{{"gpu", ""}, {"big", ""}}, {{"huge", ""}}}}),
		"no worker has the labels gpu&big|huge")
	h.waits(h.submit(Request{Ranks: 1, Hosts: []WorkerName{"a", "b", "c", "d"}}),
		"no worker is registered of those that it may run on: a, b, c, …")
}

// A worker that is unfit takes nothing new, whatever an administrator says of it, and keeps what it has.
func TestUnfit(t *testing.T) {
	h := newTestCluster(t, 4)
	runs := h.submit(Request{Ranks: 1})
	h.do(Unfit{"n1", "its disk is full"})
	waits := h.submit(Request{Ranks: 1})
	h.is("CF PD", runs, waits)
	h.waits(waits, "no worker is connected and open for jobs")
	h.do(Drain{"n1", "repairs"})
	h.do(Unfit{"n1", ""})
	h.is("PD", waits)
	h.do(Unfit{"n1", "its disk is full"})
	h.do(Drain{"n1", ""})
	h.is("PD", waits)
	h.do(WorkerDisconnected{"n1"})
	// what was wrong with it is for it to say again
	h.do(WorkerConnected{Name: "n1", Slots: 4, Mem: 1 << 40, Holding: []JobRef{runs.Ref()}})
	h.is("R CF", runs, waits)
}
