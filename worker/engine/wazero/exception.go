package wazero

import (
	"github.com/tetratelabs/wazero/api"

	"github.com/faasmrun/faasmrun/internal/eh"
	"github.com/faasmrun/faasmrun/worker/program"
)

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
	what := eh.Describe(in.mem.Bytes(), in.mem.Open, uint32(in.pending.Get()), value, wide)
	return &program.Uncaught{What: program.Printable(what)}
}
