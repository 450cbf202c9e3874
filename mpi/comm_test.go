package mpi

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/mpi/agree"
)

// Results of comparisons, as mpi.h gives them to programs.
const (
	ident     = 201
	congruent = 202
	similar   = 203
)

// newcomm calls a function that makes a communicator and gives its handle.
func (g *guest) newcomm(name string, arguments ...any) uint32 {
	out := g.alloc(4)
	g.must(name, append(arguments, out)...)
	return uint32(g.int(out, 0))
}

// value calls a function whose last argument is a pointer to an int and gives the int.
func (g *guest) value(name string, arguments ...any) int {
	out := g.alloc(4)
	g.must(name, append(arguments, out)...)
	return g.int(out, 0)
}

// sum adds a number over a communicator.
func (g *guest) sum(x int, comm uint32) int {
	in, out := g.ints(x), g.alloc(4)
	g.must("Allreduce", in, out, 1, tInt, tSum, comm)
	return g.int(out, 0)
}

func TestSplitAndDup(t *testing.T) {
	onAllSizes(t, func(g *guest) {
		d := g.newcomm("Comm_dup", tWorld)
		want(g, "compare", g.value("Comm_compare", tWorld, d), congruent)
		want(g, "sum", g.sum(1, d), g.n)
		s := g.newcomm("Comm_split", d, g.me%3, -g.me)
		members := (g.n - g.me%3 + 2) / 3
		want(g, "size", g.value("Comm_size", s), members)
		want(g, "rank", g.value("Comm_rank", s), members-1-g.me/3)
		// messages of one communicator are not seen on another
		buf := g.ints(g.me)
		if g.value("Comm_rank", s) == 0 && members > 1 {
			g.must("Send", buf, 1, tInt, members-1, 9, s)
		}
		if g.value("Comm_rank", s) == members-1 && members > 1 {
			flag := g.alloc(4)
			g.must("Iprobe", tAnySource, tAnyTag, tWorld, flag, 0)
			want(g, "flag", g.int(flag, 0), 0)
			g.must("Recv", buf, 1, tInt, tAnySource, tAnyTag, s, 0)
		}
		none := g.newcomm("Comm_split", tWorld, undefined, 0)
		want(g, "undefined colour", none, uint32(commNull))
		request, later := g.alloc(4), g.alloc(4)
		g.must("Comm_idup", s, later, request)
		g.must("Wait", request, 0)
		want(g, "sum over idup", g.sum(1, uint32(g.int(later, 0))), members)
		shared := g.newcomm("Comm_split_type", tWorld, commTypeShared, 0, infoNull)
		want(g, "size of shared", g.value("Comm_size", shared), g.n)
		handle := g.words(int(s))
		g.must("Comm_free", handle)
		want(g, "freed handle", g.int(handle, 0), commNull)
		g.must("Comm_set_errhandler", tWorld, errorsReturn)
		want(g, "use of a freed communicator", g.call("Comm_rank", s, handle), errComm)
	})
}

func TestGroupsAndCreate(t *testing.T) {
	onAllSizes(t, func(g *guest) {
		all := uint32(g.value("Comm_group", tWorld))
		even := g.newcomm("Group_range_incl", all, 1, g.ints(0, g.n-1, 2))
		odd := g.newcomm("Group_difference", all, even)
		want(g, "size of even", g.value("Group_size", even), (g.n+1)/2)
		want(g, "size of odd", g.value("Group_size", odd), g.n/2)
		both := g.newcomm("Group_union", odd, even)
		wanted := similar
		if g.n == 1 {
			wanted = ident
		}
		want(g, "compare", g.value("Group_compare", all, both), wanted)
		want(g, "intersection", g.newcomm("Group_intersection", odd, even), uint32(groupEmpty))
		mine := even
		if g.me%2 == 1 {
			mine = odd
		}
		want(g, "rank in group", g.value("Group_rank", mine), g.me/2)
		out := g.alloc(8)
		g.must("Group_translate_ranks", mine, 1, g.ints(g.me/2), all, out)
		want(g, "translated", g.int(out, 0), g.me)
		c := g.newcomm("Comm_create", tWorld, mine) // two disjoint groups at once
		want(g, "sum", g.sum(g.me, c), sumOf(g.me%2, g.n))
		if g.me%2 == 0 {
			d := g.newcomm("Comm_create_group", tWorld, even, 5)
			want(g, "sum", g.sum(g.me, d), sumOf(0, g.n))
		}
		x := g.newcomm("Group_excl", all, 1, g.ints(0))
		want(g, "without the first", g.value("Group_rank", x), func() int {
			if g.me == 0 {
				return undefined
			}
			return g.me - 1
		}())
	})
}

