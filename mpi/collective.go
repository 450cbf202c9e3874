package mpi

import (
	"github.com/faasmrun/faasmrun/mpi/coll"
	"github.com/faasmrun/faasmrun/mpi/match"
)

// collective says which collective a participant called.
type collective uint8

const (
	collAgree collective = iota // on a new communicator
	collBarrier
	collBcast
	collGather
	collGatherv
	collScatter
	collScatterv
	collAllgather
	collAllgatherv
	collAlltoall
	collAlltoallv
	collAlltoallw
	collReduce
	collAllreduce
	collReduceScatter
	collReduceScatterBlock
	collScan
	collExscan
	collNeighborAllgather
	collNeighborAllgatherv
	collNeighborAlltoall
	collNeighborAlltoallv
	collNeighborAlltoallw
)

// rooted reports whether a collective has a root, and on which side of an intercommunicator its senders are.
type rooted uint8

const (
	notRooted rooted = iota
	fromRoot
	toRoot
)

// collectiveCall is one collective: its name, its arguments up to the communicator, which is the last, its algorithms,
// and the function that checks the arguments.
type collectiveCall struct {
	name      string
	params    int  // how many, of the blocking form
	large     bool // there is a _c function, too
	rooted    rooted
	algorithm *coll.Algorithm
	inline    *coll.Inline // for small data; nil if there is none
	describe  func(a args, c *comm, p *part) *failure
}

// collectives are all of them. The nonblocking and persistent forms take the same arguments and then some.
var collectives = [...]collectiveCall{
	collBarrier:       {"Barrier", 1, false, notRooted, &coll.Barrier, &coll.BarrierInline, describeBarrier},
	collBcast:         {"Bcast", 5, true, fromRoot, &coll.Bcast, &coll.BcastInline, describeBcast},
	collGather:        {"Gather", 8, true, toRoot, &coll.Gather, &coll.GatherInline, describeGather},
	collGatherv:       {"Gatherv", 9, true, toRoot, &coll.Gather, nil, describeGatherv},
	collScatter:       {"Scatter", 8, true, fromRoot, &coll.Scatter, &coll.ScatterInline, describeScatter},
	collScatterv:      {"Scatterv", 9, true, fromRoot, &coll.Scatter, nil, describeScatterv},
	collAllgather:     {"Allgather", 7, true, notRooted, &coll.Allgather, &coll.AllgatherInline, describeAllgather},
	collAllgatherv:    {"Allgatherv", 8, true, notRooted, &coll.Allgather, nil, describeAllgatherv},
	collAlltoall:      {"Alltoall", 7, true, notRooted, &coll.Alltoall, &coll.AlltoallInline, describeAlltoall},
	collAlltoallv:     {"Alltoallv", 9, true, notRooted, &coll.Alltoall, nil, describeAlltoallv},
	collAlltoallw:     {"Alltoallw", 9, true, notRooted, &coll.Alltoall, nil, describeAlltoallw},
	collReduce:        {"Reduce", 7, true, toRoot, &coll.Reduce, &coll.ReduceInline, describeReduce},
	collAllreduce:     {"Allreduce", 6, true, notRooted, &coll.Allreduce, &coll.AllreduceInline, describeAllreduce},
	collReduceScatter: {"Reduce_scatter", 6, true, notRooted, &coll.ReduceScatter, nil, describeReduceScatter},
	collReduceScatterBlock: {"Reduce_scatter_block", 6, true, notRooted, &coll.ReduceScatter, nil,
		describeReduceScatterBlock},
	collScan:   {"Scan", 6, true, notRooted, &coll.Scan, &coll.ScanInline, describeScan},
	collExscan: {"Exscan", 6, true, notRooted, &coll.Exscan, &coll.ExscanInline, describeScan},
	collNeighborAllgather: {"Neighbor_allgather", 7, true, notRooted, &coll.NeighbourAllgather, nil,
		describeNeighborAllgather},
	collNeighborAllgatherv: {"Neighbor_allgatherv", 8, true, notRooted, &coll.NeighbourAllgather, nil,
		describeNeighborAllgatherv},
	collNeighborAlltoall: {"Neighbor_alltoall", 7, true, notRooted, &coll.NeighbourAlltoall, nil,
		describeNeighborAlltoall},
	collNeighborAlltoallv: {"Neighbor_alltoallv", 9, true, notRooted, &coll.NeighbourAlltoall, nil,
		describeNeighborAlltoallv},
	collNeighborAlltoallw: {"Neighbor_alltoallw", 9, true, notRooted, &coll.NeighbourAlltoall, nil,
		describeNeighborAlltoallw},
}

