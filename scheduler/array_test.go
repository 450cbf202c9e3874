package scheduler

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// An array of a thousand with an environment of 1.2 MB is taken, costs the scheduler its description once, and a
// description beyond the bound is refused by naming it.
func TestLargeArray(t *testing.T) {
	w := newWorld(t, Config{})
	w.stop()
	w.disk = true
	w.start()
	spec := w.spec(1)
	for i := range 12 {
		spec.Apps[0].Env = append(spec.Apps[0].Env,
			&schedpb.EnvVar{Name: string(rune('A' + i)), Value: strings.Repeat("v", 100_000)})
	}
	for i := range uint32(1000) {
		spec.Array = append(spec.Array, i+1)
	}
	first := w.submit(spec)
	w.restart()
	f := w.connect(hello("n1", 3))
	start := f.start()
	equal(t, "the first", start.Job.JobId, first)
	equal(t, "its environment", len(start.Spec.Apps[0].Env), 12)
	var held int
	ok(t, w.server.do(func(r *reactor) {
		for id := r.state.Oldest(); id <= r.state.LastJob(); id++ {
			if j := r.state.Job(id); &j.Spec[0] != &r.state.Job(1).Spec[0] {
				held++
			}
		}
	}))
	equal(t, "tasks with a description of their own", held, 0)

	spec.Apps[0].Args = []string{strings.Repeat("a", 1<<20)}
	_, err := w.jobs.Submit(w.ctx, &schedpb.SubmitRequest{Spec: spec})
	if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "at most 2048 KiB") {
		t.Error(err)
	}
}
