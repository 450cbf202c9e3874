package safepoint

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// newCounting is a safepoint whose collections are counted and not done.
func newCounting(ranks int) (*Safepoint, *atomic.Int32) {
	g, n := New(ranks), new(atomic.Int32)
	g.collect = func() { n.Add(1) }
	return g, n
}

func TestSafepointCollectsWhenAllAreInside(t *testing.T) {
	g, n := newCounting(3)
	g.Want(false)
	if n.Load() != 1 {
		t.Fatalf("nobody has started, %d collections", n.Load())
	}
	for rank := range 3 {
		g.Thread(rank).Leave()
	}
	g.Want(false)
	g.Thread(0).Enter()
	g.Thread(0).Leave() // nobody is held up by a wish
	g.Thread(1).Enter()
	g.Thread(2).Enter()
	if n.Load() != 1 {
		t.Fatalf("collected while rank 0 computes")
	}
	g.Thread(0).Enter()
	if n.Load() != 2 || g.Collections() != 2 {
		t.Errorf("all are inside, %d collections", n.Load())
	}
	g.Thread(0).Leave()
	g.Thread(0).Enter()
	if n.Load() != 2 {
		t.Errorf("collected again without being asked")
	}
}

func TestSafepointHoldsWhenUrgent(t *testing.T) {
	g, n := newCounting(2)
	g.Thread(0).Leave()
	g.Thread(1).Leave()
	g.Want(true)
	g.Thread(0).Enter()
	left := make(chan int32)
	go func() {
		g.Thread(0).Leave()
		left <- n.Load()
	}()
	g.Want(false) // takes nothing back
	select {
	case <-left:
		t.Fatal("rank 0 left before the collection")
	default:
	}
	g.Thread(1).Enter()
	if got := <-left; got != 1 {
		t.Errorf("rank 0 left after %d collections", got)
	}
	g.Thread(1).Leave()
}

// Ranks come and go as fast as they can; a collection never runs while one is outside, and in the end nobody is stuck.
func TestSafepointUnderLoad(t *testing.T) {
	const ranks, rounds = 8, 20000
	var outside atomic.Int32
	g := New(ranks)
	g.collect = func() {
		if n := outside.Load(); n != 0 {
			t.Errorf("collected with %d ranks outside", n)
		}
	}
	var running sync.WaitGroup
	for rank := range ranks {
		running.Go(func() {
			for i := range rounds {
				g.Thread(rank).Leave()
				outside.Add(1)
				if i%64 == 0 {
					runtime.Gosched()
				}
				outside.Add(-1)
				g.Thread(rank).Enter()
				if rank == 0 {
					g.Want(i%2 == 0)
				}
				if rank == 1 && i%100 == 0 {
					other := g.Thread(1).Another()
					other.Leave()
					outside.Add(1)
					outside.Add(-1)
					other.Enter()
					other.Remove()
				}
			}
		})
	}
	running.Wait()
	g.Want(false)
	if g.Collections() == 0 {
		t.Error("nothing was collected")
	}
}

// Threads that come and go count while they are there.
func TestThreadsAreAdded(t *testing.T) {
	g, n := newCounting(1)
	main := g.Thread(0)
	main.Leave()
	second, third := main.Another(), main.Another()
	second.Leave()
	third.Leave()
	main.Enter()
	third.Enter()
	if g.Want(false); n.Load() != 0 {
		t.Fatal("collected beside a thread that computes")
	}
	second.Enter()
	if n.Load() != 1 {
		t.Fatalf("all are inside, %d collections", n.Load())
	}
	second.Leave()
	third.Remove() // who was last is another index now
	if g.Want(false); n.Load() != 1 {
		t.Fatal("collected beside a thread that computes")
	}
	second.Enter()
	second.Remove()
	if g.Want(false); n.Load() != 3 {
		t.Errorf("%d collections", n.Load())
	}
}

// One that is added during a collection waits for its end.
func TestThreadAddedDuringACollection(t *testing.T) {
	g := New(1)
	added := make(chan *Thread, 1)
	g.collect = func() {
		go func() {
			second := g.Thread(0).Another()
			second.Leave()
			added <- second
		}()
		runtime.Gosched()
		select {
		case <-added:
			t.Error("a thread came and left during a collection")
		default:
		}
	}
	g.Want(true)
	(<-added).Enter()
	if g.Collections() != 1 {
		t.Errorf("%d collections", g.Collections())
	}
}

func BenchmarkSafepoint(b *testing.B) {
	g := New(2)
	for b.Loop() {
		g.Thread(0).Leave()
		g.Thread(0).Enter()
	}
}
