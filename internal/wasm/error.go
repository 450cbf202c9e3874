package wasm

import "fmt"

// Error says what is wrong with a module and where.
type Error struct {
	// Offset counts from the module's first byte, or from the first byte of what was read where that is not a module: the
	// Expr given to a Reader, a body that a pass has made.
	Offset int
	// Function is the index of the function at fault, -1 outside of functions.
	Function int
	// Name is that function's name, where the module gives one.
	Name string
	Text string
}

func (e *Error) Error() string {
	switch {
	case e.Function < 0:
		return fmt.Sprintf("wasm: %s (at byte %#x)", e.Text, e.Offset)
	case e.Name == "":
		return fmt.Sprintf("wasm: function %d: %s (at byte %#x)", e.Function, e.Text, e.Offset)
	}
	return fmt.Sprintf("wasm: function %s: %s (at byte %#x)", e.Name, e.Text, e.Offset)
}

func errorAt(offset int, format string, args ...any) *Error {
	return &Error{Offset: offset, Function: -1, Text: fmt.Sprintf(format, args...)}
}
