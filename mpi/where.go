package mpi

import "fmt"

// where is what a rank waits for, written just before it parks.
type where struct {
	call  uint32
	what  waitKind
	made  uint32 // the function that made the request it waits for; 0 when the call itself did
	peer  int32
	tag   int32
	comm  string
	count int // requests, in Waitall and its like
}

// waitKind says which of where's fields mean something.
type waitKind uint8

const (
	waitNothing waitKind = iota
	waitSend
	waitReceive
	waitCollective
	waitAny // one or some of several requests
)

// note records what the rank is about to wait for.
func (r *Rank) note(w where) {
	w.call = r.call.Load()
	r.whereMu.Lock()
	r.where = w
	r.whereMu.Unlock()
}

// Where says what the rank is doing, for a user who asks why nothing moves. Any goroutine may call it.
func (r *Rank) Where() string {
	call := callName(r.call.Load())
	if r.parked.Load() == 0 {
		if call == "" {
			return "computing, no MPI call yet"
		}
		return "computing, last in " + call
	}
	r.whereMu.Lock()
	w := r.where
	r.whereMu.Unlock()
	return w.String()
}

func (w where) String() string {
	s := callName(w.call)
	if w.made != 0 && w.made != w.call {
		s += " for " + callName(w.made)
	}
	switch w.what {
	case waitSend:
		return fmt.Sprintf("%s to rank %d, tag %d, %s", s, w.peer, w.tag, w.comm)
	case waitReceive:
		from, tag := fmt.Sprintf("rank %d", w.peer), fmt.Sprintf("tag %d", w.tag)
		if w.peer == anySource {
			from = "any rank"
		}
		if w.tag == anyTag {
			tag = "any tag"
		}
		return fmt.Sprintf("%s from %s, %s, %s", s, from, tag, w.comm)
	case waitCollective:
		return fmt.Sprintf("%s on %s", s, w.comm)
	case waitAny:
		return fmt.Sprintf("%s, %d requests", s, w.count)
	}
	return s
}
