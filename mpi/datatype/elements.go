package datatype

import "math"

// member is count elements of a datatype in another's signature.
type member struct {
	typ   *Type
	count int64
}

// Basics is how many basic elements one element has.
func (t *Type) Basics() int64 { return t.basics }

// Elements counts the basic elements in the first bytes of a stream of the datatype, and tells how many bytes they
// leave. A stream that ends within a basic element has bytes left (MPI_Get_elements, MPI 5.0, chapter 5.1.11).
func (t *Type) Elements(bytes int64) (n, left int64) {
	if t.size == 0 {
		return 0, bytes
	}
	n, left = bytes/t.size*t.basics, bytes%t.size
	if left == 0 || len(t.members) == 0 {
		return n, left
	}
	for _, m := range t.members {
		whole := min(m.count, left/max(m.typ.size, 1))
		if m.typ.size == 0 {
			continue
		}
		n += whole * m.typ.basics
		left -= whole * m.typ.size
		if whole < m.count {
			more, rest := m.typ.Elements(left)
			return n + more, rest
		}
	}
	return n, left
}

// BytesOf is the size of the first n basic elements of a stream of the datatype; ok is false if n is negative or the
// size beyond an int64. A datatype without basic elements has no bytes either.
func (t *Type) BytesOf(n int64) (bytes int64, ok bool) {
	switch {
	case n < 0 || t.basics > 0 && n/t.basics > math.MaxInt64/max(t.size, 1):
		return 0, false
	case t.basics == 0:
		return 0, true
	}
	return n/t.basics*t.size + t.bytesOf(n%t.basics), true
}

// bytesOf is the size of the first n basic elements, fewer than one element of the datatype has.
func (t *Type) bytesOf(n int64) (bytes int64) {
	for _, m := range t.members {
		if n == 0 || m.typ.basics == 0 {
			continue
		}
		whole := min(m.count, n/m.typ.basics)
		bytes += whole * m.typ.size
		n -= whole * m.typ.basics
		if whole < m.count {
			return bytes + m.typ.bytesOf(n)
		}
	}
	return bytes
}
