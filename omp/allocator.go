package omp

import (
	"encoding/binary"
	"math/bits"
	"sync"
)

// Allocators (OpenMP 5.1, 2.13 and 3.13) deal out the arena. All memory spaces are the rank's one memory.

// allocators are those of a rank, and what they have dealt out.
type allocators struct {
	mu     sync.Mutex // guards all below
	made   []*allocator
	blocks map[uint64]allocation // by the address that the program has
}

// allocator is one that omp_init_allocator has made.
type allocator struct {
	align    uint64
	pool     uint64 // bytes at most; 0: as many as there are
	used     uint64
	fallback uint64 // what is done where there is no room, by omp.h's numbers
	other    uint64 // the allocator that is asked then
	gone     bool
}

type allocation struct {
	size, align uint64
	by          *allocator // nil: a predefined one
}

// omp.h's numbers.
const (
	defaultAllocator = 1
	lastPredefined   = 8
	madeAllocators   = 1 << 10 // handles of those that are made are from here on
	mostAllocators   = 1 << 16
	leastAlign       = 16

	traitAlignment = 2
	traitPoolSize  = 4
	traitFallback  = 5
	traitOther     = 6
	lastTrait      = 8

	fallbackDefault   = 11
	fallbackNull      = 12
	fallbackAbort     = 13
	fallbackAllocator = 14

	lastSpace = 4
)

// handle omp_init_allocator(space, count i32, *traits) -> 0: the traits or the space make no sense.
func initAllocator(t *Thread, s []uint64) { s[0] = t.makeAllocator(s[0], s[1], s[2]) }

// ptr __kmpc_init_allocator(gtid, space, count i32, *traits), as omp_init_allocator
func kmpcInitAllocator(t *Thread, s []uint64) { s[0] = t.makeAllocator(s[1], s[2], s[3]) }

func (t *Thread) makeAllocator(space, count, traits uint64) (handle uint64) {
	n := int32(count)
	if space > lastSpace || n < 0 {
		return 0
	}
	a := &allocator{align: leastAlign, fallback: fallbackDefault}
	list := t.host.Bytes(traits, 16*uint64(n))
	for ; len(list) > 0; list = list[16:] {
		key, value := binary.LittleEndian.Uint32(list), binary.LittleEndian.Uint64(list[8:])
		if key < 1 || key > lastTrait {
			return 0
		}
		if value == 1<<64-1 { // omp_atv_default
			continue
		}
		switch key {
		case traitAlignment:
			if bits.OnesCount64(value) != 1 || value > mostTaskOwn {
				return 0
			}
			a.align = max(value, leastAlign)
		case traitPoolSize:
			a.pool = value
		case traitFallback:
			if value < fallbackDefault || value > fallbackAllocator {
				return 0
			}
			a.fallback = value
		case traitOther:
			a.other = value
		}
	}
	of := &t.runtime.allocators
	of.mu.Lock()
	defer of.mu.Unlock()
	if len(of.made) == mostAllocators {
		return 0
	}
	of.made = append(of.made, a)
	return madeAllocators + uint64(len(of.made)) - 1
}

// void omp_destroy_allocator(handle): what it has dealt out may be freed still.
func destroyAllocator(t *Thread, s []uint64) {
	of := &t.runtime.allocators
	of.mu.Lock()
	defer of.mu.Unlock()
	if i := s[0] - madeAllocators; i < uint64(len(of.made)) {
		of.made[i].gone = true
	}
}

// void omp_set_default_allocator(handle), of the task.
func setDefaultAllocator(t *Thread, s []uint64) {
	if s[0] != 0 {
		t.task.icvs.allocator = s[0]
	}
}

// allocator gives one that was made, or nil for a predefined one.
func (t *Thread) allocator(handle uint64) *allocator {
	if handle <= lastPredefined {
		return nil
	}
	of := &t.runtime.allocators
	if i := handle - madeAllocators; i < uint64(len(of.made)) && !of.made[i].gone {
		return of.made[i]
	}
	fail("there is no allocator %#x", handle)
	return nil
}

