package transport

import (
	"sync/atomic"

	"github.com/faasmrun/faasmrun/mpi/group"
)

// Traffic is what one rank has sent to another.
type Traffic struct{ Messages, Bytes uint64 }

// traffic counts what a rank has sent to one other. It is kept at all times, because placement asks for it while the
// job runs; collectives inside a process count as if each block were a message.
type traffic struct{ messages, bytes atomic.Uint64 }

// uncounted is what the rank has sent to one rank since it counted last: counting takes as long as a third of a small
// message.
type uncounted struct {
	to group.WorldRank
	Traffic
}

// maxUncounted bounds the messages that are not counted yet.
const maxUncounted = 64

// count notes a message that the endpoint's rank sends. What it sends to one rank is counted when it sends to another
// one, when it is about to sleep, and after so many.
func (e *Endpoint) count(to group.WorldRank, bytes int64) {
	if e.uncounted.to != to || e.uncounted.Messages == maxUncounted {
		e.Count()
		e.uncounted.to = to
	}
	e.uncounted.Messages++
	e.uncounted.Bytes += uint64(bytes)
}

// Count counts all that the endpoint's rank has sent.
func (e *Endpoint) Count() {
	if u := &e.uncounted; u.Messages > 0 {
		e.traffic[u.to].add(u.Traffic)
		u.Traffic = Traffic{}
	}
}

func (t *traffic) add(more Traffic) {
	t.messages.Add(more.Messages)
	t.bytes.Add(more.Bytes)
}

// Moved notes a block of a collective that one rank of this process has from another. Any goroutine may call it.
func (f *Fabric) Moved(from, to group.WorldRank, bytes int64) {
	f.home[from].traffic[to].add(Traffic{1, uint64(bytes)})
}

// Traffic gives what the rank has sent to each rank of the world. Any goroutine may ask.
func (e *Endpoint) Traffic() []Traffic {
	out := make([]Traffic, len(e.traffic))
	for i := range out {
		out[i] = Traffic{e.traffic[i].messages.Load(), e.traffic[i].bytes.Load()}
	}
	return out
}

// Sent is how many bytes the ranks of this process have sent, all together. Any goroutine may ask.
func (f *Fabric) Sent() (bytes uint64) {
	for _, e := range f.home {
		if e == nil {
			continue
		}
		for to := range e.traffic {
			bytes += e.traffic[to].bytes.Load()
		}
	}
	return bytes
}
