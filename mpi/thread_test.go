package mpi

import (
	"errors"
	"strings"
	"testing"
)

// another is a further thread of a guest's rank, over the same memory, with functions of its own. It takes from memory
// behind the first 512 KiB.
func (g *guest) another(number int) *guest {
	other := &guest{t: g.t, rank: g.rank, me: g.me, n: g.n, mem: g.mem, top: uint32(number) << 19,
		table: map[uint32]func(...uint64){}, results: map[uint32]func(...uint64) int32{}}
	other.thread = g.rank.NewThread(number, other)
	return other
}

// run runs what another thread does, and gives what it ended with.
func (g *guest) run(program func(g *guest)) (end any) {
	done := make(chan any)
	go func() {
		defer func() { done <- recover() }()
		program(g)
		g.thread.Retire()
	}()
	return <-done
}

// Threads that take turns may all call MPI, and what it calls back runs in the one that called.
func TestThreadsInTurn(t *testing.T) {
	for i, err := range outcome(t, 2, func(g *guest) {
		level := g.ints(0)
		g.must("Init_thread", 0, 0, threadSerialized, level)
		want(g, "level", g.int(level, 0), threadSerialized)
		other := g.another(1)
		called := 0
		end := other.run(func(other *guest) {
			flag := other.ints(0, 0)
			other.must("Is_thread_main", flag)
			want(other, "main", other.int(flag, 0), 0)
			other.must("Sendrecv", other.ints(g.me), 1, tInt, 1-g.me, 0, flag, 1, tInt, 1-g.me, 0, tWorld, tIgnore)
			want(other, "the other's rank", other.int(flag, 0), 1-g.me)
			key, at := other.alloc(4), uint32(7)
			other.results[at] = func(...uint64) int32 { called++; return success }
			g.results[at] = func(...uint64) int32 { t.Error("the main thread was called back"); return success }
			other.must("Comm_create_keyval", 0, at, key, 0)
			other.must("Comm_set_attr", tSelf, other.int(key, 0), 1)
			other.must("Comm_delete_attr", tSelf, other.int(key, 0))
		})
		if end != nil || called != 1 {
			t.Errorf("the thread ended with %v, called back %d times", end, called)
		}
		flag := g.ints(0)
		g.must("Is_thread_main", flag)
		want(g, "main", g.int(flag, 0), 1)
		g.must("Barrier", tWorld)
		g.must("Finalize")
	}) {
		if err != nil {
			t.Errorf("rank %d: %v", i, err)
		}
	}
}

// Threads that don't take turns, or that may not call at all, end their rank with a text that names the thread. What
// any thread may call at any time it may.
func TestThreadsOutOfTurn(t *testing.T) {
	for _, c := range []struct {
		name  string
		level int
		busy  bool // the main thread is in MPI_Recv
		call  func(g *guest)
		want  string
	}{
		{"beside another", threadSerialized, true, func(g *guest) { g.must("Barrier", tWorld) },
			"rank 0, thread 1: MPI_Barrier: called while thread 0 is in MPI_Recv: MPI_Init_thread did not give " +
				"MPI_THREAD_MULTIPLE"},
		{"funneled", threadFunneled, false, func(g *guest) { g.must("Barrier", tWorld) },
			"rank 0, thread 1: MPI_Barrier: called by a thread that did not initialize MPI"},
		{"at any time", threadFunneled, true, func(g *guest) {
			flag := g.ints(0, 0)
			g.must("Initialized", flag)
			g.must("Query_thread", flag+4)
			if g.int(flag, 0) != 1 || g.int(flag, 1) != threadFunneled || g.raw("Wtime") == 0 {
				t.Errorf("initialized %d, level %d", g.int(flag, 0), g.int(flag, 1))
			}
			g.must("Abort", tWorld, 3)
		}, "rank 0, thread 1: MPI_Abort: called with MPI_COMM_WORLD and code 3"},
	} {
		ends := outcome(t, 2, func(g *guest) {
			g.must("Init_thread", 0, 0, c.level, g.ints(0))
			if g.me == 1 { // stays away
				<-g.rank.Done()
				g.thread.CheckEnded()
			}
			other, end := g.another(1), make(chan any, 1)
			go func() {
				for c.busy && !g.rank.endpoint.Asleep() { // main comes to wait
				}
				end <- other.run(c.call)
				g.rank.End(errEndOfThread)
			}()
			if c.busy {
				func() {
					defer func() { recover() }()
					g.must("Recv", g.alloc(4), 1, tInt, 1, 0, tWorld, tIgnore)
				}()
			}
			panic(<-end)
		})
		var abort *AbortError
		if !errors.As(ends[0], &abort) || abort.Thread != 1 || !strings.Contains(abort.Message, c.want) {
			t.Errorf("%s: %v", c.name, ends[0])
		}
	}
}

