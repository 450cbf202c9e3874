package mpi

import (
	"sync"
	"syscall"
)

// Messages that arrive before their receive is posted, up to eagerLimit bytes, are kept in an eagerPool: the sender
// copies in and goes on, the receiver copies out. Above the limit two copies cost more than a wait.
const eagerLimit = 16 << 10

// eagerPool hands out buffers of powers of two from one mapping outside the Go heap, so that neither the collector nor
// the heap's size sees messages. Its mapping is its bound.
type eagerPool struct {
	mu      sync.Mutex
	mapping []byte
	used    int                          // bytes of the mapping that were cut into buffers; guarded by mu
	free    [eagerClasses][]*eagerBuffer // guarded by mu
}

const (
	smallestEager = 64
	eagerClasses  = 9 // 64 bytes to 16 KiB
)

// eagerBuffer is one buffer. Its header is made once, with the buffer, and used again with it.
type eagerBuffer struct {
	data  []byte
	class int
}

func newEagerPool(limit int64) *eagerPool {
	mapping, err := syscall.Mmap(-1, 0, int(limit), syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_NORESERVE)
	if err != nil {
		// Without a pool every send waits for its receiver, which MPI allows.
		mapping = nil
	}
	return &eagerPool{mapping: mapping}
}

func (p *eagerPool) close() {
	if p.mapping != nil {
		_ = syscall.Munmap(p.mapping)
		p.mapping = nil
	}
}

// get gives a buffer of at least n bytes, or nil when the pool is exhausted.
func (p *eagerPool) get(n int64) *eagerBuffer {
	class, size := 0, smallestEager
	for int64(size) < n {
		class++
		size *= 2
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if b := p.pop(class); b != nil {
		return b
	}
	if p.used+size > len(p.mapping) {
		for class++; class < eagerClasses; class++ { // all is cut: a bigger one will do
			if b := p.pop(class); b != nil {
				return b
			}
		}
		return nil
	}
	b := &eagerBuffer{data: p.mapping[p.used : p.used+size : p.used+size], class: class}
	p.used += size
	return b
}

func (p *eagerPool) pop(class int) *eagerBuffer {
	free := p.free[class]
	if len(free) == 0 {
		return nil
	}
	p.free[class] = free[:len(free)-1]
	return free[len(free)-1]
}

func (p *eagerPool) put(b *eagerBuffer) {
	p.mu.Lock()
	p.free[b.class] = append(p.free[b.class], b)
	p.mu.Unlock()
}
