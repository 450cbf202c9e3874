package mpi

import (
	"sync/atomic"

	"github.com/faasmrun/faasmrun/mpi/datatype"
)

// The fast path of blocking collectives is for contiguous data on a communicator whose members use slots: no part is
// described, and nothing is kept of the call unless it is broken off. Then, and where it finds another member's
// mistake, it leaves the rest to the general path, at stageOut. Whatever is not plainly in order, from an invalid
// pointer to a row that is not free, is the general path's from the beginning.

// fastCollectives are the functions that have it.
var fastCollectives = map[collective]func(call, []uint64) bool{collBarrier: barrierFast, collBcast: bcastFast,
	collGather: gatherFast, collScatter: scatterFast, collAllgather: allgatherFast, collAlltoall: alltoallFast,
	collReduce: reduceFast, collAllreduce: allreduceFast}

// slotted finds a communicator whose members may be using slots in this call; nil if that is not plain. Of threads that
// may call at once the general path sees which is in a collective.
func (r call) slotted(comm commArg) *comm {
	c := comm.fast(r)
	if c == nil || !c.usesSlots(r.Rank) || r.stats != nil || r.resume != nil || r.mover.inUserOp || r.holds {
		return nil
	}
	return c
}

// slotPiece gives the memory of a buffer if it is valid, contiguous and goes through slots.
func (r call) slotPiece(at uint64, count countArg, datatype typeArg) (data []byte, ok bool) {
	data, ok = r.inlinePiece(at, count, datatype)
	return data, ok && len(data) <= slotLimit && at != inPlace
}

// putSmall publishes what the caller calls and sends, and gives the round's row; nil, with nothing done, if none
// is free.
func (r call) putSmall(c *comm, kind collective, root int, code datatype.Op, typ datatype.Kind, data []byte) *row {
	s := &c.instances.slots
	if !c.freeRow(c.round + 1) {
		// A member that is as far ahead as it can be lets the others catch up by some rounds: one look for all of these.
		ahead := aheadOf(c.round + 1)
		if !s.few() || !r.spin(scopeAll, func() bool { return s.complete(ahead) }) {
			return nil
		}
		c.seen = ahead
	}
	c.round++
	c.sequence++
	row := s.row(c.round)
	mine := &row.slots[c.member]
	mine.kind, mine.inline, mine.root, mine.code, mine.typ = kind, true, int32(root), code, typ
	mine.past, mine.bytes = c.past, uint16(len(data))
	copy(row.storage(c.member, len(data)), data)
	r.publish(c, row)
	return row
}

// slotsCome waits for other members' slots, and reports whether they are there: if the call is broken off, the general
// path begins with that once more.
func (r call) slotsCome(c *comm, announced *atomic.Uint64, scope waitScope, done func() bool) bool {
	if done() || !r.isBrokenOff(c, announced, scope, done) {
		return true
	}
	r.enters(stageOut)
	r.toSuspend.Store(true)
	return false
}

// isBrokenOff waits for other members' slots, and reports whether that was broken off.
func (r call) isBrokenOff(c *comm, announced *atomic.Uint64, scope waitScope, done func() bool) (broken bool) {
	outer := r.resumable
	r.resumable = true
	defer func() { r.resumable = outer }()
	defer r.catch(&broken)
	r.awaitSlots(c, announced, scope, done)
	return false
}

// awaitAll waits until all members have come to the round, and reports whether they have and have called the same.
func (r call) awaitAll(c *comm, row *row) bool {
	few := c.instances.slots.few()
	done := func() bool { return row.done.Load() >= c.round }
	if few {
		done = func() bool { return c.instances.slots.complete(c.round) }
	}
	if !r.slotsCome(c, &row.waits, scopeAll, done) {
		return false
	}
	c.seen = c.round
	if few && row.different() >= 0 || !few && row.diverged >= 0 {
		r.enters(stageOut)
		return false
	}
	return true
}

// rootCame waits until the root has come to the round, and reports whether it has and has called the same.
func (r call) rootCame(c *comm, row *row, root int) bool {
	theirs := &row.slots[root]
	if !r.slotsCome(c, &row.awaited[root], scopeOne, func() bool { return theirs.round.Load() == uint32(c.round) }) {
		return false
	}
	if !row.slots[c.member].agrees(theirs) {
		r.enters(stageOut)
		return false
	}
	return true
}