func sumOf(first, n int) (s int) {
	for i := first; i < n; i += 2 {
		s += i
	}
	return s
}

// TestIntercommunicators joins even and odd ranks and runs every collective across.
func TestIntercommunicators(t *testing.T) {
	for _, n := range []int{2, 3, 4, 5, 7, 8, 16} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			play(t, n, func(g *guest) {
				half := g.newcomm("Comm_split", tWorld, g.me%2, g.me)
				inter := g.newcomm("Intercomm_create", half, 0, tWorld, 1-g.me%2, 77)
				mine, others := (g.n+1-g.me%2)/2, (g.n+g.me%2)/2
				want(g, "remote size", g.value("Comm_remote_size", inter), others)
				want(g, "inter", g.value("Comm_test_inter", inter), 1)
				g.interCollectives(inter, mine, others)
				d := g.newcomm("Comm_dup", inter)
				want(g, "sum of the others", g.sum(g.me, d), sumOf(1-g.me%2, g.n))
				merged := g.newcomm("Intercomm_merge", d, 1-g.me%2)
				want(g, "rank after merge", g.value("Comm_rank", merged), func() int {
					if g.me%2 == 1 {
						return g.me / 2
					}
					return g.n/2 + g.me/2
				}())
				want(g, "sum over merged", g.sum(1, merged), g.n)
				// point to point: to the same rank in the other group
				if member := g.me / 2; member < others {
					out, in := g.ints(g.me), g.ints(-1)
					g.must("Sendrecv", out, 1, tInt, member, 3, in, 1, tInt, member, 3, inter, 0)
					want(g, "from the other side", g.int(in, 0), member*2+1-g.me%2)
				}
			})
		})
	}
}

func (g *guest) interCollectives(inter uint32, mine, others int) {
	g.must("Barrier", inter)
	// broadcast from the last even rank to the odd ones
	buf := g.ints(g.me + 1000)
	root := int((g.n - 1) / 2)
	switch {
	case g.me%2 == 0 && g.me/2 == root:
		g.must("Bcast", buf, 1, tInt, mpiRoot, inter)
	case g.me%2 == 0:
		g.must("Bcast", buf, 1, tInt, procNull, inter)
	default:
		g.must("Bcast", buf, 1, tInt, root, inter)
		want(g, "broadcast", g.int(buf, 0), root*2+1000)
	}
	// reduce from the odd ranks to the first even one, and gather there
	in, out := g.ints(g.me), g.alloc(4*g.n)
	switch {
	case g.me == 0:
		g.must("Reduce", 0, out, 1, tInt, tSum, mpiRoot, inter)
		want(g, "reduced", g.int(out, 0), sumOf(1, g.n))
		g.must("Gather", 0, 0, tInt, out, 1, tInt, mpiRoot, inter)
		for i := range others {
			want(g, "gathered", g.int(out, i), 2*i+1)
		}
	case g.me%2 == 0:
		g.must("Reduce", 0, 0, 1, tInt, tSum, procNull, inter)
		g.must("Gather", 0, 0, tInt, 0, 0, tInt, procNull, inter)
	default:
		g.must("Reduce", in, 0, 1, tInt, tSum, 0, inter)
		g.must("Gather", in, 1, tInt, 0, 0, tInt, 0, inter)
	}
	g.must("Allgather", in, 1, tInt, out, 1, tInt, inter)
	for i := range others {
		want(g, "allgathered", g.int(out, i), 2*i+1-g.me%2)
	}
	send := g.alloc(4 * g.n)
	for i := range others {
		g.setInt(send, i, g.me*100+i)
	}
	g.must("Alltoall", send, 1, tInt, out, 1, tInt, inter)
	for i := range others {
		want(g, "alltoall", g.int(out, i), (2*i+1-g.me%2)*100+g.me/2)
	}
}

