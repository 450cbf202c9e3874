package mpi

import "slices"

// combiner says which constructor made a datatype.
type combiner int32

const (
	combinerNamed combiner = iota + 101
	combinerDup
	combinerContiguous
	combinerVector
	combinerHvector
	combinerIndexed
	combinerHindexed
	combinerIndexedBlock
	combinerHindexedBlock
	combinerStruct
	combinerSubarray
	combinerDarray
	combinerF90Real
	combinerF90Complex
	combinerF90Integer
	combinerResized
	combinerValueIndex
)

// contents are the arguments a datatype was made with, as MPI_Type_get_contents gives them.
type contents struct {
	ints   []int64
	aints  []int64
	counts []int64 // of a _c constructor
	types  []*datatype
	large  bool // made by a _c constructor
}

// addType gives a new datatype a handle.
func (r call) addType(out typeOut, t *datatype, f *failure, how combiner, c contents) *failure {
	if f != nil {
		return f
	}
	if t.depth > maxDepth {
		return failf(errArg, "the datatype is made of others in more than %d steps", maxDepth)
	}
	if f := out.room(r, "newtype"); f != nil {
		return f
	}
	t.combiner, t.contents = how, c
	t.contents.large = r.large
	handle, ok := r.types.add(kindDatatype, t)
	if !ok {
		return failf(errNoMem, "more than %d datatypes", maxObjects)
	}
	return out.put(r, "newtype", handle)
}

// made sorts the arguments of a constructor into its contents: in a _c function all numbers are large counts.
func (r call) made(types []*datatype, ints, aints []int64) contents {
	if r.large {
		return contents{counts: append(append([]int64{}, ints...), aints...), types: types}
	}
	return contents{ints: ints, aints: aints, types: types}
}

// scaled is the array in bytes: what lies beyond any memory, derive refuses.
func scaled(v []int64, extent int64) []int64 {
	out := make([]int64, len(v))
	for i, x := range v {
		out[i] = times(x, extent)
	}
	return out
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
	t, f := derive([]piece{{0, n, old}})
	return r.addType(newtype, t, f, combinerContiguous, r.made([]*datatype{old}, []int64{n}, nil))
}

// MPI_Type_vector(count, blocklength, stride, oldtype, *newtype), the stride in elements
func typeVector(r call, count, blocklength, stride countArg, oldtype typeArg, newtype typeOut) *failure {
	n, length, old, f := r.vectorArgs(count, blocklength, oldtype)
	if f != nil {
		return f
	}
	step := stride.of(r)
	return r.addVector(newtype, combinerVector, n, length, times(step, old.extent()), old,
		r.made([]*datatype{old}, []int64{n, length, step}, nil))
}

// MPI_Type_create_hvector(count, blocklength, stride, oldtype, *newtype), the stride in bytes
func typeHvector(r call, count, blocklength countArg, stride aintArg, oldtype typeArg, newtype typeOut) *failure {
	n, length, old, f := r.vectorArgs(count, blocklength, oldtype)
	if f != nil {
		return f
	}
	step := stride.int()
	return r.addVector(newtype, combinerHvector, n, length, step, old,
		r.made([]*datatype{old}, []int64{n, length}, []int64{step}))
}

func (r call) vectorArgs(count, blocklength countArg, oldtype typeArg) (n, length int64, old *datatype, f *failure) {
	if n, f = count.size(r, "count"); f != nil {
		return 0, 0, nil, f
	}
	if length, f = blocklength.size(r, "block length"); f != nil {
		return 0, 0, nil, f
	}
	old, f = oldtype.of(r)
	return n, length, old, f
}