// commArg is the index of a collective's communicator among its arguments.
func (k collective) commArg() int { return collectives[k].params - 1 }

// blocking makes the blocking form of a collective.
func blocking(kind collective) func(*Rank, args) *failure {
	comm := kind.commArg()
	return func(r *Rank, a args) *failure {
		c, p, f := a.part(kind, comm)
		if f != nil {
			return f
		}
		return r.enter(c, p, nil)
	}
}

// nonblocking makes the nonblocking form, with a request behind the communicator. The last rank to arrive does the
// work, so none has to come back for it.
func nonblocking(kind collective) func(*Rank, args) *failure {
	comm := kind.commArg()
	return func(r *Rank, a args) *failure {
		if f := a.roomForWord(comm+1, "request"); f != nil {
			return f
		}
		c, p, f := a.part(kind, comm)
		if f != nil {
			return f
		}
		q := r.newRequest(requestCollective, c)
		if f := a.expose(comm+1, q); f != nil {
			return f
		}
		return r.enter(c, p, q)
	}
}

// part checks a collective's arguments and describes the caller's part. Errors found here concern the caller alone: it
// has not taken part.
func (a args) part(kind collective, comm int) (*comm, *part, *failure) {
	c, f := a.comm(comm)
	if f != nil {
		return nil, nil, f
	}
	p := &a.r.draft
	p.reset(kind)
	f = collectives[kind].describe(a, c, p).on(c)
	if f == nil && a.r.check != nil {
		a.r.check.aliased(p)
	}
	return c, p, f
}

// repeated makes n blocks of the same count, one after the other. Without a block the address means nothing.
func (a args) repeated(address, count, datatype int, n int64, b *blocks) *failure {
	if n == 0 {
		return a.noBlocks(count, datatype, b)
	}
	s, f := a.span(address, count, datatype)
	if f != nil {
		return f
	}
	all := s
	if all.count *= n; s.count > maxSpanBytes/n || !all.inside() {
		return all.outside()
	}
	b.span, b.number = s, n
	return nil
}

// noBlocks checks what there is to check of a count and a datatype of which nothing is moved.
func (a args) noBlocks(count, datatype int, b *blocks) *failure {
	if n := a.count(count); n < 0 {
		return failf(errCount, "invalid count %d", n)
	}
	t, f := a.committed(datatype)
	b.span, b.number = span{mem: a.r.host.Memory(), typ: t}, 0
	return f
}

// vector makes n blocks of different counts and displacements, in elements of one datatype.
func (a args) vector(address, counts, displs, datatype int, n int64, b *blocks) *failure {
	t, f := a.committed(datatype)
	if f != nil {
		return f
	}
	if f := a.blockArrays(counts, displs, n, t.extent(), a.wide, b); f != nil {
		return f
	}
	return a.checkBlocks(address, t, b)
}

// blockArrays reads counts, 64 bits wide in a _c function, and displacements, which are an int or an MPI_Aint, in units
// of so many bytes.
func (a args) blockArrays(counts, displs int, n, unit int64, aints bool, b *blocks) *failure {
	width := int64(4)
	if a.wide {
		width = 8
	}
	if n == 0 {
		b.counts, b.displs = []int64{}, []int64{}
		return nil
	}
	c, f := a.pointer(counts, "counts", n*width)
	if f != nil {
		return f
	}
	size := int64(4)
	if aints {
		size = 8
	}
	d, f := a.pointer(displs, "displacements", n*size)
	if f != nil {
		return f
	}
	for i := range int(n) {
		x := element(c, i, a.wide)
		if x < 0 {
			return failf(errCount, "invalid count %d of block %d", x, i)
		}
		b.counts = append(b.counts, x)
		b.displs = append(b.displs, times(element(d, i, aints), unit))
	}
	return nil
}

// checkBlocks checks that all blocks lie in memory.
func (a args) checkBlocks(address int, t *datatype, b *blocks) *failure {
	b.span = span{mem: a.r.host.Memory(), addr: int64(a.address(address)), typ: t}
	b.number = int64(len(b.counts))
	for i := range b.counts {
		if s := b.at(i); !s.inside() || b.span.addr == bottom && s.typ.kind != kindNone && s.count > 0 {
			return failf(errBuffer, "block %d at %#x, %d of %s, is outside the memory of %d bytes", i, s.addr, s.count,
				s.typ.title(), len(s.mem))
		}
	}
	return nil
}