func TestTopologies(t *testing.T) {
	play(t, 6, func(g *guest) {
		dims := g.ints(0, 0)
		g.must("Dims_create", 6, 2, dims)
		want(g, "dims", fmt.Sprint(g.getInts(dims, 2)), "[3 2]")
		c := g.newcomm("Cart_create", tWorld, 2, dims, g.ints(1, 0), 0)
		coords := g.alloc(8)
		g.must("Cart_coords", c, g.me, 2, coords)
		want(g, "coords", fmt.Sprint(g.getInts(coords, 2)), fmt.Sprint([]int{g.me / 2, g.me % 2}))
		want(g, "rank", g.value("Cart_rank", c, g.ints(g.me/2+3, g.me%2)), g.me)
		near := g.alloc(8)
		g.must("Cart_shift", c, 0, 1, near, near+4)
		want(g, "periodic shift", fmt.Sprint(g.getInts(near, 2)), fmt.Sprint([]int{(g.me + 4) % 6, (g.me + 2) % 6}))
		g.must("Cart_shift", c, 1, 1, near, near+4)
		want(g, "shift", fmt.Sprint(g.getInts(near, 2)),
			[]string{fmt.Sprint([]int{-3, g.me + 1}), fmt.Sprint([]int{g.me - 1, -3})}[g.me%2])
		row := g.newcomm("Cart_sub", c, g.ints(0, 1))
		want(g, "row", g.sum(g.me, row), g.me/2*4+1)
		want(g, "topology of a duplicate", g.value("Topo_test", g.newcomm("Comm_dup", c)), topoCart)
		small := g.newcomm("Cart_create", tWorld, 1, g.ints(4), g.ints(0), 0)
		want(g, "outside", small == commNull, g.me >= 4)

		graph := g.newcomm("Graph_create", tWorld, 4, g.ints(2, 3, 4, 6), g.ints(1, 3, 0, 3, 0, 2), 0)
		if g.me < 4 {
			want(g, "neighbors", g.value("Graph_neighbors_count", graph, g.me), []int{2, 1, 1, 2}[g.me])
			g.must("Graph_neighbors", graph, 3, 2, near)
			want(g, "neighbors of 3", fmt.Sprint(g.getInts(near, 2)), "[0 2]")
		}
		// each rank names the edge to the next one
		dist := g.newcomm("Dist_graph_create", tWorld, 1, g.ints(g.me), g.ints(1), g.ints((g.me+1)%6), g.ints(g.me), infoNull,
			0)
		n := g.alloc(12)
		g.must("Dist_graph_neighbors_count", dist, n, n+4, n+8)
		want(g, "degrees", fmt.Sprint(g.getInts(n, 3)), "[1 1 1]")
		v := g.alloc(16)
		g.must("Dist_graph_neighbors", dist, 1, v, v+4, 1, v+8, v+12)
		want(g, "edges", fmt.Sprint(g.getInts(v, 4)), fmt.Sprint([]int{(g.me + 5) % 6, (g.me + 5) % 6, (g.me + 1) % 6, g.me}))
	})
}

// TestNeighbours exchanges on a grid, where two directions may lead to one neighbour, and on a graph.
func TestNeighbours(t *testing.T) {
	onAllSizes(t, func(g *guest) {
		dims := g.ints(0, 0)
		g.must("Dims_create", g.n, 2, dims)
		c := g.newcomm("Cart_create", tWorld, 2, dims, g.ints(1, 0), 0)
		send, recv, all := g.ints(g.me*10, g.me*10+1, g.me*10+2, g.me*10+3), g.ints(-1, -1, -1, -1), g.ints(-1, -1, -1, -1)
		g.must("Neighbor_alltoall", send, 1, tInt, recv, 1, tInt, c)
		g.must("Neighbor_allgather", send, 1, tInt, all, 1, tInt, c)
		near := g.alloc(8)
		for d := range 2 {
			g.must("Cart_shift", c, d, 1, near, near+4)
			for side := range 2 {
				block, gathered := -1, -1
				if from := g.int(near, side); from >= 0 {
					block, gathered = from*10+2*d+1-side, from*10
				}
				want(g, "block", g.int(recv, 2*d+side), block)
				want(g, "gathered", g.int(all, 2*d+side), gathered)
			}
		}
		// a directed ring with a double edge
		next, last := (g.me+1)%g.n, (g.me+g.n-1)%g.n
		ring := g.newcomm("Dist_graph_create_adjacent", tWorld, 2, g.ints(last, last), unweighted, 2, g.ints(next, next),
			unweighted, infoNull, 0)
		request := g.alloc(4)
		g.must("Ineighbor_alltoallv", send, g.ints(1, 2), g.ints(0, 1), tInt, recv, g.ints(1, 2), g.ints(2, 0), tInt, ring,
			request)
		g.must("Wait", request, 0)
		want(g, "on the ring", fmt.Sprint(g.getInts(recv, 3)), fmt.Sprint([]int{last*10 + 1, last*10 + 2, last * 10}))
	})
}

