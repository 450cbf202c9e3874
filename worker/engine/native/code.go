package native

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/worker/engine/native/object"
)

// code is an object that was mapped. Nothing of it can be written.
type code struct {
	start    unsafe.Pointer
	base     uintptr // the same
	size     uintptr
	low, end uintptr // from the first to behind the last of what can be executed
	// entries are what tables hold of each function, enter are the ways in: to each function that the module exports, in
	// the exports' order, and to its start function.
	entries []entry
	enter   []uintptr
}

// entry is an element of a table, as the C has it.
type entry struct {
	code  uintptr // of an external reference, its value
	types uint64  // of the function's type and index; 0: null
}

// exported is the C's struct Object.
type exported struct {
	abi, functions uint64
	entries        uintptr
	exports        uint64
	enter          uintptr
}

// mapObject maps a checked object. Its bytes are copied: what was checked is what runs, whatever becomes of the file,
// and a file system may forbid execution.
func mapObject(im *object.Image) (c *code, err error) {
	c = &code{size: uintptr(im.Size)}
	c.start, err = unix.MmapPtr(-1, 0, nil, c.size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, fmt.Errorf("map machine code: %w", err)
	}
	c.base = uintptr(c.start)
	defer func() {
		if err != nil {
			c.unmap()
			c = nil
		}
	}()
	bytes := unsafe.Slice((*byte)(c.start), c.size)
	for _, s := range im.Segments {
		copy(bytes[s.Address:], s.Data)
	}
	for _, r := range im.Relocations {
		*(*uint64)(unsafe.Add(c.start, r.At)) = uint64(c.base) + r.To
	}
	if err := unix.Mprotect(bytes, unix.PROT_READ); err != nil {
		return c, err
	}
	for _, s := range im.Segments {
		if !s.Execute {
			continue
		}
		from, to := s.Address&^(pageSize-1), (s.Address+s.Size+pageSize-1)&^(pageSize-1)
		if err := unix.Mprotect(bytes[from:to], unix.PROT_READ|unix.PROT_EXEC); err != nil {
			return c, fmt.Errorf("make machine code executable: %w", err)
		}
		if c.low == 0 {
			c.low = c.base + uintptr(from)
		}
		c.end = c.base + uintptr(to)
	}
	return c, c.read((*exported)(unsafe.Add(c.start, im.Object)))
}

const pageSize = 4096

// errAstray is of an object that leads elsewhere than into itself.
var errAstray = errors.New("the machine code's table of functions is damaged")

// read takes over what the object exports.
func (c *code) read(x *exported) error {
	entries, enter := c.at(x.entries, x.functions, unsafe.Sizeof(entry{})), c.at(x.enter, x.exports, 8)
	if entries == nil && x.functions > 0 || enter == nil && x.exports > 0 {
		return errAstray
	}
	c.entries, c.enter = unsafe.Slice((*entry)(entries), x.functions), unsafe.Slice((*uintptr)(enter), x.exports)
	for _, e := range c.entries {
		if !c.executes(e.code) {
			return errAstray
		}
	}
	for _, at := range c.enter {
		if !c.executes(at) {
			return errAstray
		}
	}
	return nil
}

// at is an array of the object; nil where it is not in it.
func (c *code) at(address uintptr, count uint64, size uintptr) unsafe.Pointer {
	if address%8 != 0 || address < c.base || address-c.base > c.size ||
		count > uint64(c.size-(address-c.base))/uint64(size) {
		return nil
	}
	return unsafe.Add(c.start, address-c.base)
}

// executes reports whether an address is one of code.
func (c *code) executes(address uintptr) bool { return address >= c.low && address < c.end }

func (c *code) unmap() error {
	if c.start == nil {
		return nil
	}
	start := c.start
	c.start, c.entries, c.enter = nil, nil, nil
	return unix.MunmapPtr(start, c.size)
}
