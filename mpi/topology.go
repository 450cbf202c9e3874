package mpi

import (
	"slices"

	"github.com/faasmrun/faasmrun/mpi/agree"
	"github.com/faasmrun/faasmrun/mpi/match"
)

// topology is the virtual topology of a communicator. It never changes.
type topology struct {
	kind    int32
	dims    []int64 // of a grid
	periods []bool
	index   []int64 // of a graph, as MPI_Graph_create takes them
	edges   []int64
	in, out neighbours // of a distributed graph
}

// neighbours are the ranks on one side of a process of a distributed graph.
type neighbours struct {
	ranks    []int64
	weights  []int64
	weighted bool
}

// Kinds of topologies.
const (
	topoCart      = 211
	topoGraph     = 212
	topoDistGraph = 213
)

// MPI_Topo_test(comm, *status)
func topoTest(r call, comm commArg, status intOut) *failure {
	c, f := comm.of(r)
	if f != nil {
		return f
	}
	kind := int32(undefined)
	if c.topology != nil {
		kind = c.topology.kind
	}
	return status.put(r, "status", kind).on(c)
}

// grid finds a communicator with a Cartesian topology.
func (v commArg) grid(r call) (*comm, *topology, *failure) {
	return v.withTopology(r, topoCart, "Cartesian")
}

func (v commArg) withTopology(r call, kind int32, what string) (*comm, *topology, *failure) {
	c, f := v.of(r)
	if f != nil {
		return nil, nil, f
	}
	if c.topology == nil || c.topology.kind != kind {
		return nil, nil, c.failf(errTopology, "%s has no %s topology", c.title(), what)
	}
	return c, c.topology, nil
}

// coords gives a rank's coordinates.
func (t *topology) coords(rank int64) []int64 {
	c := make([]int64, len(t.dims))
	for i := len(c) - 1; i >= 0; i-- {
		c[i] = rank % t.dims[i]
		rank /= t.dims[i]
	}
	return c
}

// rank gives the rank at coordinates, MPI_PROC_NULL beyond an edge that is not periodic.
func (t *topology) rank(coords []int64) int64 {
	rank := int64(0)
	for i, x := range coords {
		n := t.dims[i]
		if x < 0 || x >= n {
			if !t.periods[i] {
				return int64(procNull)
			}
			x = (x%n + n) % n
		}
		rank = rank*n + x
	}
	return rank
}

// nodes is the size of the grid.
func (t *topology) nodes() int64 {
	n := int64(1)
	for _, d := range t.dims {
		if n *= d; n > 1<<31 {
			return n
		}
	}
	return n
}

// gridOf reads a grid's dimensions.
func (r call) gridOf(c *comm, ndims countArg, dims, periods intsIn) (*topology, *failure) {
	count := ndims.of(r)
	if count < 0 || count > maxDims {
		return nil, c.failf(errDims, "invalid number of dimensions %d", count)
	}
	t := &topology{kind: topoCart}
	var f *failure
	if t.dims, f = dims.read(r, "dims", count); f != nil {
		return nil, f.on(c)
	}
	p, f := periods.read(r, "periods", count)
	if f != nil {
		return nil, f.on(c)
	}
	for i := range t.dims {
		if t.dims[i] <= 0 {
			return nil, c.failf(errDims, "invalid dimension %d", t.dims[i])
		}
		t.periods = append(t.periods, p[i] != 0)
	}
	if t.nodes() > int64(c.group.Size()) {
		return nil, c.failf(errDims, "a grid of %d ranks does not fit in %s with %d", t.nodes(), c.title(), c.group.Size())
	}
	return t, nil
}

// MPI_Cart_create(comm, ndims, dims[], periods[], reorder, *newcomm). Ranks keep their order: inside a process all are
// equally near.
func cartCreate(r call, comm commArg, ndims countArg, dims, periods intsIn, reorder intArg, newcomm commOut) *failure {
	c, f := comm.of(r)
	if f != nil {
		return f
	}
	t, f := r.gridOf(c, ndims, dims, periods)
	if f != nil {
		return f
	}
	return r.withRanks(c, t, t.nodes(), newcomm)
}