func TestIsendrecv(t *testing.T) {
	onAllSizes(t, func(g *guest) {
		for _, n := range []int{1, 10000} {
			next, last := (g.me+1)%g.n, (g.me+g.n-1)%g.n
			g.top = 1024
			out, in, request := g.alloc(4*n), g.alloc(4*n), g.alloc(4)
			g.setInt(out, n-1, g.me)
			g.must("Isendrecv", out, n, tInt, next, 1, in, n, tInt, last, 1, tWorld, request)
			g.must("Wait", request, 0)
			want(g, "received", g.int(in, n-1), last)
			g.must("Isendrecv_replace", out, n, tInt, next, 2, last, 2, tWorld, request)
			g.must("Wait", request, 0)
			want(g, "replaced", g.int(out, n-1), last)
			g.must("Sendrecv_replace", out, n, tInt, last, 3, next, 3, tWorld, 0)
			want(g, "and back", g.int(out, n-1), g.me)
		}
	})
}

func TestCancel(t *testing.T) {
	play(t, 2, func(g *guest) {
		buf, request, st, flag := g.alloc(200000), g.alloc(4), g.alloc(statusSize), g.alloc(4)
		g.must("Irecv", buf, 1, tInt, tAnySource, 99, tWorld, request)
		g.must("Cancel", request)
		g.must("Wait", request, st)
		g.must("Test_cancelled", st, flag)
		want(g, "receive cancelled", g.int(flag, 0), 1)
		g.must("Isend", buf, 50000, tInt, 1-g.me, 7, tWorld, request)
		g.must("Cancel", request)
		g.must("Wait", request, st)
		g.must("Test_cancelled", st, flag)
		want(g, "send cancelled", g.int(flag, 0), 1)
		g.must("Isend", buf, 5, tInt, 1-g.me, 7, tWorld, request) // its data is in the mailbox already
		g.must("Cancel", request)
		g.must("Wait", request, st)
		g.must("Test_cancelled", st, flag)
		want(g, "small send cancelled", g.int(flag, 0), 1)
		g.must("Barrier", tWorld)
		g.must("Iprobe", tAnySource, tAnyTag, tWorld, flag, 0)
		want(g, "message left", g.int(flag, 0), 0)
	})
}

func TestBalancedDims(t *testing.T) {
	for n, wanted := range map[int64]string{1: "[1 1 1]", 8: "[2 2 2]", 12: "[3 2 2]", 16: "[4 2 2]", 7: "[7 1 1]",
		60: "[5 4 3]", 5040: "[21 16 15]", 7488: "[26 18 16]", 1 << 30: "[1024 1024 1024]", 1000003: "[1000003 1 1]"} {
		if got := fmt.Sprint(balanced(n, 3)); got != wanted {
			t.Errorf("%d in three dimensions: %s, want %s", n, got, wanted)
		}
	}
}

