package mpi

import (
	"slices"

	"github.com/faasmrun/faasmrun/mpi/match"
)

// group is an ordered set of ranks, named by their ranks in MPI_COMM_WORLD. It never changes.
type group struct {
	ranks []worldRank
}

// worldRank is a rank in MPI_COMM_WORLD. It is another number than match.Rank, a rank in the group of a communicator,
// which indexes group.ranks: the compiler keeps them apart.
type worldRank int32

var emptyGroup = &group{}

// newGroup is the group 0 … n-1.
func newGroup(n int) *group {
	g := &group{ranks: make([]worldRank, n)}
	for i := range g.ranks {
		g.ranks[i] = worldRank(i)
	}
	return g
}

func (g *group) size() int32 { return int32(len(g.ranks)) }

// has reports whether the group has a rank of that number.
func (g *group) has(rank match.Rank) bool { return rank >= 0 && int(rank) < len(g.ranks) }

// index gives a rank's index in the group, or MPI_UNDEFINED.
func (g *group) index(rank worldRank) match.Rank {
	if i := slices.Index(g.ranks, rank); i >= 0 {
		return match.Rank(i)
	}
	return undefined
}

// indexes is index for many ranks.
func (g *group) indexes() map[worldRank]match.Rank {
	m := make(map[worldRank]match.Rank, len(g.ranks))
	for i, r := range g.ranks {
		m[r] = match.Rank(i)
	}
	return m
}

// compare reports whether two groups are identical, similar or unequal.
func (g *group) compare(h *group) int32 {
	switch {
	case slices.Equal(g.ranks, h.ranks):
		return ident
	case len(g.ranks) != len(h.ranks):
		return unequal
	}
	other := h.indexes()
	for _, r := range g.ranks {
		if _, ok := other[r]; !ok {
			return unequal
		}
	}
	return similar
}

// group finds a group.
func (r *Rank) group(handle uint32) (*group, *failure) {
	switch handle {
	case groupEmpty:
		return emptyGroup, nil
	case groupNull:
		return nil, failf(errGroup, "the group is MPI_GROUP_NULL")
	}
	if g := r.groups.get(kindGroup, handle); g != nil {
		return g, nil
	}
	return nil, failf(errGroup, "%#x is no group, or was freed", handle)
}

func (a args) group(i int) (*group, *failure) { return a.r.group(a.handle(i)) }

// newGroup gives a group a handle; an empty one is MPI_GROUP_EMPTY.
func (a args) newGroup(out int, g *group) *failure {
	if f := a.roomForWord(out, "group"); f != nil {
		return f
	}
	if len(g.ranks) == 0 {
		return a.putHandle(out, "group", groupEmpty)
	}
	handle, ok := a.r.groups.add(kindGroup, g)
	if !ok {
		return failf(errNoMem, "more than %d groups", maxObjects)
	}
	return a.putHandle(out, "group", handle)
}

// MPI_Group_size(group, *size)
func groupSize(r *Rank, a args) *failure {
	g, f := a.group(0)
	if f != nil {
		return f
	}
	return a.putInt(1, "size", g.size())
}

// MPI_Group_rank(group, *rank)
func groupRank(r *Rank, a args) *failure {
	g, f := a.group(0)
	if f != nil {
		return f
	}
	return a.putRank(1, "rank", g.index(r.rank))
}

// MPI_Group_free(*group)
func groupFree(r *Rank, a args) *failure {
	handle, f := a.getHandle(0, "group")
	if f != nil {
		return f
	}
	if _, f := r.group(handle); f != nil {
		return f
	}
	if handle != groupEmpty {
		r.groups.remove(handle)
	}
	return a.putHandle(0, "group", groupNull)
}

// MPI_Group_compare(group1, group2, *result)
func groupCompare(r *Rank, a args) *failure {
	g, f := a.group(0)
	if f != nil {
		return f
	}
	h, f := a.group(1)
	if f != nil {
		return f
	}
	return a.putInt(2, "result", g.compare(h))
}

// MPI_Group_translate_ranks(group1, n, ranks1[], group2, ranks2[])
func groupTranslateRanks(r *Rank, a args) *failure {
	g, f := a.group(0)
	if f != nil {
		return f
	}
	h, f := a.group(3)
	if f != nil {
		return f
	}
	n, f := a.size(1, "number of ranks")
	if f != nil {
		return f
	}
	ranks, f := a.array(2, "ranks", n, false)
	if f != nil {
		return f
	}
	other := h.indexes()
	for i, x := range ranks {
		if x == int64(procNull) {
			continue
		}
		if x < 0 || x >= int64(g.size()) {
			return failf(errRank, "invalid rank %d (the group has %d)", x, g.size())
		}
		ranks[i] = undefined
		if j, ok := other[g.ranks[x]]; ok {
			ranks[i] = int64(j)
		}
	}
	return a.putArray(4, "ranks", ranks, false)
}

