package wasi

import "encoding/binary"

// args are a call's arguments, one word each. The engine leaves garbage in the upper half of an i32's word.
type args []uint64

func (a args) u32(i int) uint32 { return uint32(a[i]) }
func (a args) u64(i int) uint64 { return a[i] }

// memory is a rank's linear memory as of this call. Nothing in it can be trusted: every access goes through bytes.
type memory []byte

// bytes returns the n bytes at ptr, or false when they do not all lie in memory.
func (m memory) bytes(ptr, n uint32) ([]byte, bool) {
	end := uint64(ptr) + uint64(n)
	if end > uint64(len(m)) {
		return nil, false
	}
	return m[ptr:end:end], true
}

// array returns the count elements of size bytes at ptr. count times size can't overflow: 2^32 times a small size.
func (m memory) array(ptr, count, size uint32) ([]byte, bool) {
	n := uint64(count) * uint64(size)
	if uint64(ptr)+n > uint64(len(m)) {
		return nil, false
	}
	return m[ptr : uint64(ptr)+n : uint64(ptr)+n], true
}

func (m memory) putU32(ptr, v uint32) errno {
	b, ok := m.bytes(ptr, 4)
	if !ok {
		return eFAULT
	}
	binary.LittleEndian.PutUint32(b, v)
	return success
}

func (m memory) putU64(ptr uint32, v uint64) errno {
	b, ok := m.bytes(ptr, 8)
	if !ok {
		return eFAULT
	}
	binary.LittleEndian.PutUint64(b, v)
	return success
}

func (p *Process) mem() memory { return memory(p.memory()) }

// Bounds of a vectored read or write, those of Linux: more vectors or bytes than this make it a short one.
const (
	maxVectors  = 1024
	maxTransfer = 0x7ffff000
)

// vectors returns the buffers that count iovecs at ptr describe, without the empty ones, and their bytes in all. The result
// is built in buf.
//
//	iovec: buf u32 · buf_len u32
func (m memory) vectors(buf [][]byte, ptr, count uint32) (bufs [][]byte, total int, e errno) {
	array, ok := m.array(ptr, count, 8)
	if !ok {
		return nil, 0, eFAULT
	}
	bufs = buf[:0]
	for ; len(array) > 0; array = array[8:] {
		b, ok := m.bytes(binary.LittleEndian.Uint32(array), binary.LittleEndian.Uint32(array[4:]))
		if !ok {
			return nil, 0, eFAULT
		}
		b = b[:min(len(b), maxTransfer-total)]
		if len(b) > 0 && len(bufs) < maxVectors {
			bufs = append(bufs, b)
			total += len(b)
		}
	}
	return bufs, total, success
}
