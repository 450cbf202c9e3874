package mpi

import "github.com/faasmrun/faasmrun/mpi/datatype"

// The datatypes of Fortran's numbers with a precision and a range (MPI 5.0, chapter 19.1.5) behave as predefined ones:
// asked for again they have the same handle, and nobody frees them.

// f90Key is what a program asked for.
type f90Key struct {
	combiner datatype.Combiner
	p, r     int32
}

// typeF90Real makes MPI_Type_create_f90_real and _complex: (p, r, *newtype). MPI_UNDEFINED leaves one of the two open.
func typeF90Real(how datatype.Combiner) func(call, intArg, intArg, typeOut) *failure {
	return func(r call, precision, exponent intArg, newtype typeOut) *failure {
		p, e := precision.int(), exponent.int()
		if p == undefined && e == undefined || p < 0 && p != undefined || e < 0 && e != undefined {
			return failf(errArg, "invalid precision %d and range %d", p, e)
		}
		return r.findF90(newtype, f90Key{how, p, e}, []int64{int64(p), int64(e)})
	}
}

// MPI_Type_create_f90_integer(r, *newtype)
func typeF90Integer(r call, digits intArg, newtype typeOut) *failure {
	n := digits.int()
	if n < 0 {
		return failf(errArg, "invalid range %d", n)
	}
	return r.findF90(newtype, f90Key{datatype.CombinerF90Integer, n, undefined}, []int64{int64(n)})
}

// findF90 writes the handle of the smallest datatype that has what was asked for.
func (r call) findF90(out typeOut, k f90Key, arguments []int64) *failure {
	if f := out.room(r, "newtype"); f != nil {
		return f
	}
	if handle, known := r.f90[k]; known {
		return out.put(r, "newtype", handle)
	}
	t, err := datatype.F90(k.combiner, k.p, k.r, arguments)
	if err != nil {
		return typeFailure(err)
	}
	handle, ok := r.types.add(kindDatatype, t)
	if !ok {
		return failf(errNoMem, "more than %d datatypes", maxObjects)
	}
	if r.f90 == nil {
		r.f90 = map[f90Key]uint32{}
	}
	r.f90[k] = handle
	return out.put(r, "newtype", handle)
}

// MPI_Type_get_value_index(valueType, indexType, *pair_type): the predefined pair, or MPI_DATATYPE_NULL.
func typeGetValueIndex(r call, valueType, indexType typeArg, pairType typeOut) *failure {
	value, f := valueType.of(r)
	if f != nil {
		return f
	}
	index, f := indexType.of(r)
	if f != nil {
		return f
	}
	handle := uint32(datatypeNull)
	if pair := datatype.Pair(value, index); pair != nil {
		handle = pair.Handle()
	}
	return pairType.put(r, "pair_type", handle)
}
