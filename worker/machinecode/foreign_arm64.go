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

// FaultsEnd reports whether faults of foreign code end it: they end the process.
const FaultsEnd = false

func handleFaults() error { return nil }

// Fault is nothing.
func (e Entered) Fault() *Fault { return nil }
