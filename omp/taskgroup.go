package omp

import "sync/atomic"

// group is a taskgroup: the tasks that are generated in it, and all that those generate.
type group struct {
	outer     *group
	count     atomic.Int32 // of these, those that are not complete
	cancelled atomic.Bool  // those that have not begun are not to
	reducing  *taskReduction
}

// void __kmpc_taskgroup(loc, gtid)
func taskgroup(t *Thread, _ []uint64) { t.beginGroup() }

func (t *Thread) beginGroup() *group {
	g := &group{outer: t.task.group}
	t.task.group = g
	return g
}

// void __kmpc_end_taskgroup(loc, gtid): waits for all of its tasks.
func endTaskgroup(t *Thread, _ []uint64) { t.endGroup() }

func (t *Thread) endGroup() {
	g := t.task.group
	if g == nil {
		fail("the end of a taskgroup, which was not begun")
	}
	t.workUntil(until{zero: &g.count}, &t.region.team.waits, t.task)
	if g.reducing != nil {
		t.endTaskReduction(g.reducing)
	}
	t.task.group = g.outer
}
