package worker

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// A job outlives a lost connection, and what it reported meanwhile is said again.
func TestReconnect(t *testing.T) {
	b := newBench(t, nil)
	ref := b.start(interactive(b.app("act", 1, "cat")))
	wait(t, b.started, "start of the ranks")
	b.read(map[string]string{}, func() bool { return true })
	b.hangUp <- struct{}{}
	hello := wait(t, b.hello, "second hello")
	if len(hello.Running) != 1 || hello.Running[0].JobId != ref.JobId || hello.Running[0].Epoch != ref.Epoch {
		t.Errorf("running: %v", hello.Running)
	}
	wait(t, b.started, "start, said again")
	b.stdin(ref, "x\n", true)
	for !b.read(map[string]string{}, func() bool { return false }) {
	}
	wait(t, b.ended, "end")
	b.hangUp <- struct{}{} // before it is acknowledged
	wait(t, b.hello, "third hello")
	if end := wait(t, b.ended, "end, said again"); end.Job.JobId != ref.JobId || end.End.ExitCode != 0 {
		t.Errorf("ended %v", end)
	}
	b.order(&schedpb.SchedulerMessage_AckEnded{AckEnded: &schedpb.AckEnded{Job: ref}})
	b.start(interactive(b.app("hello", 1))) // behind the acknowledgement
	b.collect()
	b.hangUp <- struct{}{}
	if hello := wait(t, b.hello, "last hello"); len(hello.Running) > 1 || len(hello.Running) == 1 &&
		hello.Running[0].JobId == ref.JobId {
		t.Errorf("running: %v", hello.Running)
	}
}

func TestHeartbeat(t *testing.T) {
	b := newBench(t, nil)
	for range 3 {
		wait(t, b.beats, "heartbeat")
	}
}

// A scheduler that stays away starts the job elsewhere: its ranks here must have ended by then.
func TestGrace(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Grace = 2 * time.Second })
	ref := b.spinning("spin", 2)
	pid := b.pid(ref)
	b.setAway(status.Error(codes.AlreadyExists, "it is here already")) // of one that had been accepted: not for good
	b.hangUp <- struct{}{}
	waitGone(t, pid)
	b.setAway(nil)
	if end := wait(t, b.ended, "end"); end.End.State != "NF" || !strings.Contains(end.End.Reason, "no connection") {
		t.Errorf("ended %v", end)
	}
}

// A worker that the scheduler will not have gives up, with the reason.
func TestRefusedWorker(t *testing.T) {
	b := newBench(t, nil)
	b.worker.Stop()
	b.setAway(status.Error(codes.PermissionDenied, "who are you?"))
	w, err := New(b.worker.Config)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "who are you?") {
		t.Errorf("%v", err)
	}
	if err := w.Run(t.Context()); err == nil {
		t.Error("it ran twice")
	}
	w.Stop()
}

func TestRepeatedStart(t *testing.T) {
	b := newBench(t, nil)
	spec := interactive(b.app("hello", 1))
	b.start(spec)
	b.order(&schedpb.SchedulerMessage_Start{Start: &schedpb.StartJob{Job: &schedpb.JobRef{JobId: 1, Epoch: 1}, Spec: spec,
		Ranks: 1, WorldSize: 1, Tenant: ownTenant()}})
	if o := b.collect(); o.End.ExitCode != 0 || strings.Count(o.out["0"], "hello") != 1 {
		t.Errorf("ended %v after %q", o.End, o.out)
	}
}

// More output than the window goes through a reader that takes its time, all of it and in order, and leaves no disk.
func TestFlood(t *testing.T) {
	const window, megabytes, ranks = 4 << 20, 24, 2
	b := newBench(t, func(c *Config) { c.LogWindow = window })
	ref := b.start(interactive(b.app("act", ranks, "flood", fmt.Sprint(megabytes))))
	log := filepath.Join(b.worker.jobDir(keyOf(ref)), "log")
	rest, line := map[uint32]string{}, map[uint32]int{}
	most := int64(0)
	for eof := false; !eof; {
		f := wait(t, b.frames, "output")
		var st unix.Stat_t
		if err := unix.Stat(log, &st); err == nil {
			most = max(most, st.Blocks*512)
		}
		bytes := 0
		for _, out := range f.Output {
			bytes += len(out.Data)
			text := rest[out.Rank] + string(out.Data)
			for ; len(text) >= 64; text = text[64:] {
				if want := fmt.Sprintf("%02d %060d\n", out.Rank, line[out.Rank]); text[:64] != want {
					t.Fatalf("rank %d: line %d is %q", out.Rank, line[out.Rank], text[:64])
				}
				line[out.Rank]++
			}
			rest[out.Rank] = text
		}
		if bytes > 2*maxBatch {
			t.Fatalf("a frame of %d bytes", bytes)
		}
		eof = f.Eof
	}
	if end := wait(t, b.ended, "end"); end.End.ExitCode != 0 {
		t.Errorf("ended %v", end.End)
	}
	for rank := range uint32(ranks) {
		if line[rank] != megabytes<<14 || rest[rank] != "" {
			t.Errorf("rank %d: %d lines and %q", rank, line[rank], rest[rank])
		}
	}
	if limit := int64(2*window + 4<<20); most > limit {
		t.Errorf("the log took %d MiB of disk", most>>20)
	}
}

