package agree

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/mpi/group"
)

func of(ranks ...group.WorldRank) *group.Group { return &group.Group{Ranks: ranks} }

// told is an outcome in short, "12: [0 1]+[2] 1st/0": the context, the groups, which of them is the rank's, and where
// it is.
func told(out Outcome) string {
	switch {
	case out.Err != nil:
		return out.Err.Error()
	case out.Local == nil:
		return "none"
	case out.Remote == nil:
		return fmt.Sprintf("%d: %v/%d", out.Context, out.Local.Ranks, out.Member)
	case out.Second:
		return fmt.Sprintf("%d: %v+%v 2nd/%d", out.Context, out.Remote.Ranks, out.Local.Ranks, out.Member)
	}
	return fmt.Sprintf("%d: %v+%v 1st/%d", out.Context, out.Local.Ranks, out.Remote.Ranks, out.Member)
}

func TestSettle(t *testing.T) {
	joined := Outcome{Context: 9, Local: of(5, 6), Remote: of(1), Second: true, Member: 1}
	for _, c := range []struct {
		name      string
		kind      Kind
		proposals []Proposal
		want      string
	}{
		{"a duplicate", Duplicate, []Proposal{{Rank: 4, Context: 7}, {Rank: 2, Context: 8}}, "7: [4 2]/0, 7: [4 2]/1"},
		{"a duplicate of two sides", Duplicate,
			[]Proposal{{Rank: 4, Context: 7}, {Rank: 2, Context: 8}, {Rank: 0, Second: true, Context: 9}},
			"7: [4 2]+[0] 1st/0, 7: [4 2]+[0] 1st/1, 7: [4 2]+[0] 2nd/2"},
		{"the first has no context left", Duplicate, []Proposal{{Rank: 4}, {Rank: 2, Context: 8}}, "8: [4 2]/0, 8: [4 2]/1"},
		{"nobody has one", Duplicate, []Proposal{{Rank: 4}, {Rank: 2}}, ErrContexts.Error() + ", " + ErrContexts.Error()},
		{"colours and keys", Split, []Proposal{{Rank: 0, Context: 4, Color: 1, Key: 5}, {Rank: 1, Context: 5, Color: 0},
			{Rank: 2, Context: 6, Color: 1, Key: -1}, {Rank: 3, Context: 7, Color: -1}, {Rank: 4, Context: 8, Color: 1, Key: 5}},
			"4: [2 0 4]/1, 5: [1]/0, 4: [2 0 4]/0, none, 4: [2 0 4]/2"},
		{"colours of two sides", Split, []Proposal{{Rank: 0, Context: 4, Color: 1}, {Rank: 1, Context: 5, Color: 2, Key: 1},
			{Rank: 2, Context: 6, Color: 2}, {Rank: 3, Context: 7, Color: 2, Second: true},
			{Rank: 4, Context: 8, Color: 3, Second: true}},
			"none, 5: [2 1]+[3] 1st/1, 5: [2 1]+[3] 1st/0, 5: [2 1]+[3] 2nd/2, none"},
		{"a group", Create, []Proposal{{Rank: 0, Context: 4, Group: of(2, 0)}, {Rank: 1, Group: of(2, 0)},
			{Rank: 2, Context: 6, Group: of(2, 0)}}, "4: [2 0]/1, none, 4: [2 0]/0"},
		{"two groups", Create, []Proposal{{Rank: 0, Context: 4, Group: of(0)}, {Rank: 1, Context: 5, Group: of(2, 1)},
			{Rank: 2, Context: 6, Group: of(2, 1)}, {Rank: 3, Group: group.Empty}}, "4: [0]/0, 5: [2 1]/1, 5: [2 1]/0, none"},
		{"groups that overlap", Create, []Proposal{{Rank: 0, Context: 4, Group: of(0, 1)},
			{Rank: 1, Context: 5, Group: of(1)}, {Rank: 2, Context: 6, Group: of(2)}},
			ErrGroups.Error() + ", 5: [1]/0, 6: [2]/0"},
		{"groups of two sides", Create, []Proposal{{Rank: 0, Context: 4, Group: of(1)}, {Rank: 1, Context: 5, Group: of(1)},
			{Rank: 2, Context: 6, Group: of(3, 2), Second: true}, {Rank: 3, Context: 7, Group: of(3, 2), Second: true}},
			"none, 5: [1]+[3 2] 1st/0, 5: [1]+[3 2] 2nd/2, 5: [1]+[3 2] 2nd/1"},
		{"a group of one side", Create, []Proposal{{Rank: 0, Context: 4, Group: of(0)},
			{Rank: 2, Context: 6, Group: group.Empty, Second: true}}, "none, none"},
		{"two groups of one side", Create, []Proposal{{Rank: 0, Context: 4, Group: of(0)}, {Rank: 1, Group: of(1)},
			{Rank: 2, Context: 6, Group: of(2), Second: true}},
			strings.Join(slices.Repeat([]string{ErrGroups.Error()}, 3), ", ")},
		{"a group of one side that not all have given", Create, []Proposal{{Rank: 0, Context: 4, Group: of(0, 1)},
			{Rank: 1, Group: group.Empty}, {Rank: 2, Context: 6, Group: of(2), Second: true}},
			ErrGroups.Error() + ", none, " + ErrGroups.Error()},
		{"leaders", Bridge, []Proposal{{Rank: 1, Context: 4, Group: of(0, 1)}, {Rank: 5, Context: 6, Group: of(5, 6)}},
			"4: [0 1]+[5 6] 1st/1, 4: [0 1]+[5 6] 2nd/2"},
		{"leaders of the same ranks", Bridge, []Proposal{{Rank: 1, Group: of(1, 2)}, {Rank: 5, Group: of(5, 2)}},
			ErrOverlap.Error() + ", " + ErrOverlap.Error()},
		{"followers", Follow, []Proposal{{Rank: 5, Leaders: &joined}, {Rank: 6}}, "9: [1]+[5 6] 2nd/1, 9: [1]+[5 6] 2nd/2"},
		{"followers of nobody", Follow, []Proposal{{Rank: 5}, {Rank: 6}}, ErrLeaders.Error() + ", " + ErrLeaders.Error()},
		{"followers of two", Follow, []Proposal{{Rank: 5, Leaders: &joined}, {Rank: 6, Leaders: &joined}},
			ErrLeaders.Error() + ", " + ErrLeaders.Error()},
		{"followers of one who failed", Follow,
			[]Proposal{{Rank: 5}, {Rank: 6, Leaders: &Outcome{Err: errors.New("no peer")}}}, "no peer, no peer"},
		{"a merger", Merge, []Proposal{{Rank: 3, Context: 4}, {Rank: 1, Second: true}, {Rank: 2, Second: true}},
			"4: [3 1 2]/0, 4: [3 1 2]/1, 4: [3 1 2]/2"},
		{"a merger the other way", Merge, []Proposal{{Rank: 3, Context: 4, High: true}, {Rank: 1, Second: true}},
			"4: [1 3]/1, 4: [1 3]/0"},
		{"a merger of two that are high", Merge, []Proposal{{Rank: 3, Context: 4, High: true},
			{Rank: 1, Second: true, High: true}}, "4: [3 1]/0, 4: [3 1]/1"},
	} {
		var got []string
		for _, out := range Settle(c.kind, c.proposals) {
			got = append(got, told(out))
		}
		if s := strings.Join(got, ", "); s != c.want {
			t.Errorf("%s: %s\nwant %s", c.name, s, c.want)
		}
	}
}

