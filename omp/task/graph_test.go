package task

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// simulation runs the tasks of a graph in a random order, and holds each step to the standard's words, pair by pair.
type simulation struct {
	t        *testing.T
	graph    Graph[int]
	nodes    []*Node[int]
	says     [][]Dependence
	ready    []int // and not begun
	begun    map[int]bool
	complete map[int]bool
}

func conflict(a, b []Dependence) (ordered, exclusive bool) {
	for _, x := range merge(slices.Clone(a)) {
		for _, y := range merge(slices.Clone(b)) {
			switch {
			case x.All || y.All:
				ordered = true
			case x.Address != y.Address:
			case x.Kind != y.Kind || x.Kind == InOut:
				ordered = true
			case x.Kind == Mutex:
				exclusive = true
			}
		}
	}
	return ordered, exclusive
}

func (s *simulation) add(d []Dependence) {
	n := &Node[int]{Item: len(s.nodes)}
	s.nodes, s.says = append(s.nodes, n), append(s.says, d)
	if s.graph.Add(n, slices.Clone(d)) {
		s.ready = append(s.ready, n.Item)
	}
	s.check()
}

func (s *simulation) begin(at int) {
	i := s.ready[at]
	s.ready = slices.Delete(s.ready, at, at+1)
	s.begun[i] = true
}

func (s *simulation) end(i int) {
	delete(s.begun, i)
	s.complete[i] = true
	for _, n := range s.graph.Complete(s.nodes[i], nil) {
		s.ready = append(s.ready, n.Item)
	}
	s.check()
}

// check holds that a task is ready if and only if every earlier one that conflicts with it is complete, and, of those
// that exclude each other, one at a time has begun or may.
func (s *simulation) check() {
	s.t.Helper()
	for j := range s.nodes {
		if s.complete[j] {
			continue
		}
		free, released := true, slices.Contains(s.ready, j) || s.begun[j]
		for i := range s.nodes {
			ordered, exclusive := conflict(s.says[i], s.says[j])
			going := slices.Contains(s.ready, i) || s.begun[i]
			if i < j && ordered && !s.complete[i] || i != j && !released && exclusive && going {
				free = false
			}
			if i < j && exclusive && !ordered && going && released {
				s.t.Fatalf("%d and %d go on at once: %v, %v", i, j, s.says[i], s.says[j])
			}
		}
		if free != released {
			s.t.Fatalf("task %d: may begin: %t, ready: %t", j, free, released)
		}
	}
}

func TestRandomGraphs(t *testing.T) {
	for seed := range uint64(400) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			s := &simulation{t: t, begun: map[int]bool{}, complete: map[int]bool{}}
			addresses := 1 + random.IntN(4)
			for len(s.complete) < 30 {
				switch {
				case random.IntN(3) == 0 && len(s.nodes) < 30:
					var d []Dependence
					for range 1 + random.IntN(3) {
						d = append(d, Dependence{Address: uint64(random.IntN(addresses)), Kind: Kind(random.IntN(4))})
					}
					if random.IntN(12) == 0 {
						d = append(d, Dependence{Kind: InOut, All: true})
					}
					s.add(d)
				case random.IntN(2) == 0 && len(s.ready) > 0:
					s.begin(random.IntN(len(s.ready)))
				case len(s.begun) > 0:
					going := make([]int, 0, len(s.begun))
					for i := range s.nodes {
						if s.begun[i] {
							going = append(going, i)
						}
					}
					s.end(going[random.IntN(len(going))])
				case len(s.ready) > 0:
					s.begin(0)
				case len(s.nodes) == 30:
					t.Fatal("nothing may begin, and tasks are left")
				}
			}
		})
	}
}

