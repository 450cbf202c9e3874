package worker

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// leaveLogs puts the logs of ended jobs there, of 100 bytes each, the first job's the oldest.
func leaveLogs(t *testing.T, w *Worker, n int) {
	for i := range n {
		dir := w.jobDir(jobKey{uint64(1000 + i), 1})
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "log"), make([]byte, 100), 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(time.Duration(i-n) * time.Minute)
		if err := os.Chtimes(dir, at, at); err != nil {
			t.Fatal(err)
		}
	}
}

func logsOf(t *testing.T, w *Worker) (names []string) {
	entries, err := os.ReadDir(filepath.Join(w.Dir, "jobs"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestLogsHaveABound(t *testing.T) {
	for name, bound := range map[string]struct {
		jobs  int
		bytes uint64
	}{"jobs": {3, 1 << 30}, "bytes": {1 << 30, 399}} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, func(c *Config) { c.KeepLogs, c.KeepLogBytes = bound.jobs, bound.bytes })
			ref := b.spinning("spin", 2) // its log is in use, whatever the bound
			leaveLogs(t, b.worker, 6)
			for range pruneEvery {
				b.worker.pruneSometimes()
			}
			want := []string{keyOf(ref).String(), "1003.1", "1004.1", "1005.1"}
			if got := logsOf(t, b.worker); !slices.Equal(got, want) {
				t.Errorf("kept %v, not %v", got, want)
			}
			b.order(&schedpb.SchedulerMessage_Terminate{Terminate: &schedpb.TerminateJob{Job: ref, State: "CA", Kill: true}})
			b.collect()
		})
	}
}

// A log that was removed is no empty log.
func TestRemovedLogIsGone(t *testing.T) {
	b := newBench(t, nil)
	empty := b.worker.jobDir(jobKey{7, 1})
	if err := os.MkdirAll(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	for id, gone := range map[uint64]bool{7: false, 8: true} {
		b.order(&schedpb.SchedulerMessage_StreamOutput{StreamOutput: &schedpb.StreamOutput{Job: &schedpb.JobRef{JobId: id,
			Epoch: 1}, StreamId: id}})
		if f := wait(t, b.frames, "the end of the output"); !f.Eof || f.Gone != gone {
			t.Errorf("job %d: %v", id, f)
		}
	}
}

func TestLogsOfAnEarlierWorkerHaveABound(t *testing.T) {
	b := newBench(t, func(c *Config) { c.KeepLogs = 2 })
	leaveLogs(t, b.worker, 5)
	b.restart()
	if got := fmt.Sprint(logsOf(t, b.worker)); got != "[1003.1 1004.1]" {
		t.Errorf("kept %s", got)
	}
}
