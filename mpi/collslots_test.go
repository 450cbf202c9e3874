package mpi

import (
	"fmt"
	"strings"
	"testing"
)

// slotSizes are communicators of few members and of many.
var slotSizes = []int{2, 3, 4, 7}

// TestRootGoesAhead: the root of broadcasts is done with as many as there are rows before any other member calls one,
// and waits in the next.
func TestRootGoesAhead(t *testing.T) {
	for _, n := range slotSizes {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			ahead := make(chan struct{})
			play(t, n, func(g *guest) {
				buf := g.ints(0)
				if g.me != 1 {
					<-ahead
					if n == 2 { // nobody else keeps the root waiting
						g.waitParked(1)
					}
				}
				for i := range 3 * slotRows {
					if g.me == 1 {
						g.setInt(buf, 0, i)
					}
					g.must("Bcast", buf, 1, tInt, 1, tWorld)
					want(g, "what is broadcast", g.int(buf, 0), i)
					if g.me == 1 && i == slotRows-2 {
						close(ahead)
					}
				}
			})
		})
	}
}

// TestSendersGoAhead: all but the root are done with reductions of which the root has called none.
func TestSendersGoAhead(t *testing.T) {
	for _, n := range slotSizes {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			ahead := make(chan struct{}, n)
			play(t, n, func(g *guest) {
				in, out := g.ints(0), g.ints(0)
				if g.me == 0 {
					for range n - 1 {
						<-ahead
					}
				}
				for i := range 3 * slotRows {
					g.setInt(in, 0, i+g.me)
					g.must("Reduce", in, out, 1, tInt, tSum, 0, tWorld)
					if g.me == 0 {
						want(g, "the sum", g.int(out, 0), n*i+n*(n-1)/2)
					} else if i == slotRows-2 {
						ahead <- struct{}{}
					}
				}
			})
		})
	}
}

// TestSlotMismatch has one rank, the last, call something else than the others in slots.
func TestSlotMismatch(t *testing.T) {
	inSharedMemory(t)
	const big = 2 * slotLimit / 4
	call := func(name string, arguments ...any) func(g *guest) {
		return func(g *guest) { g.call(name, arguments...) }
	}
	const buf = 4096
	for _, c := range []struct {
		name       string
		most, last func(g *guest)
		want       string
	}{
		{"kind", call("Barrier", tWorld), call("Allreduce", buf, 2*buf, 1, tInt, tSum, tWorld), "called MPI_"},
		{"root", call("Bcast", buf, 1, tInt, 1, tWorld), call("Bcast", buf, 1, tInt, 0, tWorld), "gave root"},
		{"operation", call("Allreduce", buf, 2*buf, 1, tInt, tSum, tWorld),
			call("Allreduce", buf, 2*buf, 1, tInt, tMax, tWorld), "reduces"},
		{"length", call("Allreduce", buf, 2*buf, 1, tInt, tSum, tWorld), call("Allreduce", buf, 2*buf, 2, tInt, tSum, tWorld),
			"reduces"},
		{"an instance", call("Allreduce", buf, 20*buf, 1, tInt, tSum, tWorld),
			call("Allreduce", buf, 20*buf, big, tInt, tSum, tWorld),
			"give MPI_Allreduce different amounts of data"},
		{"an instance of all others", call("Bcast", buf, big, tInt, 0, tWorld), call("Bcast", buf, 1, tInt, 0, tWorld),
			"give MPI_Bcast different amounts of data"},
		{"kind, all needing all", call("Allgather", buf, 1, tInt, 2*buf, 1, tInt, tWorld),
			call("Alltoall", buf, 1, tInt, 2*buf, 1, tInt, tWorld), "called MPI_"},
		{"too much", call("Scatter", buf, 2, tInt, 2*buf, 2, tInt, 0, tWorld),
			call("Scatter", buf, 2, tInt, 2*buf, 1, tInt, 0, tWorld),
			"sends a block of 8 bytes"},
	} {
		for _, n := range slotSizes {
			t.Run(fmt.Sprintf("%s %d", c.name, n), func(t *testing.T) {
				for _, round := range []int{0, slotRows} { // in a new row, and in a used one
					said := ""
					for _, err := range outcome(t, n, func(g *guest) {
						g.must("Init", 0, 0)
						for range round {
							g.must("Barrier", tWorld)
						}
						if g.me == n-1 {
							c.last(g)
						} else {
							c.most(g)
						}
						g.must("Barrier", tWorld) // ends the ranks that have noticed nothing
					}) {
						if err != nil {
							said += err.Error() + "\n"
						}
					}
					if !strings.Contains(said, c.want) {
						t.Fatalf("after %d barriers: %q, want %q", round, said, c.want)
					}
				}
			})
		}
	}
}

// TestSlotLengths goes through the lengths at which data moves from the slot to the overflow buffer and to an instance.
func TestSlotLengths(t *testing.T) {
	onAllSizes(t, func(g *guest) {
		at := func(rank, i int) int { return 1000*rank + i }
		for _, bytes := range []int{0, 4, slotBytes - 4, slotBytes, slotBytes + 4, 1000, slotLimit - 4, slotLimit,
			slotLimit + 4} {
			n := bytes / 4
			mine, all, sum := g.alloc(bytes*g.n+4), g.alloc(bytes*g.n+4), g.alloc(bytes+4)
			for i := range n * g.n {
				g.setInt(mine, i, at(g.me, i))
			}
			g.must("Alltoall", mine, n, tInt, all, n, tInt, tWorld)
			for i := range n * g.n {
				want(g, "alltoall", g.int(all, i), at(i/max(n, 1), g.me*n+i%max(n, 1)))
			}
			g.must("Scatter", mine, n, tInt, sum, n, tInt, g.n-1, tWorld)
			for i := range n {
				want(g, "scatter", g.int(sum, i), at(g.n-1, g.me*n+i))
			}
			g.must("Allgather", mine, n, tInt, all, n, tInt, tWorld)
			for i := range n * g.n {
				want(g, "allgather", g.int(all, i), at(i/max(n, 1), i%max(n, 1)))
			}
			for _, name := range []string{"Allreduce", "Scan", "Exscan"} {
				g.must(name, mine, sum, n, tInt, tSum, tWorld)
				members := map[string]int{"Allreduce": g.n, "Scan": g.me + 1, "Exscan": g.me}[name]
				for i := range n {
					if members > 0 {
						want(g, name, g.int(sum, i), members*i+1000*members*(members-1)/2)
					}
				}
			}
			g.top = mine
		}
	})
}