// TestSplitKeepsOrder: ranks of one key stay in the order of the participants.
func TestSplitKeepsOrder(t *testing.T) {
	var proposals []Proposal
	for i := range 60 {
		proposals = append(proposals, Proposal{Rank: group.WorldRank(100 - i), Context: 4, Key: int64(i % 2)})
	}
	ranks := Settle(Split, proposals)[0].Local.Ranks
	for i, r := range ranks {
		if want := group.WorldRank(100 - 2*i%60 - i/30); r != want {
			t.Fatalf("%v: rank %d is %d, want %d", ranks, i, r, want)
		}
	}
}

func TestGraph(t *testing.T) {
	outs := Settle(Graph, []Proposal{{Rank: 4, Context: 7, Edges: []Edge{{1, 2, 5}, {0, 0, 1}}}, {Rank: 2},
		{Rank: 0, Edges: []Edge{{1, 0, 3}}}})
	for i, want := range []string{"[{0 0 1} {1 0 3}] [{0 0 1}]", "[] [{1 2 5} {1 0 3}]", "[{1 2 5}] []"} {
		got := fmt.Sprint(outs[i].Edges.In, outs[i].Edges.Out)
		if got != want || told(outs[i]) != fmt.Sprintf("7: [4 2 0]/%d", i) {
			t.Errorf("%s: %s, want %s", told(outs[i]), got, want)
		}
	}
}

