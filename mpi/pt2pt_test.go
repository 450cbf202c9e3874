package mpi

import (
	"errors"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/mpi/transport"
)

// TestRing sends a token round the ring, in every size class of messages.
func TestRing(t *testing.T) {
	onAllSizes(t, func(g *guest) {
		for _, n := range []int{0, 1, 3, 1000, transport.EagerLimit / 4, transport.EagerLimit/4 + 1, 20000} {
			g.top = 1024
			out, in, st := g.alloc(4*n), g.alloc(4*n+4), g.alloc(statusSize)
			for i := range n {
				g.setInt(out, i, g.me*1000+i)
			}
			left, right := (g.me+g.n-1)%g.n, (g.me+1)%g.n
			g.must("Sendrecv", out, n, tInt, right, 7, in, n+1, tInt, left, 7, tWorld, st)
			for i := range n {
				if g.int(in, i) != left*1000+i {
					g.t.Fatalf("rank %d: element %d of %d is %d", g.me, i, n, g.int(in, i))
				}
			}
			count := g.alloc(4)
			g.must("Get_count", st, tInt, count)
			want(g, "count", g.int(count, 0), n)
			want(g, "source", g.int(st, 0), left)
			want(g, "tag", g.int(st, 1), 7)
		}
	})
}

// TestOrder checks that messages of one sender do not overtake each other, whatever their size and the receive's form.
func TestOrder(t *testing.T) {
	play(t, 2, func(g *guest) {
		const messages = 200
		buf, st := g.alloc(80000), g.alloc(statusSize)
		if g.me == 0 {
			for i := range messages {
				g.setInt(buf, 0, i)
				g.must("Send", buf, 1+i%3*9000, tInt, 1, i%2, tWorld)
			}
			return
		}
		last := [2]int{-1, -1}
		for i := range messages {
			source, tag := []int32{0, tAnySource}[i%2], []int32{tAnyTag, int32(i % 2)}[i/100]
			g.must("Recv", buf, 20000, tInt, source, tag, tWorld, st)
			got, tag := g.int(buf, 0), int32(g.int(st, 1))
			if got <= last[tag] {
				t.Errorf("message %d of tag %d came after %d", got, tag, last[tag])
			}
			last[tag] = got
		}
	})
}

// TestExchanges has two ranks exchange small messages past others that are in their way: posted receives and messages
// of other tags, and messages that are longer than their receive.
func TestExchanges(t *testing.T) {
	play(t, 2, func(g *guest) {
		peer := 1 - g.me
		out, in, other, st := g.ints(0, 0), g.ints(0, 0), g.ints(0), g.alloc(statusSize)
		request := g.alloc(wordSize)
		g.must("Comm_set_errhandler", tWorld, errorsReturn)
		for i := range 3000 {
			g.setInt(out, 0, 10*i+g.me)
			wait := ""
			switch i % 5 {
			case 1: // a message that nobody has asked for yet
				g.must("Send", out, 1, tInt, peer, 9, tWorld)
				wait = "message"
			case 2: // a receive that has to wait
				g.must("Irecv", other, 1, tInt, peer, 9, tWorld, request)
				wait = "receive"
			}
			source, tag := []int32{int32(peer), tAnySource}[i%2], []int32{3, tAnyTag}[i%7/6]
			if wait != "" {
				tag = 3
			}
			n, expect := 1, int32(success)
			if i%100 == 99 {
				n, expect = 2, errTruncate
			}
			want(g, "exchange", g.call("Sendrecv", out, n, tInt, peer, 3, in, 1, tInt, source, tag, tWorld, st), expect)
			want(g, "element", g.int(in, 0), 10*i+peer)
			want(g, "source", g.int(st, 0), peer)
			want(g, "tag", g.int(st, 1), 3)
			switch wait {
			case "message":
				g.must("Recv", other, 1, tInt, peer, 9, tWorld, 0)
			case "receive":
				g.must("Send", out, 1, tInt, peer, 9, tWorld)
				g.must("Wait", request, 0)
			}
			if wait != "" {
				want(g, "other message", g.int(other, 0), 10*i+peer)
			}
		}
	})
}

func TestNonblocking(t *testing.T) {
	onAllSizes(t, func(g *guest) {
		requests, statuses := g.alloc(2*wordSize*g.n), g.alloc(2*g.n*statusSize)
		in, out := g.alloc(4*g.n), g.alloc(4*g.n)
		for i := range g.n {
			g.must("Irecv", in+uint32(4*i), 1, tInt, i, 5, tWorld, requests+uint32(wordSize*i))
		}
		for i := range g.n {
			g.setInt(out, i, g.me*100+i)
			g.must("Isend", out+uint32(4*i), 1, tInt, i, 5, tWorld, requests+uint32(wordSize*(g.n+i)))
		}
		g.must("Waitall", 2*g.n, requests, statuses)
		for i := range g.n {
			want(g, "received", g.int(in, i), i*100+g.me)
			want(g, "source", g.int(statuses+uint32(i*statusSize), 0), i)
			want(g, "request", g.word(requests, i), requestNull)
		}
	})
}

