// Package transport brings messages from rank to rank. It owns a rank's Endpoint, where messages for it arrive: the
// inbox, the queue of package match behind its lock, the store for messages that nobody receives yet; and the way of a
// message, from the send that begins it to the receive that has it, also where that runs in another process: then it
// goes as Frames, by a Link. It leaves to package mpi what communicators, requests and statuses are, how ranks wait,
// and what programs are told; to links, how frames get from process to process. It sees memory as datatype.Spans.
//
// What one rank knows of another's send or receive is an ID, never a pointer that it keeps: operations are found by it
// at the moment of use. All ways end in one function, mail.arrive: a small message comes through the inbox of a rank
// that is awake, others through the queue's lock, and those from elsewhere by Fabric.Arrive, under the same lock. How a
// message travels is decided in one function, wayOf.
//
// Three locks, of which none is taken within another: an endpoint's mail, which *mail stands for (who has one in hand
// holds the lock), the pool's of eager buffers, taken for cutting new ones alone, and outside's, of what other
// processes refer to. No lock is held while more than a few bytes are copied.
package transport

import (
	"github.com/faasmrun/faasmrun/mpi/group"
	"github.com/faasmrun/faasmrun/mpi/match"
)

// Config describes the ranks of a process.
type Config struct {
	Size int // ranks of the world
	// Home says of each rank whether it runs here; nil: all do. Link leads to the others, and brings what comes from them
	// to Fabric.Arrive.
	Home []bool
	Link Link
	// EagerBytes bounds the memory for messages that were sent and not yet received. Beyond it senders wait for their
	// receivers.
	EagerBytes int64
	// Woken is called for each rank that is woken, before it runs.
	Woken func()
}

// Fabric joins the endpoints of a job.
type Fabric struct {
	home    []*Endpoint // by rank; nil of a rank that runs elsewhere
	peers   []Peer      // by rank
	pool    *eagerPool
	link    Link
	outside outside
}

// Peer takes messages for one rank, at home (its Endpoint) or away.
type Peer interface {
	// Deliver brings a send to the rank. The operation completes now or when its data was read, by whichever goroutine
	// reads it.
	Deliver(k match.Key, send *Operation, mode Mode)
	// GiveBack gives a send's message back if nobody has received it, and reports whether it has. The operation is the
	// caller's again. A rank elsewhere is only asked; if it gives the message back the operation is completed, with
	// Withdrawn as its note.
	GiveBack(k match.Key, send *Operation) bool
}

// NewFabric makes the fabric of a process.
func NewFabric(c Config) *Fabric {
	f := &Fabric{home: make([]*Endpoint, c.Size), peers: make([]Peer, c.Size), pool: newEagerPool(c.EagerBytes),
		link: c.Link, outside: outside{offered: map[ID]offer{}, fetched: map[ID]*incoming{}}}
	for i := range f.home {
		if c.Home != nil && !c.Home[i] {
			f.peers[i] = newRemote(f, group.WorldRank(i))
			continue
		}
		f.home[i] = newEndpoint(f, group.WorldRank(i), c.Woken)
		f.peers[i] = f.home[i]
	}
	return f
}

// Endpoint is that of a rank that runs here.
func (f *Fabric) Endpoint(rank group.WorldRank) *Endpoint { return f.home[rank] }

// AtHome reports whether a rank runs here.
func (f *Fabric) AtHome(rank group.WorldRank) bool { return f.home[rank] != nil }

// Close gives back the fabric's memory. No rank may run any more, and no link bring anything.
func (f *Fabric) Close() { f.pool.close() }
