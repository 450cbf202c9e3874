package futex

import (
	"encoding/binary"
	"errors"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/faasmrun/faasmrun/internal/waits"
	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/worker/program"
)

// rank is what the tests' threads belong to.
type rank struct {
	memory  []byte
	lowest  uint64
	guard   uint64 // where bytes end that may be touched; 0: with the memory
	queue   Queue
	counted atomic.Int64 // endless waits
	settled atomic.Int64
	refuses atomic.Bool // to count
	done    chan struct{}
	calls   map[string]Call
}

// thread implements Hooks.
type thread struct {
	*Thread
	*rank
	interrupted func()
	mine        bool // it is counted
}

var errEnded = errors.New("ended")

func (h *thread) Memory() []byte { return h.memory }
func (h *thread) Lowest() uint64 { return h.lowest }
func (h *thread) Open(address uint64) uint64 {
	if h.guard > 0 {
		return h.guard - min(address, h.guard)
	}
	return uint64(len(h.memory)) - address
}
func (h *thread) Count(waits bool) {
	if waits = waits && !h.refuses.Load(); waits == h.mine {
		return
	}
	if h.mine = waits; waits {
		h.rank.counted.Add(1)
	} else {
		h.rank.counted.Add(-1)
	}
}
func (h *thread) Settle()               { h.settled.Add(1) }
func (h *thread) Interrupted()          { h.interrupted() }
func (h *thread) Done() <-chan struct{} { return h.done }
func (h *thread) End()                  { panic(errEnded) }

func newRank(wide bool) *rank {
	r := &rank{memory: make([]byte, 65536), done: make(chan struct{}), calls: map[string]Call{}}
	for _, c := range Calls() {
		if c.Wide == wide {
			r.calls[c.Name] = c
		}
	}
	return r
}

func (r *rank) thread() *thread {
	h := &thread{rank: r}
	h.Thread = NewThread(&r.queue, h)
	return h
}

const garbage = 0xdead << 48

// call calls a function as a program would: an address of 32 bits has garbage above it.
func (h *thread) call(name string, words ...uint64) uint32 {
	c := h.calls[name]
	if !c.Wide {
		words[0] |= garbage
	}
	for i, letter := range c.Params[1:] {
		if letter == 'i' {
			words[i+1] |= garbage
		}
	}
	c.Fn(h.Thread, words)
	return uint32(words[0])
}

func (h *thread) wait32(address, expected uint64, timeout time.Duration) uint32 {
	return h.call("memory_wait32", address, expected, uint64(timeout), 0)
}

// start waits on a goroutine of its own.
func (h *thread) start(address uint64, timeout time.Duration) <-chan uint32 {
	result := make(chan uint32, 1)
	go func() { result <- h.wait32(address, 0, timeout) }()
	synctest.Wait()
	return result
}

func trapOf(f func()) (kind any) {
	defer func() { kind = recover() }()
	f()
	return nil
}

// What the pass puts into programs is what is here, in both widths.
func TestCallsAreThePass(t *testing.T) {
	for _, address := range []wasm.ValueType{wasm.I32, wasm.I64} {
		m := &wasm.Module{Types: []wasm.FuncType{{}},
			Memories: []wasm.Limits{{Min: 1, Max: 1, HasMax: true, Shared: true, Is64: address == wasm.I64}}}
		var c wasm.Code
		for op, operands := range map[wasm.Opcode][]wasm.ValueType{wasm.OpAtomicWait32: {wasm.I32, wasm.I64},
			wasm.OpAtomicWait64: {wasm.I64, wasm.I64}, wasm.OpAtomicNotify: {wasm.I32}} {
			c.Zero(address)
			for _, x := range operands {
				c.Zero(x)
			}
			align := uint32(2)
			if op == wasm.OpAtomicWait64 {
				align = 3
			}
			c.Memory(op, wasm.MemArg{Align: align})
			c.Op(wasm.OpDrop)
		}
		c.Op(wasm.OpEnd)
		m.Functions = []wasm.Function{{Body: wasm.Expr(c)}}
		if changed, err := waits.Lower(m); err != nil || !changed {
			t.Fatalf("changed %t, %v", changed, err)
		}
		known := newRank(address == wasm.I64).calls
		maps.DeleteFunc(known, func(name string, _ Call) bool { return !strings.HasPrefix(name, "memory_") })
		if len(m.Imports) != len(known) {
			t.Errorf("%d imports, %d functions", len(m.Imports), len(known))
		}
		for _, im := range m.Imports {
			call := known[im.Name]
			if got := program.SignatureOf(m.Types[im.Type]); got != (program.Signature{Params: call.Params,
				Results: call.Results}) {
				t.Errorf("%s is imported as %v and is %v", im.Name, got, call)
			}
		}
	}
}

