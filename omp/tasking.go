package omp

import (
	"encoding/binary"
	"math"
	"sync/atomic"

	"github.com/faasmrun/faasmrun/omp/task"
)

// i32 __kmpc_omp_task(loc, gtid, task) -> 0: a task that may begin at once. An untied one calls it of itself, too, and
// returns: what is left of it is to be run as if it were another.
func omTask(t *Thread, s []uint64) {
	k := t.taskAt(s[2])
	s[0] = 0
	if !k.started {
		t.submit(k, nil)
		return
	}
	k.parts.Add(1)
	if !t.included(k) {
		t.push(k)
	}
}

// i32 __kmpc_omp_task_with_deps(loc, gtid, task, count i32, *dependences, other i32, *others) -> 0
func taskWithDependences(t *Thread, s []uint64) {
	t.submit(t.taskAt(s[2]), t.dependences(s[3:7]))
	s[0] = 0
}

// Flags of a kmp_depend_info_t, which has an address, a length that nobody needs, and these.
const (
	dependIn    = 1
	dependInOut = 3
	dependMutex = 4
	dependSet   = 8
	dependAll   = 0x80
	dependSize  = 24
)

// dependences reads two lists: count i32, address, count i32, address. What they give is the thread's, until the next
// call.
func (t *Thread) dependences(s []uint64) []task.Dependence {
	t.depends = t.depends[:0]
	for ; len(s) >= 2; s = s[2:] {
		n := max(int64(int32(s[0])), 0)
		if n == 0 {
			continue
		}
		list := t.host.Bytes(s[1], dependSize*uint64(n))
		for ; len(list) > 0; list = list[dependSize:] {
			address := binary.LittleEndian.Uint64(list)
			switch flags := list[16]; {
			case flags == dependAll || address == math.MaxUint64:
				t.depends = append(t.depends, task.Dependence{Kind: task.InOut, All: true})
			case address == 0: // no variable has it
			default:
				t.depends = append(t.depends, task.Dependence{Address: address, Kind: kindOf(flags)})
			}
		}
	}
	return t.depends
}

func kindOf(flags byte) task.Kind {
	switch flags {
	case dependIn:
		return task.In
	case dependMutex:
		return task.Mutex
	case dependSet:
		return task.Set
	}
	return task.InOut
}

// included reports whether a task is not to be deferred: one that is undeferred is not, in a final task none is, and
// where a thread is alone none has to be.
func (t *Thread) included(k *taskOf) bool {
	return k.outer != nil || k.parent.final || k.team.size == 1
}

// submit has a task run, now or later.
func (t *Thread) submit(k *taskOf, dependences []task.Dependence) {
	t.admit(k)
	if k.flags&taskPriority != 0 {
		p := int32(uint32(t.number(k.address+atPriority, 4)))
		k.priority = min(max(p, 0), int32(t.runtime.settings.MaxPriority))
	}
	included := t.included(k)
	if len(dependences) > 0 {
		if k.parent.final {
			k.held.Store(1)
		}
		if !t.depend(k, dependences) {
			if !k.parent.final {
				return
			}
			t.workUntil(until{zero: &k.held}, &k.team.waits, k.parent)
		}
	}
	if included || t.region.queue.len() >= mostQueued {
		t.run(k)
		return
	}
	t.push(k)
}

// admit counts a task that has its memory as one to be completed.
func (t *Thread) admit(k *taskOf) {
	k.parent.children.Add(1)
	if k.group != nil {
		k.group.count.Add(1)
	}
	k.team.state.Add(1)
	k.parts.Store(1)
}

// depend puts a task into the graph, and reports whether it may begin.
func (t *Thread) depend(k *taskOf, dependences []task.Dependence) (ready bool) {
	g := &k.parent.graph
	g.used = true
	k.node = &task.Node[*taskOf]{Item: k}
	g.Lock()
	defer g.Unlock()
	return g.Add(k.node, dependences)
}

