// Package agree decides what comes of it when ranks make communicators together (MPI 5.0, chapters 7.4, 7.6 and 8.5):
// who is in which of the new communicators, in which order, and under which context. It is pure: no goroutine, no lock,
// no clock, no counter that ranks share. Package mpi brings the proposals of all participants together, asks Settle,
// and gives each participant its outcome.
package agree

import (
	"cmp"
	"errors"
	"slices"

	"github.com/faasmrun/faasmrun/mpi/group"
	"github.com/faasmrun/faasmrun/mpi/match"
)

// Kind is what the participants make.
type Kind uint8

const (
	Duplicate Kind = iota + 1 // one more communicator of all, as MPI_Comm_dup
	Split                     // a communicator for each colour, as MPI_Comm_split
	Create                    // communicators of given groups, as MPI_Comm_create
	Bridge                    // the first half of MPI_Intercomm_create: two leaders join their groups
	Follow                    // the second half: each leader tells its own side
	Merge                     // one communicator of an intercommunicator's groups, as MPI_Intercomm_merge
	Graph                     // one more communicator of all, with edges, as MPI_Dist_graph_create
)

// Proposal is what one participant brings. Participants stand in the order of the communicator on which they agree: the
// ranks of its group, in an intercommunicator the first group's before the second's.
type Proposal struct {
	Rank   group.WorldRank
	Second bool // the rank is in the second group of an intercommunicator
	// Context is one that a new communicator may have, from the rank's Contexts; NoContext if it has none left. The first
	// participant of a new communicator that has one gives it.
	Context uint32

	Color, Key int64        // of Split: a negative colour is that of no communicator
	Group      *group.Group // of Create, of Bridge: whom the rank leads
	High       bool         // of Merge: the rank's group comes second
	Edges      []Edge       // of Graph: any of the graph's
	Leaders    *Outcome     // of Follow, from the leader alone: what came of Bridge
}

// Edge is an edge of a distributed graph, between two participants by their positions.
type Edge struct{ From, To, Weight int64 }

// Outcome is what becomes of one participant.
type Outcome struct {
	Context uint32
	Local   *group.Group // the rank's group; nil: it is in no new communicator
	Remote  *group.Group // the other one, of an intercommunicator; else nil
	Second  bool         // the rank's group is the intercommunicator's second
	Member  int          // the rank's position among the new communicator's participants
	Edges   *Edges       // of Graph: those that touch the rank; nil if none does
	Err     error        // why there is none
}

// Edges are those that lead to a rank, and from it.
type Edges struct{ In, Out []Edge }

// Errors of all participants alike.
var (
	ErrOverlap  = errors.New("the two groups overlap")
	ErrGroups   = errors.New("the groups that ranks give overlap and are not the same")
	ErrLeaders  = errors.New("the ranks of one side do not give the same leader")
	ErrContexts = errors.New("the job has made as many communicators as it can")
)

// Settle gives each proposal its outcome. There are two proposals for Bridge, and at least one for the others. Groups
// hold ranks of the participants only, but for Bridge; the ends of edges are positions of participants.
func Settle(kind Kind, proposals []Proposal) []Outcome {
	s := settling{proposals, make([]Outcome, len(proposals))}
	switch kind {
	case Duplicate:
		s.duplicate()
	case Split:
		s.split()
	case Create:
		s.create()
	case Bridge:
		s.bridge()
	case Follow:
		s.follow()
	case Merge:
		s.merge()
	case Graph:
		s.graph()
	}
	return s.outcomes
}

type settling struct {
	proposals []Proposal
	outcomes  []Outcome
}

// all lists the positions of all participants.
func (s *settling) all() []int {
	all := make([]int, len(s.proposals))
	for i := range all {
		all[i] = i
	}
	return all
}

// inter reports whether the participants are those of an intercommunicator.
func (s *settling) inter() bool { return s.proposals[len(s.proposals)-1].Second }

// sides are the groups of some participants in their order, first and second; of an intracommunicator there is none.
func (s *settling) sides(positions []int) (first, second *group.Group) {
	first = &group.Group{Ranks: make([]group.WorldRank, 0, len(positions))}
	if s.inter() {
		second = &group.Group{}
	}
	for _, i := range positions {
		side := first
		if s.proposals[i].Second {
			side = second
		}
		side.Ranks = append(side.Ranks, s.proposals[i].Rank)
	}
	return first, second
}

// finder finds ranks in a group, mostly one after the other.
type finder struct {
	of   *group.Group
	next int
	all  map[group.WorldRank]match.Rank // made when the ranks do not come in order
}

func (f *finder) find(rank group.WorldRank) (index int, ok bool) {
	if f.next < len(f.of.Ranks) && f.of.Ranks[f.next] == rank {
		f.next++
		return f.next - 1, true
	}
	if f.all == nil {
		f.all = f.of.Indexes()
	}
	at, ok := f.all[rank]
	return int(at), ok
}

