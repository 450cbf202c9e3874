package mpi

import (
	"fmt"
	"runtime"
	"testing"
)

// together runs b.N steps on n ranks. Steps must use no memory of the heap.
func together(b *testing.B, n, memory int, prepare func(g *guest) func()) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(n + 2))
	b.ReportAllocs()
	count := b.N
	for i, err := range outcomeIn(b, WorldConfig{Size: n, Cores: runtime.NumCPU()}, memory, func(g *guest) {
		g.must("Init", 0, 0)
		step := prepare(g)
		for range 10 {
			step()
		}
		g.must("Barrier", tWorld)
		if g.me == 0 {
			b.ResetTimer()
		}
		for range count {
			step()
		}
		g.must("Barrier", tWorld)
		if g.me == 0 {
			b.StopTimer()
		}
		g.must("Finalize")
	}) {
		if err != nil {
			b.Fatalf("rank %d: %v", i, err)
		}
	}
}

// prepared is a call whose arguments are put on the stack again each time, without anything that allocates.
func (g *guest) prepared(name string, arguments ...uint32) func() {
	c := callsByName["MPI_"+name]
	return func() {
		for i, a := range arguments {
			g.stack[i] = uint64(a)
		}
		c.Fn(g.rank.Main(), g.stack[:max(len(arguments), 1)])
		if g.stack[0] != success {
			panic("error")
		}
	}
}

// BenchmarkPingPong measures a round trip: half of it is the latency.
func BenchmarkPingPong(b *testing.B) {
	for _, n := range []uint32{8, 1 << 10, 64 << 10, 1 << 20} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.SetBytes(2 * int64(n))
			together(b, 2, 4<<20, func(g *guest) func() {
				buf := g.alloc(int(n))
				peer := uint32(1 - g.me)
				send := g.prepared("Send", buf, n, tByte, peer, 0, tWorld)
				receive := g.prepared("Recv", buf, n, tByte, peer, 0, tWorld, 0)
				if g.me == 0 {
					return func() { send(); receive() }
				}
				return func() { receive(); send() }
			})
		})
	}
}

func BenchmarkAllreduce(b *testing.B) {
	for _, ranks := range []int{2, 4, 16} {
		for _, n := range []uint32{1, 1 << 10, 1 << 17} {
			b.Run(fmt.Sprintf("%dx%d", ranks, 8*n), func(b *testing.B) {
				together(b, ranks, 4<<20, func(g *guest) func() {
					in, out := g.alloc(int(8*n)), g.alloc(int(8*n))
					return g.prepared("Allreduce", in, out, n, tDouble, tSum, tWorld)
				})
			})
		}
	}
}

// BenchmarkIsend posts 64 receives and sends and completes them: the message rate. An answer
// keeps the sender from running ahead.
func BenchmarkIsend(b *testing.B) {
	together(b, 2, 1<<20, func(g *guest) func() {
		requests := g.alloc(wordSize * 64)
		buf := g.alloc(64 * 8)
		var posts []func()
		for i := range uint32(64) {
			name := "Isend"
			if g.me == 1 {
				name = "Irecv"
			}
			posts = append(posts, g.prepared(name, buf+8*i, 8, tByte, uint32(1-g.me), 0, tWorld, requests+wordSize*i))
		}
		all := g.prepared("Waitall", 64, requests, 0)
		answer := g.prepared("Send", buf, 0, tByte, 0, 1, tWorld)
		if g.me == 0 {
			answer = g.prepared("Recv", buf, 0, tByte, 1, 1, tWorld, 0)
		}
		return func() {
			for _, p := range posts {
				p()
			}
			all()
			answer()
		}
	})
}

// TestSteadyStateAllocatesNothing runs messages of each kind and a collective, and counts allocations of the process.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	defer breaks(ResumeEvery{})() // which allocates
	inSharedMemory(t)             // by messages plans and parts are made anew
	for name, f := range map[string]func(b *testing.B){"messages": BenchmarkIsend, "ping-pong": func(b *testing.B) {
		together(b, 2, 1<<20, func(g *guest) func() {
			buf := g.alloc(100000)
			peer := uint32(1 - g.me)
			small := [2]func(){g.prepared("Send", buf, 100, tByte, peer, 0, tWorld),
				g.prepared("Recv", buf, 100, tByte, peer, 0, tWorld, 0)}
			large := [2]func(){g.prepared("Send", buf, 100000, tByte, peer, 0, tWorld),
				g.prepared("Recv", buf, 100000, tByte, peer, 0, tWorld, 0)}
			sum := g.prepared("Allreduce", buf, buf+50000, 10, tDouble, tSum, tWorld)
			return func() {
				small[g.me]()
				small[1-g.me]()
				large[g.me]()
				large[1-g.me]()
				sum()
			}
		})
	}} {
		if r := testing.Benchmark(f); r.AllocsPerOp() > 0 {
			t.Errorf("%s: %d allocations and %d bytes an operation", name, r.AllocsPerOp(), r.AllocedBytesPerOp())
		}
	}
}

