package mpi

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

// TestAbsent calls functions that mpi.h declares and that are not there: the error goes to the communicator's handler
// if the function takes one, else to that of MPI_COMM_SELF; functions of files and of the tools interface return it.
func TestAbsent(t *testing.T) {
	play(t, 1, func(g *guest) {
		handler, comm, out := g.words(0), g.words(0), g.words(7)
		var calls []uint64
		g.table[3] = func(a ...uint64) {
			calls = append(calls, binary.LittleEndian.Uint64(g.mem[a[0]:]), uint64(binary.LittleEndian.Uint32(g.mem[a[1]:])))
		}
		g.must("Comm_create_errhandler", 3, handler)
		g.must("Comm_dup", tWorld, comm)
		g.must("Comm_set_errhandler", g.word(comm, 0), g.word(handler, 0))
		g.must("Comm_set_errhandler", tSelf, errorsReturn)
		want(g, "MPI_Win_create", g.call("Win_create", 0, 0, 1, infoNull, g.word(comm, 0), out), errUnsupportedOperation)
		if len(calls) != 2 || calls[0] != uint64(g.word(comm, 0)) || calls[1] != errUnsupportedOperation {
			t.Errorf("the handler was called with %#x", calls)
		}
		want(g, "the window's handle", g.word(out, 0), 7)
		want(g, "on no communicator", g.call("Win_create", 0, 0, 1, infoNull, 77, out), errComm)
		want(g, "MPI_Win_fence", g.call("Win_fence", 0, 0), errUnsupportedOperation)
		want(g, "MPI_Win_toint", g.raw("Win_toint", 0x110), uint64(0))
		want(g, "MPI_Session_init", g.call("Session_init", infoNull, 0, out), errUnsupportedOperation)
		want(g, "MPI_T_init_thread", g.call("T_init_thread", 0, out), toolUnsupported)
		want(g, "calls of the handler", len(calls), 2)
		g.must("Comm_set_errhandler", tSelf, errorsAreFatal)
		want(g, "MPI_File_open", g.call("File_open", g.word(comm, 0), g.cstring("x"), 2, infoNull, out),
			errUnsupportedOperation)
		g.must("Comm_free", comm)
	})
	for _, initialized := range []bool{true, false} {
		err := outcome(t, 1, func(g *guest) {
			if initialized {
				g.must("Init", 0, 0)
			}
			g.call("Session_init", infoNull, 0, g.words(0))
		})[0]
		var abort *AbortError
		if !errors.As(err, &abort) || abort.Code != errUnsupportedOperation || !strings.Contains(abort.Message,
			"rank 0: MPI_Session_init: this version of faasmrun has not this function") {
			t.Errorf("by default: %v", err)
		}
	}
}

// TestEveryAbsent: each of them says that it is not there, whatever it is given, and no function that is there does so.
func TestEveryAbsent(t *testing.T) {
	play(t, 1, func(g *guest) {
		g.must("Comm_set_errhandler", tWorld, errorsReturn)
		g.must("Comm_set_errhandler", tSelf, errorsReturn)
		n := 0
		for _, c := range Calls() {
			if !c.Absent {
				continue
			}
			n++
			for i := range g.stack {
				g.stack[i] = uint64(i) * 0x9e3779b97f4a7c15
			}
			c.Fn(g.rank.Main(), g.stack[:max(len(c.Params), 1)])
			switch name := strings.TrimPrefix(strings.TrimPrefix(c.Name, "P"), "MPI_"); g.stack[0] {
			case errUnsupportedOperation, toolUnsupported:
			case errComm:
				want(g, name+" takes a communicator", strings.ContainsRune(signatures[name], letterComm), true)
			default:
				want(g, name+" gives", g.stack[0], 0)
				want(g, name+" gives a handle", strings.Contains(name, "int") || strings.Contains(name, "2"), true)
			}
		}
		want(g, "functions that are absent", n, 2*len(absentNames))
	})
}
