package rank

import (
	"errors"
	"sync"

	"github.com/faasmrun/faasmrun/omp"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/program"
)

// space is the part of the memory that a further thread has to itself. From the bottom: a guard, the stack, the
// thread-local variables, and scratch for the host. It is used again when its thread has ended, by one of OpenMP's or
// of the program's own, but never given back: the program's allocator, which would have to be called, knows nothing of
// it.
type space struct {
	guard   uint64 // its bytes, in front of the stack
	stack   program.Stack
	locals  uint64
	scratch uint64
}

func (s space) size() uint64 { return s.stack.Top - s.stack.Low }

// thread is the space as an engine sees it.
func (s space) thread() engine.ThreadSpace {
	return engine.ThreadSpace{Stack: s.stack, Locals: s.locals}
}

// spaces are those that no thread has.
type spaces struct {
	mu   sync.Mutex // guards idle
	idle []space
}

// Bounds of a stack, and of its guard.
const (
	leastStack = 16 << 10
	mostStack  = 16 << 30
	leastGuard = 64 << 10 // a page of WebAssembly's
)

var errStackSize = errors.New("no stack is as large")

// newSpace gives a stack of a size with what goes with it: the smallest that is idle, or more memory. A thread that
// needs no stack has a size of 0.
func (t *Thread) newSpace(stack, guard uint64) (space, error) {
	if stack > mostStack || guard > mostStack {
		return space{}, errStackSize
	}
	if stack > 0 {
		stack, guard = roundUp(max(stack, leastStack), 16), roundUp(max(guard, leastGuard), leastGuard)
	}
	if s, ok := t.rank.spaces.take(stack, guard); ok {
		return s, nil
	}
	locals, align, err := t.instance.ThreadLocals()
	if err != nil {
		return space{}, err
	}
	low, ok := t.instance.Grow(guard + stack + align + locals + 16 + omp.ScratchSize)
	if !ok {
		return space{}, omp.ErrNoRoom
	}
	if guard > 0 {
		if err := t.rank.memory.Close(low, guard); err != nil {
			return space{}, err
		}
	}
	s := space{guard: guard, stack: program.Stack{Low: low + guard, Top: low + guard + stack}}
	s.locals = roundUp(s.stack.Top, align)
	s.scratch = roundUp(s.locals+locals, 16)
	return s, nil
}

func roundUp(n, to uint64) uint64 { return (n + to - 1) / to * to }

// take gives the smallest space that is large enough.
func (p *spaces) take(stack, guard uint64) (space, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	best := -1
	for i, s := range p.idle {
		if s.size() >= stack && s.guard >= guard && (best < 0 || s.size() < p.idle[best].size()) {
			best = i
		}
	}
	if best < 0 {
		return space{}, false
	}
	s, last := p.idle[best], len(p.idle)-1
	p.idle[best] = p.idle[last]
	p.idle = p.idle[:last]
	return s, true
}

func (p *spaces) put(s space) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = append(p.idle, s)
}
