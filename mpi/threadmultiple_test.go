package mpi

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// threads runs a program on so many threads of each of n ranks at once, by MPI_THREAD_MULTIPLE. Its main threads
// prepare what it needs, and end MPI when all are through.
func threads(t *testing.T, n, each int, prepare func(g *guest), program func(g *guest, number int)) []error {
	t.Helper()
	return outcomeIn(t, WorldConfig{Size: n, Cores: runtime.NumCPU()}, (each+2)<<19, func(g *guest) {
		level := g.ints(0)
		g.must("Init_thread", 0, 0, threadMultiple, level)
		want(g, "level", g.int(level, 0), threadMultiple)
		at := g.words(0) // memory that MPI takes later for callbacks, before the others' view of it is made
		g.must("Alloc_mem", 64, infoNull, at)
		g.must("Free_mem", g.word(at, 0))
		if prepare != nil {
			prepare(g)
		}
		var all sync.WaitGroup
		ends := make([]any, each)
		for i := 1; i < each; i++ {
			other := g.another(i)
			all.Go(func() {
				ends[i] = other.run(func(g *guest) { program(g, i) })
				if ends[i] != nil {
					g.rank.End(fmt.Errorf("%v", ends[i]))
				}
			})
		}
		func() {
			defer func() { ends[0] = recover() }()
			program(g, 0)
		}()
		if ends[0] != nil {
			g.rank.End(fmt.Errorf("%v", ends[0]))
		}
		all.Wait()
		for _, end := range ends { // the cause, not its consequences
			if e, ok := end.(error); ok && errors.As(e, new(*AbortError)) {
				panic(e)
			}
		}
		for _, end := range ends {
			if end != nil {
				panic(end)
			}
		}
		g.must("Finalize")
	})
}

// checkEnds fails the test for a rank that did not end well.
func checkEnds(t *testing.T, ends []error) {
	t.Helper()
	for i, err := range ends {
		if err != nil {
			t.Errorf("rank %d: %v", i, err)
		}
	}
}

// Threads of two ranks pass messages of all sizes in pairs, each pair by its tag, in all ways at once.
func TestThreadsPassMessages(t *testing.T) {
	const each, rounds, largest = 4, 60, 40_000
	checkEnds(t, threads(t, 2, each, nil, func(g *guest, number int) {
		to, request, out, in := 1-g.me, g.words(0, 0), g.alloc(largest), g.alloc(largest)
		for round := range rounds {
			size := []int{4, 100, 5000, largest}[round%4]
			g.setInt(out, 0, round*10+number)
			switch round / 4 % 5 {
			case 0:
				g.must("Sendrecv", out, size, tByte, to, number, in, size, tByte, to, number, tWorld, tIgnore)
			case 1:
				g.must("Irecv", in, size, tByte, to, number, tWorld, request)
				g.must("Send", out, size, tByte, to, number, tWorld)
				g.must("Wait", request, tIgnore)
			case 2:
				g.must("Isend", out, size, tByte, to, number, tWorld, request)
				g.must("Recv", in, size, tByte, to, number, tWorld, tIgnore)
				g.must("Wait", request, tIgnore)
			case 3:
				g.must("Isend", out, size, tByte, to, number, tWorld, request)
				g.must("Irecv", in, size, tByte, to, number, tWorld, request+wordSize)
				g.must("Waitall", 2, request, tIgnore)
			case 4:
				g.must("Isend", out, size, tByte, to, number, tWorld, request)
				g.must("Probe", to, number, tWorld, tIgnore)
				flag := g.ints(0)
				g.must("Irecv", in, size, tByte, to, number, tWorld, request+wordSize)
				for g.int(flag, 0) == 0 {
					g.must("Testall", 2, request, flag, tIgnore)
				}
			}
			want(g, "the partner's", g.int(in, 0), round*10+number)
		}
	}))
}

