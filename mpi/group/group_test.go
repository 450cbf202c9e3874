package group

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		g, h []WorldRank
		want Relation
	}{
		{nil, nil, Identical}, {[]WorldRank{1, 2}, []WorldRank{1, 2}, Identical},
		{[]WorldRank{1, 2}, []WorldRank{2, 1}, Similar},
		{[]WorldRank{1, 2}, []WorldRank{1}, Unequal}, {[]WorldRank{1, 2}, []WorldRank{1, 3}, Unequal},
	} {
		if got := (&Group{c.g}).Compare(&Group{c.h}); got != c.want {
			t.Errorf("%v and %v: %d, want %d", c.g, c.h, got, c.want)
		}
	}
}

func TestDistinct(t *testing.T) {
	g := New(3)
	for says, ranks := range map[string][]int64{"<nil>": {2, 0}, "invalid rank -1 (the group has 3)": {0, -1},
		"invalid rank 3 (the group has 3)": {3}, "rank 1 is there twice": {1, 2, 1}} {
		if got := fmt.Sprint(g.Distinct(ranks)); got != says {
			t.Errorf("%v: %s, want %s", ranks, got, says)
		}
	}
}

// TestRandomGroups compares what is made of two random groups with the definitions of the standard.
func TestRandomGroups(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 2000 {
		draw := func() *Group {
			g := &Group{}
			for _, x := range rng.Perm(8)[:rng.IntN(8)] {
				g.Ranks = append(g.Ranks, WorldRank(x))
			}
			return g
		}
		g, h := draw(), draw()
		var union, both, without []WorldRank
		for _, x := range g.Ranks {
			union = append(union, x)
			if slices.Contains(h.Ranks, x) {
				both = append(both, x)
			} else {
				without = append(without, x)
			}
		}
		for _, x := range h.Ranks {
			if !slices.Contains(g.Ranks, x) {
				union = append(union, x)
			}
		}
		var chosen []int64
		for _, x := range rng.Perm(len(g.Ranks))[:rng.IntN(len(g.Ranks)+1)] {
			chosen = append(chosen, int64(x))
		}
		var in, out []WorldRank
		for _, i := range chosen {
			in = append(in, g.Ranks[i])
		}
		for i, x := range g.Ranks {
			if !slices.Contains(chosen, int64(i)) {
				out = append(out, x)
			}
			if g.Index(x) != g.Indexes()[x] || int(g.Index(x)) != i {
				t.Errorf("%v: rank %d has number %d", g.Ranks, x, g.Index(x))
			}
		}
		for name, c := range map[string][2][]WorldRank{"union": {Union(g, h).Ranks, union},
			"intersection": {Intersection(g, h).Ranks, both}, "difference": {Difference(g, h).Ranks, without},
			"included": {g.Included(chosen).Ranks, in}, "excluded": {g.Excluded(chosen).Ranks, out}} {
			if !slices.Equal(c[0], c[1]) {
				t.Fatalf("%s of %v and %v or %v: %v, want %v", name, g.Ranks, h.Ranks, chosen, c[0], c[1])
			}
		}
		if g.Index(9) != Undefined || g.Has(-1) || g.Has(8) || !g.Has(0) && g.Size() > 0 {
			t.Errorf("%v has what it has not", g.Ranks)
		}
	}
}