// Once nobody reads any more, nobody is waited for.
func TestReaderGoes(t *testing.T) {
	b := newBench(t, func(c *Config) { c.LogWindow = 1 << 20 })
	spec := interactive(b.app("act", 1, "flood", "8"))
	ref := &schedpb.JobRef{JobId: 1, Epoch: 1}
	b.order(&schedpb.SchedulerMessage_Start{Start: &schedpb.StartJob{Job: ref, Spec: spec, Ranks: 1, WorldSize: 1,
		Tenant: ownTenant()}})
	wait(t, b.started, "start of the ranks")
	b.cut = make(chan struct{})
	b.order(&schedpb.SchedulerMessage_StreamOutput{StreamOutput: &schedpb.StreamOutput{Job: ref, StreamId: 7}})
	wait(t, b.frames, "output")
	close(b.cut)
	if end := wait(t, b.ended, "end"); end.End.ExitCode != 0 {
		t.Errorf("ended %v", end.End)
	}
}

// A batch job's log can be read at any time, from any offset.
func TestOutputLater(t *testing.T) {
	b := newBench(t, nil)
	spec := interactive(b.app("hello", 1))
	spec.Interactive = false
	first := b.run(spec)
	for range 2 { // before and after it is forgotten
		b.order(&schedpb.SchedulerMessage_StreamOutput{StreamOutput: &schedpb.StreamOutput{Job: first.Job, StreamId: 9}})
		out := map[string]string{}
		b.read(out, func() bool { return false })
		if out["0"] != first.out["0"] || out["0"] == "" {
			t.Errorf("first %q, then %q", first.out, out)
		}
		b.order(&schedpb.SchedulerMessage_AckEnded{AckEnded: &schedpb.AckEnded{Job: first.Job}})
	}
	b.order(&schedpb.SchedulerMessage_StreamOutput{StreamOutput: &schedpb.StreamOutput{Job: first.Job, StreamId: 10,
		FromOffset: 1 << 40}})
	if f := wait(t, b.frames, "eof"); len(f.Output) > 0 || !f.Eof {
		t.Errorf("from beyond the end: %v", f)
	}
	b.order(&schedpb.SchedulerMessage_StreamOutput{StreamOutput: &schedpb.StreamOutput{Job: &schedpb.JobRef{JobId: 99,
		Epoch: 1}, StreamId: 11}})
	if f := wait(t, b.frames, "eof"); len(f.Output) > 0 || !f.Eof || f.StreamId != 11 {
		t.Errorf("of a job that never was: %v", f)
	}
}

// An interactive job leaves nothing, once its output was read and its end acknowledged.
func TestNothingIsLeft(t *testing.T) {
	b := newBench(t, nil)
	for range 2 {
		b.run(interactive(b.app("hello", 2)))
	}
	b.worker.Stop()
	entries, err := os.ReadDir(filepath.Join(b.dir, "jobs"))
	if err != nil || len(entries) > 1 { // the last acknowledgement may have crossed the stop
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=8m"); err != nil {
		t.Skipf("needs a small file system to fill: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	b := newBench(t, func(c *Config) { c.Dir = dir })
	spec := interactive(b.app("act", 1, "flood", "10"))
	spec.Interactive = false // or the log would be emptied as it is read
	o := b.run(spec)
	if !strings.Contains(o.End.Reason, "output is lost") || !strings.Contains(o.End.Reason, "no space left") {
		t.Errorf("ended %v", o.End)
	}
	if n := len(o.out["0"]); n < 1<<20 {
		t.Errorf("%d bytes arrived", n)
	}
}

func TestManyRanks(t *testing.T) {
	b := newBench(t, nil)
	o := b.run(interactive(b.app("hello", 256)))
	if o.End.ExitCode != 0 || len(o.out) != 256 {
		t.Fatalf("%d ranks spoke, ended %v", len(o.out), o.End)
	}
	for rank := range 256 {
		if got, want := o.out[fmt.Sprint(rank)], fmt.Sprintf("hello from %d of 256, sum 32640\n", rank); got != want {
			t.Errorf("rank %d said %q", rank, got)
		}
	}
	t.Logf("%d MiB resident, %d ms of CPU", o.MaxRssBytes>>20, o.CpuNs/1e6)
}

func TestMemory(t *testing.T) {
	b := newBench(t, func(c *Config) { c.MemBytes = 64 << 20 })
	o := b.run(interactive(b.app("hello", 1000)))
	for _, word := range []string{"not enough memory", "1000 of hello.wasm", "n1 may use 64 MiB"} {
		if o.End.State != "F" || !strings.Contains(o.End.Reason, word) {
			t.Errorf("ended without %q: %v", word, o.End)
		}
	}
	spec := interactive(b.app("act", 1, "memory"))
	spec.MemPerRankBytes = 32 << 20
	if o := b.run(spec); o.out["0"] != "no memory\n" {
		t.Errorf("100 MiB of 32: %q, %v", o.out, o.End)
	}
	spec.MemPerRankBytes = 64 << 10
	if o := b.run(spec); !strings.Contains(o.End.Reason, "memory") || o.End.State != "F" {
		t.Errorf("less than it begins with: %v", o.End)
	}
}
