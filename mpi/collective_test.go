package mpi

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/mpi/datatype"
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

// TestAlltoallPastTheCaches exchanges enough for blocks to be copied past the caches, and little afterwards.
func TestAlltoallPastTheCaches(t *testing.T) {
	const n, memory = 4, 12 << 20
	const block = streamBytes/(2*n*n) + 8
	for i, err := range outcomeIn(t, WorldConfig{Size: n, Cores: 2}, memory, func(g *guest) {
		g.must("Init", 0, 0)
		send, recv := g.alloc(n*block), g.alloc(n*block)
		for _, bytes := range []int{block, 16 << 10} {
			for at := range n * bytes {
				g.mem[send+uint32(at)], g.mem[recv+uint32(at)] = byte(at/251+g.me), 0
			}
			g.must("Alltoall", send, bytes, tByte, recv, bytes, tByte, tWorld)
			for at := range n * bytes {
				from := at / bytes
				if sent := byte((g.me*bytes+at%bytes)/251 + from); g.mem[recv+uint32(at)] != sent {
					t.Errorf("rank %d: byte %d is %d, rank %d sent %d", g.me, at, g.mem[recv+uint32(at)], from, sent)
					break
				}
			}
		}
		g.must("Finalize")
	}) {
		if err != nil {
			t.Errorf("rank %d: %v", i, err)
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

// TestEveryOperation reduces with every operation and datatype that go together, and checks that every other
// combination is refused. What the operations do to the data is mpi/datatype's to test.
func TestEveryOperation(t *testing.T) {
	const n = 4
	play(t, n, func(g *guest) {
		g.must("Comm_set_errhandler", tWorld, errorsReturn)
		for handle := uint32(0x200); handle < 0x300; handle++ {
			ty := datatype.ByHandle(handle)
			for _, o := range datatype.Ops() {
				if ty == nil {
					continue
				}
				send, recv, kernel := g.alloc(64), g.alloc(64), o.Kernel(ty.Kind())
				code := g.call("Allreduce", send, recv, 1, handle, o.Handle(), tWorld)
				if kernel == nil {
					want(g, o.Name()+" of "+ty.Name(), code, errOp)
					continue
				}
				brought := func(rank int) []byte { return bytes.Repeat([]byte{byte(rank + 1)}, int(ty.Extent())) }
				copy(g.mem[send:], brought(g.me))
				g.must("Allreduce", send, recv, 1, handle, o.Handle(), tWorld)
				wanted := brought(0)
				for rank := 1; rank < n; rank++ {
					kernel(wanted, brought(rank))
				}
				data := func(mem []byte) string { // without holes
					one := datatype.Span{Mem: mem, Count: 1, Type: ty}
					return fmt.Sprintf("%x", one.Packed().Mem)
				}
				want(g, o.Name()+" of "+ty.Name(), data(g.mem[recv:]), data(wanted))
			}
		}
	})
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
			binary.LittleEndian.PutUint64(b, math.Float64bits(float64(g.me*(i-1))))
			g.setInt(a+uint32(16*i), 2, g.me)
		}
		out := g.alloc(16 * n)
		g.must("Allreduce", a, out, n, 0x229, 0x38, tWorld)
		want(g, "value", g.double(out, 0), -2)
		want(g, "location", g.int(out, 2), 2)
		want(g, "location", g.int(out+16, 2), 0)
	})
}

func TestMismatchedCollectives(t *testing.T) {
	inSharedMemory(t)
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
