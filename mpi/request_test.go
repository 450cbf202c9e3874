package mpi

import "testing"

// TestFreeAfterTruncation frees a persistent receive whose last message was too long: that was told by MPI_Wait, and
// the request is gone whatever became of it.
func TestFreeAfterTruncation(t *testing.T) {
	play(t, 2, func(g *guest) {
		buf, request := g.alloc(64), g.alloc(4)
		g.must("Comm_set_errhandler", tWorld, errorsReturn)
		if g.me == 0 {
			g.must("Send", buf, 4, tInt, 1, 0, tWorld)
			g.must("Send", buf, 4, tInt, 1, 0, tWorld)
			g.must("Barrier", tWorld)
			return
		}
		g.must("Recv_init", buf, 1, tInt, 0, 0, tWorld, request)
		g.must("Start", request)
		want(g, "MPI_Wait", g.call("Wait", request, 0), int32(errTruncate))
		g.must("Request_free", request)
		want(g, "the handle", uint32(g.int(request, 0)), uint32(requestNull))
		g.must("Recv_init", buf, 1, tInt, 0, 0, tWorld, request)
		g.must("Start", request) // complete, but nobody asked
		g.must("Request_free", request)
		want(g, "the handle", uint32(g.int(request, 0)), uint32(requestNull))
		g.must("Barrier", tWorld)
	})
}

// generalized starts a generalized request whose functions count their calls.
func (g *guest) generalized(request uint32, query, free int32) (queries, frees *int) {
	queries, frees = new(int), new(int)
	g.results[1] = func(a ...uint64) int32 {
		*queries++
		g.setInt(uint32(a[1]), 0, 33)
		g.must("Status_set_elements", uint32(a[1]), tInt, 7)
		g.must("Status_set_tag", uint32(a[1]), 44)
		return query
	}
	g.results[2] = func(...uint64) int32 { *frees++; return free }
	g.results[3] = func(...uint64) int32 { return 0 }
	g.must("Grequest_start", 1, 2, 3, 0, request)
	return queries, frees
}

// TestGeneralizedStatus: every function that tells a generalized request's status asks the program for it.
func TestGeneralizedStatus(t *testing.T) {
	play(t, 1, func(g *guest) {
		g.must("Comm_set_errhandler", tSelf, errorsReturn)
		requests, st, flag, out := g.alloc(2*wordSize), g.alloc(2*statusSize), g.alloc(4), g.alloc(8)
		g.setWord(requests, 1, requestNull)
		for _, c := range []struct {
			name string
			call func() int32
		}{
			{"Request_get_status", func() int32 { return g.call("Request_get_status", g.int(requests, 0), flag, st) }},
			{"Request_get_status_any", func() int32 { return g.call("Request_get_status_any", 2, requests, out, flag, st) }},
			{"Request_get_status_all", func() int32 { return g.call("Request_get_status_all", 2, requests, flag, st) }},
			{"Request_get_status_some", func() int32 { return g.call("Request_get_status_some", 2, requests, out, out+4, st) }},
		} {
			queries, frees := g.generalized(requests, 0, 0)
			g.setInt(flag, 0, 1)
			g.must("Request_get_status", g.int(requests, 0), flag, st)
			want(g, "flag before", g.int(flag, 0), 0)
			want(g, "queries before", *queries, 0)
			g.must("Grequest_complete", g.int(requests, 0))
			for i := range 2 {
				g.setInt(st, 0, 0)
				want(g, c.name, c.call(), int32(success))
				want(g, c.name+" source", g.int(st, 0), 33)
				want(g, c.name+" tag", g.int(st, 1), 44)
				g.must("Get_count", st, tInt, out)
				want(g, c.name+" count", g.int(out, 0), 7)
				want(g, c.name+" queries", *queries, i+1)
				want(g, c.name+" frees", *frees, 0)
			}
			g.must("Wait", requests, st)
			want(g, "queries", *queries, 3)
			want(g, "frees", *frees, 1)

			_, frees = g.generalized(requests, 77, 0)
			g.must("Grequest_complete", g.int(requests, 0))
			if code := c.call(); code == success {
				t.Errorf("%s does not give the query function's error", c.name)
			}
			want(g, "the handle is gone", uint32(g.int(requests, 0)) == requestNull, false)
			g.must("Request_free", requests)
			want(g, "frees", *frees, 1)
		}
	})
}

// TestGeneralizedFree: a request that is freed is not asked for its status, and its free function's code is given back.
func TestGeneralizedFree(t *testing.T) {
	play(t, 1, func(g *guest) {
		g.must("Comm_set_errhandler", tSelf, errorsReturn)
		request := g.alloc(4)
		queries, frees := g.generalized(request, 0, 0)
		handle := g.int(request, 0)
		g.must("Request_free", request)
		want(g, "frees before it is complete", *frees, 0)
		g.must("Grequest_complete", handle)
		want(g, "frees", *frees, 1)
		want(g, "queries", *queries, 0)

		queries, frees = g.generalized(request, 0, 78)
		g.must("Grequest_complete", g.int(request, 0))
		want(g, "MPI_Request_free", g.call("Request_free", request), int32(78))
		want(g, "the handle", uint32(g.int(request, 0)), uint32(requestNull))
		want(g, "frees", *frees, 1)
		want(g, "queries", *queries, 0)
	})
}

