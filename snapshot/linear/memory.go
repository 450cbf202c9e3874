// Package linear owns a rank's linear memory: its reserved addresses, its growth, and the bytes that it really
// occupies. Dirty pages, differences and images are further packages of snapshot. It knows nothing of MPI, OpenMP or
// the engine, which see a memory as plain bytes.
package linear

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// PageSize is WebAssembly's page: memories begin, grow and end on multiples of it.
	PageSize = 64 << 10
	// MaxSize is all that any engine's addresses reach.
	MaxSize = 64 << 30
	// guard follows every reservation, so that no other mapping is ever its neighbour.
	guard = PageSize
)

// Memory is one linear memory. Its addresses are reserved once, to the limit, and never move: a posted receive or a
// copy between ranks may keep an address across a growth. The bytes live in a memfd, outside the Go heap, so that a
// freeze can be a remap and a restore a mapping of an image.
//
// A memory may be made whose first bytes are never opened, whatever it grows to: a program's null pointers trap there.
// Bytes has them all the same, so that an offset is an address; who reads or writes there faults. They hold nothing,
// and who captures a memory begins at Lowest. Later on more may be closed (Close): the guards below threads' stacks.
// They hold nothing either, and stay closed.
//
// State and operations. One state exists so far; each further one (frozen, restored) adds a row here and a test for
// each of its columns, because a private mapping that grows and a remap that drops tracking both lose writes silently.
//
//	state  | backing                                | grow
//	shared | the memfd, MAP_SHARED over all         | ftruncate, then mprotect of what is new but [0, lowest): written
//	       |                                        | pages stay mapped
//
// Its methods may be called from any goroutine; after Free nobody may touch the bytes.
type Memory struct {
	base   unsafe.Pointer
	limit  uint64
	whole  Reserve // addresses, with those that can never be opened
	lowest uint64  // bytes at the beginning that can't be either

	size   atomic.Uint64 // bytes open to reading and writing, but guards; only rises, until Free
	guards atomic.Pointer[[]span]

	mu sync.Mutex // guards fd and the mapping against Free, and changes of guards
	fd int        // the memfd; -1 once freed
}

// span is a range of addresses.
type span struct{ low, end uint64 }

// Reserve is how many addresses a memory has to itself, open or not: before its first byte, and from there on.
type Reserve struct{ Before, Size uint64 }

// New reserves a memory of at most limit bytes (rounded down to whole pages, at most 64 GiB), with at least so many
// addresses of its own. It holds nothing yet: Reallocate opens its first bytes, but those below lowest, which are
// whole pages of the machine's. Each memory keeps one file descriptor and a few mappings.
func New(limit uint64, addresses Reserve, lowest uint64) (*Memory, error) {
	limit = min(limit, MaxSize) &^ (PageSize - 1)
	if limit == 0 {
		return nil, fmt.Errorf("a linear memory needs a limit of at least %d bytes", PageSize)
	}
	if lowest%uint64(os.Getpagesize()) != 0 || lowest > PageSize {
		return nil, fmt.Errorf("a linear memory can't have its first %d bytes closed", lowest)
	}
	fd, err := newMemfd()
	if err != nil {
		return nil, explain("create a linear memory", err)
	}
	whole := Reserve{wholePages(addresses.Before), max(limit+guard, wholePages(addresses.Size))}
	base, err := reserve(fd, whole)
	if err != nil {
		unix.Close(fd)
		what := fmt.Sprintf("reserve %d MiB of addresses for a linear memory", (whole.Before+whole.Size)>>20)
		return nil, explain(what, err)
	}
	return &Memory{base: base, limit: limit, whole: whole, lowest: lowest, fd: fd}, nil
}

func newMemfd() (int, error) {
	const name = "linear-memory"
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_NOEXEC_SEAL)
	if err == unix.EINVAL { // before Linux 6.3 the flag is unknown
		fd, err = unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	}
	return fd, err
}

func wholePages(bytes uint64) uint64 { return (bytes + PageSize - 1) &^ (PageSize - 1) }

// reserve maps the file inaccessibly, far beyond its end: growing then only opens more of one mapping, and pages that
// were touched need not be faulted in again. Addresses before it are taken first: that is one mapping more, and one
// call of the kernel.
func reserve(fd int, whole Reserve) (base unsafe.Pointer, err error) {
	if whole.Before == 0 {
		return unix.MmapPtr(fd, 0, nil, uintptr(whole.Size), unix.PROT_NONE, unix.MAP_SHARED|unix.MAP_NORESERVE)
	}
	low, err := unix.MmapPtr(-1, 0, nil, uintptr(whole.Before+whole.Size), unix.PROT_NONE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return nil, err
	}
	base, err = unix.MmapPtr(fd, 0, unsafe.Add(low, whole.Before), uintptr(whole.Size), unix.PROT_NONE,
		unix.MAP_SHARED|unix.MAP_NORESERVE|unix.MAP_FIXED)
	if err != nil {
		unix.MunmapPtr(low, uintptr(whole.Before+whole.Size))
	}
	return base, err
}