func TestOutcomes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newRank(false).thread()
		h.memory[8] = 7
		began := time.Now()
		for _, c := range []struct {
			expected uint64
			timeout  time.Duration
			want     uint32
			takes    time.Duration
		}{{6, -1, 1, 0}, {6, 0, 1, 0}, {7, 0, 2, 0}, {7, 1, 2, 1}, {7, time.Hour, 2, time.Hour},
			{6, 1 << 62, 1, 0}} {
			at := time.Now()
			if got := h.wait32(8, c.expected, c.timeout); got != c.want || time.Since(at) != c.takes {
				t.Errorf("%d for %v: %d after %v", c.expected, c.timeout, got, time.Since(at))
			}
		}
		if h.Waited() != time.Since(began) {
			t.Errorf("waited %v of %v", h.Waited(), time.Since(began))
		}
		binary.LittleEndian.PutUint64(h.memory[16:], 1<<40)
		if got := h.call("memory_wait64", 16, 1<<40, 0, 0); got != 2 {
			t.Errorf("64 bits that are there: %d", got)
		}
		if got := h.call("memory_wait64", 16, 0, ^uint64(0), 0); got != 1 {
			t.Errorf("64 bits of which the lower half is there: %d", got)
		}
		if h.rank.counted.Load() != 0 || h.settled.Load() != 0 {
			t.Error("waits with an end were counted")
		}
	})
}

// Those that wait are woken in their order, by address, and as many as the program says.
func TestNotify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRank(true)
		var results []<-chan uint32
		for i := range 6 {
			results = append(results, r.thread().start(uint64(8+i%2*8), []time.Duration{-1, time.Hour}[i%2]))
		}
		if n := r.counted.Load(); n != 3 || r.settled.Load() != 3 {
			t.Fatalf("%d endless waits, settled %d times", n, r.settled.Load())
		}
		woken := func() (list []int) {
			synctest.Wait()
			for i, c := range results {
				select {
				case outcome := <-c:
					if outcome != 0 {
						t.Errorf("thread %d: %d", i, outcome)
					}
					list = append(list, i)
				default:
				}
			}
			return list
		}
		notifier := r.thread()
		for _, c := range []struct {
			address, count uint64
			want           uint32
			who            []int
		}{{24, 9, 0, nil}, {8, 0, 0, nil}, {8, 1, 1, []int{0}}, {16, 2, 2, []int{1, 3}}, {8, 1<<32 - 1, 2, []int{2, 4}},
			{8, 1, 0, nil}, {16, 1, 1, []int{5}}} {
			got := notifier.call("memory_notify", c.address-8, c.count, 8)
			if who := woken(); got != c.want || !slices.Equal(who, c.who) {
				t.Errorf("%d at %d: %d woken, %v", c.count, c.address, got, who)
			}
		}
		if r.counted.Load() != 0 || len(r.queue.waiting) != 0 {
			t.Errorf("%d waits are left, %d lines", r.counted.Load(), len(r.queue.waiting))
		}
	})
}

// Who waits in the middle of a line may leave it.
func TestTimeoutInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRank(false)
		var results []<-chan uint32
		for _, timeout := range []time.Duration{-1, time.Second, -1, time.Second, time.Second} {
			results = append(results, r.thread().start(64, timeout))
		}
		time.Sleep(time.Second)
		for _, i := range []int{1, 3, 4} {
			if got := <-results[i]; got != 2 {
				t.Errorf("thread %d: %d", i, got)
			}
		}
		if n := r.thread().call("memory_notify", 64, 9, 0); n != 2 || <-results[0] != 0 || <-results[2] != 0 {
			t.Errorf("%d woken", n)
		}
	})
}