// barrierFast does MPI_Barrier, or a part of it that is kept, and reports whether it is done.
func barrierFast(r call, s []uint64) bool {
	c := r.slotted(commArg(s[0]))
	if c == nil {
		return false
	}
	row := r.putSmall(c, collBarrier, 0, 0, 0, nil)
	if row == nil || !r.awaitAll(c, row) {
		return false
	}
	c.remember(collBarrier, 0, nil)
	return true
}

// bcastFast does MPI_Bcast, or a part of it that is kept, and reports whether it is done.
func bcastFast(r call, s []uint64) bool {
	c, root := r.slotted(commArg(s[4])), rankArg(s[3]).rank()
	data, ok := r.slotPiece(s[0], countArg(s[1]), typeArg(s[2]))
	if c == nil || !ok || !c.group.Has(root) {
		return false
	}
	from := int(root)
	if from == c.member {
		if r.putSmall(c, collBcast, from, 0, 0, data) == nil {
			return false
		}
	} else {
		row := r.putSmall(c, collBcast, from, 0, 0, nil)
		if row == nil || !r.rootCame(c, row, from) {
			return false
		}
		theirs := row.data(from)
		if len(theirs) > len(data) {
			r.enters(stageOut)
			return false
		}
		copy(data, theirs)
		r.world.fabric.Moved(c.group.Ranks[from], r.rank, int64(len(theirs)))
	}
	c.remember(collBcast, from, nil)
	return true
}

// smallReduction are the arguments of a reduction of small data by a predefined operation. The result's memory is not
// looked at where the caller receives none.
func (r call) smallReduction(s []uint64, receives bool) (in, out []byte, code datatype.Op, typ datatype.Kind, ok bool) {
	count, datatype := countArg(s[2]), typeArg(s[3])
	if in, ok = r.slotPiece(s[0], count, datatype); !ok {
		return
	}
	if receives {
		if out, ok = r.slotPiece(s[1], count, datatype); !ok {
			return
		}
	}
	i := opArg(s[4]).handle() - opNull
	if i >= uint32(len(namedOps)) || namedOps[i] == nil {
		return in, out, 0, 0, false
	}
	code, typ = namedOps[i].code, datatype.named().Kind()
	return in, out, code, typ, code.Kernel(typ) != nil
}

// reduceFast does MPI_Reduce, or a part of it that is kept, and reports whether it is done.
func reduceFast(r call, s []uint64) bool {
	c, root := r.slotted(commArg(s[6])), rankArg(s[5]).rank()
	if c == nil || !c.group.Has(root) {
		return false
	}
	to := int(root)
	in, out, code, typ, ok := r.smallReduction(s, to == c.member)
	if !ok {
		return false
	}
	row := r.putSmall(c, collReduce, to, code, typ, in)
	if row == nil {
		return false
	}
	if to == c.member {
		if !r.awaitAll(c, row) {
			return false
		}
		r.combineSmall(row, out)
	}
	c.remember(collReduce, to, nil)
	return true
}

// allreduceFast does MPI_Allreduce, or a part of it that is kept, and reports whether it is done.
func allreduceFast(r call, s []uint64) bool {
	c := r.slotted(commArg(s[5]))
	if c == nil {
		return false
	}
	in, out, code, typ, ok := r.smallReduction(s, true)
	if !ok {
		return false
	}
	row := r.putSmall(c, collAllreduce, 0, code, typ, in)
	if row == nil || !r.awaitAll(c, row) {
		return false
	}
	if c.instances.slots.few() {
		r.combineSmall(row, out)
	} else {
		copy(out, row.result[:len(out)])
	}
	c.remember(collAllreduce, 0, nil)
	return true
}

// slotBlocks gives the memory of so many blocks, one behind the other, if they are valid and contiguous.
func (r call) slotBlocks(at uint64, count countArg, datatype typeArg, blocks int) (b smallBlocks, ok bool) {
	t, n := datatype.named(), uint64(count.of(r))
	if t == nil || !t.Contiguous() || n > slotLimit {
		return b, false
	}
	mem := r.main.host.Memory()
	size := n * uint64(t.Size())
	all := size * uint64(blocks)
	if at <= inPlace || at < r.lowest || at > uint64(len(mem)) || all > uint64(len(mem))-at ||
		!r.open(at, all) {
		return b, false
	}
	return smallBlocks{mem[at : at+all : at+all], int(size)}, true
}

// smallBlocks are blocks of a size in bytes, one behind the other.
type smallBlocks struct {
	mem  []byte
	size int
}

