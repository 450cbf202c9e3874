package core

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// The free-slot index is in order whatever is taken and given back, over many buckets.
func TestFreeSlotIndex(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	var r freeSlotIndex
	var workers []*Worker
	for i := range 1000 {
		w := &Worker{Name: WorkerName(fmt.Sprint("n", i)), Slots: uint32(1 + rnd.IntN(64)), Connected: true}
		workers = append(workers, w)
		r.add(w)
	}
	for step := range 20_000 {
		w := workers[rnd.IntN(len(workers))]
		r.remove(w)
		w.UsedSlots, w.Connected = uint32(rnd.IntN(int(w.Slots)+1)), rnd.IntN(5) > 0
		r.add(w)
		if step%500 != 0 {
			continue
		}
		var want []*Worker
		for _, w := range workers {
			if w.Open() {
				want = append(want, w)
			}
		}
		slices.SortFunc(want, func(a, b *Worker) int {
			return cmp.Or(cmp.Compare(a.Free(), b.Free()), cmp.Compare(a.Name, b.Name))
		})
		least := uint32(rnd.IntN(70))
		from := slices.IndexFunc(want, func(w *Worker) bool { return w.Free() >= least })
		if from < 0 {
			from = len(want)
		}
		if got := slices.Collect(r.withAtLeast(least)); !slices.Equal(got, want[from:]) {
			t.Fatalf("step %d: %d workers have %d slots free, want %d", step, len(got), least, len(want)-from)
		}
		if r.n != len(want) || r.mostFree() != want[len(want)-1].Free() {
			t.Fatalf("step %d: %d workers, at most %d slots free", step, r.n, r.mostFree())
		}
		slices.Reverse(want)
		if !slices.Equal(slices.Collect(r.descending()), want) {
			t.Fatalf("step %d: downwards the order is another", step)
		}
	}
	for _, w := range workers {
		r.remove(w)
	}
	if r.n != 0 || len(r.buckets) != 0 || r.mostFree() != 0 {
		t.Errorf("%d entries are left in %d buckets", r.n, len(r.buckets))
	}
}

// arrival has a job come to a queue that is full of others, and reports whether the whole queue was gone over for it.
func (h *testCluster) arrival(r Request) (j *Job, whole bool) {
	h.t.Helper()
	before := h.s.last.version
	j = h.submit(r)
	return j, h.s.last.version != before
}

// Who comes to a waiting queue is looked at alone, and treated as if all of it had been gone over.
func TestIncrementalPass(t *testing.T) {
	h := newTestCluster(t, 10)
	first := h.submit(Request{Ranks: 6, TimeLimit: 10 * Minute})
	head := h.submit(Request{Ranks: 9, TimeLimit: Hour})
	for range 20 {
		h.submit(Request{Ranks: 9, TimeLimit: Hour})
	}
	for _, c := range []struct {
		what  string
		r     Request
		state JobState
		whole bool
	}{
		{"delays the head", Request{Ranks: 2, TimeLimit: 11 * Minute}, Pending, false},
		{"is short", Request{Ranks: 1, TimeLimit: 10 * Minute}, Configuring, false},
		{"fits beside the head", Request{Ranks: 1, TimeLimit: 2 * Hour}, Configuring, false},
		{"no longer fits beside the head", Request{Ranks: 1, TimeLimit: 2 * Hour}, Pending, false},
		{"is of another tenant, and short", Request{Ranks: 1, Tenant: "bob", TimeLimit: Minute, QOS: "low"}, Configuring,
			false},
		{"goes before the head", Request{Ranks: 10, TimeLimit: Minute, QOS: "high"}, Pending, true},
	} {
		j, whole := h.arrival(c.r)
		if j.State != c.state || whole != c.whole {
			t.Errorf("a job that %s is %s; all of the queue was looked at: %v", c.what, j.State, whole)
		}
		if c.whole && h.s.last.head != j {
			t.Errorf("the head is job %d", h.s.last.head.ID)
		}
	}
	before := h.s.last.version
	h.end(first, Completed)
	if h.s.last.version == before || head.State != Pending {
		t.Errorf("an end has the queue gone over: version %d, head %s", h.s.last.version, head.State)
	}
	for i := range maxArrivals + 2 {
		_, whole := h.arrival(Request{Ranks: 10, TimeLimit: Hour})
		if whole != (i == maxArrivals) {
			t.Errorf("newcomer %d: all of the queue was looked at: %v", i, whole)
		}
	}
}