func TestTraps(t *testing.T) {
	for _, wide := range []bool{false, true} {
		r := newRank(wide)
		h := r.thread()
		beyond := uint64(1 << 32)
		if wide {
			beyond = ^uint64(0) - 65531 // with the offset, address 4
		}
		for _, c := range []struct {
			name            string
			address, offset uint64
			want            program.TrapKind
		}{
			{"memory_wait32", 2, 0, program.UnalignedAtomic},
			{"memory_wait32", 65536, 0, program.OutOfBounds},
			{"memory_wait32", 65532, 4, program.OutOfBounds},
			{"memory_wait32", 0, beyond, program.OutOfBounds},
			{"memory_wait32", 65536, beyond, program.OutOfBounds},
			{"memory_wait64", 4, 0, program.UnalignedAtomic},
			{"memory_wait64", 65529, 0, program.OutOfBounds},
			{"memory_notify", 1, 2, program.UnalignedAtomic},
			{"memory_notify", 65536, 0, program.OutOfBounds},
		} {
			words := []uint64{c.address, 0, 0, c.offset}
			if c.name == "memory_notify" {
				words = []uint64{c.address, 0, c.offset}
			}
			if got := trapOf(func() { h.call(c.name, words...) }); got != c.want {
				t.Errorf("wide %t, %s at %d+%d: %v", wide, c.name, c.address, c.offset, got)
			}
		}
		r.lowest = 4096
		for _, name := range []string{"memory_wait32", "memory_wait64", "memory_notify"} {
			for address, want := range map[uint64]any{0: program.NullPointer, 4088: program.NullPointer, 4096: nil} {
				words := []uint64{address, 1, 0, 0}
				if name == "memory_notify" {
					words = []uint64{address, 0, 0}
				}
				if got := trapOf(func() { h.call(name, words...) }); got != want {
					t.Errorf("wide %t, %s at %d: %v", wide, name, address, got)
				}
			}
		}
		r.lowest, r.guard = 0, 4096
		for address, want := range map[uint64]any{4088: nil, 4096: program.OutOfBounds} {
			if got := trapOf(func() { h.call("memory_wait32", address, 1, 0, 0) }); got != want {
				t.Errorf("wide %t, a wait at %d, where there is a guard: %v", wide, address, got)
			}
		}
		r.memory = nil
		if got := trapOf(func() { h.call("memory_notify", 0, 1, 0) }); got != program.OutOfBounds {
			t.Errorf("no memory: %v", got)
		}
	}
}

// The end of the rank ends every wait, whatever its timeout, and leaves nothing behind.
func TestEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRank(false)
		ends := make(chan any, 2)
		for _, timeout := range []time.Duration{-1, time.Hour} {
			h := r.thread()
			go func() { ends <- trapOf(func() { h.wait32(8, 0, timeout) }) }()
		}
		synctest.Wait()
		close(r.done)
		if a, b := <-ends, <-ends; a != errEnded || b != errEnded {
			t.Errorf("%v, %v", a, b)
		}
		if r.counted.Load() != 0 || len(r.queue.waiting) != 0 {
			t.Errorf("%d waits are left, %d lines", r.counted.Load(), len(r.queue.waiting))
		}
	})
}

