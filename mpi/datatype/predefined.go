package datatype

type predefinedType struct {
	handle uint32
	name   string
	kind   Kind
}

// predefined lists the named datatypes of the ABI: long double is a binary128 of 16 bytes, and the Fortran types are
// those of a compiler with default kinds.
var predefined = [...]predefinedType{
	{0x201, "MPI_AINT", kindI64},
	{0x202, "MPI_COUNT", kindI64},
	{0x203, "MPI_OFFSET", kindI64},
	{0x207, "MPI_PACKED", kindPacked},
	{0x208, "MPI_SHORT", kindI16},
	{0x209, "MPI_INT", kindI32},
	{0x20a, "MPI_LONG", kindI64},
	{0x20b, "MPI_LONG_LONG_INT", kindI64},
	{0x20c, "MPI_UNSIGNED_SHORT", kindU16},
	{0x20d, "MPI_UNSIGNED", kindU32},
	{0x20e, "MPI_UNSIGNED_LONG", kindU64},
	{0x20f, "MPI_UNSIGNED_LONG_LONG", kindU64},
	{0x210, "MPI_FLOAT", kindF32},
	{0x212, "MPI_C_COMPLEX", kindC64},
	{0x213, "MPI_CXX_FLOAT_COMPLEX", kindC64},
	{0x214, "MPI_DOUBLE", kindF64},
	{0x216, "MPI_C_DOUBLE_COMPLEX", kindC128},
	{0x217, "MPI_CXX_DOUBLE_COMPLEX", kindC128},
	{0x218, "MPI_LOGICAL", kindL32},
	{0x219, "MPI_INTEGER", kindI32},
	{0x21a, "MPI_REAL", kindF32},
	{0x21b, "MPI_COMPLEX", kindC64},
	{0x21c, "MPI_DOUBLE_PRECISION", kindF64},
	{0x21d, "MPI_DOUBLE_COMPLEX", kindC128},
	{0x21e, "MPI_CHARACTER", kindChar},
	{0x220, "MPI_LONG_DOUBLE", kindF128},
	{0x224, "MPI_C_LONG_DOUBLE_COMPLEX", kindC256},
	{0x225, "MPI_CXX_LONG_DOUBLE_COMPLEX", kindC256},
	{0x228, "MPI_FLOAT_INT", kindF32i},
	{0x229, "MPI_DOUBLE_INT", kindF64i},
	{0x22a, "MPI_LONG_INT", kindI64i},
	{0x22b, "MPI_2INT", kindI32i},
	{0x22c, "MPI_SHORT_INT", kindI16i},
	{0x22d, "MPI_LONG_DOUBLE_INT", kindF128i},
	{0x230, "MPI_2REAL", kindF32f32},
	{0x231, "MPI_2DOUBLE_PRECISION", kindF64f64},
	{0x232, "MPI_2INTEGER", kindI32i},
	{0x238, "MPI_C_BOOL", kindL8},
	{0x239, "MPI_CXX_BOOL", kindL8},
	{0x23c, "MPI_WCHAR", kindWchar},
	{0x240, "MPI_INT8_T", kindI8},
	{0x241, "MPI_UINT8_T", kindU8},
	{0x243, "MPI_CHAR", kindI8},
	{0x244, "MPI_SIGNED_CHAR", kindI8},
	{0x245, "MPI_UNSIGNED_CHAR", kindU8},
	{0x247, "MPI_BYTE", kindRaw},
	{0x248, "MPI_INT16_T", kindI16},
	{0x249, "MPI_UINT16_T", kindU16},
	{0x250, "MPI_INT32_T", kindI32},
	{0x251, "MPI_UINT32_T", kindU32},
	{0x258, "MPI_INT64_T", kindI64},
	{0x259, "MPI_UINT64_T", kindU64},
	{0x2c0, "MPI_LOGICAL1", kindL8},
	{0x2c1, "MPI_INTEGER1", kindI8},
	{0x2c8, "MPI_LOGICAL2", kindL16},
	{0x2c9, "MPI_INTEGER2", kindI16},
	{0x2ca, "MPI_REAL2", kindF16},
	{0x2d0, "MPI_LOGICAL4", kindL32},
	{0x2d1, "MPI_INTEGER4", kindI32},
	{0x2d2, "MPI_REAL4", kindF32},
	{0x2d3, "MPI_COMPLEX4", kindC32},
	{0x2d8, "MPI_LOGICAL8", kindL64},
	{0x2d9, "MPI_INTEGER8", kindI64},
	{0x2da, "MPI_REAL8", kindF64},
	{0x2db, "MPI_COMPLEX8", kindC64},
	{0x2e0, "MPI_LOGICAL16", kindL128},
	{0x2e1, "MPI_INTEGER16", kindI128},
	{0x2e2, "MPI_REAL16", kindF128},
	{0x2e3, "MPI_COMPLEX16", kindC128},
	{0x2eb, "MPI_COMPLEX32", kindC256},
}

