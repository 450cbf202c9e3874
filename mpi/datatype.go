package mpi

// kind is what an elementary datatype holds: what operations and conversions look at.
type kind uint8

const (
	kindNone kind = iota // derived
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
	kindF32i
	kindF64i
	kindF128i
	kindF32f32
	kindF64f64
	kinds
)

// shapes gives each kind's size, its extent and its parts. Pairs are laid out as C structures: MPI_SHORT_INT has a hole of
// two bytes, and MPI_DOUBLE_INT ends in one of four.
var shapes = [kinds]struct{ size, extent int64 }{
	kindI8: {1, 1}, kindU8: {1, 1}, kindI16: {2, 2}, kindU16: {2, 2}, kindI32: {4, 4}, kindU32: {4, 4},
	kindI64: {8, 8}, kindU64: {8, 8}, kindI128: {16, 16}, kindF16: {2, 2}, kindF32: {4, 4}, kindF64: {8, 8},
	kindF128: {16, 16}, kindC32: {4, 4}, kindC64: {8, 8}, kindC128: {16, 16}, kindC256: {32, 32},
	kindL8: {1, 1}, kindL16: {2, 2}, kindL32: {4, 4}, kindL64: {8, 8}, kindL128: {16, 16},
	kindRaw: {1, 1}, kindChar: {1, 1}, kindWchar: {4, 4}, kindPacked: {1, 1},
	kindI16i: {6, 8}, kindI32i: {8, 8}, kindF32i: {8, 8}, kindF64i: {12, 16}, kindF128i: {20, 32},
	kindF32f32: {8, 8}, kindF64f64: {16, 16},
}

// pairRuns are the layouts of the pairs that have holes.
var pairRuns = map[kind][]run{
	kindI16i:  {{off: 0, len: 2, count: 1}, {off: 4, len: 4, count: 1}},
	kindF64i:  {{off: 0, len: 12, count: 1}},
	kindF128i: {{off: 0, len: 20, count: 1}},
}

// datatype is one datatype. It never changes once it is committed, so other ranks may read it while they copy.
type datatype struct {
	handle         uint32
	name           string
	kind           kind // kindNone when derived
	size           int64
	lb, ub         int64
	trueLB, trueUB int64
	runs           []run // the bytes of one element, in the order of the type map
	contiguous     bool  // one element is size bytes from its address, and the next follows at once
	committed      bool
}

func (t *datatype) extent() int64 { return t.ub - t.lb }

// byteType is what packed and eager bytes are seen as.
var byteType *datatype

// named holds the predefined datatypes by the low bits of their handles. All ranks share them.
var named = func() (table [0x100]*datatype) {
	for _, p := range predefined {
		t := elementary(p.kind)
		t.handle, t.name = p.handle, p.name
		table[p.handle-firstDatatype] = t
		if p.name == "MPI_BYTE" {
			byteType = t
		}
	}
	return table
}()

const firstDatatype = 0x200

func elementary(k kind) *datatype {
	s := shapes[k]
	t := &datatype{kind: k, size: s.size, ub: s.extent, trueUB: s.extent, committed: true}
	t.runs = pairRuns[k]
	if t.runs == nil {
		t.runs = []run{{len: s.size, count: 1}}
	}
	last := t.runs[len(t.runs)-1]
	t.trueUB = last.off + last.len
	t.contiguous = s.size == s.extent && len(t.runs) == 1
	return t
}
