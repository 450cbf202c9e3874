package schedpb

import (
	"testing"
	"time"

	"github.com/faasmrun/faasmrun/scheduler/core/result"
)

// Causes have the same numbers on the wire and in the rule; one that is unknown is a fault.
func TestCauses(t *testing.T) {
	for wire, want := range map[RankCause]result.Cause{RankCause_RANK_EXITED: result.Exited,
		RankCause_RANK_TRAPPED: result.Trapped, RankCause_RANK_SIGNALLED: result.Signalled,
		RankCause_RANK_ABORTED: result.Aborted, RankCause_RANK_NOT_FINALIZED: result.NotFinalized,
		RankCause_RANK_NOT_INITIALIZED: result.NotInitialized, RankCause_RANK_BROKEN: result.Broken,
		RankCause_RANK_ENDED: result.Ended, RankCause_RANK_KILLED: result.Killed,
		99: result.Broken, 256: result.Broken, -1: result.Broken} {
		if got := cause(wire); got != want || want != result.Broken && RankCause(want) != wire {
			t.Errorf("%v is read as %d, not %d", wire, got, want)
		}
	}
	if got := len(RankCause_name); got != int(result.Killed)+1 {
		t.Errorf("%d causes", got)
	}
}

// Of ranks on other workers nothing that a worker says counts.
func TestSeen(t *testing.T) {
	m := &JobEnded{LaunchFailed: true, Report: &JobReport{Ranks: []*RankEnd{{Rank: 7, Number: 9}, {Rank: 1, Number: 2}},
		OverdueMs: 1500, CutOffMs: 300_000, Death: &ExecutorDeath{Signal: 9, SignalName: "killed"}}}
	got := m.Seen("n1", func(rank uint32) bool { return rank < 4 })
	if len(got.Ranks) != 1 || got.Ranks[0] != (result.RankEnd{Rank: 1, Number: 2}) || got.Node != "n1" || !got.Elsewhere ||
		got.Overdue != 1500*time.Millisecond || got.CutOff != 5*time.Minute ||
		*got.Death != (result.Death{Signal: 9, SignalName: "killed"}) {
		t.Errorf("%+v", got)
	}
}
