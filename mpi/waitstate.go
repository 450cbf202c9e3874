package mpi

import (
	"fmt"

	"github.com/faasmrun/faasmrun/mpi/match"
)

// waitState is what a thread waits for, written just before it parks.
type waitState struct {
	call  uint32
	what  waitKind
	made  uint32 // the function that made the request it waits for; 0 when the call itself did
	peer  match.Rank
	tag   int32
	comm  *comm
	count int // requests, in Waitall and its like
	site  Site
}

// waitKind says which of waitState's fields mean something.
type waitKind uint8

const (
	waitNothing waitKind = iota
	waitSend
	waitReceive
	waitCollective
	waitAny     // one or some of several requests
	waitProgram // a generalized request
)

// note records what the thread is about to wait for.
func (t *Thread) note(w waitState) {
	w.call = t.call.Load()
	if t.check != nil {
		w.site = t.host.Site()
	}
	t.waitStateMu.Lock()
	t.waitState = w
	t.waitStateMu.Unlock()
}

// maxOneOf bounds the requests that are named of those that a thread waits for.
const maxOneOf = 4

// noteAny records that the thread is about to wait for one of several requests.
func (t *Thread) noteAny(l list) {
	t.note(waitState{what: waitAny})
	t.waitStateMu.Lock()
	defer t.waitStateMu.Unlock()
	t.oneOf = t.oneOf[:0]
	for i := range l.n {
		if q, _ := l.at(i); q != nil {
			t.waitState.count++
			if len(t.oneOf) < maxOneOf {
				t.oneOf = append(t.oneOf, q.waitState())
			}
		}
	}
}

// asleep reports whether the thread is parked in MPI. In a rank whose threads take turns by themselves it is the one
// whose call is under way that is.
func (t *Thread) asleep() bool {
	return t.parked.Load() || t == t.calling() && !t.locked() && t.endpoint.Asleep()
}

// activity is what the thread does in MPI or since.
func (t *Thread) activity() string {
	call := callName(t.call.Load())
	if !t.asleep() {
		if call == "" {
			return "computing, no MPI call yet"
		}
		return "computing, last in " + call
	}
	t.waitStateMu.Lock()
	w := t.waitState
	s := w.String()
	if w.what == waitAny {
		for _, one := range t.oneOf {
			one.call, one.made = one.made, 0
			s += "; " + one.String()
		}
		if w.count > len(t.oneOf) {
			s += "; …"
		}
	}
	t.waitStateMu.Unlock()
	return oneLine(s) + t.at(w.site)
}

func (w waitState) String() string {
	s := callName(w.call)
	if w.made != 0 && w.made != w.call {
		s += " for " + callName(w.made)
	}
	if object := w.object(); object != "" {
		s += " " + object
	}
	return s
}

// object describes what is waited for: the peer, the tag and the communicator.
func (w waitState) object() string {
	comm := ""
	if w.comm != nil {
		comm = w.comm.title()
	}
	switch w.what {
	case waitSend:
		return fmt.Sprintf("to rank %d, tag %d, %s", w.peer, w.tag, comm)
	case waitReceive:
		from, tag := fmt.Sprintf("rank %d", w.peer), fmt.Sprintf("tag %d", w.tag)
		if w.peer == anySource {
			from = "any rank"
		}
		if w.tag == anyTag {
			tag = "any tag"
		}
		return fmt.Sprintf("from %s, %s, %s", from, tag, comm)
	case waitCollective:
		return "on " + comm
	case waitAny:
		return fmt.Sprintf("for one of %d requests", w.count)
	case waitProgram:
		return "for the program to complete a generalized request"
	}
	return ""
}
