package omp

import (
	"encoding/binary"
	"sync/atomic"
)

// taskReduction is what the tasks of a taskgroup reduce into: of each variable every thread of the team has a copy
// when it asks for it, and at the taskgroup's end they are combined, in the order of threads' numbers (OpenMP 5.1,
// 2.21.5).
type taskReduction struct {
	handle uint64
	shared []uint64 // the variables' addresses
	copies *reductionCopies
}

// reductionCopies are the copies that a team's threads have. With the task modifier of a region's or a loop's
// reduction each thread has a taskgroup and variables of its own, and all have one set of copies.
type reductionCopies struct {
	threads int
	items   []reductionItem
	common  *atomic.Pointer[reductionCopies] // where they are, if they are for taskgroups of all threads
	through atomic.Int32                     // threads that have come to the end; all but one, for one taskgroup
}

// reductionItem is one variable.
type reductionItem struct {
	original uint64 // what initializers are told
	size     uint64 // of a copy, and what is free behind it
	length   uint64 // of the variable
	copies   uint64 // where they stand, by threads' numbers
	made     []bool // by each thread: that its copy is initialized
	begin    uint32 // functions: initialize(copy, original), or initialize(copy) where there is no original
	end      uint32 // end(copy)
	combine  uint32 // combine(variable, copy)
}

// redForm is clang's description of a variable: where its fields are.
type redForm struct{ size, original, length, begin, end, combine uint64 }

var (
	taskRedForm = redForm{56, 8, 16, 24, 32, 40} // kmp_taskred_input_t
	oldRedForm  = redForm{48, 0, 8, 16, 24, 32}  // kmp_task_red_input_t, which has no original
)

// ptr __kmpc_taskred_init(gtid, count i32, *variables) -> the taskgroup's handle
func taskredInit(t *Thread, s []uint64) { s[0] = t.beginTaskReduction(taskRedForm, s[1], s[2], nil) }

// ptr __kmpc_task_reduction_init(gtid, count i32, *variables) -> the same, as clang had it before
func taskReductionInit(t *Thread, s []uint64) {
	s[0] = t.beginTaskReduction(oldRedForm, s[1], s[2], nil)
}

// ptr __kmpc_taskred_modifier_init(loc, gtid, worksharing i32, count i32, *variables) -> the handle of a taskgroup
// that begins here, for each thread.
func taskredModifierInit(t *Thread, s []uint64) {
	t.beginGroup()
	s[0] = t.beginTaskReduction(taskRedForm, s[3], s[4], &t.region.team.modified[truthOf(int32(s[2]) != 0)])
}

// ptr __kmpc_task_reduction_modifier_init(loc, gtid, worksharing i32, count i32, *variables) -> the same, as clang had
// it before
func taskReductionModifierInit(t *Thread, s []uint64) {
	t.beginGroup()
	s[0] = t.beginTaskReduction(oldRedForm, s[3], s[4], &t.region.team.modified[truthOf(int32(s[2]) != 0)])
}

// void __kmpc_task_reduction_modifier_fini(loc, gtid, worksharing i32)
func taskReductionModifierFini(t *Thread, _ []uint64) { t.endGroup() }

// beginTaskReduction has the task's taskgroup reduce. common is where the team's threads find each other's copies, if
// each begins one.
func (t *Thread) beginTaskReduction(f redForm, count, variables uint64,
	common *atomic.Pointer[reductionCopies]) uint64 {
	g, tm := t.task.group, t.region.team
	if g == nil {
		fail("a task reduction outside of any taskgroup")
	}
	red := &taskReduction{handle: t.runtime.handles.Add(1)}
	g.reducing = red
	if tm.size == 1 {
		return red.handle // the variables themselves do
	}
	n := uint64(max(int32(count), 0))
	list := t.host.Bytes(variables, n*f.size)
	for i := range n {
		red.shared = append(red.shared, binary.LittleEndian.Uint64(list[i*f.size:]))
	}
	if common == nil {
		red.copies = t.makeCopies(f, list)
		red.copies.through.Store(int32(tm.size) - 1)
		return red.handle
	}
	tm.modifying.Lock()
	defer tm.modifying.Unlock()
	if red.copies = common.Load(); red.copies == nil {
		red.copies = t.makeCopies(f, list)
		red.copies.common = common
		common.Store(red.copies)
	}
	if len(red.copies.items) != len(red.shared) {
		fail("a reduction of %d variables where another thread has %d", len(red.shared), len(red.copies.items))
	}
	return red.handle
}

