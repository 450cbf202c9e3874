package core

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// checkShadow: a shadow that is kept from pass to pass never changes what they decide.
func checkShadow(s *State, now Time) {
	last := s.last
	s.last = lastPass{} // all of the queue is due
	got := s.schedule(now)
	for _, w := range s.workers {
		s.touch(w)
	}
	s.shadow.worker = nil
	want := s.schedule(now)
	s.last = last
	if !bytes.Equal(EncodeRecord(got), EncodeRecord(want)) {
		panic(fmt.Sprintf("a pass decides %s, and %s where nothing is remembered", listed(got), listed(want)))
	}
}

// checkScreening: a job that was screened out would have had to wait.
func checkScreening(s *State, now Time) {
	last, preempting := s.last, s.Policy.QOS["high"]
	s.last = lastPass{}
	s.Policy.QOS["high"] = QOS{Points: preempting.Points} // with preemption nothing is screened
	got := s.schedule(now)
	for _, a := range s.accounts {
		for i := range a.queue {
			a.queue[i].plain = false
		}
	}
	want := s.schedule(now)
	for _, a := range s.accounts {
		for i := range a.queue {
			a.queue[i] = newQueueEntry(a.queue[i].job)
		}
	}
	s.last, s.Policy.QOS["high"] = last, preempting
	if !bytes.Equal(EncodeRecord(got), EncodeRecord(want)) {
		panic(fmt.Sprintf("a pass decides %s, and %s where each job is looked at", listed(got), listed(want)))
	}
}

func listed(ts []Transition) string {
	var words []string
	for _, t := range ts {
		words = append(words, fmt.Sprintf("%T%+v", t, reflect.ValueOf(t).Elem()))
	}
	return strings.Join(words, ", ")
}

// The shadow time is found again without a look at workers that have not changed, whether it becomes earlier or later.
func TestShadowTime(t *testing.T) {
	h := newTestCluster(t, 4, 4, 4)
	var runs []*Job
	for i := range 3 {
		runs = append(runs, h.submit(Request{Ranks: 4, TimeLimit: Duration(3-i) * Hour}))
	}
	head := h.submit(Request{Ranks: 3, TimeLimit: Hour})
	promised := func(worker WorkerName) {
		t.Helper()
		if head.State != Pending || head.Promised.Worker != worker {
			t.Errorf("the head is %s and is promised %s, want %s", head.State, head.Promised.Worker, worker)
		}
	}
	promised("n3")
	h.do(Drain{"n3", "repairs"}) // the best gets worse: all the others count again
	promised("n2")
	h.do(Drain{"n3", ""}) // another gets better
	promised("n3")
	h.do(WorkerDisconnected{"n2"})
	promised("n3")
	h.do(WorkerDisconnected{"n3"})
	promised("n1")
	h.end(runs[0], Completed)
	h.is("CF", head)
}
