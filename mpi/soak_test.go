package mpi

import (
	"flag"
	"fmt"
	"runtime"
	"testing"
)

var soakRounds = flag.Int("soak", 0, "rounds of every pair of the soak test; 0: a few")

// soaked makes something and lets it go again: after many rounds a rank keeps no more of it than after a few.
type soaked struct {
	name string
	size int // of the world
	step func(g *guest, round int)
}

// cells is memory for handles, the same in every round.
const (
	soakCell = 512 // handles
	soakBuf  = 32 << 10
	soakBig  = 64 << 10
	soakLen  = 40000 // of a message that waits for its receive
)

func soakPairs() []soaked {
	cell := func(i uint32) uint32 { return soakCell + wordSize*i }
	other := func(g *guest) int { return (g.me + 1) % g.n }
	before := func(g *guest) int { return (g.me + g.n - 1) % g.n }
	comm := func(name string, arguments ...any) func(g *guest, round int) {
		return func(g *guest, round int) {
			g.must(name, append(arguments, cell(0))...)
			g.must("Comm_free", cell(0))
		}
	}
	object := func(free, name string, arguments ...any) func(g *guest, round int) {
		return func(g *guest, round int) {
			g.must(name, append(arguments, cell(0))...)
			g.must(free, cell(0))
		}
	}
	// started makes a persistent request, starts it in two rounds of three, and frees it, in one of them while it is
	// active.
	started := func(make func(g *guest, cell uint32), active bool) func(g *guest, round int) {
		return func(g *guest, round int) {
			make(g, cell(0))
			if round%3 > 0 {
				g.must("Start", cell(0))
				if round%3 == 1 || !active {
					g.must("Wait", cell(0), 0)
				}
			}
			g.must("Request_free", cell(0))
			if round%16 == 0 {
				g.must("Barrier", tWorld)
			}
		}
	}
	// sent sends in some form to the next rank, which receives, and completes or frees the request.
	sent := func(name string, n int) func(g *guest, round int) {
		return func(g *guest, round int) {
			g.must(name, soakBuf, n, tByte, other(g), 1, tWorld, cell(0))
			if round%2 == 0 {
				g.must("Request_free", cell(0))
			}
			g.must("Recv", soakBuf+soakLen, n, tByte, before(g), 1, tWorld, 0)
			if round%2 == 1 {
				g.must("Wait", cell(0), 0)
			}
			if round%16 == 0 {
				g.must("Barrier", tWorld)
			}
		}
	}
	pairs := []soaked{
		{"Comm_dup", 2, comm("Comm_dup", tWorld)},
		{"Comm_dup alone", 1, comm("Comm_dup", tSelf)},
		{"Comm_dup that is used", 2, func(g *guest, round int) {
			g.must("Comm_dup", tWorld, cell(0))
			d := g.int(cell(0), 0)
			g.must("Barrier", d)
			g.must("Allreduce", soakBuf, soakBig, 1, tInt, tSum, d)
			g.must("Comm_disconnect", cell(0))
		}},
		{"Comm_idup", 2, func(g *guest, round int) {
			g.must("Comm_idup", tWorld, cell(0), cell(1))
			g.must("Wait", cell(1), 0)
			g.must("Comm_free", cell(0))
		}},
		{"Comm_split", 3, func(g *guest, round int) {
			g.must("Comm_split", tWorld, g.me%2, 0, cell(0))
			g.must("Comm_free", cell(0))
		}},
		{"Comm_create", 2, func(g *guest, round int) {
			g.must("Comm_group", tWorld, cell(1))
			g.must("Comm_create", tWorld, g.int(cell(1), 0), cell(0))
			g.must("Group_free", cell(1))
			g.must("Comm_free", cell(0))
		}},
		{"Comm_create_group", 3, func(g *guest, round int) {
			g.must("Comm_group", tWorld, cell(1))
			if g.must("Group_excl", g.int(cell(1), 0), 1, g.ints3(round), cell(2)); g.me != round%3 {
				g.must("Comm_create_group", tWorld, g.int(cell(2), 0), round%5, cell(0))
				g.must("Comm_free", cell(0))
			}
			g.must("Group_free", cell(1))
			g.must("Group_free", cell(2))
		}},
		{"Intercomm_create", 2, func(g *guest, round int) {
			g.must("Intercomm_create", tSelf, 0, tWorld, 1-g.me, round%3, cell(0))
			g.must("Intercomm_merge", g.int(cell(0), 0), g.me, cell(1))
			g.must("Comm_free", cell(0))
			g.must("Comm_free", cell(1))
		}},
		{"Dist_graph_create_adjacent", 2, comm("Dist_graph_create_adjacent", tWorld, 0, 0, unweighted, 0, 0, unweighted,
			infoNull, 0)},
		{"Group_incl", 1, object("Group_free", "Group_union", groupEmpty, groupEmpty)},
		{"Comm_group", 2, object("Group_free", "Comm_group", tWorld)},
		{"Type_contiguous", 1, object("Type_free", "Type_contiguous", 3, tInt)},
		{"Type_get_contents", 1, func(g *guest, round int) {
			g.must("Type_contiguous", 3, tInt, cell(0))
			g.must("Type_contiguous", 3, g.int(cell(0), 0), cell(1))
			g.must("Type_get_contents", g.int(cell(1), 0), 1, 0, 1, cell(2), cell(3), cell(4))
			for _, i := range []uint32{0, 1, 4} {
				g.must("Type_free", cell(i))
			}
		}},
		{"Op_create", 1, object("Op_free", "Op_create", 1, 1)},
		{"Errhandler", 1, object("Errhandler_free", "Comm_create_errhandler", 1)},
		{"Comm_get_errhandler", 1, func(g *guest, round int) {
			g.must("Comm_create_errhandler", 1, cell(0))
			g.must("Comm_set_errhandler", tSelf, g.int(cell(0), 0))
			g.must("Comm_get_errhandler", tSelf, cell(1))
			g.must("Errhandler_free", cell(0))
			g.must("Errhandler_free", cell(1))
		}},
		{"Info", 1, object("Info_free", "Info_create")},
		{"Comm_get_info", 1, object("Info_free", "Comm_get_info", tSelf)},
		{"keyvals", 1, func(g *guest, round int) {
			g.must("Comm_create_keyval", 0, 0, cell(0), 0)
			g.must("Type_create_keyval", 0, 0, cell(1), 0)
			g.must("Comm_set_attr", tSelf, g.int(cell(0), 0), round)
			g.setInt(cell(2), 0, g.int(cell(0), 0))
			g.must("Comm_free_keyval", cell(0))
			g.must("Type_free_keyval", cell(1))
			g.must("Comm_delete_attr", tSelf, g.int(cell(2), 0))
		}},
		{"error classes", 1, func(g *guest, round int) {
			g.must("Add_error_class", cell(0))
			g.must("Add_error_code", g.int(cell(0), 0), cell(1))
			g.must("Remove_error_code", g.int(cell(1), 0))
			g.must("Remove_error_class", g.int(cell(0), 0))
		}},
		{"Alloc_mem", 1, func(g *guest, round int) {
			g.must("Alloc_mem", 1+round%100000, infoNull, cell(0))
			g.must("Free_mem", g.int(cell(0), 0))
		}},
		{"Buffer_attach", 2, func(g *guest, round int) {
			g.must("Buffer_attach", []int{bufferAutomatic, soakBig + soakLen}[round%2], soakLen+1000)
			g.must("Bsend", soakBuf, []int{10, soakLen}[round/2%2], tByte, other(g), 1, tWorld)
			g.must("Recv", soakBuf, soakLen, tByte, before(g), 1, tWorld, 0)
			g.must("Buffer_detach", cell(0), cell(1))
		}},
		{"Comm_attach_buffer", 2, func(g *guest, round int) {
			g.must("Comm_dup", tWorld, cell(2))
			g.must("Comm_attach_buffer", g.int(cell(2), 0), bufferAutomatic, 0)
			g.must("Ibsend", soakBuf, 10000, tByte, other(g), 1, g.int(cell(2), 0), cell(0))
			g.must("Request_free", cell(0))
			g.must("Recv", soakBuf, soakLen, tByte, before(g), 1, g.int(cell(2), 0), 0)
			g.must("Comm_free", cell(2))
		}},
		{"Improbe", 1, func(g *guest, round int) {
			g.must("Isend", soakBuf, 100, tByte, 0, 1, tSelf, cell(0))
			g.must("Mprobe", 0, 1, tSelf, cell(1), 0)
			g.must("Imrecv", soakBuf, 100, tByte, cell(1), cell(2))
			g.must("Waitall", 1, cell(0), 0)
			g.must("Request_free", cell(2))
		}},
		{"Cancel", 1, func(g *guest, round int) {
			g.must("Irecv", soakBuf, 100, tByte, 0, 9, tSelf, cell(0))
			g.must("Issend", soakBuf, 100, tByte, 0, 8, tSelf, cell(1))
			g.must("Cancel", cell(0))
			g.must("Cancel", cell(1))
			g.must("Request_free", cell(0))
			g.must("Request_free", cell(1))
		}},
		{"Grequest", 1, func(g *guest, round int) {
			g.must("Grequest_start", 1, 1, 1, 0, cell(0))
			g.setInt(cell(1), 0, g.int(cell(0), 0))
			if round%2 == 0 {
				g.must("Request_free", cell(0))
			}
			g.must("Grequest_complete", g.int(cell(1), 0))
			if round%2 == 1 {
				g.must("Wait", cell(0), 0)
			}
		}},
		{"Isendrecv", 2, func(g *guest, round int) {
			g.must("Isendrecv", soakBuf, soakLen, tByte, other(g), 1, soakBig+soakLen, soakLen, tByte, before(g), 1, tWorld,
				cell(0))
			if g.must("Barrier", tWorld); round%2 == 0 {
				g.must("Request_free", cell(0))
			} else {
				g.must("Wait", cell(0), 0)
			}
			g.must("Barrier", tWorld)
		}},
		{"mismatches", 2, func(g *guest, round int) {
			if g.me == 0 {
				g.call("Barrier", tWorld)
			} else {
				g.call("Bcast", soakBuf, soakLen, tByte, 0, tWorld)
			}
		}},
		{"Type_dup with attributes", 1, func(g *guest, round int) {
			g.must("Type_create_keyval", dupFunction, 0, cell(0), 0)
			g.must("Type_contiguous", 3, tInt, cell(1))
			g.must("Type_set_attr", g.int(cell(1), 0), g.int(cell(0), 0), 7)
			g.must("Type_dup", g.int(cell(1), 0), cell(2))
			for _, i := range []uint32{1, 2} {
				g.must("Type_free", cell(i))
			}
			g.must("Type_free_keyval", cell(0))
		}},
	}
	for _, mode := range []string{"Isend", "Issend"} {
		for _, n := range []int{8, 1000, soakLen} {
			pairs = append(pairs, soaked{fmt.Sprint(mode, " ", n), 2, sent(mode, n)})
		}
	}
	for _, mode := range []string{"Send_init", "Ssend_init", "Recv_init"} {
		pairs = append(pairs, soaked{mode, 2, func(g *guest, round int) {
			if mode == "Recv_init" {
				g.must(mode, soakBuf, 100, tByte, before(g), 1, tWorld, cell(0))
				g.must("Start", cell(0))
				g.must("Send", soakBig, 100, tByte, other(g), 1, tWorld)
			} else {
				g.must(mode, soakBuf, 100, tByte, other(g), 1, tWorld, cell(0))
				g.must("Start", cell(0))
			}
			if round%2 == 0 {
				g.must("Request_free", cell(0))
			}
			if mode != "Recv_init" {
				g.must("Recv", soakBig, 100, tByte, before(g), 1, tWorld, 0)
			}
			if round%2 == 1 {
				g.must("Wait", cell(0), 0)
				g.must("Request_free", cell(0))
			}
			g.must("Barrier", tWorld)
		}})
	}
	for _, c := range []struct {
		name      string
		arguments []any
	}{
		{"Barrier", nil}, {"Bcast", []any{soakBuf, 8, tByte, 0}}, {"Allreduce", []any{soakBuf, soakBig, 4, tInt, tSum}},
		{"Reduce", []any{soakBuf, soakBig, 4, tInt, tSum, 1}}, {"Alltoall", []any{soakBuf, 4, tByte, soakBig, 4, tByte}},
	} {
		pairs = append(pairs, soaked{c.name + "_init", 2, started(func(g *guest, cell uint32) {
			g.must(c.name+"_init", append(append([]any{}, c.arguments...), tWorld, infoNull, cell)...)
		}, true)})
		pairs = append(pairs, soaked{"I" + c.name, 2, func(g *guest, round int) {
			g.must("I"+string(c.name[0]+32)+c.name[1:], append(append([]any{}, c.arguments...), tWorld, cell(0))...)
			if round%2 == 0 {
				g.must("Request_free", cell(0))
				g.must("Barrier", tWorld)
			} else {
				g.must("Wait", cell(0), 0)
			}
		}})
	}
	return pairs
}

