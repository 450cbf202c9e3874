package datatype

import "slices"

// external32 is the one representation of packed data that MPI defines (MPI 5.0, chapter 14.5.2): big endian, and with
// sizes of its own: MPI_AINT has 8 bytes, MPI_LONG 4 and MPI_WCHAR 2, whatever a program's have.

// external gives the bytes of a basic datatype in external32, and of the unit whose bytes are turned round.
func (t *Type) external() (size, unit int64) {
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

// External is how many bytes the span's data takes in external32.
func (s *Span) External() int64 { return s.Count * s.Type.external32 }

// PackExternal packs the span's data as external32 into External bytes.
func (s *Span) PackExternal(to []byte) {
	data, _ := s.Type.toExternal(make([]byte, 0, len(to)), s.Packed().Mem, s.Count)
	copy(to, data)
}

// UnpackExternal unpacks External bytes of external32 into the span.
func (s *Span) UnpackExternal(from []byte) {
	native, _ := s.Type.fromExternal(make([]byte, 0, s.Bytes()), from, s.Count)
	side := Whole(native)
	s.CopyFrom(&side)
}

// ExternalSize is how many bytes n elements take in external32; ok is false where n is negative or they are too many.
func (t *Type) ExternalSize(n int64) (size int64, ok bool) { return sizeOf(n, t.external32) }

// externalSize is an elementary datatype's size in external32; derive adds up that of others.
func (t *Type) externalSize() (n int64) {
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
func (t *Type) toExternal(out, in []byte, n int64) (outNow, inLeft []byte) {
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

func (t *Type) fromExternal(out, in []byte, n int64) (outNow, inLeft []byte) {
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
func resize(value []byte, size int64, k Kind) []byte {
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
