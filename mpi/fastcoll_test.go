package mpi

import (
	"sync/atomic"
	"testing"
)

// TestFastCollectivesBrokenOff breaks collectives off where they wait on their fast path, which the calls that a test
// breaks off by itself do not take.
func TestFastCollectivesBrokenOff(t *testing.T) {
	for _, size := range []int{2, 5} { // few members, who read all slots, and many
		for name, call := range map[string]func(g *guest, in, out uint32){
			"Barrier":   func(g *guest, _, _ uint32) { g.must("Barrier", tWorld) },
			"Bcast":     func(g *guest, _, out uint32) { g.must("Bcast", out, 2, tInt, 1, tWorld) },
			"Gather":    func(g *guest, in, out uint32) { g.must("Gather", in, 1, tInt, out, 1, tInt, 0, tWorld) },
			"Scatter":   func(g *guest, in, out uint32) { g.must("Scatter", in, 2, tInt, out, 2, tInt, 1, tWorld) },
			"Allgather": func(g *guest, in, out uint32) { g.must("Allgather", in, 1, tInt, out, 1, tInt, tWorld) },
			"Alltoall":  func(g *guest, in, out uint32) { g.must("Alltoall", in, 1, tInt, out, 1, tInt, tWorld) },
			"Reduce":    func(g *guest, in, out uint32) { g.must("Reduce", in, out, 2, tInt, tSum, 0, tWorld) },
			"Allreduce": func(g *guest, in, out uint32) { g.must("Allreduce", in, out, 2, tInt, tSum, tWorld) },
		} {
			t.Run(name, func(t *testing.T) {
				// What rank 0 has in out[1] at the end, of in[i] = 10 * rank + i, and of out[1] = 11 at the root of Bcast.
				sum := size + 10*size*(size-1)/2
				expect := map[string]int{"Barrier": 1, "Bcast": 11, "Gather": 10, "Scatter": 11, "Allgather": 10, "Alltoall": 10,
					"Reduce": sum, "Allreduce": sum}[name]
				var zero atomic.Pointer[guest]
				for i, err := range outcome(t, size, func(g *guest) {
					g.must("Init", 0, 0)
					in, out := g.alloc(4*16), g.alloc(4*16)
					for i := range 16 {
						g.setInt(in, i, 10*g.me+i)
						g.setInt(out, i, 10*g.me+i)
					}
					if g.me == 0 {
						zero.Store(g)
					}
					if g.me == 1 {
						g.waitUntil("rank 0 is initialized", func() bool { return zero.Load() != nil })
						for range 2 {
							breakable{name: name}.waitThere(g, zero.Load())
							thread := zero.Load().thread
							thread.Suspend()
							g.waitUntil("the call is broken off", func() bool { return !thread.toSuspend.Load() })
						}
						breakable{name: name}.waitThere(g, zero.Load())
					}
					for range 2 * slotRows { // the state that is left is that of a call that was not
						call(g, in, out)
					}
					if g.me == 0 {
						want(g, "result", g.int(out, 1), expect)
						want(g, "that something is pending", g.thread.pending.used, false)
						want(g, "that the thread can be broken off", g.thread.resumable, false)
					}
					g.must("Finalize")
				}) {
					if err != nil {
						t.Errorf("rank %d of %d: %v", i, size, err)
					}
				}
			})
		}
	}
}

// TestRootAhead has the root of broadcasts come as far ahead of a member as there are rows, where it waits for it.
func TestRootAhead(t *testing.T) {
	inSharedMemory(t)
	const rounds = 3 * slotRows
	for _, size := range []int{2, 5} { // few members, whom the root looks at, and many, who are counted
		for i, err := range outcome(t, size, func(g *guest) {
			g.must("Init", 0, 0)
			buf := g.alloc(4)
			if g.me == 1 {
				g.waitParked(0)
				want(g, "rounds of the root", int(g.rank.world.ranks[0].worldComm.round), slotRows)
			}
			for i := range rounds {
				g.setInt(buf, 0, -1)
				if g.me == 0 {
					g.setInt(buf, 0, i)
				}
				g.must("Bcast", buf, 1, tInt, 0, tWorld)
				want(g, "what was broadcast", g.int(buf, 0), i)
			}
			g.must("Finalize")
		}) {
			if err != nil {
				t.Errorf("rank %d of %d: %v", i, size, err)
			}
		}
	}
}
