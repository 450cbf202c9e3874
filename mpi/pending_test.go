package mpi

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// breakable is a program in which rank 0 waits in a function until rank 1, which has seen it there, goes on.
type breakable struct {
	name   string
	before func(g *guest) // all ranks do it first; nil: nothing
	waits  func(g *guest) // what rank 0 does
	others func(g *guest) // what the other ones do; nil: the same
}

// never is the distance of a test that asks for calls to be broken off itself.
var never = ResumeEvery{every: math.MaxInt}

// breaks has the calls of tests broken off, until what it gives is called.
func breaks(every ResumeEvery) (restore func()) {
	before := resumeEvery
	resumeEvery = every
	return func() { resumeEvery = before }
}

func (b breakable) index() uint32 {
	return uint32(slices.Index(names, "MPI_"+strings.TrimSuffix(b.name, "_c")))
}

// polls reports whether rank 0 calls a function again and again, which never parks.
func (b breakable) polls() bool {
	return strings.HasPrefix(b.name, "Test") || strings.HasPrefix(b.name, "Request") ||
		strings.HasPrefix(b.name, "I") && !strings.HasPrefix(b.name, "Intercomm")
}

// waitThere waits until rank 0 is in the function: parked, or, if it polls, once more after a call of it that found
// nothing.
func (b breakable) waitThere(g *guest, zero *guest) {
	there := func() bool { return zero.thread.call.Load() == b.index() }
	if !b.polls() {
		g.waitUntil("rank 0 waits in "+b.name, func() bool { return there() && zero.rank.endpoint.Asleep() })
		return
	}
	g.waitUntil("rank 0 polls by "+b.name, there)
	over := zero.over.Load()
	g.waitUntil("rank 0 polls again by "+b.name, func() bool { return zero.over.Load() > over && there() })
}

// run runs the program; its call is broken off so many times by rank 1, or by itself.
func (b breakable) run(t *testing.T, size int, every ResumeEvery, asks int) {
	defer breaks(every)()
	var zero atomic.Pointer[guest] // rank 0, once it is initialized
	for i, err := range outcome(t, size, func(g *guest) {
		g.must("Init", 0, 0)
		if g.me == 0 {
			zero.Store(g)
		}
		if b.before != nil {
			b.before(g)
		}
		switch g.me {
		case 0:
			b.waits(g)
			if n := g.thread.resume.broke[b.index()]; n < max(asks, 1) {
				t.Errorf("MPI_%s was broken off %d times", b.name, n)
			}
			want(g, "that something is pending", g.thread.pending.used, false)
		case 1:
			g.waitUntil("rank 0 is initialized", func() bool { return zero.Load() != nil })
			for range asks {
				b.waitThere(g, zero.Load())
				thread := zero.Load().thread
				thread.Suspend()
				g.waitUntil("the call is broken off", func() bool { return !thread.toSuspend.Load() })
			}
			b.waitThere(g, zero.Load())
			fallthrough
		default:
			if b.others == nil {
				b.waits(g)
			} else {
				b.others(g)
			}
		}
		if b.name != "Finalize" {
			g.must("Finalize")
		}
	}) {
		if err != nil {
			t.Errorf("rank %d: %v", i, err)
		}
	}
}

