package mpi

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestNullPointers: where a rank's first addresses are closed nothing there is touched, by any kind of argument, and
// the error says so; constants that are such addresses mean what they do, and so does nothing at all.
func TestNullPointers(t *testing.T) {
	const lowest = 4096
	for _, c := range []struct {
		name string
		call func(g *guest) int32
		says string // "": it is in order
	}{
		{"send", func(g *guest) int32 { return g.call("Send", 64, 1, tInt, tNull, 0, tWorld) },
			"MPI_Send: the buffer at 0x40, 1 of MPI_INT, begins at 0x40: a null pointer [MPI_ERR_BUFFER]"},
		{"send of nothing", func(g *guest) int32 { return g.call("Send", 64, 0, tInt, tNull, 0, tWorld) }, ""},
		{"at the end", func(g *guest) int32 { return g.call("Send", lowest-4, 2, tInt, tNull, 0, tWorld) },
			"begins at 0xffc: a null pointer"},
		{"behind the end", func(g *guest) int32 { return g.call("Send", lowest, 2, tInt, tNull, 0, tWorld) }, ""},
		{"to oneself", func(g *guest) int32 { return g.call("Send", 64, 1, tInt, 0, 0, tSelf) }, "a null pointer"},
		{"receive", func(g *guest) int32 { return g.call("Recv", 8, 1, tInt, tNull, 0, tWorld, tIgnore) }, "a null pointer"},
		{"status", func(g *guest) int32 { return g.call("Recv", lowest, 1, tInt, tNull, 0, tWorld, 24) },
			"MPI_Recv: status is a null pointer (0x18)"},
		{"ignored status", func(g *guest) int32 { return g.call("Recv", lowest, 1, tInt, tNull, 0, tWorld, tIgnore) }, ""},
		{"request", func(g *guest) int32 { return g.call("Isend", lowest, 1, tInt, tNull, 0, tWorld, 8) },
			"request is a null pointer (0x8)"},
		{"int", func(g *guest) int32 { return g.call("Comm_rank", tWorld, 16) },
			"MPI_Comm_rank: rank is a null pointer (0x10)"},
		{"null", func(g *guest) int32 { return g.call("Comm_rank", tWorld, 0) }, "rank is a null pointer"},
		{"reduction", func(g *guest) int32 { return g.call("Allreduce", 8, lowest, 1, tInt, tSum, tWorld) },
			"a null pointer"},
		{"reduction in place", func(g *guest) int32 {
			return g.call("Allreduce", inPlace, lowest, 1, tInt, tSum, tWorld)
		}, ""},
		{"result", func(g *guest) int32 { return g.call("Allreduce", lowest, 8, 1, tInt, tSum, tWorld) }, "a null pointer"},
		{"broadcast", func(g *guest) int32 { return g.call("Bcast", 8, 1, tInt, 0, tWorld) }, "a null pointer"},
		{"gather", func(g *guest) int32 { return g.call("Gather", lowest, 1, tInt, 4000, 1, tInt, 0, tWorld) },
			"a null pointer"},
		{"counts", func(g *guest) int32 {
			return g.call("Gatherv", lowest, 1, tInt, lowest+64, 16, lowest, tInt, 0, tWorld)
		}, "counts is a null pointer (0x10)"},
		{"blocks", func(g *guest) int32 {
			counts, displs := g.ints(1), g.ints(-1)
			return g.call("Gatherv", lowest, 1, tInt, lowest, counts, displs, tInt, 0, tWorld)
		}, "block 0 at 0xffc, 1 of MPI_INT, is at a null pointer"},
		{"name", func(g *guest) int32 { return g.call("Comm_set_name", tWorld, 100) }, "is a null pointer (0x64)"},
		{"room for a name", func(g *guest) int32 { return g.call("Comm_get_name", tWorld, 100, lowest) },
			"is a null pointer (0x64)"},
		{"attached buffer", func(g *guest) int32 { return g.call("Buffer_attach", 64, 10000) },
			"the buffer is a null pointer (0x40)"},
		{"automatic buffer", func(g *guest) int32 { return g.call("Buffer_attach", bufferAutomatic, 10) }, ""},
		{"packing", func(g *guest) int32 {
			return g.call("Pack", lowest, 1, tInt, 64, 100, g.ints(0), tWorld)
		}, "the packing buffer is a null pointer (0x40)"},
		{"packing nothing", func(g *guest) int32 {
			return g.call("Pack", lowest, 0, tInt, 0, 100, g.ints(0), tWorld)
		}, ""},
		{"from MPI_BOTTOM", func(g *guest) int32 {
			return g.call("Send", bottom, 1, absolute(g, lowest), tNull, 0, tWorld)
		}, ""},
		{"from MPI_BOTTOM to there", func(g *guest) int32 {
			return g.call("Send", bottom, 1, absolute(g, 40), tNull, 0, tWorld)
		}, "begins at 0x28: a null pointer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			end := outcome(t, 1, func(g *guest) {
				for i := range lowest {
					g.mem[i] = 0xee
				}
				g.lowest, g.top = lowest, 2*lowest
				g.rank.lowest = lowest
				g.must("Init", 0, 0)
				if code := c.call(g); code != 0 {
					panic(fmt.Errorf("code %d", code))
				}
				g.call("Finalize")
				for i := range lowest {
					if g.mem[i] != 0xee {
						panic(fmt.Errorf("byte %d was written", i))
					}
				}
			})[0]
			var abort *AbortError
			switch {
			case c.says == "":
				if end != nil {
					t.Error(end)
				}
			case !errors.As(end, &abort) || !strings.Contains(abort.Message, c.says):
				t.Errorf("%v", end)
			}
		})
	}
}