func (r call) addVector(out typeOut, how combiner, n, length, step int64, old *datatype, c contents) *failure {
	if step > maxTypeBytes || step < -maxTypeBytes {
		return failf(errArg, "the datatype is too large")
	}
	t, f := vector(n, length, step, old)
	return r.addType(out, t, f, how, c)
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
	t, f := indexed(lengths, scaled(displs, old.extent()), old)
	return r.addType(newtype, t, f, combinerIndexed, r.made([]*datatype{old}, join([]int64{n}, lengths, displs), nil))
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
	t, f := indexed(lengths, displs, old)
	return r.addType(newtype, t, f, combinerHindexed, r.made([]*datatype{old}, join([]int64{n}, lengths), displs))
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
	t, f := indexed(slices.Repeat([]int64{length}, len(displs)), scaled(displs, old.extent()), old)
	return r.addType(newtype, t, f, combinerIndexedBlock,
		r.made([]*datatype{old}, join([]int64{n, length}, displs), nil))
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
	t, f := indexed(slices.Repeat([]int64{length}, len(displs)), displs, old)
	return r.addType(newtype, t, f, combinerHindexedBlock, r.made([]*datatype{old}, []int64{n, length}, displs))
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
	types := make([]*datatype, n)
	for i := range types {
		if types[i], f = r.anyType(handles.get(int64(i))); f != nil {
			return f
		}
	}
	t, f := structure(lengths, displs, types)
	return r.addType(newtype, t, f, combinerStruct, r.made(types, join([]int64{n}, lengths), displs))
}

// Orders of arrays.
const (
	orderC       = 12
	orderFortran = 15
)

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
	order := int64(storage.int())
	if order != orderC && order != orderFortran {
		return failf(errArg, "invalid order %d", order)
	}
	for i := range n {
		size, sub, begin := v[0][i], v[1][i], v[2][i]
		if size < 1 || sub < 1 || sub > size || begin < 0 || begin > size-sub {
			return failf(errArg, "dimension %d: %d elements from %d are not part of %d", i, sub, begin, size)
		}
	}
	old, f := oldtype.of(r)
	if f != nil {
		return f
	}
	sizes, subsizes, starts := slowestFirst(v[0], order), slowestFirst(v[1], order), slowestFirst(v[2], order)
	t, f := subarray(sizes, subsizes, starts, old)
	c := contents{types: []*datatype{old}}
	if r.large {
		c.ints, c.counts = []int64{n, order}, join(v[0], v[1], v[2])
	} else {
		c.ints = join([]int64{n}, v[0], v[1], v[2], []int64{order})
	}
	return r.addType(newtype, t, f, combinerSubarray, c)
}

// maxDims bounds the dimensions of arrays and topologies.
const maxDims = 64

func join(parts ...[]int64) []int64 {
	var all []int64
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// slowestFirst gives the values of dimensions in C's order.
func slowestFirst(v []int64, order int64) []int64 {
	out := append([]int64{}, v...)
	if order == orderFortran {
		for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
			out[i], out[j] = out[j], out[i]
		}
	}
	return out
}

// MPI_Type_create_resized(oldtype, lb, extent, *newtype)
func typeResized(r call, oldtype typeArg, lower, length aintArg, newtype typeOut) *failure {
	old, f := oldtype.of(r)
	if f != nil {
		return f
	}
	lb, extent := lower.int(), length.int()
	t, f := resized(old, lb, extent)
	return r.addType(newtype, t, f, combinerResized, r.made([]*datatype{old}, nil, []int64{lb, extent}))
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
	t := old.copy()
	t.committed, t.name = old.committed, old.name
	if f := r.addType(newtype, t, nil, combinerDup, contents{types: []*datatype{old}}); f != nil {
		return f
	}
	handle, f := newtype.get(r, "newtype") // before the copy functions run, which may write there
	if f != nil {
		return f
	}
	if f := r.copyAttributes(keyvalType, oldtype.handle(), from, &t.attributes); f != nil {
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
	if !t.committed {
		t.committed = true
	}
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
	if t.combiner == combinerNamed || handle < 0x1000 ||
		t.combiner >= combinerF90Real && t.combiner <= combinerF90Integer {
		return failf(errType, "%s is predefined and cannot be freed", t.title())
	}
	if f := r.deleteAttributes(keyvalType, handle, &t.attributes); f != nil {
		return f
	}
	r.types.remove(handle)
	return datatype.put(r, "datatype", datatypeNull)
}

// anyType finds a datatype, committed or not.
func (r *Rank) anyType(handle uint32) (*datatype, *failure) {
	if i := handle - firstDatatype; i < uint32(len(named)) && named[i] != nil {
		return named[i], nil
	}
	if handle == datatypeNull {
		return nil, failf(errType, "the datatype is MPI_DATATYPE_NULL")
	}
	if t := r.types.get(kindDatatype, handle); t != nil {
		return t, nil
	}
	return nil, failf(errType, "%#x is no datatype, or was freed", handle)
}
