package machinecode

import (
	"sync"

	"golang.org/x/sys/unix"
)

// saved is what the assembly saves and goes back by: R0 to R30, SP, PC and flags, as ucontext_t has them.
type saved [34]uintptr

// stateSize is what F0 to F31 and FPSR take.
const stateSize = 32*16 + 8

// handleStops puts the handler before Go's of the signal by which Go asks goroutines to stop, once.
var handleStops = sync.OnceValue(func() error { return handle(unix.SIGURG) })
