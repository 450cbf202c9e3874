package scheduler

import (
	"fmt"
	"testing"
	"time"

	"github.com/faasmrun/faasmrun/scheduler/core"
	"github.com/faasmrun/faasmrun/scheduler/store"
)

// BenchmarkSnapshot is how long the scheduler answers nobody for a snapshot with 100,000 waiting jobs. What it takes
// beside that, while the scheduler goes on, is ms/replica and ms/draft.
func BenchmarkSnapshot(b *testing.B) {
	st, err := store.Open(b.TempDir(), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	if err := st.Load(func([]byte) error { return nil }, func([]byte) error { return nil }); err != nil {
		b.Fatal(err)
	}
	s := core.NewState(core.DefaultPolicy())
	spec := make([]byte, 400) // what a job of one program with its environment takes
	submit := func(i int) []byte {
		ts, err := core.Decide(s, core.Submit{Request: core.Request{Tenant: core.Tenant(fmt.Sprint("t", i%20)), Name: "job",
			Ranks:     4,
			TimeLimit: core.Hour, Spec: spec}}, core.Time(i+1))
		if err != nil {
			b.Fatal(err)
		}
		for _, t := range ts {
			if err := core.Apply(s, t); err != nil {
				b.Fatal(err)
			}
		}
		return core.EncodeRecord(ts)
	}
	for i := range 100_000 {
		submit(i)
	}
	write := func(view store.View, state *core.State) store.Draft {
		draft, err := view.Draft(state.Pieces())
		if err != nil {
			b.Fatal(err)
		}
		view.Close()
		return draft
	}
	if err := st.Append(submit(100_000)); err != nil {
		b.Fatal(err)
	}
	if err := st.Install(write(st.View(), s)); err != nil {
		b.Fatal(err)
	}
	replica, writing := time.Duration(0), time.Duration(0)
	for i := 100_001; b.Loop(); i++ {
		b.StopTimer()
		if err := st.Append(submit(i)); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		view := st.View()
		b.StopTimer()
		begin := time.Now()
		state := core.NewState(core.DefaultPolicy())
		if err := view.Load(state.LoadPiece, replayInto(state)); err != nil {
			b.Fatal(err)
		}
		replica += time.Since(begin)
		begin = time.Now()
		draft := write(view, state)
		writing += time.Since(begin)
		b.StartTimer()
		if err := st.Install(draft); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(replica.Milliseconds())/float64(b.N), "ms/replica")
	b.ReportMetric(float64(writing.Milliseconds())/float64(b.N), "ms/draft")
}
