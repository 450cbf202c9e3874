package datatype

// Kind is what an elementary datatype holds: what operations and conversions look at. The zero Kind is that of a
// derived datatype.
type Kind uint8

const (
	kindNone Kind = iota // derived
	kindI8
	kindU8
	kindI16
	kindU16
	kindI32
	kindU32
	kindI64
	kindU64
	kindI128
	kindF16
	kindF32
	kindF64
	kindF128
	kindC32
	kindC64
	kindC128
	kindC256
	kindL8 // logicals, by size
	kindL16
	kindL32
	kindL64
	kindL128
	kindRaw // MPI_BYTE
	kindChar
	kindWchar
	kindPacked
	kindI16i // value and int, for MPI_MINLOC and MPI_MAXLOC
	kindI32i
	kindI64i
	kindF32i
	kindF64i
	kindF128i
	kindF32f32
	kindF64f64
	kinds
)

// Size is how many bytes of data one element has.
func (k Kind) Size() int64 { return shapes[k].size }

// shapes gives each kind's size and its extent. Pairs are laid out as C structures: MPI_SHORT_INT has a hole of two
// bytes, and MPI_DOUBLE_INT ends in one of four.
var shapes = [kinds]struct{ size, extent int64 }{
	kindI8: {1, 1}, kindU8: {1, 1}, kindI16: {2, 2}, kindU16: {2, 2}, kindI32: {4, 4}, kindU32: {4, 4},
	kindI64: {8, 8}, kindU64: {8, 8}, kindI128: {16, 16}, kindF16: {2, 2}, kindF32: {4, 4}, kindF64: {8, 8},
	kindF128: {16, 16}, kindC32: {4, 4}, kindC64: {8, 8}, kindC128: {16, 16}, kindC256: {32, 32},
	kindL8: {1, 1}, kindL16: {2, 2}, kindL32: {4, 4}, kindL64: {8, 8}, kindL128: {16, 16},
	kindRaw: {1, 1}, kindChar: {1, 1}, kindWchar: {4, 4}, kindPacked: {1, 1},
	kindI16i: {6, 8}, kindI32i: {8, 8}, kindI64i: {12, 16}, kindF32i: {8, 8}, kindF64i: {12, 16}, kindF128i: {20, 32},
	kindF32f32: {8, 8}, kindF64f64: {16, 16},
}

// pairRuns are the layouts of the pairs that have holes.
var pairRuns = map[Kind][]run{
	kindI16i:  {{off: 0, len: 2, count: 1}, {off: 4, len: 4, count: 1}},
	kindI64i:  {{off: 0, len: 12, count: 1}},
	kindF64i:  {{off: 0, len: 12, count: 1}},
	kindF128i: {{off: 0, len: 20, count: 1}},
}

// pairAligns are the alignments of the pairs' C structures.
var pairAligns = map[Kind]int64{kindI16i: 4, kindI32i: 4, kindI64i: 8, kindF32i: 4, kindF64i: 8, kindF128i: 16,
	kindF32f32: 4, kindF64f64: 8}

// pairMembers are a pair's two elements.
func pairMembers(k Kind) []member {
	first := map[Kind]Kind{kindI16i: kindI16, kindI32i: kindI32, kindI64i: kindI64, kindF32i: kindF32, kindF64i: kindF64,
		kindF128i: kindF128, kindF32f32: kindF32, kindF64f64: kindF64}[k]
	second := kindI32
	if k == kindF32f32 || k == kindF64f64 {
		second = first
	}
	value := elementary(first)
	if k == kindI64i { // which external32 knows by its name
		value.name = "MPI_LONG"
		value.external32 = value.externalSize()
	}
	return []member{{value, 1}, {elementary(second), 1}}
}
