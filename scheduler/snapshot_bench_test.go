package scheduler

import (
	"fmt"
	"testing"

	"github.com/faasmrun/faasmrun/scheduler/core"
	"github.com/faasmrun/faasmrun/scheduler/store"
)

// BenchmarkSnapshot is how long the scheduler answers nobody while it writes a snapshot with 100,000 waiting jobs.
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
	for i := 0; b.Loop(); i++ {
		if err := st.Append(submit(i)); err != nil {
			b.Fatal(err)
		}
		if err := st.Snapshot(s.Pieces()); err != nil {
			b.Fatal(err)
		}
	}
}
