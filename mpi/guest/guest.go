// Package guest holds what a program is compiled against to call MPI: mpi.h, with the types and constants of the MPI
// 5.0 standard ABI and every function as an import of the wasm module "mpi". It leaves serving those imports to
// package mpi, and putting the header where a compiler finds it to the toolchain.
package guest

import _ "embed"

// Header is the text of mpi.h.
//
//go:embed mpi.h
var Header string

// CxxHeader is the text of mpicxx.h, the C++ bindings of MPI 2.2.
//
//go:embed mpicxx.h
var CxxHeader string
