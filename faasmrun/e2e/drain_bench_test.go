package e2e

import (
	"bytes"
	"context"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

func (w *warm) submit() (uint64, error) {
	answer, err := w.jobs.Submit(w.b.Context(), &schedpb.SubmitRequest{Spec: &schedpb.JobSpec{Apps: []*schedpb.App{{
		ModuleSha256: w.module.Sha256, Program: "hello.wasm", Dir: w.dir, Ranks: 1}}}})
	return answer.GetJobId(), err
}

// BenchmarkDrain is from the first submission to the last recorded end of batch jobs that do next to nothing, each in
// an executor of its own, with a scheduler and a worker that are daemons.
func BenchmarkDrain(b *testing.B) {
	for _, slots := range []string{"2", "4", "8"} {
		b.Run(slots+" slots", func(b *testing.B) {
			w := newWarm(b, slots)
			b.ResetTimer()
			ids := make([]uint64, b.N)
			var clients sync.WaitGroup
			const connections = 4
			for c := range connections {
				clients.Go(func() {
					for i := c; i < b.N; i += connections {
						var err error
						if ids[i], err = w.submit(); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			clients.Wait()
			w.drained(ids)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
		})
	}
}

// drained waits until all jobs have ended well.
func (w *warm) drained(ids []uint64) {
	ctx, cancel := context.WithCancel(w.b.Context())
	defer cancel()
	feed, err := w.jobs.Watch(ctx, &schedpb.WatchRequest{Ids: ids})
	ends := map[uint64]bool{}
	for err == nil {
		var m *schedpb.WatchResponse
		if m, err = feed.Recv(); err != nil {
			break
		}
		for _, j := range m.Jobs {
			if j.EndedUnixNs != 0 {
				ends[j.Id] = true
				if j.State != "CD" {
					w.b.Errorf("job %d ended as %s: %s", j.Id, j.State, j.Reason)
				}
			}
		}
	}
	if err != io.EOF || len(ends) != len(ids) {
		w.b.Errorf("%d of %d jobs have ended: %v", len(ends), len(ids), err)
	}
}

// BenchmarkLaunch is a launcher from enter to exit, against daemons.
func BenchmarkLaunch(b *testing.B) {
	w := newWarm(b, "16")
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		if out, err := w.launch("16"); err != nil || bytes.Count(out, []byte("\n")) != 16 {
			b.Fatalf("%v: %s", err, out)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-median")
}
