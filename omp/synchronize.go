package omp

import "sync/atomic"

// void __kmpc_barrier(loc, gtid)
func barrier(t *Thread, _ []uint64) { t.barrier() }

// barrier waits for the whole team, and for its tasks.
func (t *Thread) barrier() {
	tm := t.region.team
	if tm.size == 1 && tasksIn(tm.state.Load()) == 0 {
		return
	}
	before := tm.crossed.Load()
	if s := tm.state.Add(oneAtBarrier); atBarrier(s) == tm.size && tasksIn(s) == 0 {
		t.settle(tm, s)
		return
	}
	t.workUntil(until{word: &tm.crossed, old: before}, &tm.barrier, nil)
}

// i32 __kmpc_single(loc, gtid) -> 1 for the thread that comes first.
func single(t *Thread, s []uint64) {
	n := t.region.singles
	t.region.singles++
	s[0] = truthOf(t.region.team.singles.CompareAndSwap(n, n+1))
}

// i32 __kmpc_master(loc, gtid) -> 1 for thread 0.
func master(t *Thread, s []uint64) { s[0] = truthOf(t.region.number == 0) }

// i32 __kmpc_masked(loc, gtid, filter i32) -> 1 for the thread of that number.
func masked(t *Thread, s []uint64) { s[0] = truthOf(t.region.number == int(int32(s[2]))) }

// void __kmpc_copyprivate(loc, gtid, size, data, copy, here i32): hands the data of the thread that says here to all
// others, each of which copies it by copy(its own, that one's).
func copyprivate(t *Thread, s []uint64) {
	data, function, here := s[3], uint32(s[4]), int32(s[5]) != 0
	tm := t.region.team
	if here {
		tm.copied = data
	}
	t.barrier()
	if !here {
		if err := t.host.CallTable(function, "ll", data, tm.copied); err != nil {
			panic(err)
		}
	}
	t.barrier()
}

// reduction is how a team makes one value of its threads' own: the first thread waits for all, combines their values
// in the order of threads' numbers, so that the result is the same whoever comes first, and goes on with it.
type reduction struct {
	data     []uint64 // by thread: where its values are
	arrived  atomic.Int32
	full     word // advanced when all others have come,
	released word // and when they may go on
}

func (r *reduction) reset() {
	r.arrived.Store(0)
	r.full.value.Store(0)
	r.released.value.Store(0)
}

// i32 __kmpc_reduce(loc, gtid, count i32, size, data, combine, name) -> 1: the thread has all of the team's values
// combined in its own, is to put them into the shared variables and to call __kmpc_end_reduce; 0: another one does.
func reduce(t *Thread, s []uint64) { s[0] = truthOf(t.reduce(s[4], uint32(s[5]))) }

// i32 __kmpc_reduce_nowait(…), as __kmpc_reduce. The others go on as soon as their values have been read.
func reduceNowait(t *Thread, s []uint64) {
	first := t.reduce(s[4], uint32(s[5]))
	if first {
		t.release()
	}
	s[0] = truthOf(first)
}

func (t *Thread) reduce(data uint64, combine uint32) (first bool) {
	tm, turn := t.region.team, t.region.reductions
	t.region.reductions++
	if tm.size == 1 {
		return true
	}
	r := &tm.reducing
	if n := t.region.number; n > 0 {
		r.data[n] = data
		if int(r.arrived.Add(1)) == tm.size-1 {
			t.advance(&r.full)
		}
		t.await(&r.released, turn)
		return false
	}
	t.await(&r.full, turn)
	r.arrived.Store(0)
	for _, other := range r.data[1:] {
		if err := t.host.CallTable(combine, "ll", data, other); err != nil {
			panic(err)
		}
	}
	return true
}

// void __kmpc_end_reduce(loc, gtid, name)
func endReduce(t *Thread, _ []uint64) { t.release() }

func (t *Thread) release() {
	if tm := t.region.team; tm.size > 1 {
		t.advance(&tm.reducing.released)
	}
}
