package rank

import (
	"testing"

	"github.com/faasmrun/faasmrun/worker/program"
)

// TestSpaces: a thread gets the smallest space that is large enough, with its guard, and no two threads have one.
func TestSpaces(t *testing.T) {
	var p spaces
	at := func(low, size, guard uint64) space {
		return space{guard: guard, stack: program.Stack{Low: low, Top: low + size}}
	}
	for _, s := range []space{at(100, 4, 0), at(200, 16, 8), at(300, 8, 8), at(400, 8, 16)} {
		p.put(s)
	}
	for _, c := range []struct {
		stack, guard uint64
		want         uint64 // 0: there is none
	}{{8, 16, 400}, {5, 1, 300}, {5, 1, 200}, {5, 1, 0}, {4, 1, 0}, {0, 0, 100}, {0, 0, 0}} {
		s, ok := p.take(c.stack, c.guard)
		if ok != (c.want > 0) || s.stack.Low != c.want {
			t.Errorf("a stack of %d with %d is at %d, %t", c.stack, c.guard, s.stack.Low, ok)
		}
	}
	p.put(at(500, 1, 1))
	if s, ok := p.take(1, 1); !ok || s.stack.Low != 500 {
		t.Errorf("what was given back is at %d, %t", s.stack.Low, ok)
	}
	for _, c := range []struct{ stack, guard uint64 }{{mostStack + 1, 0}, {1, mostStack + 1}, {1<<64 - 1, 1<<64 - 1}} {
		if _, err := (&Thread{rank: &Rank{}}).newSpace(c.stack, c.guard); err != errStackSize {
			t.Errorf("a stack of %d with %d: %v", c.stack, c.guard, err)
		}
	}
}