// withRanks makes a communicator of the first n ranks, with a topology.
func (r call) withRanks(c *comm, t *topology, n int64, out commOut) *failure {
	if c.remote != nil {
		return c.failf(errComm, "%s is an intercommunicator", c.title())
	}
	if f := out.room(r, "newcomm"); f != nil {
		return f.on(c)
	}
	var proposed agree.Proposal
	if int64(c.rank) >= n {
		proposed.Color = undefined
	}
	mine, f := r.agree(c, agree.Split, proposed)
	if f != nil {
		return f
	}
	d, f := r.newComm(out, c, mine)
	if d != nil {
		d.topology = t
	}
	return f
}

// MPI_Cartdim_get(comm, *ndims)
func cartdimGet(r call, comm commArg, ndims intOut) *failure {
	c, t, f := comm.grid(r)
	if f != nil {
		return f
	}
	return ndims.put(r, "ndims", int32(len(t.dims))).on(c)
}

// MPI_Cart_get(comm, maxdims, dims[], periods[], coords[])
func cartGet(r call, comm commArg, maxdims countArg, dims, periods, coords intsOut) *failure {
	c, t, f := comm.grid(r)
	if f != nil {
		return f
	}
	n := maxdims.upTo(r, len(t.dims))
	periodic := make([]int64, n)
	for i := range periodic {
		if t.periods[i] {
			periodic[i] = 1
		}
	}
	for i, v := range [][]int64{t.dims[:n], periodic, t.coords(int64(c.rank))[:n]} {
		if f := []intsOut{dims, periods, coords}[i].put(r, "array", v); f != nil {
			return f.on(c)
		}
	}
	return nil
}

// MPI_Cart_coords(comm, rank, maxdims, coords[])
func cartCoords(r call, comm commArg, of rankArg, maxdims countArg, coords intsOut) *failure {
	c, t, f := comm.grid(r)
	if f != nil {
		return f
	}
	rank := of.rank()
	if f := c.checkPeer(rank); f != nil {
		return f
	}
	n := maxdims.upTo(r, len(t.dims))
	return coords.put(r, "coords", t.coords(int64(rank))[:n]).on(c)
}

// MPI_Cart_rank(comm, coords[], *rank)
func cartRank(r call, comm commArg, position intsIn, out intOut) *failure {
	c, t, f := comm.grid(r)
	if f != nil {
		return f
	}
	coords, f := position.read(r, "coords", int64(len(t.dims)))
	if f != nil {
		return f.on(c)
	}
	rank := t.rank(coords)
	if rank == int64(procNull) {
		return c.failf(errArg, "coordinates %v are outside the grid %v", coords, t.dims)
	}
	return out.putRank(r, "rank", match.Rank(rank)).on(c)
}

// MPI_Cart_shift(comm, direction, disp, *source, *dest)
func cartShift(r call, comm commArg, direction, displacement intArg, source, dest intOut) *failure {
	c, t, f := comm.grid(r)
	if f != nil {
		return f
	}
	d, disp := int(direction.int()), int64(displacement.int())
	if d < 0 || d >= len(t.dims) {
		return c.failf(errArg, "invalid direction %d of %d dimensions", d, len(t.dims))
	}
	for i, step := range []int64{-disp, disp} {
		coords := t.coords(int64(c.rank))
		coords[d] += step
		if f := []intOut{source, dest}[i].put(r, "rank", int32(t.rank(coords))); f != nil {
			return f.on(c)
		}
	}
	return nil
}

// MPI_Cart_sub(comm, remain[], *newcomm)
func cartSub(r call, comm commArg, remaining intsIn, newcomm commOut) *failure {
	c, t, f := comm.grid(r)
	if f != nil {
		return f
	}
	remain, f := remaining.read(r, "remain_dims", int64(len(t.dims)))
	if f != nil {
		return f.on(c)
	}
	if f := newcomm.room(r, "newcomm"); f != nil {
		return f.on(c)
	}
	sub := &topology{kind: topoCart}
	color, key := int64(0), int64(0)
	for i, x := range t.coords(int64(c.rank)) {
		if remain[i] != 0 {
			sub.dims, sub.periods = append(sub.dims, t.dims[i]), append(sub.periods, t.periods[i])
			key = key*t.dims[i] + x
		} else {
			color = color*t.dims[i] + x
		}
	}
	mine, f := r.agree(c, agree.Split, agree.Proposal{Color: color, Key: key})
	if f != nil {
		return f
	}
	d, f := r.newComm(newcomm, c, mine)
	if d != nil {
		d.topology = sub
	}
	return f
}

