package session

import (
	"strings"
	"testing"
	"time"

	"github.com/faasmrun/faasmrun/mpi/profile"
)

// TestStatTableBounds: of many ranks, functions and pairs the table shows those that matter, and says that there are
// more.
func TestStatTableBounds(t *testing.T) {
	j := &profile.Job{Version: profile.Version}
	for rank := range 100 {
		r := profile.Rank{Rank: rank, Wall: time.Second, MPI: time.Duration(rank) * time.Millisecond, Finalized: true}
		for f := range 30 {
			r.Functions = append(r.Functions, profile.Function{Name: "MPI_F" + string(rune('a'+f)), Calls: 1,
				Time: time.Duration(f)})
		}
		for to := range 100 {
			r.Sent = append(r.Sent, profile.Sent{To: to, Messages: 1, Bytes: uint64(rank + to)})
		}
		j.Ranks = append(j.Ranks, r)
	}
	var b strings.Builder
	writeStats(&b, j)
	text := b.String()
	for _, want := range []string{"\n99      1.00s  99.00ms   9.9%", "\n0       1.00s   0.00µs   0.0%",
		"68 ranks with shares between these are left out",
		"10 more functions took less time", "\n99    99         1  198 B\n", "9984 more pairs of ranks sent less"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "\n50 ") || strings.Contains(text, "MPI_Fa ") {
		t.Errorf("more than is of interest:\n%s", text)
	}
	if n := strings.Count(text, "\n"); n > 90 {
		t.Errorf("%d lines", n)
	}
}
