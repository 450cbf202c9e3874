package core

import (
	"math/rand/v2"
	"testing"

	"github.com/faasmrun/faasmrun/scheduler/core/result"
)

// made is a worker's report of an end in a state, as release 0.1.0 sent it.
func made(state JobState) result.Report {
	return result.Report{Node: "n", Made: &result.Result{State: state.String()}}
}

// anyReport is whatever a worker may say.
func anyReport(rnd *rand.Rand) result.Report {
	r := result.Report{Node: "n", Terminated: rnd.IntN(3) == 0, Fenced: rnd.IntN(8) == 0, WithWorker: rnd.IntN(16) == 0}
	switch rnd.IntN(4) {
	case 0:
		r.Ranks = []result.RankEnd{{Rank: rnd.Uint32N(4), Cause: result.Cause(rnd.IntN(12)), Number: int32(rnd.IntN(300))}}
	case 1:
		r.Made = &result.Result{State: JobState(rnd.IntN(20)).String(), ExitCode: int32(rnd.IntN(3))}
	case 2:
		r.Death = &result.Death{Before: rnd.IntN(2) == 0, OutOfMemory: rnd.IntN(2) == 0, Signal: int32(rnd.IntN(3))}
	}
	return r
}

// TestEnds: what a job was told to make counts where its ranks ended of that, and nowhere else.
func TestEnds(t *testing.T) {
	cancel := func(id JobID) Event { return Cancel{Job: id, Reason: "by alice"} }
	requeue := func(id JobID) Event { return Requeue{Job: id} }
	type order func(JobID) Event
	for _, c := range []struct {
		name   string
		orders []order
		report result.Report
		state  JobState
		code   int32
		reason string
	}{
		{"by itself", nil, result.Report{}, Completed, 0, ""},
		{"by itself, before it was told", []order{cancel}, result.Report{}, Completed, 0, ""},
		{"failed", []order{cancel}, result.Report{Node: "n1", Ranks: []result.RankEnd{{Number: 3, Program: "a"}}}, Failed, 3,
			"rank 0 of a on n1 exited with status 3"},
		{"cancelled", []order{cancel}, result.Report{Terminated: true}, Cancelled, 1, "by alice"},
		// A worker that has been restarted does not know why an executor was told to end its ranks.
		{"cancelled, as 0.1.0 says", []order{cancel}, made(Cancelled), Cancelled, 1, "by alice"},
		{"terminated by nobody", nil, result.Report{Terminated: true}, Cancelled, 1, ""},
		{"requeued", []order{requeue}, result.Report{Terminated: true}, Pending, 0, ""},
		{"requeued, and done before", []order{requeue}, result.Report{}, Completed, 0, ""},
		{"requeued, then cancelled", []order{requeue, cancel}, result.Report{Terminated: true}, Cancelled, 1, "by alice"},
		{"requeued, then cancelled, as 0.1.0 says", []order{requeue, cancel}, made(Requeued), Cancelled, 1, "by alice"},
		{"lost", nil, result.Report{Node: "n1", Fenced: true}, NodeFailed, 1, "n1 had lost the scheduler for too long"},
		{"lost, and cancelled", []order{cancel}, result.Report{Node: "n1", Fenced: true}, Cancelled, 1, "by alice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newTestCluster(t, 4)
			j := h.submit(Request{Ranks: 1})
			h.do(RanksStarted{Worker: "n1", Ref: j.Ref()})
			for _, order := range c.orders {
				h.do(order(j.ID))
			}
			h.do(RanksEnded{Worker: "n1", Ref: j.Ref(), Report: c.report})
			if c.state == Pending { // and placed anew at once
				if j.State != Configuring || j.Epoch != 2 {
					t.Errorf("%s in epoch %d", j.State, j.Epoch)
				}
				return
			}
			if e := j.End; e.State != c.state || e.ExitCode != c.code || e.Reason != c.reason {
				t.Errorf("ended as %+v", e)
			}
		})
	}
}
