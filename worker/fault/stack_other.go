//go:build !amd64

package fault

import "errors"

// StackSize is what a stack has.
const StackSize = 4 << 20

// Stack is one for machine code.
type Stack struct{}

// NewStack fails: this processor's way into machine code is not written.
func NewStack() (*Stack, error) {
	return nil, errors.New("machine code of programs runs on x86-64 processors only")
}

// Free does nothing.
func (s *Stack) Free() {}

// Call fails, as NewStack.
func (s *Stack) Call(code, argument uintptr) error {
	_, err := NewStack()
	return err
}
