package agree

import (
	"fmt"
	"math"

	"github.com/faasmrun/faasmrun/mpi/group"
)

// NoContext is no context.
const NoContext = 0

// FirstContext is the least that Contexts give. Those below are for communicators that are there from the beginning.
const FirstContext = 3

// LastContext is the greatest context there can be. A message carries 32 bits, of which one says that it is a
// collective's and not the program's.
const LastContext = math.MaxInt32

// Contexts gives one rank the contexts that it proposes for new communicators. No other rank of the job gives the same,
// so the ranks share no counter: of n ranks, each gives every n-th number.
type Contexts struct {
	rank, ranks uint64
	next        uint64 // how many were given, and FirstContext
}

// NewContexts is for one of so many ranks.
func NewContexts(rank group.WorldRank, ranks int) Contexts {
	return Contexts{rank: uint64(rank), ranks: uint64(ranks), next: FirstContext}
}

// Next is how far the rank has come, for ContinueContexts.
func (c *Contexts) Next() uint64 { return c.next }

// ContinueContexts is for a rank that has come so far, which nobody vouches for.
func ContinueContexts(rank group.WorldRank, ranks int, next uint64) (Contexts, error) {
	c := NewContexts(rank, ranks)
	if next < FirstContext || next > LastContext+1 {
		return c, fmt.Errorf("no rank can have come to context %d", next)
	}
	c.next = next
	return c, nil
}

// Reserve gives a context that the rank has not given before, or NoContext when there is none left.
func (c *Contexts) Reserve() uint32 {
	context := c.next*c.ranks + c.rank
	if context > LastContext {
		return NoContext
	}
	c.next++
	return uint32(context)
}

// GiveBack says that no communicator has a context that was reserved. It is given again if it was the last.
func (c *Contexts) GiveBack(context uint32) {
	if context != NoContext && uint64(context) == (c.next-1)*c.ranks+c.rank {
		c.next--
	}
}
