package mpi

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
func (a args) addType(out int, t *datatype, f *failure, how combiner, c contents) *failure {
	if f != nil {
		return f
	}
	if t.depth > maxDepth {
		return failf(errArg, "the datatype is made of others in more than %d steps", maxDepth)
	}
	if f := a.roomForWord(out, "newtype"); f != nil {
		return f
	}
	t.combiner, t.contents = how, c
	t.contents.large = a.wide
	handle, ok := a.r.types.add(kindDatatype, t)
	if !ok {
		return failf(errNoMem, "more than %d datatypes", maxObjects)
	}
	return a.putHandle(out, "newtype", handle)
}

// made sorts the arguments of a constructor into its contents: in a _c function all numbers are large counts.
func (a args) made(types []*datatype, ints, aints []int64) contents {
	if a.wide {
		return contents{counts: append(append([]int64{}, ints...), aints...), types: types}
	}
	return contents{ints: ints, aints: aints, types: types}
}

// size reads a count argument that must not be negative.
func (a args) size(i int, what string) (int64, *failure) {
	n := a.count(i)
	if n < 0 {
		return 0, failf(errCount, "invalid %s %d", what, n)
	}
	if n > maxTypeBytes {
		return 0, failf(errCount, "%s %d is too large", what, n)
	}
	return n, nil
}

// array reads n integers, of 64 bits if wide.
func (a args) array(i int, what string, n int64, wide bool) ([]int64, *failure) {
	if n == 0 {
		return nil, nil
	}
	width := int64(4)
	if wide {
		width = 8
	}
	if n > 1<<32 {
		return nil, outside(what, a.address(i), n)
	}
	b, f := a.pointer(i, what, n*width)
	if f != nil {
		return nil, f
	}
	v := make([]int64, n)
	for j := range v {
		v[j] = element(b, j, wide)
	}
	return v, nil
}

