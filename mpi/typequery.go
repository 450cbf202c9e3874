package mpi

import "github.com/faasmrun/faasmrun/mpi/datatype"

// asLarge makes a function of one of the older _x names, whose counts are MPI_Count as in a _c function.
func asLarge(f function) function {
	return function{kinds: f.kinds, call: func(r call, s []uint64) *failure {
		r.large = true
		return f.call(r, s)
	}}
}

// MPI_Type_size(datatype, *size)
func typeSize(r call, datatype typeArg, size countOut) *failure {
	t, f := datatype.of(r)
	if f != nil {
		return f
	}
	return size.put(r, "size", t.Size())
}

// MPI_Type_get_extent(datatype, *lb, *extent)
func typeGetExtent(r call, datatype typeArg, lb, extent aintOut) *failure {
	t, f := datatype.of(r)
	if f != nil {
		return f
	}
	if f := lb.put(r, "lb", t.LB()); f != nil {
		return f
	}
	return extent.put(r, "extent", t.Extent())
}

// MPI_Type_get_true_extent(datatype, *true_lb, *true_extent)
func typeGetTrueExtent(r call, datatype typeArg, lb, extent aintOut) *failure {
	t, f := datatype.of(r)
	if f != nil {
		return f
	}
	lower, upper := t.TrueBounds()
	if f := lb.put(r, "true_lb", lower); f != nil {
		return f
	}
	return extent.put(r, "true_extent", upper-lower)
}

// typeBound makes MPI-1's MPI_Type_extent, MPI_Type_lb and MPI_Type_ub: (datatype, *value).
func typeBound(bound func(*datatype.Type) int64) func(call, typeArg, aintOut) *failure {
	return func(r call, datatype typeArg, value aintOut) *failure {
		t, f := datatype.of(r)
		if f != nil {
			return f
		}
		return value.put(r, "bound", bound(t))
	}
}

// MPI_Type_get_envelope(datatype, *ints, *addresses, *datatypes, *combiner)
func typeGetEnvelope(r call, datatype typeArg, ints, addresses, datatypes, combiner intOut) *failure {
	t, f := datatype.of(r)
	if f != nil {
		return f
	}
	c := t.Contents()
	if c.Large {
		return failf(errType, "the datatype was made with large counts: ask with MPI_Type_get_envelope_c")
	}
	for i, n := range []int{len(c.Ints), len(c.Aints), len(c.Types)} {
		if f := []intOut{ints, addresses, datatypes}[i].put(r, "number", int32(n)); f != nil {
			return f
		}
	}
	return combiner.put(r, "combiner", int32(t.Combiner()))
}

// MPI_Type_get_envelope_c(datatype, *ints, *addresses, *counts, *datatypes, *combiner)
func typeGetEnvelopeLarge(r call, datatype typeArg, ints, addresses, counts, datatypes countOut,
	combiner intOut) *failure {
	t, f := datatype.of(r)
	if f != nil {
		return f
	}
	c := t.Contents()
	for i, n := range []int{len(c.Ints), len(c.Aints), len(c.Counts), len(c.Types)} {
		if f := []countOut{ints, addresses, counts, datatypes}[i].put(r, "number", int64(n)); f != nil {
			return f
		}
	}
	return combiner.put(r, "combiner", int32(t.Combiner()))
}

// MPI_Type_get_contents(datatype, max_ints, max_addresses, max_datatypes, ints[], addresses[], datatypes[]). Datatypes
// given are new handles unless predefined.
func typeGetContents(r call, datatype typeArg, maxInts, maxAddresses, maxDatatypes countArg, ints intsOut,
	addresses aintsOut, datatypes typesOut) *failure {
	c, f := datatype.contents(r)
	if f != nil {
		return f
	}
	if c.Large {
		return failf(errType, "the datatype was made with large counts: ask with MPI_Type_get_contents_c")
	}
	for i, n := range []int{len(c.Ints), len(c.Aints), len(c.Types)} {
		if f := []countArg{maxInts, maxAddresses, maxDatatypes}[i].holds(r, n); f != nil {
			return f
		}
	}
	if f := ints.put(r, "integers", c.Ints); f != nil {
		return f
	}
	if f := addresses.put(r, "addresses", c.Aints); f != nil {
		return f
	}
	return r.putTypes(datatypes, c.Types)
}

