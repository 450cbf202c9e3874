package worker

import (
	"fmt"
	"testing"
)

// Collecting garbage stops the world, and a rank that computes with it, wherever it is: ranks that leave garbage are
// not held up until it comes back.
func TestGarbageHoldsNobodyUp(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	b := newBench(t, nil)
	o := b.run(interactive(b.app("garbage", 3, "300000000", "1.5")))
	var longest, computed float64
	var opened int
	if _, err := fmt.Sscan(o.out["0"], &longest, &computed, &opened); err != nil {
		t.Fatalf("%v: %q, %v", err, o.out, o.End)
	}
	if longest > computed/5 {
		t.Errorf("ranks were held up for %.2f s while another computed for %.2f s", longest, computed)
	}
	t.Logf("%d files opened, held up for %.0f ms at most beside %.1f s of computation", opened, longest*1000, computed)
}