// ints3 is an array of one rank of three, at the same address in every round.
func (g *guest) ints3(round int) uint32 {
	g.setInt(soakCell+64, 0, round%3)
	return soakCell + 64
}

// tables are the sizes of what a rank keeps.
func (r *Rank) tables() map[string]int {
	posted, unexpected := r.endpoint.Queued()
	r.world.instancesMu.Lock()
	defer r.world.instancesMu.Unlock() // its tables are all ranks'
	return map[string]int{"communicators": len(r.comms.objects), "groups": len(r.groups.objects),
		"datatypes":  len(r.types.objects),
		"operations": len(r.ops.objects), "messages": len(r.messages.objects), "error handlers": len(r.errhandlers.objects),
		"infos": len(r.infos.objects), "requests": len(r.requests.table.objects), "idle requests": len(r.requests.idle),
		"orphans": len(r.requests.orphans), "keys": len(r.keyvals), "error codes": len(r.errors.codes),
		"free memory":      len(r.heap.free),
		"memory given out": len(r.heap.used), "posted": posted, "unexpected": unexpected,
		"named instances": len(r.world.named),
		"instances":       len(r.worldComm.instances.live), "idle instances": len(r.worldComm.instances.idle),
		"linear memory": len(r.main.host.Memory()) >> 16}
}

