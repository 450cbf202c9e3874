package mpi

// wide makes a function of one of the older _x names, whose counts are MPI_Count as in a _c function.
func wide(f func(*Rank, args) *failure) func(*Rank, args) *failure {
	return func(r *Rank, a args) *failure {
		a.wide = true
		return f(r, a)
	}
}

// MPI_Type_size(datatype, *size)
func typeSize(r *Rank, a args) *failure {
	t, f := a.anyType(0)
	if f != nil {
		return f
	}
	return a.putCount(1, "size", t.size)
}

// putBound writes an MPI_Aint, or an MPI_Count in a _c function.
func (a args) putBound(i int, what string, v int64) *failure {
	return a.putLong(i, what, v)
}

// MPI_Type_get_extent(datatype, *lb, *extent)
func typeGetExtent(r *Rank, a args) *failure {
	t, f := a.anyType(0)
	if f != nil {
		return f
	}
	if f := a.putBound(1, "lb", t.lb); f != nil {
		return f
	}
	return a.putBound(2, "extent", t.extent())
}

// MPI_Type_get_true_extent(datatype, *true_lb, *true_extent)
func typeGetTrueExtent(r *Rank, a args) *failure {
	t, f := a.anyType(0)
	if f != nil {
		return f
	}
	if f := a.putBound(1, "true_lb", t.trueLB); f != nil {
		return f
	}
	return a.putBound(2, "true_extent", t.trueUB-t.trueLB)
}

// typeBound makes MPI-1's MPI_Type_extent, MPI_Type_lb and MPI_Type_ub: (datatype, *value).
func typeBound(bound func(*datatype) int64) func(*Rank, args) *failure {
	return func(r *Rank, a args) *failure {
		t, f := a.anyType(0)
		if f != nil {
			return f
		}
		return a.putBound(1, "bound", bound(t))
	}
}

// MPI_Type_get_envelope(datatype, *ints, *addresses, *datatypes, *combiner); the _c function also gives the large
// counts: (datatype, *ints, *addresses, *counts, *datatypes, *combiner), all of MPI_Count but the combiner.
func typeGetEnvelope(r *Rank, a args) *failure {
	t, f := a.anyType(0)
	if f != nil {
		return f
	}
	c := &t.contents
	if t.combiner == combinerNamed {
		c = &contents{}
	}
	if c.large && !a.wide {
		return failf(errType, "the datatype was made with large counts: ask with MPI_Type_get_envelope_c")
	}
	numbers := []int64{int64(len(c.ints)), int64(len(c.aints)), int64(len(c.types))}
	if a.wide {
		numbers = []int64{int64(len(c.ints)), int64(len(c.aints)), int64(len(c.counts)), int64(len(c.types))}
	}
	for i, n := range numbers {
		if f := a.putCount(1+i, "number", n); f != nil {
			return f
		}
	}
	return a.putInt(1+len(numbers), "combiner", int32(t.combiner))
}

// MPI_Type_get_contents(datatype, max_ints, max_addresses, max_datatypes, ints[], addresses[], datatypes[]); the _c
// function has max_counts and counts[] before those of the datatypes. Datatypes given are new handles unless
// predefined.
func typeGetContents(r *Rank, a args) *failure {
	t, f := a.anyType(0)
	if f != nil {
		return f
	}
	c := &t.contents
	if t.combiner == combinerNamed {
		return failf(errType, "%s is predefined and has no contents", t.title())
	}
	if c.large && !a.wide {
		return failf(errType, "the datatype was made with large counts: ask with MPI_Type_get_contents_c")
	}
	room, first := 3, 4
	if a.wide {
		room, first = 4, 5
	}
	sizes := []int{len(c.ints), len(c.aints), len(c.types)}
	if a.wide {
		sizes = []int{len(c.ints), len(c.aints), len(c.counts), len(c.types)}
	}
	for i := range room {
		if a.count(1+i) < int64(sizes[i]) {
			return failf(errArg, "room for %d values, and there are %d", a.count(1+i), sizes[i])
		}
	}
	if f := a.putArray(first, "integers", c.ints, false); f != nil {
		return f
	}
	if f := a.putArray(first+1, "addresses", c.aints, true); f != nil {
		return f
	}
	if a.wide {
		if f := a.putArray(first+2, "counts", c.counts, true); f != nil {
			return f
		}
	}
	handles := make([]int64, len(c.types))
	for i, old := range c.types {
		handle := old.handle
		if old.combiner != combinerNamed {
			var ok bool
			if handle, ok = r.types.add(kindDatatype, old); !ok {
				return failf(errNoMem, "more than %d datatypes", maxObjects)
			}
		}
		handles[i] = int64(handle)
	}
	return a.putArray(first+room-1, "datatypes", handles, true)
}

