package mpi

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// lengths of vectors: none, odd, and enough for several chunks and for all ranks to help.
var lengths = []int{0, 1, 3, 17, 5000, 20000}

func TestBarrierBcast(t *testing.T) {
	onAllSizes(t, func(g *guest) {
		for _, n := range lengths {
			for root := range g.n {
				g.top = 1024
				buf := g.alloc(4 * n)
				for i := range n {
					g.setInt(buf, i, g.me+i)
				}
				g.must("Bcast", buf, n, tInt, root, tWorld)
				for i := range n {
					if g.int(buf, i) != root+i {
						g.t.Fatalf("rank %d: element %d is %d", g.me, i, g.int(buf, i))
					}
				}
				g.must("Barrier", tWorld)
			}
		}
	})
}

func TestReductions(t *testing.T) {
	onAllSizes(t, func(g *guest) {
		for _, n := range lengths {
			for _, in := range []bool{false, true} {
				g.top = 1024
				send, recv := g.alloc(4*n), g.alloc(4*n)
				for i := range n {
					g.setInt(send, i, g.me+i)
				}
				check := func(what string) {
					for i := range n {
						if got, wanted := g.int(recv, i), g.n*(g.n-1)/2+i*g.n; got != wanted {
							g.t.Fatalf("rank %d: %s of %d: element %d is %d, want %d", g.me, what, n, i, got, wanted)
						}
					}
				}
				if in {
					copy(g.mem[recv:], g.mem[send:send+uint32(4*n)])
					g.must("Allreduce", inPlace, recv, n, tInt, tSum, tWorld)
				} else {
					g.must("Allreduce", send, recv, n, tInt, tSum, tWorld)
				}
				check("allreduce")
				root := g.n / 2
				if in && g.me == root {
					copy(g.mem[recv:], g.mem[send:send+uint32(4*n)])
					g.must("Reduce", inPlace, recv, n, tInt, tSum, root, tWorld)
				} else {
					g.must("Reduce", send, recv, n, tInt, tSum, root, tWorld)
				}
				if g.me == root {
					check("reduce")
				}
			}
		}
	})
}

func TestGatherScatter(t *testing.T) {
	onAllSizes(t, func(g *guest) {
		for _, n := range []int{0, 1, 3, 900} {
			for _, in := range []bool{false, true} {
				root := (g.n - 1) / 2
				g.top = 1024
				mine, all := g.alloc(4*n), g.alloc(4*n*g.n)
				for i := range n {
					g.setInt(mine, i, g.me*1000+i)
					g.setInt(all, g.me*n+i, g.me*1000+i)
				}
				send := mine
				if in && g.me == root {
					send = inPlace
				}
				g.must("Gather", send, n, tInt, all, n, tInt, root, tWorld)
				if g.me == root {
					g.wantBlocks("gather", all, n)
				}
				if in {
					g.must("Allgather", inPlace, 0, 0x200, all, n, tInt, tWorld)
				} else {
					g.must("Allgather", mine, n, tInt, all, n, tInt, tWorld)
				}
				g.wantBlocks("allgather", all, n)
				back := g.alloc(4 * n)
				if in && g.me == root {
					g.must("Scatter", all, n, tInt, inPlace, n, tInt, root, tWorld)
				} else {
					g.must("Scatter", all, n, tInt, back, n, tInt, root, tWorld)
					for i := range n {
						want(g, "scattered", g.int(back, i), g.me*1000+i)
					}
				}
			}
		}
	})
}

// wantBlocks checks that block j holds j*1000, j*1000+1, …
func (g *guest) wantBlocks(what string, a uint32, n int) {
	for j := range g.n {
		for i := range n {
			if got := g.int(a, j*n+i); got != j*1000+i {
				g.t.Fatalf("rank %d: %s: element %d of block %d is %d", g.me, what, i, j, got)
			}
		}
	}
}

func TestAlltoall(t *testing.T) {
	onAllSizes(t, func(g *guest) {
		for _, n := range []int{0, 1, 3, 1500} {
			for _, in := range []bool{false, true} {
				g.top = 1024
				send, recv := g.alloc(4*n*g.n), g.alloc(4*n*g.n)
				for j := range g.n {
					for i := range n {
						g.setInt(send, j*n+i, g.me*10000+j*100+i%100)
					}
				}
				if in {
					recv = send
					g.must("Alltoall", inPlace, 0, 0, recv, n, tInt, tWorld)
				} else {
					g.must("Alltoall", send, n, tInt, recv, n, tInt, tWorld)
				}
				for j := range g.n {
					for i := range n {
						if got, wanted := g.int(recv, j*n+i), j*10000+g.me*100+i%100; got != wanted {
							g.t.Fatalf("rank %d: element %d from %d is %d, want %d", g.me, i, j, got, wanted)
						}
					}
				}
			}
		}
	})
}

