// Package guest holds what a program is compiled against to use OpenMP: omp.h, with the routines that programs call,
// and kmpc.h, with those that clang's code for directives calls. All are imports of the wasm module "env", so a program
// carries no runtime of its own. It leaves serving those imports to the host, and compiling and linking to the
// toolchain.
package guest

import _ "embed"

// Header is the text of omp.h.
//
//go:embed omp.h
var Header string

// Runtime is the text of kmpc.h: a line a function.
//
//go:embed kmpc.h
var Runtime string
