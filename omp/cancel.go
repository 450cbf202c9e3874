package omp

// What a cancel construct names, by clang's numbers.
const (
	cancelParallel  = 1
	cancelLoop      = 2
	cancelSections  = 3
	cancelTaskgroup = 4
)

// i32 __kmpc_cancel(loc, gtid, construct i32) -> 1: the thread is to leave the construct, as others will at their next
// cancellation point or barrier. Without OMP_CANCELLATION nothing is ever cancelled (OpenMP 5.1, 2.20.1).
func cancel(t *Thread, s []uint64) {
	what := uint32(s[2])
	s[0] = 0
	if !t.runtime.settings.Cancellation {
		return
	}
	if what == cancelTaskgroup {
		if g := t.task.group; g != nil {
			g.cancelled.Store(true)
			s[0] = 1
		}
		return
	}
	requested := &t.region.team.cancelled
	s[0] = truthOf(requested.CompareAndSwap(0, what) || requested.Load() == what)
}

// i32 __kmpc_cancellationpoint(loc, gtid, construct i32) -> 1: the thread is to leave the construct.
func cancellationPoint(t *Thread, s []uint64) {
	what := uint32(s[2])
	if what == cancelTaskgroup {
		g := t.task.group
		s[0] = truthOf(g != nil && g.cancelled.Load())
		return
	}
	s[0] = truthOf(t.region.team.cancelled.Load() == what)
}

// i32 __kmpc_cancel_barrier(loc, gtid) -> 1: the construct that it ends, or the region, was cancelled.
func cancelBarrier(t *Thread, s []uint64) {
	tm := t.region.team
	if tm.size == 1 {
		tm.noteCancelled()
	}
	t.barrier()
	s[0] = truthOf(tm.noted.Load() != 0)
}

// noteCancelled notes at a barrier, which nobody has left yet, what was cancelled: a fast thread may cancel the next
// construct before a slow one has looked. A region stays cancelled, where a loop is through.
func (tm *team) noteCancelled() {
	what := tm.cancelled.Load()
	tm.noted.Store(what)
	if what == cancelLoop || what == cancelSections {
		tm.cancelled.Store(0)
	}
}
