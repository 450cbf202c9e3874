package mpi

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
)

// goByMessages has the collectives of tests go by messages, until what it gives is called.
func goByMessages() (restore func()) {
	before := byMessages
	byMessages = true
	return func() { byMessages = before }
}

// TestByMessages runs the tests of collectives, and those with collectives in them, by messages.
func TestByMessages(t *testing.T) {
	defer goByMessages()()
	for _, c := range []struct {
		name string
		test func(t *testing.T)
	}{
		{"BarrierBcast", TestBarrierBcast},
		{"Reductions", TestReductions},
		{"GatherScatter", TestGatherScatter},
		{"Alltoall", TestAlltoall},
		{"EveryOperation", TestEveryOperation},
		{"MinlocTies", TestMinlocTies},
		{"PairsAtTheEndOfMemory", TestPairsAtTheEndOfMemory},
		{"TruncatedCollective", TestTruncatedCollective},
		{"SlotLengths", TestSlotLengths},
		{"ReductionsHaveTheBitsOfRankOrder", TestReductionsHaveTheBitsOfRankOrder},
		{"Intercommunicators", TestIntercommunicators},
		{"IntercommReduceByTheProgram", TestIntercommReduceByTheProgram},
		{"IntercommRoots", TestIntercommRoots},
		{"Neighbours", TestNeighbours},
		{"NeighboursOfNobody", TestNeighboursOfNobody},
		{"UserOperation", TestUserOperation},
		{"LargeUserOp", TestLargeUserOp},
		{"TrapInOperation", TestTrapInOperation},
		{"OperationInOperation", TestOperationInOperation},
		{"UnwindingOutOfCallbacks", TestUnwindingOutOfCallbacks},
		{"ProgramReducesFarBytes", TestProgramReducesFarBytes},
		{"NothingOutside", TestNothingOutside},
		{"PersistentOrder", TestPersistentOrder},
		{"PersistentInPlace", TestPersistentInPlace},
		{"PersistentCollectivesBeginAnew", TestPersistentCollectivesBeginAnew},
		{"RightRoots", TestRightRoots},
		{"DisconnectWaits", TestDisconnectWaits},
		{"Deadlock", TestDeadlock},
		{"Stats", TestStats},
		{"Soak", TestSoak},
		{"RandomPrograms", TestRandomPrograms},
		{"RandomProgramsBrokenOff", TestRandomProgramsBrokenOff},
		{"BrokenOff", TestBrokenOff},
		{"AskedAtAnyTime", TestAskedAtAnyTime},
		{"RandomProgramsReloaded", TestRandomProgramsReloaded},
	} {
		t.Run(c.name, c.test)
	}
}

// TestProgressInOtherCalls: a collective goes on in whatever call its rank waits, and where it polls for something
// else. Rank 0 is in the middle of the barrier when it waits for the last rank, which sends only after its end.
func TestProgressInOtherCalls(t *testing.T) {
	defer goByMessages()()
	for _, how := range []string{"Recv", "Probe", "Iprobe", "Test", "Waitany", "Barrier on another communicator"} {
		for _, n := range []int{2, 3, 5, 8} {
			t.Run(fmt.Sprint(how, " ", n), func(t *testing.T) {
				play(t, n, func(g *guest) {
					other := g.newcomm("Comm_split", tWorld, g.me%(n-1), 0) // ranks 0 and n-1 have one
					request, buf, flag, q := g.alloc(wordSize), g.alloc(4), g.ints(0), g.alloc(wordSize)
					g.must("Ibarrier", tWorld, request)
					switch {
					case g.me == n-1:
						g.must("Wait", request, 0)
						if strings.HasPrefix(how, "Barrier") {
							g.must("Barrier", other)
						} else {
							g.must("Send", buf, 1, tInt, 0, 1, tWorld)
						}
					case g.me == 0:
						switch how {
						case "Recv":
							g.must("Recv", buf, 1, tInt, n-1, 1, tWorld, 0)
						case "Probe":
							g.must("Probe", n-1, 1, tWorld, 0)
						case "Iprobe":
							for g.int(flag, 0) == 0 {
								g.must("Iprobe", n-1, 1, tWorld, flag, 0)
							}
						case "Test":
							g.must("Irecv", buf, 1, tInt, n-1, 1, tWorld, q)
							for g.int(flag, 0) == 0 {
								g.must("Test", q, flag, 0)
							}
						case "Waitany":
							g.must("Irecv", buf, 1, tInt, n-1, 1, tWorld, q)
							g.must("Waitany", 1, q, flag, 0)
						default:
							g.must("Barrier", other)
						}
						if strings.HasSuffix(how, "robe") {
							g.must("Recv", buf, 1, tInt, n-1, 1, tWorld, 0)
						}
						fallthrough
					default:
						g.must("Wait", request, 0)
					}
				})
			})
		}
	}
}

