package translate

import "github.com/faasmrun/faasmrun/internal/wasm"

func vectorForms() map[string]form { return nil }

// vector translates vector instructions, and reports whether the instruction was one.
func (f *function) vector(in *wasm.Instr) bool { return false }
