// Package eh lowers exceptions: it turns a module with legacy WebAssembly exceptions, the only ones that clang 19
// writes for C++'s throw and C's longjmp, into one without, which every engine runs fast. wazero's own are slow, and of
// the other encoding.
//
// A global reports whether an exception is pending and, by its value, of which tag; others hold what it carries. throw
// sets them and branches to the handler around it. After each call that may throw, the global is tested: one load and
// one branch that is not taken. Which calls may throw is found by looking through the whole module, tables included, so
// that a program pays where exceptions can come from, and loops around other calls pay nothing.
//
// # What the host must do
//
// A lowered module exports its pending global as Pending; Value is what the exception carries, for those of C++ and
// longjmp the address of an object. When a call into the guest returns and Pending is not 0, an exception left the
// guest:
//
//   - If the guest was called from an import (a callback), the import returns at once, whatever it returns, without
//     touching the globals: the guest tests Pending after calling the import and unwinds on. Handlers of signals can
//     run in every import of wasi_snapshot_preview1 but proc_exit. Other modules whose names begin with "wasi" are
//     assumed not to call back, and are not tested; all the rest are.
//   - If the host made the outermost call, the exception is uncaught: Describe says what it is.
//
// The guest is never entered while an exception is pending. In a program of several threads the globals are each
// instance's own, so each thread has its own exceptions.
//
// A module without exceptions stays as it is, byte for byte. In others, debug information is kept, and a map from the
// code to the one that it describes is added (wasm.CodeMap); other custom sections that go by code's position are
// dropped.
package eh
