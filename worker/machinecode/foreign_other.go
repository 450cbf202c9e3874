//go:build !amd64 && !arm64

package machinecode

import "errors"

// Foreign is a call of machine code that another library enters.
type Foreign struct {
	Frame, Code, Size uintptr
	Interrupted       func()
}

// Entered is where a goroutine was before such a call.
type Entered struct{}

// EnableForeign fails. No call can be interrupted.
func EnableForeign(uintptr) error {
	return errors.New("machine code is interrupted on x86-64 and 64-bit ARM processors only")
}

func (f *Foreign) Enter() Entered { return Entered{} }
func (e Entered) Leave()          {}