// push puts a task into the queue of the thread's, and wakes one that could take it.
func (t *Thread) push(k *taskOf) {
	tm := k.team
	switch {
	case k.priority > 0:
		tm.urgent.push(k)
		tm.hurry.Add(1)
	case t.region.team == tm:
		t.region.queue.push(k)
	default: // an event of another team's task was fulfilled here
		tm.members[0].queue.push(k)
	}
	tm.queued.Add(1)
	// Who waits looks at pushed once more after it is counted as one that does: neither misses the other.
	tm.pushed.Add(1)
	switch {
	case tm.barrier.threads.Load() > 0:
		t.advanceForOne(&tm.barrier.word)
	case tm.idle.Load() > 0 && t.wakeIdle(tm):
	case tm.waits.threads.Load() > 0: // of these perhaps only one may take it
		t.advance(&tm.waits.word)
	}
}

// wakeIdle wakes a thread that is at the region's end, and reports whether there was one.
func (t *Thread) wakeIdle(tm *team) bool {
	for _, w := range tm.threads[1:] {
		if w.idle.CompareAndSwap(true, false) {
			tm.idle.Add(-1)
			t.advance(&w.begin)
			return true
		}
	}
	return false
}

// until is what a thread waits for that runs tasks meanwhile: a number to become 0, or a word to be no longer old.
type until struct {
	zero *atomic.Int32
	word *atomic.Uint32
	old  uint32
}

func (u until) met() bool {
	if u.zero != nil {
		return u.zero.Load() == 0
	}
	return u.word.Load() != u.old
}

// workUntil waits, and runs tasks that may begin within a suspended one; nil is for barriers, in which all may.
func (t *Thread) workUntil(u until, w *waiting, suspended *taskOf) {
	tm := t.region.team
	for {
		value, pushed := w.value.Load(), tm.pushed.Load()
		if u.met() {
			return
		}
		if t.runOne(t.region, suspended) {
			continue
		}
		w.threads.Add(1)
		if !u.met() && tm.pushed.Load() == pushed {
			t.await(&w.word, value)
		}
		w.threads.Add(-1)
	}
}

// runOne runs a task that may begin within a suspended one, and reports whether there was one.
func (t *Thread) runOne(at *region, suspended *taskOf) bool {
	k := at.takeTask(suspended, at.team.serial.Load())
	if k == nil {
		return false
	}
	t.run(k)
	return true
}

// takeTask takes a task from the member's own queue or from another's.
func (m *region) takeTask(suspended *taskOf, serial uint32) *taskOf {
	tm := m.team
	if tm.queued.Load() <= 0 {
		return nil
	}
	if tm.hurry.Load() > 0 {
		if k := tm.urgent.take(suspended, true, &tm.tasking, serial); k != nil {
			tm.hurry.Add(-1)
			return k
		}
	}
	if k := m.queue.take(suspended, true, &tm.tasking, serial); k != nil {
		return k
	}
	for i := 1; i < tm.size; i++ {
		other := &tm.members[(m.number+i)%tm.size]
		if k := other.queue.take(suspended, false, &tm.tasking, serial); k != nil {
			return k
		}
	}
	return nil
}

// run runs a task, or a part of an untied one.
func (t *Thread) run(k *taskOf) {
	outer := t.task
	t.task = k
	for {
		if k.started || k.group == nil || !k.group.cancelled.Load() {
			k.started = true
			if k.entry != 0 { // a taskwait with nowait has no code
				t.invoke(k.entry, k.address)
			}
		}
		if k.tied() || k.parts.Add(-1) == 0 {
			break
		}
		if !t.included(k) {
			t.task = outer
			return // whoever takes it from the queue, and may have by now, goes on
		}
	}
	t.finish(k)
	t.task = outer
}

// taskLetters are the parameters of a task's function, which returns an i32: gtid, task.
const taskLetters = "il"

func (t *Thread) invoke(function uint32, address uint64) {
	t.taskArgs = [2]uint64{uint64(uint32(t.id)), address}
	var err error
	if t.outside {
		_, err = t.host.RunResult(function, taskLetters, t.taskArgs[:]...)
	} else {
		_, err = t.host.CallTableResult(function, taskLetters, t.taskArgs[:]...)
	}
	if err != nil {
		panic(err)
	}
}

