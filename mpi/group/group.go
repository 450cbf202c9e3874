// Package group is MPI's groups of processes (MPI 5.0, chapter 7.3): ordered sets of ranks, and what is made of two. It
// is pure: no goroutine, no lock, no clock. It knows no rank's state, no handle and no communicator; package mpi reads
// the arguments of the functions and keeps the handles.
package group

import (
	"fmt"
	"slices"

	"github.com/faasmrun/faasmrun/mpi/match"
)

// WorldRank is a rank in MPI_COMM_WORLD. It is another number than match.Rank, a rank in the group of a communicator,
// which indexes Group.Ranks: the compiler keeps them apart.
type WorldRank int32

// Undefined is MPI_UNDEFINED: the rank of what is not in a group.
const Undefined match.Rank = -32766

// Group is an ordered set of ranks. It never changes.
type Group struct {
	Ranks []WorldRank
}

// Empty is MPI_GROUP_EMPTY.
var Empty = &Group{}

// New is the group of ranks 0 … n-1 of MPI_COMM_WORLD.
func New(n int) *Group {
	g := &Group{Ranks: make([]WorldRank, n)}
	for i := range g.Ranks {
		g.Ranks[i] = WorldRank(i)
	}
	return g
}

// Size is how many ranks there are.
func (g *Group) Size() int32 { return int32(len(g.Ranks)) }

// Has reports whether the group has a rank of that number.
func (g *Group) Has(rank match.Rank) bool { return rank >= 0 && int(rank) < len(g.Ranks) }

// Index gives a rank's number in the group, or Undefined. It looks through the group.
func (g *Group) Index(rank WorldRank) match.Rank {
	if i := slices.Index(g.Ranks, rank); i >= 0 {
		return match.Rank(i)
	}
	return Undefined
}

// Indexes is Index for many ranks.
func (g *Group) Indexes() map[WorldRank]match.Rank {
	m := make(map[WorldRank]match.Rank, len(g.Ranks))
	for i, r := range g.Ranks {
		m[r] = match.Rank(i)
	}
	return m
}

// Relation is what comparing two groups or communicators gives, with the values of MPI's ABI. The greater, the less
// they have in common.
type Relation int32

const (
	Identical Relation = iota + 201
	Congruent          // of communicators alone: the same groups in other contexts
	Similar            // the same ranks in another order
	Unequal
)

// Compare compares two groups.
func (g *Group) Compare(h *Group) Relation {
	switch {
	case slices.Equal(g.Ranks, h.Ranks):
		return Identical
	case len(g.Ranks) != len(h.Ranks):
		return Unequal
	}
	other := h.Indexes()
	for _, r := range g.Ranks {
		if _, ok := other[r]; !ok {
			return Unequal
		}
	}
	return Similar
}

// Distinct checks that numbers are ranks of the group, each there once. Any error is one of ranks (MPI_ERR_RANK).
func (g *Group) Distinct(ranks []int64) error {
	seen := map[int64]bool{}
	for _, x := range ranks {
		if x < 0 || x >= int64(g.Size()) {
			return fmt.Errorf("invalid rank %d (the group has %d)", x, g.Size())
		}
		if seen[x] {
			return fmt.Errorf("rank %d is there twice", x)
		}
		seen[x] = true
	}
	return nil
}

// Included is the group of chosen ranks, which are Distinct, in their order.
func (g *Group) Included(ranks []int64) *Group {
	out := &Group{}
	for _, x := range ranks {
		out.Ranks = append(out.Ranks, g.Ranks[x])
	}
	return out
}

// Excluded is the group without some ranks.
func (g *Group) Excluded(ranks []int64) *Group {
	gone := map[int64]bool{}
	for _, x := range ranks {
		gone[x] = true
	}
	out := &Group{}
	for i, x := range g.Ranks {
		if !gone[int64(i)] {
			out.Ranks = append(out.Ranks, x)
		}
	}
	return out
}

// Union is g and behind it what h has besides.
func Union(g, h *Group) *Group {
	out := &Group{Ranks: slices.Clone(g.Ranks)}
	out.Ranks = append(out.Ranks, Difference(h, g).Ranks...)
	return out
}

// Intersection is what g has that h has too, in g's order.
func Intersection(g, h *Group) *Group { return g.filter(h, true) }

// Difference is what g has that h has not.
func Difference(g, h *Group) *Group { return g.filter(h, false) }

// filter keeps the ranks that are in the other group, or those that are not.
func (g *Group) filter(h *Group, in bool) *Group {
	other := h.Indexes()
	out := &Group{}
	for _, r := range g.Ranks {
		if _, ok := other[r]; ok == in {
			out.Ranks = append(out.Ranks, r)
		}
	}
	return out
}
