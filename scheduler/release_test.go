package scheduler

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/faasmrun/faasmrun/scheduler/core"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/scheduler/store"
)

var update = flag.Bool("update", false, "write the golden listings anew")

// TestReleases: what the scheduler of each release left is read by this one, and its jobs go on. A folder holds a
// journal that the release's own program wrote, with a snapshot in it and records behind, until kill -9; a policy with
// all its fields; and jobs.txt, which says what is in them. Folders stay as they are for ever.
func TestReleases(t *testing.T) {
	folders, _ := filepath.Glob("testdata/release-*")
	if len(folders) == 0 {
		t.Fatal("there are none")
	}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) { readRelease(t, folder) })
	}
}

func readRelease(t *testing.T, folder string) {
	text, err := os.ReadFile(filepath.Join(folder, "policy.json"))
	ok(t, err)
	policy, err := ClusterPolicy(text)
	ok(t, err)
	dir := t.TempDir()
	ok(t, os.CopyFS(filepath.Join(dir, "journal"), os.DirFS(filepath.Join(folder, "journal"))))
	journal, err := store.Open(filepath.Join(dir, "journal"), store.Options{})
	ok(t, err)
	pieces, records := 0, 0
	state := core.NewState(policy)
	ok(t, journal.Load(func(p []byte) error { pieces++; return state.LoadPiece(p) },
		func(r []byte) error {
			records++
			ts, err := core.DecodeRecord(r)
			for _, transition := range ts {
				ok(t, core.Apply(state, transition))
			}
			return err
		}))
	ok(t, journal.Close())
	if pieces == 0 || records == 0 {
		t.Fatalf("%d pieces of a snapshot and %d records: there are to be both", pieces, records)
	}
	ok(t, state.Check())

	// The moment at which the release was killed: nothing is over yet.
	last := core.Time(0)
	for id := state.Oldest(); id <= state.LastJob(); id++ {
		j := state.Job(id)
		last = max(last, j.Submitted, j.Started, j.Ended)
	}
	w := newWorld(t, Config{Policy: &policy, Admins: []string{"uid:0"},
		Clock: func() time.Time { return time.Unix(0, int64(last)) }})
	w.stop()
	ok(t, os.CopyFS(filepath.Join(w.cfg.Dir, "journal"), os.DirFS(filepath.Join(folder, "journal"))))
	w.disk = true
	w.start()
	w.ctx = as(w.ctx, "uid:0")
	got := w.everything()
	golden := filepath.Join(folder, "jobs.txt")
	if *update {
		ok(t, os.WriteFile(golden, []byte(got), 0o644))
	}
	want, err := os.ReadFile(golden)
	ok(t, err)
	if got != string(want) {
		t.Errorf("read as\n%s\nand not as\n%s", got, want)
	}

	// The worker is back with the job that ran, and what waited for its end is placed behind it.
	held := &schedpb.JobRef{JobId: 2, Epoch: 1}
	h := hello("n1", 2, held)
	h.Protocol = 3
	h.Labels = []*schedpb.EnvVar{{Name: "gpu", Value: "a100"}}
	f := w.connect(h)
	equal(t, "taken back", w.list(&schedpb.ListRequest{Ids: []uint64{2}}), "2:R")
	_, err = w.cluster.Unreserve(w.ctx, &schedpb.UnreserveRequest{Name: "kept"}) // which stands in their way
	ok(t, err)
	equal(t, "released", w.change(schedpb.Action_ACTION_RELEASE, 3), "3: 4: 5:")
	f.ended(held, done())
	for started := map[string]bool{}; !started["tasks"] || !started["follows"]; {
		m := f.recv()
		if start := m.GetStart(); start != nil {
			started[start.Name] = true
			equal(t, "its environment", start.Spec.Apps[0].Env[0].Name, "GOLDEN")
			f.ended(start.Job, done())
		}
	}
}

// everything is all that can be asked of jobs, workers and reservations.
func (w *world) everything() string {
	var b strings.Builder
	resp, err := w.jobs.List(w.ctx, &schedpb.ListRequest{Everyone: true, Any: true, Spec: true})
	ok(w.t, err)
	for i, j := range resp.Jobs {
		s := resp.Specs[i]
		if j.EndedUnixNs == 0 {
			j.Reason = "" // in words that may change
		}
		fmt.Fprintf(&b, "job %d %s %s of %s %s: %d ranks %d bytes %d ms "+
			"qos %q array %d.%d reservation %q held %v exit %d epoch %d restarts %d cpu %v\n",
			j.Id, j.Name, j.State, j.Tenant, j.Reason, j.Ranks, j.MemPerRankBytes, j.TimeLimitMs, j.Qos, j.ArrayId, j.ArrayIndex,
			j.Reservation,
			j.Held, j.ExitCode, j.Epoch, j.Restarts, j.CpuNs > 0)
		for _, n := range j.Nodes {
			fmt.Fprintf(&b, "  on %s\n", n.Node)
		}
		fmt.Fprintf(&b, "  requeue %v exclusive %v hosts %v throttle %d\n", s.Requeue, s.Exclusive, s.Hosts, s.ArrayThrottle)
		for _, d := range s.After {
			fmt.Fprintf(&b, "  %s:%d\n", d.Kind, d.JobId)
		}
		for _, set := range s.Constraint {
			for _, l := range set.All {
				fmt.Fprintf(&b, "  label %s=%s\n", l.Name, l.Value)
			}
		}
		for _, app := range s.Apps {
			fmt.Fprintf(&b, "  %s %v in %s, %.8s…\n", app.Program, app.Args, app.Dir, app.ModuleSha256)
			for _, v := range app.Env {
				fmt.Fprintf(&b, "  %s=%s\n", v.Name, v.Value)
			}
		}
	}
	nodes, err := w.cluster.Nodes(w.ctx, &schedpb.NodesRequest{})
	ok(w.t, err)
	for _, n := range nodes.Nodes {
		fmt.Fprintf(&b, "node %s: %d of %d slots, drained %q, jobs %v\n", n.Name, n.UsedSlots, n.Slots, n.Draining, n.Jobs)
	}
	kept, err := w.cluster.Reservations(w.ctx, &schedpb.ReservationsRequest{})
	ok(w.t, err)
	for _, r := range kept.Reservations {
		fmt.Fprintf(&b, "reservation %s of %v for %v\n", r.Name, r.Tenants, time.Duration(r.ToUnixNs-r.FromUnixNs))
		for _, p := range r.Parts {
			fmt.Fprintf(&b, "  %s: %d slots\n", p.Node, p.Slots)
		}
	}
	usage, err := w.cluster.Usage(w.ctx, &schedpb.UsageRequest{})
	ok(w.t, err)
	for _, u := range usage.Tenants {
		fmt.Fprintf(&b, "tenant %s: %d jobs ended, %d pending, %d slots\n", u.Tenant, u.Jobs, u.Pending, u.Slots)
	}
	return b.String()
}
