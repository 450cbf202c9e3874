package wasi

import (
	"crypto/rand"
	"fmt"
	"runtime"
	"strings"
)

// block is a list of strings as the guest's libc wants it: zero-terminated, one after the other.
type block struct {
	bytes   string
	offsets []uint32 // of each string's first byte
}

// maxBlock is the bound of a block, far above Linux's for argv and environ together.
const maxBlock = 16 << 20

func newBlock(list []string) (block, error) {
	var b block
	var all strings.Builder
	for i, s := range list {
		if strings.IndexByte(s, 0) >= 0 {
			return block{}, fmt.Errorf("%d (%q) has a zero byte in it", i, s)
		}
		b.offsets = append(b.offsets, uint32(all.Len()))
		all.WriteString(s)
		all.WriteByte(0)
		if all.Len() > maxBlock {
			return block{}, fmt.Errorf("%d: more than %d bytes in all", i, maxBlock)
		}
	}
	b.bytes = all.String()
	return b, nil
}

// sizes writes the number of strings (a size) and their bytes (a size). EFAULT.
func (b block) sizes(m memory, a args) errno {
	if e := a.putSize(m, 0, uint64(len(b.offsets))); e != success {
		return e
	}
	return a.putSize(m, 1, uint64(len(b.bytes)))
}

// get writes a pointer a string where the first argument points, and the strings where the second does. EFAULT.
func (b block) get(m memory, a args) errno {
	buf, width := a.ptr(1), a.width()
	pointers, ok1 := m.array(a.ptr(0), uint64(len(b.offsets)), width)
	bytes, ok2 := m.bytes(buf, uint64(len(b.bytes)))
	if !ok1 || !ok2 {
		return eFAULT
	}
	copy(bytes, b.bytes)
	for i, offset := range b.offsets {
		a.putWord(pointers[uint64(i)*width:], buf+uint64(offset))
	}
	return success
}

// args_sizes_get(count *size, bytes *size)
func argsSizesGet(p *Process, a args) errno { return p.args.sizes(p.mem(), a) }

// args_get(argv **u8, buf *u8)
func argsGet(p *Process, a args) errno { return p.args.get(p.mem(), a) }

// environ_sizes_get(count *size, bytes *size)
func environSizesGet(p *Process, a args) errno { return p.env.sizes(p.mem(), a) }

// environ_get(environ **u8, buf *u8)
func environGet(p *Process, a args) errno { return p.env.get(p.mem(), a) }

// random_get(buf *u8, len size). EFAULT. crypto/rand does not fail: where it can't deliver it ends the process, and so
// it never gets to write to guest memory itself, which may be beyond what the machine can back.
func randomGet(p *Process, a args) errno {
	b, ok := p.mem().bytes(a.ptr(0), a.ptr(1))
	if !ok {
		return eFAULT
	}
	var some [1024]byte
	for len(b) > 0 {
		n := min(len(b), len(some))
		rand.Read(some[:n])
		b = b[copy(b, some[:n]):]
	}
	return success
}

// proc_exit(code u32) does not return.
func procExit(_ *Process, a args) errno { panic(Exit{a.u32(0)}) }

// proc_raise(signal u8): the default action of the signal, since a guest has no handlers here. One that would end a
// process ends the rank with 128 plus Linux's number. EINVAL for an unknown one, ENOTSUP for one that stops.
func procRaise(_ *Process, a args) errno {
	const chld, cont, stop, ttou, urg, winch, sys = 16, 17, 18, 21, 22, 27, 30
	signal := a.u32(0)
	switch {
	case signal > sys:
		return eINVAL
	case signal == 0, signal == chld, signal == cont, signal == urg, signal == winch:
		return success
	case signal >= stop && signal <= ttou:
		return eNOTSUP
	case signal >= chld: // Linux has STKFLT at 16
		signal++
	}
	panic(Exit{signalBase + signal})
}

// sched_yield()
func schedYield(*Process, args) errno {
	runtime.Gosched()
	return success
}
