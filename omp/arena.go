package omp

import (
	"slices"
	"sort"
)

// arena is the part of the program's memory that the runtime deals out: to tasks, to the private copies of reductions,
// and to allocators. It is taken from memory.grow, so that nothing of the program's is called, and is kept for ever:
// what is given back is dealt out again. What is free and where is known here, outside of the program's reach.
type arena struct {
	free []extent // by address; no two touch
}

type extent struct{ address, size uint64 }

// arenaStep is what the memory is grown by at least, if there is room for it.
const arenaStep = 1 << 20

// take gives size bytes at a multiple of align, a power of two. grow adds memory.
func (a *arena) take(size, align uint64, grow func(size uint64) (address uint64, ok bool)) (address uint64, ok bool) {
	if address, ok = a.find(size, align); ok || size+align < size {
		return address, ok
	}
	for _, n := range []uint64{max(size+align, arenaStep), size + align} {
		if at, ok := grow(n); ok {
			a.give(at, (n+pageSize-1)&^(pageSize-1))
			return a.find(size, align)
		}
	}
	return 0, false
}

// find takes from what is free: the first that is large enough.
func (a *arena) find(size, align uint64) (address uint64, ok bool) {
	for i, e := range a.free {
		at := (e.address + align - 1) &^ (align - 1)
		if skipped := at - e.address; skipped > e.size || size > e.size-skipped {
			continue
		}
		rest := []extent{{e.address, at - e.address}, {at + size, e.address + e.size - at - size}}
		rest = slices.DeleteFunc(rest, func(e extent) bool { return e.size == 0 })
		a.free = slices.Replace(a.free, i, i+1, rest...)
		return at, true
	}
	return 0, false
}

// give gives bytes back, which take has given, or that are new.
func (a *arena) give(address, size uint64) {
	if size == 0 {
		return
	}
	i := sort.Search(len(a.free), func(i int) bool { return a.free[i].address > address })
	a.free = slices.Insert(a.free, i, extent{address, size})
	if i+1 < len(a.free) && address+size == a.free[i+1].address {
		a.free[i].size += a.free[i+1].size
		a.free = slices.Delete(a.free, i+1, i+2)
	}
	if i > 0 && a.free[i-1].address+a.free[i-1].size == address {
		a.free[i-1].size += a.free[i].size
		a.free = slices.Delete(a.free, i, i+1)
	}
}

// allocate gives the thread size bytes of the arena, which keep what was in them; false: the rank's memory is full.
func (t *Thread) allocate(size, align uint64) (address uint64, ok bool) {
	r := t.runtime
	r.arenaMu.Lock()
	defer r.arenaMu.Unlock()
	return r.arena.take(max(size, 1), align, t.host.Grow)
}

// deallocate gives them back.
func (t *Thread) deallocate(address, size uint64) {
	r := t.runtime
	r.arenaMu.Lock()
	defer r.arenaMu.Unlock()
	r.arena.give(address, max(size, 1))
}
