package mpi

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/faasmrun/faasmrun/mpi/profile"
)

func TestWarnings(t *testing.T) {
	var mu sync.Mutex
	var said []string
	config := WorldConfig{Size: 2, Warn: func(rank int, text string) {
		mu.Lock()
		said = append(said, text)
		mu.Unlock()
	}}
	for i, err := range outcomeIn(t, config, guestMemory, func(g *guest) {
		g.must("Init", 0, 0)
		if g.me == 0 {
			g.newcomm("Comm_dup", tSelf)
			g.newtype("Type_contiguous", 2, tInt)
			g.must("Irecv", g.alloc(4), 1, tInt, 1, 9, tWorld, g.alloc(4))
			g.must("Recv_init", g.alloc(4), 1, tInt, 1, 9, tWorld, g.alloc(4))
			g.must("Send", g.alloc(4), 1, tInt, 1, 8, tWorld)
		}
		g.must("Bcast", g.alloc(40), 3+g.me, tInt, 0, tWorld)
		g.must("Finalize")
	}) {
		if err != nil {
			t.Errorf("rank %d: %v", i, err)
		}
	}
	for _, part := range []string{"communicator 4 with 1 ranks was not freed", "1 datatypes were not freed",
		"never completed: MPI_Irecv from rank 1, tag 9", "persistent request of MPI_Recv_init was not freed",
		"1 messages were never received", "MPI_Bcast on MPI_COMM_WORLD: receives a block of 16 bytes from rank 0, which sends 12"} {
		if !slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, part) }) {
			t.Errorf("nobody said %q in %q", part, said)
		}
	}
}

func TestStats(t *testing.T) {
	w, guests := newGuests(t, WorldConfig{Size: 1, Stats: true}, guestMemory)
	defer w.Close()
	g := guests[0]
	g.must("Init", 0, 0)
	for range 3 {
		g.must("Sendrecv", g.alloc(12), 3, tInt, 0, 0, g.alloc(12), 3, tInt, 0, 0, tWorld, 0)
	}
	if got := g.rank.Traffic()[0]; got != (Traffic{3, 36}) {
		t.Errorf("traffic %v", got)
	}
	g.must("Pcontrol", 0, 0)
	g.must("Barrier", tWorld)
	g.must("Pcontrol", 1, 0)
	g.must("Allreduce", g.alloc(8), g.alloc(8), 2, tInt, tSum, tWorld)
	g.must("Irecv", g.alloc(8), 2, tInt, 0, 0, tWorld, 1024)
	g.must("Send", g.alloc(4), 1, tInt, 0, 0, tWorld)
	g.must("Wait", 1024, 0)
	p := w.Profile().Ranks[0]
	uses := map[string][3]uint64{}
	for _, f := range p.Functions {
		uses[f.Name] = [3]uint64{f.Calls, f.SentBytes, f.ReceivedBytes}
	}
	wanted := map[string][3]uint64{"MPI_Init": {1, 0, 0}, "MPI_Sendrecv": {3, 36, 36}, "MPI_Pcontrol": {1, 0, 0}, "MPI_Allreduce": {1, 8, 8},
		"MPI_Irecv": {1, 0, 4}, "MPI_Send": {1, 4, 0}, "MPI_Wait": {1, 0, 0}}
	if !maps.Equal(uses, wanted) {
		t.Errorf("functions %v, want %v", uses, wanted)
	}
	if p.MPI <= 0 || p.MPI > p.Wall || p.Finalized || !slices.Equal(p.Sent, []profile.Sent{{To: 0, Messages: 4, Bytes: 40}}) {
		t.Errorf("profile %+v", p)
	}
}
