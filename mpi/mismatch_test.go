package mpi

import (
	"fmt"
	"testing"
)

// TestMembersDiffer: members that call different collectives, or one differently, are told so, those that have already
// gone on by the next collective in which every member reads all slots. Nobody is left waiting, and what follows works.
func TestMembersDiffer(t *testing.T) {
	inSharedMemory(t)
	const large = 100000
	type call func(g *guest, buf uint32) int32
	allreduce := func(n int) call {
		return func(g *guest, buf uint32) int32 { return g.call("Allreduce", buf, buf+4*large, n, tInt, tSum, tWorld) }
	}
	reduce := func(n, root int) call {
		return func(g *guest, buf uint32) int32 {
			return g.call("Reduce", buf, buf+4*large, n, tInt, tSum, root, tWorld)
		}
	}
	bcast := func(n, root int) call {
		return func(g *guest, buf uint32) int32 { return g.call("Bcast", buf, n, tByte, root, tWorld) }
	}
	barrier := func(g *guest, buf uint32) int32 { return g.call("Barrier", tWorld) }
	gatherv := func(g *guest, buf uint32) int32 {
		counts, displs := g.alloc(4*g.n), g.alloc(4*g.n)
		for i := range g.n {
			g.setInt(counts, i, 1)
			g.setInt(displs, i, i)
		}
		return g.call("Gatherv", buf, 1, tByte, buf+4*large, counts, displs, tByte, 1, tWorld)
	}
	for _, c := range []struct {
		name       string
		odd, other call // by the odd one out, and by the others
	}{
		{"small and large", allreduce(1), allreduce(large)},
		{"large and small", allreduce(large), allreduce(1)},
		{"two lengths", allreduce(1), allreduce(2)},
		{"a small broadcast", bcast(4, 0), bcast(large, 0)},
		{"a large broadcast", bcast(large, 0), bcast(4, 0)},
		{"a barrier and large", barrier, allreduce(large)},
		{"a barrier and small", barrier, allreduce(1)},
		{"large and a barrier", allreduce(large), barrier},
		{"a small reduction", reduce(1, 1), reduce(large, 1)},
		{"a large reduction", reduce(large, 1), reduce(1, 1)},
		{"a barrier and blocks", barrier, gatherv},
		{"blocks and a barrier", gatherv, barrier},
		{"two roots of a broadcast", bcast(4, 1), bcast(4, 0)},
		{"two roots of a reduction", reduce(1, 1), reduce(1, 0)},
		{"a broadcast and a reduction", bcast(4, 1), reduce(1, 0)},
	} {
		for _, n := range []int{2, 3, 5} {
			for _, odd := range []int{0, 1, n - 1} {
				for _, last := range []bool{false, true} { // the odd one out comes last, when all others are parked
					for _, next := range []int{1, large} {
						t.Run(fmt.Sprint(c.name, " ", odd, " of ", n, " last ", last, " next ", next), func(t *testing.T) {
							told := make([]bool, n)
							play(t, n, func(g *guest) {
								g.must("Comm_set_errhandler", tWorld, errorsReturn)
								buf, mine := g.alloc(8*large), c.other
								if g.me == odd {
									if mine = c.odd; last {
										g.waitOthersBlocked()
									}
								}
								for _, step := range []call{mine, allreduce(next)} {
									if code := step(g, buf); code == errNotSame {
										told[g.me] = true
									} else if code != success && code != errTruncate {
										t.Errorf("rank %d: %s", g.me, className(code))
									}
								}
								for i := range 20 { // now all is well again
									g.must("Barrier", tWorld)
									g.must("Bcast", buf, 4, tByte, i%g.n, tWorld)
									g.must("Allreduce", buf, buf+4*large, []int{1, large}[i%2], tInt, tSum, tWorld)
								}
								g.must("Barrier", tWorld)
								if g.me == 0 {
									want(g, "collectives that nobody will complete", len(g.rank.worldComm.instances.live), 0)
								}
							})
							for i, ok := range told {
								if !ok {
									t.Errorf("rank %d was not told", i)
								}
							}
						})
					}
				}
			}
		}
	}
}

