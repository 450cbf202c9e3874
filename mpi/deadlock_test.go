package mpi

import (
	"errors"
	"testing"
)

// TestDeadlock: when all ranks wait for each other, each learns at once what every rank waits for: the call, the peer,
// the tag and the communicator.
func TestDeadlock(t *testing.T) {
	const large = 100000
	named := func(g *guest) uint32 {
		d := g.newcomm("Comm_dup", tWorld)
		g.must("Comm_set_name", d, g.cstring("ocean"))
		return d
	}
	for _, c := range []struct {
		name    string
		program func(g *guest, buf uint32)
		want    []string
	}{
		{"different calls", func(g *guest, buf uint32) {
			switch g.me {
			case 0:
				g.must("Recv", buf, 1, tInt, 1, 7, tWorld, tIgnore)
			case 1:
				g.must("Ssend", buf, 1, tInt, 2, 8, tWorld)
			case 2:
				g.must("Barrier", tWorld)
			}
		}, []string{"MPI_Recv from rank 1, tag 7, MPI_COMM_WORLD", "MPI_Ssend to rank 2, tag 8, MPI_COMM_WORLD",
			"MPI_Barrier on MPI_COMM_WORLD"}},
		{"a cycle of large sends", func(g *guest, buf uint32) { g.must("Send", buf, large, tByte, (g.me+1)%2, 1, tWorld) },
			[]string{"MPI_Send to rank 1, tag 1, MPI_COMM_WORLD", "MPI_Send to rank 0, tag 1, MPI_COMM_WORLD"}},
		{"a cycle of exchanges with other tags", func(g *guest, buf uint32) {
			g.must("Sendrecv", buf, 1, tInt, 1-g.me, g.me, buf+4, 1, tInt, 1-g.me, g.me, tWorld, 0)
		}, []string{"MPI_Sendrecv from rank 1, tag 0, MPI_COMM_WORLD", "MPI_Sendrecv from rank 0, tag 1, MPI_COMM_WORLD"}},
		{"Waitall and Waitany", func(g *guest, buf uint32) {
			d, q := named(g), g.alloc(8)
			g.must("Irecv", buf, 1, tInt, 1-g.me, 4, d, q)
			g.must("Issend", buf+4, 1, tInt, 1-g.me, 5, tWorld, q+wordSize)
			if g.me == 0 {
				g.must("Waitall", 2, q, 0)
			} else {
				g.must("Waitany", 2, q, buf, 0)
			}
		}, []string{"MPI_Waitall for MPI_Irecv from rank 1, tag 4, ocean",
			"MPI_Waitany for one of 2 requests; MPI_Irecv from rank 0, tag 4, ocean; " +
				"MPI_Issend to rank 0, tag 5, MPI_COMM_WORLD"}},
		{"probes", func(g *guest, buf uint32) {
			if g.me == 0 {
				g.must("Probe", tAnySource, tAnyTag, tWorld, 0)
			} else {
				g.must("Mprobe", 0, 3, tWorld, buf, 0)
			}
		}, []string{"MPI_Probe from any rank, any tag, MPI_COMM_WORLD", "MPI_Mprobe from rank 0, tag 3, MPI_COMM_WORLD"}},
		{"collectives on different communicators", func(g *guest, buf uint32) {
			if d := named(g); g.me == 0 {
				g.must("Bcast", buf, 1, tInt, 1, d)
			} else {
				g.must("Comm_split", tWorld, 0, 0, buf)
			}
		}, []string{"MPI_Bcast on ocean", "MPI_Comm_split on MPI_COMM_WORLD"}},
		{"a nonblocking collective and a persistent receive", func(g *guest, buf uint32) {
			q := g.alloc(4)
			if g.me == 0 {
				g.must("Iallreduce", buf, buf+4, 1, tInt, tSum, tWorld, q)
			} else {
				g.must("Recv_init", buf, 1, tInt, 0, 2, tWorld, q)
				g.must("Start", q)
			}
			g.must("Wait", q, 0)
		}, []string{"MPI_Wait for MPI_Iallreduce on MPI_COMM_WORLD",
			"MPI_Wait for MPI_Recv_init from rank 0, tag 2, MPI_COMM_WORLD"}},
		{"a rank that finalizes", func(g *guest, buf uint32) {
			if g.me == 0 {
				g.must("Recv", buf, 1, tInt, 1, 7, tWorld, tIgnore)
			}
			g.must("Finalize")
		}, []string{"MPI_Recv from rank 1, tag 7, MPI_COMM_WORLD", "MPI_Finalize on MPI_COMM_WORLD"}},
		{"a generalized request that nobody completes", func(g *guest, buf uint32) {
			for i := range uint32(3) {
				g.results[i+1] = func(...uint64) int32 { return 0 }
			}
			g.must("Grequest_start", 1, 2, 3, 0, buf)
			g.must("Wait", buf, 0)
		}, []string{"MPI_Wait for MPI_Grequest_start for the program to complete a generalized request"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			errs := outcome(t, len(c.want), func(g *guest) {
				g.must("Init", 0, 0)
				c.program(g, g.alloc(large+100))
			})
			for i, err := range errs {
				var dead *DeadlockError
				if !errors.As(err, &dead) {
					t.Fatalf("rank %d: %v", i, err)
				}
				for j, line := range c.want {
					if dead.Waiting[j] != line {
						t.Errorf("rank %d waits in %q, want %q", j, dead.Waiting[j], line)
					}
				}
			}
		})
	}
}

// TestPollingIsNoDeadlock: a rank that asks again and again may yet do something, however long the others wait.
func TestPollingIsNoDeadlock(t *testing.T) {
	play(t, 3, func(g *guest) {
		buf, q, flag := g.alloc(8), g.alloc(4), g.ints(0)
		if g.me > 0 {
			g.must("Recv", buf, 1, tInt, 0, 1, tWorld, 0)
			return
		}
		for i := range uint32(3) {
			g.results[i+1] = func(...uint64) int32 { return 0 }
		}
		g.must("Grequest_start", 1, 2, 3, 0, q)
		for range 1000 {
			g.must("Iprobe", tAnySource, tAnyTag, tWorld, flag, 0)
			g.must("Test", q, flag, 0)
			want(g, "flag", g.int(flag, 0), 0)
		}
		g.must("Grequest_complete", g.int(q, 0))
		g.must("Wait", q, 0)
		g.must("Send", buf, 1, tInt, 1, 1, tWorld)
		g.must("Send", buf, 1, tInt, 2, 1, tWorld)
	})
}

// TestDeadlockBesideAWaitOutsideMPI: a thread that waits outside MPI without an end is one that waits, until whoever
// wakes it says so.
func TestDeadlockBesideAWaitOutsideMPI(t *testing.T) {
	waits := make(chan struct{})
	errs := outcome(t, 2, func(g *guest) {
		g.must("Init", 0, 0)
		if g.me == 1 {
			main := g.rank.Main()
			main.Count(true)
			main.Settle() // rank 0 computes: this is no deadlock
			main.Count(false)
			main.CheckEnded()
			main.Count(true)
			main.Settle()
			close(waits)
			<-g.rank.Done()
			main.Count(false)
			main.CheckEnded()
		}
		<-waits
		g.must("Recv", g.alloc(4), 1, tInt, 1, 7, tWorld, tIgnore)
	})
	for i, err := range errs {
		var dead *DeadlockError
		if !errors.As(err, &dead) || dead.Waiting[1] != "waiting for another thread of its own" {
			t.Errorf("rank %d: %v", i, err)
		}
	}
}
