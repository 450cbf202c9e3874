package mpi

import "github.com/faasmrun/faasmrun/mpi/coll"

// collective says which collective a participant called.
type collective uint8

const (
	collBarrier collective = iota
	collBcast
	collGather
	collScatter
	collAllgather
	collAlltoall
	collReduce
	collAllreduce
)

// collectives gives each its algorithm, where its communicator stands among the arguments, and how the arguments become
// a participant's part.
var collectives = [...]struct {
	name      string
	algorithm *coll.Algorithm
	comm      int
	describe  func(a args, c *comm, p *part) *failure
}{
	collBarrier:   {"MPI_Barrier", &coll.Barrier, 0, describeBarrier},
	collBcast:     {"MPI_Bcast", &coll.Bcast, 4, describeBcast},
	collGather:    {"MPI_Gather", &coll.Gather, 7, describeGather},
	collScatter:   {"MPI_Scatter", &coll.Scatter, 7, describeScatter},
	collAllgather: {"MPI_Allgather", &coll.Allgather, 6, describeAllgather},
	collAlltoall:  {"MPI_Alltoall", &coll.Alltoall, 6, describeAlltoall},
	collReduce:    {"MPI_Reduce", &coll.Reduce, 6, describeReduce},
	collAllreduce: {"MPI_Allreduce", &coll.Allreduce, 5, describeAllreduce},
}

// blocking makes the blocking form of a collective.
func blocking(kind collective) func(*Rank, args) *failure {
	return func(r *Rank, a args) *failure {
		c, p, f := a.part(kind)
		if f != nil {
			return f
		}
		return r.meet(c, p, nil)
	}
}

// part checks a collective's arguments and describes the caller's part. Errors found here concern the caller alone: it has
// not taken part.
func (a args) part(kind collective) (*comm, *part, *failure) {
	c, f := a.comm(collectives[kind].comm)
	if f != nil {
		return nil, nil, f
	}
	p := &a.r.draft
	p.kind, p.root, p.op, p.inPlace = kind, 0, nil, false
	p.send.clear()
	p.recv.clear()
	return c, p, collectives[kind].describe(a, c, p).on(c)
}

// repeated makes n blocks of the same count, one after the other.
func (a args) repeated(address, count, datatype int, n int64, b *blocks) *failure {
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

func (a args) isInPlace(i int) bool { return a.address(i) == inPlace }

func describeBarrier(a args, c *comm, p *part) *failure { return nil }

// (buffer, count, datatype, root, comm)
func describeBcast(a args, c *comm, p *part) *failure {
	p.root = a.int(3)
	if f := c.checkRoot(p.root); f != nil {
		return f
	}
	if p.root == c.rank {
		return a.repeated(0, 1, 2, 1, &p.send)
	}
	return a.repeated(0, 1, 2, 1, &p.recv)
}

// (sendbuf, sendcount, sendtype, recvbuf, recvcount, recvtype, root, comm); the receive arguments mean something at the root
// only, where MPI_IN_PLACE says that the block is there already.
func describeGather(a args, c *comm, p *part) *failure {
	p.root = a.int(6)
	if f := c.checkRoot(p.root); f != nil {
		return f
	}
	if p.root == c.rank {
		p.inPlace = a.isInPlace(0)
		if f := a.repeated(3, 4, 5, int64(c.group.size()), &p.recv); f != nil || p.inPlace {
			return f
		}
	}
	return a.repeated(0, 1, 2, 1, &p.send)
}

// as MPI_Gather; the send arguments mean something at the root only.
func describeScatter(a args, c *comm, p *part) *failure {
	p.root = a.int(6)
	if f := c.checkRoot(p.root); f != nil {
		return f
	}
	if p.root == c.rank {
		p.inPlace = a.isInPlace(3)
		if f := a.repeated(0, 1, 2, int64(c.group.size()), &p.send); f != nil || p.inPlace {
			return f
		}
	}
	return a.repeated(3, 4, 5, 1, &p.recv)
}

// (sendbuf, sendcount, sendtype, recvbuf, recvcount, recvtype, comm)
func describeAllgather(a args, c *comm, p *part) *failure {
	if f := a.repeated(3, 4, 5, int64(c.group.size()), &p.recv); f != nil {
		return f
	}
	if p.inPlace = a.isInPlace(0); p.inPlace {
		p.send.span, p.send.number = p.recv.at(int(c.rank)), 1
		return nil
	}
	return a.repeated(0, 1, 2, 1, &p.send)
}

// as MPI_Allgather
func describeAlltoall(a args, c *comm, p *part) *failure {
	n := int64(c.group.size())
	if f := a.repeated(3, 4, 5, n, &p.recv); f != nil {
		return f
	}
	if p.inPlace = a.isInPlace(0); p.inPlace {
		return nil
	}
	return a.repeated(0, 1, 2, n, &p.send)
}

// (sendbuf, recvbuf, count, datatype, op, root, comm)
func describeReduce(a args, c *comm, p *part) *failure {
	p.root = a.int(5)
	if f := c.checkRoot(p.root); f != nil {
		return f
	}
	return a.reduction(4, p, p.root == c.rank)
}

// (sendbuf, recvbuf, count, datatype, op, comm)
func describeAllreduce(a args, c *comm, p *part) *failure { return a.reduction(4, p, true) }

// reduction describes (sendbuf, recvbuf, count, datatype, op).
func (a args) reduction(opArg int, p *part, receives bool) *failure {
	var f *failure
	if p.op, f = a.op(opArg, 3); f != nil {
		return f
	}
	if receives {
		if f := a.repeated(1, 2, 3, 1, &p.recv); f != nil {
			return f
		}
		if p.inPlace = a.isInPlace(0); p.inPlace {
			p.send.span, p.send.number = p.recv.span, 1
			return nil
		}
	}
	return a.repeated(0, 2, 3, 1, &p.send)
}

// op finds the operation of an argument and checks that it is defined for the datatype of another.
func (a args) op(i, datatype int) (*op, *failure) {
	o, f := a.r.op(a.handle(i))
	if f != nil {
		return nil, f
	}
	t, f := a.datatype(datatype)
	if f != nil {
		return nil, f
	}
	if kernels[o.code][t.kind] == nil {
		return nil, failf(errOp, "%s is not defined for %s", o.name, t.title())
	}
	return o, nil
}

func (r *Rank) op(handle uint32) (*op, *failure) {
	if i := handle - opNull; i < uint32(len(namedOps)) && namedOps[i] != nil {
		return namedOps[i], nil
	}
	if handle == opNull {
		return nil, failf(errOp, "the operation is MPI_OP_NULL")
	}
	return nil, failf(errOp, "%#x is no operation, or was freed", handle)
}