// TestEveryOperation reduces small whole numbers with every operation and datatype that go together, and checks that
// every other combination is refused.
func TestEveryOperation(t *testing.T) {
	const n = 4
	play(t, n, func(g *guest) {
		g.must("Comm_set_errhandler", tWorld, errorsReturn)
		for _, p := range predefined {
			for _, o := range predefinedOps {
				ty := named[p.handle-firstDatatype]
				send, recv := g.alloc(64), g.alloc(64)
				if kernels[o.code][p.kind] == nil {
					want(g, o.name+" of "+p.name, g.call("Allreduce", send, recv, 1, p.handle, o.handle, tWorld), errOp)
					continue
				}
				encode(ty.kind, g.mem[send:], g.me+1)
				g.must("Allreduce", send, recv, 1, p.handle, o.handle, tWorld)
				if got, wanted := decode(ty.kind, g.mem[recv:]), expected(o.code, ty.kind, n); got != wanted {
					g.t.Errorf("%s of %s gives %s, want %s", o.name, p.name, got, wanted)
				}
			}
		}
	})
}

// encode writes v, in pairs with location 10-v, in complex numbers as v+vi; logicals are true for even v.
func encode(k kind, b []byte, v int) {
	put := func(k kind, b []byte, v int) {
		switch k {
		case kindF16:
			view[uint16](b[:2])[0] = toHalf(float32(v))
		case kindF32:
			view[float32](b[:4])[0] = float32(v)
		case kindF64:
			view[float64](b[:8])[0] = float64(v)
		case kindF128:
			view[quad](b[:16])[0] = quadFrom(float64(v))
		default:
			for i := range b {
				b[i] = 0
			}
			b[0] = byte(v)
		}
	}
	part, half := complexPart(k)
	switch {
	case part != kindNone:
		put(part, b[:half], v)
		put(part, b[half:2*half], v)
	case pairPart(k) != kindNone:
		value := pairPart(k)
		put(value, b[:shapes[value].size], v)
		location := b[max(shapes[value].size, 4):]
		switch k {
		case kindF32f32:
			put(kindF32, location[:4], 10-v)
		case kindF64f64:
			put(kindF64, location[:8], 10-v)
		default:
			put(kindI32, location[:4], 10-v)
		}
	case k >= kindL8 && k <= kindL128:
		put(kindNone, b[:shapes[k].size], 1-v%2)
	default:
		put(k, b[:shapes[k].size], v)
	}
}

func complexPart(k kind) (kind, int) {
	switch k {
	case kindC32:
		return kindF16, 2
	case kindC64:
		return kindF32, 4
	case kindC128:
		return kindF64, 8
	case kindC256:
		return kindF128, 16
	}
	return kindNone, 0
}

func pairPart(k kind) kind {
	return map[kind]kind{kindI16i: kindI16, kindI32i: kindI32, kindI64i: kindI64, kindF32i: kindF32, kindF64i: kindF64,
		kindF128i: kindF128, kindF32f32: kindF32, kindF64f64: kindF64}[k]
}

func decode(k kind, b []byte) string {
	get := func(k kind, b []byte) string {
		switch k {
		case kindF16:
			return fmt.Sprint(fromHalf(view[uint16](b[:2])[0]))
		case kindF32:
			return fmt.Sprint(view[float32](b[:4])[0])
		case kindF64:
			return fmt.Sprint(view[float64](b[:8])[0])
		case kindF128:
			f, _ := view[quad](b[:16])[0].value().Float64()
			return fmt.Sprint(f)
		}
		v := 0
		for i := len(b) - 1; i >= 0 && i >= len(b)-16; i-- {
			v = v<<8 | int(b[i])
		}
		return fmt.Sprint(v)
	}
	part, half := complexPart(k)
	switch {
	case part != kindNone:
		return get(part, b[:half]) + " " + get(part, b[half:2*half])
	case pairPart(k) != kindNone:
		value := pairPart(k)
		location := b[max(shapes[value].size, 4):]
		l := get(kindI32, location[:4])
		switch k {
		case kindF32f32:
			l = get(kindF32, location[:4])
		case kindF64f64:
			l = get(kindF64, location[:8])
		}
		return get(value, b[:shapes[value].size]) + " " + l
	}
	return get(k, b[:shapes[k].size])
}

// expected is the result over 1 … n, here n = 4.
func expected(o opCode, k kind, n int) string {
	if part, _ := complexPart(k); part != kindNone {
		x := complex(1, 1)
		sum := x
		for v := 2; v <= n; v++ {
			x *= complex(float64(v), float64(v))
			sum += complex(float64(v), float64(v))
		}
		if o == opSum {
			x = sum
		}
		return fmt.Sprint(real(x)) + " " + fmt.Sprint(imag(x))
	}
	if k >= kindL8 && k <= kindL128 { // false true false true
		return map[opCode]string{opLand: "0", opLor: "1", opLxor: "0"}[o]
	}
	if o == opMinloc {
		return "1 9"
	}
	if o == opMaxloc {
		return "4 6"
	}
	return map[opCode]string{opSum: "10", opMin: "1", opMax: "4", opProd: "24", opBand: "0", opBor: "7", opBxor: "4",
		opLand: "1", opLor: "1", opLxor: "0"}[o]
}