func TestAttributes(t *testing.T) {
	play(t, 2, func(g *guest) {
		deleted := 0
		g.results[5] = func(a ...uint64) int32 { // copy: doubles the value, keeps it
			g.setInt(uint32(a[4]), 0, 2*int(a[3])+int(a[2]))
			g.setInt(uint32(a[5]), 0, 1)
			return success
		}
		g.results[6] = func(a ...uint64) int32 { deleted++; return success }
		key := g.alloc(4)
		g.must("Comm_create_keyval", 5, 6, key, 7)
		k := g.int(key, 0)
		g.must("Comm_set_attr", tWorld, k, 20)
		v := g.alloc(8)
		g.must("Comm_get_attr", tWorld, k, v, v+4)
		want(g, "attribute", fmt.Sprint(g.getInts(v, 2)), "[20 1]")
		d := g.newcomm("Comm_dup", tWorld)
		g.must("Comm_get_attr", d, k, v, v+4)
		want(g, "copied attribute", fmt.Sprint(g.getInts(v, 2)), "[47 1]")
		g.must("Comm_free", g.words(int(d)))
		want(g, "deleted", deleted, 1)
		g.must("Comm_delete_attr", tWorld, k)
		want(g, "deleted", deleted, 2)
		g.must("Comm_get_attr", tWorld, k, v, v+4)
		want(g, "flag", g.int(v, 1), 0)
		g.must("Comm_free_keyval", key)
		want(g, "freed key", g.int(key, 0), keyvalInvalid)
		g.must("Comm_get_attr", tWorld, 501, v, v+4)
		want(g, "MPI_TAG_UB", g.int(uint32(g.int(v, 0)), 0), maxTag)

		g.must("Type_create_keyval", nullFunction, nullFunction, key, 0)
		g.must("Type_set_attr", tInt, g.int(key, 0), 3)
		g.must("Type_get_attr", tInt, g.int(key, 0), v, v+4)
		want(g, "attribute of MPI_INT", fmt.Sprint(g.getInts(v, 2)), "[3 1]")
	})
}

// A failing delete function keeps the communicator.
func TestFailingCallback(t *testing.T) {
	play(t, 1, func(g *guest) {
		g.results[6] = func(a ...uint64) int32 { return 16 }
		key := g.alloc(4)
		g.must("Comm_create_keyval", nullFunction, 6, key, 0)
		d := g.newcomm("Comm_dup", tWorld)
		g.must("Comm_set_errhandler", d, errorsReturn)
		g.must("Comm_set_attr", d, g.int(key, 0), 1)
		want(g, "free", g.call("Comm_free", g.words(int(d))), errOther)
		want(g, "size", g.value("Comm_size", d), 1)
	})
}

func TestUserOperation(t *testing.T) {
	onAllSizes(t, func(g *guest) {
		// affine maps x -> ax+b under composition: associative, not commutative
		g.table[3] = func(a ...uint64) {
			want(g, "datatype", g.int(uint32(a[3]), 0)>>kindShift, int(kindDatatype))
			for i := range g.int(uint32(a[2]), 0) {
				in, inout := uint32(a[0])+uint32(8*i), uint32(a[1])+uint32(8*i)
				a1, b1, a2, b2 := g.int(in, 0), g.int(in, 1), g.int(inout, 0), g.int(inout, 1)
				g.setInt(inout, 0, a1*a2%1009)
				g.setInt(inout, 1, (a1*b2+b1)%1009)
			}
		}
		op := g.value("Op_create", 3, 0)
		pair := g.newtype("Type_contiguous", 2, tInt)
		for _, n := range []int{1, 5, 9000} {
			g.top = g.top&^15 + 16
			top := g.top
			in, out := g.alloc(8*n), g.alloc(8*n)
			for i := range n {
				g.setInt(in, 2*i, g.me+2)
				g.setInt(in, 2*i+1, g.me+i%5)
			}
			check := func(what string, last int) {
				for i := range n {
					a, b := 2, i%5
					for r := 1; r <= last; r++ {
						a, b = a*(r+2)%1009, (a*(r+i%5)+b)%1009
					}
					if g.int(out, 2*i) != a || g.int(out, 2*i+1) != b {
						g.t.Fatalf("rank %d of %d: %s of %d: element %d is %d %d, want %d %d", g.me, g.n, what, n, i, g.int(out, 2*i),
							g.int(out, 2*i+1), a, b)
					}
				}
			}
			g.must("Allreduce", in, out, n, pair, op, tWorld)
			check("allreduce", g.n-1)
			g.must("Scan", in, out, n, pair, op, tWorld)
			check("scan", g.me)
			copy(g.mem[out:], g.mem[in:int(in)+8*n])
			g.must("Exscan", inPlace, out, n, pair, op, tWorld)
			if g.me > 0 {
				check("exscan", g.me-1)
			}
			g.top = top
		}
		g.must("Op_free", g.words(op))
	})
}

