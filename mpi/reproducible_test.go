package mpi

import (
	"fmt"
	"math"
	"testing"
)

// summand is element i of what a rank brings: sums of these have other bits in another order.
func summand(rank, i int) float64 {
	return math.Ldexp(1+float64((rank*7919+i*104729)%1000)/997, (rank*31+i*17)%60-30) * float64(1-2*((rank+i)&1))
}

// folded is the reference: the sum over ranks first to last, in their order, as one processor alone would make it.
func folded(first, last, i int) float64 {
	sum := summand(first, i)
	for r := first + 1; r < last; r++ {
		sum += summand(r, i)
	}
	return sum
}

// TestReductionsHaveTheBitsOfRankOrder: whichever algorithm and form is chosen, however long the vector is and whoever
// helps, a reduction combines in rank order. It is what --reproducible promises.
func TestReductionsHaveTheBitsOfRankOrder(t *testing.T) {
	for _, n := range []int{1, 2, 3, 5, 8, 16, 17} {
		for _, length := range []int{1, 8, 1000, 30000} {
			t.Run(fmt.Sprintf("%dx%d", n, length), func(t *testing.T) {
				play(t, n, func(g *guest) { g.reduceAll(length) })
			})
		}
	}
}

// reduceAll reduces by each function and compares every bit.
func (g *guest) reduceAll(length int) {
	values := make([]float64, length)
	for i := range values {
		values[i] = summand(g.me, i)
	}
	in, out, q := g.doubles(values...), g.alloc(8*length), g.alloc(4)
	same := func(what string, a uint32, i, first, last, element int) {
		if got, want := g.double(a, i), folded(first, last, element); math.Float64bits(got) != math.Float64bits(want) {
			g.t.Fatalf("rank %d of %d: %s of %d: element %d is %x, want %x", g.me, g.n, what, length, element, got, want)
		}
	}
	all := func(what string, a uint32, last int) {
		for i := range length {
			same(what, a, i, 0, last, i)
		}
	}
	root := g.n / 2
	g.must("Allreduce", in, out, length, tDouble, tSum, tWorld)
	all("Allreduce", out, g.n)
	g.must("Reduce", in, out, length, tDouble, tSum, root, tWorld)
	if g.me == root {
		all("Reduce", out, g.n)
	}
	g.must("Iallreduce", in, out, length, tDouble, tSum, tWorld, q)
	g.must("Wait", q, 0)
	all("Iallreduce", out, g.n)
	g.must("Scan", in, out, length, tDouble, tSum, tWorld)
	all("Scan", out, g.me+1)
	g.must("Exscan", in, out, length, tDouble, tSum, tWorld)
	if g.me > 0 {
		all("Exscan", out, g.me)
	}
	if each := length / g.n; each > 0 {
		g.must("Reduce_scatter_block", in, out, each, tDouble, tSum, tWorld)
		for i := range each {
			same("Reduce_scatter_block", out, i, 0, g.n, g.me*each+i)
		}
	}
	copy(g.mem[out:], g.mem[in:int(in)+8*length])
	g.must("Allreduce", inPlace, out, length, tDouble, tSum, tWorld)
	all("Allreduce in place", out, g.n)
}
