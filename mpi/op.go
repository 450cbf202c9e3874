package mpi

import (
	"encoding/binary"
	"math"

	"github.com/faasmrun/faasmrun/mpi/datatype"
)

// op is a reduction operation. The predefined ones are shared by all ranks.
type op struct {
	code        datatype.Op // datatype.OpUser: the program made it
	commutative bool
	function    uint32 // table index of a user's function
	large       bool   // its length is an MPI_Count, not an int
}

const opNull = 0x20

// namedOps holds the predefined operations by the low bits of their handles.
var namedOps = func() (table [0x20]*op) {
	for _, o := range datatype.Ops() {
		table[o.Handle()-opNull] = &op{code: o, commutative: true}
	}
	return table
}()

// isUser reports whether the program made it.
func (o *op) isUser() bool { return o.code == datatype.OpUser }

func (o *op) title() string {
	if o.isUser() {
		return "an operation of the program"
	}
	return o.code.Name()
}

// op finds an operation.
func (r *Rank) op(handle uint32) (*op, *failure) {
	if i := handle - opNull; i < uint32(len(namedOps)) && namedOps[i] != nil {
		return namedOps[i], nil
	}
	if handle == opNull {
		return nil, failf(errOp, "the operation is MPI_OP_NULL")
	}
	if o := r.ops.get(kindOp, handle); o != nil {
		return o, nil
	}
	return nil, failf(errOp, "%#x is no operation, or was freed", handle)
}

// MPI_Op_create(function, commute, *op); the function is void f(void *in, void *inout, int *len, MPI_Datatype *), in
// the _c function with an MPI_Count *len.
func opCreate(r call, function funcArg, commute intArg, out opOut) *failure {
	if f := out.room(r, "op"); f != nil {
		return f
	}
	if function.index() == null {
		return failf(errArg, "the function is a null pointer")
	}
	handle, ok := r.ops.add(kindOp, &op{function: function.index(), commutative: commute.int() != 0,
		large: r.large})
	if !ok {
		return failf(errNoMem, "more than %d operations", maxObjects)
	}
	return out.put(r, "op", handle)
}

// MPI_Op_free(*op)
func opFree(r call, op opRef) *failure {
	handle, f := op.get(r, "op")
	if f != nil {
		return f
	}
	o, f := r.op(handle)
	if f != nil {
		return f
	}
	if !o.isUser() {
		return failf(errOp, "%s is predefined and cannot be freed", o.title())
	}
	r.ops.remove(handle)
	return op.put(r, "op", opNull)
}

// MPI_Op_commutative(op, *commute)
func opCommutative(r call, op opArg, commute flagOut) *failure {
	o, f := op.of(r)
	if f != nil {
		return f
	}
	return commute.put(r, "commute", o.commutative)
}

// MPI_Reduce_local(inbuf, inoutbuf, count, datatype, op)
func reduceLocal(r call, inbuf bufIn, inoutbuf bufRef, count countArg, datatype typeArg, op opArg) *failure {
	p := &r.draft
	p.reset(collReduce)
	if f := r.operation(op, datatype, p); f != nil {
		return f
	}
	in, f := r.spanAt(inbuf.address(), count, datatype)
	if f != nil {
		return f
	}
	out, f := r.spanAt(inoutbuf.address(), count, datatype)
	if f != nil || in.Count == 0 {
		return f
	}
	if !p.op.isUser() {
		p.op.code.Kernel(p.typ.Kind()).Reduce(&out, &in)
		return nil
	}
	words, f := r.words(0, uint64(datatype.handle()))
	if f != nil {
		return f
	}
	defer r.heap.release(words)
	r.userReduction(&p.op, &in, inbuf.address(), inoutbuf.address(), words)
	return nil
}

// userReduction calls the program's function for all elements of a span. One whose length is an int is called for no
// more at once than an int holds (MPI 5.0, chapter 6.9.5).
func (t *Thread) userReduction(o *op, all *datatype.Span, in, inout, words uint64) {
	extent := uint64(all.Type.Extent())
	for left := all.Count; left > 0; {
		n := left
		if !o.large {
			n = min(n, math.MaxInt32)
		}
		binary.LittleEndian.PutUint64(t.piece(words, wordSize), uint64(n))
		t.callUserOp(o, in, inout, words)
		in, inout, left = in+uint64(n)*extent, inout+uint64(n)*extent, left-n
	}
}

// callUserOp calls the program's function of an operation: inout = in op inout. words hold the length and the
// datatype. An exception or a longjmp may leave the function, which is over then, too.
func (t *Thread) callUserOp(o *op, in, inout, words uint64) {
	outer := t.mover.inUserOp // it may be called by another operation
	defer func() { t.mover.inUserOp = outer }()
	t.mover.inUserOp = true
	t.callBack(o.function, "llll", in, inout, words, words+wordSize)
}