// firstHandle is the least handle of a named datatype; all are below firstHandle + 256.
const firstHandle = 0x200

// byteType is MPI_BYTE.
var byteType *Type

// named holds the named datatypes by the low bits of their handles. All ranks share them.
var named = func() (table [0x100]*Type) {
	for _, p := range predefined {
		t := elementary(p.kind)
		t.handle, t.name = p.handle, p.name
		t.external32 = t.externalSize()
		table[p.handle-firstHandle] = t
		if p.name == "MPI_BYTE" {
			byteType = t
		}
	}
	return table
}()

// ByHandle finds a predefined datatype by its handle in MPI's ABI; nil if there is none, as for MPI_DATATYPE_NULL.
func ByHandle(handle uint32) *Type {
	if i := handle - firstHandle; i < uint32(len(named)) {
		return named[i]
	}
	return nil
}

// Byte is MPI_BYTE: what packed and buffered data is seen as.
func Byte() *Type { return byteType }

// Class is a class of types, for MPI_Type_match_size.
type Class int32

// The classes of the ABI.
const (
	ClassInteger Class = 192
	ClassReal    Class = 193
	ClassComplex Class = 194
)

// sized names the datatypes of Fortran by class and size in bytes.
var sized = map[Class]map[int32]string{
	ClassInteger: {1: "MPI_INTEGER1", 2: "MPI_INTEGER2", 4: "MPI_INTEGER4", 8: "MPI_INTEGER8", 16: "MPI_INTEGER16"},
	ClassReal:    {2: "MPI_REAL2", 4: "MPI_REAL4", 8: "MPI_REAL8", 16: "MPI_REAL16"},
	ClassComplex: {4: "MPI_COMPLEX4", 8: "MPI_COMPLEX8", 16: "MPI_COMPLEX16", 32: "MPI_COMPLEX32"},
}

// Sized finds the datatype of a class whose elements have size bytes; nil if there is none (MPI_Type_match_size,
// MPI 5.0, chapter 19.1.5).
func Sized(class Class, size int32) *Type {
	if name, ok := sized[class][size]; ok {
		for _, p := range predefined {
			if p.name == name {
				return ByHandle(p.handle)
			}
		}
	}
	return nil
}

// pairsByParts finds MPI_MINLOC's types by those of the value and of the location.
var pairsByParts = map[[2]uint32]uint32{
	{0x210, 0x209}: 0x228, {0x214, 0x209}: 0x229, {0x20a, 0x209}: 0x22a, {0x209, 0x209}: 0x22b, {0x208, 0x209}: 0x22c,
	{0x220, 0x209}: 0x22d, {0x21a, 0x21a}: 0x230, {0x21c, 0x21c}: 0x231, {0x219, 0x219}: 0x232,
}

// Pair finds the datatype of MPI_MINLOC and MPI_MAXLOC whose elements are a value and a location, both named; nil if
// there is none (MPI_Type_get_value_index, MPI 5.0, chapter 6.9.4).
func Pair(value, location *Type) *Type {
	return ByHandle(pairsByParts[[2]uint32{value.handle, location.handle}])
}
