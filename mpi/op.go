package mpi

// op is a reduction operation. The predefined ones are shared by all ranks.
type op struct {
	handle      uint32
	name        string
	code        opCode
	commutative bool
	function    uint32 // table index of a user's function
	wide        bool   // the user's function takes an MPI_Count
	freed       bool
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
	pairs[float32, int32](&table, kindF32i)
	pairs[float64, int32](&table, kindF64i)
	pairs[float32, float32](&table, kindF32f32)
	pairs[float64, float64](&table, kindF64f64)
	return table
}()
