package engine

import (
	"errors"

	"github.com/tetratelabs/wazero/api"

	"github.com/faasmrun/faasmrun/internal/eh"
	"github.com/faasmrun/faasmrun/worker/program"
)

// ErrThrown is what CallTable returns when the function that it called threw an exception. A host function panics with
// it, as with other errors of CallTable, and by that returns to the program, which unwinds on from where it called the
// host.
var ErrThrown = errors.New("the function that was called back threw an exception")

// throwing reports whether an exception has left the guest.
func (in *Instance) throwing() bool { return in.pending != nil && uint32(in.pending.Get()) != 0 }

// uncaught is the error for an exception that left the program.
func (in *Instance) uncaught() error {
	if !in.throwing() {
		return nil
	}
	value, wide := uint64(0), false
	if in.thrown != nil {
		if value, wide = in.thrown.Get(), in.thrown.Type() == api.ValueTypeI64; !wide {
			value = uint64(uint32(value))
		}
	}
	return &program.Uncaught{What: program.Printable(eh.Describe(in.mem.Bytes(), uint32(in.pending.Get()), value, wide))}
}