// TestGuards: of a rank with threads nothing is touched where a guard is below a thread's stack, and what only has it
// between its parts is in order.
func TestGuards(t *testing.T) {
	const low, end = 4096, 8192
	for _, c := range []struct {
		name string
		call func(g *guest) int32
		says string // "": it is in order
	}{
		{"send", func(g *guest) int32 { return g.call("Send", low, 1, tInt, tNull, 0, tWorld) },
			"MPI_Send: the buffer at 0x1000, 1 of MPI_INT, is in the guard below a thread's stack [MPI_ERR_BUFFER]"},
		{"into it", func(g *guest) int32 { return g.call("Send", low-4, 2, tInt, tNull, 0, tWorld) }, "is in the guard"},
		{"before it", func(g *guest) int32 { return g.call("Send", low-8, 2, tInt, tNull, 0, tWorld) }, ""},
		{"behind it", func(g *guest) int32 { return g.call("Send", end, 2, tInt, tNull, 0, tWorld) }, ""},
		{"large", func(g *guest) int32 { return g.call("Send", 64, 2000, tInt, tNull, 0, tWorld) }, "is in the guard"},
		{"small receive", func(g *guest) int32 { return g.call("Recv", end-1, 1, tInt, tNull, 0, tWorld, tIgnore) },
			"is in the guard"},
		{"status", func(g *guest) int32 { return g.call("Recv", end, 1, tInt, tNull, 0, tWorld, low) },
			"MPI_Recv: status points at 0x1000"},
		{"broadcast", func(g *guest) int32 { return g.call("Bcast", low, 1, tInt, 0, tWorld) }, "is in the guard"},
		{"reduction", func(g *guest) int32 { return g.call("Allreduce", low, end, 1, tInt, tSum, tWorld) },
			"is in the guard"},
		{"gather", func(g *guest) int32 { return g.call("Gather", end, 1, tInt, low+8, 1, tInt, 0, tWorld) },
			"is in the guard"},
		{"blocks", func(g *guest) int32 {
			counts, displs := g.ints(1), g.ints(-1)
			return g.call("Gatherv", end, 1, tInt, end, counts, displs, tInt, 0, tWorld)
		}, "is in the guard"},
		{"name", func(g *guest) int32 { return g.call("Comm_set_name", tWorld, low+100) }, "points at 0x1064"},
		{"name without an end", func(g *guest) int32 { return g.call("Comm_set_name", tWorld, low-3) },
			"has 3 characters or more"},
		{"on both sides", func(g *guest) int32 {
			return g.call("Send", bottom, 1, absolutes(g, low-4, end), tNull, 0, tWorld)
		}, ""},
		{"on both sides, to oneself", func(g *guest) int32 {
			return g.call("Bcast", bottom, 1, absolutes(g, low-4, end), 0, tWorld)
		}, ""},
		{"one side and it", func(g *guest) int32 {
			return g.call("Send", bottom, 1, absolutes(g, low-4, end-2), tNull, 0, tWorld)
		}, "is in the guard"},
	} {
		t.Run(c.name, func(t *testing.T) {
			end := outcome(t, 1, func(g *guest) {
				for i := range 2 * end {
					g.mem[i] = 0xee
				}
				g.guard, g.top = [2]uint64{low, end}, 2*end
				g.must("Init", 0, 0)
				g.rank.several.Store(true)
				if code := c.call(g); code != 0 {
					panic(fmt.Errorf("code %d", code))
				}
				g.call("Finalize")
			})[0]
			var abort *AbortError
			switch {
			case c.says == "":
				if end != nil {
					t.Error(end)
				}
			case !errors.As(end, &abort) || !strings.Contains(abort.Message, c.says):
				t.Errorf("%v", end)
			}
		})
	}
}

// absolutes is a datatype of two ints at addresses.
func absolutes(g *guest, first, second int) uint32 {
	made := g.alloc(8)
	g.must("Type_create_hindexed", 2, g.ints(1, 1), g.words(first, second), tInt, made)
	g.must("Type_commit", made)
	return uint32(g.word(made, 0))
}

// absolute is a datatype of an int at an address.
func absolute(g *guest, address int64) uint32 {
	made := g.alloc(8)
	g.must("Type_create_hindexed", 1, g.ints(1), g.words(int(address)), tInt, made)
	g.must("Type_commit", made)
	return uint32(g.word(made, 0))
}