// MPI_Type_get_contents_c(datatype, max_ints, max_addresses, max_counts, max_datatypes, ints[], addresses[], counts[],
// datatypes[])
func typeGetContentsLarge(r call, datatype typeArg, maxInts, maxAddresses, maxCounts, maxDatatypes countArg,
	ints intsOut, addresses aintsOut, counts countsOut, datatypes typesOut) *failure {
	c, f := datatype.contents(r)
	if f != nil {
		return f
	}
	for i, n := range []int{len(c.Ints), len(c.Aints), len(c.Counts), len(c.Types)} {
		if f := []countArg{maxInts, maxAddresses, maxCounts, maxDatatypes}[i].holds(r, n); f != nil {
			return f
		}
	}
	if f := ints.put(r, "integers", c.Ints); f != nil {
		return f
	}
	if f := addresses.put(r, "addresses", c.Aints); f != nil {
		return f
	}
	if f := counts.put(r, "counts", c.Counts); f != nil {
		return f
	}
	return r.putTypes(datatypes, c.Types)
}

// contents are what a datatype that is not predefined was made with.
func (v typeArg) contents(r call) (*datatype.Contents, *failure) {
	t, f := v.of(r)
	if f != nil {
		return nil, f
	}
	if t.Named() {
		return nil, failf(errType, "%s is predefined and has no contents", t.Title())
	}
	return t.Contents(), nil
}

// holds checks that an array of so many elements has room for n.
func (v countArg) holds(r call, n int) *failure {
	if v.of(r) < int64(n) {
		return failf(errArg, "room for %d values, and there are %d", v.of(r), n)
	}
	return nil
}

// putTypes gives handles of datatypes.
func (r call) putTypes(out typesOut, types []*datatype.Type) *failure {
	handles := make([]int64, len(types))
	for i, old := range types {
		handle := old.Handle()
		if !old.Named() {
			var ok bool
			if handle, ok = r.types.add(kindDatatype, old); !ok {
				return failf(errNoMem, "more than %d datatypes", maxObjects)
			}
		}
		handles[i] = int64(handle)
	}
	return out.put(r, "datatypes", handles)
}

// MPI_Type_get_name(datatype, *name, *resultlen)
func typeGetName(r call, datatype typeArg, to stringOut, resultlen intOut) *failure {
	if datatype.handle() == datatypeNull {
		return to.put(r, "name", "MPI_DATATYPE_NULL", maxObjectName, resultlen)
	}
	t, f := datatype.of(r)
	if f != nil {
		return f
	}
	name := t.Name()
	if given, ok := r.typeNames[t.Handle()]; ok && t.Named() {
		name = given
	}
	return to.put(r, "name", name, maxObjectName, resultlen)
}

const maxObjectName = 128

// MPI_Type_set_name(datatype, *name)
func typeSetName(r call, datatype typeArg, from stringIn) *failure {
	t, f := datatype.of(r)
	if f != nil {
		return f
	}
	name, f := from.get(r, "name", maxObjectName)
	if f != nil {
		return f
	}
	if t.Named() {
		if r.typeNames == nil {
			r.typeNames = map[uint32]string{}
		}
		r.typeNames[t.Handle()] = name
		return nil
	}
	t.SetName(name)
	return nil
}

// MPI_Get_address(location, *address): linear memory begins at 0, so an address is its own displacement from
// MPI_BOTTOM.
func getAddress(r call, location addressArg, address aintOut) *failure {
	return address.put(r, "address", int64(location.address()))
}

// getElements makes MPI_Get_elements: (*status, datatype, *count).
func getElements(r call, status statusIn, datatype typeArg, count countOut) *failure {
	b, f := status.at(r)
	if f != nil {
		return f
	}
	t, f := datatype.of(r)
	if f != nil {
		return f
	}
	s := getStatus(b)
	if t.Size() == 0 && s.bytes > 0 {
		return count.put(r, "count", undefined)
	}
	n, left := t.Elements(s.bytes)
	if left != 0 {
		n = undefined
	}
	return count.put(r, "count", n)
}

// MPI_Type_match_size(typeclass, size, *datatype)
func typeMatchSize(r call, typeclass, size intArg, out typeOut) *failure {
	t := datatype.Sized(datatype.Class(typeclass.int()), size.int())
	if t == nil {
		return failf(errArg, "no datatype of class %d has %d bytes", typeclass.int(), size.int())
	}
	return out.put(r, "datatype", t.Handle())
}