// lengths reads block lengths, which must not be negative.
func (a args) lengths(i int, n int64) ([]int64, *failure) {
	v, f := a.array(i, "block lengths", n, a.wide)
	for j, x := range v {
		if x < 0 {
			return nil, failf(errArg, "block length %d of block %d is negative", x, j)
		}
	}
	return v, f
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
func typeContiguous(r *Rank, a args) *failure {
	n, f := a.size(0, "count")
	if f != nil {
		return f
	}
	old, f := a.anyType(1)
	if f != nil {
		return f
	}
	t, f := derive([]piece{{0, n, old}})
	return a.addType(2, t, f, combinerContiguous, a.made([]*datatype{old}, []int64{n}, nil))
}

// typeVector makes MPI_Type_vector and MPI_Type_create_hvector: (count, blocklength, stride, oldtype, *newtype), the
// stride in elements or in bytes.
func typeVector(how combiner) func(*Rank, args) *failure {
	return func(r *Rank, a args) *failure {
		count, f := a.size(0, "count")
		if f != nil {
			return f
		}
		n, f := a.size(1, "block length")
		if f != nil {
			return f
		}
		old, f := a.anyType(3)
		if f != nil {
			return f
		}
		stride := a.count(2)
		if how == combinerHvector {
			stride = a.byAint().count(2)
		}
		bytes := stride
		c := a.made([]*datatype{old}, []int64{count, n}, []int64{stride})
		if how == combinerVector {
			bytes = times(stride, old.extent())
			c = a.made([]*datatype{old}, []int64{count, n, stride}, nil)
		}
		if bytes > maxTypeBytes || bytes < -maxTypeBytes {
			return failf(errArg, "the datatype is too large")
		}
		t, f := vector(count, n, bytes, old)
		return a.addType(4, t, f, how, c)
	}
}

// typeIndexed makes MPI_Type_indexed and MPI_Type_create_hindexed: (count, lengths[], displacements[], oldtype,
// *newtype), the displacements in elements or in bytes.
func typeIndexed(how combiner) func(*Rank, args) *failure {
	return func(r *Rank, a args) *failure {
		count, f := a.size(0, "count")
		if f != nil {
			return f
		}
		lengths, f := a.lengths(1, count)
		if f != nil {
			return f
		}
		displs, f := a.array(2, "displacements", count, a.wide || how == combinerHindexed)
		if f != nil {
			return f
		}
		old, f := a.anyType(3)
		if f != nil {
			return f
		}
		ints := append([]int64{count}, lengths...)
		c, bytes := a.made([]*datatype{old}, ints, displs), displs
		if how == combinerIndexed {
			bytes = scaled(displs, old.extent())
			c = a.made([]*datatype{old}, append(ints, displs...), nil)
		}
		t, f := indexed(lengths, bytes, old)
		return a.addType(4, t, f, how, c)
	}
}

// typeIndexedBlock makes MPI_Type_create_indexed_block and its like in bytes: (count, blocklength, displacements[],
// oldtype, *newtype).
func typeIndexedBlock(how combiner) func(*Rank, args) *failure {
	return func(r *Rank, a args) *failure {
		count, f := a.size(0, "count")
		if f != nil {
			return f
		}
		n, f := a.size(1, "block length")
		if f != nil {
			return f
		}
		displs, f := a.array(2, "displacements", count, a.wide || how == combinerHindexedBlock)
		if f != nil {
			return f
		}
		old, f := a.anyType(3)
		if f != nil {
			return f
		}
		c, bytes := a.made([]*datatype{old}, []int64{count, n}, displs), displs
		if how == combinerIndexedBlock {
			bytes = scaled(displs, old.extent())
			c = a.made([]*datatype{old}, append([]int64{count, n}, displs...), nil)
		}
		lengths := make([]int64, len(displs))
		for i := range lengths {
			lengths[i] = n
		}
		t, f := indexed(lengths, bytes, old)
		return a.addType(4, t, f, how, c)
	}
}

// MPI_Type_create_struct(count, lengths[], displacements[], types[], *newtype)
func typeStruct(r *Rank, a args) *failure {
	count, f := a.size(0, "count")
	if f != nil {
		return f
	}
	lengths, f := a.lengths(1, count)
	if f != nil {
		return f
	}
	displs, f := a.array(2, "displacements", count, true)
	if f != nil {
		return f
	}
	handles, f := a.handles(3, count)
	if f != nil {
		return f
	}
	types := make([]*datatype, count)
	for i := range types {
		if types[i], f = r.anyType(handles.get(int64(i))); f != nil {
			return f
		}
	}
	t, f := structure(lengths, displs, types)
	return a.addType(4, t, f, combinerStruct, a.made(types, append([]int64{count}, lengths...), displs))
}

// Orders of arrays.
const (
	orderC       = 12
	orderFortran = 15
)

// MPI_Type_create_subarray(ndims, sizes[], subsizes[], starts[], order, oldtype, *newtype)
func typeSubarray(r *Rank, a args) *failure {
	n := int64(a.int(0))
	if n < 1 || n > maxDims {
		return failf(errArg, "invalid number of dimensions %d", n)
	}
	var v [3][]int64
	for i, what := range []string{"sizes", "subsizes", "starts"} {
		var f *failure
		if v[i], f = a.array(1+i, what, n, a.wide); f != nil {
			return f
		}
	}
	order := int64(a.int(4))
	if order != orderC && order != orderFortran {
		return failf(errArg, "invalid order %d", order)
	}
	for i := range n {
		size, sub, begin := v[0][i], v[1][i], v[2][i]
		if size < 1 || sub < 1 || sub > size || begin < 0 || begin > size-sub {
			return failf(errArg, "dimension %d: %d elements from %d are not part of %d", i, sub, begin, size)
		}
	}
	old, f := a.anyType(5)
	if f != nil {
		return f
	}
	sizes, subsizes, starts := slowestFirst(v[0], order), slowestFirst(v[1], order), slowestFirst(v[2], order)
	t, f := subarray(sizes, subsizes, starts, old)
	c := contents{types: []*datatype{old}}
	if a.wide {
		c.ints, c.counts = []int64{n, order}, join(v[0], v[1], v[2])
	} else {
		c.ints = join([]int64{n}, v[0], v[1], v[2], []int64{order})
	}
	return a.addType(6, t, f, combinerSubarray, c)
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
func typeResized(r *Rank, a args) *failure {
	old, f := a.anyType(0)
	if f != nil {
		return f
	}
	lb, extent := a.byAint().count(1), a.byAint().count(2)
	t, f := resized(old, lb, extent)
	return a.addType(3, t, f, combinerResized, a.made([]*datatype{old}, nil, []int64{lb, extent}))
}

// MPI_Type_dup(oldtype, *newtype)
func typeDup(r *Rank, a args) *failure {
	old, f := a.anyType(0)
	if f != nil {
		return f
	}
	from, _, f := a.attributesOf(0, keyvalType) // of a predefined datatype, the rank's own
	if f != nil {
		return f
	}
	t := old.copy()
	t.committed, t.name = old.committed, old.name
	if f := a.addType(1, t, nil, combinerDup, contents{types: []*datatype{old}}); f != nil {
		return f
	}
	handle, f := a.getHandle(1, "newtype") // before the copy functions run, which may write there
	if f != nil {
		return f
	}
	if f := r.copyAttributes(keyvalType, a.handle(0), from, &t.attributes); f != nil {
		r.types.remove(handle)
		_ = a.putHandle(1, "newtype", datatypeNull)
		return f
	}
	return nil
}

// MPI_Type_commit(*datatype)
func typeCommit(r *Rank, a args) *failure {
	handle, f := a.getHandle(0, "datatype")
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
func typeFree(r *Rank, a args) *failure {
	handle, f := a.getHandle(0, "datatype")
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
	return a.putHandle(0, "datatype", datatypeNull)
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

func (a args) anyType(i int) (*datatype, *failure) { return a.r.anyType(a.handle(i)) }
