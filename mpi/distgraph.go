package mpi

// Special weights of distributed graphs.
const (
	unweighted   = 10
	weightsEmpty = 11
)

// weightsArg reads n weights; MPI_UNWEIGHTED has none, and MPI_WEIGHTS_EMPTY is an empty array.
func (a args) weightsArg(i int, n int64) (weights []int64, weighted bool, f *failure) {
	switch a.address(i) {
	case unweighted:
		return nil, false, nil
	case weightsEmpty:
		return make([]int64, n), true, nil
	}
	weights, f = a.array(i, "weights", n, false)
	for _, w := range weights {
		if w < 0 {
			return nil, false, failf(errArg, "invalid weight %d", w)
		}
	}
	return weights, true, f
}

// side reads (degree, ranks[], weights[]).
func (a args) side(c *comm, degree, ranks, weights int) (n neighbours, f *failure) {
	count := int64(a.int(degree))
	if count < 0 {
		return n, c.failf(errArg, "invalid degree %d", count)
	}
	if n.ranks, f = a.array(ranks, "neighbors", count, false); f != nil {
		return n, f.on(c)
	}
	for _, x := range n.ranks {
		if x < 0 || x >= int64(c.group.size()) {
			return n, c.failf(errArg, "invalid neighbor %d (%s has %d ranks)", x, c.title(), c.group.size())
		}
	}
	n.weights, n.weighted, f = a.weightsArg(weights, count)
	return n, f.on(c)
}

// MPI_Dist_graph_create_adjacent(comm, indegree, sources[], sourceweights[], outdegree, destinations[], destweights[],
// info, reorder, *newcomm)
func distGraphCreateAdjacent(r *Rank, a args) *failure {
	c, f := a.comm(0)
	if f != nil {
		return f
	}
	t := &topology{kind: topoDistGraph}
	if t.in, f = a.side(c, 1, 2, 3); f != nil {
		return f
	}
	if t.out, f = a.side(c, 4, 5, 6); f != nil {
		return f
	}
	if _, f := r.info(a.handle(7)); f != nil {
		return f.on(c)
	}
	return a.withRanks(c, t, int64(c.group.size()), 9)
}

// MPI_Dist_graph_create(comm, n, sources[], degrees[], destinations[], weights[], info, reorder, *newcomm): any rank
// may name any edges; each learns of those that touch it.
func distGraphCreate(r *Rank, a args) *failure {
	c, f := a.comm(0)
	if f != nil {
		return f
	}
	edges, weighted, f := a.edges(c)
	if f != nil {
		return f
	}
	if _, f := r.info(a.handle(6)); f != nil {
		return f.on(c)
	}
	if f := a.roomForWord(8, "newcomm"); f != nil {
		return f.on(c)
	}
	t := &topology{kind: topoDistGraph}
	t.in.weighted, t.out.weighted = weighted, weighted
	mine := answer{edges: edges, graph: t}
	if f := r.agree(c, &mine, func(answers []*answer) {
		for _, from := range answers {
			for _, e := range from.edges {
				out, in := &answers[e[0]].graph.out, &answers[e[1]].graph.in
				out.ranks, out.weights = append(out.ranks, e[1]), append(out.weights, e[2])
				in.ranks, in.weights = append(in.ranks, e[0]), append(in.weights, e[2])
			}
		}
		r.world.divide(answers, false)
	}); f != nil {
		return f
	}
	d, f := a.newComm(8, c, &mine)
	if d != nil {
		d.topology = t
	}
	return f
}

// edges reads the edges of MPI_Dist_graph_create: from, to, weight.
func (a args) edges(c *comm) (edges [][3]int64, weighted bool, f *failure) {
	n := int64(a.int(1))
	if n < 0 {
		return nil, false, c.failf(errArg, "invalid number of nodes %d", n)
	}
	sources, f := a.array(2, "sources", n, false)
	if f != nil {
		return nil, false, f.on(c)
	}
	degrees, f := a.array(3, "degrees", n, false)
	if f != nil {
		return nil, false, f.on(c)
	}
	total := int64(0)
	for _, d := range degrees {
		if d < 0 {
			return nil, false, c.failf(errArg, "invalid degree %d", d)
		}
		total += d
	}
	destinations, f := a.array(4, "destinations", total, false)
	if f != nil {
		return nil, false, f.on(c)
	}
	weights, weighted, f := a.weightsArg(5, total)
	if f != nil {
		return nil, false, f.on(c)
	}
	next := 0
	for i, s := range sources {
		for range degrees[i] {
			e := [3]int64{s, destinations[next], 1}
			if weighted {
				e[2] = weights[next]
			}
			for _, x := range e[:2] {
				if x < 0 || x >= int64(c.group.size()) {
					return nil, false, c.failf(errArg, "invalid rank %d in an edge (%s has %d ranks)", x, c.title(), c.group.size())
				}
			}
			edges = append(edges, e)
			next++
		}
	}
	return edges, weighted, nil
}

func (a args) distGraph() (*comm, *topology, *failure) {
	return a.withTopology(0, topoDistGraph, "distributed graph")
}

// MPI_Dist_graph_neighbors_count(comm, *indegree, *outdegree, *weighted)
func distGraphNeighborsCount(r *Rank, a args) *failure {
	c, t, f := a.distGraph()
	if f != nil {
		return f
	}
	if f := a.putInt(1, "indegree", int32(len(t.in.ranks))); f != nil {
		return f.on(c)
	}
	if f := a.putInt(2, "outdegree", int32(len(t.out.ranks))); f != nil {
		return f.on(c)
	}
	return a.putFlag(3, "weighted", t.in.weighted || t.out.weighted).on(c)
}

// MPI_Dist_graph_neighbors(comm, maxindegree, sources[], sourceweights[], maxoutdegree, destinations[], destweights[])
func distGraphNeighbors(r *Rank, a args) *failure {
	c, t, f := a.distGraph()
	if f != nil {
		return f
	}
	for i, side := range []neighbours{t.in, t.out} {
		first := 1 + 3*i
		n := min(max(int(a.int(first)), 0), len(side.ranks))
		if f := a.putArray(first+1, "neighbors", side.ranks[:n], false); f != nil {
			return f.on(c)
		}
		if w := a.address(first + 2); side.weighted && w != unweighted && w != weightsEmpty {
			if f := a.putArray(first+2, "weights", side.weights[:n], false); f != nil {
				return f.on(c)
			}
		}
	}
	return nil
}
