package result

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/faasmrun/faasmrun/scheduler/jobstate"
)

// TestRule has every combination that there is: what was seen, what the job was told, and the result of that.
func TestRule(t *testing.T) {
	limit := &Order{"TO", "time limit of 1m reached"}
	cancel := &Order{"CA", "by alice"}
	exited := func(rank uint32, status int32) RankEnd { return RankEnd{Rank: rank, Number: status, Program: "a.wasm"} }
	ended := func(rank uint32) RankEnd { return RankEnd{Rank: rank, Cause: Ended} }
	ranks := func(ends ...RankEnd) Report { return Report{Ranks: ends} }
	one := func(e RankEnd) Report { e.Program = "a.wasm"; return ranks(e) }
	died := func(d Death) Report { return Report{Death: &d} }
	ready := func(state string, code int32, reason string) Report {
		return Report{Made: &Result{state, code, reason}}
	}
	const hint = "run fewer ranks, or set --mem-per-rank so that the excess is found earlier"
	for _, c := range []struct {
		name string
		seen Report
		told *Order
		want Result
	}{
		// How the ranks ended.
		{"all well", Report{}, nil, Result{"CD", 0, ""}},
		{"all well, said so", ranks(exited(1, 0), exited(0, 0)), nil, Result{"CD", 0, ""}},
		{"all well before the limit reached it", Report{}, limit, Result{"CD", 0, ""}},
		{"one fails", ranks(RankEnd{Rank: 3, Number: 5, Program: "b.wasm"}, ended(1), ended(2)), nil, Result{"F", 5,
			"rank 3 of b.wasm on n1 exited with status 5\nthe other 2 ranks that were running were ended"}},
		{"one fails before the limit reached it", ranks(exited(3, 5)), limit, Result{"F", 5,
			"rank 3 of a.wasm on n1 exited with status 5"}},
		{"the lowest rank's status, the first one's name", ranks(exited(2, 7), exited(1, 9), ended(0)), nil, Result{"F", 9,
			"rank 2 of a.wasm on n1 exited with status 7\nthe other rank that was running was ended"}},
		{"a status of more than a byte", one(RankEnd{Number: 256 + 4}), nil, Result{"F", 4,
			"rank 0 of a.wasm on n1 exited with status 4"}},
		{"256 is 0, as the system has it", one(RankEnd{Number: 256}), nil, Result{"CD", 0, ""}},
		{"a trap", one(RankEnd{Rank: 1, Cause: Trapped, Number: 11, Text: "out of bounds\n  f"}), nil, Result{"F", 139,
			"rank 1 of a.wasm on n1 failed with status 139: out of bounds\n  f"}},
		{"a signal", one(RankEnd{Cause: Signalled, Number: 14, Text: "alarm clock"}), nil, Result{"F", 142,
			"rank 0 of a.wasm on n1 failed with status 142: it was ended by signal 14 (alarm clock)"}},
		{"no signal", one(RankEnd{Cause: Trapped, Number: -128, Text: "x"}), nil, Result{"F", 1,
			"rank 0 of a.wasm on n1 failed with status 1: x"}},
		{"MPI_Abort", one(RankEnd{Rank: 1, Cause: Aborted, Number: 6, Text: "rank 1: MPI_Abort: 6"}), nil, Result{"F", 6,
			"rank 1 of a.wasm on n1 failed with status 6: MPI_Abort: 6"}},
		{"MPI_Abort with more than a byte", one(RankEnd{Cause: Aborted, Number: 300, Text: "x"}), nil, Result{"F", 44,
			"rank 0 of a.wasm on n1 failed with status 44: x"}},
		{"MPI_Abort is never a success", one(RankEnd{Cause: Aborted, Number: 512, Text: "x"}), nil, Result{"F", 1,
			"rank 0 of a.wasm on n1 failed with status 1: x"}},
		{"no MPI_Finalize", one(RankEnd{Cause: NotFinalized}), nil, Result{"F", 1, "rank 0 of a.wasm on n1 failed with " +
			"status 1: it called MPI_Init and ended without calling MPI_Finalize"}},
		{"no MPI_Init", one(RankEnd{Cause: NotInitialized}), nil, Result{"F", 1, "rank 0 of a.wasm on n1 failed with " +
			"status 1: it ended without calling MPI_Init, which other ranks have called"}},
		{"a fault of ours", one(RankEnd{Cause: Broken, Text: "no memory"}), nil, Result{"F", 1,
			"rank 0 of a.wasm on n1 failed with status 1: no memory"}},
		{"a cause of a later release", one(RankEnd{Cause: 200, Text: "odd"}), nil, Result{"F", 1,
			"rank 0 of a.wasm on n1 failed with status 1: odd"}},
		{"a signal first, then what came of it", ranks(exited(0, 138), exited(1, 138), ended(0), ended(1)), nil,
			Result{"F", 138, "rank 0 of a.wasm on n1 exited with status 138"}},
		{"those that compute are killed", ranks(exited(1, 2), RankEnd{Cause: Killed}), nil, Result{"F", 2,
			"rank 1 of a.wasm on n1 exited with status 2\nthe other rank that was running was ended"}},
		{"no program", ranks(RankEnd{Number: 2}), nil, Result{"F", 2, "rank 0 of the job on n1 exited with status 2"}},
		{"a program with lines", ranks(RankEnd{Number: 2, Program: "a\nb\x1b"}), nil, Result{"F", 2,
			"rank 0 of a?b? on n1 exited with status 2"}},
		{"a deadlock", Report{Ranks: []RankEnd{ended(0), ended(1)}, Deadlock: "deadlock: every rank waits"}, nil,
			Result{"F", 1, "deadlock: every rank waits"}},
		{"a failure counts before a deadlock", Report{Ranks: []RankEnd{ended(0), exited(1, 4)}, Deadlock: "deadlock"}, nil,
			Result{"F", 4, "rank 1 of a.wasm on n1 exited with status 4\nthe other rank that was running was ended"}},
		{"ended, and nobody says why", ranks(ended(0)), nil,
			Result{"F", 1, "its ranks were ended, and nothing says why (please report this)"}},
		{"a finding", Report{Findings: 1}, nil, Result{"F", 111, "the job ended well, but --check found a mistake"}},
		{"findings", Report{Findings: 3}, nil, Result{"F", 111, "the job ended well, but --check found 3 mistakes"}},
		{"findings in a job that failed", Report{Findings: 3, Ranks: []RankEnd{exited(0, 2)}}, nil,
			Result{"F", 2, "rank 0 of a.wasm on n1 exited with status 2"}},
		{"findings in a job that was ended", Report{Findings: 3, Terminated: true}, limit,
			Result{"TO", 110, "time limit of 1m reached"}},
		{"lost output", Report{LostOutput: "disk full"}, nil,
			Result{"CD", 0, "some of the job's output is lost: disk full"}},
		{"lost output of one that failed", Report{LostOutput: "disk full", Ranks: []RankEnd{exited(0, 2)}}, nil,
			Result{"F", 2, "rank 0 of a.wasm on n1 exited with status 2\nsome of the job's output is lost: disk full"}},

		// They were told to end.
		{"the time limit", Report{Terminated: true, Ranks: []RankEnd{ended(0)}}, limit,
			Result{"TO", 110, "time limit of 1m reached"}},
		{"cancelled", Report{Terminated: true, Ranks: []RankEnd{ended(0)}}, cancel, Result{"CA", 1, "by alice"}},
		{"cancelled, and a rank made an end of its own of it", Report{Terminated: true, Ranks: []RankEnd{exited(0, 4)}},
			cancel, Result{"CA", 1, "by alice"}},
		{"preempted", Report{Terminated: true}, &Order{"PR", "preempted by job 9"}, Result{"PR", 1, "preempted by job 9"}},
		{"to be queued again", Report{Terminated: true}, &Order{"RQ", "requeued on request"},
			Result{"RQ", 1, "requeued on request"}},
		{"told by nobody", Report{Terminated: true}, nil, Result{"CA", 1, ""}},
		{"killed at last", Report{Terminated: true, Overdue: 2 * time.Second}, limit, Result{"TO", 110,
			"time limit of 1m reached (the ranks had not ended 2s later and were killed)"}},
		{"killed at last, sooner", Report{Terminated: true, Overdue: 1500 * time.Millisecond}, cancel, Result{"CA", 1,
			"by alice (the ranks had not ended 1.5s later and were killed)"}},
		{"too much output", Report{Terminated: true, OutputLimit: 4096}, nil, Result{"F", 1,
			"its output has reached its tenant's quota, which is 4096 bytes for each job"}},
		{"too much output, and cancelled then", Report{Terminated: true, OutputLimit: 4096}, cancel, Result{"F", 1,
			"its output has reached its tenant's quota, which is 4096 bytes for each job"}},
		{"too much input", Report{Terminated: true, ExcessInput: true}, nil, Result{"F", 1,
			"the scheduler sent more standard input than the ranks take"}},
		{"the lease was over", Report{Fenced: true, Ranks: []RankEnd{ended(0)}}, nil,
			Result{"NF", 1, "n1 had lost the scheduler for too long"}},
		{"the lease was over, and it was told to end", Report{Fenced: true, Terminated: true}, cancel,
			Result{"NF", 1, "n1 had lost the scheduler for too long"}},

		{"cut off", Report{Terminated: true, CutOff: 5 * time.Minute}, nil,
			Result{"NF", 1, "n1 had no connection to the scheduler for 5m0s"}},

		// They never began.
		{"not begun", Report{NotBegun: "a.wasm: no module"}, nil, Result{"F", 1, "a.wasm: no module"}},
		{"not begun, and told to end", Report{NotBegun: "canceled", Terminated: true}, limit,
			Result{"TO", 110, "time limit of 1m reached"}},
		{"not begun, and not for its own fault", Report{NotBegun: "no process", Elsewhere: true}, nil,
			Result{"NF", 1, "no process"}},

		// Nobody could say how they ended.
		{"killed with the worker", Report{WithWorker: true}, nil,
			Result{"NF", 1, "the worker n1 was killed, and with it the job's ranks"}},
		{"restarted machine", died(Death{Before: true, Rebooted: true, OutOfMemory: true}), nil,
			Result{"NF", 1, "the machine n1 was restarted under the job's ranks"}},
		{"no memory while no worker was there", died(Death{Before: true, OutOfMemory: true, Stderr: "x"}), nil, Result{"OOM",
			137, "the executor of the job's ranks on n1 was killed for want of memory: " + hint}},
		{"killed while no worker was there", died(Death{Before: true}), nil, Result{"NF", 1,
			"the executor of the job's ranks on n1 was killed while no worker was there"}},
		{"crashed while no worker was there", died(Death{Before: true, Adopted: true, Stderr: "panic: x"}), nil,
			Result{"F", 1, "the executor of the job's ranks on n1 crashed (please report this): panic: x"}},
		{"an adopted one is killed", died(Death{Adopted: true}), nil, Result{"F", 137, "the executor of the job's ranks on " +
			"n1, which outlived the worker that started it, was killed: by hand, or by the system because memory ran out"}},
		{"an adopted one crashes", died(Death{Adopted: true, Stderr: "panic: x"}), nil, Result{"F", 1,
			"the executor of the job's ranks on n1 crashed (please report this): panic: x"}},
		{"no memory", died(Death{Signal: 9, OutOfMemory: true}), nil, Result{"OOM", 137, "the machine n1 ran out of " +
			"memory, and the system killed the executor of the job's ranks: " + hint}},
		{"killed", died(Death{Signal: 9, SignalName: "killed"}), nil, Result{"F", 137, "the executor of the job's ranks on " +
			"n1 was killed by signal 9 (killed): by hand, or by the system because memory ran out"}},
		{"crashed by a signal", died(Death{Signal: 11, SignalName: "segmentation fault", Stderr: "SIGSEGV"}), nil, Result{"F",
			139, "the executor of the job's ranks on n1 was killed by signal 11 (segmentation fault): by hand, or by the " +
				"system because memory ran out"}},
		{"crashed", died(Death{Status: 2, Stderr: "panic: x"}), nil, Result{"F", 1,
			"the executor of the job's ranks on n1 crashed (please report this): panic: x"}},
		{"ended without a word", died(Death{Status: 2}), nil, Result{"F", 1, "the executor of the job's ranks on n1 ended " +
			"with status 2 and left no exit record (please report this)"}},

		// Release 0.1.0 made the result.
		{"0.1.0: completed", ready("CD", 0, ""), nil, Result{"CD", 0, ""}},
		{"0.1.0: completed with a status", ready("CD", 3, ""), nil, Result{"CD", 0, ""}},
		{"0.1.0: failed", ready("F", 42, "rank 1"), nil, Result{"F", 42, "rank 1"}},
		{"0.1.0: failed with 0", ready("F", 0, ""), nil, Result{"F", 1, ""}},
		{"0.1.0: out of memory", ready("OOM", 137, ""), nil, Result{"OOM", 137, ""}},
		{"0.1.0: out of memory with 0", ready("OOM", 0, ""), nil, Result{"OOM", 1, ""}},
		{"0.1.0: lost", ready("NF", 1, "n1 had lost us"), nil, Result{"NF", 1, "n1 had lost us"}},
		{"0.1.0: preempted", ready("PR", 0, ""), nil, Result{"PR", 1, ""}},
		{"0.1.0: cancelled", ready("CA", 137, ""), nil, Result{"CA", 1, ""}},
		{"0.1.0: cancelled, by whom", ready("CA", 1, ""), cancel, Result{"CA", 1, "by alice"}},
		{"0.1.0: an unknown state", ready("nonsense", 2, ""), nil, Result{"F", 2, ""}},
		{"0.1.0: no end", ready("R", 0, ""), nil, Result{"F", 1, ""}},
		{"0.1.0: no state", ready("", 0, ""), cancel, Result{"F", 1, ""}},
		{"0.1.0: the time limit", ready("TO", 143, ""), limit, Result{"TO", 110, "time limit of 1m reached"}},
		{"0.1.0: the time limit, with a reason", ready("TO", 1, "killed"), limit, Result{"TO", 110, "killed"}},
		{"0.1.0: done before the limit reached it", ready("CD", 0, ""), limit, Result{"CD", 0, ""}},
		{"0.1.0: failed before the limit reached it", ready("F", 5, ""), limit, Result{"F", 5, ""}},
		{"0.1.0: to be queued again", ready("RQ", 1, "requeued on request"), &Order{"RQ", "requeued on request"},
			Result{"RQ", 1, "requeued on request"}},
		{"0.1.0: to be queued again, and cancelled since", ready("RQ", 1, "requeued on request"), cancel,
			Result{"CA", 1, "by alice"}},
		{"0.1.0: to be queued again, but not here", ready("RQ", 1, "x"), nil, Result{"F", 1, "x"}},
		{"0.1.0: its executor under a later worker, told to end", Report{Terminated: true, Made: &Result{"CD", 0, ""}}, limit,
			Result{"TO", 110, "time limit of 1m reached"}},
		{"0.1.0: its executor under a later worker, fenced", Report{Fenced: true, Made: &Result{"CD", 0, ""}}, nil,
			Result{"NF", 1, "n1 had lost the scheduler for too long"}},
	} {
		c.seen.Node = "n1"
		if got := Of(c.seen, c.told); got != c.want {
			t.Errorf("%s:\n%+v, want\n%+v", c.name, got, c.want)
		}
	}
}