// breakables are programs for every function that can wait. Those of collectives are for any number of ranks.
func breakables() (pairs, groups []breakable) {
	const cell, n = soakCell, 40000 // ints, which wait for their receive
	fill := func(g *guest, m, first int) uint32 {
		buf := g.alloc(4 * m)
		for i := range m {
			g.setInt(buf, i, first+i)
		}
		return buf
	}
	check := func(g *guest, buf uint32, m, first int) {
		for i := range m {
			if g.int(buf, i) != first+i {
				g.t.Errorf("rank %d: element %d is %d, want %d", g.me, i, g.int(buf, i), first+i)
				return
			}
		}
	}
	pair := func(name string, before, waits, others func(g *guest)) {
		pairs = append(pairs, breakable{name, before, waits, others})
	}
	for _, m := range []int{1, n} {
		send := func(g *guest) { g.must("Send", fill(g, m, 7), m, tInt, 0, 1, tWorld) }
		receive := func(g *guest) {
			buf := g.alloc(4 * m)
			g.must("Recv", buf, m, tInt, 0, 1, tWorld, 0)
			check(g, buf, m, 7)
		}
		for _, name := range []string{"Ssend", "Ssend_c", "Send", "Rsend"} {
			if m == n || strings.HasPrefix(name, "Ss") {
				pair(name, nil, func(g *guest) { g.must(name, fill(g, m, 7), m, tInt, 1, 1, tWorld) }, receive)
			}
		}
		pair("Recv", nil, func(g *guest) {
			buf := g.alloc(4 * m)
			g.must("Recv", buf, m, tInt, tAnySource, tAnyTag, tWorld, 0)
			check(g, buf, m, 7)
		}, send)
		exchange := func(g *guest) {
			out, in, st := fill(g, m, 100*g.me), g.alloc(4*m), g.alloc(statusSize)
			g.must("Sendrecv", out, m, tInt, 1-g.me, 1, in, m, tInt, 1-g.me, 1, tWorld, st)
			check(g, in, m, 100*(1-g.me))
			want(g, "source", g.int(st, 0), 1-g.me)
		}
		pair("Sendrecv", nil, exchange, nil)
		pair("Sendrecv_replace", nil, func(g *guest) {
			buf := fill(g, m, 100*g.me)
			g.must("Sendrecv_replace", buf, m, tInt, 1-g.me, 1, 1-g.me, 1, tWorld, 0)
			check(g, buf, m, 100*(1-g.me))
		}, nil)
		probed := func(name string, probe func(g *guest, message, flag, status uint32)) {
			pair(name, nil, func(g *guest) {
				buf, message, flag, status := g.alloc(4*m), g.alloc(wordSize), g.ints(0), g.alloc(statusSize)
				probe(g, message, flag, status)
				if want(g, "source", g.int(status, 0), 1); strings.Contains(strings.ToLower(name), "mprobe") {
					g.must("Mrecv", buf, m, tInt, message, 0)
				} else {
					g.must("Recv", buf, m, tInt, 1, 1, tWorld, 0)
				}
				check(g, buf, m, 7)
			}, send)
		}
		probed("Probe", func(g *guest, _, _, status uint32) { g.must("Probe", 1, tAnyTag, tWorld, status) })
		probed("Mprobe", func(g *guest, message, _, status uint32) { g.must("Mprobe", 1, 1, tWorld, message, status) })
		probed("Iprobe", func(g *guest, _, flag, status uint32) {
			for g.int(flag, 0) == 0 {
				g.must("Iprobe", 1, 1, tWorld, flag, status)
			}
		})
		probed("Improbe", func(g *guest, message, flag, status uint32) {
			for g.int(flag, 0) == 0 {
				g.must("Improbe", 1, 1, tWorld, flag, message, status)
			}
		})
		for name, call := range map[string]func(g *guest, request, flag uint32){
			"Wait":     func(g *guest, request, _ uint32) { g.must("Wait", request, 0) },
			"Waitall":  func(g *guest, request, _ uint32) { g.must("Waitall", 1, request, 0) },
			"Waitany":  func(g *guest, request, _ uint32) { g.must("Waitany", 1, request, g.alloc(4), 0) },
			"Waitsome": func(g *guest, request, flag uint32) { g.must("Waitsome", 1, request, flag, g.alloc(4), 0) },
			"Test":     func(g *guest, request, flag uint32) { g.must("Test", request, flag, 0) },
			"Testall":  func(g *guest, request, flag uint32) { g.must("Testall", 1, request, flag, 0) },
			"Testany":  func(g *guest, request, flag uint32) { g.must("Testany", 1, request, flag+4, flag, 0) },
			"Testsome": func(g *guest, request, flag uint32) { g.must("Testsome", 1, request, flag, flag+4, 0) },
			"Request_get_status": func(g *guest, request, flag uint32) {
				g.must("Request_get_status", g.int(request, 0), flag, 0)
			},
			"Request_get_status_all": func(g *guest, request, flag uint32) {
				g.must("Request_get_status_all", 1, request, flag, 0)
			},
			"Request_get_status_any": func(g *guest, request, flag uint32) {
				g.must("Request_get_status_any", 1, request, flag+4, flag, 0)
			},
			"Request_get_status_some": func(g *guest, request, flag uint32) {
				g.must("Request_get_status_some", 1, request, flag, flag+4, 0)
			},
		} {
			pair(name, nil, func(g *guest) {
				request, buf, flag := g.alloc(wordSize), g.alloc(4*m), g.ints(0, 0)
				g.must("Irecv", buf, m, tInt, 1, 1, tWorld, request)
				for polls := name[0] != 'W'; ; {
					if call(g, request, flag); !polls || g.int(flag, 0) != 0 {
						break
					}
				}
				if name[0] == 'R' {
					g.must("Wait", request, 0)
				}
				want(g, "the request", g.int(request, 0), requestNull)
				check(g, buf, m, 7)
			}, send)
		}
	}
	buffered := func(name string, call func(g *guest)) {
		pair(name, func(g *guest) {
			g.must("Comm_dup", tWorld, cell)
			attach, args := "Buffer_attach", []any{bufferAutomatic, 0}
			if strings.HasPrefix(name, "Comm_") && name != "Comm_disconnect" {
				attach, args = "Comm_attach_buffer", append([]any{g.int(cell, 0)}, args...)
			}
			if g.must(attach, args...); g.me == 0 {
				g.must("Bsend", fill(g, n, 7), n, tInt, 1, 1, g.int(cell, 0))
			}
		}, call, func(g *guest) {
			buf := g.alloc(4 * n)
			g.must("Recv", buf, n, tInt, 0, 1, g.int(cell, 0), 0)
			if check(g, buf, n, 7); name == "Comm_disconnect" {
				g.must("Comm_disconnect", cell)
			}
		})
	}
	buffered("Buffer_detach", func(g *guest) { g.must("Buffer_detach", cell+8, cell+16) })
	buffered("Buffer_flush", func(g *guest) { g.must("Buffer_flush") })
	buffered("Comm_detach_buffer", func(g *guest) { g.must("Comm_detach_buffer", g.int(cell, 0), cell+8, cell+16) })
	buffered("Comm_flush_buffer", func(g *guest) { g.must("Comm_flush_buffer", g.int(cell, 0)) })
	buffered("Comm_free", func(g *guest) { g.must("Comm_free", cell) })
	buffered("Comm_disconnect", func(g *guest) { g.must("Comm_disconnect", cell) })

	group := func(name string, before, waits func(g *guest)) {
		groups = append(groups, breakable{name, before, waits, nil})
	}
	group("Finalize", nil, func(g *guest) { g.must("Finalize") })
	made := func(name string, before func(g *guest), arguments func(g *guest) []any) {
		group(name, before, func(g *guest) {
			g.must(name, append(arguments(g), cell+8)...)
			sum, size := g.alloc(4), "Comm_size"
			if name == "Intercomm_create" {
				size = "Comm_remote_size"
			}
			if c := g.int(cell+8, 0); c != commNull {
				g.must("Allreduce", g.ints(1), sum, 1, tInt, tSum, c)
				want(g, "the new communicator's size", g.int(sum, 0), g.value(size, c))
			}
		})
	}
	world := func(more ...any) func(g *guest) []any {
		return func(*guest) []any { return append([]any{tWorld}, more...) }
	}
	everyone := func(g *guest) { g.must("Comm_group", tWorld, cell) }
	made("Comm_dup", nil, world())
	made("Comm_dup_with_info", nil, world(infoNull))
	made("Comm_split", nil, func(g *guest) []any { return []any{tWorld, g.me % 2, -g.me} })
	made("Comm_split_type", nil, world(commTypeShared, 0, infoNull))
	made("Comm_create", everyone, func(g *guest) []any { return []any{tWorld, g.int(cell, 0)} })
	made("Comm_create_group", everyone, func(g *guest) []any { return []any{tWorld, g.int(cell, 0), 5} })
	halves := func(g *guest) { g.must("Comm_split", tWorld, g.me%2, g.me, cell) }
	bridge := func(g *guest) []any { return []any{g.int(cell, 0), 0, tWorld, 1 - g.me%2, 5} }
	made("Intercomm_create", halves, bridge)
	made("Intercomm_merge", func(g *guest) {
		halves(g)
		g.must("Intercomm_create", append(bridge(g), cell+16)...)
	}, func(g *guest) []any { return []any{g.int(cell+16, 0), g.me % 2} })
	grid := func(g *guest) []any { return []any{tWorld, 1, g.ints(g.n), g.ints(1), 0} }
	made("Cart_create", nil, grid)
	made("Cart_sub", func(g *guest) { g.must("Cart_create", append(grid(g), cell)...) },
		func(g *guest) []any { return []any{g.int(cell, 0), g.ints(1)} })
	made("Graph_create", nil, func(g *guest) []any { return []any{tWorld, 2, g.ints(1, 2), g.ints(1, 0), 0} })
	made("Dist_graph_create", nil, func(g *guest) []any {
		return []any{tWorld, 1, g.ints(g.me), g.ints(1), g.ints((g.me + 1) % g.n), unweighted, infoNull, 0}
	})
	made("Dist_graph_create_adjacent", nil, func(g *guest) []any {
		from, to := g.ints((g.me+g.n-1)%g.n), g.ints((g.me+1)%g.n)
		return []any{tWorld, 1, from, unweighted, 1, to, unweighted, infoNull, 0}
	})
	for _, m := range []int{1, 3000} { // by slots, and by an instance
		for k := collBarrier; int(k) < len(collectives); k++ {
			c := collectives[k]
			group(c.name, func(g *guest) {
				g.must("Cart_create", append(grid(g), cell)...)
				g.must("Comm_split", tWorld, 0, -g.me, cell+8)
			}, func(g *guest) {
				in, out := fill(g, m*g.n, 0), g.alloc(4*m*g.n)
				g.must(c.name, collectiveArguments(g, c, in, out, m)...)
			})
		}
		if byMessages {
			continue
		}
		group("Bcast", nil, func(g *guest) { // waits for a row of the slots
			for i := range slotRows {
				k := 1
				if i == slotRows-1 {
					k = m
				}
				buf := fill(g, k, i*(1-g.me))
				g.must("Bcast", buf, k, tInt, 0, tWorld)
				check(g, buf, k, i)
			}
		})
	}
	return pairs, groups
}

