package mpi

import (
	"encoding/binary"
	"math"
)

// op is a reduction operation. The predefined ones are shared by all ranks.
type op struct {
	handle      uint32
	name        string
	code        opCode
	commutative bool
	function    uint32 // table index of a user's function
	large       bool   // its length is an MPI_Count, not an int
}

// opCode says which predefined operation, or that the user made it.
type opCode uint8

const (
	opUser opCode = iota
	opSum
	opMin
	opMax
	opProd
	opBand
	opBor
	opBxor
	opLand
	opLor
	opLxor
	opMinloc
	opMaxloc
	opReplace
	opNoOp
	opCodes
)

var predefinedOps = [...]op{
	{handle: 0x21, name: "MPI_SUM", code: opSum}, {handle: 0x22, name: "MPI_MIN", code: opMin},
	{handle: 0x23, name: "MPI_MAX", code: opMax}, {handle: 0x24, name: "MPI_PROD", code: opProd},
	{handle: 0x28, name: "MPI_BAND", code: opBand}, {handle: 0x29, name: "MPI_BOR", code: opBor},
	{handle: 0x2a, name: "MPI_BXOR", code: opBxor}, {handle: 0x30, name: "MPI_LAND", code: opLand},
	{handle: 0x31, name: "MPI_LOR", code: opLor}, {handle: 0x32, name: "MPI_LXOR", code: opLxor},
	{handle: 0x38, name: "MPI_MINLOC", code: opMinloc}, {handle: 0x39, name: "MPI_MAXLOC", code: opMaxloc},
	{handle: 0x3c, name: "MPI_REPLACE", code: opReplace}, {handle: 0x3d, name: "MPI_NO_OP", code: opNoOp},
}

const opNull = 0x20

var namedOps = func() (table [0x20]*op) {
	for i := range predefinedOps {
		o := &predefinedOps[i]
		o.commutative = true
		table[o.handle-opNull] = o
	}
	return table
}()

// kernel replaces each element of acc by acc op in. acc holds the result over lower ranks.
type kernel func(acc, in []byte)

// kernels has a kernel for each operation and elementary datatype that MPI 5.0 (chapter 6.9.2) allows together, and nil
// for the others. Beyond the standard MPI_CHAR counts as a C integer, as in other implementations.
var kernels = func() (table [opCodes][kinds]kernel) {
	integers[int8](&table, kindI8)
	integers[uint8](&table, kindU8)
	integers[int16](&table, kindI16)
	integers[uint16](&table, kindU16)
	integers[int32](&table, kindI32)
	integers[uint32](&table, kindU32)
	integers[int64](&table, kindI64)
	integers[uint64](&table, kindU64)
	integers128(&table)
	floats[float32](&table, kindF32)
	floats[float64](&table, kindF64)
	halves(&table)
	quads(&table)
	table[opSum][kindC64], table[opProd][kindC64] = add[complex64], multiplyComplex[complex64]
	table[opSum][kindC128], table[opProd][kindC128] = add[complex128], multiplyComplex[complex128]
	logicals[uint8](&table, kindL8)
	logicals[uint16](&table, kindL16)
	logicals[uint32](&table, kindL32)
	logicals[uint64](&table, kindL64)
	logicals[wide128](&table, kindL128)
	table[opBand][kindRaw], table[opBor][kindRaw], table[opBxor][kindRaw] = and[uint8], or[uint8], xor[uint8]
	pairs[int16, int32](&table, kindI16i)
	pairs[int32, int32](&table, kindI32i)
	pairs[int64, int32](&table, kindI64i)
	pairs[float32, int32](&table, kindF32i)
	pairs[float64, int32](&table, kindF64i)
	pairs[float32, float32](&table, kindF32f32)
	pairs[float64, float64](&table, kindF64f64)
	return table
}()

func (o *op) title() string {
	if o.code == opUser {
		return "an operation of the program"
	}
	return o.name
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
	if o.code != opUser {
		return failf(errOp, "%s is predefined and cannot be freed", o.name)
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
	if f != nil || in.count == 0 {
		return f
	}
	if p.op.code != opUser {
		reduceSpans(kernels[p.op.code][p.typ.kind], &out, &in)
		return nil
	}
	words, f := r.words(0, uint64(datatype.handle()))
	if f != nil {
		return f
	}
	defer r.heap.release(words)
	r.userReduction(p.op, &in, inbuf.address(), inoutbuf.address(), words)
	return nil
}

// userReduction calls the program's function for all elements of a span. One whose length is an int is called for no
// more at once than an int holds (MPI 5.0, chapter 6.9.5).
func (r *Rank) userReduction(o *op, all *span, in, inout, words uint64) {
	extent := uint64(all.typ.extent())
	for left := all.count; left > 0; {
		n := left
		if !o.large {
			n = min(n, math.MaxInt32)
		}
		binary.LittleEndian.PutUint64(r.piece(words, wordSize), uint64(n))
		r.callUserOp(o, in, inout, words)
		in, inout, left = in+uint64(n)*extent, inout+uint64(n)*extent, left-n
	}
}

// callUserOp calls the program's function of an operation: inout = in op inout. words hold the length and the
// datatype. An exception or a longjmp may leave the function, which is over then, too.
func (r *Rank) callUserOp(o *op, in, inout, words uint64) {
	outer := r.mover.inUserOp // it may be called by another operation
	defer func() { r.mover.inUserOp = outer }()
	r.mover.inUserOp = true
	r.callBack(o.function, "llll", in, inout, words, words+wordSize)
}

// reduceSpans applies a kernel. A last element whose type has a hole at its end may reach beyond the memory.
func reduceSpans(k kernel, out, in *span) {
	extent := out.typ.extent()
	n := out.count * extent
	inEnd, outEnd := in.addr+n, out.addr+n
	if size := int64(len(in.mem)); inEnd <= size && outEnd <= size {
		k(out.mem[out.addr:outEnd], in.mem[in.addr:inEnd])
		return
	}
	k(out.mem[out.addr:outEnd-extent], in.mem[in.addr:inEnd-extent])
	var x, y [32]byte
	copy(x[:extent], out.mem[outEnd-extent:])
	copy(y[:extent], in.mem[inEnd-extent:])
	k(x[:extent], y[:extent])
	copy(out.mem[outEnd-extent:], x[:extent])
}