// Whatever is reported, a job has status 0 if it completed and otherwise not, and a state that an end can have, or the
// one that it was told.
func TestAnyReport(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	maybe := func(s string) string { return strings.Repeat(s, rnd.IntN(2)) }
	states := []string{"CD", "F", "CA", "TO", "NF", "OOM", "PR", "RQ", "R", "", "nonsense"}
	ends := states[:7]
	for range 20000 {
		r := Report{Node: "n1", Deadlock: maybe("d"), Findings: rnd.Uint64N(2), LostOutput: maybe("l"), NotBegun: maybe("n"),
			Elsewhere: rnd.IntN(2) == 0, Terminated: rnd.IntN(2) == 0, Overdue: time.Duration(rnd.IntN(3) - 1),
			OutputLimit: rnd.Uint64N(2), ExcessInput: rnd.IntN(4) == 0, CutOff: time.Duration(rnd.IntN(3) - 1),
			Fenced: rnd.IntN(8) == 0, WithWorker: rnd.IntN(8) == 0}
		for range rnd.IntN(4) {
			r.Ranks = append(r.Ranks, RankEnd{Rank: rnd.Uint32N(3), Cause: Cause(rnd.IntN(12)), Number: rnd.Int32N(600) - 300,
				Text: maybe("t")})
		}
		if rnd.IntN(4) == 0 {
			r.Made = &Result{states[rnd.IntN(len(states))], rnd.Int32N(3), maybe("r")}
		}
		if rnd.IntN(4) == 0 {
			r.Death = &Death{Before: rnd.IntN(2) == 0, Adopted: rnd.IntN(2) == 0, Rebooted: rnd.IntN(2) == 0,
				OutOfMemory: rnd.IntN(2) == 0, Signal: rnd.Int32N(3), Stderr: maybe("x")}
		}
		var told *Order
		if rnd.IntN(2) == 0 {
			told = &Order{append(ends, "RQ")[rnd.IntN(8)], maybe("o")}
		}
		got := Of(r, told)
		if (got.State == "CD") != (got.ExitCode == 0) || !slices.Contains(ends, got.State) &&
			(told == nil || got.State != told.State) {
			t.Fatalf("%+v, told %v: %+v", r, told, got)
		}
	}
}

