package worker

import (
	"fmt"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/faasmrun/faasmrun/scheduler/core/result"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker/control"
)

// A worker reports what it saw, and makes nothing of it.
func TestReport(t *testing.T) {
	told := &termination{order: &schedpb.TerminateJob{State: "TO", Reason: "too late"}}
	killed := &termination{order: &schedpb.TerminateJob{State: "CA", Kill: true}}
	ended := func(m control.Ended) *control.Ended { return &m }
	for _, c := range []struct {
		name  string
		why   *termination
		limit uint64
		last  *control.Ended
		want  *schedpb.JobReport
	}{
		{"all well", nil, 0, &control.Ended{MPIBytes: 4}, &schedpb.JobReport{MpiBytes: 4}},
		{"all well before the order came", told, 0, &control.Ended{}, &schedpb.JobReport{}},
		{"what the executor says", nil, 0, &control.Ended{Deadlock: "d", Findings: 2, LostOutput: "l", NotBegun: "n",
			Fenced: true, States: []control.RankState{{Where: "computing"}},
			Ranks: []result.RankEnd{{Rank: 2, Cause: result.Aborted, Number: 6, Text: "t\x1b", Program: "p"}}},
			&schedpb.JobReport{Deadlock: "d", Findings: 2, LostOutput: "l", NotBegun: "n", Fenced: true,
				RankStates: &schedpb.RankStates{Ranks: []*schedpb.RankState{{Node: "n1", Where: "computing"}}},
				Ranks: []*schedpb.RankEnd{{Rank: 2, Cause: schedpb.RankCause_RANK_ABORTED, Number: 6, Text: "t\uFFFD",
					Program: "p"}}}},
		{"told to end", told, 0, ended(control.Ended{Terminated: true}), &schedpb.JobReport{Terminated: true}},
		{"told to end by an earlier worker", nil, 0, ended(control.Ended{Terminated: true}),
			&schedpb.JobReport{Terminated: true}},
		{"too much output", &termination{outputLimit: 8}, 8, ended(control.Ended{Terminated: true, LogEnd: 9}),
			&schedpb.JobReport{Terminated: true, OutputLimitBytes: 8}},
		{"too much output for an earlier worker", nil, 8, ended(control.Ended{Terminated: true, LogEnd: 9}),
			&schedpb.JobReport{Terminated: true, OutputLimitBytes: 8}},
		{"much output", nil, 8, ended(control.Ended{Terminated: true, LogEnd: 8}), &schedpb.JobReport{Terminated: true}},
		{"too much input", &termination{excessInput: true}, 0, ended(control.Ended{Terminated: true}),
			&schedpb.JobReport{Terminated: true, ExcessInput: true}},
		{"too much input, the executor finds", nil, 0, ended(control.Ended{Terminated: true, ExcessInput: true}),
			&schedpb.JobReport{Terminated: true, ExcessInput: true}},
		{"an executor of 0.1.0", nil, 0, ended(control.Ended{Made: &result.Result{State: "F", ExitCode: 3, Reason: "r"}}),
			&schedpb.JobReport{Made: &schedpb.JobEnd{State: "F", ExitCode: 3, Reason: "r"}}},
		{"told to end, and killed at last", told, 0, nil,
			&schedpb.JobReport{Terminated: true, OverdueMs: terminationGrace.Milliseconds()}},
		{"killed on request", killed, 0, nil, &schedpb.JobReport{Terminated: true}},
		{"cut off", &termination{cutOff: time.Minute}, 0, nil, &schedpb.JobReport{Terminated: true, CutOffMs: 60_000}},
	} {
		j := &job{w: &Worker{Config: Config{Name: "n1"}}, terminated: c.why,
			order: &schedpb.StartJob{OutputLimitBytes: c.limit}}
		if got := j.report(&process{}, c.last, nil); !proto.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// What is known of an executor that left no account.
func TestDeath(t *testing.T) {
	run := func(script string) *exec.Cmd {
		cmd := exec.Command("/bin/sh", "-c", script)
		cmd.Run()
		return cmd
	}
	calm := oomKills()
	for _, c := range []struct {
		name     string
		rebooted bool
		process  *process
		words    string
		want     *schedpb.ExecutorDeath
	}{
		{"gone", true, &process{gone: true}, "", &schedpb.ExecutorDeath{Before: true, Adopted: true, Rebooted: true}},
		{"another's child", false, &process{}, "panic: x", &schedpb.ExecutorDeath{Adopted: true, Stderr: "panic: x"}},
		{"killed", false, &process{cmd: run("kill -9 $$"), oomKills: calm}, "",
			&schedpb.ExecutorDeath{Signal: int32(syscall.SIGKILL), SignalName: "killed"}},
		{"ended", false, &process{cmd: run("exit 2")}, "odd\nfatal error: y\n",
			&schedpb.ExecutorDeath{Status: 2, Stderr: "fatal error: y"}},
	} {
		j := &job{w: &Worker{}, rebooted: c.rebooted}
		if got := j.death(c.process, []byte(c.words)); !proto.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// What a worker writes behind the output of a job is what the scheduler will make of its report.
func TestMade(t *testing.T) {
	j := &job{w: &Worker{Config: Config{Name: "n1"}}, terminated: &termination{order: &schedpb.TerminateJob{
		State: "TO", Reason: "too late"}}}
	got := j.made(&schedpb.JobEnded{Report: &schedpb.JobReport{Terminated: true,
		Ranks: []*schedpb.RankEnd{{Rank: 1, Number: 4, Program: "p"}, {Cause: schedpb.RankCause_RANK_KILLED}}}})
	if s := fmt.Sprint(got.State, got.ExitCode, got.Reason); s != "TO110too late" || failedRank(got) != 1 {
		t.Errorf("%s, rank %d", s, failedRank(got))
	}
}