// MPI_Type_get_name(datatype, *name, *resultlen)
func typeGetName(r *Rank, a args) *failure {
	if a.handle(0) == datatypeNull {
		return a.putString(1, "name", "MPI_DATATYPE_NULL", maxObjectName, 2)
	}
	t, f := a.anyType(0)
	if f != nil {
		return f
	}
	name := t.name
	if given, ok := r.typeNames[t.handle]; ok && t.combiner == combinerNamed {
		name = given
	}
	return a.putString(1, "name", name, maxObjectName, 2)
}

const maxObjectName = 128

// MPI_Type_set_name(datatype, *name)
func typeSetName(r *Rank, a args) *failure {
	t, f := a.anyType(0)
	if f != nil {
		return f
	}
	name, f := a.getString(1, "name", maxObjectName)
	if f != nil {
		return f
	}
	if t.combiner == combinerNamed {
		if r.typeNames == nil {
			r.typeNames = map[uint32]string{}
		}
		r.typeNames[t.handle] = name
		return nil
	}
	t.name = name
	return nil
}

// MPI_Get_address(location, *address): linear memory begins at 0, so an address is its own displacement from
// MPI_BOTTOM.
func getAddress(r *Rank, a args) *failure { return a.putWord(1, "address", a.address(0)) }

// getElements makes MPI_Get_elements: (*status, datatype, *count).
func getElements(r *Rank, a args) *failure {
	b, f := a.pointer(0, "status", statusSize)
	if f != nil {
		return f
	}
	t, f := a.anyType(1)
	if f != nil {
		return f
	}
	s := getStatus(b)
	if t.size == 0 && s.bytes > 0 {
		return a.putCount(2, "count", undefined)
	}
	n, left := t.elements(s.bytes)
	if left != 0 {
		n = undefined
	}
	return a.putCount(2, "count", n)
}

// Classes of types, for MPI_Type_match_size.
const (
	typeclassInteger = 192
	typeclassReal    = 193
	typeclassComplex = 194
)

// MPI_Type_match_size(typeclass, size, *datatype)
func typeMatchSize(r *Rank, a args) *failure {
	names := map[[2]int32]string{
		{typeclassInteger, 1}: "MPI_INTEGER1", {typeclassInteger, 2}: "MPI_INTEGER2", {typeclassInteger, 4}: "MPI_INTEGER4",
		{typeclassInteger, 8}: "MPI_INTEGER8", {typeclassInteger, 16}: "MPI_INTEGER16",
		{typeclassReal, 2}: "MPI_REAL2", {typeclassReal, 4}: "MPI_REAL4", {typeclassReal, 8}: "MPI_REAL8",
		{typeclassReal, 16}:   "MPI_REAL16",
		{typeclassComplex, 4}: "MPI_COMPLEX4", {typeclassComplex, 8}: "MPI_COMPLEX8", {typeclassComplex, 16}: "MPI_COMPLEX16",
		{typeclassComplex, 32}: "MPI_COMPLEX32",
	}
	if name, ok := names[[2]int32{a.int(0), a.int(1)}]; ok {
		for _, p := range predefined {
			if p.name == name {
				return a.putHandle(2, "datatype", p.handle)
			}
		}
	}
	return failf(errArg, "no datatype of class %d has %d bytes", a.int(0), a.int(1))
}
