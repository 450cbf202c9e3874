package schedpb

import (
	"fmt"
	"slices"
	"testing"
)

func TestRankLines(t *testing.T) {
	if lines := (*RankStates)(nil).FirstLines(); len(lines) != 0 {
		t.Errorf("of nothing: %q", lines)
	}
	s := &RankStates{Ranks: []*RankState{{Rank: 0, Node: "n", Where: "a"}, {Rank: 1, Node: "n", Where: "a"},
		{Rank: 3, Node: "n", Where: "a"}, {Rank: 4, Node: "n", Where: "b\nc"}}}
	if got, want := s.Lines(), []string{"ranks 0-1: a", "rank 3: a", "rank 4: b c"}; !slices.Equal(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
	s.Ranks[1].Node, s.Ranks[3].Node = "m", ""
	if got, want := s.Lines(), []string{"rank 0 on n: a", "rank 1 on m: a", "rank 3 on n: a",
		"rank 4: b c"}; !slices.Equal(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
	for ranks, last := range map[int]string{maxRankLines: "x47", maxRankLines + 1: "x48",
		maxRankLines + 2: "… and 2 more groups of ranks", 1000: "… and 952 more groups of ranks"} {
		s := &RankStates{}
		for i := range ranks {
			s.Ranks = append(s.Ranks, &RankState{Rank: uint32(i), Where: fmt.Sprint("x", i)})
		}
		lines := s.FirstLines()
		if got := lines[len(lines)-1]; got != last && got != fmt.Sprintf("rank %d: %s", ranks-1, last) ||
			len(lines) > maxRankLines+1 || len(s.Lines()) != ranks {
			t.Errorf("%d ranks: %d lines, the last is %q", ranks, len(lines), got)
		}
	}
}
