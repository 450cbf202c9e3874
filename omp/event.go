package omp

import "sync/atomic"

// event is that of a detach clause: the task is complete when its code is through and the event was fulfilled,
// whichever comes last (OpenMP 5.1, 2.12.1).
type event struct {
	state atomic.Uint32
	turn  atomic.Uint32 // how many tasks have been in the block: a handle is of one
}

// The states of an event.
const (
	noEvent uint32 = iota
	eventAwaited
	eventBehindCode // the code is through
	eventFulfilled
)

func (e *event) reset() {
	e.state.Store(noEvent)
	e.turn.Add(1)
}

// A handle is a task's number among the blocks (its address by the least block), and in the upper half the event's
// turn.

func (k *taskOf) handle() uint64 { return uint64(k.event.turn.Load())<<32 | k.address/leastBlock }

// ptr __kmpc_task_allow_completion_event(loc, gtid, task) -> the event's handle.
func allowCompletionEvent(t *Thread, s []uint64) {
	k := t.taskAt(s[2])
	k.event.state.CompareAndSwap(noEvent, eventAwaited)
	s[0] = k.handle()
}

// void omp_fulfill_event(event): any thread may call it, once.
func fulfillEvent(t *Thread, s []uint64) {
	handle := s[0]
	k := t.taskAt(handle & (1<<32 - 1) * leastBlock)
	switch {
	case k.handle() != handle:
	case k.event.state.CompareAndSwap(eventAwaited, eventFulfilled):
		return
	case k.event.state.CompareAndSwap(eventBehindCode, eventFulfilled):
		t.complete(k)
		return
	}
	fail("omp_fulfill_event: event %#x is none that a task waits for", handle)
}