// finish is the end of a task's code.
func (t *Thread) finish(k *taskOf) {
	if k.flags&taskDestructors != 0 {
		t.invoke(uint32(t.number(k.address+atDestructor, 8)), k.address)
	}
	if !k.event.state.CompareAndSwap(eventAwaited, eventBehindCode) {
		t.complete(k)
	}
}

// complete has others go on that waited for a task.
func (t *Thread) complete(k *taskOf) {
	tm := k.team
	if k.node != nil {
		g := &k.parent.graph
		g.Lock()
		t.ready = g.Complete(k.node, t.ready[:0])
		g.Unlock()
		for i, n := range t.ready {
			t.ready[i] = nil
			if n.Item.held.CompareAndSwap(1, 0) {
				t.advance(&tm.waits.word)
			} else {
				t.push(n.Item)
			}
		}
	}
	if k.group != nil && k.group.count.Add(-1) == 0 {
		t.advance(&tm.waits.word)
	}
	if k.parent.children.Add(-1) == 0 {
		t.advance(&tm.waits.word)
	}
	t.leave(k)
	if s := tm.state.Add(^uint64(0)); tasksIn(s) == 0 {
		t.settle(tm, s)
	}
}

// settle has a team go on whose state is now one in which it may. Of the changes of the state one leads to it, and
// nothing changes it afterwards but who goes on.
func (t *Thread) settle(tm *team, state uint64) {
	switch {
	case tasksIn(state) > 0:
	case atBarrier(state) == tm.size:
		tm.state.Add(-uint64(tm.size) * oneAtBarrier)
		tm.noteCancelled()
		tm.crossed.Add(1)
		t.advance(&tm.barrier.word)
	case atEnd(state) == tm.size:
		tm.ended.Add(1)
		t.advance(&tm.barrier.word)
	}
}

// void __kmpc_omp_task_begin_if0(loc, gtid, task): what follows is the task, which the thread calls itself.
func beginIf0(t *Thread, s []uint64) {
	k := t.taskAt(s[2])
	t.admit(k)
	k.started, k.outer = true, t.task
	t.task = k
}

// void __kmpc_omp_task_complete_if0(loc, gtid, task)
func completeIf0(t *Thread, s []uint64) {
	k := t.taskAt(s[2])
	if k.outer == nil {
		fail("the end of the task at address %#x, which was not begun", s[2])
	}
	t.task = k.outer
	if k.tied() || k.parts.Add(-1) == 0 {
		t.finish(k)
	} else {
		t.run(k) // the other parts of an untied one, of which the program has called the first
	}
}

// i32 __kmpc_omp_taskwait(loc, gtid) -> 0: waits for the tasks that the task has generated.
func taskwait(t *Thread, s []uint64) {
	k := t.task
	t.workUntil(until{zero: &k.children}, &t.region.team.waits, k)
	if k.graph.used { // by none that is left
		k.graph.Lock()
		k.graph.Clear()
		k.graph.Unlock()
		k.graph.used = false
	}
	s[0] = 0
}

// void __kmpc_omp_wait_deps(loc, gtid, count i32, *dependences, other i32, *others): waits for those of the tasks that
// the task has generated which a task with these dependences would be behind.
func waitDependences(t *Thread, s []uint64) {
	k := t.task
	if !k.graph.used {
		return
	}
	wait := &taskOf{}
	wait.held.Store(1)
	k.graph.Lock()
	ready := k.graph.Wait(&task.Node[*taskOf]{Item: wait}, t.dependences(s[2:6]))
	k.graph.Unlock()
	if !ready {
		t.workUntil(until{zero: &wait.held}, &t.region.team.waits, k)
	}
}

// i32 __kmpc_omp_taskyield(loc, gtid, part i32) -> 0: the thread may run another task first.
func taskyield(t *Thread, s []uint64) {
	t.runOne(t.region, t.task)
	s[0] = 0
}
