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

// newGroup gives a group a handle; an empty one is MPI_GROUP_EMPTY.
func (r call) newGroup(out groupOut, g *group) *failure {
	if f := out.room(r, "group"); f != nil {
		return f
	}
	if len(g.ranks) == 0 {
		return out.put(r, "group", groupEmpty)
	}
	handle, ok := r.groups.add(kindGroup, g)
	if !ok {
		return failf(errNoMem, "more than %d groups", maxObjects)
	}
	return out.put(r, "group", handle)
}

// MPI_Group_size(group, *size)
func groupSize(r call, group groupArg, size intOut) *failure {
	g, f := group.of(r)
	if f != nil {
		return f
	}
	return size.put(r, "size", g.size())
}

// MPI_Group_rank(group, *rank)
func groupRank(r call, group groupArg, rank intOut) *failure {
	g, f := group.of(r)
	if f != nil {
		return f
	}
	return rank.putRank(r, "rank", g.index(r.rank))
}

// MPI_Group_free(*group)
func groupFree(r call, group groupRef) *failure {
	handle, f := group.get(r, "group")
	if f != nil {
		return f
	}
	if _, f := r.group(handle); f != nil {
		return f
	}
	if handle != groupEmpty {
		r.groups.remove(handle)
	}
	return group.put(r, "group", groupNull)
}

// MPI_Group_compare(group1, group2, *result)
func groupCompare(r call, group1, group2 groupArg, result intOut) *failure {
	g, f := group1.of(r)
	if f != nil {
		return f
	}
	h, f := group2.of(r)
	if f != nil {
		return f
	}
	return result.put(r, "result", g.compare(h))
}

// MPI_Group_translate_ranks(group1, n, ranks1[], group2, ranks2[])
func groupTranslateRanks(r call, group1 groupArg, count countArg, ranks1 intsIn, group2 groupArg,
	ranks2 intsOut) *failure {
	g, f := group1.of(r)
	if f != nil {
		return f
	}
	h, f := group2.of(r)
	if f != nil {
		return f
	}
	n, f := count.size(r, "number of ranks")
	if f != nil {
		return f
	}
	ranks, f := ranks1.read(r, "ranks", n)
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
	return ranks2.put(r, "ranks", ranks)
}

// chosen reads an array of different ranks of the group.
func (p intsIn) chosen(r call, n int64, g *group) ([]int64, *failure) {
	ranks, f := p.read(r, "ranks", n)
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
func groupChoose(choose func(*group, []int64) *group) func(call, groupArg, countArg, intsIn, groupOut) *failure {
	return func(r call, of groupArg, count countArg, members intsIn, newgroup groupOut) *failure {
		g, f := of.of(r)
		if f != nil {
			return f
		}
		n, f := count.size(r, "number of ranks")
		if f != nil {
			return f
		}
		ranks, f := members.chosen(r, n, g)
		if f != nil {
			return f
		}
		return r.newGroup(newgroup, choose(g, ranks))
	}
}

// groupRange makes MPI_Group_range_incl and MPI_Group_range_excl: (group, n, ranges[][3], *newgroup), each range first,
// last, stride.
func groupRange(choose func(*group, []int64) *group) func(call, groupArg, countArg, intsIn, groupOut) *failure {
	return func(r call, of groupArg, count countArg, ranges intsIn, newgroup groupOut) *failure {
		g, f := of.of(r)
		if f != nil {
			return f
		}
		n, f := count.size(r, "number of ranges")
		if f != nil {
			return f
		}
		v, f := ranges.read(r, "ranges", 3*n)
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
		return r.newGroup(newgroup, choose(g, ranks))
	}
}

// groupCombine makes MPI_Group_union and its like: (group1, group2, *newgroup).
func groupCombine(combine func(g, h *group) *group) func(call, groupArg, groupArg, groupOut) *failure {
	return func(r call, group1, group2 groupArg, newgroup groupOut) *failure {
		g, f := group1.of(r)
		if f != nil {
			return f
		}
		h, f := group2.of(r)
		if f != nil {
			return f
		}
		return r.newGroup(newgroup, combine(g, h))
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
