package core

import (
	"strings"
	"testing"
)

const gib = 1 << 30

// A job goes only where an engine runs its programs, the fuller worker or not, and is told what nobody has.
func TestEngines(t *testing.T) {
	h := newTestCluster(t)
	lp64 := Needs{Models: LP64, LeastMem: 64 << 10}
	waits := h.submit(Request{Ranks: 1, Needs: lp64})
	h.do(WorkerConnected{Name: "old", Slots: 1, Mem: 100 * gib}) // announces nothing: 0.1.0
	h.waits(waits, "needs an engine for programs with the data model LP64, which no worker has "+
		"(those of release 0.1.0 run only programs of ILP32)")
	if why := h.s.Explain(waits, h.now).Unknown; !strings.Contains(why, "LP64") {
		t.Errorf("explained: %s", why)
	}
	if why := h.s.Unfitting(&Request{Ranks: 1, Needs: lp64}); !strings.Contains(why, "LP64") {
		t.Errorf("at its submission it is told %q", why)
	}
	narrow := h.submit(Request{Ranks: 1, Needs: Needs{Models: ILP32, LeastMem: 64 << 10}})
	h.is("PD CF", waits, narrow) // nothing keeps the old worker from what it can do
	h.end(narrow, Completed)

	h.do(WorkerConnected{Name: "new", Slots: 8, Mem: 100 * gib, Engines: []Engine{{"wazero", ILP32 | LP64, 4 * gib, ""}}})
	h.is("CF", waits)
	if waits.worker() != "new" {
		t.Errorf("placed on %s", waits.worker())
	}
	h.waits(h.submit(Request{Ranks: 9, Needs: lp64}), "needs 9 slots; the largest worker that can run it has 8")
	h.waits(h.submit(Request{Ranks: 1, Needs: lp64, Hosts: []WorkerName{"old"}}),
		"needs an engine for programs with the data model LP64, which no worker of its choice has "+
			"(those of release 0.1.0 run only programs of ILP32)")
	both := h.submit(Request{Ranks: 1, Needs: Needs{Models: ILP32 | LP64}})
	h.is("CF", both)
	h.do(Drain{"new", "repairs"})
	h.waits(h.submit(Request{Ranks: 1, Needs: lp64}), "worker new is drained (repairs)")
	anything := h.submit(Request{Ranks: 1})
	h.is("CF", anything) // a module without a memory runs anywhere
	if anything.worker() != "old" {
		t.Errorf("placed on %s", anything.worker())
	}
}

// What a rank may have is bounded by its engine, not by its worker's memory.
func TestMemoryBeyondTheEngine(t *testing.T) {
	h := newTestCluster(t)
	h.do(WorkerConnected{Name: "n1", Slots: 8, Mem: 100 * gib, Engines: []Engine{{"wazero", ILP32 | LP64, 4 * gib, ""}}})
	asked := h.submit(Request{Ranks: 1, MemPerRank: 16 * gib, Needs: Needs{Models: LP64}})
	h.waits(asked, "needs 16 GiB of memory per rank; no worker has an engine that gives a rank more than 4 GiB: "+
		"ask for at most that (--mem-per-rank), and spread the data over more ranks")
	least := h.submit(Request{Ranks: 1, Needs: Needs{Models: LP64, LeastMem: 6 * gib}})
	h.waits(least, "its program begins with 6 GiB of memory per rank; no worker has an engine that gives a rank more "+
		"than 4 GiB: link it with less static data, or spread the data over more ranks")
	h.is("CF", h.submit(Request{Ranks: 1, MemPerRank: 4 * gib, Needs: Needs{Models: LP64}}))

	h.do(WorkerConnected{Name: "n2", Slots: 8, Mem: 100 * gib, Engines: []Engine{{"wazero", ILP32 | LP64, 4 * gib, ""},
		{"native", LP64, 64 * gib, ""}}})
	h.is("CF CF", asked, least)
	narrow := h.submit(Request{Ranks: 1, MemPerRank: 16 * gib, Needs: Needs{Models: ILP32}})
	h.waits(narrow, "needs 16 GiB of memory per rank; no worker has an engine that gives a rank more than 4 GiB: "+
		"ask for at most that (--mem-per-rank), and spread the data over more ranks")
	h.s.Policy.Fixed = true
	h.do(Tick{})
	h.do(Submit{Request: Request{Tenant: "alice", Ranks: 1}}) // has a pass look at all
	h.is("F", narrow)
}

