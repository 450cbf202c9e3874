package scheduler

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/faasmrun/faasmrun/scheduler/core"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

func (w *world) list(req *schedpb.ListRequest) string {
	w.t.Helper()
	resp, err := w.jobs.List(w.ctx, req)
	ok(w.t, err)
	var b strings.Builder
	for _, j := range resp.Jobs {
		fmt.Fprintf(&b, "%d:%s ", j.Id, j.State)
	}
	if resp.More {
		b.WriteString("…")
	}
	return strings.TrimSpace(b.String())
}

func (w *world) change(a schedpb.Action, ids ...uint64) string {
	w.t.Helper()
	resp, err := w.jobs.Change(w.ctx, &schedpb.ChangeRequest{Ids: ids, Action: a, Kill: true})
	ok(w.t, err)
	var b strings.Builder
	for _, j := range resp.Jobs {
		fmt.Fprintf(&b, "%d:%s ", j.Id, j.Error)
	}
	return strings.TrimSpace(b.String())
}

func TestListAndChange(t *testing.T) {
	w := newWorld(t, Config{Admins: []string{"root"}})
	f := w.connect(hello("n1", 1))
	first := w.submit(w.spec(1))
	ref := f.start().Job
	spec := w.spec(1)
	spec.Array, spec.ArrayThrottle = []uint32{2, 4, 6}, 2
	array := w.submit(spec)
	ok(t, w.putModuleAs(as(w.ctx, "bob"), hashOf(moduleBytes), moduleBytes))
	bobs, err := w.jobs.Submit(as(w.ctx, "bob"), &schedpb.SubmitRequest{Spec: w.spec(1)})
	ok(t, err)

	equal(t, "own", w.list(&schedpb.ListRequest{}), "1:CF 2:PD 3:PD 4:PD")
	equal(t, "everyone's", w.list(&schedpb.ListRequest{Everyone: true}), "1:CF 2:PD 3:PD 4:PD 5:PD")
	equal(t, "a page", w.list(&schedpb.ListRequest{Limit: 2, AboveId: 1}), "2:PD 3:PD …")
	equal(t, "the last", w.list(&schedpb.ListRequest{Limit: 2, Newest: true}), "3:PD 4:PD …")
	equal(t, "the array", w.list(&schedpb.ListRequest{Ids: []uint64{array}}), "2:PD 3:PD 4:PD")
	equal(t, "by state", w.list(&schedpb.ListRequest{States: []string{"CF"}}), "1:CF")
	if _, err := w.jobs.List(w.ctx,
		&schedpb.ListRequest{States: []string{"XX"}}); status.Code(err) != codes.InvalidArgument {
		t.Error(err)
	}
	resp, err := w.jobs.List(w.ctx, &schedpb.ListRequest{Ids: []uint64{3, bobs.JobId}, Everyone: true, Spec: true})
	ok(t, err)
	equal(t, "index", resp.Jobs[0].ArrayIndex, 4)
	equal(t, "spec", resp.Specs[0].Apps[0].Program, "hello.wasm")
	equal(t, "another's name", resp.Jobs[1].Name+resp.Specs[1].String(), "")

	equal(t, "hold", w.change(schedpb.Action_ACTION_HOLD, 3), "3:")
	equal(t, "hold", w.change(schedpb.Action_ACTION_HOLD, first),
		"1:not in this state: only a waiting job can be held, job 1 is configuring")
	equal(t, "another's", w.change(schedpb.Action_ACTION_CANCEL, bobs.JobId), "5:there is no job 5")
	equal(t, "cancel", w.change(schedpb.Action_ACTION_CANCEL, array), "2: 3: 4:")
	equal(t, "again", w.change(schedpb.Action_ACTION_CANCEL, 3), "3:job 3 has ended: cancelled")
	equal(t, "history", w.list(&schedpb.ListRequest{Ended: true}), "2:CA 3:CA 4:CA")
	f.ended(ref, done())
	equal(t, "bob's", f.start().Job.JobId, bobs.JobId)

	admin := as(w.ctx, "root")
	changed, err := w.jobs.Change(admin, &schedpb.ChangeRequest{Ids: []uint64{bobs.JobId},
		Action: schedpb.Action_ACTION_REQUEUE})
	ok(t, err)
	equal(t, "requeue", changed.Jobs[0].Error, "")
}