// mapped makes MPI_Cart_map and MPI_Graph_map: the rank this process would have, which is the one it has.
func (r call) mapped(c *comm, n int64, out intOut) *failure {
	rank := c.rank
	if int64(rank) >= n {
		rank = undefined
	}
	return out.putRank(r, "newrank", rank).on(c)
}

// MPI_Cart_map(comm, ndims, dims[], periods[], *newrank)
func cartMap(r call, comm commArg, ndims countArg, dims, periods intsIn, newrank intOut) *failure {
	c, f := comm.of(r)
	if f != nil {
		return f
	}
	t, f := r.gridOf(c, ndims, dims, periods)
	if f != nil {
		return f
	}
	return r.mapped(c, t.nodes(), newrank)
}

// MPI_Dims_create(nnodes, ndims, dims[]): fills in the zeros so that the free dimensions are as near each other as can
// be, in falling order.
func dimsCreate(r call, nnodes intArg, ndims countArg, given intsRef) *failure {
	nodes, n := int64(nnodes.int()), ndims.of(r)
	if n < 0 || n > maxDims {
		return failf(errDims, "invalid number of dimensions %d", n)
	}
	dims, f := given.read(r, "dims", n)
	if f != nil {
		return f
	}
	fixed, free := int64(1), 0
	for _, d := range dims {
		switch {
		case d < 0:
			return failf(errDims, "invalid dimension %d", d)
		case d == 0:
			free++
		default:
			fixed *= d
		}
		if fixed > nodes {
			break
		}
	}
	if nodes < 1 || nodes%fixed != 0 || free == 0 && nodes != fixed {
		return failf(errDims, "%d nodes cannot be divided by the given dimensions %v", nodes, dims)
	}
	sizes := balanced(nodes/fixed, free)
	for i := range dims {
		if dims[i] == 0 {
			dims[i], sizes = sizes[0], sizes[1:]
		}
	}
	return given.put(r, "dims", dims)
}

// balanced divides n into k factors in falling order that lie as near together as can be: the least difference between
// the largest and the smallest, and among those the largest smallest ones.
func balanced(n int64, k int) []int64 {
	if k == 0 {
		return nil
	}
	f := factoring{}
	f.visit(n, k, n, nil)
	return f.best
}

// factoring is a search for the best factors.
type factoring struct{ best []int64 }

// visit tries the ways to write n as k factors in falling order, none above most, behind those before. It leaves out
// those whose smallest factor cannot come near enough to the first to be better than the best so far.
func (f *factoring) visit(n int64, k int, most int64, before []int64) {
	if n == 1 || k == 1 {
		f.try(n, k, most, before)
		return
	}
	for _, d := range divisors(n) {
		if d > most {
			return
		}
		if power(d, k, n) < n { // the rest would have to be larger
			continue
		}
		first := d
		if len(before) > 0 {
			first = before[0]
		}
		if f.best != nil {
			if least := first - spread(f.best); least > 1 && power(least, k-1, n/d+1) > n/d {
				continue
			}
		}
		f.visit(n/d, k-1, d, append(before, d))
	}
}

// try compares the factors before and k more, which are n and ones.
func (f *factoring) try(n int64, k int, most int64, before []int64) {
	if n > most {
		return
	}
	all := append(before, n)
	for range k - 1 {
		all = append(all, 1)
	}
	if f.best == nil || spread(all) < spread(f.best) || spread(all) == spread(f.best) && smallerEnd(all, f.best) > 0 {
		f.best = slices.Clone(all)
	}
}

// smallerEnd compares factors from the smallest up.
func smallerEnd(a, b []int64) int {
	for i := len(a) - 1; i >= 0; i-- {
		if a[i] != b[i] {
			return int(a[i] - b[i])
		}
	}
	return 0
}

func spread(f []int64) int64 { return f[0] - f[len(f)-1] }

// divisors lists them in rising order.
func divisors(n int64) []int64 {
	var low, high []int64
	for d := int64(1); d*d <= n; d++ {
		if n%d != 0 {
			continue
		}
		low = append(low, d)
		if d*d != n {
			high = append(high, n/d)
		}
	}
	slices.Reverse(high)
	return append(low, high...)
}