// TestGeneralizedCallsBack: functions that complete or free the request they are asked about find it gone, and break
// nothing.
func TestGeneralizedCallsBack(t *testing.T) {
	for _, inner := range []string{"Wait", "Request_free", "Grequest_complete"} {
		for _, from := range []uint32{1, 2} {
			play(t, 1, func(g *guest) {
				g.must("Comm_set_errhandler", tSelf, errorsReturn)
				requests, copied, flag := g.alloc(64), g.alloc(4), g.alloc(4)
				for i := range uint32(3) {
					g.results[i+1] = func(...uint64) int32 { return 0 }
				}
				depth := 0
				g.results[from] = func(...uint64) int32 {
					if depth++; depth > 1 { // MPI_Wait within MPI_Request_get_status asks once more
						return 0
					}
					g.setWord(copied, 0, g.word(requests, 0))
					if inner == "Grequest_complete" {
						g.call(inner, g.int(copied, 0))
					} else if inner == "Wait" {
						g.call(inner, copied, 0)
					} else {
						g.call(inner, copied)
					}
					depth--
					return 0
				}
				g.must("Grequest_start", 1, 2, 3, 0, requests)
				g.must("Grequest_complete", g.int(requests, 0))
				if from == 1 { // the request stays, unless its function lets it go
					g.call("Request_get_status", g.int(requests, 0), flag, 0)
				}
				g.call("Wait", requests, 0)
				seen := map[*request]bool{}
				for _, q := range g.rank.requests.idle {
					if seen[q] {
						t.Errorf("%s in function %d: a request is idle twice", inner, from)
					}
					seen[q] = true
				}
				g.must("Irecv", flag, 1, tInt, tNull, 0, tWorld, requests+wordSize)
				g.must("Irecv", flag, 1, tInt, tNull, 0, tWorld, requests+2*wordSize)
				g.must("Waitall", 2, requests+wordSize, 0)
			})
		}
	}
}

// TestCopyFunctionWritesTheHandle: a copy function that fails and has overwritten the new datatype's handle, or freed
// it, harms nobody.
func TestCopyFunctionWritesTheHandle(t *testing.T) {
	play(t, 1, func(g *guest) {
		g.must("Comm_set_errhandler", tSelf, errorsReturn)
		old, out, copied := g.newcomm("Type_contiguous", 3, tInt), g.alloc(4), g.alloc(4)
		for _, spoil := range []func(){
			func() { g.setWord(out, 0, -1) },
			func() { g.setWord(out, 0, int(old)) },
			func() { g.setWord(copied, 0, g.word(out, 0)); g.must("Type_free", copied) },
		} {
			g.results[4] = func(...uint64) int32 { spoil(); return 79 }
			keyval := g.alloc(4)
			g.must("Type_create_keyval", 4, 0, keyval, 0)
			g.must("Type_set_attr", old, g.int(keyval, 0), 5)
			want(g, "MPI_Type_dup", g.call("Type_dup", old, out), int32(79))
			g.must("Type_delete_attr", old, g.int(keyval, 0))
			a, b := g.newcomm("Type_contiguous", 1, tInt), g.newcomm("Type_contiguous", 2, tInt)
			want(g, "two handles differ", a != b && a != old && b != old, true)
		}
	})
}

// TestWaitallWithinWaitall: a function of the program that MPI calls while it completes a list waits for another one.
func TestWaitallWithinWaitall(t *testing.T) {
	play(t, 1, func(g *guest) {
		requests, inner := g.alloc(4*wordSize), g.alloc(4*wordSize)
		in, out := g.ints(0, 0, 0, 0), g.ints(5, 6, 7, 8)
		begin := func(list uint32, i, tag uint32) {
			g.must("Irecv", in+4*i, 1, tInt, 0, tag, tWorld, list)
			g.must("Isend", out+4*i, 1, tInt, 0, tag, tWorld, list+wordSize)
		}
		begin(requests, 1, 2)
		begin(requests+2*wordSize, 3, 4)
		g.must("Waitall", 4, requests, 0) // makes the room
		g.generalized(requests, 0, 0)
		g.results[1] = func(...uint64) int32 {
			begin(inner, 2, 3)
			g.must("Waitall", 2, inner, 0)
			return 0
		}
		begin(requests+wordSize, 0, 1)
		g.must("Grequest_complete", g.word(requests, 0))
		g.must("Waitall", 3, requests, 0)
		want(g, "received outside", g.int(in, 0), 5)
		want(g, "received within", g.int(in, 2), 7)
		for i := range 3 {
			want(g, "handle", g.word(requests, i), requestNull)
		}
		if cap(g.thread.waiting) == 0 {
			t.Error("the room for the list is gone")
		}
	})
}
