package mpi

// Packed data is the bytes of the type map one after the other: all ranks have the same machine, wasm64.

// MPI_Pack(inbuf, incount, datatype, outbuf, outsize, *position, comm); in the _c function sizes and the position are
// MPI_Count.
func pack(r *Rank, a args) *failure {
	c, f := a.comm(6)
	if f != nil {
		return f
	}
	in, f := a.span(0, 1, 2)
	if f != nil {
		return f.on(c)
	}
	out, position, f := a.packed(3, 4, 5, in.bytes())
	if f != nil {
		return f.on(c)
	}
	copySpan(&out, &in)
	return a.putCount(5, "position", position+in.bytes()).on(c)
}

// MPI_Unpack(inbuf, insize, *position, outbuf, outcount, datatype, comm)
func unpack(r *Rank, a args) *failure {
	c, f := a.comm(6)
	if f != nil {
		return f
	}
	out, f := a.span(3, 4, 5)
	if f != nil {
		return f.on(c)
	}
	in, position, f := a.packed(0, 1, 2, out.bytes())
	if f != nil {
		return f.on(c)
	}
	copySpan(&out, &in)
	return a.putCount(2, "position", position+out.bytes()).on(c)
}

// packed gives n bytes at the position in a packing buffer.
func (a args) packed(buf, size, position int, n int64) (span, int64, *failure) {
	length := a.count(size)
	if length < 0 {
		return span{}, 0, failf(errArg, "invalid buffer size %d", length)
	}
	at, f := a.getCount(position, "position")
	if f != nil {
		return span{}, 0, f
	}
	if at < 0 || at > length || n > length-at {
		return span{}, 0, failf(errTruncate, "%d bytes at position %d exceed a buffer of %d bytes", n, at, length)
	}
	b := a.r.piece(a.address(buf), length)
	if b == nil || a.address(buf) == null && n > 0 {
		return span{}, 0, failf(errBuffer, "the packing buffer at %#x, %d bytes, is outside the memory", a.address(buf),
			length)
	}
	return whole(b[at : at+n]), at, nil
}

// getCount reads the int, or in a _c function the MPI_Count, that an argument points at.
func (a args) getCount(i int, what string) (int64, *failure) {
	n := int64(4)
	if a.wide {
		n = 8
	}
	b, f := a.pointer(i, what, n)
	if f != nil {
		return 0, f
	}
	return element(b, 0, a.wide), nil
}

// MPI_Pack_size(incount, datatype, comm, *size)
func packSize(r *Rank, a args) *failure {
	c, f := a.comm(2)
	if f != nil {
		return f
	}
	n := a.count(0)
	t, f := a.anyType(1)
	if f != nil {
		return f.on(c)
	}
	if n < 0 || t.size > 0 && n > maxTypeBytes/t.size {
		return c.failf(errCount, "invalid count %d", n)
	}
	return a.putCount(3, "size", n*t.size).on(c)
}