// explain says what to do about the two limits that many ranks on one machine meet.
func explain(what string, err error) error {
	switch {
	case errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE):
		return fmt.Errorf("%s: %w: each rank keeps a file open; raise the limit (ulimit -n) or run fewer ranks in this "+
			"process",
			what, err)
	case errors.Is(err, unix.ENOMEM):
		return fmt.Errorf("%s: %w: lower the memory per rank or the number of ranks here, or raise the limits (ulimit -v, "+
			"sysctl vm.max_map_count)", what, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// Bytes is the memory as it is now. After a growth the same bytes are found at the same offsets of a longer slice;
// after Free the slice must not be touched any more.
func (m *Memory) Bytes() []byte {
	size := m.size.Load()
	return unsafe.Slice((*byte)(m.base), size)[:size:size]
}

// Base is the address of byte 0. It never changes.
func (m *Memory) Base() uintptr { return uintptr(m.base) }

// Addresses are all that the memory has to itself: before base, where its byte 0 is, and from there on.
func (m *Memory) Addresses() (base uintptr, before, size uint64) {
	return uintptr(m.base), m.whole.Before, m.whole.Size
}

// Lowest is the first address that is ever open.
func (m *Memory) Lowest() uint64 { return m.lowest }

// Limit is how far the memory may grow, in bytes.
func (m *Memory) Limit() uint64 { return m.limit }

// Reallocate opens the memory up to size bytes and returns it. New bytes are zero. It never shrinks: a smaller size
// returns the memory as it is. It returns nil, and changes nothing, beyond the limit or when the system has no memory:
// the guest then sees memory.grow fail.
func (m *Memory) Reallocate(size uint64) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fd < 0 || size > m.limit {
		return nil
	}
	size = wholePages(size)
	if size > m.size.Load() {
		if unix.Ftruncate(m.fd, int64(size)) != nil {
			return nil
		}
		open := unsafe.Slice((*byte)(m.base), size)[max(m.lowest, m.size.Load()):]
		if unix.Mprotect(open, unix.PROT_READ|unix.PROT_WRITE) != nil {
			return nil
		}
		m.size.Store(size)
	}
	return m.Bytes()
}

// Close closes bytes for ever, whole pages of the machine's that nobody uses and no other call has closed: what reads
// or writes there faults. Each call takes up to two of the process's mappings. The error says what to do.
func (m *Memory) Close(address, size uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	page, all := uint64(os.Getpagesize()), m.size.Load()
	if m.fd < 0 || size == 0 || address%page != 0 || size%page != 0 || address > all || size > all-address {
		return fmt.Errorf("%d bytes at %#x of a linear memory can't be closed", size, address)
	}
	if err := unix.Mprotect(unsafe.Slice((*byte)(m.base), all)[address:address+size], unix.PROT_NONE); err != nil {
		return explain("close the guard below a thread's stack", err)
	}
	var guards []span
	if old := m.guards.Load(); old != nil {
		guards = slices.Clone(*old)
	}
	at, _ := slices.BinarySearchFunc(guards, address, func(s span, a uint64) int { return cmp.Compare(s.low, a) })
	guards = slices.Insert(guards, at, span{address, address + size})
	m.guards.Store(&guards)
	return nil
}

// Open is how many bytes may be touched from an address on: as far as the memory goes, or the next guard.
func (m *Memory) Open(address uint64) (bytes uint64) {
	size := m.size.Load()
	if address < m.lowest || address >= size {
		return 0
	}
	if guards := m.guards.Load(); guards != nil {
		// The first that ends behind the address.
		at := sort.Search(len(*guards), func(i int) bool { return (*guards)[i].end > address })
		if at < len(*guards) {
			return max((*guards)[at].low, address) - address
		}
	}
	return size - address
}

// Resident is how many bytes the memory really occupies: pages never touched cost nothing.
func (m *Memory) Resident() (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fd < 0 {
		return 0, nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(m.fd, &st); err != nil {
		return 0, fmt.Errorf("size of a linear memory: %w", err)
	}
	return uint64(st.Blocks) * 512, nil // st_blocks counts in units of 512, whatever the file system
}

// Free gives everything back. It may be repeated. Nobody may use the bytes any more.
func (m *Memory) Free() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fd < 0 {
		return
	}
	m.size.Store(0)
	unix.MunmapPtr(unsafe.Add(m.base, -int(m.whole.Before)), uintptr(m.whole.Before+m.whole.Size))
	unix.Close(m.fd)
	m.fd = -1
}