// A trap in a user's operation ends the rank that runs it, with the trap as the reason.
func TestTrapInOperation(t *testing.T) {
	w, guests := newGuests(t, WorldConfig{Size: 1}, guestMemory)
	defer w.Close()
	g := guests[0]
	g.must("Init", 0, 0)
	op := g.value("Op_create", 99, 0)
	defer func() {
		if err, ok := recover().(error); !ok || !strings.Contains(err.Error(), "no function 99") {
			t.Errorf("ended with %v", err)
		}
	}()
	g.call("Reduce_local", g.ints(1), g.ints(1), 1, tInt, op)
}

func TestInfo(t *testing.T) {
	play(t, 1, func(g *guest) {
		info := g.newcomm("Info_create")
		g.must("Info_set", info, g.cstring("color"), g.cstring("blue"))
		g.must("Info_set", info, g.cstring("size"), g.cstring("12"))
		other := g.newcomm("Info_dup", info)
		g.must("Info_delete", info, g.cstring("color"))
		want(g, "keys", g.value("Info_get_nkeys", info), 1)
		want(g, "keys of the copy", g.value("Info_get_nkeys", other), 2)
		value, flag, n := g.alloc(100), g.alloc(4), g.ints(3)
		g.must("Info_get", other, g.cstring("color"), 99, value, flag)
		want(g, "value", g.string(value), "blue")
		g.must("Info_get_string", other, g.cstring("color"), n, value, flag)
		want(g, "cut value", g.string(value), "bl")
		want(g, "needed", g.int(n, 0), 5)
		g.must("Info_get_nthkey", other, 1, value)
		want(g, "key", g.string(value), "size")
		g.must("Comm_set_errhandler", tWorld, errorsReturn)
		want(g, "no key", g.call("Info_delete", info, g.cstring("color")), errInfoNokey)
		want(g, "long key", g.call("Info_set", info, g.cstring(strings.Repeat("k", 300)), g.cstring("")), errInfoKey)
		g.must("Info_free", g.words(int(info)))
		want(g, "freed", g.call("Info_get_nkeys", info, n), errInfo)
	})
}

func TestAllocMem(t *testing.T) {
	play(t, 1, func(g *guest) {
		a, b := uint32(g.value("Alloc_mem", 100, infoNull)), uint32(g.value("Alloc_mem", 200000, infoNull))
		if a%heapAlign != 0 || b < a+100 || len(g.piece(b, 200000)) != 200000 {
			t.Errorf("allocated at %#x and %#x", a, b)
		}
		g.must("Free_mem", a)
		want(g, "used again", uint32(g.value("Alloc_mem", 90, infoNull)), a)
		g.must("Comm_set_errhandler", tWorld, errorsReturn)
		want(g, "too much", g.call("Alloc_mem", 1<<30, infoNull, g.alloc(4)), errNoMem)
		want(g, "not ours", g.call("Free_mem", 64), errBase)
	})
}

func (g *guest) piece(a uint32, n int64) []byte { return g.rank.piece(uint64(a), n) }

// An error of one rank ends the others, wherever they wait.
func TestAbortEndsAll(t *testing.T) {
	errs := outcome(t, 4, func(g *guest) {
		g.must("Init", 0, 0)
		switch g.me {
		case 0:
			g.call("Barrier", tWorld)
		case 1:
			g.call("Recv", g.alloc(4), 1, tInt, 3, 0, tWorld, 0)
		case 2:
			g.call("Probe", tAnySource, 1, tWorld, 0)
		case 3:
			g.call("Abort", tWorld, 300)
		}
	})
	var abort *AbortError
	if !errors.As(errs[3], &abort) || abort.Code != 300 {
		t.Errorf("rank 3: %v", errs[3])
	}
	for i, err := range errs[:3] {
		var ended *Ended
		if !errors.As(err, &ended) || !errors.As(ended.Cause, &abort) {
			t.Errorf("rank %d: %v", i, err)
		}
	}
}

// What a program calls a communicator stays within its line of a message, and commands no terminal.
func TestForgedNames(t *testing.T) {
	errs := outcome(t, 2, func(g *guest) {
		g.must("Init", 0, 0)
		d := g.newcomm("Comm_dup", tWorld)
		g.must("Comm_set_name", d, g.cstring("x\nrank 1: all is well\x1b[2J"))
		if g.me == 0 {
			g.call("Send", g.alloc(4), 1, tInt, 9, 0, d)
		}
		g.call("Recv", g.alloc(4), 1, tInt, 0, 0, d, 0)
	})
	var abort *AbortError
	if !errors.As(errs[0], &abort) || strings.ContainsAny(abort.Message, "\n\x1b") ||
		!strings.Contains(abort.Message, "x?rank 1: all is well?[2J") {
		t.Errorf("%q", errs[0])
	}
}

