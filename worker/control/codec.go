package control

import (
	"encoding/binary"
	"errors"
)

// encoder and decoder write and read a message's fields one after another.
type encoder struct{ b []byte }

func (e *encoder) uint(v uint64) { e.b = binary.AppendUvarint(e.b, v) }
func (e *encoder) bool(v bool) {
	if v {
		e.uint(1)
	} else {
		e.uint(0)
	}
}
func (e *encoder) int(v int32)     { e.b = binary.AppendVarint(e.b, int64(v)) }
func (e *encoder) string(s string) { e.uint(uint64(len(s))); e.b = append(e.b, s...) }
func (e *encoder) bytes(s []byte)  { e.uint(uint64(len(s))); e.b = append(e.b, s...) }

func list[T any](e *encoder, items []T, one func(*encoder, T)) {
	e.uint(uint64(len(items)))
	for _, item := range items {
		one(e, item)
	}
}

var errShort = errors.New("it ends early")

// decoder keeps its first error; after one, everything it reads is zero.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) uint32() uint32 {
	v := d.uint()
	if v > 1<<32-1 {
		d.fail()
		return 0
	}
	return uint32(v)
}

func (d *decoder) int() int32 {
	v, n := binary.Varint(d.b)
	if n <= 0 || v != int64(int32(v)) {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return int32(v)
}

func (d *decoder) bool() bool { return d.uint() != 0 }

func (d *decoder) bytes() []byte {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.fail()
		return nil
	}
	s := d.b[:n:n]
	d.b = d.b[n:]
	return s
}

func (d *decoder) string() string { return string(d.bytes()) }

func (d *decoder) fail() {
	if d.err == nil {
		d.err = errShort
	}
	d.b = nil
}

// decodeList grows with what is there: an item takes at least one byte, so a length beyond the rest is a lie.
func decodeList[T any](d *decoder, one func(*decoder) T) []T {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.fail()
		return nil
	}
	var items []T
	for ; n > 0 && d.err == nil; n-- {
		items = append(items, one(d))
	}
	return items
}