// collectiveArguments are such that rank 0 waits for the others. Blocks have m ints; the communicator of a
// neighbourhood collective is in soakCell, one in which rank 0 is the last behind it.
func collectiveArguments(g *guest, c collectiveCall, in, out uint32, m int) []any {
	v := slices.Repeat([]int{m}, g.n)
	displs := func(unit int) uint32 {
		d := make([]int, g.n)
		for i := range d {
			d[i] = i * m * unit
		}
		if unit > 1 && strings.HasPrefix(c.name, "N") {
			return g.words(d...)
		}
		return g.ints(d...)
	}
	one, vector := []any{in, m, tInt}, []any{out, g.ints(v...), displs(1), tInt}
	all := []any{in, g.ints(v...), displs(1), tInt}
	types := g.words(slices.Repeat([]int{tInt}, g.n)...)
	end := []any{tWorld}
	switch {
	case c.rooted == fromRoot:
		end = []any{1, tWorld}
	case c.rooted == toRoot:
		end = []any{0, tWorld}
	case strings.HasPrefix(c.name, "N"):
		end = []any{g.int(soakCell, 0)}
	case strings.HasSuffix(c.name, "can"):
		end = []any{g.int(soakCell+8, 0)}
	}
	var a []any
	switch name := strings.TrimPrefix(c.name, "Neighbor_"); strings.ToLower(name) {
	case "barrier":
	case "bcast":
		a = []any{in, m, tInt}
	case "gather", "scatter", "allgather", "alltoall":
		a = append(one, out, m, tInt)
	case "gatherv", "allgatherv":
		a = append(one, vector...)
	case "scatterv":
		a = append(all, out, m, tInt)
	case "alltoallv":
		a = append(all, vector...)
	case "alltoallw":
		a = []any{in, g.ints(v...), displs(4), types, out, g.ints(v...), displs(4), types}
	case "reduce_scatter":
		a = []any{in, out, g.ints(v...), tInt, tSum}
	default:
		a = []any{in, out, m, tInt, tSum}
	}
	return append(a, end...)
}

