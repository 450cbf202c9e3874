package mpi

import "slices"

// external32 is the one representation of packed data that MPI defines (MPI 5.0, chapter 14.5.2): big endian, and with
// sizes of its own: MPI_AINT has 8 bytes, MPI_LONG 4 and MPI_WCHAR 2, whatever a program's have.

// external gives the bytes of a basic datatype in external32, and of the unit whose bytes are turned round.
func (t *datatype) external() (size, unit int64) {
	switch {
	case t.name == "MPI_AINT":
		return 8, 8
	case t.name == "MPI_LONG" || t.name == "MPI_UNSIGNED_LONG":
		return 4, 4
	case t.kind == kindWchar:
		return 2, 2
	case t.kind == kindRaw || t.kind == kindPacked || t.kind == kindChar:
		return t.size, 1
	case t.kind >= kindC32 && t.kind <= kindC256:
		return t.size, t.size / 2
	}
	return t.size, t.size
}

// externalSize is an elementary datatype's size in external32; derive adds up that of others.
func (t *datatype) externalSize() (n int64) {
	if len(t.members) == 0 {
		n, _ = t.external()
	}
	for _, m := range t.members {
		n += m.count * m.typ.external32
	}
	return n
}

// toExternal turns n elements, packed one after the other, into external32; fromExternal turns them back. Each takes
// what it needs from the front of in and gives the rest, and appends to out.
func (t *datatype) toExternal(out, in []byte, n int64) (outNow, inLeft []byte) {
	if t.size == 0 {
		return out, in
	}
	for range n {
		for _, m := range t.members {
			out, in = m.typ.toExternal(out, in, m.count)
		}
		if len(t.members) == 0 {
			size, unit := t.external()
			out = append(out, swapped(in[:t.size], size, unit)...)
			in = in[t.size:]
		}
	}
	return out, in
}

func (t *datatype) fromExternal(out, in []byte, n int64) (outNow, inLeft []byte) {
	if t.size == 0 {
		return out, in
	}
	for range n {
		for _, m := range t.members {
			out, in = m.typ.fromExternal(out, in, m.count)
		}
		if len(t.members) == 0 {
			size, unit := t.external()
			value := slices.Clone(in[:size])
			for i := int64(0); i < size; i += unit {
				slices.Reverse(value[i : i+unit])
			}
			out = append(out, resize(value, t.size, t.kind)...)
			in = in[size:]
		}
	}
	return out, in
}

// swapped is a little-endian value in another size, with each unit's bytes turned round.
func swapped(value []byte, size, unit int64) []byte {
	out := resize(slices.Clone(value), size, kindI32)
	for i := int64(0); i < size; i += unit {
		slices.Reverse(out[i : i+unit])
	}
	return out
}

// resize shortens or lengthens a little-endian integer, with its sign unless it is a character.
func resize(value []byte, size int64, k kind) []byte {
	if size <= int64(len(value)) {
		return value[:size]
	}
	fill := byte(0)
	if k != kindWchar && value[len(value)-1]&0x80 != 0 {
		fill = 0xff
	}
	for int64(len(value)) < size {
		value = append(value, fill)
	}
	return value
}

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
	out, f := outbuf.packed(r, outsize.int(), at, in.count*in.typ.external32)
	if f != nil {
		return f
	}
	native := make([]byte, in.bytes())
	side := whole(native)
	copySpan(&side, &in)
	data, _ := in.typ.toExternal(make([]byte, 0, out.count), native, in.count)
	copy(out.mem, data)
	return position.put(r, "position", at+out.count)
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
	in, f := inbuf.packed(r, insize.int(), at, out.count*out.typ.external32)
	if f != nil {
		return f
	}
	native, _ := out.typ.fromExternal(make([]byte, 0, out.bytes()), in.mem, out.count)
	side := whole(native)
	copySpan(&out, &side)
	return position.put(r, "position", at+in.count)
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
	each := t.external32
	if n < 0 || each > 0 && n > maxTypeBytes/each {
		return failf(errCount, "invalid count %d", n)
	}
	return size.put(r, "size", n*each)
}
