//go:build !amd64

package machinecode

import "errors"

// StackSize is what a stack has.
const StackSize = 64 << 20

// errProcessor says that this processor's way into machine code is not written.
var errProcessor = errors.New("machine code of programs runs on x86-64 processors only")

// Stack is one for machine code.
type Stack struct{}

// Mark is the code on a stack that has come out to Go.
type Mark uintptr

// NewStack fails. There is no stack that the methods could be called of.
func NewStack(_, _ uintptr, _ func() bool) (*Stack, error) { return nil, errProcessor }

// Exits fails, as NewStack.
func Exits() (callHost, trap uintptr, err error) { return 0, 0, errProcessor }

func (s *Stack) Free()                                    {}
func (s *Stack) Mark() Mark                               { return 0 }
func (s *Stack) Reset(Mark)                               {}
func (s *Stack) Arguments(int) []uint64                   { return nil }
func (s *Stack) Enter(_, _, _ uintptr, _ []uint64) Event  { return Faulted }
func (s *Stack) Resume() Event                            { return Faulted }
func (s *Stack) Call() (number uint64, arguments uintptr) { return 0, 0 }
func (s *Stack) Words(int) []uint64                       { return nil }
func (s *Stack) Fault() *Fault                            { return &Fault{} }
func (s *Stack) Registers() Registers                     { return Registers{} }
func (s *Stack) RegistersAt(Mark) Registers               { return Registers{} }
func (s *Stack) Stored(uintptr, int) []uint64             { return nil }
