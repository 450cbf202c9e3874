package mpi

import "github.com/faasmrun/faasmrun/mpi/match"

// The neighbourhood collectives (MPI 5.0, chapter 8.6): each process sends to its neighbours in a topology and receives
// from them.

// edge is one neighbour: its rank, or MPI_PROC_NULL, and which of the neighbour's blocks lies on the same edge.
type edge struct {
	rank  int64
	block int
}

// incoming gives the edges on which a rank receives, in order. With several edges between two ranks of a graph the k-th
// one out is the k-th one in. In a grid what goes down in a dimension arrives from above.
func (t *topology) incoming(rank match.Rank, of func(int) *topology) []edge {
	var edges []edge
	switch t.kind {
	case topoCart:
		for d := range t.dims {
			for side, step := range []int64{-1, 1} {
				coords := t.coords(int64(rank))
				coords[d] += step
				edges = append(edges, edge{t.rank(coords), 2*d + 1 - side})
			}
		}
		return edges
	case topoGraph:
		seen := map[int64]int{}
		for _, from := range t.adjacent(rank) {
			edges = append(edges, edge{from, occurrence(t.adjacent(match.Rank(from)), int64(rank), seen[from])})
			seen[from]++
		}
		return edges
	}
	seen := map[int64]int{}
	for _, from := range t.in.ranks {
		edges = append(edges, edge{from, occurrence(of(int(from)).out.ranks, int64(rank), seen[from])})
		seen[from]++
	}
	return edges
}

// occurrence is the index of a value's k-th occurrence in a list, or -1.
func occurrence(list []int64, value int64, k int) int {
	for i, x := range list {
		if x == value {
			if k == 0 {
				return i
			}
			k--
		}
	}
	return -1
}

// degrees are how many edges a rank receives and sends on.
func (c *comm) degrees() (in, out int64) {
	t := c.topology
	switch t.kind {
	case topoCart:
		return int64(2 * len(t.dims)), int64(2 * len(t.dims))
	case topoGraph:
		n := int64(len(t.adjacent(c.rank)))
		return n, n
	}
	return int64(len(t.in.ranks)), int64(len(t.out.ranks))
}

func (mv *mover) Incoming(to int, edge func(slot, from, block int)) {
	p := &mv.inst.parts[to]
	t := p.comm.topology
	for slot, e := range t.incoming(p.comm.rank, func(i int) *topology { return mv.inst.parts[i].comm.topology }) {
		if e.rank == int64(procNull) {
			continue
		}
		if e.block < 0 {
			mv.inst.fail(p, failf(errTopology, "rank %d of %s receives from rank %d, which does not send to it", to,
				p.comm.title(), e.rank))
			continue
		}
		edge(slot, int(e.rank), e.block)
	}
}

// neighbours checks that the communicator has a topology and gives the degrees.
func (c *comm) neighbours() (in, out int64, f *failure) {
	if c.topology == nil {
		return 0, 0, c.failf(errTopology, "%s has no topology", c.title())
	}
	in, out = c.degrees()
	return in, out, nil
}

// The descriptions of the neighbourhood collectives, with their arguments as those of chapter 6 have them.

func describeNeighborAllgather(r call, c *comm, p *part, sendbuf bufIn, sendcount countArg, sendtype typeArg,
	recvbuf bufOut, recvcount countArg, recvtype typeArg) *failure {
	in, out, f := c.neighbours()
	if f != nil {
		return f
	}
	if f := r.repeated(recvbuf.address(), recvcount, recvtype, in, &p.recv); f != nil {
		return f
	}
	return r.repeated(sendbuf.address(), sendcount, sendtype, min(out, 1), &p.send)
}

func describeNeighborAllgatherv(r call, c *comm, p *part, sendbuf bufIn, sendcount countArg, sendtype typeArg,
	recvbuf bufOut, recvcounts countsIn, displs displsIn, recvtype typeArg) *failure {
	p.kind = collNeighborAllgather
	in, out, f := c.neighbours()
	if f != nil {
		return f
	}
	if f := r.vector(recvbuf.address(), recvcounts, displs, recvtype, in, &p.recv); f != nil {
		return f
	}
	return r.repeated(sendbuf.address(), sendcount, sendtype, min(out, 1), &p.send)
}

func describeNeighborAlltoall(r call, c *comm, p *part, sendbuf bufIn, sendcount countArg, sendtype typeArg,
	recvbuf bufOut, recvcount countArg, recvtype typeArg) *failure {
	in, out, f := c.neighbours()
	if f != nil {
		return f
	}
	if f := r.repeated(recvbuf.address(), recvcount, recvtype, in, &p.recv); f != nil {
		return f
	}
	return r.repeated(sendbuf.address(), sendcount, sendtype, out, &p.send)
}

func describeNeighborAlltoallv(r call, c *comm, p *part, sendbuf bufIn, sendcounts countsIn, sdispls displsIn,
	sendtype typeArg, recvbuf bufOut, recvcounts countsIn, rdispls displsIn, recvtype typeArg) *failure {
	p.kind = collNeighborAlltoall
	in, out, f := c.neighbours()
	if f != nil {
		return f
	}
	if f := r.vector(recvbuf.address(), recvcounts, rdispls, recvtype, in, &p.recv); f != nil {
		return f
	}
	return r.vector(sendbuf.address(), sendcounts, sdispls, sendtype, out, &p.send)
}

// describeNeighborAlltoallw: the displacements are MPI_Aint.
func describeNeighborAlltoallw(r call, c *comm, p *part, sendbuf bufIn, sendcounts countsIn, sdispls aintsIn,
	sendtypes typesIn, recvbuf bufOut, recvcounts countsIn, rdispls aintsIn, recvtypes typesIn) *failure {
	p.kind = collNeighborAlltoall
	in, out, f := c.neighbours()
	if f != nil {
		return f
	}
	if f := r.typed(recvbuf.address(), recvcounts, uint64(rdispls), true, recvtypes, in, &p.recv); f != nil {
		return f
	}
	return r.typed(sendbuf.address(), sendcounts, uint64(sdispls), true, sendtypes, out, &p.send)
}
