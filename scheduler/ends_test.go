package scheduler

import (
	"fmt"
	"testing"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// TestEndsOfWorkers: workers of this release report how ranks ended, those of 0.1.0 the result that they made of it.
// Executors of 0.1.0 may run on under a worker of this release. The end of a job is the same.
func TestEndsOfWorkers(t *testing.T) {
	const (
		story  = "rank 1: out of bounds"
		reason = "rank 1 of hello.wasm on n1 failed with status 139: out of bounds\nthe other rank that was running was ended"
	)
	exits := []*schedpb.RankExit{{Rank: 0, ExitCode: 143, Consequence: true}, {Rank: 1, ExitCode: 139, Message: story}}
	stood := &schedpb.RankStates{Ranks: []*schedpb.RankState{{Rank: 0, Node: "elsewhere", Where: "MPI_Recv"}}}
	made := &schedpb.JobEnd{State: "F", ExitCode: 139, Reason: reason, Exits: exits, RankStates: stood, MpiBytes: 7}
	// one of 0.1.0's under this worker: it says no more of its ranks than it does
	adopted := &schedpb.JobReport{Made: &schedpb.JobEnd{State: "F", ExitCode: 139, Reason: reason},
		Ranks: []*schedpb.RankEnd{{Rank: 1, Number: 139, Text: story},
			{Rank: 0, Cause: schedpb.RankCause_RANK_ENDED, Number: 143}},
		RankStates: stood, MpiBytes: 7}
	seen := &schedpb.JobReport{Ranks: []*schedpb.RankEnd{
		{Rank: 1, Cause: schedpb.RankCause_RANK_TRAPPED, Number: 11, Text: story, Program: "hello.wasm"},
		{Rank: 0, Cause: schedpb.RankCause_RANK_ENDED}},
		RankStates: stood, MpiBytes: 7}
	for _, c := range []struct {
		name     string
		protocol uint32
		end      *schedpb.JobEnded
	}{
		{"0.1.0", 3, &schedpb.JobEnded{End: made}},
		{"before reports", protocolReport - 1, &schedpb.JobEnded{End: made}},
		{"a report", protocolReport, &schedpb.JobEnded{Report: seen}},
		{"a report of an executor of 0.1.0", protocolReport, &schedpb.JobEnded{Report: adopted}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Config{})
			h := hello("n1", 2)
			h.Protocol = c.protocol
			f := w.connect(h)
			l := w.attach(w.submit(w.spec(2)))
			start := f.start()
			f.output(f.streamOrder()).Send(&schedpb.OutputFrame{Eof: true})
			f.started(start.Job)
			c.end.Job, c.end.CpuNs, c.end.MaxRssBytes = start.Job, 5, 6
			f.send(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_Ended{Ended: c.end}})
			end := l.end()
			equal(t, "end", fmt.Sprintf("%s %d %s", end.State, end.ExitCode, end.Reason), "F 139 "+reason)
			equal(t, "exits", fmt.Sprint(end.Exits), fmt.Sprint(exits))
			equal(t, "rank 0 stood on", end.RankStates.Ranks[0].Node, "n1")
			job := w.job(start.Job.JobId)
			equal(t, "figures", fmt.Sprint(job.CpuNs, job.MaxRssBytes, job.MpiBytes), "5 6 7")
		})
	}
}

// A worker that says neither how a job's ranks ended nor what it made of that has not said that all is well.
func TestNoReport(t *testing.T) {
	w := newWorld(t, Config{})
	h := hello("n1", 1)
	h.Protocol = protocolReport
	f := w.connect(h)
	l := w.attach(w.submit(w.spec(1)))
	start := f.start()
	f.output(f.streamOrder()).Send(&schedpb.OutputFrame{Eof: true})
	f.ended(start.Job, nil)
	end := l.end()
	equal(t, "end", fmt.Sprint(end.State, end.ExitCode), "F1")
}

// What a job was told, in the scheduler's own words, is its end when its ranks ended of that: a worker that was
// restarted meanwhile need not know why.
func TestEndThatWasOrdered(t *testing.T) {
	w := newWorld(t, Config{})
	h := hello("n1", 1)
	h.Protocol = protocolReport
	f := w.connect(h)
	l := w.attach(w.submit(w.spec(1)))
	start := f.start()
	f.output(f.streamOrder()).Send(&schedpb.OutputFrame{Eof: true})
	f.started(start.Job)
	l.send(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Terminate{
		Terminate: &schedpb.Terminate{Reason: "enough"}}})
	f.terminate()
	f.reported(start.Job, &schedpb.JobReport{Terminated: true, OverdueMs: 2000,
		Ranks: []*schedpb.RankEnd{{Cause: schedpb.RankCause_RANK_KILLED}}})
	end := l.end()
	equal(t, "end", fmt.Sprintf("%s %d %s", end.State, end.ExitCode, end.Reason),
		"CA 1 enough (the ranks had not ended 2s later and were killed)")
}