func TestTest(t *testing.T) {
	play(t, 2, func(g *guest) {
		request, flag, buf, st := g.alloc(4), g.ints(7), g.ints(42), g.alloc(statusSize)
		if g.me == 0 {
			g.must("Recv", buf, 0, tInt, 1, 1, tWorld, tIgnore)
			g.must("Send", buf, 1, tInt, 1, 2, tWorld)
			return
		}
		g.setInt(buf, 0, 0)
		g.must("Irecv", buf, 1, tInt, 0, 2, tWorld, request)
		g.must("Test", request, flag, st)
		want(g, "flag", g.int(flag, 0), 0)
		g.must("Send", buf, 0, tInt, 0, 1, tWorld)
		for g.int(flag, 0) == 0 {
			g.must("Test", request, flag, st)
		}
		want(g, "received", g.int(buf, 0), 42)
		g.must("Test", request, flag, st)
		want(g, "flag of a null request", g.int(flag, 0), 1)
	})
}

func TestProbe(t *testing.T) {
	play(t, 3, func(g *guest) {
		buf, st, flag, count := g.ints(1, 2, 3), g.alloc(statusSize), g.ints(9), g.alloc(4)
		switch g.me {
		case 0:
			for range 2 {
				g.must("Probe", tAnySource, tAnyTag, tWorld, st)
				source, tag := g.int(st, 0), g.int(st, 1)
				want(g, "tag", tag, source*10)
				g.must("Get_count", st, tInt, count)
				want(g, "count", g.int(count, 0), source)
				g.must("Iprobe", source, tag, tWorld, flag, tIgnore)
				want(g, "flag", g.int(flag, 0), 1)
				g.must("Recv", buf, 3, tInt, source, tag, tWorld, tIgnore)
			}
			g.must("Iprobe", tAnySource, tAnyTag, tWorld, flag, tIgnore)
			want(g, "flag", g.int(flag, 0), 0)
		default:
			g.must("Send", buf, g.me, tInt, 0, g.me*10, tWorld)
		}
	})
}

func TestSelfAndNull(t *testing.T) {
	play(t, 1, func(g *guest) {
		a, b, st, request, flag := g.ints(5), g.ints(0), g.alloc(statusSize), g.alloc(4), g.alloc(4)
		g.must("Isend", a, 1, tInt, 0, 3, tSelf, request)
		g.must("Recv", b, 1, tInt, 0, 3, tSelf, st)
		g.must("Wait", request, tIgnore)
		want(g, "received from itself", g.int(b, 0), 5)
		g.must("Send", a, 1, tInt, tNull, 3, tWorld)
		g.must("Recv", b, 1, tInt, tNull, 3, tWorld, st)
		want(g, "source", g.int(st, 0), int(procNull))
		want(g, "tag", g.int(st, 1), int(anyTag))
		g.must("Iprobe", tNull, tAnyTag, tWorld, flag, st)
		want(g, "flag", g.int(flag, 0), 1)
		want(g, "buffer", g.int(b, 0), 5)
	})
}

// TestEagerBound sends more small messages than the pool holds. The sender must wait, and none may be lost.
func TestEagerBound(t *testing.T) {
	for i, err := range outcomeIn(t, WorldConfig{Size: 2, EagerBytes: 8 << 10}, guestMemory, func(g *guest) {
		g.must("Init", 0, 0)
		buf := g.alloc(2000)
		for i := range 100 {
			if g.me == 0 {
				g.setInt(buf, 0, i)
				g.must("Send", buf, 500, tInt, 1, i, tWorld)
			} else {
				g.must("Recv", buf, 500, tInt, 0, i, tWorld, tIgnore)
				want(g, "message", g.int(buf, 0), i)
			}
		}
		g.must("Finalize")
	}) {
		if err != nil {
			t.Errorf("rank %d: %v", i, err)
		}
	}
}