// take copies one of the equal parts of a member's data into a block, and reports whether it is as long.
func (r call) take(b smallBlocks, block int, c *comm, row *row, from, part, parts int) bool {
	data := row.data(from)
	if len(data) != b.size*parts {
		r.enters(stageOut)
		return false
	}
	copy(b.mem[block*b.size:], data[part*b.size:(part+1)*b.size])
	if from != c.member {
		r.world.fabric.Moved(c.group.Ranks[from], r.rank, int64(b.size))
	}
	return true
}

// takeAll copies the same part of each member's data into its block, and reports whether all are as long.
func (r call) takeAll(b smallBlocks, c *comm, row *row, part, parts int) bool {
	for from := range row.slots {
		if !r.take(b, from, c, row, from, part, parts) {
			return false
		}
	}
	return true
}

// gatherFast does MPI_Gather, or a part of it that is kept, and reports whether it is done.
func gatherFast(r call, s []uint64) bool {
	c, root := r.slotted(commArg(s[7])), rankArg(s[6]).rank()
	in, ok := r.slotPiece(s[0], countArg(s[1]), typeArg(s[2]))
	if c == nil || !ok || !c.group.Has(root) {
		return false
	}
	to := int(root)
	var out smallBlocks
	if to == c.member {
		if out, ok = r.slotBlocks(s[3], countArg(s[4]), typeArg(s[5]), len(c.group.Ranks)); !ok {
			return false
		}
	}
	row := r.putSmall(c, collGather, to, 0, 0, in)
	if row == nil || to == c.member && (!r.awaitAll(c, row) || !r.takeAll(out, c, row, 0, 1)) {
		return false
	}
	c.remember(collGather, to, nil)
	return true
}

// scatterFast does MPI_Scatter, or a part of it that is kept, and reports whether it is done.
func scatterFast(r call, s []uint64) bool {
	c, root := r.slotted(commArg(s[7])), rankArg(s[6]).rank()
	if c == nil || !c.group.Has(root) {
		return false
	}
	from, n := int(root), len(c.group.Ranks)
	out, ok := r.slotBlocks(s[3], countArg(s[4]), typeArg(s[5]), 1)
	if !ok || out.size*n > slotLimit {
		return false
	}
	var in smallBlocks
	if from == c.member {
		if in, ok = r.slotBlocks(s[0], countArg(s[1]), typeArg(s[2]), n); !ok || in.size != out.size {
			return false
		}
	}
	row := r.putSmall(c, collScatter, from, 0, 0, in.mem)
	if row == nil || from != c.member && !r.rootCame(c, row, from) || !r.take(out, 0, c, row, from, c.member, n) {
		return false
	}
	c.remember(collScatter, from, nil)
	return true
}

// allgatherFast does MPI_Allgather, or a part of it that is kept, and reports whether it is done.
func allgatherFast(r call, s []uint64) bool {
	c := r.slotted(commArg(s[6]))
	in, ok := r.slotPiece(s[0], countArg(s[1]), typeArg(s[2]))
	if c == nil || !ok {
		return false
	}
	out, ok := r.slotBlocks(s[3], countArg(s[4]), typeArg(s[5]), len(c.group.Ranks))
	if !ok {
		return false
	}
	row := r.putSmall(c, collAllgather, 0, 0, 0, in)
	if row == nil || !r.awaitAll(c, row) || !r.takeAll(out, c, row, 0, 1) {
		return false
	}
	c.remember(collAllgather, 0, nil)
	return true
}

// alltoallFast does MPI_Alltoall, or a part of it that is kept, and reports whether it is done.
func alltoallFast(r call, s []uint64) bool {
	c := r.slotted(commArg(s[6]))
	if c == nil {
		return false
	}
	n := len(c.group.Ranks)
	in, ok := r.slotBlocks(s[0], countArg(s[1]), typeArg(s[2]), n)
	if !ok || len(in.mem) > slotLimit {
		return false
	}
	out, ok := r.slotBlocks(s[3], countArg(s[4]), typeArg(s[5]), n)
	if !ok {
		return false
	}
	row := r.putSmall(c, collAlltoall, 0, 0, 0, in.mem)
	if row == nil || !r.awaitAll(c, row) || !r.takeAll(out, c, row, c.member, n) {
		return false
	}
	c.remember(collAlltoall, 0, nil)
	return true
}

// combineSmall puts the combination of all slots into the result. It is made beside: a kernel wants aligned memory.
func (r call) combineSmall(row *row, out []byte) {
	result := r.own.of(len(out))
	combine(result, row, len(row.slots))
	copy(out, result)
}