// power is d to the k, cut off at limit.
func power(d int64, k int, limit int64) int64 {
	p := int64(1)
	for range k {
		if p *= d; p >= limit {
			return limit
		}
	}
	return p
}

// graphOf reads a graph's nodes and edges.
func (r call) graphOf(c *comm, nnodes countArg, index, edges intsIn) (*topology, *failure) {
	n := nnodes.of(r)
	if n < 0 || n > int64(c.group.Size()) {
		return nil, c.failf(errArg, "a graph of %d ranks does not fit in %s with %d", n, c.title(), c.group.Size())
	}
	t := &topology{kind: topoGraph}
	var f *failure
	if t.index, f = index.read(r, "index", n); f != nil {
		return nil, f.on(c)
	}
	last := int64(0)
	for _, x := range t.index {
		if x < last {
			return nil, c.failf(errArg, "the index %v falls", t.index)
		}
		last = x
	}
	if t.edges, f = edges.read(r, "edges", last); f != nil {
		return nil, f.on(c)
	}
	for _, e := range t.edges {
		if e < 0 || e >= n {
			return nil, c.failf(errArg, "an edge leads to rank %d of %d", e, n)
		}
	}
	return t, nil
}

// MPI_Graph_create(comm, nnodes, index[], edges[], reorder, *newcomm)
func graphCreate(r call, comm commArg, nnodes countArg, index, edges intsIn, reorder intArg,
	newcomm commOut) *failure {
	c, f := comm.of(r)
	if f != nil {
		return f
	}
	t, f := r.graphOf(c, nnodes, index, edges)
	if f != nil {
		return f
	}
	return r.withRanks(c, t, int64(len(t.index)), newcomm)
}

// MPI_Graph_map(comm, nnodes, index[], edges[], *newrank)
func graphMap(r call, comm commArg, nnodes countArg, index, edges intsIn, newrank intOut) *failure {
	c, f := comm.of(r)
	if f != nil {
		return f
	}
	t, f := r.graphOf(c, nnodes, index, edges)
	if f != nil {
		return f
	}
	return r.mapped(c, int64(len(t.index)), newrank)
}

func (v commArg) graph(r call) (*comm, *topology, *failure) {
	return v.withTopology(r, topoGraph, "graph")
}

// MPI_Graphdims_get(comm, *nnodes, *nedges)
func graphdimsGet(r call, comm commArg, nnodes, nedges intOut) *failure {
	c, t, f := comm.graph(r)
	if f != nil {
		return f
	}
	if f := nnodes.put(r, "nnodes", int32(len(t.index))); f != nil {
		return f.on(c)
	}
	return nedges.put(r, "nedges", int32(len(t.edges))).on(c)
}

// MPI_Graph_get(comm, maxindex, maxedges, index[], edges[])
func graphGet(r call, comm commArg, maxindex, maxedges countArg, index, edges intsOut) *failure {
	c, t, f := comm.graph(r)
	if f != nil {
		return f
	}
	n, m := maxindex.upTo(r, len(t.index)), maxedges.upTo(r, len(t.edges))
	if f := index.put(r, "index", t.index[:n]); f != nil {
		return f.on(c)
	}
	return edges.put(r, "edges", t.edges[:m]).on(c)
}

// adjacent gives a rank's edges in a graph.
func (t *topology) adjacent(rank match.Rank) []int64 {
	first := int64(0)
	if rank > 0 {
		first = t.index[rank-1]
	}
	return t.edges[first:t.index[rank]]
}

// MPI_Graph_neighbors_count(comm, rank, *count)
func graphNeighborsCount(r call, comm commArg, rank rankArg, nneighbors intOut) *failure {
	c, t, f := comm.graph(r)
	if f != nil {
		return f
	}
	if f := c.checkPeer(rank.rank()); f != nil {
		return f
	}
	return nneighbors.put(r, "count", int32(len(t.adjacent(rank.rank())))).on(c)
}

// MPI_Graph_neighbors(comm, rank, max, neighbors[])
func graphNeighbors(r call, comm commArg, rank rankArg, maxneighbors countArg, neighbors intsOut) *failure {
	c, t, f := comm.graph(r)
	if f != nil {
		return f
	}
	if f := c.checkPeer(rank.rank()); f != nil {
		return f
	}
	v := t.adjacent(rank.rank())
	return neighbors.put(r, "neighbors", v[:maxneighbors.upTo(r, len(v))]).on(c)
}