func (a args) committed(i int) (*datatype, *failure) {
	t, f := a.anyType(i)
	if f == nil && !t.committed {
		f = failf(errType, "the datatype %s is not committed", t.title())
	}
	return t, f
}

// typed makes n blocks of different counts, displacements in bytes, as an int or an MPI_Aint, and datatypes.
func (a args) typed(address, counts, displs, types int, n int64, aints bool, b *blocks) *failure {
	handles, f := a.handles(types, n)
	if f != nil {
		return f
	}
	for i := range n {
		t, f := a.r.anyType(handles.get(i))
		if f != nil {
			return f
		}
		if !t.committed {
			return failf(errType, "the datatype %s of block %d is not committed", t.title(), i)
		}
		b.types = append(b.types, t)
	}
	if f := a.blockArrays(counts, displs, n, 1, aints, b); f != nil {
		return f
	}
	return a.checkBlocks(address, byteType, b)
}

func (a args) isInPlace(i int) bool { return a.address(i) == inPlace }

// mpiRoot is MPI_ROOT.
const mpiRoot match.Rank = -4

// role is what a rank is in a collective with a root.
type role uint8

const (
	roleOther role = iota
	roleRoot
	roleIdle // on the root's side of an intercommunicator
)

// root reads the root of a collective.
func (a args) root(i int, c *comm, p *part) (role, *failure) {
	root := a.rank(i)
	if c.remote == nil {
		if !c.group.has(root) {
			return 0, c.failf(errRoot, "invalid root %d (%s has %d ranks)", root, c.title(), c.group.size())
		}
		p.root = int(root)
		if root == c.rank {
			return roleRoot, nil
		}
		return roleOther, nil
	}
	switch {
	case root == mpiRoot:
		p.root = c.member
		return roleRoot, nil
	case root == procNull:
		p.root = unknownRoot
		return roleIdle, nil
	case !c.remote.has(root):
		return 0, c.failf(errRoot, "invalid root %d (the other group of %s has %d ranks)", root, c.title(), c.remote.size())
	}
	p.root = int(root)
	if !c.behind {
		p.root += len(c.group.ranks)
	}
	return roleOther, nil
}

// sends reports whether a rank sends in an operation towards the root: in an intercommunicator the root does not.
func (c *comm) sends(role role) bool { return role == roleOther || role == roleRoot && c.remote == nil }

// blocks is the number of blocks in an operation of all with all.
func (c *comm) blocks() int64 { return int64(c.peers().size()) }

// inPlaceArg checks the use of MPI_IN_PLACE.
func (a args) inPlaceArg(i int, c *comm, p *part) *failure {
	if p.inPlace = a.isInPlace(i); p.inPlace && c.remote != nil {
		return failf(errBuffer, "MPI_IN_PLACE is not allowed with an intercommunicator")
	}
	return nil
}

func describeBarrier(args, *comm, *part) *failure { return nil }

// (buffer, count, datatype, root, comm)
func describeBcast(a args, c *comm, p *part) *failure {
	role, f := a.root(3, c, p)
	switch {
	case f != nil || role == roleIdle:
		return f
	case role == roleRoot:
		return a.repeated(0, 1, 2, 1, &p.send)
	}
	return a.repeated(0, 1, 2, 1, &p.recv)
}

// (sendbuf, sendcount, sendtype, recvbuf, recvcount, recvtype, root, comm); the receive arguments mean something at the
// root only, where MPI_IN_PLACE says that the block is there already.
func describeGather(a args, c *comm, p *part) *failure {
	role, f := a.root(6, c, p)
	if f != nil || role == roleIdle {
		return f
	}
	if role == roleRoot {
		if f := a.inPlaceArg(0, c, p); f != nil {
			return f
		}
		if f := a.repeated(3, 4, 5, c.blocks(), &p.recv); f != nil {
			return f
		}
	}
	if p.inPlace || !c.sends(role) {
		return nil
	}
	return a.repeated(0, 1, 2, 1, &p.send)
}

// (sendbuf, sendcount, sendtype, recvbuf, recvcounts[], displs[], recvtype, root, comm)
func describeGatherv(a args, c *comm, p *part) *failure {
	role, f := a.root(7, c, p)
	if f != nil || role == roleIdle {
		return f
	}
	if role == roleRoot {
		if f := a.inPlaceArg(0, c, p); f != nil {
			return f
		}
		if f := a.vector(3, 4, 5, 6, c.blocks(), &p.recv); f != nil {
			return f
		}
	}
	if p.inPlace || !c.sends(role) {
		return nil
	}
	return a.repeated(0, 1, 2, 1, &p.send)
}