// Each message that threads find by matched probes comes to one of them, whole.
func TestThreadsProbe(t *testing.T) {
	const each, messages = 4, 200
	var mu sync.Mutex
	got := map[int]int{}
	checkEnds(t, threads(t, 2, each, nil, func(g *guest, number int) {
		buf := g.alloc(2 * 4 * messages)
		if g.me == 0 {
			for i := range messages { // of different lengths: message i has i+1 ints
				g.setInt(buf, 0, number*messages+i)
				g.setInt(buf, i, number*messages+i)
				g.must("Send", buf, i+1, tInt, 1, 7, tWorld)
			}
			return
		}
		message, status, count, flag := g.words(0), g.alloc(statusSize), g.ints(0), g.ints(0)
		for i := range messages {
			if i%2 == 0 {
				g.must("Mprobe", tAnySource, 7, tWorld, message, status)
			} else {
				for g.setInt(flag, 0, 0); g.int(flag, 0) == 0; {
					g.must("Improbe", tAnySource, 7, tWorld, flag, message, status)
				}
			}
			g.must("Get_count", status, tInt, count)
			n := g.int(count, 0)
			g.must("Mrecv", buf, n, tInt, message, status)
			mu.Lock()
			got[g.int(buf, 0)]++
			mu.Unlock()
			if g.int(buf, 0)%messages != n-1 || g.int(buf, n-1) != g.int(buf, 0) {
				t.Errorf("a message of %d ints begins with %d and ends with %d", n, g.int(buf, 0), g.int(buf, n-1))
			}
		}
	}))
	if len(got) != each*messages {
		t.Errorf("%d different messages of %d came", len(got), each*messages)
	}
}

// Threads are in collectives on communicators of their own at once, small and large, blocking and not, and make more.
func TestThreadsCollectives(t *testing.T) {
	const n, each, rounds, large = 3, 3, 25, 20_000
	comms := [n][each]uint32{}
	checkEnds(t, threads(t, n, each, func(g *guest) {
		for i := range each {
			out := g.words(0)
			g.must("Comm_dup", tWorld, out)
			comms[g.me][i] = uint32(g.word(out, 0))
		}
	}, func(g *guest, number int) {
		c := comms[g.me][number]
		in, out, request := g.alloc(4*large), g.alloc(4*large), g.words(0)
		for round := range rounds {
			count := 1
			if round%3 == 0 {
				count = large
			}
			for i := range count {
				g.setInt(in, i, g.me+round+number)
			}
			g.must("Allreduce", in, out, count, tInt, tSum, c)
			want(g, "the sum", g.int(out, count-1), n*(round+number)+n*(n-1)/2)
			g.must("Iallreduce", in, out, 1, tInt, tMax, c, request)
			g.must("Barrier", c)
			g.must("Wait", request, tIgnore)
			want(g, "the largest", g.int(out, 0), n-1+round+number)
			g.must("Bcast", out, count, tInt, round%n, c)
		}
		more := g.words(0)
		for range 5 {
			g.must("Comm_dup", c, more)
			g.must("Barrier", g.word(more, 0))
			g.must("Comm_free", more)
		}
	}))
}

// A request that one thread has made another waits for, whichever completes it: the other rank, or a thread that ends a
// generalized request or cancels.
func TestThreadsShareRequests(t *testing.T) {
	const rounds = 50
	var request [2]uint32
	start, through := make(chan string), make(chan bool)
	checkEnds(t, threads(t, 2, 2, func(g *guest) {
		request[g.me] = g.words(0)
		g.results[1] = func(...uint64) int32 { return success }
	}, func(g *guest, number int) {
		if g.me == 1 {
			if number == 0 {
				for i := range 2 * rounds {
					g.must("Send", g.ints(i), 1, tInt, 0, 3, tWorld)
				}
			}
			return
		}
		at := request[0]
		if number == 0 {
			for i := range rounds {
				in := g.ints(0)
				for round, how := range []string{"Wait", "Test"} {
					g.must("Irecv", in, 1, tInt, 1, 3, tWorld, at)
					start <- how
					<-through
					want(g, "the message", g.int(in, 0), 2*i+round)
				}
				g.must("Grequest_start", 1, 1, 1, 0, at)
				handle := g.word(at, 0)
				start <- "Wait"
				g.must("Grequest_complete", handle)
				<-through
				g.must("Irecv", in, 1, tInt, 1, 4, tWorld, at)
				start <- "Wait"
				other := g.words(g.word(at, 0))
				g.must("Cancel", other)
				<-through
			}
			close(start)
			return
		}
		g.results[1] = func(...uint64) int32 { return success }
		flag := g.ints(0)
		for how := range start {
			if how == "Wait" {
				g.must("Wait", at, tIgnore)
			}
			for g.setInt(flag, 0, 0); how == "Test" && g.int(flag, 0) == 0; {
				g.must("Test", at, flag, tIgnore)
			}
			want(g, "the request", g.word(at, 0), requestNull)
			through <- true
		}
	}))
}

