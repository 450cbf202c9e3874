package futex

import (
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/faasmrun/faasmrun/worker/program"
)

// Hooks are what a thread's waits mean to others.
type Hooks interface {
	// Memory is the linear memory, of which nothing below Lowest may be touched, and from any address on as many bytes as
	// Open says.
	Memory() []byte
	Lowest() uint64
	Open(address uint64) (bytes uint64)
	// Count is told when the thread begins to wait without a timeout, and when it no longer does, by whoever ends that. By
	// Recount it is told once more that the thread waits. It must not wait for anything.
	Count(waits bool)
	// Settle is called once Count has counted the thread, and may find that nobody is left to wake it.
	Settle()
	// Interrupted runs what a signal has come for, on the thread's goroutine, within its wait.
	Interrupted()
	// Done is closed when the rank is to end. End then panics.
	Done() <-chan struct{}
	End()
}

// Thread is a thread that may wait. Its waits come from one goroutine at a time.
type Thread struct {
	queue *Queue
	hooks Hooks
	wake  chan struct{} // holds one: the thread was notified, or a signal has come

	waited atomic.Int64 // nanoseconds
	// function is that of the program's library which waits.
	function atomic.Int32

	// Of the wait under way; guarded by Queue.mu, but for endless, which is the thread's own.
	queued         bool
	counted        bool
	endless        bool
	address        uint64
	before, behind *Thread // in the line
}

// NewThread makes a thread that waits in a queue.
func NewThread(q *Queue, h Hooks) *Thread {
	return &Thread{queue: q, hooks: h, wake: make(chan struct{}, 1)}
}

// Interrupt has the thread handle a signal, if it waits, before it waits on. Any goroutine may call it.
func (t *Thread) Interrupt() {
	t.queue.mu.Lock()
	defer t.queue.mu.Unlock()
	t.count(false)
	t.ping()
}

// Waits reports whether the thread waits now. Any goroutine may call it.
func (t *Thread) Waits() bool {
	t.queue.mu.Lock()
	defer t.queue.mu.Unlock()
	return t.queued
}

// Waited is the time for which the thread has waited. Any goroutine may call it.
func (t *Thread) Waited() time.Duration { return time.Duration(t.waited.Load()) }

func (t *Thread) ping() {
	select {
	case t.wake <- struct{}{}:
	default: // it will look
	}
}

// count counts an endless wait as one, or not. The queue's lock is held.
func (t *Thread) count(waits bool) {
	if t.endless && t.counted != waits {
		t.counted = waits
		t.hooks.Count(waits)
	}
}

// WaitOn waits without a timeout until a key is notified, if word has that value. A key is an address of the memory, or
// any number that is none.
func (t *Thread) WaitOn(key uint64, word *atomic.Uint32, value uint32) {
	t.queue.wait(t, key, forever, func() bool { return word.Load() == value })
}

// Notify wakes up to count of those that wait with a key.
func (t *Thread) Notify(key uint64, count uint32) { t.queue.notify(key, count) }

// Call is a function that programs import.
type Call struct {
	Name, Params, Results string
	Wide                  bool // for programs with pointers of 64 bits
	Fn                    func(t *Thread, stack []uint64)
}

// Calls returns the functions, each for programs of both widths. They trap, by panicking with a program.TrapKind, where
// the instructions do.
func Calls() []Call {
	var calls []Call
	for _, wide := range []bool{false, true} {
		address := map[bool]string{false: "i", true: "l"}[wide]
		add := func(name, params string, fn func(*Thread, operand, []uint64) uint32) {
			calls = append(calls, Call{Name: name, Params: address + params, Results: "i", Wide: wide,
				Fn: func(t *Thread, stack []uint64) {
					at := operand{stack[0], stack[len(params)]}
					if !wide {
						at.base = uint64(uint32(at.base))
					}
					stack[0] = uint64(fn(t, at, stack))
				}})
		}
		add("memory_wait32", "ill", wait32)
		add("memory_wait64", "lll", wait64)
		add("memory_notify", "il", notify)
	}
	return append(calls, Call{Name: "thread_wait", Params: "lili", Results: "i", Wide: true, Fn: threadWait},
		Call{Name: "thread_wake", Params: "li", Wide: true, Fn: threadWake})
}

// operand is an address and the offset that its instruction adds.
type operand struct{ base, offset uint64 }

// in is so many bytes there, of a thread's memory.
func (at operand) in(t *Thread, size uint64) (address uint64, bytes []byte) {
	memory := t.hooks.Memory()
	address = at.base + at.offset
	switch {
	case address < at.base || uint64(len(memory)) < size || address > uint64(len(memory))-size:
		panic(program.OutOfBounds)
	case address%size != 0:
		panic(program.UnalignedAtomic)
	case address < t.hooks.Lowest():
		panic(program.NullPointer)
	case t.hooks.Open(address) < size:
		panic(program.OutOfBounds)
	}
	return address, memory[address:][:size]
}

// memory_wait32(address, expected i32, timeout i64 (ns, below 0: none), offset i64) -> i32: 0 notified, 1 another value
// is there, 2 the time is over.
func wait32(t *Thread, at operand, s []uint64) uint32 {
	address, bytes := at.in(t, 4)
	word := (*uint32)(unsafe.Pointer(&bytes[0]))
	return uint32(t.queue.wait(t, address, timeoutOf(s[2]), func() bool {
		return atomic.LoadUint32(word) == uint32(s[1])
	}))
}

// memory_wait64(address, expected i64, timeout i64, offset i64) -> i32, as memory_wait32.
func wait64(t *Thread, at operand, s []uint64) uint32 {
	address, bytes := at.in(t, 8)
	word := (*uint64)(unsafe.Pointer(&bytes[0]))
	return uint32(t.queue.wait(t, address, timeoutOf(s[2]), func() bool { return atomic.LoadUint64(word) == s[1] }))
}

// memory_notify(address, count i32, offset i64) -> i32: how many were woken, of those that wait on the address at most
// count.
func notify(t *Thread, at operand, s []uint64) uint32 {
	address, _ := at.in(t, 4)
	return t.queue.notify(address, uint32(s[1]))
}

// thread_wait(address, expected i32, timeout i64, function i32) -> i32: as memory_wait32, of a library that says in
// which of its functions. The memory need not be shared: a signal's handler may wake the thread.
func threadWait(t *Thread, s []uint64) {
	t.function.Store(int32(s[3]))
	defer t.function.Store(0)
	s[0] = uint64(wait32(t, operand{base: s[0]}, s))
}

// thread_wake(address, count i32): as memory_notify.
func threadWake(t *Thread, s []uint64) { notify(t, operand{base: s[0]}, s) }

func timeoutOf(ns uint64) time.Duration {
	if int64(ns) < 0 {
		return forever
	}
	return time.Duration(ns)
}
