package engine

import "fmt"

// reader reads a section. The first failure sticks; after it every read gives zero and nothing moves.
type reader struct {
	b   []byte
	pos int
	err error
}

func (r *reader) left() int { return len(r.b) - r.pos }

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

func (r *reader) u8() byte {
	if r.err != nil || r.left() < 1 {
		r.fail("ends too early")
		return 0
	}
	r.pos++
	return r.b[r.pos-1]
}

func (r *reader) bytes(n int) []byte {
	if r.err != nil || n < 0 || n > r.left() {
		r.fail("ends too early")
		return nil
	}
	r.pos += n
	return r.b[r.pos-n : r.pos]
}

func (r *reader) u32() uint32 {
	v := r.leb(5)
	if v > 1<<32-1 {
		r.fail("a number is too large")
		return 0
	}
	return uint32(v)
}

func (r *reader) u64() uint64 { return r.leb(10) }

func (r *reader) leb(longest int) (v uint64) {
	for i := 0; i < longest; i++ {
		c := r.u8()
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			return v
		}
	}
	r.fail("a number is too long")
	return 0
}

// s64 reads any signed number of at most 64 bits.
func (r *reader) s64() int64 {
	var v uint64
	for shift := 0; shift < 70; shift += 7 {
		c := r.u8()
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			if shift < 57 && c&0x40 != 0 {
				v |= ^uint64(0) << (shift + 7)
			}
			return int64(v)
		}
	}
	r.fail("a number is too long")
	return 0
}

// count reads the length of a vector, whose elements take at least a byte each.
func (r *reader) count() uint32 {
	n := r.u32()
	if r.err == nil && int64(n) > int64(r.left()) {
		r.fail("says %d entries in %d bytes", n, r.left())
		return 0
	}
	return n
}

func (r *reader) name() string { return string(r.bytes(int(r.u32()))) }

func (r *reader) nameMap(visit func(index uint32, name string)) {
	for n := r.count(); n > 0 && r.err == nil; n-- {
		index := r.u32()
		name := r.bytes(int(r.u32()))
		if visit != nil && r.err == nil {
			visit(index, string(name))
		}
	}
}