func (t *Thread) makeCopies(f redForm, list []byte) *reductionCopies {
	c := &reductionCopies{threads: t.region.team.size}
	for ; len(list) > 0; list = list[f.size:] {
		field := func(at uint64) uint64 { return binary.LittleEndian.Uint64(list[at:]) }
		item := reductionItem{length: field(f.length), begin: uint32(field(f.begin)), end: uint32(field(f.end)),
			combine: uint32(field(f.combine)), made: make([]bool, c.threads)}
		if f.original > 0 {
			item.original = field(f.original)
		}
		item.size = (max(item.length, 1) + 63) &^ 63
		var ok bool
		if item.length <= mostTaskOwn {
			item.copies, ok = t.allocate(item.size*uint64(c.threads), 64)
		}
		if !ok {
			fail("a task reduction: the rank's memory has no room for a copy of %d bytes for each thread (--mem-per-rank)",
				item.length)
		}
		c.items = append(c.items, item)
	}
	return c
}

// ptr __kmpc_task_reduction_get_th_data(gtid, taskgroup, variable) -> the thread's copy. The address may be the
// variable's, or that of any thread's copy.
func taskReductionData(t *Thread, s []uint64) {
	handle, data := s[1], s[2]
	if t.region.team.size == 1 {
		s[0] = data
		return
	}
	g := t.task.group
	for begin := g; handle != 0 && begin != nil; begin = begin.outer {
		if begin.reducing != nil && begin.reducing.handle == handle {
			g = begin
			break
		}
	}
	for ; g != nil; g = g.outer {
		if g.reducing == nil || g.reducing.copies == nil {
			continue
		}
		for i := range g.reducing.copies.items {
			item := &g.reducing.copies.items[i]
			if data == g.reducing.shared[i] || data-item.copies < item.size*uint64(g.reducing.copies.threads) {
				s[0] = t.copyOf(item)
				return
			}
		}
	}
	fail("a task reduces into the variable at %#x, which no taskgroup around it does", data)
}

// copyOf is the thread's copy of a variable.
func (t *Thread) copyOf(item *reductionItem) uint64 {
	n := t.region.number
	if n >= len(item.made) {
		fail("a task reduces into a variable of another team")
	}
	at := item.copies + uint64(n)*item.size
	if !item.made[n] {
		item.made[n] = true
		clear(t.host.Bytes(at, item.length))
		switch {
		case item.begin != 0 && item.original != 0:
			t.callBack(item.begin, "ll", at, item.original)
		case item.begin != 0:
			t.callBack(item.begin, "l", at)
		}
	}
	return at
}

// callBack calls a function of the program's.
func (t *Thread) callBack(function uint32, params string, args ...uint64) {
	if err := t.host.CallTable(function, params, args...); err != nil {
		panic(err)
	}
}

// endTaskReduction combines what all tasks have reduced, if the thread is the last that comes.
func (t *Thread) endTaskReduction(red *taskReduction) {
	c := red.copies
	if c == nil || int(c.through.Add(1)) < c.threads {
		return
	}
	if c.common != nil {
		c.common.Store(nil)
	}
	for i := range c.items {
		item := &c.items[i]
		for n, made := range item.made {
			if !made {
				continue
			}
			at := item.copies + uint64(n)*item.size
			t.callBack(item.combine, "ll", red.shared[i], at)
			if item.end != 0 {
				t.callBack(item.end, "l", at)
			}
		}
		t.deallocate(item.copies, item.size*uint64(c.threads))
	}
}
