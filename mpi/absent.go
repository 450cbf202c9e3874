package mpi

import (
	"maps"
	"slices"
	"strings"
)

// Functions that mpi.h declares and that are not there yet: one-sided communication, files, sessions and the like. A
// program that has them runs; who calls one gets an error, as the standard says for its chapter.

// toolUnsupported is MPI_T_ERR_NOT_SUPPORTED.
const toolUnsupported = 1004

// absentNames are those functions.
var absentNames = func() (names []string) {
	there := map[string]bool{}
	for _, c := range presentCalls() {
		there[strings.TrimPrefix(c.Name, "MPI_")] = true
	}
	for _, name := range slices.Sorted(maps.Keys(signatures)) {
		if !there[name] {
			names = append(names, name)
		}
	}
	return names
}()

// absent serves a function that is not there. The error is the communicator's if it takes one. Files have a handler of
// their own, which is MPI_ERRORS_RETURN (MPI 5.0, chapter 14.7), and the tools' functions have none (chapter 15.3):
// these return the code at once. What gives a handle, or its number, gives 0.
func absent(index uint32, name string) func(*Thread, []uint64) {
	at := strings.IndexByte(signatures[name], letterComm)
	fail := func(t *Thread, stack []uint64) int32 {
		f := failf(errUnsupportedOperation, "this version of faasmrun has not this function (docs/mpi-support.md)")
		if at >= 0 {
			c, invalid := t.comm(handleOf(stack[at]))
			if invalid != nil {
				f = invalid
			}
			f = f.on(c)
		}
		return t.raise(callName(index), f)
	}
	returning := func(code int32) func(*Thread, []uint64) int32 {
		return func(*Thread, []uint64) int32 { return code }
	}
	switch base, form, _ := strings.Cut(name, "_"); {
	case slices.Contains(numberForms, form):
		of := fail
		fail = func(t *Thread, stack []uint64) int32 { of(t, stack); return 0 }
	case base == "T":
		fail = returning(toolUnsupported)
	case base == "File", strings.HasPrefix(name, "Register_datarep"):
		fail = returning(errUnsupportedOperation)
	}
	return func(t *Thread, stack []uint64) {
		t.checkEnded()
		t.call.Store(index)
		stack[0] = uint64(uint32(fail(t, stack)))
	}
}