// found makes a communicator of some participants, in rising positions, who are the members of one group or of two.
func (s *settling) found(positions []int, first, second *group.Group) {
	context := uint32(NoContext)
	for _, i := range positions {
		if context == NoContext {
			context = s.proposals[i].Context
		}
	}
	if context == NoContext {
		s.refuse(positions, ErrContexts)
		return
	}
	in, other := finder{of: first}, finder{of: second}
	for _, i := range positions {
		out := &s.outcomes[i]
		out.Context = context
		if at, ok := in.find(s.proposals[i].Rank); ok {
			out.Local, out.Remote, out.Member = first, second, at
		} else {
			at, _ = other.find(s.proposals[i].Rank)
			out.Local, out.Remote, out.Second, out.Member = second, first, true, len(first.Ranks)+at
		}
	}
}

func (s *settling) refuse(positions []int, err error) {
	for _, i := range positions {
		s.outcomes[i] = Outcome{Err: err}
	}
}

func (s *settling) duplicate() {
	all := s.all()
	first, second := s.sides(all)
	s.found(all, first, second)
}

// split makes a communicator for each colour: of an intercommunicator for those that both sides have.
func (s *settling) split() {
	byColor := map[int64][]int{}
	var colors []int64 // in the order in which they come up
	for i, p := range s.proposals {
		if p.Color < 0 {
			continue
		}
		if byColor[p.Color] == nil {
			colors = append(colors, p.Color)
		}
		byColor[p.Color] = append(byColor[p.Color], i)
	}
	for _, color := range colors {
		positions := byColor[color]
		byKey := slices.Clone(positions)
		slices.SortStableFunc(byKey, func(i, j int) int { return cmp.Compare(s.proposals[i].Key, s.proposals[j].Key) })
		first, second := s.sides(byKey)
		if second == nil || first.Size() > 0 && second.Size() > 0 {
			s.found(positions, first, second)
		}
	}
}

// given is a group that some participants, who are in it, have given alike.
type given struct {
	group     *group.Group
	second    bool
	positions []int
}

// complete reports whether all its ranks have given the group.
func (g *given) complete() bool { return len(g.positions) == int(g.group.Size()) }

// given lists the groups.
func (s *settling) given() []*given {
	var list []*given
	for i, p := range s.proposals {
		if p.Group.Index(p.Rank) == group.Undefined {
			continue
		}
		at := slices.IndexFunc(list, func(g *given) bool {
			return g.second == p.Second && g.group.Compare(p.Group) == group.Identical
		})
		if at < 0 {
			at = len(list)
			list = append(list, &given{group: p.Group, second: p.Second})
		}
		list[at].positions = append(list[at].positions, i)
	}
	return list
}

// create makes communicators of groups. Ranks may give different ones, which then do not overlap. On an
// intercommunicator each side gives one, and nothing comes of a group without another.
func (s *settling) create() {
	list := s.given()
	if !s.inter() {
		for _, g := range list {
			if g.complete() {
				s.found(g.positions, g.group, nil)
			} else {
				s.refuse(g.positions, ErrGroups)
			}
		}
		return
	}
	var positions []int
	good := true
	for _, g := range list {
		positions = append(positions, g.positions...)
		good = good && g.complete()
	}
	seconds := len(list) > 1 && list[0].second != list[1].second
	slices.Sort(positions)
	switch {
	case !good || len(list) > 2 || len(list) == 2 && !seconds:
		s.refuse(positions, ErrGroups)
	case len(list) == 2 && list[0].second:
		s.found(positions, list[1].group, list[0].group)
	case len(list) == 2:
		s.found(positions, list[0].group, list[1].group)
	}
}

// bridge joins the groups of two leaders; the first one's is the first.
func (s *settling) bridge() {
	first, second := s.proposals[0].Group, s.proposals[1].Group
	if group.Intersection(first, second).Size() > 0 {
		s.refuse(s.all(), ErrOverlap)
		return
	}
	s.found(s.all(), first, second)
}

// follow gives the members of a side their part of what their leader has brought.
func (s *settling) follow() {
	var leaders []int
	for i, p := range s.proposals {
		if p.Leaders != nil {
			leaders = append(leaders, i)
		}
	}
	if len(leaders) != 1 {
		s.refuse(s.all(), ErrLeaders)
		return
	}
	from := s.proposals[leaders[0]].Leaders
	if from.Err != nil {
		s.refuse(s.all(), from.Err)
		return
	}
	behind := 0
	if from.Second {
		behind = int(from.Remote.Size())
	}
	in := finder{of: from.Local}
	for i, p := range s.proposals {
		at, _ := in.find(p.Rank)
		s.outcomes[i] = *from
		s.outcomes[i].Member = behind + at
	}
}

// merge makes one communicator of both sides. The one that gave high comes second; if both gave the same, the first
// side is first. What the first rank of a side gives counts for it.
func (s *settling) merge() {
	first, second := s.sides(s.all())
	if s.proposals[0].High && !s.proposals[first.Size()].High {
		first, second = second, first
	}
	s.found(s.all(), group.Union(first, second), nil)
}

// graph tells each participant of the edges that touch it.
func (s *settling) graph() {
	s.duplicate()
	for _, p := range s.proposals {
		for _, e := range p.Edges {
			from, to := s.outcomes[e.From].edges(), s.outcomes[e.To].edges()
			from.Out, to.In = append(from.Out, e), append(to.In, e)
		}
	}
}

// edges are the outcome's, to add to.
func (out *Outcome) edges() *Edges {
	if out.Edges == nil {
		out.Edges = &Edges{}
	}
	return out.Edges
}
