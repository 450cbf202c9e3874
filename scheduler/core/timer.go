package core

import (
	"container/heap"
	"sort"
)

// timer is a deadline of a job, a worker or a reservation. at is 0 when nothing is due; index is its index in the heap
// while it is armed.
type timer struct {
	at          Time
	index       int
	job         *Job
	worker      *Worker
	reservation *Reservation
}

// timers holds the armed ones, earliest first. It implements heap.Interface.
type timers []*timer

func (h timers) Len() int           { return len(h) }
func (h timers) Less(i, j int) bool { return h[i].at < h[j].at }
func (h timers) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *timers) Push(x any) {
	t := x.(*timer)
	t.index = len(*h)
	*h = append(*h, t)
}
func (h *timers) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return t
}

// set arms, moves or (at 0) disarms a timer.
func (h *timers) set(t *timer, at Time) {
	if t.at != 0 {
		heap.Remove(h, t.index)
	}
	if t.at = at; at != 0 {
		heap.Push(h, t)
	}
}

// due lists the timers that are due, without touching the heap, in an order that does not depend on how the heap came
// about.
func (h timers) due(now Time) []*timer {
	var found []*timer
	todo := []int{0}
	for len(todo) > 0 {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if i >= len(h) || h[i].at > now {
			continue
		}
		found = append(found, h[i])
		todo = append(todo, 2*i+1, 2*i+2)
	}
	sort.Slice(found, func(i, j int) bool { return found[i].before(found[j]) })
	return found
}

func (t *timer) before(u *timer) bool {
	switch {
	case t.at != u.at:
		return t.at < u.at
	case t.job != nil && u.job != nil:
		return t.job.ID < u.job.ID
	case t.worker != nil && u.worker != nil:
		return t.worker.Name < u.worker.Name
	case t.reservation != nil && u.reservation != nil:
		return t.reservation.Name < u.reservation.Name
	}
	return t.job != nil || u.job == nil && t.worker != nil
}