// Needs and engines are in what is saved.
func TestEnginesAreSaved(t *testing.T) {
	h := newTestCluster(t)
	engines := []Engine{{"wazero", ILP32 | LP64, 4 * gib, ""}, {"native", LP64, 64 * gib, ""}}
	h.do(WorkerConnected{Name: "n1", Slots: 1, Mem: 100 * gib, Engines: engines})
	h.submit(Request{Ranks: 1, Needs: Needs{Models: LP64, LeastMem: 5 * gib, Engine: "native"}})
	fresh := NewState(h.s.Policy)
	for p := range h.s.Pieces() {
		if err := fresh.LoadPiece(p); err != nil {
			t.Fatal(err)
		}
	}
	if w := fresh.Worker("n1"); len(w.Engines) != 2 || w.Engines[1] != engines[1] {
		t.Errorf("engines %+v", w.Engines)
	}
	if j := fresh.Job(1); j.Needs != (Needs{Models: LP64, LeastMem: 5 * gib, Engine: "native"}) {
		t.Errorf("needs %+v", j.Needs)
	}
}

// A job that asks for an engine gets it and no other, or waits and is told which worker has none, and why.
func TestEngineByName(t *testing.T) {
	h := newTestCluster(t)
	wazero, native := Engine{"wazero", ILP32 | LP64, 4 * gib, ""}, Engine{"native", ILP32 | LP64, 64 * gib, ""}
	without := Engine{Name: "native", Missing: "there is no clang-19"}
	h.do(WorkerConnected{Name: "n1", Slots: 8, Mem: 100 * gib, Engines: []Engine{wazero, without}})
	asks := Needs{Models: LP64, Engine: "native"}
	waits := h.submit(Request{Ranks: 1, Needs: asks})
	h.waits(waits, "asks for the engine native for programs with the data model LP64, which no worker has "+
		"(n1 is without the engine native: there is no clang-19)")
	large := h.submit(Request{Ranks: 1, MemPerRank: 16 * gib, Needs: Needs{Models: LP64}})
	h.waits(large, "needs 16 GiB of memory per rank; no worker has an engine that gives a rank more than 4 GiB "+
		"(n1 is without the engine native: there is no clang-19): ask for at most that (--mem-per-rank), and spread the "+
		"data over more ranks")
	h.is("CF", h.submit(Request{Ranks: 1, Needs: Needs{Models: LP64, Engine: "wazero"}}))
	h.is("CF", h.submit(Request{Ranks: 1, Needs: Needs{Models: LP64}}))
	h.is("CF", h.submit(Request{Ranks: 1})) // what is not there suits nobody
	h.waits(h.submit(Request{Ranks: 1, Needs: Needs{Engine: "other"}}), "asks for the engine other, which no worker has")
	h.do(WorkerConnected{Name: "n2", Slots: 2, Mem: 100 * gib, Engines: []Engine{native}})
	h.is("CF CF", waits, large)
	if waits.worker() != "n2" {
		t.Errorf("it runs on %s", waits.worker())
	}
	for range 2 { // there is no room for these, which says nothing of those that ask for another engine
		h.is("PD", h.submit(Request{Ranks: 1, Needs: asks}))
	}
	h.is("CF", h.submit(Request{Ranks: 1, Needs: Needs{Models: LP64, Engine: "wazero"}}))
}
