// Package transport brings messages from rank to rank. It owns a rank's Endpoint, where messages for it arrive: the
// inbox, the queue of package match behind its lock, the store for messages that nobody receives yet; and the way of a
// message, from the send that begins it to the receive that has it. It leaves to package mpi what communicators,
// requests and statuses are, how ranks wait, and what programs are told. It sees memory as datatype.Spans.
//
// What one rank knows of another's send or receive is an ID, never a pointer that it keeps: operations are found by it
// at the moment of use. All ways end in one function, mail.arrive: a small message comes through the inbox of a rank
// that is awake, others through the queue's lock. How a message travels is decided in one function, carry.
//
// Two locks: an endpoint's mail, which *mail stands for (who has one in hand holds the lock), and the pool's of eager
// buffers, taken for cutting new ones alone. No lock is held while more than a few bytes are copied.
package transport

import (
	"github.com/faasmrun/faasmrun/mpi/group"
	"github.com/faasmrun/faasmrun/mpi/match"
)

// Config describes the ranks of a process.
type Config struct {
	Size int // ranks of the world
	// EagerBytes bounds the memory for messages that were sent and not yet received. Beyond it senders wait for their
	// receivers.
	EagerBytes int64
	// Woken is called for each rank that is woken, before it runs.
	Woken func()
}

// Fabric joins the endpoints of a job.
type Fabric struct {
	home  []*Endpoint // by rank; nil of a rank that runs elsewhere
	peers []Peer      // by rank
	pool  *eagerPool
}

// Peer takes messages for one rank, at home (its Endpoint) or away.
type Peer interface {
	// Deliver brings a send to the rank. The operation completes now or when its data was read, by whichever goroutine
	// reads it.
	Deliver(k match.Key, send *Operation, mode Mode)
	// GiveBack gives a send's message back if nobody has received it, and reports whether it has. The operation is the
	// caller's again.
	GiveBack(k match.Key, send *Operation) bool
}

// NewFabric makes a fabric whose ranks are all at home.
func NewFabric(c Config) *Fabric {
	f := &Fabric{home: make([]*Endpoint, c.Size), peers: make([]Peer, c.Size), pool: newEagerPool(c.EagerBytes)}
	for i := range f.home {
		f.home[i] = newEndpoint(f, group.WorldRank(i), c.Woken)
		f.peers[i] = f.home[i]
	}
	return f
}

// Endpoint is that of a rank that runs here.
func (f *Fabric) Endpoint(rank group.WorldRank) *Endpoint { return f.home[rank] }

// AtHome reports whether a rank runs here.
func (f *Fabric) AtHome(rank group.WorldRank) bool { return f.home[rank] != nil }

// Close gives back the fabric's memory. No rank may run any more.
func (f *Fabric) Close() { f.pool.close() }
