package omp

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/faasmrun/faasmrun/omp/task"
)

// mostQueued is how many tasks wait for a thread in a member's queue: a thread that generates more runs them at once.
const mostQueued = 256

// queue has tasks that may begin, of a team's member that has generated them or has made them ready. That one takes
// the latest, whose data are near; others, that have none of their own, take the oldest, which tend to be the larger
// ones.
type queue struct {
	mu    sync.Mutex // guards all below
	tasks []*taskOf  // from head on, oldest first
	head  int
}

func (q *queue) push(k *taskOf) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.head > mostQueued && q.head >= len(q.tasks)/2 {
		n := copy(q.tasks, q.tasks[q.head:])
		clear(q.tasks[n:])
		q.tasks, q.head = q.tasks[:n], 0
	}
	q.tasks = append(q.tasks, k)
	for i := len(q.tasks) - 1; i > q.head && q.tasks[i-1].priority > k.priority; i-- {
		q.tasks[i], q.tasks[i-1] = q.tasks[i-1], k
	}
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.tasks) - q.head
}

// take takes a task that may begin within a suspended one; nil for suspended is a barrier, where all may.
func (q *queue) take(suspended *taskOf, latest bool, s *tasking, serial uint32) *taskOf {
	q.mu.Lock()
	defer q.mu.Unlock()
	if s.serial.Load() != serial {
		return nil
	}
	n := len(q.tasks) - q.head
	for i := range n {
		at := q.head + i
		if latest {
			at = len(q.tasks) - 1 - i
		}
		k := q.tasks[at]
		if suspended != nil && !task.May(k, suspended) {
			continue
		}
		if at == q.head {
			q.tasks[at] = nil
			q.head++
		} else {
			q.tasks = slices.Delete(q.tasks, at, at+1)
		}
		if q.head == len(q.tasks) {
			q.tasks, q.head = q.tasks[:0], 0
		}
		s.queued.Add(-1)
		return k
	}
	return nil
}

// tasking is a team's explicit tasks, and its threads that have come to a barrier or to the end of the region, where
// they run them.
type tasking struct {
	serial atomic.Uint32 // of the region among those of the team
	state  atomic.Uint64 // threads at the end, threads at the barrier, tasks that are not complete: see the constants
	queued atomic.Int32  // tasks in queues
	pushed atomic.Uint32 // tasks that have ever come into one

	crossed atomic.Uint32 // barriers that are complete
	ended   atomic.Uint32 // regions that are
	barrier waiting       // for either
	waits   waiting       // of a task for others
	idle    atomic.Int32  // pooled threads at the end that no task was left for

	urgent queue // tasks with a priority, the highest one last
	hurry  atomic.Int32
}

// The state has the tasks in its lower half.
const (
	oneAtBarrier = 1 << 32
	oneAtEnd     = 1 << 48
)

func tasksIn(state uint64) int   { return int(uint32(state)) }
func atBarrier(state uint64) int { return int(state >> 32 & (1<<16 - 1)) }
func atEnd(state uint64) int     { return int(state >> 48) }

// waiting is a word that threads wait on that run tasks meanwhile.
type waiting struct {
	word
	threads atomic.Int32 // that found none
}