var errEndOfThread = errors.New("a thread has ended its rank")

// The end of one rank ends its threads' calls and no other rank's.
func TestEndOfOneRank(t *testing.T) {
	ends := outcome(t, 2, func(g *guest) {
		g.must("Init", 0, 0)
		if g.me == 1 {
			func() {
				defer func() {
					if e, ok := recover().(*Ended); !ok || e.Cause != errEndOfThread {
						t.Errorf("the call ended with %v", e)
					}
				}()
				go g.rank.End(errEndOfThread)
				g.must("Recv", g.alloc(4), 1, tInt, 0, 0, tWorld, tIgnore)
			}()
			return
		}
		<-g.rank.world.ranks[1].Done()
		g.must("Comm_rank", tWorld, g.alloc(4))
	})
	if ends[0] != nil || ends[1] != nil {
		t.Errorf("%v", ends)
	}
}

// A rank waits when all its threads do: in MPI, or outside it.
func TestDeadlockOfThreads(t *testing.T) {
	ends := outcome(t, 2, func(g *guest) {
		g.must("Init_thread", 0, 0, threadSerialized, g.ints(0))
		if g.me == 0 {
			g.must("Recv", g.alloc(4), 1, tInt, 1, 7, tWorld, tIgnore)
		}
		waits := make(chan struct{})
		for i := 1; i <= 2; i++ {
			go g.another(i).run(func(other *guest) {
				if i == 1 {
					waits <- struct{}{} // and ends
					return
				}
				other.thread.Count(true)
				other.thread.Settle()
				waits <- struct{}{}
				<-g.rank.Done()
				other.thread.Count(false)
			})
		}
		<-waits
		<-waits
		if e := g.rank.ended.Load(); e != nil {
			t.Errorf("ended while the main thread computes: %v", e)
		}
		g.must("Recv", g.alloc(4), 1, tInt, 0, 8, tWorld, tIgnore)
	})
	var dead *DeadlockError
	if !errors.As(ends[0], &dead) || dead.Waiting[0] != "MPI_Recv from rank 1, tag 7, MPI_COMM_WORLD" ||
		dead.Waiting[1] != "thread 0: MPI_Recv from rank 0, tag 8, MPI_COMM_WORLD; "+
			"thread 2: waiting for another thread of its own" {
		t.Errorf("%v", ends[0])
	}
}

// A rank whose main thread has finalized goes on, though its other threads wait for what that does next.
func TestFinalizedBeforeOthers(t *testing.T) {
	for i, err := range outcome(t, 2, func(g *guest) {
		g.must("Init_thread", 0, 0, threadFunneled, g.ints(0))
		other := g.another(1)
		other.thread.Count(true)
		other.thread.Settle()
		g.must("Finalize")
		g.thread.CheckEnded() // as each of its calls of the host does
		other.thread.Count(false)
		if end := other.run(func(*guest) {}); end != nil {
			t.Errorf("rank %d: its thread ended with %v", g.me, end)
		}
	}) {
		if err != nil {
			t.Errorf("rank %d: %v", i, err)
		}
	}
}
