// Package wasm alone knows the WebAssembly binary format. It decodes a module into plain Go data, reads
// and types the instructions of its functions, and writes modules; the passes that rewrite programs (exceptions,
// suspension, atomics) stand on it. What a pass does to a module, and whether it can, is the pass's business; running
// modules is the engine's (worker/engine).
//
// The ways in, from the bytes up:
//
//   - Decode and Module.Encode: a module and its sections.
//   - Reader: the instructions of one body, in order, with their immediates.
//   - Cursor: a Reader that also keeps the operand and control stacks as a validator does, so that a pass knows the
//     type of every operand at every instruction, in unreachable code too. Module.Validate runs one over every
//     function.
//   - Code: instructions being written. Rewrite: a function anew, from what it was. Module.Remap, AddType, AddGlobal,
//     AddFunctionImports: index spaces being changed.
//   - CallGraph: which functions can reach which, through tables as well. Liveness: which locals matter after a call.
//   - Names: the name section. Features: what a module needs of an engine, for refusals.
//
// Read are the instructions of WebAssembly 2.0, tail calls, threads, relaxed SIMD and both encodings of exceptions.
// Memories and tables may have addresses of 64 bits. Garbage collection and typed function references are refused by
// name.
//
// # Encodings
//
// Encode is canonical: everything outside function bodies and constant expressions is written with the shortest
// integers and the simplest form that says the same. Bodies and constant expressions stay the bytes they were until a
// pass replaces them, with the padded integers that linkers leave. Hence a module that wasm-ld wrote comes back byte
// for byte (its padding is in bodies alone), and one by Go's linker comes back with shorter section headers.
//
// # Hostile input
//
// Every count is held against the bytes that remain before anything is allocated for it, nothing recurses, and errors
// are values (*Error) with the offset. Decoded data refers to the input: the caller leaves that unchanged.
package wasm
