package mpi

import (
	"reflect"
	"slices"

	"github.com/faasmrun/faasmrun/mpi/coll"
	"github.com/faasmrun/faasmrun/mpi/datatype"
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

// collectiveCall is one collective: its name, its algorithms, and the function that checks its arguments, which are
// those before the communicator.
type collectiveCall struct {
	name      string
	large     bool // there is a _c function, too
	rooted    rooted
	algorithm *coll.Algorithm
	inline    *coll.Inline // for small data; nil if there is none
	describe  description
}

// collectives are all of them. The nonblocking and persistent forms take the same arguments and then some.
var collectives = [...]collectiveCall{
	collBarrier:  {"Barrier", false, notRooted, &coll.Barrier, &coll.BarrierInline, describes0(describeBarrier)},
	collBcast:    {"Bcast", true, fromRoot, &coll.Bcast, &coll.BcastInline, describes4(describeBcast)},
	collGather:   {"Gather", true, toRoot, &coll.Gather, &coll.GatherInline, describes7(describeGather)},
	collGatherv:  {"Gatherv", true, toRoot, &coll.Gather, nil, describes8(describeGatherv)},
	collScatter:  {"Scatter", true, fromRoot, &coll.Scatter, &coll.ScatterInline, describes7(describeScatter)},
	collScatterv: {"Scatterv", true, fromRoot, &coll.Scatter, nil, describes8(describeScatterv)},
	collAllgather: {"Allgather", true, notRooted, &coll.Allgather, &coll.AllgatherInline,
		describes6(describeAllgather)},
	collAllgatherv: {"Allgatherv", true, notRooted, &coll.Allgather, nil, describes7(describeAllgatherv)},
	collAlltoall:   {"Alltoall", true, notRooted, &coll.Alltoall, &coll.AlltoallInline, describes6(describeAlltoall)},
	collAlltoallv:  {"Alltoallv", true, notRooted, &coll.Alltoall, nil, describes8(describeAlltoallv)},
	collAlltoallw:  {"Alltoallw", true, notRooted, &coll.Alltoall, nil, describes8(describeAlltoallw)},
	collReduce:     {"Reduce", true, toRoot, &coll.Reduce, &coll.ReduceInline, describes6(describeReduce)},
	collAllreduce: {"Allreduce", true, notRooted, &coll.Allreduce, &coll.AllreduceInline,
		describes5(describeAllreduce)},
	collReduceScatter: {"Reduce_scatter", true, notRooted, &coll.ReduceScatter, nil, describes5(describeReduceScatter)},
	collReduceScatterBlock: {"Reduce_scatter_block", true, notRooted, &coll.ReduceScatter, nil,
		describes5(describeReduceScatterBlock)},
	collScan:   {"Scan", true, notRooted, &coll.Scan, &coll.ScanInline, describes5(describeScan)},
	collExscan: {"Exscan", true, notRooted, &coll.Exscan, &coll.ExscanInline, describes5(describeScan)},
	collNeighborAllgather: {"Neighbor_allgather", true, notRooted, &coll.NeighbourAllgather, nil,
		describes6(describeNeighborAllgather)},
	collNeighborAllgatherv: {"Neighbor_allgatherv", true, notRooted, &coll.NeighbourAllgather, nil,
		describes7(describeNeighborAllgatherv)},
	collNeighborAlltoall: {"Neighbor_alltoall", true, notRooted, &coll.NeighbourAlltoall, nil,
		describes6(describeNeighborAlltoall)},
	collNeighborAlltoallv: {"Neighbor_alltoallv", true, notRooted, &coll.NeighbourAlltoall, nil,
		describes8(describeNeighborAlltoallv)},
	collNeighborAlltoallw: {"Neighbor_alltoallw", true, notRooted, &coll.NeighbourAlltoall, nil,
		describes8(describeNeighborAlltoallw)},
}

// description is the function that checks a collective's arguments and describes the caller's part by them, and the
// kinds of the arguments. c is the communicator, which is the argument behind them.
type description struct {
	kinds    []reflect.Type
	describe func(r call, arguments []uint64, c *comm, p *part) *failure
}

// with are the kinds of a collective's arguments, and of those behind.
func (d description) with(behind ...reflect.Type) []reflect.Type {
	return slices.Concat(d.kinds, behind)
}

// blocking makes the blocking form of a collective.
func blocking(kind collective) function {
	d := collectives[kind].describe
	n := len(d.kinds)
	return function{kinds: d.with(kindOf[commArg]()), call: func(r call, s []uint64) *failure {
		c, p, f := r.part(kind, s[:n], commArg(s[n]))
		if f != nil {
			return f
		}
		return r.enter(c, p)
	}}
}

// nonblocking makes the nonblocking form, with a request behind the communicator. In shared memory the last rank to
// arrive does the work, so none has to come back for it.
func nonblocking(kind collective) function {
	d := collectives[kind].describe
	n := len(d.kinds)
	return function{kinds: d.with(kindOf[commArg](), kindOf[requestOut]()), call: func(r call, s []uint64) *failure {
		request := requestOut(s[n+1])
		if f := request.room(r, "request"); f != nil {
			return f
		}
		c, p, f := r.part(kind, s[:n], commArg(s[n]))
		if f != nil {
			return f
		}
		q := r.newRequest(requestCollective, c)
		if f := r.expose(request, q); f != nil {
			return f
		}
		if c.byMessages {
			return r.startScheduled(p, q)
		}
		return r.startAt(&c.sequence, c.instances, c, c.member, p, q)
	}}
}

// part checks a collective's arguments and describes the caller's part. Errors found here concern the caller alone: it
// has not taken part.
func (r call) part(kind collective, arguments []uint64, comm commArg) (*comm, *part, *failure) {
	c, f := comm.of(r)
	if f != nil {
		return nil, nil, f
	}
	p := &r.draft
	p.reset(kind)
	f = collectives[kind].describe.describe(r, arguments, c, p).on(c)
	if f == nil && r.check != nil {
		r.check.aliased(r.here(), p)
	}
	return c, p, f
}

// repeated makes n blocks of the same count, one after the other. Without a block the address means nothing.
func (r call) repeated(address uint64, count countArg, datatype typeArg, n int64, b *blocks) *failure {
	if n == 0 {
		return r.noBlocks(count, datatype, b)
	}
	s, f := r.spanAt(address, count, datatype)
	if f != nil {
		return f
	}
	if all, fits := s.Repeated(n); !fits || !r.mayTouch(&all) {
		return outside(&all, r.lowest)
	}
	b.span, b.number = s, n
	return nil
}

// noBlocks checks what there is to check of a count and a datatype of which nothing is moved.
func (r call) noBlocks(count countArg, datatype typeArg, b *blocks) *failure {
	if n := count.of(r); n < 0 {
		return failf(errCount, "invalid count %d", n)
	}
	t, f := datatype.committed(r)
	b.span, b.number = r.elements(0, 0, t), 0
	return f
}

// vector makes n blocks of different counts and displacements, in elements of one datatype.
func (r call) vector(address uint64, counts countsIn, displs displsIn, datatype typeArg, n int64, b *blocks) *failure {
	t, f := datatype.committed(r)
	if f != nil {
		return f
	}
	if f := r.blockArrays(counts, uint64(displs), r.large, n, t.Extent(), b); f != nil {
		return f
	}
	return r.checkBlocks(address, t, b)
}

// blockArrays reads counts, and displacements, which are an int or an MPI_Aint, in units of so many bytes.
func (r call) blockArrays(counts countsIn, displs uint64, aints bool, n, unit int64, b *blocks) *failure {
	width := int64(4)
	if r.large {
		width = 8
	}
	if n == 0 {
		b.counts, b.displs = []int64{}, []int64{}
		return nil
	}
	c, f := r.bytesAt(uint64(counts), "counts", n*width)
	if f != nil {
		return f
	}
	size := int64(4)
	if aints {
		size = 8
	}
	d, f := r.bytesAt(displs, "displacements", n*size)
	if f != nil {
		return f
	}
	for i := range int(n) {
		x := element(c, i, r.large)
		if x < 0 {
			return failf(errCount, "invalid count %d of block %d", x, i)
		}
		b.counts = append(b.counts, x)
		b.displs = append(b.displs, datatype.Displacement(element(d, i, aints), unit))
	}
	return nil
}

// checkBlocks checks that all blocks lie in memory.
func (r call) checkBlocks(address uint64, t *datatype.Type, b *blocks) *failure {
	b.span = r.elements(address, 0, t)
	b.number = int64(len(b.counts))
	for i := range b.counts {
		s := b.at(i)
		switch {
		case r.mayTouch(&s) && (b.span.Addr != bottom || s.Type.Derived() || s.Count == 0):
		case s.Inside(r.lowest) && s.Addr != bottom:
			return outside(&s, r.lowest)
		case s.Inside(0):
			return failf(errBuffer, "block %d at %#x, %d of %s, is at a null pointer", i, s.Addr, s.Count, s.Type.Title())
		default:
			return failf(errBuffer, "block %d at %#x, %d of %s, is outside the memory of %d bytes", i, s.Addr, s.Count,
				s.Type.Title(), len(s.Mem))
		}
	}
	return nil
}

// typed makes n blocks of different counts, displacements in bytes, as an int or an MPI_Aint, and datatypes.
func (r call) typed(address uint64, counts countsIn, displs uint64, aints bool, types typesIn, n int64,
	b *blocks) *failure {
	handles, f := types.handles(r, n)
	if f != nil {
		return f
	}
	for i := range n {
		t, f := r.anyType(handles.get(i))
		if f != nil {
			return f
		}
		if !t.Committed() {
			return failf(errType, "the datatype %s of block %d is not committed", t.Title(), i)
		}
		b.types = append(b.types, t)
	}
	if f := r.blockArrays(counts, displs, aints, n, 1, b); f != nil {
		return f
	}
	return r.checkBlocks(address, datatype.Byte(), b)
}

// mpiRoot is MPI_ROOT.
const mpiRoot match.Rank = -4

// role is what a rank is in a collective with a root.
type role uint8

const (
	roleOther role = iota
	roleRoot
	roleIdle // on the root's side of an intercommunicator
)

// root checks the root of a collective.
func (v rankArg) root(c *comm, p *part) (role, *failure) {
	root := v.rank()
	if c.remote == nil {
		if !c.group.Has(root) {
			return 0, c.failf(errRoot, "invalid root %d (%s has %d ranks)", root, c.title(), c.group.Size())
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
	case !c.remote.Has(root):
		return 0, c.failf(errRoot, "invalid root %d (the other group of %s has %d ranks)", root, c.title(), c.remote.Size())
	}
	p.root = int(root)
	if !c.behind {
		p.root += len(c.group.Ranks)
	}
	return roleOther, nil
}

// sends reports whether a rank sends in an operation towards the root: in an intercommunicator the root does not.
func (c *comm) sends(role role) bool { return role == roleOther || role == roleRoot && c.remote == nil }

// blocks is the number of blocks in an operation of all with all.
func (c *comm) blocks() int64 { return int64(c.peers().Size()) }

// checkInPlace checks the use of MPI_IN_PLACE.
func (p *part) checkInPlace(address uint64, c *comm) *failure {
	if p.inPlace = address == inPlace; p.inPlace && c.remote != nil {
		return failf(errBuffer, "MPI_IN_PLACE is not allowed with an intercommunicator")
	}
	return nil
}

// The descriptions of the collectives, with their arguments in the order of the standard (MPI 5.0, chapter 6).

func describeBarrier(call, *comm, *part) *failure { return nil }

func describeBcast(r call, c *comm, p *part, buffer bufRef, count countArg, datatype typeArg, root rankArg) *failure {
	role, f := root.root(c, p)
	switch {
	case f != nil || role == roleIdle:
		return f
	case role == roleRoot:
		return r.repeated(buffer.address(), count, datatype, 1, &p.send)
	}
	return r.repeated(buffer.address(), count, datatype, 1, &p.recv)
}

// describeGather: the receive arguments mean something at the root only, where MPI_IN_PLACE says that the block is
// there already.
func describeGather(r call, c *comm, p *part, sendbuf bufIn, sendcount countArg, sendtype typeArg, recvbuf bufOut,
	recvcount countArg, recvtype typeArg, root rankArg) *failure {
	role, f := root.root(c, p)
	if f != nil || role == roleIdle {
		return f
	}
	if role == roleRoot {
		if f := p.checkInPlace(sendbuf.address(), c); f != nil {
			return f
		}
		if f := r.repeated(recvbuf.address(), recvcount, recvtype, c.blocks(), &p.recv); f != nil {
			return f
		}
	}
	if p.inPlace || !c.sends(role) {
		return nil
	}
	return r.repeated(sendbuf.address(), sendcount, sendtype, 1, &p.send)
}

func describeGatherv(r call, c *comm, p *part, sendbuf bufIn, sendcount countArg, sendtype typeArg, recvbuf bufOut,
	recvcounts countsIn, displs displsIn, recvtype typeArg, root rankArg) *failure {
	role, f := root.root(c, p)
	if f != nil || role == roleIdle {
		return f
	}
	if role == roleRoot {
		if f := p.checkInPlace(sendbuf.address(), c); f != nil {
			return f
		}
		if f := r.vector(recvbuf.address(), recvcounts, displs, recvtype, c.blocks(), &p.recv); f != nil {
			return f
		}
	}
	if p.inPlace || !c.sends(role) {
		return nil
	}
	return r.repeated(sendbuf.address(), sendcount, sendtype, 1, &p.send)
}

// describeScatter: the send arguments mean something at the root only.
func describeScatter(r call, c *comm, p *part, sendbuf bufIn, sendcount countArg, sendtype typeArg, recvbuf bufOut,
	recvcount countArg, recvtype typeArg, root rankArg) *failure {
	role, f := root.root(c, p)
	if f != nil || role == roleIdle {
		return f
	}
	if role == roleRoot {
		if f := p.checkInPlace(recvbuf.address(), c); f != nil {
			return f
		}
		if f := r.repeated(sendbuf.address(), sendcount, sendtype, c.blocks(), &p.send); f != nil {
			return f
		}
	}
	if p.inPlace || !c.sends(role) {
		return nil
	}
	return r.repeated(recvbuf.address(), recvcount, recvtype, 1, &p.recv)
}

func describeScatterv(r call, c *comm, p *part, sendbuf bufIn, sendcounts countsIn, displs displsIn, sendtype typeArg,
	recvbuf bufOut, recvcount countArg, recvtype typeArg, root rankArg) *failure {
	role, f := root.root(c, p)
	if f != nil || role == roleIdle {
		return f
	}
	if role == roleRoot {
		if f := p.checkInPlace(recvbuf.address(), c); f != nil {
			return f
		}
		if f := r.vector(sendbuf.address(), sendcounts, displs, sendtype, c.blocks(), &p.send); f != nil {
			return f
		}
	}
	if p.inPlace || !c.sends(role) {
		return nil
	}
	return r.repeated(recvbuf.address(), recvcount, recvtype, 1, &p.recv)
}

func describeAllgather(r call, c *comm, p *part, sendbuf bufIn, sendcount countArg, sendtype typeArg, recvbuf bufOut,
	recvcount countArg, recvtype typeArg) *failure {
	if f := r.repeated(recvbuf.address(), recvcount, recvtype, c.blocks(), &p.recv); f != nil {
		return f
	}
	return r.gathered(c, p, sendbuf, sendcount, sendtype)
}

// gathered describes what a rank sends to all, which is in its receive buffer if it says MPI_IN_PLACE.
func (r call) gathered(c *comm, p *part, sendbuf bufIn, sendcount countArg, sendtype typeArg) *failure {
	if f := p.checkInPlace(sendbuf.address(), c); f != nil {
		return f
	}
	if p.inPlace {
		p.send.span, p.send.number = p.recv.at(int(c.rank)), 1
		return nil
	}
	return r.repeated(sendbuf.address(), sendcount, sendtype, 1, &p.send)
}

func describeAllgatherv(r call, c *comm, p *part, sendbuf bufIn, sendcount countArg, sendtype typeArg, recvbuf bufOut,
	recvcounts countsIn, displs displsIn, recvtype typeArg) *failure {
	if f := r.vector(recvbuf.address(), recvcounts, displs, recvtype, c.blocks(), &p.recv); f != nil {
		return f
	}
	return r.gathered(c, p, sendbuf, sendcount, sendtype)
}

func describeAlltoall(r call, c *comm, p *part, sendbuf bufIn, sendcount countArg, sendtype typeArg, recvbuf bufOut,
	recvcount countArg, recvtype typeArg) *failure {
	if f := r.repeated(recvbuf.address(), recvcount, recvtype, c.blocks(), &p.recv); f != nil {
		return f
	}
	if f := p.checkInPlace(sendbuf.address(), c); f != nil || p.inPlace {
		return f
	}
	return r.repeated(sendbuf.address(), sendcount, sendtype, c.blocks(), &p.send)
}

func describeAlltoallv(r call, c *comm, p *part, sendbuf bufIn, sendcounts countsIn, sdispls displsIn, sendtype typeArg,
	recvbuf bufOut, recvcounts countsIn, rdispls displsIn, recvtype typeArg) *failure {
	p.kind = collAlltoall
	if f := r.vector(recvbuf.address(), recvcounts, rdispls, recvtype, c.blocks(), &p.recv); f != nil {
		return f
	}
	if f := p.checkInPlace(sendbuf.address(), c); f != nil || p.inPlace {
		return f
	}
	return r.vector(sendbuf.address(), sendcounts, sdispls, sendtype, c.blocks(), &p.send)
}

func describeAlltoallw(r call, c *comm, p *part, sendbuf bufIn, sendcounts countsIn, sdispls displsIn,
	sendtypes typesIn, recvbuf bufOut, recvcounts countsIn, rdispls displsIn, recvtypes typesIn) *failure {
	p.kind = collAlltoall
	n := c.blocks()
	if f := r.typed(recvbuf.address(), recvcounts, uint64(rdispls), r.large, recvtypes, n, &p.recv); f != nil {
		return f
	}
	if f := p.checkInPlace(sendbuf.address(), c); f != nil || p.inPlace {
		return f
	}
	return r.typed(sendbuf.address(), sendcounts, uint64(sdispls), r.large, sendtypes, n, &p.send)
}

func describeReduce(r call, c *comm, p *part, sendbuf bufIn, recvbuf bufOut, count countArg, datatype typeArg, op opArg,
	root rankArg) *failure {
	role, f := root.root(c, p)
	if f != nil || role == roleIdle {
		return f
	}
	return r.reduction(c, p, sendbuf, recvbuf, count, datatype, op, c.sends(role), role == roleRoot)
}

func describeAllreduce(r call, c *comm, p *part, sendbuf bufIn, recvbuf bufOut, count countArg, datatype typeArg,
	op opArg) *failure {
	return r.reduction(c, p, sendbuf, recvbuf, count, datatype, op, true, true)
}

// describeScan is as MPI_Allreduce, but not for intercommunicators.
func describeScan(r call, c *comm, p *part, sendbuf bufIn, recvbuf bufOut, count countArg, datatype typeArg,
	op opArg) *failure {
	if c.remote != nil {
		return c.failf(errComm, "%s is an intercommunicator", c.title())
	}
	return r.reduction(c, p, sendbuf, recvbuf, count, datatype, op, true, true)
}

// reduction describes one vector that is sent, and one that is received.
func (r call) reduction(c *comm, p *part, sendbuf bufIn, recvbuf bufOut, count countArg, datatype typeArg, op opArg,
	sends, receives bool) *failure {
	if f := r.operation(op, datatype, p); f != nil {
		return f
	}
	p.count = count.of(r)
	if r.vectors(p, sendbuf, recvbuf, sends, receives) {
		return nil
	}
	if receives {
		if f := r.repeated(recvbuf.address(), count, datatype, 1, &p.recv); f != nil {
			return f
		}
		if f := p.checkInPlace(sendbuf.address(), c); f != nil {
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
	return r.repeated(sendbuf.address(), count, datatype, 1, &p.send)
}

// vectors is the fast path for the two buffers of a reduction. It reports whether it has taken them: small data that is
// plainly valid. The rest it leaves to the general path.
func (r call) vectors(p *part, sendbuf bufIn, recvbuf bufOut, sends, receives bool) bool {
	if !p.typ.Contiguous() || uint64(p.count) > slotLimit {
		return false
	}
	mem := r.main.host.Memory()
	in, out, n := int64(sendbuf), int64(recvbuf), p.count*p.typ.Size()
	low := max(int64(r.lowest), inPlace+1)
	if sends && (in < low || in+n > int64(len(mem))) || receives && (out < low || out+n > int64(len(mem))) ||
		sendbuf == inPlace || sends && !r.open(uint64(in), uint64(n)) || receives && !r.open(uint64(out), uint64(n)) {
		return false
	}
	if sends {
		p.send.span, p.send.number = datatype.Span{Mem: mem, Addr: in, Count: p.count, Type: p.typ}, 1
	}
	if receives {
		p.recv.span, p.recv.number = datatype.Span{Mem: mem, Addr: out, Count: p.count, Type: p.typ}, 1
	}
	return true
}

func describeReduceScatterBlock(r call, c *comm, p *part, sendbuf bufIn, recvbuf bufOut, recvcount countArg,
	datatype typeArg, op opArg) *failure {
	if f := r.operation(op, datatype, p); f != nil {
		return f
	}
	if f := r.repeated(recvbuf.address(), recvcount, datatype, 1, &p.recv); f != nil {
		return f
	}
	return r.scattered(c, p, sendbuf, recvbuf, p.recv.span.Count*int64(c.group.Size()))
}

func describeReduceScatter(r call, c *comm, p *part, sendbuf bufIn, recvbuf bufOut, recvcounts countsIn,
	datatype typeArg, op opArg) *failure {
	if f := r.operation(op, datatype, p); f != nil {
		return f
	}
	n := int64(c.group.Size())
	counts, f := recvcounts.read(r, "counts", n)
	if f != nil {
		return f
	}
	total := int64(0)
	for i, x := range counts {
		if !inMemory(x) {
			return failf(errCount, "invalid count %d of rank %d", x, i)
		}
		total += x
		p.recv.counts = append(p.recv.counts, x)
		p.recv.displs = append(p.recv.displs, 0)
	}
	s, f := r.span(recvbuf.address(), counts[c.rank], p.typ)
	if f != nil {
		return f
	}
	p.recv.span = s
	return r.scattered(c, p, sendbuf, recvbuf, total)
}

// inMemory reports whether a memory could hold so many elements.
func inMemory(n int64) bool { return n >= 0 && n <= datatype.MaxSpanBytes }

// scattered describes the whole vector that a rank brings to MPI_Reduce_scatter. In place it lies where the result
// goes, and is brought as a copy, made when the collective begins.
func (r call) scattered(c *comm, p *part, sendbuf bufIn, recvbuf bufOut, total int64) *failure {
	p.count = total
	if f := p.checkInPlace(sendbuf.address(), c); f != nil {
		return f
	}
	address := sendbuf.address()
	if p.inPlace {
		address = recvbuf.address()
	}
	s, f := r.span(address, total, p.typ)
	if f != nil {
		return f
	}
	p.send.span, p.send.number, p.copySend = s, 1, p.inPlace
	return nil
}

// operation reads the operation and the datatype of a reduction and checks that they go together.
func (r call) operation(op opArg, datatype typeArg, p *part) *failure {
	o, f := op.of(r)
	if f != nil {
		return f
	}
	t, f := datatype.committed(r)
	if f != nil {
		return f
	}
	if !o.isUser() && o.code.Kernel(t.Kind()) == nil {
		return failf(errOp, "%s is not defined for %s", o.title(), t.Title())
	}
	p.op, p.typ, p.typeHandle = *o, t, datatype.handle()
	return nil
}
