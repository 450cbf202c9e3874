package agree

import (
	"errors"
	"reflect"
	"testing"

	"github.com/faasmrun/faasmrun/mpi/group"
)

// proposals are some of each kind, in a world of ten ranks, by one of four participants.
func proposals() map[Kind][]Proposal {
	some, none := &group.Group{Ranks: []group.WorldRank{3, 9, 0}}, &group.Group{}
	return map[Kind][]Proposal{
		Duplicate: {{Context: 7}, {}},
		Split:     {{Context: LastContext, Color: -32766, Key: -5}, {Color: 1 << 40, Key: 1 << 62}},
		Create:    {{Context: 3, Group: some}, {Group: none}},
		Bridge:    {{Context: 4, Group: some}},
		Follow: {{Context: 5}, {Leaders: &Outcome{Context: 9, Local: some, Remote: none, Second: true}},
			{Leaders: &Outcome{Err: ErrOverlap}}, {Leaders: &Outcome{Err: ErrContexts}},
			{Leaders: &Outcome{Err: &Told{17, "both leaders are rank 3"}}}, {Leaders: &Outcome{Err: &Told{}}}},
		Merge: {{High: true}, {Context: 8}},
		Graph: {{Edges: []Edge{{0, 3, -1}, {3, 3, 1 << 40}}}, {}},
	}
}

// TestWire: what is read is what was proposed, and no beginning of it is taken for a proposal.
func TestWire(t *testing.T) {
	for kind, list := range proposals() {
		for _, p := range list {
			b := p.Append(nil)
			got, err := ReadProposal(kind, b, 10, 4)
			if err != nil || !reflect.DeepEqual(got, p) {
				t.Errorf("kind %d: %+v is read as %+v: %v", kind, p, got, err)
			}
			for n := range b {
				if _, err := ReadProposal(kind, b[:n], 10, 4); err == nil {
					t.Errorf("kind %d: %d bytes of %d are taken for all", kind, n, len(b))
				}
			}
			if _, err := ReadProposal(kind, append(b, 0), 10, 4); err == nil {
				t.Errorf("kind %d: a byte too much is not noticed", kind)
			}
		}
	}
}

// TestWireRefuses what Settle must not be given.
func TestWireRefuses(t *testing.T) {
	twice := &group.Group{Ranks: []group.WorldRank{3, 3}}
	high := &group.Group{Ranks: []group.WorldRank{10}}
	for name, c := range map[string]struct {
		kind Kind
		p    Proposal
	}{
		"a rank twice":      {Create, Proposal{Group: twice}},
		"no such rank":      {Create, Proposal{Group: high}},
		"no group":          {Bridge, Proposal{}},
		"a group too much":  {Split, Proposal{Group: &group.Group{}}},
		"an edge to nobody": {Graph, Proposal{Edges: []Edge{{0, 4, 0}}}},
		"an edge below":     {Graph, Proposal{Edges: []Edge{{-1, 0, 0}}}},
		"edges of none":     {Split, Proposal{Edges: []Edge{{0, 1, 0}}}},
		"leaders of none":   {Merge, Proposal{Leaders: &Outcome{Err: ErrGroups}}},
	} {
		if _, err := ReadProposal(c.kind, c.p.Append(nil), 10, 4); err == nil {
			t.Errorf("%s: it is not refused", name)
		}
	}
}

// FuzzProposal: whatever another process sends, Settle gives each an outcome, or it is refused.
func FuzzProposal(f *testing.F) {
	for kind, list := range proposals() {
		for _, p := range list {
			f.Add(uint8(kind), p.Append(nil), p.Append(nil))
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, a, b []byte) {
		k := Duplicate + Kind(kind)%Graph
		var all []Proposal
		for i, bytes := range [][]byte{a, b} {
			p, err := ReadProposal(k, bytes, 10, 2)
			if err != nil {
				return
			}
			p.Rank, p.Second = group.WorldRank(i), i == 1 && (k == Merge || kind > 128)
			all = append(all, p)
		}
		for i, out := range Settle(k, all) {
			if (out.Err != nil) && out.Local != nil || errors.Is(out.Err, errors.ErrUnsupported) {
				t.Errorf("participant %d: %+v", i, out)
			}
		}
	})
}
