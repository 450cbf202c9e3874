package scheduler

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/scheduler/core"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// moduleOf has memories, and code behind them that nobody who asks for its needs reads.
func moduleOf(memories ...wasm.Limits) []byte {
	return (&wasm.Module{Types: []wasm.FuncType{{}}, Memories: memories,
		Functions: []wasm.Function{{Body: wasm.Expr{byte(wasm.OpEnd)}}}}).Encode()
}

func TestModuleNeeds(t *testing.T) {
	imported := (&wasm.Module{Imports: []wasm.Import{{Module: "env", Name: "memory", Kind: wasm.KindMemory,
		Memory: wasm.Limits{Min: 3, Is64: true, Shared: true, HasMax: true, Max: 1 << 20}}}}).Encode()
	w := newWorld(t, Config{})
	for name, c := range map[string]struct {
		module []byte
		needs  core.Needs
	}{
		"no memory": {moduleOf(), core.Needs{}},
		"32 bits":   {moduleOf(wasm.Limits{Min: 2}), core.Needs{Models: core.ILP32, LeastMem: 128 << 10}},
		"64 bits": {moduleOf(wasm.Limits{Min: 1 << 17, Is64: true}),
			core.Needs{Models: core.LP64, LeastMem: 8 << 30}},
		"imported": {imported, core.Needs{Models: core.LP64, LeastMem: 192 << 10}},
		"beyond counting": {moduleOf(wasm.Limits{Min: 1<<64 - 1, Is64: true}),
			core.Needs{Models: core.LP64, LeastMem: 1 << 56}},
		"beyond 32 bits": {moduleOf(wasm.Limits{Min: 1<<32 - 1}), core.Needs{Models: core.ILP32, LeastMem: 4 << 30}},
		"no module":      {moduleBytes, core.Needs{}},
		"cut off":        {imported[:len(imported)-1], core.Needs{}},
	} {
		ok(t, w.putModule(hashOf(c.module), c.module))
		if got := moduleNeeds(w.server.modules.outline(hashOf(c.module))); got != c.needs {
			t.Errorf("%s: %+v, not %+v", name, got, c.needs)
		}
	}
	equal(t, "no file", moduleNeeds(w.server.modules.outline(hashOf(nil))), core.Needs{})
}

// A job's slots: as many for each rank as were asked for, else as its environment gives threads to a program of OpenMP.
func TestSlots(t *testing.T) {
	w := newWorld(t, Config{})
	w.connect(hello("n1", 16))
	plain := moduleOf()
	threads := (&wasm.Module{Types: []wasm.FuncType{{}}, Imports: []wasm.Import{{Module: "env",
		Name: "omp_get_wtime"}}}).Encode()
	for name, c := range map[string]struct {
		module  []byte
		asked   uint32
		env     string
		slots   uint32
		refused string
	}{
		"plain":                {plain, 0, "8", 3, ""},
		"plain, asked for":     {plain, 2, "8", 6, ""},
		"OpenMP":               {threads, 0, "4,2", 12, ""},
		"OpenMP, unset":        {threads, 0, "", 3, ""},
		"OpenMP, nonsense":     {threads, 0, "-4", 3, ""},
		"OpenMP, huge":         {threads, 0, "100000", 3 * 1024, ""},
		"the option wins":      {threads, 5, "4", 15, ""},
		"more than can be had": {plain, 1 << 20, "", 0, "3145728 slots for 3 ranks"},
		"beyond counting":      {plain, 1<<32 - 1, "", 0, "12884901885 slots for 3 ranks"},
	} {
		ok(t, w.putModule(hashOf(c.module), c.module))
		spec := w.spec(3)
		spec.Apps[0].ModuleSha256, spec.Apps[0].CpusPerRank = hashOf(c.module), c.asked
		spec.Apps[0].Env = []*schedpb.EnvVar{{Name: "OMP_NUM_THREADS", Value: c.env}}
		resp, err := w.jobs.Submit(w.ctx, &schedpb.SubmitRequest{Spec: spec})
		if c.refused != "" {
			if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		ok(t, err)
		list, err := w.jobs.List(w.ctx, &schedpb.ListRequest{Ids: []uint64{resp.JobId}})
		ok(t, err)
		if got := list.Jobs[0].TakenSlots(); got != c.slots {
			t.Errorf("%s: %d slots, not %d", name, got, c.slots)
		}
	}
}

// In a cluster of mixed releases a program of today waits for a worker of today; what both run goes to either.
func TestMixedReleases(t *testing.T) {
	w := newWorld(t, Config{})
	wide, narrow := moduleOf(wasm.Limits{Min: 1, Is64: true}), moduleOf(wasm.Limits{Min: 1})
	job := func(module []byte) (uint64, string) {
		ok(t, w.putModule(hashOf(module), module))
		spec := w.spec(1)
		spec.Apps[0].ModuleSha256 = hashOf(module)
		resp, err := w.jobs.Submit(w.ctx, &schedpb.SubmitRequest{Spec: spec})
		ok(t, err)
		return resp.JobId, resp.Warning
	}
	old := w.connect(hello("old", 4)) // as one of 0.1.0: it announces no engines
	const why = "needs an engine for programs with the data model LP64, which no worker has " +
		"(those of release 0.1.0 run only programs of ILP32)"
	id, warning := job(wide)
	equal(t, "warned", warning, why)
	x, err := w.jobs.Explain(w.ctx, &schedpb.ExplainRequest{JobId: id})
	ok(t, err)
	equal(t, "explained", x.Why, why)
	equal(t, "its data model", strings.Join(x.Job.DataModels, " "), "LP64")
	small, warning := job(narrow)
	equal(t, "warned", warning, "")
	equal(t, "placed on the old one", old.start().Job.JobId, small)

	h := hello("new", 4)
	h.Engines = []*schedpb.Engine{{Name: "wazero", DataModels: []string{"ILP32", "LP64", "LLP64"},
		MaxRankMemBytes: 4 << 30}}
	equal(t, "placed on the new one", w.connect(h).start().Job.JobId, id)
	nodes, err := w.cluster.Nodes(w.ctx, &schedpb.NodesRequest{})
	ok(t, err)
	for i, want := range []string{"ILP32 LP64", "ILP32"} {
		e := nodes.Nodes[i].Engines
		if len(e) != 1 || e[0].Name != "wazero" || strings.Join(e[0].DataModels, " ") != want ||
			e[0].MaxRankMemBytes != 4<<30 {
			t.Errorf("worker %s has %v", nodes.Nodes[i].Name, e)
		}
	}
}

func TestHostileEngines(t *testing.T) {
	w := newWorld(t, Config{})
	for words, engines := range map[string][]*schedpb.Engine{
		"17 engines":         make([]*schedpb.Engine, 17),
		"no name":            {{}},
		"30 data models":     {{Name: "e", DataModels: make([]string, 30)}},
		"bytes of memory":    {{Name: "e", MaxRankMemBytes: 1 << 60}},
		`"e\x1b" is no name`: {{Name: "e\x1b"}},
	} {
		for i := range engines {
			if engines[i] == nil {
				engines[i] = &schedpb.Engine{Name: "e"}
			}
		}
		h := hello("n1", 1)
		h.Engines = engines
		if err := w.dial(h).gone(); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", words, err)
		}
	}
}