// as MPI_Gather; the send arguments mean something at the root only.
func describeScatter(a args, c *comm, p *part) *failure {
	role, f := a.root(6, c, p)
	if f != nil || role == roleIdle {
		return f
	}
	if role == roleRoot {
		if f := a.inPlaceArg(3, c, p); f != nil {
			return f
		}
		if f := a.repeated(0, 1, 2, c.blocks(), &p.send); f != nil {
			return f
		}
	}
	if p.inPlace || !c.sends(role) {
		return nil
	}
	return a.repeated(3, 4, 5, 1, &p.recv)
}

// (sendbuf, sendcounts[], displs[], sendtype, recvbuf, recvcount, recvtype, root, comm)
func describeScatterv(a args, c *comm, p *part) *failure {
	role, f := a.root(7, c, p)
	if f != nil || role == roleIdle {
		return f
	}
	if role == roleRoot {
		if f := a.inPlaceArg(4, c, p); f != nil {
			return f
		}
		if f := a.vector(0, 1, 2, 3, c.blocks(), &p.send); f != nil {
			return f
		}
	}
	if p.inPlace || !c.sends(role) {
		return nil
	}
	return a.repeated(4, 5, 6, 1, &p.recv)
}

// (sendbuf, sendcount, sendtype, recvbuf, recvcount, recvtype, comm)
func describeAllgather(a args, c *comm, p *part) *failure {
	if f := a.repeated(3, 4, 5, c.blocks(), &p.recv); f != nil {
		return f
	}
	return a.gathered(0, 1, 2, c, p)
}

// gathered describes what a rank sends to all, which is in its receive buffer if it says MPI_IN_PLACE.
func (a args) gathered(address, count, datatype int, c *comm, p *part) *failure {
	if f := a.inPlaceArg(address, c, p); f != nil {
		return f
	}
	if p.inPlace {
		p.send.span, p.send.number = p.recv.at(int(c.rank)), 1
		return nil
	}
	return a.repeated(address, count, datatype, 1, &p.send)
}

// (sendbuf, sendcount, sendtype, recvbuf, recvcounts[], displs[], recvtype, comm)
func describeAllgatherv(a args, c *comm, p *part) *failure {
	if f := a.vector(3, 4, 5, 6, c.blocks(), &p.recv); f != nil {
		return f
	}
	return a.gathered(0, 1, 2, c, p)
}

// as MPI_Allgather
func describeAlltoall(a args, c *comm, p *part) *failure {
	if f := a.repeated(3, 4, 5, c.blocks(), &p.recv); f != nil {
		return f
	}
	if f := a.inPlaceArg(0, c, p); f != nil || p.inPlace {
		return f
	}
	return a.repeated(0, 1, 2, c.blocks(), &p.send)
}

// (sendbuf, sendcounts[], sdispls[], sendtype, recvbuf, recvcounts[], rdispls[], recvtype, comm)
func describeAlltoallv(a args, c *comm, p *part) *failure {
	p.kind = collAlltoall
	if f := a.vector(4, 5, 6, 7, c.blocks(), &p.recv); f != nil {
		return f
	}
	if f := a.inPlaceArg(0, c, p); f != nil || p.inPlace {
		return f
	}
	return a.vector(0, 1, 2, 3, c.blocks(), &p.send)
}

// (sendbuf, sendcounts[], sdispls[], sendtypes[], recvbuf, recvcounts[], rdispls[], recvtypes[], comm)
func describeAlltoallw(a args, c *comm, p *part) *failure {
	p.kind = collAlltoall
	if f := a.typed(4, 5, 6, 7, c.blocks(), a.wide, &p.recv); f != nil {
		return f
	}
	if f := a.inPlaceArg(0, c, p); f != nil || p.inPlace {
		return f
	}
	return a.typed(0, 1, 2, 3, c.blocks(), a.wide, &p.send)
}

// (sendbuf, recvbuf, count, datatype, op, root, comm)
func describeReduce(a args, c *comm, p *part) *failure {
	role, f := a.root(5, c, p)
	if f != nil || role == roleIdle {
		return f
	}
	return a.reduction(c, p, c.sends(role), role == roleRoot)
}

// (sendbuf, recvbuf, count, datatype, op, comm)
func describeAllreduce(a args, c *comm, p *part) *failure { return a.reduction(c, p, true, true) }