// TestBrokenOff has each function that can wait broken off and made again: by itself, and by another rank, twice, while
// it is parked. Of those that can wait none is left out.
func TestBrokenOff(t *testing.T) {
	pairs, groups := breakables()
	seen := map[string]bool{}
	test := func(b breakable, size int) {
		seen[strings.TrimSuffix(b.name, "_c")] = true
		t.Run(fmt.Sprint(b.name, " ", size), func(t *testing.T) {
			b.run(t, size, ResumeEvery{every: 1}, 0)
			b.run(t, size, never, 2)
		})
	}
	for _, b := range pairs {
		test(b, 2)
	}
	for _, b := range groups {
		test(b, 2)
		test(b, 5)
	}
	for name := range mayWait {
		if !seen[name] && name != "Mrecv" { // it waits for other processes alone; see TestAwayBrokenOff
			t.Errorf("no program has MPI_%s broken off", name)
		}
	}
}

// TestAnotherCall calls another function than the one that was broken off: the rank ends, and both are named.
func TestAnotherCall(t *testing.T) {
	for _, name := range []string{"Ssend", "Send_c"} {
		ends := outcome(t, 1, func(g *guest) {
			g.must("Init", 0, 0)
			g.thread.pending.call, g.thread.pending.used = uint32(slices.Index(names, "MPI_Send")), true
			g.call(name, 0, 0, tInt, tNull, 0, tSelf)
		})
		var abort *AbortError
		if !errors.As(ends[0], &abort) || !strings.Contains(abort.Message, "MPI_"+name+": called while MPI_Send is to be") {
			t.Errorf("%s ends with %v", name, ends[0])
		}
	}
}