// Each rank has one end, by rank: the first that was seen.
func TestFailures(t *testing.T) {
	r := Report{Ranks: []RankEnd{{Rank: 3, Number: 5}, {Rank: 1, Cause: Signalled, Number: 10}, {Rank: 2},
		{Rank: 0, Cause: Ended}, {Rank: 1, Cause: Ended}, {Rank: 2, Cause: Killed}}}
	var got []uint32
	for _, e := range r.Failures() {
		got = append(got, e.Rank, uint32(e.Status()))
	}
	if want := []uint32{0, 143, 1, 138, 3, 5}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if r.Ranks[0].Rank != 3 {
		t.Error("the report was changed")
	}
}

// What a program says of its end is bounded, and does nothing to a terminal.
func TestReasonIsBounded(t *testing.T) {
	r := Report{Node: "n1", Ranks: []RankEnd{{Cause: Trapped, Number: 6,
		Text: "\x1b[2J" + strings.Repeat("m", 2*MaxReason)}}}
	got := Of(r, nil).Reason
	if len(got) > MaxReason || len(got) < MaxReason-8 || strings.Contains(got, "\x1b") {
		t.Errorf("%d bytes: %.60q", len(got), got)
	}
	got = Of(Report{Terminated: true}, &Order{"CA", "\x1b[2J"}).Reason
	if strings.Contains(got, "\x1b") {
		t.Errorf("%q", got)
	}
}

