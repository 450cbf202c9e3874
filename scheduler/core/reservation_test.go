package core

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func (h *testCluster) reserve(name string, from, to Duration, parts ...WorkerName) {
	h.t.Helper()
	h.do(Reserve{Reservation: Reservation{Name: name, From: h.now.After(from), Tenants: []Tenant{"bob"}}, For: to - from,
		Workers: parts})
}

func (h *testCluster) at(d Duration) {
	h.t.Helper()
	h.now = h.now.After(d)
	h.do(Tick{})
}

func TestReservation(t *testing.T) {
	h := newTestCluster(t, 8, 4)
	h.reserve("demo", Hour, 3*Hour, "n1")
	short := h.submit(Request{Ranks: 8, TimeLimit: Hour})
	long := h.submit(Request{Ranks: 5, TimeLimit: Hour + Second})
	small := h.submit(Request{Ranks: 4, TimeLimit: 2 * Hour}) // fits n2
	within := h.submit(Request{Ranks: 6, TimeLimit: 4 * Hour, Tenant: "bob", Reservation: "demo"})
	h.is("CF PD CF PD", short, long, small, within)
	h.waits(within, "waits for reservation demo to begin")
	if long.Promised != (Promise{"n1", h.now.After(3 * Hour)}) {
		t.Errorf("promised %+v", long.Promised)
	}
	h.end(short, Completed)
	h.is("PD", long)
	h.waits(long, "reservation")
	if x := h.s.Explain(long, h.now); x.Start != h.now.After(3*Hour) {
		t.Errorf("%+v", x)
	}
	h.at(Hour)
	h.is("CF PD", within, long)
	second := h.submit(Request{Ranks: 3, TimeLimit: Minute, Tenant: "bob", Reservation: "demo"})
	stranger := h.submit(Request{Ranks: 1, TimeLimit: Minute})
	h.is("PD PD", second, stranger) // n2 is full, and n1's last 2 slots are bob's
	h.do(RanksStarted{"n1", within.Ref()})
	if within.Deadline() != h.now.After(2*Hour) {
		t.Errorf("ends at %d, not with its reservation", within.Deadline())
	}
	h.at(2 * Hour)
	h.is("CG", within)
	if within.Ending.Reason != "its reservation demo is over" || within.Ending.State != TimedOut {
		t.Errorf("%+v", within.Ending)
	}
	h.is("CA", second)
	if second.End.Reason != "its reservation demo is over" {
		t.Errorf("%+v", second.End)
	}
	h.end(within, TimedOut)
	h.is("CF", long)
}

// A number of slots is taken from the fewest workers, and leaves the others' part of them to everyone.
func TestReservationOfSlots(t *testing.T) {
	h := newTestCluster(t, 4, 8, 8)
	running := h.submit(Request{Ranks: 6, TimeLimit: 2 * Hour, Hosts: []WorkerName{"n3"}})
	h.do(Reserve{Reservation: Reservation{Name: "lab", Tenants: []Tenant{"bob"}}, For: Hour, Slots: 10})
	r := h.s.Reservations()[0]
	if len(r.Parts) != 2 || r.Parts[0] != (ReservedPart{"n1", 2}) || r.Parts[1] != (ReservedPart{"n2", 8}) || !r.Begun {
		t.Fatalf("%+v", r)
	}
	two := h.submit(Request{Ranks: 2, TimeLimit: Hour, Hosts: []WorkerName{"n1"}})
	third := h.submit(Request{Ranks: 1, TimeLimit: Hour, Hosts: []WorkerName{"n1"}})
	h.is("CF CF PD", running, two, third)
	bobs := h.submit(Request{Ranks: 2, TimeLimit: Minute, Tenant: "bob", Reservation: "lab"})
	if bobs.worker() != "n1" {
		t.Errorf("in the reservation, placed on %s", bobs.worker())
	}
	outside := h.submit(Request{Ranks: 2, TimeLimit: Minute, Tenant: "bob"})
	if outside.worker() != "n3" {
		t.Errorf("outside of it, placed on %q", outside.worker())
	}
	for words, e := range map[string]Reserve{
		"there is a reservation lab already": {Reservation: Reservation{Name: "lab"}, Slots: 1},
		"0 slots will be free":               {Slots: 9},
		"another reservation keeps 2 slots":  {Workers: []WorkerName{"n1"}, IgnoreJobs: true},
		"may still run on n3":                {Workers: []WorkerName{"n3"}},
		"no such worker: n9":                 {Workers: []WorkerName{"n9"}},
		"of workers, or of a number":         {},
	} {
		e.For, e.Tenants = Hour, []Tenant{"bob"}
		if e.Name == "" {
			e.Name = "other"
		}
		if _, err := Decide(h.s, e, h.now); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("expected %q, got %v", words, err)
		}
	}
	if _, err := Decide(h.s, Submit{Request: Request{Tenant: "alice", Ranks: 1, Reservation: "lab"}},
		h.now); !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
	h.end(bobs, Completed)
	h.is("PD", third)
	h.do(Unreserve{"lab"})
	h.is("CF", third)
	if _, err := Decide(h.s, Unreserve{"lab"}, h.now); !errors.Is(err, ErrNoReservation) {
		t.Error(err)
	}
}

func TestReservationsAreBounded(t *testing.T) {
	h := newTestCluster(t, 4)
	reserve := func(i int) error {
		r := Reserve{Slots: 1, For: Hour}
		r.Name, r.From, r.Tenants = fmt.Sprint("r", i), h.now.After(Duration(24*(i+1))*Hour), []Tenant{"alice"}
		ts, err := Decide(h.s, r, h.now)
		for _, tr := range ts {
			if err := Apply(h.s, tr); err != nil {
				t.Fatal(err)
			}
		}
		return err
	}
	for i := range maxReservations {
		if err := reserve(i); err != nil {
			t.Fatal(err)
		}
	}
	if err := reserve(maxReservations); !errors.Is(err, ErrExhausted) {
		t.Errorf("one more: %v", err)
	}
}
