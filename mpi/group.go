package mpi

import "github.com/faasmrun/faasmrun/mpi/group"

// group finds a group.
func (r *Rank) group(handle uint32) (*group.Group, *failure) {
	switch handle {
	case groupEmpty:
		return group.Empty, nil
	case groupNull:
		return nil, failf(errGroup, "the group is MPI_GROUP_NULL")
	}
	if g := r.groups.get(kindGroup, handle); g != nil {
		return g, nil
	}
	return nil, failf(errGroup, "%#x is no group, or was freed", handle)
}

// newGroup gives a group a handle; an empty one is MPI_GROUP_EMPTY.
func (r call) newGroup(out groupOut, g *group.Group) *failure {
	if f := out.room(r, "group"); f != nil {
		return f
	}
	if len(g.Ranks) == 0 {
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
	return size.put(r, "size", g.Size())
}

// MPI_Group_rank(group, *rank)
func groupRank(r call, group groupArg, rank intOut) *failure {
	g, f := group.of(r)
	if f != nil {
		return f
	}
	return rank.putRank(r, "rank", g.Index(r.rank))
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
	return result.put(r, "result", int32(g.Compare(h)))
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
	other := h.Indexes()
	for i, x := range ranks {
		if x == int64(procNull) {
			continue
		}
		if x < 0 || x >= int64(g.Size()) {
			return failf(errRank, "invalid rank %d (the group has %d)", x, g.Size())
		}
		ranks[i] = undefined
		if j, ok := other[g.Ranks[x]]; ok {
			ranks[i] = int64(j)
		}
	}
	return ranks2.put(r, "ranks", ranks)
}

// chosen reads an array of different ranks of the group.
func (p intsIn) chosen(r call, n int64, g *group.Group) ([]int64, *failure) {
	ranks, f := p.read(r, "ranks", n)
	if f != nil {
		return nil, f
	}
	return ranks, distinct(g, ranks)
}

// distinct checks that ranks are in the group, each once.
func distinct(g *group.Group, ranks []int64) *failure {
	if err := g.Distinct(ranks); err != nil {
		return failf(errRank, "%v", err)
	}
	return nil
}

// chooser makes a group of ranks of another.
type chooser func(of *group.Group, ranks []int64) *group.Group

// groupChoose makes MPI_Group_incl and MPI_Group_excl: (group, n, ranks[], *newgroup).
func groupChoose(choose chooser) func(call, groupArg, countArg, intsIn, groupOut) *failure {
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
func groupRange(choose chooser) func(call, groupArg, countArg, intsIn, groupOut) *failure {
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
				if x < 0 || x >= int64(g.Size()) {
					return failf(errRank, "invalid rank %d (the group has %d)", x, g.Size())
				}
				ranks = append(ranks, x)
				if len(ranks) > len(g.Ranks) {
					break
				}
			}
		}
		if f := distinct(g, ranks); f != nil {
			return f
		}
		return r.newGroup(newgroup, choose(g, ranks))
	}
}

// groupCombine makes MPI_Group_union and its like: (group1, group2, *newgroup).
func groupCombine(combine func(g, h *group.Group) *group.Group) func(call, groupArg, groupArg, groupOut) *failure {
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
