package machinecode

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/cpu"
	"golang.org/x/sys/unix"
)

const (
	// StackSize is what a stack has, its guard included: addresses, of which memory is taken as code touches them.
	// Stacks begin at multiples of it.
	StackSize = 64 << 20
	// guard is what of a stack can't be touched. Code must not take more at once without touching it
	// (-fstack-clash-protection).
	guard = 64 << 10
	// margin is what arguments, and the registers of interrupted code, leave of a stack.
	margin = 16 << 10
	// maxStacks bounds the stacks of a process: 512 GiB of addresses, reserved once.
	maxStacks = 8192
)

// The reservation; read by the handler, and written once.
var (
	arenaStart unsafe.Pointer
	arena      uintptr // the same
	arenaSize  uintptr
)

// What is saved of interrupted code besides its integer registers: those of the x87, SSE, AVX and AVX-512.
const savedState = 0xe7

var (
	stateMask uint32
	stateSize uintptr
	hasAVX    bool
)

// record stands at the end of each stack. The assembly knows the offsets.
type record struct {
	sp, bp      uintptr // of Go, while code runs
	native      uintptr // the stack pointer of code that has come out; below it stands what resume restores. 0: none
	event       Event
	number      uint64 // the host call's, the trap's kind, the fault's signal
	argument    uintptr
	code, size  uintptr // where the code stands that may be interrupted
	lowest      uintptr // and from where on there is room for it
	interrupted uintptr
	registers   [17]uint64 // at a fault, as ucontext_t has them
}

// recordSize is what the record takes of a stack, a multiple of 64.
const recordSize = 512

// Implemented in assembly.

// enter runs code on the stack below sp, a multiple of 16, until it comes out.
func enter(r *record, code, a, b, c, sp uintptr, s *Stack)

// resume has code go on that has come out, until it comes out again. It uses r and s.
func resume(r *record, code, a, b, c, sp uintptr, s *Stack)

// callHost is for the code alone. It is declared because it has the arguments of those two.
func callHost(r *record, code, a, b, c, sp uintptr, s *Stack)

// served is called by callHost, on the goroutine's stack. It reports whether the code is to go on.
func served(s *Stack) bool { return s.serve() }

// exits is where the functions stand by which code comes out to Go.
func exits() (call, trap uintptr)

func cpuid(leaf, sub uint32) (ax, bx, cx, dx uint32)

// install reserves the stacks and puts the handler before Go's, once.
var install = sync.OnceValue(func() error {
	// One stack more, for the alignment.
	base, err := unix.MmapPtr(-1, 0, nil, (maxStacks+1)*StackSize, unix.PROT_NONE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return fmt.Errorf("reserve stacks for machine code: %w", err)
	}
	arenaStart = unsafe.Add(base, -uintptr(base)&(StackSize-1))
	// Else the first touch of a stack would take 2 MiB.
	unix.RawSyscall(unix.SYS_MADVISE, uintptr(arenaStart), maxStacks*StackSize, unix.MADV_NOHUGEPAGE)
	atomic.StoreUintptr(&arena, uintptr(arenaStart)) // the handler may be there: nothing is in an arena of no size
	atomic.StoreUintptr(&arenaSize, maxStacks*StackSize)
	return errors.Join(handleFaults(), handleStops())
})

// handleFaults puts the handler before Go's of the signals of faults, once.
var handleFaults = sync.OnceValue(func() error {
	for _, s := range []unix.Signal{unix.SIGSEGV, unix.SIGBUS, unix.SIGFPE, unix.SIGILL} {
		if err := handle(s); err != nil {
			return err
		}
	}
	return nil
})

// handleStops puts the handler before Go's of the signal by which Go asks goroutines to stop, once.
var handleStops = sync.OnceValue(func() error {
	if err := measureState(); err != nil {
		return err
	}
	return handle(unix.SIGURG)
})

// measureState finds out how much room the registers of interrupted code take.
func measureState() error {
	if !cpu.X86.HasOSXSAVE {
		return errors.New("machine code of programs needs a processor with XSAVE")
	}
	hasAVX = cpu.X86.HasAVX
	stateMask, stateSize = savedState, 512+64
	for component := uint32(2); component < 8; component++ {
		if savedState>>component&1 == 1 {
			size, offset, _, _ := cpuid(0xd, component)
			stateSize = max(stateSize, uintptr(offset+size))
		}
	}
	stateSize = (stateSize + 63) &^ 63
	return nil
}

// Exits are the addresses of two functions by which code comes out to Go, of the types void (*)(T *any, uint64_t
// number, uint64_t *arguments) and void (*)(T *any, uint64_t kind, uint64_t place), the latter of which does not
// return. What they were called with Call says.
func Exits() (callHost, trap uintptr, err error) {
	if err := install(); err != nil {
		return 0, 0, err
	}
	callHost, trap = exits()
	return callHost, trap, nil
}

// Stack is one for machine code. Calls on it may nest: code that has come out to Go stays where it is, and what is
// called meanwhile stands below it.
type Stack struct {
	low   uintptr
	r     *record
	serve func() (goOn bool)
}

// stacks are those that are free, and how many there have been.
var stacks struct {
	sync.Mutex
	free []uintptr
	made int
}

