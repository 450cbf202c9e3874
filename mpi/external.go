package mpi

// checkDatarep checks the name of the representation.
func (r call) checkDatarep(datarep stringIn) *failure {
	name, f := datarep.get(r, "datarep", 128)
	if f == nil && name != "external32" {
		f = failf(errArg, "unknown data representation %q", name)
	}
	return f
}

// MPI_Pack_external(datarep, inbuf, incount, datatype, outbuf, outsize, *position); the position and sizes are
// MPI_Aint, in the _c function MPI_Count.
func packExternal(r call, datarep stringIn, inbuf bufIn, incount countArg, datatype typeArg, outbuf memoryArg,
	outsize aintArg, position aintRef) *failure {
	if f := r.checkDatarep(datarep); f != nil {
		return f
	}
	in, f := r.spanAt(inbuf.address(), incount, datatype)
	if f != nil {
		return f
	}
	at, f := position.get(r, "position")
	if f != nil {
		return f
	}
	out, f := outbuf.packed(r, outsize.int(), at, in.External())
	if f != nil {
		return f
	}
	in.PackExternal(out.Mem)
	return position.put(r, "position", at+out.Count)
}

// MPI_Unpack_external(datarep, inbuf, insize, *position, outbuf, outcount, datatype)
func unpackExternal(r call, datarep stringIn, inbuf memoryArg, insize aintArg, position aintRef, outbuf bufOut,
	outcount countArg, datatype typeArg) *failure {
	if f := r.checkDatarep(datarep); f != nil {
		return f
	}
	out, f := r.spanAt(outbuf.address(), outcount, datatype)
	if f != nil {
		return f
	}
	at, f := position.get(r, "position")
	if f != nil {
		return f
	}
	in, f := inbuf.packed(r, insize.int(), at, out.External())
	if f != nil {
		return f
	}
	out.UnpackExternal(in.Mem)
	return position.put(r, "position", at+in.Count)
}

// MPI_Pack_external_size(datarep, incount, datatype, *size)
func packExternalSize(r call, datarep stringIn, incount countArg, datatype typeArg, size aintOut) *failure {
	if f := r.checkDatarep(datarep); f != nil {
		return f
	}
	n := incount.of(r)
	t, f := datatype.of(r)
	if f != nil {
		return f
	}
	bytes, ok := t.ExternalSize(n)
	if !ok {
		return failf(errCount, "invalid count %d", n)
	}
	return size.put(r, "size", bytes)
}