// TestRightRoots: many collectives with roots in turn are no mistake, in every size.
func TestRightRoots(t *testing.T) {
	onAllSizes(t, func(g *guest) {
		buf := g.alloc(1 << 17)
		for i := range 200 {
			n, root := []int{4, 100, 20000}[i%3], i*7%g.n
			switch i % 5 {
			case 0:
				g.must("Bcast", buf, n, tByte, root, tWorld)
			case 1:
				g.must("Reduce", buf, buf+1<<16, n/4, tInt, tSum, root, tWorld)
			case 2:
				g.must("Gather", buf, 4, tByte, buf+1<<16, 4, tByte, root, tWorld)
			case 3:
				g.must("Scatter", buf, 4, tByte, buf+1<<16, 4, tByte, root, tWorld)
			case 4:
				if i%20 == 4 {
					g.must("Barrier", tWorld)
				}
			}
		}
	})
}

// TestDisconnectWaits: MPI_Comm_disconnect comes back when what was under way is complete, whose requests stay.
func TestDisconnectWaits(t *testing.T) {
	play(t, 2, func(g *guest) {
		const n = 100000
		d, buf, requests := g.newcomm("Comm_dup", tWorld), g.alloc(4*n), g.alloc(4*wordSize)
		flag, cell := g.alloc(4), g.alloc(wordSize)
		g.setWord(cell, 0, int(d))
		if g.me == 0 {
			g.must("Issend", buf, n, tByte, 1, 0, d, requests)
			g.must("Isend", buf, n, tByte, 1, 1, d, requests+wordSize)
			g.must("Irecv", buf+n, n, tByte, 1, 2, d, requests+2*wordSize)
			g.must("Isend", buf, n, tByte, 1, 3, d, requests+3*wordSize)
			g.must("Request_free", requests+3*wordSize)
			g.must("Comm_disconnect", cell)
			for i := range uint32(3) {
				g.must("Test", requests+wordSize*i, flag, 0)
				want(g, "done after MPI_Comm_disconnect", g.int(flag, 0), 1)
			}
			want(g, "orphans under way", len(g.rank.requests.orphans) == 0 || g.thread.isDone(g.rank.requests.orphans[0]), true)
			return
		}
		g.waitOthersParked()
		for i := range 2 {
			g.must("Recv", buf, n, tByte, 0, i, d, 0)
		}
		g.must("Send", buf, n, tByte, 0, 2, d)
		g.must("Recv", buf, n, tByte, 0, 3, d, 0)
		g.must("Comm_disconnect", cell)
		want(g, "the handle", uint32(g.int(cell, 0)), uint32(commNull))
	})
}

// TestNamesWhileOthersLook renames a communicator while others complete, and fail, collectives and messages on it: the
// race detector sees to the rest.
func TestNamesWhileOthersLook(t *testing.T) {
	inSharedMemory(t)
	play(t, 2, func(g *guest) {
		g.must("Comm_set_errhandler", tWorld, errorsReturn)
		buf, requests, names := g.alloc(64), g.alloc(2*wordSize), []uint32{g.cstring("ocean"), g.cstring("ice")}
		for i := range 200 {
			if g.me == 0 {
				g.must("Ibarrier", tWorld, requests)
				g.must("Irecv", buf, 1, tByte, 1, 0, tWorld, requests+wordSize)
				g.must("Comm_set_name", tWorld, names[i%2])
				g.call("Waitall", 2, requests, 0)
				continue
			}
			g.call("Ibcast", buf, 1, tByte, 1, tWorld, requests) // not what the other calls
			g.must("Send", buf, 2, tByte, 0, 0, tWorld)          // nor what it has room for
			g.call("Wait", requests, 0)
		}
	})
}
