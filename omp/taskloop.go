package omp

import (
	"github.com/faasmrun/faasmrun/omp/task"
)

// void __kmpc_taskloop(loc, gtid, task, if i32, *lower, *upper, step, nogroup i32, division i32, n u64, duplicate):
// makes tasks of a loop's iterations: copies of a task that is not run itself, each with bounds of its own, which are
// in the task's memory. duplicate(copy, task, last i32), if there is one, makes a copy's private variables.
func taskloop(t *Thread, s []uint64) { t.taskloop(s[2:10], false, uint32(s[10])) }

// void __kmpc_taskloop_5(…, n u64, modifier i32, duplicate): with modifier 1 the number is strict.
func taskloop5(t *Thread, s []uint64) { t.taskloop(s[2:10], int32(s[10]) != 0, uint32(s[11])) }

func (t *Thread) taskloop(s []uint64, strict bool, duplicate uint32) {
	pattern, deferred := t.taskAt(s[0]), int32(s[1]) != 0
	// clang numbers what is left of the task's memory behind its head by where the bounds are.
	lower, upper := s[2]-pattern.address, s[3]-pattern.address
	loop := task.Loop{Lower: t.number(s[2], 8), Upper: t.number(s[3], 8), Step: int64(s[4])}
	if loop.Step == 0 {
		fail("a taskloop with a step of 0")
	}
	if lower > pattern.size || upper > pattern.size {
		fail("a taskloop whose bounds are not in its task")
	}
	if int32(s[5]) == 0 {
		t.beginGroup()
	}
	if trips := loop.Trips(); trips > 0 {
		chunks := task.Cut(trips, task.Division(int32(s[6])), s[7], strict, t.region.team.size)
		for i := range chunks.Count {
			first, count := chunks.At(i)
			k := t.copyTask(pattern)
			t.store(k.address+lower, 8, loop.Lower+first*uint64(loop.Step))
			t.store(k.address+upper, 8, loop.Lower+(first+count-1)*uint64(loop.Step))
			if duplicate != 0 {
				last := truthOf(first+count == trips)
				if err := t.host.CallTable(duplicate, "lli", k.address, pattern.address, last); err != nil {
					panic(err)
				}
			}
			if deferred {
				t.submit(k, nil)
			} else {
				t.admit(k)
				t.run(k)
			}
		}
	}
	t.admit(pattern)
	t.finish(pattern)
	if int32(s[5]) == 0 {
		t.endGroup()
	}
}

// copyTask makes a task like another, which has not begun.
func (t *Thread) copyTask(of *taskOf) *taskOf {
	k := t.makeTask(of.flags, of.size, of.shareds, of.entry)
	copy(t.host.Bytes(k.address, of.size+of.shareds), t.host.Bytes(of.address, of.size+of.shareds))
	if of.shareds > 0 {
		t.store(k.address+atShareds, 8, k.address+of.size)
	}
	return k
}
