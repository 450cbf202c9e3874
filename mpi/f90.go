package mpi

// The datatypes of Fortran's numbers with a precision and a range (MPI 5.0, chapter 19.1.5) are the elementary ones
// that suffice. They behave as predefined ones: asked for again they have the same handle, and nobody frees them.

// f90Type is an elementary datatype with its digits and its decimal exponent.
type f90Type struct {
	digits, exponent int32
	handle           uint32
}

var (
	f90Reals     = []f90Type{{6, 37, 0x210}, {15, 307, 0x214}, {33, 4931, 0x220}}
	f90Complexes = []f90Type{{6, 37, 0x212}, {15, 307, 0x216}, {33, 4931, 0x224}}
	f90Integers  = []f90Type{{2, 0, 0x240}, {4, 0, 0x248}, {9, 0, 0x250}, {18, 0, 0x258}}
)

// f90Key is what a program asked for.
type f90Key struct {
	combiner combiner
	p, r     int32
}

// typeF90Real makes MPI_Type_create_f90_real and _complex: (p, r, *newtype). MPI_UNDEFINED leaves one of the two open.
func typeF90Real(from []f90Type, how combiner) func(call, intArg, intArg, typeOut) *failure {
	return func(r call, precision, exponent intArg, newtype typeOut) *failure {
		p, e := precision.int(), exponent.int()
		if p == undefined && e == undefined || p < 0 && p != undefined || e < 0 && e != undefined {
			return failf(errArg, "invalid precision %d and range %d", p, e)
		}
		return r.findF90(newtype, from, f90Key{how, p, e}, []int64{int64(p), int64(e)})
	}
}

// MPI_Type_create_f90_integer(r, *newtype)
func typeF90Integer(r call, digits intArg, newtype typeOut) *failure {
	n := digits.int()
	if n < 0 {
		return failf(errArg, "invalid range %d", n)
	}
	return r.findF90(newtype, f90Integers, f90Key{combinerF90Integer, n, undefined}, []int64{int64(n)})
}

// findF90 writes the handle of the smallest datatype that has what was asked for.
func (r call) findF90(out typeOut, from []f90Type, k f90Key, ints []int64) *failure {
	if f := out.room(r, "newtype"); f != nil {
		return f
	}
	if handle, known := r.f90[k]; known {
		return out.put(r, "newtype", handle)
	}
	for _, t := range from {
		if k.p > t.digits || k.r > t.exponent {
			continue
		}
		base, f := r.anyType(t.handle)
		if f != nil {
			return f
		}
		made := base.copy()
		made.committed = true
		made.combiner, made.contents = k.combiner, contents{ints: ints}
		handle, ok := r.types.add(kindDatatype, made)
		if !ok {
			return failf(errNoMem, "more than %d datatypes", maxObjects)
		}
		if r.f90 == nil {
			r.f90 = map[f90Key]uint32{}
		}
		r.f90[k] = handle
		return out.put(r, "newtype", handle)
	}
	return failf(errArg, "no type has precision %d and range %d", k.p, k.r)
}

// MPI_Type_get_value_index(valueType, indexType, *pair_type): the predefined pair, or MPI_DATATYPE_NULL.
func typeGetValueIndex(r call, valueType, indexType typeArg, pairType typeOut) *failure {
	for _, t := range []typeArg{valueType, indexType} {
		if _, f := t.of(r); f != nil {
			return f
		}
	}
	pair, known := pairsByParts[[2]uint32{valueType.handle(), indexType.handle()}]
	if !known {
		pair = datatypeNull
	}
	return pairType.put(r, "pair_type", pair)
}

// pairsByParts finds MPI_MINLOC's types by those of the value and of the location.
var pairsByParts = map[[2]uint32]uint32{
	{0x210, 0x209}: 0x228, {0x214, 0x209}: 0x229, {0x20a, 0x209}: 0x22a, {0x209, 0x209}: 0x22b, {0x208, 0x209}: 0x22c,
	{0x220, 0x209}: 0x22d, {0x21a, 0x21a}: 0x230, {0x21c, 0x21c}: 0x231, {0x219, 0x219}: 0x232,
}
