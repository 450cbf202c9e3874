package worker

import (
	"fmt"
	"testing"
)

func TestHello(t *testing.T) {
	b := newBench(t, nil)
	for range 2 { // the second time everything is in the cache
		o := b.run(interactive(b.app("hello", 4)))
		if o.End.State != "CD" || o.End.ExitCode != 0 || o.End.Reason != "" {
			t.Fatalf("ended %v", o.End)
		}
		for rank := range 4 {
			if got, want := o.out[fmt.Sprint(rank)], fmt.Sprintf("hello from %d of 4, sum 6\n", rank); got != want {
				t.Errorf("rank %d said %q, not %q", rank, got, want)
			}
		}
		wait(t, b.started, "start of the ranks")
	}
	if b.fetched != 1 {
		t.Errorf("the module was fetched %d times", b.fetched)
	}
}