// Among equal values the lowest location wins.
func TestMinlocTies(t *testing.T) {
	play(t, 3, func(g *guest) {
		in, out := g.ints(5, 30-g.me), g.alloc(8)
		for _, o := range []uint32{0x38, 0x39} {
			g.must("Allreduce", in, out, 1, 0x22b, o, tWorld)
			want(g, "value", g.int(out, 0), 5)
			want(g, "location", g.int(out, 1), 28)
		}
	})
}

// A vector of pairs with a hole at the end may end where the memory ends.
func TestPairsAtTheEndOfMemory(t *testing.T) {
	play(t, 3, func(g *guest) {
		const n = 2
		a := uint32(guestMemory - (16*n - 4))
		for i := range n {
			b := g.mem[a+uint32(16*i):]
			view[float64](b[:8])[0] = float64(g.me * (i - 1))
			g.setInt(a+uint32(16*i), 2, g.me)
		}
		out := g.alloc(16 * n)
		g.must("Allreduce", a, out, n, 0x229, 0x38, tWorld)
		want(g, "value", g.double(out, 0), -2)
		want(g, "location", g.int(out, 2), 2)
		want(g, "location", g.int(out+16, 2), 0)
	})
}

func TestQuads(t *testing.T) {
	for _, c := range []struct{ a, b, sum, product float64 }{
		{1, 2, 3, 2}, {0.5, -0.5, 0, -0.25}, {1e300, 1e-300, 1e300, 1}, {math.Inf(1), 1, math.Inf(1), math.Inf(1)},
		{-3, -4, -7, 12}, {0, 5, 5, 0},
	} {
		a, b := quadFrom(c.a), quadFrom(c.b)
		if got := quadAdd(a, b); got != quadFrom(c.sum) && c.a != 1e300 {
			t.Errorf("%v + %v = %x", c.a, c.b, got)
		}
		if got := quadMultiply(a, b); got != quadFrom(c.product) && c.a != 1e300 {
			t.Errorf("%v * %v = %x", c.a, c.b, got)
		}
		if quadLess(a, b) != (c.a < c.b) || quadLess(b, a) != (c.b < c.a) {
			t.Errorf("order of %v and %v", c.a, c.b)
		}
	}
	tiny := quad{lo: 1} // the smallest subnormal
	if got := quadAdd(tiny, tiny); got != (quad{lo: 2}) {
		t.Errorf("sum of subnormals %x", got)
	}
	if got := quadMultiply(tiny, quadFrom(0.5)); got != (quad{}) {
		t.Errorf("half the smallest %x", got)
	}
	if got := quadMultiply(tiny, quadFrom(0.75)); got != tiny {
		t.Errorf("three quarters of the smallest %x", got)
	}
	huge := quad{^uint64(0), 0x7ffeffffffffffff}
	if got := quadAdd(huge, huge); !got.isInf() {
		t.Errorf("overflow %x", got)
	}
	if got := quadAdd(quadFrom(math.Inf(1)), quadFrom(math.Inf(-1))); !got.isNaN() {
		t.Errorf("inf - inf %x", got)
	}
}

// quadFrom converts a double, exactly.
func quadFrom(f float64) quad {
	b := math.Float64bits(f)
	sign, exponent, fraction := b>>63<<63, int(b>>52&0x7ff), b&(1<<52-1)
	switch {
	case exponent == 0 && fraction == 0:
		return quad{hi: sign}
	case exponent == 0x7ff:
		exponent = 0x7fff
	default:
		exponent += quadBias - 1023
	}
	return quad{lo: fraction << 60, hi: sign | uint64(exponent)<<48 | fraction>>4}
}

func TestHalves(t *testing.T) {
	for h := range 1 << 16 {
		f := fromHalf(uint16(h))
		if f != f {
			continue
		}
		if back := toHalf(f); back != uint16(h) {
			t.Fatalf("%#x becomes %v becomes %#x", h, f, back)
		}
	}
	for f, h := range map[float32]uint16{65519: 0x7bff, 65520: 0x7c00, 2049: 0x6800, 2051: 0x6802, 1e-8: 0, 3.1e-8: 1} {
		if got := toHalf(f); got != h {
			t.Errorf("%v becomes %#x, want %#x", f, got, h)
		}
	}
}

func TestMismatchedCollectives(t *testing.T) {
	errs := outcome(t, 3, func(g *guest) {
		g.must("Init", 0, 0)
		if g.me == 2 {
			g.call("Bcast", g.ints(1), 1, tInt, 0, tWorld)
		} else {
			g.call("Barrier", tWorld)
		}
	})
	for i, err := range errs {
		if err == nil || !strings.Contains(err.Error(),
			"rank 0 of MPI_COMM_WORLD called MPI_Barrier and rank 2 called MPI_Bcast") {
			t.Errorf("rank %d: %v", i, err)
		}
	}
}

func TestTruncatedCollective(t *testing.T) {
	play(t, 3, func(g *guest) {
		g.must("Comm_set_errhandler", tWorld, errorsReturn)
		code := g.call("Bcast", g.ints(1, 2, 3), 3-g.me, tInt, 0, tWorld)
		want(g, "code", code == errTruncate, g.me > 0)
	})
}