func TestErrorsAreFatal(t *testing.T) {
	for name, test := range map[string]struct {
		program func(g *guest)
		message string
	}{
		"rank": {func(g *guest) { g.call("Send", g.ints(1), 1, tInt, 99, 0, tWorld) },
			"rank 0: MPI_Send: invalid rank 99 (MPI_COMM_WORLD has 1 ranks) [MPI_ERR_RANK]"},
		"tag": {func(g *guest) { g.call("Send", g.ints(1), 1, tInt, 0, -5, tWorld) },
			"MPI_Send: invalid tag -5 [MPI_ERR_TAG]"},
		"count": {func(g *guest) { g.call("Recv", g.ints(1), -1, tInt, 0, 0, tWorld, 0) },
			"MPI_Recv: invalid count -1 [MPI_ERR_COUNT]"},
		"type": {func(g *guest) { g.call("Send", g.ints(1), 1, datatypeNull, 0, 0, tWorld) },
			"the datatype is MPI_DATATYPE_NULL [MPI_ERR_TYPE]"},
		"pointer": {func(g *guest) { g.call("Send", guestMemory-8, 3, tInt, 0, 0, tWorld) },
			"the buffer at 0xffff8, 3 of MPI_INT, is outside the memory of 1048576 bytes [MPI_ERR_BUFFER]"},
		"null": {func(g *guest) { g.call("Send", 0, 3, tInt, 0, 0, tWorld) },
			"the buffer is a null pointer [MPI_ERR_BUFFER]"},
		"comm": {func(g *guest) { g.call("Comm_rank", commNull, g.alloc(4)) },
			"the communicator is MPI_COMM_NULL [MPI_ERR_COMM]"},
		"wildcomm": {func(g *guest) { g.call("Comm_rank", 12345, g.alloc(4)) },
			"0x3039 is no communicator, or was freed [MPI_ERR_COMM]"},
		"request": {func(g *guest) { g.call("Wait", g.words(77), 0) },
			"0x4d is no request, or was completed [MPI_ERR_REQUEST]"},
		"op": {func(g *guest) { g.call("Allreduce", g.ints(1), g.ints(1), 1, tInt, opNull, tWorld) },
			"the operation is MPI_OP_NULL [MPI_ERR_OP]"},
		"optype": {func(g *guest) { g.call("Allreduce", g.doubles(1), g.doubles(1), 1, tDouble, 0x28, tWorld) },
			"MPI_BAND is not defined for MPI_DOUBLE [MPI_ERR_OP]"},
		"root": {func(g *guest) { g.call("Bcast", g.ints(1), 1, tInt, 4, tWorld) },
			"invalid root 4 (MPI_COMM_WORLD has 1 ranks) [MPI_ERR_ROOT]"},
		"status": {func(g *guest) { g.call("Recv", g.ints(1), 1, tInt, tNull, 0, tWorld, 0xfffffff0) },
			"status points at 0xfffffff0"},
		"abort": {func(g *guest) { g.call("Abort", tWorld, 3) }, "MPI_Abort: called with MPI_COMM_WORLD and code 3"},
		"again": {func(g *guest) { g.call("Init", 0, 0) }, "MPI_Init: MPI is initialized already"},
		"after": {func(g *guest) { g.must("Finalize"); g.call("Barrier", tWorld) },
			"MPI_Barrier: called after MPI_Finalize"},
	} {
		t.Run(name, func(t *testing.T) {
			err := outcome(t, 1, func(g *guest) { g.must("Init", 0, 0); test.program(g) })[0]
			var abort *AbortError
			if !errors.As(err, &abort) || !strings.Contains(abort.Message, test.message) {
				t.Errorf("ended with %v, want %q", err, test.message)
			}
		})
	}
	if err := outcome(t, 1, func(g *guest) { g.call("Send", 0, 0, 0, 0, 0, 0) })[0]; err == nil ||
		!strings.Contains(err.Error(), "MPI_Send: called before MPI_Init") {
		t.Errorf("before MPI_Init: %v", err)
	}
}

func TestErrorsReturn(t *testing.T) {
	play(t, 2, func(g *guest) {
		g.must("Comm_set_errhandler", tWorld, errorsReturn)
		buf, st := g.ints(1, 2, 3, 4), g.alloc(2*statusSize)
		want(g, "code", g.call("Send", buf, 1, tInt, 9, 0, tWorld), errRank)
		if g.me == 0 {
			g.must("Send", buf, 4, tInt, 1, 0, tWorld)
			g.must("Send", buf, 4, tInt, 1, 1, tWorld)
			return
		}
		want(g, "truncated receive", g.call("Recv", buf, 2, tInt, 0, 0, tWorld, st), errTruncate)
		requests := g.alloc(2 * wordSize)
		g.must("Irecv", buf, 2, tInt, 0, 1, tWorld, requests)
		g.setWord(requests, 1, requestNull)
		want(g, "truncated in Waitall", g.call("Waitall", 2, requests, st), errInStatus)
		want(g, "first status", g.int(st, 2), errTruncate)
		want(g, "second status", g.int(st+statusSize, 2), success)
	})
}