// Two threads that wait for one request, which no program may do: one has it, the other an error.
func TestThreadsWaitForOneRequest(t *testing.T) {
	var request uint32
	var mu sync.Mutex
	codes := map[string]int{}
	checkEnds(t, threads(t, 2, 3, func(g *guest) {
		g.must("Comm_set_errhandler", tWorld, errorsReturn)
		if g.me == 0 {
			request = g.words(0)
			g.must("Irecv", g.alloc(4), 1, tInt, 1, 3, tWorld, request)
		}
	}, func(g *guest, number int) {
		switch {
		case g.me == 1 && number == 0:
			g.waitUntil("both wait", func() bool { return g.rank.world.blocked.Load() >= 2 })
			g.must("Send", g.alloc(4), 1, tInt, 0, 3, tWorld)
		case g.me == 0 && number > 0:
			own := g.words(g.word(request, 0))
			code := g.call("Wait", own, tIgnore)
			mu.Lock()
			codes[className(code)]++
			mu.Unlock()
		}
	}))
	if codes["MPI_SUCCESS"] != 1 || codes["MPI_ERR_REQUEST"] != 1 {
		t.Errorf("the calls ended with %v", codes)
	}
}

// What MPI calls back runs on the thread that called, while another thread waits in MPI; and a function that is called
// back may wait for another thread that calls MPI.
func TestThreadsAreCalledBack(t *testing.T) {
	here, there := make(chan bool), make(chan bool)
	checkEnds(t, threads(t, 2, 2, nil, func(g *guest, number int) {
		buf := g.alloc(4)
		if number == 0 {
			<-here // the other is in its function
			g.must("Sendrecv", buf, 1, tInt, 1-g.me, 1, g.alloc(4), 1, tInt, 1-g.me, 1, tWorld, tIgnore)
			there <- true
			g.must("Recv", buf, 1, tInt, 1-g.me, 2, tWorld, tIgnore)
			return
		}
		key := g.alloc(4)
		called := 0
		g.results[7] = func(...uint64) int32 {
			called++
			here <- true
			<-there
			return success
		}
		g.must("Comm_create_keyval", 0, 7, key, 0)
		g.must("Comm_set_attr", tSelf, g.int(key, 0), 1)
		g.must("Comm_delete_attr", tSelf, g.int(key, 0))
		want(g, "calls", called, 1)
		g.must("Send", buf, 1, tInt, 1-g.me, 2, tWorld)
	}))
}

// Threads that all wait are a deadlock, of which each thread is told; two in collectives on one communicator a mistake.
func TestThreadsThatCannotGoOn(t *testing.T) {
	ends := threads(t, 2, 2, nil, func(g *guest, number int) {
		if g.me == 0 {
			g.must("Recv", g.alloc(4), 1, tInt, 1, number, tWorld, tIgnore)
		} else {
			g.must("Barrier", []uint32{tWorld, tSelf}[number])
		}
	})
	var dead *DeadlockError
	if !errors.As(ends[0], &dead) || dead.Waiting[0] != "thread 0: MPI_Recv from rank 1, tag 0, MPI_COMM_WORLD; "+
		"thread 1: MPI_Recv from rank 1, tag 1, MPI_COMM_WORLD" ||
		dead.Waiting[1] != "MPI_Barrier on MPI_COMM_WORLD" {
		t.Errorf("%v", ends[0])
	}
	inSharedMemory(t) // by messages two threads that are in one collective are not found out
	ends = threads(t, 2, 3, nil, func(g *guest, number int) {
		switch {
		case g.me == 1 && number == 0: // stays away
			<-g.rank.Done()
			g.thread.CheckEnded()
		case g.me == 0 && number > 0:
			g.must("Barrier", tWorld)
		}
	})
	var abort *AbortError
	if !errors.As(ends[0], &abort) || !strings.Contains(abort.Message, "is in MPI_Barrier on it: collectives on one "+
		"communicator must not be called by two threads at once") {
		t.Errorf("%v", ends[0])
	}
}