// chosen reads an array of different ranks of the group.
func (a args) chosen(i int, n int64, g *group) ([]int64, *failure) {
	ranks, f := a.array(i, "ranks", n, false)
	if f != nil {
		return nil, f
	}
	return ranks, g.distinct(ranks)
}

// distinct checks that ranks are in the group, each once.
func (g *group) distinct(ranks []int64) *failure {
	seen := map[int64]bool{}
	for _, x := range ranks {
		if x < 0 || x >= int64(g.size()) {
			return failf(errRank, "invalid rank %d (the group has %d)", x, g.size())
		}
		if seen[x] {
			return failf(errRank, "rank %d is there twice", x)
		}
		seen[x] = true
	}
	return nil
}

// included is the group of chosen ranks, in their order.
func (g *group) included(ranks []int64) *group {
	out := &group{}
	for _, x := range ranks {
		out.ranks = append(out.ranks, g.ranks[x])
	}
	return out
}

// excluded is the group without some ranks.
func (g *group) excluded(ranks []int64) *group {
	gone := map[int64]bool{}
	for _, x := range ranks {
		gone[x] = true
	}
	out := &group{}
	for i, x := range g.ranks {
		if !gone[int64(i)] {
			out.ranks = append(out.ranks, x)
		}
	}
	return out
}

// groupChoose makes MPI_Group_incl and MPI_Group_excl: (group, n, ranks[], *newgroup).
func groupChoose(choose func(*group, []int64) *group) func(*Rank, args) *failure {
	return func(r *Rank, a args) *failure {
		g, f := a.group(0)
		if f != nil {
			return f
		}
		n, f := a.size(1, "number of ranks")
		if f != nil {
			return f
		}
		ranks, f := a.chosen(2, n, g)
		if f != nil {
			return f
		}
		return a.newGroup(3, choose(g, ranks))
	}
}

// groupRange makes MPI_Group_range_incl and MPI_Group_range_excl: (group, n, ranges[][3], *newgroup), each range first,
// last, stride.
func groupRange(choose func(*group, []int64) *group) func(*Rank, args) *failure {
	return func(r *Rank, a args) *failure {
		g, f := a.group(0)
		if f != nil {
			return f
		}
		n, f := a.size(1, "number of ranges")
		if f != nil {
			return f
		}
		v, f := a.array(2, "ranges", 3*n, false)
		if f != nil {
			return f
		}
		var ranks []int64
		for i := range n {
			first, last, stride := v[3*i], v[3*i+1], v[3*i+2]
			if stride == 0 || (last-first)*stride < 0 && first != last {
				return failf(errArg, "range %d from %d to %d by %d is empty or endless", i, first, last, stride)
			}
			for x := first; stride > 0 && x <= last || stride < 0 && x >= last; x += stride {
				if x < 0 || x >= int64(g.size()) {
					return failf(errRank, "invalid rank %d (the group has %d)", x, g.size())
				}
				ranks = append(ranks, x)
				if len(ranks) > len(g.ranks) {
					break
				}
			}
		}
		if f := g.distinct(ranks); f != nil {
			return f
		}
		return a.newGroup(3, choose(g, ranks))
	}
}

// groupCombine makes MPI_Group_union and its like: (group1, group2, *newgroup).
func groupCombine(combine func(g, h *group) *group) func(*Rank, args) *failure {
	return func(r *Rank, a args) *failure {
		g, f := a.group(0)
		if f != nil {
			return f
		}
		h, f := a.group(1)
		if f != nil {
			return f
		}
		return a.newGroup(2, combine(g, h))
	}
}

func union(g, h *group) *group {
	out := &group{ranks: slices.Clone(g.ranks)}
	out.ranks = append(out.ranks, difference(h, g).ranks...)
	return out
}

func intersection(g, h *group) *group { return g.filter(h, true) }

func difference(g, h *group) *group { return g.filter(h, false) }

// filter keeps the ranks that are in the other group, or those that are not.
func (g *group) filter(h *group, in bool) *group {
	other := h.indexes()
	out := &group{}
	for _, r := range g.ranks {
		if _, ok := other[r]; ok == in {
			out.ranks = append(out.ranks, r)
		}
	}
	return out
}