// TestStartsAhead: roots of persistent collectives start them again and again while others have not begun, whose
// messages come early; members wait for them in any order, in the middle of other collectives, on as many processors as
// there are and on none. Nobody waits for ever, and nobody has another start's data.
func TestStartsAhead(t *testing.T) {
	defer goByMessages()()
	rounds := 60
	if testing.Short() {
		rounds = 10
	}
	for _, cores := range []int{0, runtime.NumCPU()} {
		for _, every := range []ResumeEvery{{}, {every: 1}, {random: true, seed: 5}} {
			t.Run(fmt.Sprint(cores, " ", every), func(t *testing.T) {
				defer breaks(every)()
				for i, err := range outcomeIn(t, WorldConfig{Size: 6, Cores: cores}, guestMemory, func(g *guest) {
					g.must("Init", 0, 0)
					g.startsAhead(rounds)
					g.must("Finalize")
				}) {
					if err != nil {
						t.Errorf("rank %d: %v", i, err)
					}
				}
			})
		}
	}
}

func (g *guest) startsAhead(rounds int) {
	const n = 4 // persistent requests: two broadcasts, a sum, a barrier
	rng := rand.New(rand.NewPCG(9, uint64(g.me)))
	sizes := []int{1, 5000} // one that comes before its receive, one that waits for it
	requests, others, out := g.alloc(n*wordSize), g.alloc(2*wordSize), g.alloc(64)
	bufs := [2]uint32{g.alloc(4 * sizes[0]), g.alloc(4 * sizes[1])}
	in, sum, part := g.alloc(4), g.alloc(4), g.alloc(4)
	for i, buf := range bufs {
		g.must("Bcast_init", buf, sizes[i], tInt, i, tWorld, infoNull, requests+uint32(i*wordSize))
	}
	g.must("Allreduce_init", in, sum, 1, tInt, tSum, tWorld, infoNull, requests+2*wordSize)
	g.must("Barrier_init", tWorld, infoNull, requests+3*wordSize)
	for round := range rounds {
		order := rng.Perm(n)
		g.setInt(in, 0, round+g.me)
		for i, buf := range bufs {
			if g.me == i {
				for j := range sizes[i] {
					g.setInt(buf, j, round+j)
				}
			}
		}
		for _, i := range order {
			for range rng.IntN(3) {
				runtime.Gosched()
			}
			g.must("Start", requests+uint32(i*wordSize))
		}
		g.must("Iallreduce", in, part, 1, tInt, tMax, tWorld, others)
		switch rng.IntN(3) {
		case 0:
			g.must("Waitall", n, requests, 0)
		case 1:
			for range n {
				g.must("Waitany", n, requests, out, 0)
			}
		case 2:
			for _, i := range rng.Perm(n) {
				g.must("Wait", requests+uint32(i*wordSize), 0)
			}
		}
		g.must("Wait", others, 0)
		want(g, "the first broadcast", g.int(bufs[0], 0), round)
		want(g, "the second broadcast", g.int(bufs[1], sizes[1]-1), round+sizes[1]-1)
		want(g, "the sum", g.int(sum, 0), 6*round+15)
		want(g, "the greatest", g.int(part, 0), round+5)
	}
	for i := range uint32(n) {
		g.must("Request_free", requests+i*wordSize)
	}
}

