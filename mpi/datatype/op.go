package datatype

// Op is a predefined operation of reductions (MPI 5.0, chapter 6.9.2). The zero Op, OpUser, is none of them: one that
// the program made.
type Op uint8

const (
	OpUser Op = iota
	OpSum
	OpMin
	OpMax
	OpProd
	OpBand
	OpBor
	OpBxor
	OpLand
	OpLor
	OpLxor
	OpMinloc
	OpMaxloc
	OpReplace
	OpNoOp
	ops
)

// predefinedOps gives the handles of the ABI and the names.
var predefinedOps = [ops]struct {
	handle uint32
	name   string
}{
	OpSum: {0x21, "MPI_SUM"}, OpMin: {0x22, "MPI_MIN"}, OpMax: {0x23, "MPI_MAX"}, OpProd: {0x24, "MPI_PROD"},
	OpBand: {0x28, "MPI_BAND"}, OpBor: {0x29, "MPI_BOR"}, OpBxor: {0x2a, "MPI_BXOR"}, OpLand: {0x30, "MPI_LAND"},
	OpLor: {0x31, "MPI_LOR"}, OpLxor: {0x32, "MPI_LXOR"}, OpMinloc: {0x38, "MPI_MINLOC"}, OpMaxloc: {0x39, "MPI_MAXLOC"},
	OpReplace: {0x3c, "MPI_REPLACE"}, OpNoOp: {0x3d, "MPI_NO_OP"},
}

// Ops lists the predefined operations.
func Ops() []Op {
	var all []Op
	for o := OpUser + 1; o < ops; o++ {
		all = append(all, o)
	}
	return all
}

// Handle is the operation's in MPI's ABI.
func (o Op) Handle() uint32 { return predefinedOps[o].handle }

// Name is the standard's: "MPI_SUM".
func (o Op) Name() string { return predefinedOps[o].name }

// Kernel replaces each element of acc by acc op in. acc holds the result over lower ranks. Both are as many whole
// elements, extents apart; holes may be written too.
type Kernel func(acc, in []byte)

// Kernel is what the operation does with elements of a kind; nil where MPI does not allow the two together.
func (o Op) Kernel(k Kind) Kernel { return kernels[o][k] }

// kernels has a kernel for each operation and elementary datatype that MPI 5.0 (chapter 6.9.2) allows together, and nil
// for the others.
var kernels = func() kernelTable {
	table := plainKernels()
	vectorise(&table)
	return table
}()

// plainKernels are the kernels in Go alone. Beyond the standard MPI_CHAR counts as a C integer, as in other
// implementations.
func plainKernels() (table kernelTable) {
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
	table[OpSum][kindC64], table[OpProd][kindC64] = add[complex64], multiplyComplex[complex64]
	table[OpSum][kindC128], table[OpProd][kindC128] = add[complex128], multiplyComplex[complex128]
	logicals[uint8](&table, kindL8)
	logicals[uint16](&table, kindL16)
	logicals[uint32](&table, kindL32)
	logicals[uint64](&table, kindL64)
	logicals[wide128](&table, kindL128)
	table[OpBand][kindRaw], table[OpBor][kindRaw], table[OpBxor][kindRaw] = and[uint8], or[uint8], xor[uint8]
	pairs[int16, int32](&table, kindI16i)
	pairs[int32, int32](&table, kindI32i)
	pairs[int64, int32](&table, kindI64i)
	pairs[float32, int32](&table, kindF32i)
	pairs[float64, int32](&table, kindF64i)
	pairs[float32, float32](&table, kindF32f32)
	pairs[float64, float64](&table, kindF64f64)
	return table
}

// Reduce applies a kernel to two spans of as many elements: acc is out, in is in. A last element whose type has a hole
// at its end may reach beyond the memory.
func (k Kernel) Reduce(out, in *Span) {
	extent := out.Type.Extent()
	n := out.Count * extent
	inEnd, outEnd := in.Addr+n, out.Addr+n
	if size := int64(len(in.Mem)); inEnd <= size && outEnd <= size {
		k(out.Mem[out.Addr:outEnd], in.Mem[in.Addr:inEnd])
		return
	}
	k(out.Mem[out.Addr:outEnd-extent], in.Mem[in.Addr:inEnd-extent])
	var x, y [32]byte
	copy(x[:extent], out.Mem[outEnd-extent:])
	copy(y[:extent], in.Mem[inEnd-extent:])
	k(x[:extent], y[:extent])
	copy(out.Mem[outEnd-extent:], x[:extent])
}
