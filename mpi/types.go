package mpi

import (
	"errors"

	"github.com/faasmrun/faasmrun/mpi/datatype"
)

// constructor makes datatypes as the function under way does.
func (r call) constructor() datatype.Constructor { return datatype.Constructor{Large: r.large} }

// typeFailure is what an error of a constructor means to MPI.
func typeFailure(err error) *failure {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, datatype.ErrTooManyBlocks):
		return failf(errNoMem, "%v", err)
	}
	return failf(errArg, "%v", err)
}

// addType gives a new datatype a handle, unless its constructor has refused it.
func (r call) addType(out typeOut, t *datatype.Type, err error) *failure {
	if err != nil {
		return typeFailure(err)
	}
	if f := out.room(r, "newtype"); f != nil {
		return f
	}
	handle, ok := r.types.add(kindDatatype, t)
	if !ok {
		return failf(errNoMem, "more than %d datatypes", maxObjects)
	}
	return out.put(r, "newtype", handle)
}

// MPI_Type_contiguous(count, oldtype, *newtype)
func typeContiguous(r call, count countArg, oldtype typeArg, newtype typeOut) *failure {
	n, f := count.size(r, "count")
	if f != nil {
		return f
	}
	old, f := oldtype.of(r)
	if f != nil {
		return f
	}
	t, err := r.constructor().Contiguous(n, old)
	return r.addType(newtype, t, err)
}

// MPI_Type_vector(count, blocklength, stride, oldtype, *newtype), the stride in elements
func typeVector(r call, count, blocklength, stride countArg, oldtype typeArg, newtype typeOut) *failure {
	n, length, old, f := r.vectorArgs(count, blocklength, oldtype)
	if f != nil {
		return f
	}
	t, err := r.constructor().Vector(n, length, stride.of(r), old)
	return r.addType(newtype, t, err)
}

// MPI_Type_create_hvector(count, blocklength, stride, oldtype, *newtype), the stride in bytes
func typeHvector(r call, count, blocklength countArg, stride aintArg, oldtype typeArg, newtype typeOut) *failure {
	n, length, old, f := r.vectorArgs(count, blocklength, oldtype)
	if f != nil {
		return f
	}
	t, err := r.constructor().Hvector(n, length, stride.int(), old)
	return r.addType(newtype, t, err)
}

func (r call) vectorArgs(count, blocklength countArg, oldtype typeArg) (n, length int64, old *datatype.Type,
	f *failure) {
	if n, f = count.size(r, "count"); f != nil {
		return 0, 0, nil, f
	}
	if length, f = blocklength.size(r, "block length"); f != nil {
		return 0, 0, nil, f
	}
	old, f = oldtype.of(r)
	return n, length, old, f
}

// MPI_Type_indexed(count, lengths[], displacements[], oldtype, *newtype), the displacements in elements
func typeIndexed(r call, count countArg, blocklengths, displacements countsIn, oldtype typeArg,
	newtype typeOut) *failure {
	n, lengths, f := r.lengthsArgs(count, blocklengths)
	if f != nil {
		return f
	}
	displs, f := displacements.read(r, "displacements", n)
	if f != nil {
		return f
	}
	old, f := oldtype.of(r)
	if f != nil {
		return f
	}
	t, err := r.constructor().Indexed(lengths, displs, old)
	return r.addType(newtype, t, err)
}

// MPI_Type_create_hindexed(count, lengths[], displacements[], oldtype, *newtype), the displacements in bytes
func typeHindexed(r call, count countArg, blocklengths countsIn, displacements aintsIn, oldtype typeArg,
	newtype typeOut) *failure {
	n, lengths, f := r.lengthsArgs(count, blocklengths)
	if f != nil {
		return f
	}
	displs, f := displacements.read(r, "displacements", n)
	if f != nil {
		return f
	}
	old, f := oldtype.of(r)
	if f != nil {
		return f
	}
	t, err := r.constructor().Hindexed(lengths, displs, old)
	return r.addType(newtype, t, err)
}

func (r call) lengthsArgs(count countArg, blocklengths countsIn) (n int64, lengths []int64, f *failure) {
	if n, f = count.size(r, "count"); f != nil {
		return 0, nil, f
	}
	lengths, f = blocklengths.lengths(r, n)
	return n, lengths, f
}

// MPI_Type_create_indexed_block(count, blocklength, displacements[], oldtype, *newtype), the displacements in elements
func typeIndexedBlock(r call, count, blocklength countArg, displacements countsIn, oldtype typeArg,
	newtype typeOut) *failure {
	n, length, f := r.blockArgs(count, blocklength)
	if f != nil {
		return f
	}
	displs, f := displacements.read(r, "displacements", n)
	if f != nil {
		return f
	}
	old, f := oldtype.of(r)
	if f != nil {
		return f
	}
	t, err := r.constructor().IndexedBlock(length, displs, old)
	return r.addType(newtype, t, err)
}

// MPI_Type_create_hindexed_block(count, blocklength, displacements[], oldtype, *newtype), the displacements in bytes
func typeHindexedBlock(r call, count, blocklength countArg, displacements aintsIn, oldtype typeArg,
	newtype typeOut) *failure {
	n, length, f := r.blockArgs(count, blocklength)
	if f != nil {
		return f
	}
	displs, f := displacements.read(r, "displacements", n)
	if f != nil {
		return f
	}
	old, f := oldtype.of(r)
	if f != nil {
		return f
	}
	t, err := r.constructor().HindexedBlock(length, displs, old)
	return r.addType(newtype, t, err)
}

func (r call) blockArgs(count, blocklength countArg) (n, length int64, f *failure) {
	if n, f = count.size(r, "count"); f != nil {
		return 0, 0, f
	}
	length, f = blocklength.size(r, "block length")
	return n, length, f
}