// TestSoak makes and lets go of everything, and looks at the heap and at each table before and after many rounds.
func TestSoak(t *testing.T) {
	rounds := 1500
	if *soakRounds > 0 {
		rounds = *soakRounds
	}
	// What a rank may keep more of, after any number of rounds: what happened to be under way at the same time.
	const slack, heapSlack = 40, 256 << 10
	for _, p := range soakPairs() {
		t.Run(p.name, func(t *testing.T) {
			if p.name == "mismatches" {
				inSharedMemory(t)
			}
			var heap [2]uint64
			play(t, p.size, func(g *guest) {
				g.must("Comm_set_errhandler", tWorld, errorsReturn)
				g.table[1], g.results[1] = func(...uint64) {}, func(...uint64) int32 { return 0 }
				var tables [2]map[string]int
				for phase := range 2 {
					for round := range []int{100, rounds}[phase] {
						g.top = 200 << 10
						p.step(g, round)
					}
					g.must("Barrier", tWorld)
					g.thread.reap()
					if tables[phase] = g.rank.tables(); g.me == 0 {
						runtime.GC()
						var m runtime.MemStats
						runtime.ReadMemStats(&m)
						heap[phase] = m.HeapAlloc
					}
					g.must("Barrier", tWorld)
				}
				for name, n := range tables[1] {
					if n > tables[0][name]+slack {
						t.Errorf("rank %d has %d %s after %d rounds and had %d after 100", g.me, n, name, rounds, tables[0][name])
					}
				}
			})
			if more := int64(heap[1]) - int64(heap[0]); more > heapSlack {
				t.Errorf("%d rounds keep %d bytes, %d each", rounds, more, more/int64(rounds))
			}
		})
	}
}