func TestContexts(t *testing.T) {
	c := NewContexts(1, 4)
	first, second := c.Reserve(), c.Reserve()
	c.GiveBack(first) // not the last
	c.GiveBack(NoContext)
	if third := c.Reserve(); first != 4*FirstContext+1 || second != first+4 || third != first+8 {
		t.Errorf("contexts %d %d %d", first, second, third)
	} else if c.GiveBack(third); c.Reserve() != third {
		t.Error("what was given back is not given again")
	}
	c.next = LastContext / 4
	if last := c.Reserve(); last != LastContext/4*4+1 || c.Reserve() != NoContext || c.Reserve() != NoContext {
		t.Errorf("the last context %#x", last)
	}
}

// A rank goes on where it was, and nowhere else.
func TestContinueContexts(t *testing.T) {
	c := NewContexts(1, 4)
	c.Reserve()
	d, err := ContinueContexts(1, 4, c.Next())
	if err != nil || d.Reserve() != c.Reserve() {
		t.Errorf("a rank that went on gives other contexts (%v)", err)
	}
	for _, next := range []uint64{0, FirstContext - 1, LastContext + 2, math.MaxUint64} {
		if _, err := ContinueContexts(1, 4, next); err == nil {
			t.Errorf("a rank came to context %d", next)
		}
	}
}

// job is ranks that make communicators, each as its functions would: several at a time, settled in any order.
type job struct {
	t        *testing.T
	rng      *rand.Rand
	contexts []Contexts
	comms    []comm
	used     map[uint32]string // what has a context
	pending  []pending
}

// comm is one communicator: its sides.
type comm struct{ first, second []group.WorldRank }

func (c comm) all() []group.WorldRank { return slices.Concat(c.first, c.second) }

type pending struct {
	kind      Kind
	proposals []Proposal
}

// propose lets the members of a communicator propose something.
func (j *job) propose(c comm) {
	inter := len(c.second) > 0
	kinds := []Kind{Duplicate, Split, Create, Graph}
	if inter {
		kinds = []Kind{Duplicate, Split, Create, Merge}
	}
	p := pending{kind: kinds[j.rng.IntN(len(kinds))]}
	chosen := func(of []group.WorldRank) *group.Group {
		g := &group.Group{}
		for _, i := range j.rng.Perm(len(of))[:j.rng.IntN(len(of)+1)] {
			g.Ranks = append(g.Ranks, of[i])
		}
		return g
	}
	groups := []*group.Group{chosen(c.first), nil}
	if inter {
		groups[1] = chosen(c.second)
	}
	for i, r := range c.all() {
		side := 0
		if i >= len(c.first) {
			side = 1
		}
		p.proposals = append(p.proposals, Proposal{Rank: r, Second: side == 1, Context: j.contexts[r].Reserve(),
			Color: int64(j.rng.IntN(4)) - 1, Key: int64(j.rng.IntN(3)), Group: groups[side], High: j.rng.IntN(2) == 0})
	}
	j.pending = append(j.pending, p)
}

