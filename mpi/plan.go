package mpi

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/faasmrun/faasmrun/mpi/coll/schedule"
	"github.com/faasmrun/faasmrun/mpi/datatype"
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
	if p.agreement != 0 { // among them all, whichever side they are on
		all.Group = schedule.Range{First: 0, Count: p.participants(c)}
		all.Peers, all.Me = all.Group, p.number(c, c.group.Ranks[c.rank])
	}
	if collectives[p.kind].rooted == notRooted {
		all.Root = schedule.NoRoot
	}
	if p.reduces() {
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
	if p.reduces() {
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

// members is how many participants a collective on the communicator has.
func (c *comm) members() int {
	first, second := c.sides()
	if second == nil {
		return len(first.Ranks)
	}
	return len(first.Ranks) + len(second.Ranks)
}

// fits reports whether a part, of which nothing is known, may be brought to a collective by messages on a communicator.
// Where its blocks are is not looked at; see holds.
func (p *part) fits(c *comm) bool {
	kind, known := planKinds[p.kind]
	reduces := kind >= schedule.Reduce && kind <= schedule.Exscan
	neighbours := kind == schedule.NeighborAllgather || kind == schedule.NeighborAlltoall
	ok := known && c.context != 0 && reduces == (p.reduces() || p.root == schedule.NoRoot && kind == schedule.Reduce) &&
		(c.remote == nil || kind < schedule.Scan) && (!neighbours || c.topology != nil) &&
		p.root >= schedule.NoRoot && p.root < c.members() && (p.root >= 0 || c.remote != nil)
	if ok && p.agreement != 0 {
		return p.agrees(c)
	}
	if !ok || !p.reduces() {
		return ok
	}
	if size := max(p.typ.Size(), 1); p.count < 0 || p.count > datatype.MaxSpanBytes/size ||
		!p.op.isUser() && p.op.code.Kernel(p.typ.Kind()) == nil {
		return false
	}
	if p.kind != collReduceScatter {
		return true
	}
	left := p.count
	for _, n := range p.recv.counts {
		if left -= n; n < 0 || left < 0 {
			return false
		}
	}
	return left == 0 && len(p.recv.counts) == len(c.group.Ranks)
}

// agrees reports whether a part, of which nothing is known, is one of an agreement by messages on a communicator.
func (p *part) agrees(c *comm) bool {
	n := p.participants(c)
	if p.among != nil && !slices.Contains(p.among, c.group.Ranks[c.rank]) || p.recv.number != int64(n) {
		return false
	}
	if p.kind == collAllgather {
		return len(p.recv.counts) == 0 && p.recv.span.Bytes() == headBytes && len(p.recv.span.Mem) == n*headBytes
	}
	return p.kind == collAllgatherv && len(p.recv.counts) == n
}

// holds reports whether a step, of which nothing is known, is between members and on memory of the collective.
func (s *scheduled) holds(c *comm, step *schedule.Step) bool {
	switch step.Action {
	case schedule.Send, schedule.Receive:
		if step.Peer < 0 || step.Peer >= s.part.participants(c) {
			return false
		}
	case schedule.Load, schedule.Fold, schedule.Store:
		if !s.part.reduces() {
			return false
		}
	}
	to := step.Action == schedule.Receive || step.Action == schedule.Copy || step.Action == schedule.Store
	from := step.Action != schedule.Receive && step.Action != schedule.Store
	return (!to || s.has(&step.To)) && (!from || s.has(&step.From))
}

// has reports whether a region lies in its buffer.
func (s *scheduled) has(r *schedule.Region) bool {
	b := &s.part.recv
	if r.Buffer == schedule.SendBuffer {
		b = &s.part.send
	}
	if r.Length == 0 {
		return true
	}
	n := r.Length
	whole := r.Buffer != schedule.Scratch || n == schedule.Whole
	room := int64(len(s.scratch))
	if whole {
		number := b.number
		if len(b.counts) > 0 {
			number = int64(len(b.counts))
		}
		if b.span.Type == nil || !s.part.reduces() && int64(r.Block) >= number {
			return false
		}
		all := b.span
		if !s.part.reduces() {
			all = b.at(r.Block)
		}
		if n == schedule.Whole {
			n = all.Bytes()
		}
		if r.Buffer != schedule.Scratch {
			room = all.Bytes()
		}
	}
	return r.Offset >= 0 && n >= 0 && r.Offset <= room && n <= room-r.Offset
}