// TestRandomProgramsBrokenOff has calls of the random programs broken off at each wait, and at random ones.
func TestRandomProgramsBrokenOff(t *testing.T) {
	for _, every := range []string{"1", "3", "random:1", "random:2"} {
		e, err := ParseResumeEvery(every)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(every, func(t *testing.T) {
			defer breaks(e)()
			TestRandomPrograms(t)
		})
	}
}

func TestParseResumeEvery(t *testing.T) {
	for text, want := range map[string]ResumeEvery{"": {}, "1": {every: 1}, "20": {every: 20},
		"random:7": {random: true, seed: 7}} {
		if e, err := ParseResumeEvery(text); err != nil || e != want {
			t.Errorf("%q is %v, %v", text, e, err)
		}
	}
	for _, text := range []string{"0", "-1", "x", "1.5", "random", "random:", "random:x", " 1"} {
		if e, err := ParseResumeEvery(text); err == nil {
			t.Errorf("%q is %v", text, e)
		}
	}
}

// TestAskedAtAnyTime has calls of random programs broken off from outside, again and again, wherever they are.
func TestAskedAtAnyTime(t *testing.T) {
	defer breaks(never)()
	for seed := range uint64(10) {
		play(t, 2+int(seed%5), func(g *guest) {
			var asking sync.WaitGroup
			defer asking.Wait()
			asking.Go(func() {
				for range 20000 {
					g.thread.Suspend()
					runtime.Gosched()
				}
			})
			g.walk(seed)
		})
	}
}
