package mpi

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/faasmrun/faasmrun/mpi/coll/schedule"
	"github.com/faasmrun/faasmrun/mpi/match"
)

// planKinds are what collectives are to package schedule.
var planKinds = map[collective]schedule.Kind{collBarrier: schedule.Barrier, collBcast: schedule.Bcast,
	collGather: schedule.Gather, collGatherv: schedule.Gather, collScatter: schedule.Scatter,
	collScatterv: schedule.Scatter, collAllgather: schedule.Allgather, collAllgatherv: schedule.Allgather,
	collAlltoall: schedule.Alltoall, collReduce: schedule.Reduce, collAllreduce: schedule.Allreduce,
	collReduceScatter: schedule.ReduceScatter, collReduceScatterBlock: schedule.ReduceScatter,
	collScan: schedule.Scan, collExscan: schedule.Exscan, collNeighborAllgather: schedule.NeighborAllgather,
	collNeighborAlltoall: schedule.NeighborAlltoall}

// plan is the plan of what the rank brings to a collective on the communicator. With a failure there is one as well,
// which leaves nobody waiting.
func (c *comm) plan(p *part) (schedule.Plan, *failure) {
	first, second := c.sides()
	all := schedule.Plan{Me: c.member, Root: p.root, InPlace: p.inPlace, Bytes: p.planBytes(c),
		Group: schedule.Range{First: 0, Count: len(first.Ranks)}}
	all.Peers = all.Group
	if second != nil {
		all.Peers = schedule.Range{First: len(first.Ranks), Count: len(second.Ranks)}
		if c.behind {
			all.Group, all.Peers = all.Peers, all.Group
		}
	}
	if collectives[p.kind].rooted == notRooted {
		all.Root = schedule.NoRoot
	}
	if p.op != nil {
		all.Element = p.typ.Size()
	}
	if p.kind == collReduceScatter {
		all.Shares = []int64{0}
		for i, n := range p.recv.counts {
			all.Shares = append(all.Shares, all.Shares[i]+n*all.Element)
		}
	}
	if own := p.own(); p.kind == collBcast && own.span.Type != nil {
		all.Whole = !own.span.Type.Contiguous()
	}
	var f *failure
	if p.kind == collNeighborAllgather || p.kind == collNeighborAlltoall {
		all.In, all.Out, f = c.edges()
	}
	all.Choose(planKinds[p.kind], p.even())
	return all, f
}

// own is what a member sends, or where it receives, in a collective in which it does one of the two.
func (p *part) own() *blocks {
	if p.send.number > 0 {
		return &p.send
	}
	return &p.recv
}

// even reports whether all blocks have the length of one, as all members know it.
func (p *part) even() bool {
	switch p.kind {
	case collGatherv, collScatterv, collAllgatherv:
		return false
	}
	return len(p.recv.counts) == 0
}

// planBytes is the length of a block or vector, as all members know it; of blocks of several lengths that of the
// longest.
func (p *part) planBytes(c *comm) (n int64) {
	if p.op != nil {
		return p.count * p.typ.Size()
	}
	b := &p.recv
	switch p.kind {
	case collBcast, collGather, collGatherv, collScatter, collScatterv:
		if b = p.own(); p.root == c.member && collectives[p.kind].rooted == toRoot {
			b = &p.recv
		}
	}
	if b.span.Type == nil {
		return 0
	}
	for i := range b.counts {
		s := b.at(i)
		n = max(n, s.Bytes())
	}
	if len(b.counts) == 0 {
		n = b.span.Bytes()
	}
	return n
}

// edges are the rank's neighbours, in the order in which messages meet between any two. A neighbour that does not send
// is left out, as far as the rank knows it: only of a distributed graph does nobody know more than its own edges.
func (c *comm) edges() (in, out []schedule.Edge, f *failure) {
	t := c.topology
	if t.kind == topoDistGraph {
		return sides(t.in.ranks), sides(t.out.ranks), nil
	}
	incoming := t.incoming(c.rank, nil)
	slots := make([]int, len(incoming))
	for i := range slots {
		slots[i] = i
	}
	slices.SortStableFunc(slots, func(a, b int) int { return cmp.Compare(incoming[a].block, incoming[b].block) })
	for _, slot := range slots {
		switch e := incoming[slot]; {
		case e.rank == int64(procNull):
		case e.block < 0:
			f = c.failf(errTopology, "rank %d of %s receives from rank %d, which does not send to it", c.rank, c.title(), e.rank)
		default:
			in = append(in, schedule.Edge{Peer: int(e.rank), Block: slot})
		}
	}
	return in, t.outgoing(c.rank), f
}

func sides(ranks []int64) (edges []schedule.Edge) {
	for i, rank := range ranks {
		edges = append(edges, schedule.Edge{Peer: int(rank), Block: i})
	}
	return edges
}

// outgoing gives the edges on which a rank sends, in a grid or a graph, but for those whose other end does not receive.
func (t *topology) outgoing(rank match.Rank) (edges []schedule.Edge) {
	if t.kind == topoCart {
		for d := range t.dims {
			for side, step := range []int64{-1, 1} {
				coords := t.coords(int64(rank))
				coords[d] += step
				if to := t.rank(coords); to != int64(procNull) {
					edges = append(edges, schedule.Edge{Peer: int(to), Block: 2*d + side})
				}
			}
		}
		return edges
	}
	seen := map[int64]int{}
	for i, to := range t.adjacent(rank) {
		if occurrence(t.adjacent(match.Rank(to)), int64(rank), seen[to]) >= 0 {
			edges = append(edges, schedule.Edge{Peer: int(to), Block: i})
		}
		seen[to]++
	}
	return edges
}

// memberTitle names a participant of a collective: in an intercommunicator by its rank in its own group.
func (c *comm) memberTitle(i int) string {
	first, second := c.sides()
	switch {
	case second == nil:
		return fmt.Sprintf("rank %d", i)
	case i < len(first.Ranks):
		return fmt.Sprintf("rank %d of the first group", i)
	}
	return fmt.Sprintf("rank %d of the second group", i-len(first.Ranks))
}
