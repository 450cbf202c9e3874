package mpi

import "github.com/faasmrun/faasmrun/mpi/datatype"

// Packed data is the bytes of the type map one after the other: all ranks have the same machine, wasm64.

// MPI_Pack(inbuf, incount, datatype, outbuf, outsize, *position, comm); in the _c function sizes and the position are
// MPI_Count.
func pack(r call, inbuf bufIn, incount countArg, datatype typeArg, outbuf memoryArg, outsize countArg,
	position countRef, comm commArg) *failure {
	c, f := comm.of(r)
	if f != nil {
		return f
	}
	in, f := r.spanAt(inbuf.address(), incount, datatype)
	if f != nil {
		return f.on(c)
	}
	at, f := position.get(r, "position")
	if f != nil {
		return f.on(c)
	}
	out, f := outbuf.packed(r, outsize.of(r), at, in.Bytes())
	if f != nil {
		return f.on(c)
	}
	out.CopyFrom(&in)
	return position.put(r, "position", at+in.Bytes()).on(c)
}

// MPI_Unpack(inbuf, insize, *position, outbuf, outcount, datatype, comm)
func unpack(r call, inbuf memoryArg, insize countArg, position countRef, outbuf bufOut, outcount countArg,
	datatype typeArg, comm commArg) *failure {
	c, f := comm.of(r)
	if f != nil {
		return f
	}
	out, f := r.spanAt(outbuf.address(), outcount, datatype)
	if f != nil {
		return f.on(c)
	}
	at, f := position.get(r, "position")
	if f != nil {
		return f.on(c)
	}
	in, f := inbuf.packed(r, insize.of(r), at, out.Bytes())
	if f != nil {
		return f.on(c)
	}
	out.CopyFrom(&in)
	return position.put(r, "position", at+out.Bytes()).on(c)
}

// packed gives n bytes at a position in a packing buffer of so many bytes.
func (v memoryArg) packed(r call, size, position, n int64) (datatype.Span, *failure) {
	if size < 0 {
		return datatype.Span{}, failf(errArg, "invalid buffer size %d", size)
	}
	if position < 0 || position > size || n > size-position {
		return datatype.Span{}, failf(errTruncate, "%d bytes at position %d exceed a buffer of %d bytes", n, position, size)
	}
	if v.address() < max(r.lowest, null+1) {
		if n > 0 {
			return datatype.Span{}, failf(errBuffer, "the packing buffer is a null pointer (%#x)", v.address())
		}
		return datatype.Whole(nil), nil
	}
	b := r.piece(v.address(), size)
	if b == nil {
		return datatype.Span{}, failf(errBuffer, "the packing buffer at %#x, %d bytes, is outside the memory", v.address(),
			size)
	}
	return datatype.Whole(b[position : position+n]), nil
}

// MPI_Pack_size(incount, datatype, comm, *size)
func packSize(r call, incount countArg, datatype typeArg, comm commArg, size countOut) *failure {
	c, f := comm.of(r)
	if f != nil {
		return f
	}
	n := incount.of(r)
	t, f := datatype.of(r)
	if f != nil {
		return f.on(c)
	}
	bytes, ok := t.PackSize(n)
	if !ok {
		return c.failf(errCount, "invalid count %d", n)
	}
	return size.put(r, "size", bytes).on(c)
}
