package mpi

import (
	"strings"
	"sync"
	"testing"
)

// findings runs a program on n ranks and gives what checking says of it.
func findings(t *testing.T, n int, program func(g *guest)) []string {
	var mu sync.Mutex
	var said []string
	config := WorldConfig{Size: n, Check: func(rank int, text string) {
		mu.Lock()
		said = append(said, text)
		mu.Unlock()
	}}
	for i, err := range outcomeIn(t, config, guestMemory, func(g *guest) {
		g.must("Init", 0, 0)
		program(g)
		g.must("Finalize")
	}) {
		if err != nil {
			t.Errorf("rank %d: %v", i, err)
		}
	}
	return said
}

// TestCheckFinds has a mistake a row: on two ranks, made by the first where it matters.
func TestCheckFinds(t *testing.T) {
	const tFloat = 0x210
	structure := func(g *guest, first, second int) uint32 {
		ty := g.newtype("Type_create_struct", 2, g.ints(1, 1), g.words(0, 4), g.words(first, second))
		g.must("Type_commit", g.words(int(ty)))
		return ty
	}
	for _, c := range []struct {
		name    string
		program func(g *guest)
		want    string
	}{
		{"a request", func(g *guest) {
			g.must("Irecv", g.alloc(4), 1, tInt, 1-g.me, 9, tWorld, g.alloc(4))
			g.must("Send", g.alloc(4), 1, tInt, 1-g.me, 9, tWorld)
		}, "MPI_Irecv: its request was never completed: from rank 1, tag 9, MPI_COMM_WORLD"},
		{"a persistent request", func(g *guest) { g.must("Recv_init", g.alloc(4), 1, tInt, 1, 9, tWorld, g.alloc(4)) },
			"MPI_Recv_init: its persistent request was not freed before MPI_Finalize"},
		{"a communicator", func(g *guest) { g.newcomm("Comm_dup", tWorld) },
			"MPI_Comm_dup: communicator 6 with 2 ranks was not freed before MPI_Finalize"},
		{"a datatype", func(g *guest) { g.newtype("Type_contiguous", 2, tInt) },
			"MPI_Type_contiguous: a datatype was not freed before MPI_Finalize"},
		{"a group", func(g *guest) { g.must("Comm_group", tWorld, g.alloc(4)) },
			"MPI_Comm_group: a group was not freed before MPI_Finalize"},
		{"an info object", func(g *guest) { g.must("Info_create", g.alloc(4)) },
			"MPI_Info_create: an info object was not freed before MPI_Finalize"},
		{"a message", func(g *guest) { g.must("Send", g.alloc(8), 2, tInt, 1-g.me, 8, tWorld) },
			"MPI_Finalize: a message of 8 bytes, tag 8, was never received (by rank 0's MPI_Send)"},
		{"types of a message", func(g *guest) {
			if g.me == 0 {
				g.must("Send", g.alloc(8), 1, tDouble, 1, 3, tWorld)
			} else {
				g.must("Recv", g.alloc(8), 2, tInt, 0, 3, tWorld, 0)
			}
		}, "MPI_Recv: the first element of the message from rank 0, tag 3, MPI_COMM_WORLD " +
			"was sent as MPI_DOUBLE and is received as MPI_INT (by MPI_Send)"},
		{"types of a posted receive", func(g *guest) {
			if g.me == 0 {
				g.must("Barrier", tWorld)
				g.must("Send", g.alloc(8), 1, structure(g, tInt, tFloat), 1, 3, tWorld)
			} else {
				q := g.alloc(4)
				g.must("Irecv", g.alloc(8), 1, structure(g, tInt, tInt), 0, 3, tWorld, q)
				g.must("Barrier", tWorld)
				g.must("Wait", q, 0)
			}
		}, "MPI_Irecv: element 1 of the message from rank 0, tag 3, MPI_COMM_WORLD " +
			"was sent as MPI_FLOAT and is received as MPI_INT (by MPI_Send)"},
		{"C's integers of one width", func(g *guest) {
			if g.me == 0 {
				g.must("Ssend", g.alloc(8), 1, tLong, 1, 3, tWorld)
			} else {
				g.must("Recv", g.alloc(8), 1, tLongLong, 0, 3, tWorld, 0)
			}
		}, "sent as MPI_LONG and is received as MPI_LONG_LONG_INT (by MPI_Ssend)"},
		{"lengths of blocks", func(g *guest) { g.must("Bcast", g.alloc(40), 3+g.me, tInt, 0, tWorld) },
			"MPI_Bcast: on MPI_COMM_WORLD it receives a block of 16 bytes from rank 0, which sends 12 (by MPI_Bcast)"},
		{"types of blocks", func(g *guest) { g.must("Bcast", g.alloc(40), 2, []int{tInt, tFloat}[g.me], 0, tWorld) },
			"MPI_Bcast: on MPI_COMM_WORLD the first element of the block from rank 0 " +
				"is received as MPI_FLOAT and was sent as MPI_INT (by MPI_Bcast)"},
		{"types of a reduction", func(g *guest) {
			g.must("Allreduce", g.alloc(40), g.alloc(40), 2, []int{tLongLong, tLong}[g.me], tSum, tWorld)
		}, "MPI_Allreduce: on MPI_COMM_WORLD it reduces MPI_LONG, and rank 0 reduces MPI_LONG_LONG_INT (by MPI_Allreduce)"},
		{"two receives into one buffer", func(g *guest) {
			a, q := g.alloc(8), g.alloc(8)
			g.must("Irecv", a, 2, tInt, 1-g.me, 1, tWorld, q)
			g.must("Irecv", a+4, 1, tInt, 1-g.me, 2, tWorld, q+wordSize)
			g.must("Send", g.alloc(8), 2, tInt, 1-g.me, 1, tWorld)
			g.must("Send", g.alloc(8), 1, tInt, 1-g.me, 2, tWorld)
			g.must("Waitall", 2, q, 0)
		}, "4 bytes, shares memory with that of a request that is not complete (MPI_Irecv)"},
		{"a send of a receive's buffer", func(g *guest) {
			a, q := g.alloc(8), g.alloc(8)
			if g.me == 1 { // sends when it has the message, so that nobody writes what is being read
				g.must("Recv", a, 2, tInt, 0, 1, tWorld, 0)
				g.must("Send", a, 2, tInt, 0, 1, tWorld)
				return
			}
			g.must("Irecv", a, 2, tInt, 1, 1, tWorld, q)
			g.must("Send", a, 2, tInt, 1, 1, tWorld)
			g.must("Wait", q, 0)
		}, "MPI_Send: the buffer at"},
		{"one buffer for two", func(g *guest) {
			a := g.alloc(8)
			g.must("Allreduce", a, a, 2, tInt, tSum, tWorld)
		}, "share memory; MPI_IN_PLACE is for that"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if strings.HasSuffix(c.name, "of blocks") || strings.HasSuffix(c.name, "of a reduction") {
				inSharedMemory(t)
			}
			for _, said := range findings(t, 2, c.program) {
				if strings.Contains(said, c.want) {
					return
				}
			}
			t.Errorf("nobody said %q in %q", c.want, findings(t, 2, c.program))
		})
	}
}