// NewStack gives a stack for code that stands between two addresses. serve serves what the code calls the host for,
// and reports whether the code is to go on: if not, Enter or Resume return Called. It may panic. The first stack
// reserves the addresses of all and installs the handler.
func NewStack(code, end uintptr, serve func() (goOn bool)) (*Stack, error) {
	if err := install(); err != nil {
		return nil, err
	}
	low, err := takeStack()
	if err != nil {
		return nil, err
	}
	s := &Stack{low: low, serve: serve, r: (*record)(unsafe.Add(arenaStart, low-arena+StackSize-recordSize))}
	*s.r = record{code: code, size: end - code, lowest: low + guard + margin}
	return s, nil
}

func takeStack() (low uintptr, err error) {
	stacks.Lock()
	defer stacks.Unlock()
	if n := len(stacks.free); n > 0 {
		low = stacks.free[n-1]
		stacks.free = stacks.free[:n-1]
		return low, nil
	}
	if stacks.made == maxStacks {
		return 0, fmt.Errorf("more than %d stacks for machine code", maxStacks)
	}
	low = arena + uintptr(stacks.made)*StackSize
	if err := mprotect(low+guard, StackSize-guard, unix.PROT_READ|unix.PROT_WRITE); err != nil {
		return 0, fmt.Errorf("make a stack for machine code: %w", err)
	}
	stacks.made++
	return low, nil
}

func mprotect(address, size uintptr, protection int) error {
	if _, _, errno := unix.RawSyscall(unix.SYS_MPROTECT, address, size, uintptr(protection)); errno != 0 {
		return errno
	}
	return nil
}

// Free gives the stack back for another. No call may be under way. It may be repeated.
func (s *Stack) Free() {
	if s.low == 0 {
		return
	}
	// What a deep call has touched costs memory for as long as the process lives.
	unix.RawSyscall(unix.SYS_MADVISE, s.low+guard, StackSize-guard, unix.MADV_DONTNEED)
	stacks.Lock()
	defer stacks.Unlock()
	stacks.free = append(stacks.free, s.low)
	s.low, s.r, s.serve = 0, nil, nil
}

// Mark is the code on a stack that has come out to Go.
type Mark uintptr

// Mark is that which Resume would have go on.
func (s *Stack) Mark() Mark { return Mark(s.r.native) }

// Reset has what Mark was be that again: whatever stands below is over.
func (s *Stack) Reset(m Mark) { s.r.native = uintptr(m) }

// Arguments is room for that many words, below which the next Enter begins; nil where the stack is too full.
func (s *Stack) Arguments(words int) []uint64 {
	top := uintptr(unsafe.Pointer(s.r))
	if s.r.native != 0 {
		top = s.r.native
	}
	at := (top - 8*uintptr(max(words, 1))) &^ 63
	if at < s.r.lowest || at > top {
		return nil
	}
	return unsafe.Slice((*uint64)(unsafe.Add(arenaStart, at-arena)), max(words, 1))[:words]
}

// Enter calls code by C's rules with two arguments and a pointer to what Arguments gave, and comes back when it comes
// out. The goroutine can be stopped meanwhile: it comes out for that.
func (s *Stack) Enter(code, a, b uintptr, arguments []uint64) Event {
	at := uintptr(unsafe.Pointer(unsafe.SliceData(arguments)))
	enter(s.r, code, a, b, at, at, s)
	return s.r.event
}

// Resume has code go on that has come out.
func (s *Stack) Resume() Event {
	resume(s.r, 0, 0, 0, 0, 0, s)
	return s.r.event
}

// Call is what callHost or trap was called with, after Called or Trapped: a number, or a kind, and arguments or a
// place.
func (s *Stack) Call() (number uint64, arguments uintptr) { return s.r.number, s.r.argument }

// Words are that many words at the arguments of Call.
func (s *Stack) Words(n int) []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Add(arenaStart, s.r.argument-arena)), n)
}

// Fault is what was refused, after Faulted.
func (s *Stack) Fault() *Fault {
	f := &Fault{Signal: unix.Signal(s.r.number), Code: uintptr(s.registersAtFault()[RIP]), Address: s.r.argument}
	f.StackFull = f.Signal == unix.SIGSEGV && f.Address-s.low < guard
	return f
}

// inContext is where a ucontext_t has the registers, by their numbers in DWARF.
var inContext = [17]int{13, 12, 14, 11, 9, 8, 10, 15, 0, 1, 2, 3, 4, 5, 6, 7, 16}

func (s *Stack) registersAtFault() (r Registers) {
	for number, at := range inContext {
		r[number] = s.r.registers[at]
	}
	return r
}

// preserved are the registers that stand below code that has come out, by their numbers, in that order.
var preserved = [...]int{15, 14, 13, 12, 3, RBP}

// Registers are those of the code that has come out last, after the event: of Called and Trapped they are those of the
// function that called the way out, behind the call.
func (s *Stack) Registers() Registers {
	if s.r.event == Faulted {
		return s.registersAtFault()
	}
	return s.RegistersAt(s.Mark())
}

// RegistersAt are those of code that has come out, and waits.
func (s *Stack) RegistersAt(m Mark) (r Registers) {
	saved := s.Stored(uintptr(m), len(preserved)+1)
	for i, number := range preserved {
		r[number] = saved[i]
	}
	r[RIP] = saved[len(preserved)]
	r[RSP] = uint64(m) + 8*uint64(len(saved))
	return r
}

// Stored are words of the stack; nil where it has none there.
func (s *Stack) Stored(at uintptr, n int) []uint64 {
	if at%8 != 0 || at < s.low+guard || at > s.low+StackSize-recordSize-8*uintptr(n) {
		return nil
	}
	return unsafe.Slice((*uint64)(unsafe.Add(arenaStart, at-arena)), n)
}
