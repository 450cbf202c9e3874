//go:build amd64 || arm64

package machinecode

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

const onStack = 0x08000000 // SA_ONSTACK

// chained are Go's handlers by the signals' numbers. The handler goes on to them; each is written before it is there.
var chained [32]uintptr

// Implemented in assembly.

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

// handle puts the handler before Go's.
func handle(s unix.Signal) error {
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
	return nil
}