// TestCheckSaysOnce: a mistake in a loop is said once, and counted.
func TestCheckSaysOnce(t *testing.T) {
	said := findings(t, 1, func(g *guest) {
		for range 20 {
			g.must("Type_contiguous", 2, tInt, 1024)
		}
	})
	if len(said) != 2 || said[1] != "19 more findings of the same by the same calls" {
		t.Errorf("said %q", said)
	}
}

// TestCheckIsSilent: what is right is not found fault with.
func TestCheckIsSilent(t *testing.T) {
	const tPacked, tInt32, tChar = 0x207, 0x250, 0x243
	for _, said := range findings(t, 4, func(g *guest) {
		next, last := (g.me+1)%4, (g.me+3)%4
		a, b, q := g.alloc(64), g.alloc(64), g.alloc(16)
		pair := g.newtype("Type_contiguous", 2, tInt)
		g.must("Type_commit", g.words(int(pair)))
		column := g.newtype("Type_vector", 4, 1, 4, tInt)
		g.must("Type_commit", g.words(int(column)))
		g.must("Irecv", a, 1, pair, last, 0, tWorld, q)
		g.must("Isend", b, 2, tInt32, next, 0, tWorld, q+wordSize)
		g.must("Isend", b, 2, tInt, next, 1, tWorld, q+2*wordSize) // the same bytes twice
		g.must("Irecv", a+8, 5, tInt, last, 1, tWorld, q+3*wordSize)
		g.must("Waitall", 4, q, 0)
		g.must("Irecv", a, 1, column, last, 2, tWorld, q) // two columns of a matrix
		g.must("Irecv", a+4, 1, column, last, 3, tWorld, q+wordSize)
		g.must("Send", b, 4, tInt, next, 2, tWorld)
		g.must("Send", b, 0, tInt, next, 3, tWorld)
		g.must("Waitall", 2, q, 0)
		g.must("Sendrecv_replace", a, 2, tDouble, next, 4, last, 4, tWorld, 0)
		g.must("Send", a, 8, tPacked, next, 5, tWorld)
		g.must("Recv", a, 2, tInt, last, 5, tWorld, 0)
		g.must("Gather", a, 2, tInt, b, 1, pair, 0, tWorld)
		g.must("Allreduce", inPlace, b, 2, tInt, tSum, tWorld)
		g.must("Allgather", a, 2, tChar, b, 2, tChar, tWorld)
		g.must("Type_free", g.words(int(pair)))
		g.must("Type_free", g.words(int(column)))
	}) {
		t.Error(said)
	}
}
