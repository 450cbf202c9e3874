package mpi

import (
	"strings"
	"testing"
)

// TestCallbacksOnCallbacks: functions of the program that call MPI, which calls them again, end the rank with a reason
// before the host's stack is full.
func TestCallbacksOnCallbacks(t *testing.T) {
	for name, program := range map[string]func(g *guest){
		"an error handler that fails": func(g *guest) {
			g.table[1] = func(...uint64) { g.call("Comm_rank", tWorld, 0) }
			g.must("Comm_set_errhandler", tWorld, g.newcomm("Comm_create_errhandler", 1))
			g.call("Comm_rank", tWorld, 0)
		},
		"a delete function that frees": func(g *guest) {
			cell, keyval := g.alloc(4), g.alloc(4)
			g.results[1] = func(...uint64) int32 { return g.call("Comm_free", cell) }
			g.must("Comm_create_keyval", 0, 1, keyval, 0)
			g.must("Comm_dup", tWorld, cell)
			g.must("Comm_set_attr", g.int(cell, 0), g.int(keyval, 0), 1)
			g.call("Comm_free", cell)
		},
		"a delete function that finalizes": func(g *guest) {
			keyval := g.alloc(4)
			g.results[1] = func(...uint64) int32 { return g.call("Finalize") }
			g.must("Comm_create_keyval", 0, 1, keyval, 0)
			g.must("Comm_set_attr", tSelf, g.int(keyval, 0), 1)
			g.call("Finalize")
		},
		"a query function that asks": func(g *guest) {
			request, flag := g.alloc(4), g.alloc(4)
			g.results[1] = func(...uint64) int32 { return g.call("Request_get_status", g.int(request, 0), flag, 0) }
			g.must("Grequest_start", 1, 1, 1, 0, request)
			g.must("Grequest_complete", g.int(request, 0))
			g.call("Request_get_status", g.int(request, 0), flag, 0)
		},
		"an operation that reduces": func(g *guest) {
			op, buf := g.alloc(4), g.alloc(64)
			g.table[1] = func(...uint64) { g.call("Reduce_local", buf, buf+8, 1, tInt, g.int(op, 0)) }
			g.must("Op_create", 1, 1, op)
			g.call("Reduce_local", buf, buf+8, 1, tInt, g.int(op, 0))
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := outcome(t, 1, func(g *guest) {
				g.must("Init", 0, 0)
				program(g)
			})[0]
			if err == nil || !strings.Contains(err.Error(), "more than 100 deep") {
				t.Errorf("it ends with %v", err)
			}
		})
	}
}

// TestOperationInOperation: an operation that reduces by another one may not communicate afterwards either.
func TestOperationInOperation(t *testing.T) {
	play(t, 2, func(g *guest) {
		g.must("Comm_set_errhandler", tWorld, errorsReturn)
		buf := g.alloc(64)
		g.table[1] = func(...uint64) {}
		inner := g.newcomm("Op_create", 1, 1)
		g.table[2] = func(...uint64) {
			g.must("Reduce_local", buf+16, buf+24, 1, tInt, inner)
			want(g, "a barrier in an operation", g.call("Barrier", tWorld), int32(errOther))
		}
		g.must("Allreduce", buf, buf+8, 1, tInt, g.newcomm("Op_create", 2, 1), tWorld)
	})
}

// TestFinalizedByADeleteFunction: what a delete function of MPI_COMM_SELF's attributes has finalized is not finalized
// again.
func TestFinalizedByADeleteFunction(t *testing.T) {
	errs := outcome(t, 1, func(g *guest) {
		g.must("Init", 0, 0)
		keyval, calls := g.alloc(4), 0
		g.results[1] = func(...uint64) int32 {
			if calls++; calls == 1 {
				return g.call("Finalize")
			}
			return success
		}
		g.must("Comm_create_keyval", 0, 1, keyval, 0)
		g.must("Comm_set_attr", tSelf, g.int(keyval, 0), 1)
		g.call("Finalize")
	})
	if errs[0] == nil || !strings.Contains(errs[0].Error(), "called after MPI_Finalize") {
		t.Errorf("it ends with %v", errs[0])
	}
}
