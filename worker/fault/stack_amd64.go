package fault

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// StackSize is what a stack has, its guard included. Stacks begin at multiples of it.
	StackSize = 4 << 20
	// guard is what of a stack can't be touched. Code must not take more at once without touching it
	// (-fstack-clash-protection).
	guard = 64 << 10
	// maxStacks bounds the stacks of a process: 16 GiB of addresses, reserved once.
	maxStacks = 4096

	onStack = 0x08000000 // SA_ONSTACK
)

// The reservation, and Go's handlers by the signals' numbers; read by the handler, and never changed once it is
// installed.
var (
	arenaStart unsafe.Pointer
	arena      uintptr // the same
	arenaSize  uintptr
	chained    [32]uintptr
)

// record is what a call leaves at the top of its stack for its end. The assembly knows the offsets.
type record struct {
	sp      uintptr // of Go, where its frame pointer is
	signal  uintptr // 0: the code has returned
	code    uintptr
	address uintptr
}

// Implemented in assembly.

// enter runs code on the stack below top, which is a multiple of 16, until it returns or the handler ends it.
//
//go:noescape
func enter(r *record, code, argument, top uintptr)

// handlerAddress is where the handler stands.
func handlerAddress() uintptr

// action is the kernel's struct sigaction.
type action struct {
	handler  uintptr
	flags    uint64
	restorer uintptr
	mask     uint64
}

func sigaction(signal unix.Signal, set, old *action) error {
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(signal), uintptr(unsafe.Pointer(set)),
		uintptr(unsafe.Pointer(old)), 8, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

var signals = [...]unix.Signal{unix.SIGSEGV, unix.SIGBUS, unix.SIGFPE, unix.SIGILL}

// install reserves the stacks and puts the handler before Go's, once.
var install = sync.OnceValue(func() error {
	// One stack more, for the alignment.
	base, err := unix.MmapPtr(-1, 0, nil, (maxStacks+1)*StackSize, unix.PROT_NONE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return fmt.Errorf("reserve stacks for machine code: %w", err)
	}
	arenaStart = unsafe.Add(base, -uintptr(base)&(StackSize-1))
	arena, arenaSize = uintptr(arenaStart), maxStacks*StackSize
	for _, s := range signals {
		var a action
		if err := sigaction(s, nil, &a); err != nil {
			return fmt.Errorf("ask for the handler of %v: %w", s, err)
		}
		if a.flags&onStack == 0 || a.handler <= 1 {
			return fmt.Errorf("%v is not handled by Go", s)
		}
		chained[s] = a.handler
		a.handler = handlerAddress() // Go's flags, mask and way back
		if err := sigaction(s, &a, nil); err != nil {
			return fmt.Errorf("handle %v: %w", s, err)
		}
	}
	return nil
})

// Stack is one for machine code. One call at a time runs on it.
type Stack struct{ low uintptr }

// stacks are those that are free, and how many there have been.
var stacks struct {
	sync.Mutex
	free []uintptr
	made int
}

// NewStack gives a stack. The first one reserves their addresses and installs the handler.
func NewStack() (*Stack, error) {
	if err := install(); err != nil {
		return nil, err
	}
	stacks.Lock()
	defer stacks.Unlock()
	if n := len(stacks.free); n > 0 {
		low := stacks.free[n-1]
		stacks.free = stacks.free[:n-1]
		return &Stack{low}, nil
	}
	if stacks.made == maxStacks {
		return nil, fmt.Errorf("more than %d stacks for machine code", maxStacks)
	}
	low := arena + uintptr(stacks.made)*StackSize
	if err := mprotect(low+guard, StackSize-guard, unix.PROT_READ|unix.PROT_WRITE); err != nil {
		return nil, fmt.Errorf("make a stack for machine code: %w", err)
	}
	stacks.made++
	return &Stack{low}, nil
}

func mprotect(address, size uintptr, protection int) error {
	if _, _, errno := unix.RawSyscall(unix.SYS_MPROTECT, address, size, uintptr(protection)); errno != 0 {
		return errno
	}
	return nil
}

// Free gives the stack back for another. No call may be under way.
func (s *Stack) Free() {
	if s.low == 0 {
		return
	}
	// What a deep call has touched costs memory for as long as the process lives.
	unix.RawSyscall(unix.SYS_MADVISE, s.low+guard, StackSize-guard, unix.MADV_DONTNEED)
	stacks.Lock()
	defer stacks.Unlock()
	stacks.free = append(stacks.free, s.low)
	s.low = 0
}

// Call calls machine code by C's rules, with one argument. The error is a *Fault, or nil if the code has returned;
// after a fault what it was doing is half done. The goroutine can't be stopped meanwhile, as in any engine's code: see
// worker/safepoint.
func (s *Stack) Call(code, argument uintptr) error {
	if s.low == 0 {
		return errors.New("fault: the stack was freed")
	}
	r := (*record)(unsafe.Add(arenaStart, s.low-arena+StackSize-recordSize))
	*r = record{}
	enter(r, code, argument, uintptr(unsafe.Pointer(r)))
	if r.signal == 0 {
		return nil
	}
	return &Fault{Signal: unix.Signal(r.signal), Code: r.code, Address: r.address,
		StackFull: unix.Signal(r.signal) == unix.SIGSEGV && r.address-s.low < guard}
}

// recordSize is what the record takes at the top of a stack, a multiple of 16.
const recordSize = 64