// allocateBy gives memory, 0 where there is none.
func (t *Thread) allocateBy(handle, align, size uint64) uint64 {
	if size == 0 {
		return 0
	}
	if align != 0 && (bits.OnesCount64(align) != 1 || align > mostTaskOwn) {
		return 0
	}
	if handle == 0 {
		handle = t.task.icvs.allocator
	}
	of := &t.runtime.allocators
	of.mu.Lock()
	defer of.mu.Unlock()
	for range mostFallbacks {
		a := t.allocator(handle)
		need := allocation{size: size, align: max(align, leastAlign), by: a}
		if a == nil {
			return t.take(need)
		}
		need.align = max(need.align, a.align)
		if a.pool == 0 || size <= a.pool-min(a.used, a.pool) {
			if at := t.take(need); at != 0 {
				a.used += size
				return at
			}
		}
		switch a.fallback {
		case fallbackNull:
			return 0
		case fallbackAbort:
			fail("an allocator has no room for %d bytes, and is to abort the program then", size)
		case fallbackAllocator:
			handle = a.other
		default:
			handle = defaultAllocator
		}
	}
	return 0
}

// mostFallbacks bounds how many allocators ask each other for memory.
const mostFallbacks = 64

// take takes from the arena. The lock is held.
func (t *Thread) take(need allocation) uint64 {
	if need.size > mostTaskOwn {
		return 0
	}
	at, ok := t.allocate(need.size, need.align)
	if !ok {
		return 0
	}
	of := &t.runtime.allocators
	if of.blocks == nil {
		of.blocks = map[uint64]allocation{}
	}
	of.blocks[at] = need
	return at
}

// freeBlock gives memory back.
func (t *Thread) freeBlock(address uint64) {
	if address == 0 {
		return
	}
	of := &t.runtime.allocators
	of.mu.Lock()
	defer of.mu.Unlock()
	b, known := of.blocks[address]
	if !known {
		fail("omp_free of address %#x, which no allocator has given", address)
	}
	delete(of.blocks, address)
	if b.by != nil {
		b.by.used -= b.size
	}
	t.deallocate(address, b.size)
}

// ptr omp_alloc(size, handle) -> 0: there is no room.
func ompAlloc(t *Thread, s []uint64) { s[0] = t.allocateBy(s[1], 0, s[0]) }

// ptr omp_aligned_alloc(align, size, handle)
func ompAlignedAlloc(t *Thread, s []uint64) { s[0] = t.allocateBy(s[2], max(s[0], 1), s[1]) }

// ptr omp_calloc(count, size, handle)
func ompCalloc(t *Thread, s []uint64) { s[0] = t.zeroed(s[2], 0, s[0], s[1]) }

// ptr omp_aligned_calloc(align, count, size, handle)
func ompAlignedCalloc(t *Thread, s []uint64) { s[0] = t.zeroed(s[3], max(s[0], 1), s[1], s[2]) }

func (t *Thread) zeroed(handle, align, count, size uint64) uint64 {
	over, all := bits.Mul64(count, size)
	if over != 0 {
		return 0
	}
	at := t.allocateBy(handle, align, all)
	if at != 0 {
		clear(t.host.Bytes(at, all))
	}
	return at
}

// ptr omp_realloc(memory, size, handle, handle of the one that has given the memory)
func ompRealloc(t *Thread, s []uint64) {
	old, size := s[0], s[1]
	if old == 0 {
		s[0] = t.allocateBy(s[2], 0, size)
		return
	}
	if size == 0 {
		t.freeBlock(old)
		s[0] = 0
		return
	}
	of := &t.runtime.allocators
	of.mu.Lock()
	had, known := of.blocks[old]
	of.mu.Unlock()
	if !known {
		fail("omp_realloc of address %#x, which no allocator has given", old)
	}
	if s[0] = t.allocateBy(s[2], 0, size); s[0] != 0 {
		n := min(size, had.size)
		copy(t.host.Bytes(s[0], n), t.host.Bytes(old, n))
		t.freeBlock(old)
	}
}

// void omp_free(memory, handle)
func ompFree(t *Thread, s []uint64) { t.freeBlock(s[0]) }

// ptr __kmpc_alloc(gtid, size, handle), ptr __kmpc_aligned_alloc(gtid, align, size, handle)
func kmpcAlloc(t *Thread, s []uint64)        { s[0] = t.allocateBy(s[2], 0, s[1]) }
func kmpcAlignedAlloc(t *Thread, s []uint64) { s[0] = t.allocateBy(s[3], max(s[1], 1), s[2]) }

// void __kmpc_free(gtid, memory, handle)
func kmpcFree(t *Thread, s []uint64) { t.freeBlock(s[1]) }