// bridge makes an intercommunicator of two groups.
func (j *job) bridge() {
	ranks := j.rng.Perm(len(j.contexts))
	n := 1 + j.rng.IntN(len(ranks)-1)
	sides := make([]*group.Group, 2)
	for side, of := range [][]int{ranks[:n], ranks[n:]} {
		sides[side] = &group.Group{}
		for _, r := range of {
			sides[side].Ranks = append(sides[side].Ranks, group.WorldRank(r))
		}
	}
	var leaders []Proposal
	for _, g := range sides {
		leader := g.Ranks[j.rng.IntN(len(g.Ranks))]
		leaders = append(leaders, Proposal{Rank: leader, Context: j.contexts[leader].Reserve(), Group: g})
	}
	joined := Settle(Bridge, leaders)
	var proposals []Proposal
	var outcomes []Outcome
	for side, g := range sides {
		var own []Proposal
		for _, r := range g.Ranks {
			p := Proposal{Rank: r, Context: j.contexts[r].Reserve()}
			if r == leaders[side].Rank {
				p.Leaders = &joined[side]
			}
			own = append(own, p)
		}
		proposals, outcomes = append(proposals, own...), append(outcomes, Settle(Follow, own)...)
	}
	j.check(Bridge, proposals, outcomes)
	for side := range leaders {
		if joined[side].Context != leaders[side].Context {
			j.contexts[leaders[side].Rank].GiveBack(leaders[side].Context)
		}
	}
}

// check sees that all members of each communicator know the same of it, that it is nobody else's, and that its context
// was no other's before. It keeps some.
func (j *job) check(kind Kind, proposals []Proposal, outcomes []Outcome) {
	members, sizes := map[uint32]map[int]group.WorldRank{}, map[uint32]int{}
	for i, out := range outcomes {
		p := proposals[i]
		if out.Context != p.Context {
			j.contexts[p.Rank].GiveBack(p.Context)
		}
		if out.Err != nil {
			j.t.Fatalf("kind %d of %+v: %v", kind, proposals, out.Err)
		}
		if out.Local == nil {
			continue
		}
		first, second := out.Local, out.Remote
		if out.Second {
			first, second = second, first
		}
		c := comm{first: first.Ranks}
		if second != nil {
			c.second = second.Ranks
		}
		name := fmt.Sprint(c)
		if members[out.Context] == nil {
			if other, known := j.used[out.Context]; known || out.Context < FirstContext {
				j.t.Fatalf("%s has the context %d of %s", name, out.Context, other)
			}
			members[out.Context], j.used[out.Context] = map[int]group.WorldRank{}, name
			j.comms = append(j.comms, c)
		}
		if j.used[out.Context] != name {
			j.t.Fatalf("rank %d takes context %d for that of %s, others for that of %s", p.Rank, out.Context, name,
				j.used[out.Context])
		}
		if out.Member >= len(c.all()) || c.all()[out.Member] != p.Rank || out.Local.Index(p.Rank) == group.Undefined {
			j.t.Fatalf("rank %d is not participant %d of %s", p.Rank, out.Member, name)
		}
		members[out.Context][out.Member], sizes[out.Context] = p.Rank, len(c.all())
	}
	for context, m := range members {
		if c := sizes[context]; len(m) != c {
			j.t.Fatalf("only %v know of %s", m, j.used[context])
		}
	}
	j.comms = j.comms[max(0, len(j.comms)-20):]
}

// TestJob lets the ranks of jobs make communicators at random.
func TestJob(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 1))
		n := 2 + rng.IntN(9)
		j := &job{t: t, rng: rng, used: map[uint32]string{}}
		var world []group.WorldRank
		for r := range n {
			j.contexts = append(j.contexts, NewContexts(group.WorldRank(r), n))
			world = append(world, group.WorldRank(r))
		}
		for range 300 {
			if len(j.comms) == 0 {
				j.comms = append(j.comms, comm{first: world})
			}
			switch rng.IntN(8) {
			case 0:
				j.bridge()
			case 1, 2, 3, 4:
				j.propose(j.comms[rng.IntN(len(j.comms))])
			default:
				if len(j.pending) == 0 {
					continue
				}
				i := rng.IntN(len(j.pending))
				p := j.pending[i]
				j.pending = slices.Delete(j.pending, i, i+1)
				j.check(p.kind, p.proposals, Settle(p.kind, p.proposals))
			}
		}
	}
}
