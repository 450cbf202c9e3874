package mpi

import (
	"maps"
	"slices"
	"testing"

	"github.com/faasmrun/faasmrun/mpi/profile"
)

func TestStats(t *testing.T) {
	w, guests := newGuests(t, WorldConfig{Size: 1, Stats: true}, guestMemory)
	defer w.Close()
	g := guests[0]
	g.must("Init", 0, 0)
	for range 3 {
		g.must("Sendrecv", g.alloc(12), 3, tInt, 0, 0, g.alloc(12), 3, tInt, 0, 0, tWorld, 0)
	}
	g.rank.endpoint.Count()
	if got := g.rank.Traffic()[0]; got != (Traffic{Messages: 3, Bytes: 36}) {
		t.Errorf("traffic %v", got)
	}
	g.must("Pcontrol", 0, 0)
	g.must("Barrier", tWorld)
	g.must("Pcontrol", 1, 0)
	g.must("Allreduce", g.alloc(8), g.alloc(8), 2, tInt, tSum, tWorld)
	g.must("Irecv", g.alloc(8), 2, tInt, 0, 0, tWorld, 1024)
	g.must("Send", g.alloc(4), 1, tInt, 0, 0, tWorld)
	g.must("Wait", 1024, 0)
	g.rank.endpoint.Count()
	p := w.Profile().Ranks[0]
	uses := map[string][3]uint64{}
	for _, f := range p.Functions {
		uses[f.Name] = [3]uint64{f.Calls, f.SentBytes, f.ReceivedBytes}
	}
	wanted := map[string][3]uint64{"MPI_Init": {1, 0, 0}, "MPI_Sendrecv": {3, 36, 36}, "MPI_Pcontrol": {1, 0, 0},
		"MPI_Allreduce": {1, 8, 8},
		"MPI_Irecv":     {1, 0, 4}, "MPI_Send": {1, 4, 0}, "MPI_Wait": {1, 0, 0}}
	if !maps.Equal(uses, wanted) {
		t.Errorf("functions %v, want %v", uses, wanted)
	}
	if p.MPI <= 0 || p.MPI > p.Wall || p.Finalized ||
		!slices.Equal(p.Sent, []profile.Sent{{To: 0, Messages: 4, Bytes: 40}}) {
		t.Errorf("profile %+v", p)
	}
}
