package core

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// long is a request as large as the shell lets through.
func long(fill byte) Request {
	r := Request{Tenant: "t", Name: "n", Ranks: 1, Held: true, Spec: bytes.Repeat([]byte{fill}, 2<<20)}
	for i := range 1000 {
		r.Hosts = append(r.Hosts, WorkerName(strings.Repeat("h", 200)+fmt.Sprint(i)))
	}
	r.Constraint = Constraint{{{"label", strings.Repeat("v", 200)}}}
	return r
}

func indices(n int) (all []uint32) {
	for i := range n {
		all = append(all, uint32(i+1))
	}
	return all
}

// step decides, applies and gives back the record.
func step(t *testing.T, s *State, e Event, now Time) []byte {
	t.Helper()
	ts, err := Decide(s, e, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, tr := range ts {
		if err := Apply(s, tr); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	return EncodeRecord(ts)
}

// What is long of an array stands once in the record, in the state and in a snapshot, and comes back from both.
func TestArraysShareDetails(t *testing.T) {
	s := NewState(DefaultPolicy())
	request := long('x')
	record := step(t, s, Submit{Request: request, Array: indices(1000)}, 1)
	if once := 3 << 20; len(record) > once {
		t.Errorf("a record of %d bytes", len(record))
	}
	ts, err := DecodeRecord(record)
	if err != nil {
		t.Fatal(err)
	}
	replayed := NewState(DefaultPolicy())
	for _, tr := range ts {
		if err := Apply(replayed, tr); err != nil {
			t.Fatal(err)
		}
	}
	// The same again, by itself: alike, though not the same memory.
	again := long('x')
	step(t, s, Submit{Request: again}, 2)
	step(t, replayed, Submit{Request: again}, 2)
	loaded, size := NewState(DefaultPolicy()), 0
	for p := range s.Pieces() {
		size += len(p)
		if err := loaded.LoadPiece(p); err != nil {
			t.Fatal(err)
		}
	}
	if size > 3<<20 {
		t.Errorf("a snapshot of %d bytes", size)
	}
	for name, have := range map[string]*State{"live": s, "replayed": replayed, "loaded": loaded} {
		if err := have.Check(); err != nil {
			t.Fatal(name, err)
		}
		if a := have.account("t"); len(have.details) != 1 || a.Live != a.Kept || a.Live > 3<<20 {
			t.Errorf("%s: %d details, %d and %d bytes", name, len(have.details), a.Live, a.Kept)
		}
		for id := JobID(1); id <= 1001; id++ {
			if j := have.Job(id); !bytes.Equal(j.Spec, request.Spec) || len(j.Hosts) != 1000 ||
				j.Constraint.String() != request.Constraint.String() ||
				!j.sameDetails(&have.Job(1).Request) {
				t.Fatalf("%s: job %d has lost or copied its details", name, id)
			}
		}
	}
	if !bytes.Equal(saved(s), saved(loaded)) || !bytes.Equal(saved(s), saved(replayed)) {
		t.Error("the states differ")
	}
}

// A tenant's descriptions have a bound that is named, jobs that are alike count once, and what has ended makes room.
func TestQuotaOfDescriptions(t *testing.T) {
	p := DefaultPolicy()
	p.Tenants = map[Tenant]Quota{"t": {Descriptions: 6 << 20}}
	s := NewState(p)
	step(t, s, Submit{Request: long('a'), Array: indices(100)}, 1)
	step(t, s, Submit{Request: long('b')}, 2)
	step(t, s, Submit{Request: long('b')}, 3)
	_, err := Decide(s, Submit{Request: long('c')}, 4)
	if !errors.Is(err, ErrExhausted) || !strings.Contains(err.Error(), "its quota is 6") {
		t.Fatalf("beyond the quota: %v", err)
	}
	other := long('c')
	other.Tenant = "u"
	step(t, s, Submit{Request: other}, 5)
	for id := JobID(1); id <= 100; id++ {
		step(t, s, Cancel{Job: id, Kill: true}, 6)
	}
	step(t, s, Submit{Request: long('c')}, 7)
	if a := s.account("t"); a.Kept <= 6<<20 {
		t.Fatalf("%d bytes are kept: nothing is to be trimmed", a.Kept)
	}
	step(t, s, Pass{}, 8)
	if a := s.account("t"); a.Kept > 6<<20 || s.Job(1).Spec != nil || s.Job(101).Spec == nil || s.Job(104).Spec == nil {
		t.Errorf("%d bytes are kept; %d %d %d", a.Kept, len(s.Job(1).Spec), len(s.Job(101).Spec), len(s.Job(104).Spec))
	}
	loaded := NewState(p)
	for piece := range s.Pieces() {
		if err := loaded.LoadPiece(piece); err != nil {
			t.Fatal(err)
		}
	}
	if err := loaded.Check(); err != nil || !bytes.Equal(saved(s), saved(loaded)) {
		t.Errorf("loaded: %v", err)
	}
}

// The accounts of how jobs ended count as well, and those of one tenant leave the others' alone.
func TestEndsAreTrimmed(t *testing.T) {
	p := DefaultPolicy()
	p.Others.Descriptions = 1 << 20
	s := NewState(p)
	step(t, s, WorkerConnected{Name: "w", Slots: 100, Mem: 1 << 40}, 1)
	run := func(tenant Tenant) JobID {
		step(t, s, Submit{Request: Request{Tenant: tenant, Ranks: 1, Spec: []byte("s")}}, 2)
		step(t, s, Pass{}, 2)
		j := s.Job(s.LastJob())
		step(t, s, RanksEnded{Worker: "w", Ref: j.Ref(), Detail: make([]byte, 300<<10)}, 3)
		step(t, s, Pass{}, 3)
		return j.ID
	}
	quiet := run("quiet")
	first := run("t")
	for range 5 {
		run("t")
	}
	if len(s.Job(quiet).End.Detail) == 0 || len(s.Job(first).End.Detail) > 0 || len(s.Job(s.LastJob()).End.Detail) == 0 {
		t.Error("the wrong ones were trimmed")
	}
	if a := s.account("t"); a.Kept > 1<<20 {
		t.Errorf("%d bytes are kept", a.Kept)
	}
}

// An array whose tasks wait for many jobs is bounded by what that takes.
func TestDependenciesOfArraysAreBounded(t *testing.T) {
	s := NewState(DefaultPolicy())
	step(t, s, Submit{Request: Request{Tenant: "t", Ranks: 1, Held: true}}, 1)
	r := Request{Tenant: "t", Ranks: 1}
	for range 1024 {
		r.After = append(r.After, Dependency{Kind: AfterOK, Job: 1})
	}
	if _, err := Decide(s, Submit{Request: r, Array: indices(2000)}, 2); !errors.Is(err, ErrInvalid) ||
		!strings.Contains(err.Error(), "at most 1048576") {
		t.Error(err)
	}
}
