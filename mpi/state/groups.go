package state

import (
	"github.com/faasmrun/faasmrun/mpi/group"
	"github.com/faasmrun/faasmrun/mpi/state/statepb"
)

// Sections that hold what the pure packages know.
const (
	GroupsSection = "groups"
	TypesSection  = "types"
)

// FirstReference is the reference to a section's first object. Those below are predefined.
const FirstReference = 4096

// References to groups that are in no section.
const (
	noGroup    = 0
	worldGroup = 1 // of all ranks, in order
	emptyGroup = 0x109
)

// GroupWriter gathers the groups that a state refers to.
type GroupWriter struct {
	ranks int
	refs  map[*group.Group]uint32
	list  []*statepb.Group
}

// NewGroupWriter is for a job of so many ranks.
func NewGroupWriter(ranks int) *GroupWriter {
	return &GroupWriter{ranks: ranks, refs: map[*group.Group]uint32{nil: noGroup, group.Empty: emptyGroup}}
}

// Reference is what stands for a group, or for nil.
func (w *GroupWriter) Reference(g *group.Group) uint32 {
	ref, known := w.refs[g]
	if !known {
		if ref = worldGroup; !isWorld(g, w.ranks) {
			ref = FirstReference + uint32(len(w.list))
			w.list = append(w.list, &statepb.Group{Ranks: numbers(g)})
		}
		w.refs[g] = ref
	}
	return ref
}

func isWorld(g *group.Group, ranks int) bool {
	if len(g.Ranks) != ranks {
		return false
	}
	for i, r := range g.Ranks {
		if int(r) != i {
			return false
		}
	}
	return true
}

func numbers(g *group.Group) []uint32 {
	ranks := make([]uint32, len(g.Ranks))
	for i, r := range g.Ranks {
		ranks[i] = uint32(r)
	}
	return ranks
}

// Section is the payload of all groups so far, and their handles.
func (w *GroupWriter) Section(handles *statepb.Table) *statepb.Groups {
	return &statepb.Groups{Groups: w.list, Handles: handles}
}

// Groups are those of a section.
type Groups struct {
	Handles *statepb.Table
	world   *group.Group
	list    []*group.Group
}

// ReadGroups decodes the section "groups" of a state in a job whose MPI_COMM_WORLD has the group world.
func ReadGroups(s *Sections, world *group.Group) (*Groups, error) {
	var m statepb.Groups
	if _, err := s.Get(GroupsSection, &m); err != nil {
		return nil, err
	}
	out := &Groups{Handles: m.Handles, world: world}
	for i, in := range m.Groups {
		g := &group.Group{Ranks: make([]group.WorldRank, len(in.Ranks))}
		seen := make(map[uint32]bool, len(in.Ranks))
		for j, r := range in.Ranks {
			if int64(r) >= int64(len(world.Ranks)) || seen[r] {
				return nil, Invalid(GroupsSection, "group %d: rank %d is there twice, or not in the job", i, r)
			}
			seen[r] = true
			g.Ranks[j] = group.WorldRank(r)
		}
		out.list = append(out.list, g)
	}
	return out, nil
}

// Find gives the group, or nil, that a reference stands for; ok is false if it stands for nothing.
func (l *Groups) Find(ref uint32) (g *group.Group, ok bool) {
	switch ref {
	case noGroup:
		return nil, true
	case worldGroup:
		return l.world, true
	case emptyGroup:
		return group.Empty, true
	}
	if i := int64(ref) - FirstReference; i >= 0 && i < int64(len(l.list)) {
		return l.list[i], true
	}
	return nil, false
}
