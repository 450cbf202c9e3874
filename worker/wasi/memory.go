package wasi

import "encoding/binary"

// args are a call's arguments, one word each, and the data model of the guest. The engine leaves garbage in the upper
// half of an i32's word.
type args struct {
	stack   []uint64
	wide    bool
	pending *Pending // nil: the call cannot be broken off
}

func (a args) u32(i int) uint32 { return uint32(a.stack[i]) }
func (a args) u64(i int) uint64 { return a.stack[i] }

// ptr is a pointer or a size.
func (a args) ptr(i int) uint64 {
	if a.wide {
		return a.stack[i]
	}
	return uint64(uint32(a.stack[i]))
}

// width is how many bytes a pointer or a size takes in the guest's memory.
func (a args) width() uint64 {
	if a.wide {
		return 8
	}
	return 4
}

// memory is a rank's linear memory as of this call. Nothing in it can be trusted: every access goes through bytes.
type memory struct {
	all    []byte
	lowest uint64 // what is below is not to be touched: it is for null pointers
	open   func(address uint64) (bytes uint64)
}

// bytes returns the n bytes at ptr, or false when they do not all lie in memory: the call then fails as natively, with
// EFAULT.
func (m memory) bytes(ptr, n uint64) ([]byte, bool) {
	if size := uint64(len(m.all)); ptr > size || n > size-ptr || ptr < m.lowest && n > 0 {
		return nil, false
	}
	if m.open != nil && n > 0 && m.open(ptr) < n {
		return nil, false
	}
	return m.all[ptr : ptr+n : ptr+n], true
}

// array returns the count elements of size bytes at ptr.
func (m memory) array(ptr, count, size uint64) ([]byte, bool) {
	if count > uint64(len(m.all))/size {
		return nil, false
	}
	return m.bytes(ptr, count*size)
}

func (m memory) putU32(ptr uint64, v uint32) errno {
	b, ok := m.bytes(ptr, 4)
	if !ok {
		return eFAULT
	}
	binary.LittleEndian.PutUint32(b, v)
	return success
}

func (m memory) putU64(ptr, v uint64) errno {
	b, ok := m.bytes(ptr, 8)
	if !ok {
		return eFAULT
	}
	binary.LittleEndian.PutUint64(b, v)
	return success
}

// putSize writes a size where argument i points.
func (a args) putSize(m memory, i int, v uint64) errno {
	if a.wide {
		return m.putU64(a.ptr(i), v)
	}
	return m.putU32(a.ptr(i), uint32(v))
}

// fits reports whether there is room for a size where argument i points.
func (a args) fits(m memory, i int) bool {
	_, ok := m.bytes(a.ptr(i), a.width())
	return ok
}

// word reads a pointer or a size, and writes one.
func (a args) word(b []byte) uint64 {
	if a.wide {
		return binary.LittleEndian.Uint64(b)
	}
	return uint64(binary.LittleEndian.Uint32(b))
}

func (a args) putWord(b []byte, v uint64) {
	if a.wide {
		binary.LittleEndian.PutUint64(b, v)
	} else {
		binary.LittleEndian.PutUint32(b, uint32(v))
	}
}

func (p *Process) mem() memory { return memory{p.memory(), p.lowest, p.open} }

// Bounds of a vectored read or write, those of Linux: more vectors or bytes than this make it a short one.
const (
	maxVectors  = 1024
	maxTransfer = 0x7ffff000
)

// vectors returns the buffers that the iovecs where argument i points describe, as many as the next argument says,
// without the empty ones, and their bytes in all. The result is built in buf.
//
//	iovec: buf *u8 · buf_len size
func (a args) vectors(buf [][]byte, m memory, i int) (bufs [][]byte, total int, e errno) {
	width := a.width()
	array, ok := m.array(a.ptr(i), a.ptr(i+1), 2*width)
	if !ok {
		return nil, 0, eFAULT
	}
	bufs = buf[:0]
	for ; len(array) > 0; array = array[2*width:] {
		b, ok := m.bytes(a.word(array), a.word(array[width:]))
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
