package mpi

import "testing"

// TestPersistentOrder starts persistent collectives in another order on each rank: they match in the order in which
// they were initialized.
func TestPersistentOrder(t *testing.T) {
	onAllSizes(t, func(g *guest) {
		const n = 3
		requests, in, out := g.alloc(wordSize*n), g.ints(g.me), g.alloc(4)
		token := g.ints(g.me)
		g.must("Bcast_init", token, 1, tInt, 0, tWorld, infoNull, requests)
		g.must("Barrier_init", tWorld, infoNull, requests+wordSize)
		g.must("Allreduce_init", in, out, 1, tInt, tSum, tWorld, infoNull, requests+2*wordSize)
		for round := range 4 {
			g.setInt(token, 0, g.me+round)
			for i := range n {
				g.must("Start", requests+uint32(wordSize*((i+g.me+round)%n)))
			}
			g.must("Waitall", n, requests, tIgnore)
			want(g, "token", g.int(token, 0), round)
			want(g, "sum", g.int(out, 0), g.n*(g.n-1)/2)
		}
		for i := range n {
			g.must("Request_free", requests+uint32(wordSize*i))
		}
	})
}

// TestPersistentInPlace changes the vector between starts: each reduces what is there then.
func TestPersistentInPlace(t *testing.T) {
	onAllSizes(t, func(g *guest) {
		request, buf := g.alloc(4), g.alloc(4*g.n)
		g.must("Reduce_scatter_block_init", inPlace, buf, 1, tInt, tSum, tWorld, infoNull, request)
		for round := range 3 {
			for i := range g.n {
				g.setInt(buf, i, round+g.me+i)
			}
			g.must("Start", request)
			g.must("Wait", request, tIgnore)
			want(g, "share", g.int(buf, 0), g.n*(round+g.me)+g.n*(g.n-1)/2)
		}
		g.must("Request_free", request)
	})
}

// TestPersistentCollectivesBeginAnew: a request that was a persistent collective before counts its starts from one
// again, however the ranks' requests were used meanwhile; and those on MPI_COMM_SELF have nothing to do with each
// other.
func TestPersistentCollectivesBeginAnew(t *testing.T) {
	onAllSizes(t, func(g *guest) {
		requests, buf, out := g.alloc(8*wordSize), g.alloc(4), g.alloc(4)
		for round := range 20 {
			for i := range uint32(g.me % 3) { // other requests in between, in other numbers
				g.must("Irecv", buf, 1, tInt, tNull, 0, tWorld, requests+wordSize+wordSize*i)
			}
			comm, sum := uint32(tWorld), g.n*(g.n-1)/2
			if round%2 == 1 {
				comm, sum = tSelf, g.me
			}
			g.setInt(buf, 0, g.me)
			g.must("Allreduce_init", buf, out, 1, tInt, tSum, comm, infoNull, requests)
			for range 1 + round%3 {
				g.must("Start", requests)
				g.must("Wait", requests, 0)
				want(g, "sum", g.int(out, 0), sum)
			}
			g.must("Request_free", requests)
			g.must("Waitall", g.me%3, requests+wordSize, 0)
		}
	})
}