// A generating task waits for what its own dependences are behind, and holds nobody up.
func TestWait(t *testing.T) {
	for kind, want := range map[Kind][]int{In: {3, 1, 2}, InOut: {3, 0, 1, 2}, Mutex: {3, 0, 1, 2}, Set: {3, 1, 0, 2}} {
		var g Graph[int]
		nodes := make([]*Node[int], 4)
		for i, d := range []Dependence{{Address: 8, Kind: In}, {Address: 16, Kind: Mutex}, {Address: 16, Kind: Mutex},
			{Address: 24, Kind: InOut}} {
			nodes[i] = &Node[int]{Item: i}
			g.Add(nodes[i], []Dependence{d})
		}
		wait := &Node[int]{Item: 4}
		if g.Wait(wait, []Dependence{{Address: 8, Kind: kind}, {Address: 16, Kind: Mutex}, {Address: 24, Kind: In}}) {
			t.Errorf("kind %d waits for none", kind)
		}
		for i, n := range want {
			ready := g.Complete(nodes[n], nil)
			if done := slices.Contains(ready, wait); done != (i == len(want)-1) {
				t.Errorf("kind %d: behind task %d it may go on: %t", kind, n, done)
			}
		}
	}
	var g Graph[int]
	last := &Node[int]{}
	g.Add(last, []Dependence{{All: true, Kind: InOut}})
	if g.Wait(&Node[int]{}, []Dependence{{Address: 8}}) || g.Wait(&Node[int]{}, []Dependence{{All: true, Kind: InOut}}) {
		t.Error("what depends on all memory holds up nobody")
	}
}

// What is over is forgotten, whether its generating task ever waits or not.
func TestLocationsAreBounded(t *testing.T) {
	var g Graph[int]
	for i := range uint64(100 * leastSweep) {
		n := &Node[int]{}
		if !g.Add(n, []Dependence{{Address: i, Kind: InOut}, {Address: 1 << 40, Kind: In}}) {
			t.Fatal("a task waits")
		}
		g.Complete(n, nil)
		if len(g.locations) > 2*leastSweep || len(g.locations[1<<40].row) > 64 {
			t.Fatalf("%d locations are kept, with %d readers", len(g.locations), len(g.locations[1<<40].row))
		}
	}
}

type descent struct {
	parent *descent
	depth  int
}

func (d *descent) Parent() *descent { return d.parent }
func (d *descent) Depth() int       { return d.depth }

func TestConstraint(t *testing.T) {
	root := &descent{}
	root.parent = root
	child := func(p *descent) *descent { return &descent{p, p.depth + 1} }
	a, b := child(root), child(root)
	aa, ab := child(a), child(a)
	for _, c := range []struct {
		begin, suspended *descent
		may              bool
	}{
		{a, root, true}, {aa, root, true}, {aa, a, true}, {child(aa), a, true}, {b, a, false}, {a, a, false},
		{ab, aa, false}, {a, aa, false}, {child(b), aa, false},
	} {
		if got := May(c.begin, c.suspended); got != c.may {
			t.Errorf("%+v: %t", c, got)
		}
	}
}

// Chunks cover a loop without a gap, as many and as long as the clauses say.
func TestCut(t *testing.T) {
	for _, c := range []struct {
		trips  uint64
		by     Division
		n      uint64
		strict bool
		sizes  []uint64
	}{
		{10, GrainSize, 3, false, []uint64{4, 3, 3}}, {10, GrainSize, 3, true, []uint64{3, 3, 3, 1}},
		{10, GrainSize, 100, true, []uint64{10}}, {10, GrainSize, 100, false, []uint64{10}},
		{10, NumTasks, 4, false, []uint64{3, 3, 2, 2}}, {10, NumTasks, 4, true, []uint64{3, 3, 2, 2}},
		{3, NumTasks, 100, false, []uint64{1, 1, 1}}, {25, Unsaid, 0, false, []uint64{2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1,
			1, 1, 1, 1, 1, 1, 1}}, {5, NumTasks, 0, false, []uint64{5}}, {1, GrainSize, 1 << 63, true, []uint64{1}},
	} {
		chunks := Cut(c.trips, c.by, c.n, c.strict, 2)
		next, sizes := uint64(0), []uint64{}
		for i := range chunks.Count {
			first, count := chunks.At(i)
			if first != next {
				t.Fatalf("%+v: chunk %d begins at %d, not at %d", c, i, first, next)
			}
			next += count
			sizes = append(sizes, count)
		}
		if next != c.trips || !slices.Equal(sizes, c.sizes) {
			t.Errorf("%+v: %v", c, sizes)
		}
	}
	for _, l := range []struct {
		Loop
		trips uint64
	}{{Loop{3, 12, 4}, 3}, {Loop{12, 3, -4}, 3}, {Loop{5, 5, 1}, 1}, {Loop{1<<64 - 2, 1, 1}, 4}} {
		if got := l.Trips(); got != l.trips {
			t.Errorf("%+v: %d", l, got)
		}
	}
}