// TestApartFromTheProgram: messages of collectives are none that a program's wildcards receive or see.
func TestApartFromTheProgram(t *testing.T) {
	defer goByMessages()()
	play(t, 4, func(g *guest) {
		buf, request, flag, ready := g.ints(g.me, 0), g.alloc(wordSize), g.ints(0), g.alloc(4)
		if g.me > 0 {
			g.must("Igather", buf, 1, tInt, 0, 0, tInt, 0, tWorld, request)
			g.must("Send", ready, 1, tInt, 0, 1, tWorld)
		} else {
			all := g.alloc(16)
			for range 3 { // they are there, and so are those of the collective
				g.must("Recv", ready, 1, tInt, tAnySource, tAnyTag, tWorld, 0)
			}
			g.must("Iprobe", tAnySource, tAnyTag, tWorld, flag, 0)
			want(g, "a message is there", g.int(flag, 0), 0)
			g.must("Igather", buf, 1, tInt, all, 1, tInt, 0, tWorld, request)
			defer func() { want(g, "the last block", g.int(all, 3), 3) }()
		}
		g.must("Wait", request, 0)
	})
}

// TestMemoryOfPlans: a rank keeps the memory of a plan for the next, but not what is much.
func TestMemoryOfPlans(t *testing.T) {
	var all requests
	all.keepScratch(make([]byte, keptScratch+1))
	want := func(what string, got, wanted int) {
		if t.Helper(); got != wanted {
			t.Errorf("%s: %d bytes, want %d", what, got, wanted)
		}
	}
	want("more than is kept", cap(all.scratch), 0)
	all.keepScratch(make([]byte, 100))
	all.keepScratch(make([]byte, 50))
	want("the larger one", cap(all.scratch), 100)
	want("taken", len(all.takeScratch(60)), 60)
	want("it is gone", cap(all.scratch), 0)
	all.keepScratch(make([]byte, 100))
	want("more than is there", len(all.takeScratch(200)), 200)
	want("which stays", cap(all.scratch), 100)
}

// TestKeptPlans: a rank keeps what collectives have had, but not of many, nor of large ones.
func TestKeptPlans(t *testing.T) {
	var all requests
	for range 2 * keptPlans {
		all.keepPlan(new(scheduled))
	}
	if len(all.plans) != keptPlans {
		t.Errorf("%d are kept", len(all.plans))
	}
	all.plans = nil
	all.keepPlan(&scheduled{under: make([]*request, 0, keptUnder+1)})
	all.keepPlan(&scheduled{own: part{recv: blocks{counts: make([]int64, keptUnder+1)}}})
	if len(all.plans) != 0 {
		t.Error("a large one is kept")
	}
	p := part{kind: collAlltoallv, recv: blocks{counts: []int64{1, 2}, displs: []int64{3, 4}}}
	all.keepPlan(&scheduled{own: p, round: 3, failure: failf(errOther, "")})
	s := all.takePlan()
	counts := s.own.recv.counts
	if len(all.plans) != 0 || s.round != 0 || s.failure != nil || len(counts) != 0 || cap(counts) != 2 {
		t.Errorf("taken: %+v", s)
	}
}

// TestByMessagesAllocatesNothing, once ranks have done some.
func TestByMessagesAllocatesNothing(t *testing.T) {
	defer breaks(ResumeEvery{})() // which allocates
	defer goByMessages()()
	if r := testing.Benchmark(func(b *testing.B) {
		together(b, 2, 1<<20, func(g *guest) func() {
			buf := g.alloc(1000)
			sum := g.prepared("Allreduce", buf, buf+500, 10, tDouble, tSum, tWorld)
			bcast := g.prepared("Bcast", buf, 10, tDouble, 1, tWorld)
			barrier := g.prepared("Barrier", tWorld)
			return func() { sum(); bcast(); barrier() }
		})
	}); r.AllocsPerOp() > 0 {
		t.Errorf("%d allocations and %d bytes an operation", r.AllocsPerOp(), r.AllocedBytesPerOp())
	}
}