// A signal's handler runs within the wait, which goes on; while it runs the thread is not among those that wait for
// ever, and may be notified, by the handler itself too.
func TestInterrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRank(false)
		h := r.thread()
		handled := 0
		h.interrupted = func() {
			handled++
			if n := r.counted.Load(); n != 0 {
				t.Errorf("%d threads wait for ever", n)
			}
		}
		result := h.start(8, -1)
		for range 2 {
			h.Interrupt()
			if n := r.counted.Load(); n > 1 {
				t.Errorf("counted %d times", n)
			}
			synctest.Wait()
		}
		if handled != 2 || r.counted.Load() != 1 || r.settled.Load() != 3 || !h.Waits() {
			t.Fatalf("handled %d, %d wait, settled %d times", handled, r.counted.Load(), r.settled.Load())
		}
		h.interrupted = func() { r.thread().call("memory_notify", 8, 1, 0) }
		h.Interrupt()
		if got := <-result; got != 0 || h.Waits() || r.counted.Load() != 0 {
			t.Errorf("%d, %d wait", got, r.counted.Load())
		}
		// One that comes while nobody waits is seen by the next wait.
		h.Interrupt()
		handled = 0
		h.interrupted = func() { handled++ }
		if got := h.wait32(8, 0, time.Second); got != 2 || handled != 1 {
			t.Errorf("%d, handled %d", got, handled)
		}
		// A handler that ends the rank.
		h.interrupted = func() { panic(errEnded) }
		h.Interrupt()
		if got := trapOf(func() { h.wait32(8, 0, -1) }); got != errEnded || len(r.queue.waiting) != 0 ||
			r.counted.Load() != 0 {
			t.Errorf("%v, %d lines, %d wait", got, len(r.queue.waiting), r.counted.Load())
		}
	})
}

// A wait that was not counted, because a signal was to come, is when none is any more, whoever waits; and the other way
// round. One that has an end never is.
func TestRecount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRank(false)
		r.queue.Recount() // nobody waits
		r.refuses.Store(true)
		var results []<-chan uint32
		for i, timeout := range []time.Duration{-1, -1, -1, time.Hour} {
			results = append(results, r.thread().start(uint64(8*(i/2)), timeout))
		}
		settled := r.settled.Load()
		for _, want := range []int64{3, 0, 3} {
			r.refuses.Store(want == 0)
			r.queue.Recount()
			if n := r.counted.Load(); n != want {
				t.Errorf("%d threads are counted, and not %d", n, want)
			}
		}
		if n := r.settled.Load() - settled; n != 3 {
			t.Errorf("settled %d times", n)
		}
		for address := range uint64(2) {
			r.thread().call("memory_notify", 8*address, 9, 0)
		}
		for _, result := range results {
			<-result
		}
		if n := r.counted.Load(); n != 0 {
			t.Errorf("%d are counted still", n)
		}
	})
}

// Threads that hand a lock to each other by waiting and notifying never lose a wake.
func TestUnderLoad(t *testing.T) {
	const threads, rounds = 8, 3000
	r := newRank(true)
	lock := (*uint32)(unsafe.Pointer(&r.memory[128]))
	total := 0
	var running sync.WaitGroup
	for i := range threads {
		h := r.thread()
		h.interrupted = func() {}
		running.Go(func() {
			for n := range rounds {
				taken := atomic.CompareAndSwapUint32(lock, 0, 1)
				for !taken && atomic.SwapUint32(lock, 2) != 0 {
					timeout := time.Duration(-1)
					if n%7 == 0 {
						timeout = time.Microsecond
					}
					h.wait32(128, 2, timeout)
				}
				total++
				runtime.Gosched()
				if atomic.SwapUint32(lock, 0) == 2 {
					h.call("memory_notify", 128, 1, 0)
				}
				if i == 0 {
					h.Interrupt()
				}
			}
		})
	}
	running.Wait()
	if total != threads*rounds || r.counted.Load() != 0 || len(r.queue.waiting) != 0 {
		t.Errorf("%d, %d waits are left, %d lines", total, r.counted.Load(), len(r.queue.waiting))
	}
}

// A library says where in it a program waits, for as long as it does.
func TestFunctions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newRank(true).thread()
		result := make(chan uint32)
		go func() { result <- h.call("thread_wait", 8, 0, 1<<64-1, 3) }()
		synctest.Wait()
		if f := h.Function(); f != "pthread_join" {
			t.Errorf("the thread waits in %q", f)
		}
		h.rank.thread().call("thread_wake", 8, 1)
		if got := <-result; got != uint32(woken) || h.Function() != "" {
			t.Errorf("it came back with %d, and waits in %q", got, h.Function())
		}
		for _, number := range []uint64{0, uint64(len(functions)), 1<<32 - 1} {
			if h.call("thread_wait", 8, 0, 0, number); h.Function() != "" {
				t.Errorf("function %d is %q", number, h.Function())
			}
		}
	})
}
