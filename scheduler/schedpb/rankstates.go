package schedpb

import (
	"fmt"
	"strings"
)

// maxRankLines bounds how many lines of rank states are shown to somebody who did not ask for them.
const maxRankLines = 48

// Lines says where ranks stand, neighbours that wait for the same on one line; with nodes, where there are several.
func (s *RankStates) Lines() (lines []string) {
	ranks := s.GetRanks()
	oneNode := true
	for _, r := range ranks {
		oneNode = oneNode && r.GetNode() == ranks[0].GetNode()
	}
	for first := 0; first < len(ranks); {
		r, last := ranks[first], first
		for last+1 < len(ranks) && ranks[last+1].GetWhere() == r.GetWhere() && ranks[last+1].GetNode() == r.GetNode() &&
			ranks[last+1].GetRank() == ranks[last].GetRank()+1 {
			last++
		}
		who := fmt.Sprintf("rank %d", r.GetRank())
		if last > first {
			who = fmt.Sprintf("ranks %d-%d", r.GetRank(), ranks[last].GetRank())
		}
		if !oneNode && r.GetNode() != "" {
			who += " on " + r.GetNode()
		}
		lines = append(lines, who+": "+strings.ReplaceAll(r.GetWhere(), "\n", " "))
		first = last + 1
	}
	return lines
}

// FirstLines are the first of them, and how many more there are.
func (s *RankStates) FirstLines() []string {
	lines := s.Lines()
	if more := len(lines) - maxRankLines; more > 1 {
		lines = append(lines[:maxRankLines], fmt.Sprintf("… and %d more groups of ranks", more))
	}
	return lines
}