func TestText(t *testing.T) {
	for _, c := range []struct {
		in    string
		limit int
		want  string
	}{{"plain", 10, "plain"}, {"caf\xe9", 10, "caf\uFFFD"}, {"0123456789ab", 10, "012345 …"},
		{"01234é6789", 10, "01234 …"}, {"abc", 2, ""},
		{"a\x1b[2J\rb\n\tc\u202e", 99, "a\uFFFD[2J\uFFFDb\n\tc\uFFFD"}} {
		if got := Text(c.in, c.limit); got != c.want {
			t.Errorf("%q to %d: %q, want %q", c.in, c.limit, got, c.want)
		}
	}
}

// A job's script has the job's status, whatever its steps made of themselves.
func TestScripts(t *testing.T) {
	for name, c := range map[string]struct {
		report Report
		told   *Order
		want   Result
	}{
		"well": {Report{Script: &ScriptEnd{Name: "job.sh"}}, nil, Result{jobstate.Completed, 0, ""}},
		"status": {Report{Script: &ScriptEnd{Name: "a\nb", Status: 3}}, nil,
			Result{jobstate.Failed, 3, "the script a?b on n exited with status 3"}},
		"signal": {Report{Script: &ScriptEnd{Name: "job.sh", Signal: 9, SignalName: "killed"}}, nil,
			Result{jobstate.Failed, 137, "the script job.sh on n was killed by signal 9 (killed)"}},
		"no such signal": {Report{Script: &ScriptEnd{Signal: 900}}, nil,
			Result{jobstate.Failed, 1, "the script was killed by a signal that there is none of"}},
		"lost output": {Report{Script: &ScriptEnd{}, LostOutput: "disk full"}, nil,
			Result{jobstate.Completed, 0, "some of the job's output is lost: disk full"}},
		"told": {Report{Script: &ScriptEnd{}, Terminated: true}, &Order{jobstate.TimedOut, "its time is over"},
			Result{jobstate.TimedOut, jobstate.ExitTimedOut, "its time is over"}},
		"supervisor": {Report{OfScript: true, Death: &Death{Signal: 9, SignalName: "killed"}}, nil,
			Result{jobstate.Failed, 137, "the supervisor of the job's script on n was killed by signal 9 (killed): " +
				KillHint}},
	} {
		c.report.Node = "n"
		if got := Of(c.report, c.told); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
