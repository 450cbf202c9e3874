package tasks

import (
	"sync"
	"sync/atomic"
	"testing"
)

// TestStartsBesideStop: many start tasks, and tasks of tasks, while several stop the group and wait. Each Wait returns
// when all that was started is over, and nothing starts after it.
func TestStartsBesideStop(t *testing.T) {
	for range 500 {
		var g Group
		var started, over atomic.Int64
		var starters, stoppers sync.WaitGroup
		task := func() {
			defer over.Add(1)
			if g.Go(func() { over.Add(1) }) {
				started.Add(1)
			}
		}
		for range 8 {
			starters.Go(func() {
				for g.Go(task) {
					started.Add(1)
				}
			})
		}
		for range 3 {
			stoppers.Go(func() {
				g.Stop()
				g.Wait()
				at := over.Load()
				if g.Go(task) || g.Start() != nil || !g.Stopped() {
					t.Error("a task starts after Stop")
				}
				if now := over.Load(); now != at {
					t.Errorf("%d tasks were over, then %d", at, now)
				}
			})
		}
		stoppers.Wait()
		starters.Wait()
		if started.Load() != over.Load() {
			t.Fatalf("%d tasks started and %d are over", started.Load(), over.Load())
		}
	}
}

// TestWaitForStart: a task that its caller runs is waited for.
func TestWaitForStart(t *testing.T) {
	var g Group
	done := g.Start()
	g.Stop()
	waited := make(chan bool)
	var over atomic.Bool
	go func() {
		g.Wait()
		waited <- over.Load()
	}()
	over.Store(true)
	done()
	if !<-waited {
		t.Error("Wait returned before the task was over")
	}
}