func TestExplainAndNodes(t *testing.T) {
	w := newWorld(t, Config{Admins: []string{"alice"}})
	f := w.connect(hello("n1", 1))
	spec := w.spec(1)
	spec.TimeLimitMs = 60_000
	w.submit(spec)
	start := f.start()
	id := w.submit(spec)
	x, err := w.jobs.Explain(w.ctx, &schedpb.ExplainRequest{JobId: id})
	ok(t, err)
	equal(t, "why", x.Why, "needs 1 slots; the most that are free on one worker now are 0")
	equal(t, "where", x.StartNode, "n1")
	nodes, err := w.cluster.Nodes(w.ctx, &schedpb.NodesRequest{})
	ok(t, err)
	equal(t, "used", nodes.Nodes[0].UsedSlots, 1)

	_, err = w.cluster.Drain(as(w.ctx, "bob"), &schedpb.DrainRequest{Node: "n1"})
	equal(t, "bob drains", status.Code(err), codes.PermissionDenied)
	_, err = w.cluster.Drain(w.ctx, &schedpb.DrainRequest{Node: "n2"})
	equal(t, "no such worker", status.Code(err), codes.NotFound)
	_, err = w.cluster.Drain(w.ctx, &schedpb.DrainRequest{Node: "n1"})
	ok(t, err)
	f.ended(start.Job, done())
	f.ack()
	x, err = w.jobs.Explain(w.ctx, &schedpb.ExplainRequest{JobId: id})
	ok(t, err)
	equal(t, "why", x.StartWhyUnknown, "no worker is connected and open for jobs")
	_, err = w.cluster.Drain(w.ctx, &schedpb.DrainRequest{Node: "n1", Resume: true})
	ok(t, err)
	equal(t, "resumed", f.start().Job.JobId, id)
	usage, err := w.cluster.Usage(w.ctx, &schedpb.UsageRequest{})
	ok(t, err)
	equal(t, "tenant", usage.Tenants[0].Tenant, "alice")
	equal(t, "cpu", usage.Tenants[0].CpuNs, 5)
}

func TestWatchFeed(t *testing.T) {
	w := newWorld(t, Config{})
	f := w.connect(hello("n1", 4))
	first := w.submit(w.spec(1))
	f.start()
	feed, err := w.jobs.Watch(w.ctx, &schedpb.WatchRequest{})
	ok(t, err)
	states := map[uint64]string{}
	used := uint32(0)
	until := func(what string, f func(m *schedpb.WatchResponse) bool) {
		t.Helper()
		for {
			m, err := feed.Recv()
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			for _, j := range m.Jobs {
				states[j.Id] = j.State
			}
			for _, n := range m.Nodes {
				used = n.UsedSlots
			}
			if f(m) {
				return
			}
		}
	}
	until("the beginning", func(m *schedpb.WatchResponse) bool { return m.Complete })
	equal(t, "first", states[first], "CF")
	equal(t, "used", used, 1)
	second := w.submit(w.spec(2))
	ref := f.start().Job
	until("the second", func(*schedpb.WatchResponse) bool { return states[second] == "CF" && used == 3 })

	wait, err := w.jobs.Watch(w.ctx, &schedpb.WatchRequest{Ids: []uint64{second}})
	ok(t, err)
	m, err := wait.Recv()
	ok(t, err)
	equal(t, "now", m.Jobs[0].State, "CF")
	f.ended(ref, done())
	last := m
	for err == nil {
		last = m
		m, err = wait.Recv()
	}
	equal(t, "end", last.Jobs[0].State, "CD")
	until("the end", func(*schedpb.WatchResponse) bool { return states[second] == "CD" && used == 1 })
	wait, err = w.jobs.Watch(as(w.ctx, "bob"), &schedpb.WatchRequest{Ids: []uint64{second}})
	ok(t, err)
	_, err = wait.Recv()
	equal(t, "another's", status.Code(err), codes.NotFound)
}

func TestPolicyInConfig(t *testing.T) {
	p := core.DefaultPolicy()
	p.Tenants = map[core.Tenant]core.Quota{"alice": {Slots: 2}}
	w := newWorld(t, Config{Policy: &p})
	w.submit(w.spec(2))
	_, err := w.jobs.Submit(w.ctx, &schedpb.SubmitRequest{Spec: w.spec(3)})
	equal(t, "code", status.Code(err), codes.InvalidArgument)
	spec := w.spec(1)
	spec.Qos = "royal"
	_, err = w.jobs.Submit(w.ctx, &schedpb.SubmitRequest{Spec: spec})
	equal(t, "code", status.Code(err), codes.InvalidArgument)
	spec.Qos, spec.After = "", []*schedpb.Dependency{{Kind: "sometime", JobId: 1}}
	_, err = w.jobs.Submit(w.ctx, &schedpb.SubmitRequest{Spec: spec})
	equal(t, "code", status.Code(err), codes.InvalidArgument)
}

// What only workers may do is refused to others.
func TestWorkersAreKnown(t *testing.T) {
	w := newWorld(t, Config{Worker: onlyNamed})
	w.connect(hello("n1", 1))
	equal(t, "impostor", status.Code(w.dial(hello("n2", 1)).gone()), codes.PermissionDenied)
}

func TestShapeOfArray(t *testing.T) {
	for _, c := range []struct {
		indices []uint32
		want    [4]uint32
	}{{[]uint32{5}, [4]uint32{1, 5, 5, 1}}, {[]uint32{1, 2, 3}, [4]uint32{3, 1, 3, 1}},
		{[]uint32{0, 4, 8}, [4]uint32{3, 0, 8, 4}},
		{[]uint32{1, 4, 6}, [4]uint32{3, 1, 6, 1}}} {
		s := shapeOf(c.indices)
		if got := [4]uint32{s.Count, s.First, s.Last, s.Step}; got != c.want {
			t.Errorf("%v: %v, not %v", c.indices, got, c.want)
		}
	}
	if shapeOf(nil) != nil {
		t.Error("no array has a shape")
	}
}
