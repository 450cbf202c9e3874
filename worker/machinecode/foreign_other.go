//go:build !amd64 && !arm64

package machinecode

import "errors"

// Foreign is a call of machine code that another library enters.
type Foreign struct {
	Frame, Code, Size uintptr
	Exit              Exit
	Interrupted       func()
}

// Exit is where the library looks how its code has ended.
type Exit struct{ Code, Trap, At, Stack, Frame uintptr }

// FaultsEnd reports whether faults of foreign code end it.
const FaultsEnd = false

// Entered is where a goroutine was before such a call.
type Entered struct{}

// EnableForeign fails. No call can be interrupted.
func EnableForeign(uintptr) error {
	return errors.New("machine code is interrupted on x86-64 and 64-bit ARM processors only")
}

func (f *Foreign) Enter() Entered { return Entered{} }
func (e Entered) Leave()          {}
func (e Entered) Fault() *Fault   { return nil }
