package transport

import (
	"sync"
	"sync/atomic"
	"syscall"
)

// EagerLimit bounds, in bytes, messages that are kept in an eager buffer when they arrive before their receive is
// posted: the sender copies in and goes on, the receiver copies out. Above it two copies cost more than a wait.
const EagerLimit = 16 << 10

// eagerPool is cut into buffers of powers of two. It is one mapping outside the Go heap, so that neither the collector
// nor the heap's size sees messages. The mapping is the bound of what was sent and not yet received.
type eagerPool struct {
	mu      sync.Mutex
	mapping []byte
	used    int // bytes of the mapping that were cut into buffers; guarded by mu
}

const (
	smallestEager = 64
	eagerClasses  = 9 // 64 bytes to 16 KiB
)

// eagerBuffer is one buffer. Its header is made once, with the buffer, and used again with it.
type eagerBuffer struct {
	data  []byte
	class int
	home  *eagerStock  // nil: it is none of the pool's
	away  *account     // of a message from another process, which is told when its data is received
	next  *eagerBuffer // in a stock
}

// eagerStock is a rank's free buffers by class, chained. A buffer is always taken by the same rank, for what it sends,
// and given back by the rank that received it: so ranks that exchange messages share no lock and write no common list.
type eagerStock struct {
	pool     *eagerPool
	free     [eagerClasses]*eagerBuffer // the rank's own
	_        [64]byte
	returned [eagerClasses]atomic.Pointer[eagerBuffer] // anybody's to push on; the rank takes all at once
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

// cut makes a new buffer, or nil when the pool is exhausted.
func (p *eagerPool) cut(class int, home *eagerStock) *eagerBuffer {
	size := smallestEager << class
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.used+size > len(p.mapping) {
		return nil
	}
	b := &eagerBuffer{data: p.mapping[p.used : p.used+size : p.used+size], class: class, home: home}
	p.used += size
	return b
}

// get gives a buffer of at least n bytes, or nil when neither the rank nor the pool has one. The rank alone calls it.
func (s *eagerStock) get(n int64) *eagerBuffer {
	class := 0
	for int64(smallestEager)<<class < n {
		class++
	}
	if b := s.pop(class); b != nil {
		return b
	}
	if b := s.pool.cut(class, s); b != nil {
		return b
	}
	for class++; class < eagerClasses; class++ { // all is cut: a bigger one will do
		if b := s.pop(class); b != nil {
			return b
		}
	}
	return nil
}

func (s *eagerStock) pop(class int) *eagerBuffer {
	b := s.free[class]
	if b == nil {
		if b = s.returned[class].Load(); b == nil {
			return nil
		}
		b = s.returned[class].Swap(nil)
	}
	s.free[class], b.next = b.next, nil
	return b
}

// giveBack returns a buffer to its rank. Anyone may call it. One without a home is the collector's.
func (b *eagerBuffer) giveBack() {
	if b.home == nil {
		if b.away != nil {
			b.away.giveBack(int64(len(b.data)))
		}
		return
	}
	returned := &b.home.returned[b.class]
	for {
		first := returned.Load()
		b.next = first
		if returned.CompareAndSwap(first, b) {
			return
		}
	}
}
