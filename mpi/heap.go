package mpi

import "sort"

// heap is the memory that a rank's MPI has taken from its program: the free pieces by address, and what was given out.
type heap struct {
	free []area
	used map[uint64]uint64 // size by address
}

type area struct{ address, size uint64 }

const (
	heapAlign = 16
	heapStep  = 64 << 10

	maxAllocation = 1 << 40 // bytes: more than any memory has, and far from what overflows
)

// allocate gives n bytes of the rank's linear memory.
func (t *Thread) allocate(n int64) (uint64, *failure) {
	if n < 0 || n > maxAllocation {
		return 0, failf(errNoMem, "no memory for %d bytes", n)
	}
	size := max(uint64(n+heapAlign-1)&^(heapAlign-1), heapAlign)
	if address, ok := t.heap.take(size); ok {
		return address, nil
	}
	step := (size + heapStep - 1) &^ (heapStep - 1)
	address, ok := t.host.Grow(step)
	if !ok {
		return 0, failf(errNoMem, "no memory for %d bytes", n)
	}
	t.heap.give(area{address, step})
	address, _ = t.heap.take(size)
	return address, nil
}

// take cuts a piece off the first free area that is large enough.
func (h *heap) take(size uint64) (uint64, bool) {
	for i := range h.free {
		a := &h.free[i]
		if a.size < size {
			continue
		}
		address := a.address
		a.address += size
		if a.size -= size; a.size == 0 {
			h.free = append(h.free[:i], h.free[i+1:]...)
		}
		if h.used == nil {
			h.used = map[uint64]uint64{}
		}
		h.used[address] = size
		return address, true
	}
	return 0, false
}

// give adds a free area, joined with its neighbours.
func (h *heap) give(a area) {
	i := sort.Search(len(h.free), func(i int) bool { return h.free[i].address > a.address })
	h.free = append(h.free, area{})
	copy(h.free[i+1:], h.free[i:])
	h.free[i] = a
	if i+1 < len(h.free) && a.address+a.size == h.free[i+1].address {
		h.free[i].size += h.free[i+1].size
		h.free = append(h.free[:i+1], h.free[i+2:]...)
	}
	if i > 0 && h.free[i-1].address+h.free[i-1].size == a.address {
		h.free[i-1].size += h.free[i].size
		h.free = append(h.free[:i], h.free[i+1:]...)
	}
}

// release takes memory back, and reports whether allocate had given it.
func (h *heap) release(address uint64) bool {
	size, ok := h.used[address]
	if ok {
		delete(h.used, address)
		h.give(area{address, size})
	}
	return ok
}

// MPI_Alloc_mem(size, info, *baseptr)
func allocMem(r call, size aintArg, info infoArg, baseptr wordOut) *failure {
	n := size.int()
	if n < 0 {
		return failf(errArg, "invalid size %d", n)
	}
	if _, f := info.of(r); f != nil {
		return f
	}
	if f := baseptr.room(r, "baseptr"); f != nil {
		return f
	}
	address, f := r.allocate(n)
	if f != nil {
		return f
	}
	return baseptr.put(r, "baseptr", address)
}

// MPI_Free_mem(base)
func freeMem(r call, base addressArg) *failure {
	if address := base.address(); address != null && !r.heap.release(address) {
		return failf(errBase, "%#x was not allocated by MPI_Alloc_mem", address)
	}
	return nil
}
