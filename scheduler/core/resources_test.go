package core

import (
	"reflect"
	"testing"
)

func newClusterOfGPUs(t *testing.T) *testCluster {
	h := newTestCluster(t)
	h.do(WorkerConnected{Name: "n1", Slots: 8, Mem: 100 << 30,
		Resources: Resources{{"gpu", "a100", 2}, {"gpu", "v100", 1}, {"licence", "", 5}}})
	h.do(WorkerConnected{Name: "n2", Slots: 8, Mem: 100 << 30})
	return h
}

func (h *testCluster) has(j *Job, units ...Unit) {
	h.t.Helper()
	if !reflect.DeepEqual(j.Units, units) {
		h.t.Errorf("job %d has %v, want %v", j.ID, j.Units, units)
	}
}

func TestResources(t *testing.T) {
	h := newClusterOfGPUs(t)
	v := h.submit(Request{Ranks: 1, Resources: Resources{{"gpu", "v100", 1}}})
	h.has(v, Unit{"gpu", 2})
	two := h.submit(Request{Ranks: 1, Resources: Resources{{"gpu", "", 2}, {"licence", "", 1}}})
	h.has(two, Unit{"gpu", 0}, Unit{"gpu", 1}, Unit{"licence", 0})
	one := h.submit(Request{Ranks: 1, Resources: Resources{{"gpu", "", 1}}})
	h.is("CF CF PD", v, two, one)
	h.waits(one, "needs gpu:1, of which too few are free")
	plain := h.submit(Request{Ranks: 1, TimeLimit: Minute})
	lic := h.submit(Request{Ranks: 1, Resources: Resources{{"licence", "", 4}}, TimeLimit: Minute})
	h.has(lic, Unit{"licence", 1}, Unit{"licence", 2}, Unit{"licence", 3}, Unit{"licence", 4})
	h.is("CF CF", plain, lic)
	h.reload() // who has what outlives a restart of the scheduler
	v, one = h.job(v.ID), h.job(one.ID)
	h.do(WorkerConnected{Name: "n1", Slots: 8, Mem: 100 << 30, Holding: []JobRef{{1, 1}, {2, 1}, {4, 1}, {5, 1}},
		Resources: Resources{{"gpu", "a100", 2}, {"gpu", "v100", 1}, {"licence", "", 5}}})
	h.is("PD", one)
	h.end(v, Completed)
	h.has(one, Unit{"gpu", 2})

	never := h.submit(Request{Ranks: 1, Resources: Resources{{"gpu", "a100", 3}}})
	h.waits(never, "needs gpu:a100:3; the most that a worker has of gpu:a100 is 2")
	h.do(Cancel{Job: never.ID})
	for _, bad := range []Resources{{{"gpu", "", 0}}, {{"", "", 1}}, {{"gpu", "", 1}, {"gpu", "a100", 1}},
		{{"gpu", "", MaxUnits + 1}}} {
		h.refused(Submit{Request: Request{Tenant: "alice", Ranks: 1, Resources: bad}})
	}
}

// Nothing that is backfilled takes the units that the head of the queue was promised.
func TestBackfillLeavesResources(t *testing.T) {
	h := newClusterOfGPUs(t)
	long := h.submit(Request{Ranks: 1, TimeLimit: Hour, Resources: Resources{{"gpu", "", 2}}})
	head := h.submit(Request{Ranks: 1, TimeLimit: Hour, Resources: Resources{{"gpu", "", 3}}})
	h.is("CF PD", long, head)
	if head.Promised != (Promise{"n1", h.now.After(Hour)}) {
		t.Errorf("promised %+v", head.Promised)
	}
	slow := h.submit(Request{Ranks: 1, TimeLimit: 2 * Hour, Resources: Resources{{"gpu", "", 1}}})
	other := h.submit(Request{Ranks: 1, TimeLimit: 2 * Hour, Resources: Resources{{"licence", "", 1}}})
	short := h.submit(Request{Ranks: 1, TimeLimit: Hour, Resources: Resources{{"gpu", "", 1}}})
	h.is("PD CF CF", slow, other, short)
	x := h.s.Explain(head, h.now)
	if x.Start != h.now.After(Hour) || x.Worker != "n1" {
		t.Errorf("%+v", x)
	}
	h.end(long, Completed)
	h.end(short, Completed)
	h.is("CF PD", head, slow)
}
