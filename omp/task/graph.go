// Package task is what decides about OpenMP's tasks: which of the tasks that one task has generated has to wait for
// which, by their depend clauses, and which of them may begin when one is complete; which tasks a thread may take that
// waits within a tied task; and how a taskloop's iterations become tasks. It is pure: no goroutines, no waiting, no
// memory of programs. It leaves to package omp what a task is, where it waits and who runs it.
package task

// Kind is what a depend clause says of a location (OpenMP 5.1, 2.19.11).
type Kind uint8

// The kinds. Tasks of one kind that follow each other have no order among themselves, but for InOut.
const (
	In    Kind = iota
	InOut      // out as well
	Mutex      // mutexinoutset: no two at once
	Set        // inoutset
)

// Dependence is one of a task's: on an address, or, with All, on all memory.
type Dependence struct {
	Address uint64
	Kind    Kind
	All     bool // omp_all_memory; it is of the kind InOut
}

// Node is a task in its generating task's graph.
type Node[T any] struct {
	Item T

	waits int        // tasks before it that are not complete
	after []*Node[T] // those that wait for it
	locks []*lock[T] // it may run with all of these only
	done  bool
	added bool // every wait of its is counted
}

// lock has the tasks that are Mutex on one location run one by one.
type lock[T any] struct {
	holder *Node[T]
	queue  []*Node[T] // that nothing but a lock keeps, in the order in which they came
}

// location is what has happened to an address so far: a row of tasks that have no order among themselves, each of
// which is behind every task of the row before.
type location[T any] struct {
	kind        Kind
	row, before []*Node[T]
	lock        *lock[T] // of the row, if it is of the kind Mutex
}

// Graph is the dependences among the tasks that one task generates, in the order in which it does. Its zero value is a
// graph without tasks.
type Graph[T any] struct {
	locations map[uint64]*location[T]
	all       *Node[T] // the last one that depends on all memory
	sweepAt   int      // locations, at which those are dropped whose tasks are complete
}

// leastSweep is how many locations are kept before any is dropped.
const leastSweep = 1024

// Add adds a task, and reports whether it may run at once. If not, some Complete will say when. The dependences are
// changed.
func (g *Graph[T]) Add(n *Node[T], dependences []Dependence) (ready bool) {
	all := false
	for _, d := range merge(dependences) {
		if d.All {
			all = true
			continue
		}
		g.addAt(n, d)
	}
	if all {
		g.addAll(n)
	}
	n.added = true
	return n.waits == 0 && n.take()
}

// Wait adds a task that none will wait for: the rest of the generating task, which goes on when those before it are
// complete. It holds no lock, but waits for those that do. It reports whether there are none.
func (g *Graph[T]) Wait(n *Node[T], dependences []Dependence) (ready bool) {
	for _, d := range dependences {
		if d.All {
			g.behind(n, g.all)
			for _, l := range g.locations {
				g.behindAll(n, l.row)
				g.behindAll(n, l.before)
			}
			continue
		}
		g.behind(n, g.all)
		l := g.locations[d.Address]
		if l == nil {
			continue
		}
		if d.Kind != l.kind || d.Kind == InOut || d.Kind == Mutex {
			g.behindAll(n, l.row)
		} else {
			g.behindAll(n, l.before)
		}
	}
	n.added = true
	return n.waits == 0
}

// Complete is the end of a task. Those that may run now are appended to ready.
func (g *Graph[T]) Complete(n *Node[T], ready []*Node[T]) []*Node[T] {
	n.done = true
	for _, after := range n.after {
		after.waits--
		if after.waits == 0 && after.added && after.take() {
			ready = append(ready, after)
		}
	}
	n.after = nil
	for _, l := range n.locks {
		l.holder = nil
	}
	for _, l := range n.locks {
		ready = l.release(ready)
	}
	return ready
}

// Clear forgets all tasks: every one is complete.
func (g *Graph[T]) Clear() { *g = Graph[T]{} }

// merge makes one of all that a task says of an address: what is not the same is InOut.
func merge(dependences []Dependence) []Dependence {
	kept := dependences[:0]
next:
	for _, d := range dependences {
		for i := range kept {
			if kept[i].Address == d.Address && kept[i].All == d.All {
				if kept[i].Kind != d.Kind {
					kept[i].Kind = InOut
				}
				continue next
			}
		}
		kept = append(kept, d)
	}
	return kept
}

func (g *Graph[T]) addAt(n *Node[T], d Dependence) {
	l := g.locations[d.Address]
	if l == nil {
		g.sweep()
		if g.locations == nil {
			g.locations = map[uint64]*location[T]{}
		}
		l = &location[T]{kind: d.Kind}
		if g.all != nil && !g.all.done {
			l.before = []*Node[T]{g.all}
		}
		g.locations[d.Address] = l
	} else if d.Kind != l.kind || d.Kind == InOut {
		l.kind, l.before, l.row, l.lock = d.Kind, l.row, nil, nil
	}
	if len(l.row) > 8 && len(l.row)&(len(l.row)-1) == 0 { // now and then: a long row of readers need not be kept
		l.row = living(l.row)
	}
	g.behindAll(n, l.before)
	l.row = append(l.row, n)
	if d.Kind == Mutex {
		if l.lock == nil {
			l.lock = &lock[T]{}
		}
		n.locks = append(n.locks, l.lock)
	}
}

// addAll adds a task that depends on all memory: it is behind all tasks, and all that come are behind it.
func (g *Graph[T]) addAll(n *Node[T]) {
	g.behind(n, g.all)
	for _, l := range g.locations {
		g.behindAll(n, l.row)
		g.behindAll(n, l.before)
	}
	g.locations, g.all = nil, n
}

func (g *Graph[T]) behindAll(n *Node[T], those []*Node[T]) {
	for _, p := range those {
		g.behind(n, p)
	}
}

func (g *Graph[T]) behind(n, p *Node[T]) {
	if p == nil || p.done || p == n {
		return
	}
	p.after = append(p.after, n)
	n.waits++
}

// sweep drops locations whose tasks are complete, when there have come to be many.
func (g *Graph[T]) sweep() {
	if len(g.locations) < max(g.sweepAt, leastSweep) {
		return
	}
	for address, l := range g.locations {
		if l.row = living(l.row); len(l.row) == 0 && len(living(l.before)) == 0 {
			delete(g.locations, address)
		}
	}
	g.sweepAt = 2 * len(g.locations)
}

// living are those that are not complete.
func living[T any](nodes []*Node[T]) []*Node[T] {
	kept := nodes[:0]
	for _, n := range nodes {
		if !n.done {
			kept = append(kept, n)
		}
	}
	clear(nodes[len(kept):])
	return kept
}

// take takes the locks of a task that nothing else keeps, all or none, and reports whether it has them. If not, it is
// in the queue of one that another task has.
func (n *Node[T]) take() bool {
	for _, l := range n.locks {
		if l.holder != nil {
			l.queue = append(l.queue, n)
			return false
		}
	}
	for _, l := range n.locks {
		l.holder = n
	}
	return true
}

// release gives a lock that is free to the first of its queue that can have all of its locks.
func (l *lock[T]) release(ready []*Node[T]) []*Node[T] {
	for l.holder == nil && len(l.queue) > 0 {
		n := l.queue[0]
		l.queue = l.queue[1:]
		if n.take() {
			ready = append(ready, n)
		}
	}
	return ready
}