// BenchmarkSendrecv is an exchange of two ranks.
func BenchmarkSendrecv(b *testing.B) {
	for _, n := range []uint32{8, 1 << 10} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			together(b, 2, 1<<20, func(g *guest) func() {
				out, in, peer := g.alloc(int(n)), g.alloc(int(n)), uint32(1-g.me)
				return g.prepared("Sendrecv", out, n, tByte, peer, 0, in, n, tByte, peer, 0, tWorld, 0)
			})
		})
	}
}

// BenchmarkSelf sends and receives in one rank: what the two calls cost without another processor.
func BenchmarkSelf(b *testing.B) {
	together(b, 1, 1<<20, func(g *guest) func() {
		buf := g.alloc(64)
		send := g.prepared("Send", buf, 8, tByte, 0, 0, tWorld)
		receive := g.prepared("Recv", buf, 8, tByte, 0, 0, tWorld, 0)
		return func() { send(); receive() }
	})
}

// BenchmarkCommRank measures what a call costs that does next to nothing.
func BenchmarkCommRank(b *testing.B) {
	together(b, 1, 1<<20, func(g *guest) func() { return g.prepared("Comm_rank", tWorld, g.alloc(4)) })
}

// BenchmarkPack packs a vector with holes, and plain bytes: what the layers between a call and the copy cost.
func BenchmarkPack(b *testing.B) {
	for _, name := range []string{"bytes", "vector"} {
		b.Run(name, func(b *testing.B) {
			together(b, 1, 1<<20, func(g *guest) func() {
				in, out, position, ty, n := g.alloc(1024), g.alloc(1024), g.ints(0), uint32(tByte), uint32(64)
				if name == "vector" {
					ty, n = g.newtype("Type_vector", 8, 1, 2, tDouble), 1
				}
				pack := g.prepared("Pack", in, n, ty, out, 1024, position, tWorld)
				return func() { g.setInt(position, 0, 0); pack() }
			})
		})
	}
}

// BenchmarkReduceLocal combines vectors of doubles and of bytes in one rank.
func BenchmarkReduceLocal(b *testing.B) {
	for _, c := range []struct {
		name string
		ty   uint32
		n    uint32
	}{{"1double", tDouble, 1}, {"1000doubles", tDouble, 1000}, {"1000ints", tInt, 1000}} {
		b.Run(c.name, func(b *testing.B) {
			together(b, 1, 1<<20, func(g *guest) func() {
				return g.prepared("Reduce_local", g.alloc(8000), g.alloc(8000), c.n, c.ty, tSum)
			})
		})
	}
}

// BenchmarkCommDup makes a communicator and frees it.
func BenchmarkCommDup(b *testing.B) {
	together(b, 2, 1<<20, func(g *guest) func() {
		made := g.alloc(wordSize)
		dup, free := g.prepared("Comm_dup", tWorld, made), g.prepared("Comm_free", made)
		return func() { dup(); free() }
	})
}

// BenchmarkWindow is a window of 64 receives, then sends, of one rank to itself, completed together: what a message
// takes of processor time, without another processor.
func BenchmarkWindow(b *testing.B) {
	together(b, 1, 1<<20, func(g *guest) func() {
		requests := g.alloc(wordSize * 128)
		buf := g.alloc(128 * 8)
		var posts []func()
		for i := range uint32(64) {
			posts = append(posts, g.prepared("Irecv", buf+8*i, 8, tByte, 0, 0, tWorld, requests+wordSize*i))
		}
		for i := range uint32(64) {
			posts = append(posts, g.prepared("Isend", buf+8*(64+i), 8, tByte, 0, 0, tWorld, requests+wordSize*(64+i)))
		}
		all := g.prepared("Waitall", 128, requests, 0)
		return func() {
			for _, p := range posts {
				p()
			}
			all()
		}
	})
}