// as MPI_Allreduce, but not for intercommunicators
func describeScan(a args, c *comm, p *part) *failure {
	if c.remote != nil {
		return c.failf(errComm, "%s is an intercommunicator", c.title())
	}
	return a.reduction(c, p, true, true)
}

// reduction describes (sendbuf, recvbuf, count, datatype, op).
func (a args) reduction(c *comm, p *part, sends, receives bool) *failure {
	if f := a.operation(4, 3, p); f != nil {
		return f
	}
	p.count = a.count(2)
	if a.vectors(p, sends, receives) {
		return nil
	}
	if receives {
		if f := a.repeated(1, 2, 3, 1, &p.recv); f != nil {
			return f
		}
		if f := a.inPlaceArg(0, c, p); f != nil {
			return f
		}
		if p.inPlace {
			p.send.span, p.send.number = p.recv.span, 1
			return nil
		}
	}
	if !sends {
		return nil
	}
	return a.repeated(0, 2, 3, 1, &p.send)
}

// vectors is the fast path for the two buffers of (sendbuf, recvbuf, count): small data that is plainly valid. The rest
// it leaves to the general path.
func (a args) vectors(p *part, sends, receives bool) bool {
	if !p.typ.contiguous || uint64(p.count) > slotLimit {
		return false
	}
	mem := a.r.host.Memory()
	in, out, n := int64(a.address(0)), int64(a.address(1)), p.count*p.typ.size
	if sends && (in <= inPlace || in+n > int64(len(mem))) || receives && (out <= inPlace || out+n > int64(len(mem))) ||
		a.isInPlace(0) {
		return false
	}
	if sends {
		p.send.span, p.send.number = span{mem, in, p.count, p.typ}, 1
	}
	if receives {
		p.recv.span, p.recv.number = span{mem, out, p.count, p.typ}, 1
	}
	return true
}

// (sendbuf, recvbuf, recvcount, datatype, op, comm)
func describeReduceScatterBlock(a args, c *comm, p *part) *failure {
	if f := a.operation(4, 3, p); f != nil {
		return f
	}
	if f := a.repeated(1, 2, 3, 1, &p.recv); f != nil {
		return f
	}
	return a.scattered(c, p, p.recv.span.count*int64(c.group.size()))
}

// (sendbuf, recvbuf, recvcounts[], datatype, op, comm)
func describeReduceScatter(a args, c *comm, p *part) *failure {
	if f := a.operation(4, 3, p); f != nil {
		return f
	}
	n := int64(c.group.size())
	counts, f := a.array(2, "counts", n, a.wide)
	if f != nil {
		return f
	}
	total := int64(0)
	for i, x := range counts {
		if x < 0 || x > maxSpanBytes {
			return failf(errCount, "invalid count %d of rank %d", x, i)
		}
		total += x
		p.recv.counts = append(p.recv.counts, x)
		p.recv.displs = append(p.recv.displs, 0)
	}
	s, f := a.r.span(a.address(1), counts[c.rank], p.typ)
	if f != nil {
		return f
	}
	p.recv.span = s
	return a.scattered(c, p, total)
}

// scattered describes the whole vector that a rank brings to MPI_Reduce_scatter. In place it lies where the result
// goes, and is brought as a copy, made when the collective begins.
func (a args) scattered(c *comm, p *part, total int64) *failure {
	p.count = total
	if f := a.inPlaceArg(0, c, p); f != nil {
		return f
	}
	address := a.address(0)
	if p.inPlace {
		address = a.address(1)
	}
	s, f := a.r.span(address, total, p.typ)
	if f != nil {
		return f
	}
	p.send.span, p.send.number, p.copySend = s, 1, p.inPlace
	return nil
}

// clone is a copy of the memory a span covers, as a span.
func (s span) clone() span {
	if s.bytes() == 0 {
		return s
	}
	low, high := s.reach()
	s.mem = append([]byte(nil), s.mem[low:high]...)
	s.addr -= low
	return s
}

// operation reads the operation and the datatype of a reduction and checks that they go together.
func (a args) operation(opArg, datatype int, p *part) *failure {
	o, f := a.r.op(a.handle(opArg))
	if f != nil {
		return f
	}
	t, f := a.committed(datatype)
	if f != nil {
		return f
	}
	if o.code != opUser && kernels[o.code][t.kind] == nil {
		return failf(errOp, "%s is not defined for %s", o.title(), t.title())
	}
	p.op, p.typ, p.typeHandle = o, t, a.handle(datatype)
	return nil
}