// MPI_Type_create_struct(count, lengths[], displacements[], types[], *newtype)
func typeStruct(r call, count countArg, blocklengths countsIn, displacements aintsIn, datatypes typesIn,
	newtype typeOut) *failure {
	n, lengths, f := r.lengthsArgs(count, blocklengths)
	if f != nil {
		return f
	}
	displs, f := displacements.read(r, "displacements", n)
	if f != nil {
		return f
	}
	handles, f := datatypes.handles(r, n)
	if f != nil {
		return f
	}
	types := make([]*datatype.Type, n)
	for i := range types {
		if types[i], f = r.anyType(handles.get(int64(i))); f != nil {
			return f
		}
	}
	t, err := r.constructor().Struct(lengths, displs, types)
	return r.addType(newtype, t, err)
}

// MPI_Type_create_subarray(ndims, sizes[], subsizes[], starts[], order, oldtype, *newtype)
func typeSubarray(r call, ndims intArg, sizesArg, subsizesArg, startsArg countsIn, storage intArg, oldtype typeArg,
	newtype typeOut) *failure {
	n := int64(ndims.int())
	if n < 1 || n > maxDims {
		return failf(errArg, "invalid number of dimensions %d", n)
	}
	var v [3][]int64
	for i, p := range []countsIn{sizesArg, subsizesArg, startsArg} {
		var f *failure
		if v[i], f = p.read(r, []string{"sizes", "subsizes", "starts"}[i], n); f != nil {
			return f
		}
	}
	old, f := oldtype.of(r)
	if f != nil {
		return f
	}
	t, err := r.constructor().Subarray(v[0], v[1], v[2], datatype.Order(storage.int()), old)
	return r.addType(newtype, t, err)
}

// MPI_Type_create_darray(size, rank, ndims, gsizes[], distribs[], dargs[], psizes[], order, oldtype, *newtype)
func typeDarray(r call, groupSize, groupRank, ndims intArg, gsizes countsIn, distribs, dargs, psizes intsIn,
	storage intArg, oldtype typeArg, newtype typeOut) *failure {
	size, rank, n := int64(groupSize.int()), int64(groupRank.int()), int64(ndims.int())
	if n < 1 || n > maxDims {
		return failf(errArg, "invalid number of dimensions %d", n)
	}
	var v [4][]int64
	var f *failure
	if v[0], f = gsizes.read(r, "gsizes", n); f != nil {
		return f
	}
	for i, p := range []intsIn{distribs, dargs, psizes} {
		if v[i+1], f = p.read(r, []string{"distribs", "dargs", "psizes"}[i], n); f != nil {
			return f
		}
	}
	old, f := oldtype.of(r)
	if f != nil {
		return f
	}
	grid := datatype.Grid{Sizes: v[0], Kinds: v[1], Arguments: v[2], Processes: v[3]}
	t, err := r.constructor().Darray(size, rank, grid, datatype.Order(storage.int()), old)
	return r.addType(newtype, t, err)
}

// maxDims bounds the dimensions of arrays and topologies.
const maxDims = 64

// MPI_Type_create_resized(oldtype, lb, extent, *newtype)
func typeResized(r call, oldtype typeArg, lower, length aintArg, newtype typeOut) *failure {
	old, f := oldtype.of(r)
	if f != nil {
		return f
	}
	t, err := r.constructor().Resized(old, lower.int(), length.int())
	return r.addType(newtype, t, err)
}

// MPI_Type_dup(oldtype, *newtype)
func typeDup(r call, oldtype typeArg, newtype typeOut) *failure {
	old, f := oldtype.of(r)
	if f != nil {
		return f
	}
	from, _, f := oldtype.attributes(r) // of a predefined datatype, the rank's own
	if f != nil {
		return f
	}
	t, err := r.constructor().Dup(old)
	if f := r.addType(newtype, t, err); f != nil {
		return f
	}
	handle, f := newtype.get(r, "newtype") // before the copy functions run, which may write there
	if f != nil {
		return f
	}
	if f := r.copyAttributes(keyvalType, oldtype.handle(), from, r.attributesOf(t)); f != nil {
		delete(r.typeAttributes, t)
		r.types.remove(handle)
		_ = newtype.put(r, "newtype", datatypeNull)
		return f
	}
	return nil
}

// MPI_Type_commit(*datatype)
func typeCommit(r call, datatype typeRef) *failure {
	handle, f := datatype.get(r, "datatype")
	if f != nil {
		return f
	}
	t, f := r.anyType(handle)
	if f != nil {
		return f
	}
	t.Commit()
	return nil
}

// MPI_Type_free(*datatype): communication under way keeps its own reference.
func typeFree(r call, datatype typeRef) *failure {
	handle, f := datatype.get(r, "datatype")
	if f != nil {
		return f
	}
	t, f := r.anyType(handle)
	if f != nil {
		return f
	}
	if t.Predefined() {
		return failf(errType, "%s is predefined and cannot be freed", t.Title())
	}
	if f := r.deleteAttributes(keyvalType, handle, r.attributesOf(t)); f != nil {
		return f
	}
	delete(r.typeAttributes, t)
	r.types.remove(handle)
	return datatype.put(r, "datatype", datatypeNull)
}

// anyType finds a datatype, committed or not.
func (r *Rank) anyType(handle uint32) (*datatype.Type, *failure) {
	if t := datatype.ByHandle(handle); t != nil {
		return t, nil
	}
	if handle == datatypeNull {
		return nil, failf(errType, "the datatype is MPI_DATATYPE_NULL")
	}
	if t := r.types.get(kindDatatype, handle); t != nil {
		return t, nil
	}
	return nil, failf(errType, "%#x is no datatype, or was freed", handle)
}
