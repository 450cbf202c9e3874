package wasm

import (
	"fmt"
	"unicode/utf8"
)

// parser reads the binary format. Its first error stays, and from then on it reads zeros, so that callers test once.
type parser struct {
	data []byte
	at   int
	base int // of data in the module
	err  *Error
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = errorAt(p.base+p.at, format, args...)
	}
	p.at = len(p.data)
}

func (p *parser) more() bool { return p.err == nil && p.at < len(p.data) }

func (p *parser) byte() byte {
	if p.at >= len(p.data) {
		p.fail("the module ends too early")
		return 0
	}
	b := p.data[p.at]
	p.at++
	return b
}

// bytes returns the next n bytes, which stay the input's.
func (p *parser) bytes(n int) []byte {
	if n < 0 || n > len(p.data)-p.at {
		p.fail("the module ends too early")
		return nil
	}
	b := p.data[p.at : p.at+n : p.at+n]
	p.at += n
	return b
}

func (p *parser) u32() uint32 {
	v, n := uleb32(p.data[p.at:])
	if n <= 0 {
		p.failInteger(n)
		return 0
	}
	p.at += n
	return v
}

// u64 is u32 for the limits of memories and tables of 64 bits.
func (p *parser) u64() uint64 {
	v, n := uleb64(p.data[p.at:], 64)
	if n <= 0 {
		p.failInteger(n)
		return 0
	}
	p.at += n
	return v
}

func (p *parser) failInteger(n int) {
	if n == 0 {
		p.fail("the module ends too early")
		return
	}
	p.fail("an integer is too long or too large")
}

// count reads how many entries follow, of which each takes at least min bytes.
func (p *parser) count(min int, what string) int {
	n := p.u32()
	if p.err == nil && uint64(n)*uint64(min) > uint64(len(p.data)-p.at) {
		p.fail("%d %s cannot fit into the %d bytes that are left", n, what, len(p.data)-p.at)
	}
	if p.err != nil {
		return 0
	}
	return int(n)
}

func (p *parser) name() string {
	b := p.bytes(int(p.u32()))
	if !utf8.Valid(b) {
		p.at -= len(b)
		p.fail("a name is not UTF-8")
		return ""
	}
	return string(b)
}

// flag reads a byte that is 0 or 1, and reports whether it is 1.
func (p *parser) flag(what string) bool {
	b := p.byte()
	if b > 1 {
		p.at--
		p.fail("%s is %#x and must be 0 or 1", what, b)
	}
	return b == 1
}

func (p *parser) valueType() ValueType {
	t := ValueType(p.byte())
	if p.err == nil && !t.known() {
		p.at--
		p.fail("%s", unknownType(t))
		return Unknown
	}
	return t
}

func (p *parser) referenceType() ValueType {
	t := p.valueType()
	if p.err == nil && !t.IsReference() {
		p.at--
		p.fail("%s is not a reference type", t)
	}
	return t
}

// unknownType explains a byte that stands where a type should.
func unknownType(t ValueType) string {
	if t == 0x63 || t == 0x64 || t > 0x64 && t < V128 {
		return fmt.Sprintf("type %#x belongs to typed function references or garbage collection, which are not supported",
			byte(t))
	}
	return fmt.Sprintf("%#x is not a type", byte(t))
}

// uleb32 reads an unsigned integer and how many bytes it took: 0 if they ran out, negative if it is malformed.
func uleb32(b []byte) (uint32, int) {
	if len(b) > 0 && b[0] < 0x80 {
		return uint32(b[0]), 1
	}
	v, n := uleb64(b, 32)
	return uint32(v), n
}

func uleb64(b []byte, bits uint) (uint64, int) {
	var v uint64
	for i, shift := 0, uint(0); shift < bits; i, shift = i+1, shift+7 {
		if i == len(b) {
			return 0, 0
		}
		c := b[i]
		v |= uint64(c&0x7f) << shift
		if left := bits - shift; left < 7 && c&0x7f>>left != 0 {
			return 0, -1
		}
		if c < 0x80 {
			return v, i + 1
		}
	}
	return 0, -1
}

// sleb reads a signed integer of 32, 33 or 64 bits as uleb32 reads an unsigned one.
func sleb(b []byte, bits uint) (int64, int) {
	var v int64
	for i, shift := 0, uint(0); shift < bits; i, shift = i+1, shift+7 {
		if i == len(b) {
			return 0, 0
		}
		c := b[i]
		v |= int64(c&0x7f) << shift
		if left := bits - shift; left < 7 {
			// The bits beyond the last one must repeat it.
			if rest := int8(c<<1) >> left; rest != 0 && rest != -1 {
				return 0, -1
			}
		}
		if c < 0x80 {
			if shift += 7; shift < 64 && c&0x40 != 0 {
				v |= -1 << shift
			}
			return v, i + 1
		}
	}
	return 0, -1
}

// AppendU32 appends an unsigned integer in its shortest form.
func AppendU32(b []byte, v uint32) []byte { return appendULEB(b, uint64(v)) }

// AppendU64 appends an unsigned integer in its shortest form.
func AppendU64(b []byte, v uint64) []byte { return appendULEB(b, v) }

// AppendS64 appends a signed integer in its shortest form.
func AppendS64(b []byte, v int64) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

func appendULEB(b []byte, v uint64) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}