// TestReloadOfScheduled reloads a rank in the middle of a collective by messages, and others that it has begun go on,
// too.
func TestReloadOfScheduled(t *testing.T) {
	defer goByMessages()()
	for name, waits := range map[string]func(g *guest, buf, out uint32){
		"Bcast":     func(g *guest, buf, out uint32) { g.must("Bcast", buf, 9000, tInt, 1, tWorld) },
		"Barrier":   func(g *guest, buf, out uint32) { g.must("Barrier", tWorld) },
		"Allreduce": func(g *guest, buf, out uint32) { g.must("Allreduce", buf, out, 9000, tInt, tSum, tWorld) },
		"by the program": func(g *guest, buf, out uint32) {
			g.table[7] = func(args ...uint64) {}
			op := g.made("Op_create", 7, 0)
			g.must("Reduce", buf, out, 3, tInt, op, 0, tWorld)
			want(g, "the last one's", g.int(out, 1), []int{3, g.int(out, 1)}[min(g.me, 1)])
		},
		"a persistent one": func(g *guest, buf, out uint32) {
			request := g.alloc(wordSize)
			g.must("Alltoall_init", buf, 2, tInt, out, 2, tInt, tWorld, infoNull, request)
			for range 3 {
				g.must("Start", request)
				g.must("Wait", request, 0)
				want(g, "the last block", g.int(out, 5), 2*g.me+1+2)
			}
			g.must("Request_free", request)
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer breaks(never)()
			play(t, 3, func(g *guest) {
				buf, out, sum, request := g.alloc(40000), g.alloc(40000), g.alloc(4), g.alloc(wordSize)
				for i := range 9000 {
					g.setInt(buf, i, g.me+i)
				}
				g.must("Iallreduce", g.ints(g.me), sum, 1, tInt, tSum, tWorld, request)
				if g.me == 0 {
					waits(g, buf, out)
					if g.thread.resume.reloaded == 0 {
						t.Error("the rank was not reloaded")
					}
				} else {
					zero := &g.rank.world.ranks[0].main
					if g.me == 1 {
						g.waitParked(0)
						zero.Suspend()
						g.waitUntil("it is broken off", func() bool { return !zero.toSuspend.Load() })
						g.waitParked(0)
					}
					waits(g, buf, out)
				}
				g.must("Wait", request, 0)
				want(g, "the sum", g.int(sum, 0), 3)
			})
		})
	}
}

// TestThreadsGoOnForEachOther: a thread that waits for something else goes on with a collective by messages that
// another one has begun, which then waits outside MPI for the first.
func TestThreadsGoOnForEachOther(t *testing.T) {
	defer goByMessages()()
	const rounds = 50
	begun, over := make(chan bool), make(chan bool)
	checkEnds(t, threads(t, 3, 2, nil, func(g *guest, number int) {
		buf, request := g.alloc(4), g.alloc(wordSize)
		for range rounds {
			switch {
			case g.me == 0 && number == 0: // waits before the barrier has begun
				g.must("Irecv", buf, 1, tInt, 2, 1, tWorld, request)
				begun <- true
				g.must("Wait", request, 0)
				over <- true
			case g.me == 0:
				<-begun
				g.waitUntil("the other thread waits", func() bool { return g.rank.main.parked.Load() })
				g.must("Ibarrier", tWorld, request)
				<-over
				g.must("Wait", request, 0)
			case number == 0:
				g.must("Barrier", tWorld)
				if g.me == 2 {
					g.must("Send", buf, 1, tInt, 0, 1, tWorld)
				}
			}
		}
	}))
}

// TestThreadsReduceByTheProgram: threads of a rank begin and wait for collectives whose operation is the program's,
// which runs without the rank's lock, each on a communicator of its own, while others go on with all of them.
func TestThreadsReduceByTheProgram(t *testing.T) {
	defer goByMessages()()
	const n, each, rounds = 3, 3, 60
	checkEnds(t, threads(t, n, each, func(g *guest) {
		for i := range uint32(each) {
			g.setWord(soakCell, int(i), int(g.newcomm("Comm_dup", tWorld)))
		}
		g.must("Op_create", 7, 1, soakCell+each*wordSize)
	}, func(g *guest, number int) {
		g.table = map[uint32]func(args ...uint64){7: func(args ...uint64) {
			runtime.Gosched()
			in, inout := uint32(args[0]), uint32(args[1])
			g.setInt(inout, 0, g.int(in, 0)+g.int(inout, 0))
		}}
		in, out, request := g.alloc(4), g.alloc(4), g.alloc(wordSize)
		c, op := g.word(soakCell, number), g.word(soakCell, each)
		for round := range rounds {
			g.setInt(in, 0, g.me+round)
			g.must("Iallreduce", in, out, 1, tInt, op, c, request)
			g.must("Wait", request, 0)
			want(g, "the sum", g.int(out, 0), 3+n*round)
		}
	}))
}
