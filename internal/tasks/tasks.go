// Package tasks owns what a component does beside its callers: what it has started, that nothing starts once it stops,
// and the wait for what still runs. A bare WaitGroup leaves the second to its user, and an Add beside a Wait is a race.
package tasks

import "sync"

// Group counts the tasks of a component. Its zero value is one in which nothing runs. All its methods may be called at
// any time, by tasks too; only Wait must not be, which would wait for its caller.
type Group struct {
	mu      sync.Mutex // guards stopped, and every Add to running
	stopped bool
	running sync.WaitGroup
}

// Start counts a task that its caller runs. done must be called once, when the task is over; it is nil, and the task
// must not run, when the group has been stopped.
func (g *Group) Start() (done func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped {
		return nil
	}
	g.running.Add(1)
	return g.running.Done
}

// Go runs a task in a goroutine of its own. It reports whether it does: not when the group has been stopped.
func (g *Group) Go(task func()) bool {
	done := g.Start()
	if done == nil {
		return false
	}
	go func() {
		defer done()
		task()
	}()
	return true
}

// Stop has nothing start any more. What runs goes on. It may be repeated.
func (g *Group) Stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stopped = true
}

// Stopped reports whether Stop has been called.
func (g *Group) Stopped() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stopped
}

// Wait waits until nothing runs. After Stop nothing will.
func (g *Group) Wait() { g.running.Wait() }
