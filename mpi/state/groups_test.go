package state

import (
	"slices"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/mpi/group"
	"github.com/faasmrun/faasmrun/mpi/state/statepb"
)

// readGroups makes an encoding of groups in a job of four ranks, and reads it.
func readGroups(t *testing.T, m *statepb.Groups) (*Groups, error) {
	t.Helper()
	w := Writer{Versions: latest}
	w.Add(GroupsSection, m)
	s, err := Read(w.Bytes(), latest)
	if err != nil {
		t.Fatal(err)
	}
	return ReadGroups(s, group.New(4))
}

func TestGroups(t *testing.T) {
	w := NewGroupWriter(4)
	of := func(ranks ...group.WorldRank) *group.Group { return &group.Group{Ranks: ranks} }
	groups := []*group.Group{nil, group.Empty, group.New(4), of(3, 1), of(0), of(3, 2, 1, 0)}
	groups = append(groups, groups[3]) // once more: it is one group
	var refs []uint32
	for _, g := range groups {
		refs = append(refs, w.Reference(g))
	}
	if len(w.Section(nil).Groups) != 3 {
		t.Errorf("%d groups were written", len(w.Section(nil).Groups))
	}
	l, err := readGroups(t, w.Section(nil))
	if err != nil {
		t.Fatal(err)
	}
	for i, g := range groups {
		got, ok := l.Find(refs[i])
		if !ok || (got == nil) != (g == nil) || g != nil && !slices.Equal(got.Ranks, g.Ranks) {
			t.Errorf("group %v became %v", g, got)
		}
	}
	if one, _ := l.Find(refs[3]); one == nil {
		t.Error("no group")
	} else if again, _ := l.Find(refs[6]); one != again {
		t.Error("one group became two")
	}
	for _, ref := range []uint32{2, 0x108, 4095, 4099, 1 << 31} {
		if _, ok := l.Find(ref); ok {
			t.Errorf("there is a group %d", ref)
		}
	}
}

func TestInvalidGroups(t *testing.T) {
	for name, ranks := range map[string][]uint32{"twice": {1, 1}, "not in the job": {4}, "negative": {1<<32 - 1}} {
		_, err := readGroups(t, &statepb.Groups{Groups: []*statepb.Group{{}, {Ranks: ranks}}})
		if err == nil || !strings.Contains(err.Error(), `section "groups"`) || !strings.Contains(err.Error(), "group 1") {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}