// TestNeighboursOfNobody: where a rank has no neighbours its buffers mean nothing, and null pointers are what programs
// give.
func TestNeighboursOfNobody(t *testing.T) {
	onAllSizes(t, func(g *guest) {
		graph := g.newcomm("Dist_graph_create_adjacent", tWorld, 0, 0, unweighted, 0, 0, unweighted, infoNull, 0)
		g.must("Comm_set_errhandler", graph, errorsReturn)
		request := g.alloc(4)
		each := func(class int32, name string, arguments ...any) {
			want(g, name, g.call(name, append(arguments, graph)...), class)
			code := g.call("I"+string(name[0]+32)+name[1:], append(arguments, graph, request)...)
			if want(g, "I"+name, code, class); code == success {
				g.must("Wait", request, 0)
			}
		}
		for _, name := range []string{"Neighbor_allgather", "Neighbor_alltoall"} {
			each(success, name, 0, 1, tInt, 0, 1, tInt)
			each(success, name, g.alloc(4), 1, tInt, 0, 1, tInt)
			each(errCount, name, 0, -1, tInt, 0, 1, tInt)
			each(errType, name, 0, 1, tInt, 0, 1, datatypeNull)
		}
		each(success, "Neighbor_allgatherv", 0, 1, tInt, 0, 0, 0, tInt)
		each(success, "Neighbor_alltoallv", 0, 0, 0, tInt, 0, 0, 0, tInt)
		each(success, "Neighbor_alltoallw", 0, 0, 0, 0, 0, 0, 0, 0)
	})
}

// TestContextsEnd: a rank that has no context left lets another give one, and when all have none the call fails for
// everyone.
func TestContextsEnd(t *testing.T) {
	play(t, 2, func(g *guest) {
		g.must("Comm_set_errhandler", tWorld, errorsReturn)
		none := agree.NewContexts(g.rank.rank, 1<<31)
		if g.me == 0 {
			g.rank.contexts = none
		}
		c, _ := g.rank.comm(g.newcomm("Comm_dup", tWorld))
		want(g, "who gave the context", c.context%2, 1)
		g.rank.contexts = none
		out, request := g.alloc(8), g.alloc(8)
		want(g, "dup", g.call("Comm_dup", tWorld, out), errNoMem)
		want(g, "split", g.call("Comm_split", tWorld, 0, 0, out), errNoMem)
		g.must("Comm_idup", tWorld, out, request)
		want(g, "idup", g.call("Wait", request, 0), errNoMem)
	})
}

// TestContextsAreGivenBack: only who gives a communicator its context uses one up.
func TestContextsAreGivenBack(t *testing.T) {
	play(t, 3, func(g *guest) {
		for range 100 {
			g.must("Comm_free", g.words(int(g.newcomm("Comm_dup", tWorld))))
			g.newcomm("Comm_split", tWorld, int(undefined), 0)
		}
		next := g.rank.contexts.Reserve() / 3
		want(g, "contexts used up", next-agree.FirstContext, []uint32{100, 0, 0}[g.me])
	})
}

// TestDisagreement: ranks that make a communicator of groups that overlap, or under different leaders, are told so.
func TestDisagreement(t *testing.T) {
	play(t, 3, func(g *guest) {
		g.must("Comm_set_errhandler", tWorld, errorsReturn)
		out, all := g.alloc(8), g.newcomm("Comm_group", tWorld)
		mine := g.newcomm("Group_incl", all, []int{1, 2, 1}[g.me], []uint32{g.ints(0), g.ints(0, 1), g.ints(2)}[g.me])
		want(g, "overlapping groups", g.call("Comm_create", tWorld, mine, out), []int32{success, errGroup, success}[g.me])
		d := g.newcomm("Comm_dup", tWorld)
		want(g, "no remote leader", g.call("Intercomm_create", d, 1, tWorld, 7, 0, out), errRank)
		want(g, "two leaders", g.call("Intercomm_create", d, g.me%2, tWorld, 7, 0, out), errNotSame)
		g.must("Barrier", d)
	})
}
