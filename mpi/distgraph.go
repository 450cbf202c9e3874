package mpi

import "github.com/faasmrun/faasmrun/mpi/agree"

// Special weights of distributed graphs.
const (
	unweighted   = 10
	weightsEmpty = 11
)

// Arrays of weights, or special ones.
type (
	weightsIn  uint64 // const int[]
	weightsOut uint64 // int[]
)

// read reads n weights; MPI_UNWEIGHTED has none, and MPI_WEIGHTS_EMPTY is an empty array.
func (p weightsIn) read(r call, n int64) (weights []int64, weighted bool, f *failure) {
	switch p {
	case unweighted:
		return nil, false, nil
	case weightsEmpty:
		return make([]int64, n), true, nil
	}
	weights, f = intsIn(p).read(r, "weights", n)
	for _, w := range weights {
		if w < 0 {
			return nil, false, failf(errArg, "invalid weight %d", w)
		}
	}
	return weights, true, f
}

// side reads the neighbours on one side.
func (r call) side(c *comm, degree countArg, ranks intsIn, weights weightsIn) (n neighbours, f *failure) {
	count := degree.of(r)
	if count < 0 {
		return n, c.failf(errArg, "invalid degree %d", count)
	}
	if n.ranks, f = ranks.read(r, "neighbors", count); f != nil {
		return n, f.on(c)
	}
	for _, x := range n.ranks {
		if x < 0 || x >= int64(c.group.Size()) {
			return n, c.failf(errArg, "invalid neighbor %d (%s has %d ranks)", x, c.title(), c.group.Size())
		}
	}
	n.weights, n.weighted, f = weights.read(r, count)
	return n, f.on(c)
}

// MPI_Dist_graph_create_adjacent(comm, indegree, sources[], sourceweights[], outdegree, destinations[], destweights[],
// info, reorder, *newcomm)
func distGraphCreateAdjacent(r call, comm commArg, indegree countArg, sources intsIn, sourceweights weightsIn,
	outdegree countArg, destinations intsIn, destweights weightsIn, info infoArg, reorder intArg,
	newcomm commOut) *failure {
	c, f := comm.of(r)
	if f != nil {
		return f
	}
	t := &topology{kind: topoDistGraph}
	if t.in, f = r.side(c, indegree, sources, sourceweights); f != nil {
		return f
	}
	if t.out, f = r.side(c, outdegree, destinations, destweights); f != nil {
		return f
	}
	if _, f := info.of(r); f != nil {
		return f.on(c)
	}
	return r.withRanks(c, t, int64(c.group.Size()), newcomm)
}

// MPI_Dist_graph_create(comm, n, sources[], degrees[], destinations[], weights[], info, reorder, *newcomm): any rank
// may name any edges; each learns of those that touch it.
func distGraphCreate(r call, comm commArg, n countArg, sources, degrees, destinations intsIn, weights weightsIn,
	info infoArg, reorder intArg, newcomm commOut) *failure {
	c, f := comm.of(r)
	if f != nil {
		return f
	}
	edges, weighted, f := r.edges(c, n, sources, degrees, destinations, weights)
	if f != nil {
		return f
	}
	if _, f := info.of(r); f != nil {
		return f.on(c)
	}
	if f := newcomm.room(r, "newcomm"); f != nil {
		return f.on(c)
	}
	mine, f := r.agree(c, agree.Graph, agree.Proposal{Edges: edges})
	if f != nil {
		return f
	}
	d, f := r.newComm(newcomm, c, mine)
	if d != nil {
		t := &topology{kind: topoDistGraph, in: neighbours{weighted: weighted}, out: neighbours{weighted: weighted}}
		if edges := mine.outcome.Edges; edges != nil {
			for _, e := range edges.In {
				t.in.add(e.From, e.Weight)
			}
			for _, e := range edges.Out {
				t.out.add(e.To, e.Weight)
			}
		}
		d.topology = t
	}
	return f
}

// add adds a neighbour.
func (side *neighbours) add(rank, weight int64) {
	side.ranks, side.weights = append(side.ranks, rank), append(side.weights, weight)
}

// edges reads the edges of MPI_Dist_graph_create.
func (r call) edges(c *comm, count countArg, from, outOf, to intsIn, each weightsIn) (edges []agree.Edge, weighted bool,
	f *failure) {
	n := count.of(r)
	if n < 0 {
		return nil, false, c.failf(errArg, "invalid number of nodes %d", n)
	}
	sources, f := from.read(r, "sources", n)
	if f != nil {
		return nil, false, f.on(c)
	}
	degrees, f := outOf.read(r, "degrees", n)
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
	destinations, f := to.read(r, "destinations", total)
	if f != nil {
		return nil, false, f.on(c)
	}
	weights, weighted, f := each.read(r, total)
	if f != nil {
		return nil, false, f.on(c)
	}
	next := 0
	for i, s := range sources {
		for range degrees[i] {
			e := agree.Edge{From: s, To: destinations[next], Weight: 1}
			if weighted {
				e.Weight = weights[next]
			}
			for _, x := range []int64{e.From, e.To} {
				if x < 0 || x >= int64(c.group.Size()) {
					return nil, false, c.failf(errArg, "invalid rank %d in an edge (%s has %d ranks)", x, c.title(), c.group.Size())
				}
			}
			edges = append(edges, e)
			next++
		}
	}
	return edges, weighted, nil
}

func (v commArg) distGraph(r call) (*comm, *topology, *failure) {
	return v.withTopology(r, topoDistGraph, "distributed graph")
}

// MPI_Dist_graph_neighbors_count(comm, *indegree, *outdegree, *weighted)
func distGraphNeighborsCount(r call, comm commArg, indegree, outdegree intOut, weighted flagOut) *failure {
	c, t, f := comm.distGraph(r)
	if f != nil {
		return f
	}
	if f := indegree.put(r, "indegree", int32(len(t.in.ranks))); f != nil {
		return f.on(c)
	}
	if f := outdegree.put(r, "outdegree", int32(len(t.out.ranks))); f != nil {
		return f.on(c)
	}
	return weighted.put(r, "weighted", t.in.weighted || t.out.weighted).on(c)
}

// MPI_Dist_graph_neighbors(comm, maxindegree, sources[], sourceweights[], maxoutdegree, destinations[], destweights[])
func distGraphNeighbors(r call, comm commArg, maxindegree countArg, sources intsOut, sourceweights weightsOut,
	maxoutdegree countArg, destinations intsOut, destweights weightsOut) *failure {
	c, t, f := comm.distGraph(r)
	if f != nil {
		return f
	}
	if f := t.in.put(r, maxindegree, sources, sourceweights); f != nil {
		return f.on(c)
	}
	return t.out.put(r, maxoutdegree, destinations, destweights).on(c)
}

// put writes neighbours as far as there is room.
func (side neighbours) put(r call, room countArg, ranks intsOut, weights weightsOut) *failure {
	n := room.upTo(r, len(side.ranks))
	if f := ranks.put(r, "neighbors", side.ranks[:n]); f != nil {
		return f
	}
	if side.weighted && weights != unweighted && weights != weightsEmpty {
		return intsOut(weights).put(r, "weights", side.weights[:n])
	}
	return nil
}
