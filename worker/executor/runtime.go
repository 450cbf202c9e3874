package executor

import (
	"runtime"
	"runtime/debug"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/worker/rank"
)

// Go has as many processors as the process may use: ranks then take turns without the operating system, which knows
// nothing of who waits for whom. A goroutine that computes keeps one of them for 10 ms before others get it, and what
// serves the job waits in the same line, for mostTurns of these at most. Where more threads could compute there are
// more processors than threads, and the operating system shares the real ones out. It is set once a job: a change stops
// the world.
const (
	mostTurns       = 16
	leastProcessors = 2
	spareProcessors = 4
	maxProcessors   = 1024
)

// processors is how many of Go's there are for so many threads that may compute, on so many real ones.
func processors(threads, cores int) int {
	if threads <= cores*mostTurns {
		return max(leastProcessors, cores)
	}
	return max(leastProcessors, min(threads+spareProcessors, maxProcessors))
}

// The Go heap holds what the host side needs: no linear memory, no message. Ranks can be stopped for a collection
// wherever they are, but each one costs all of them a moment, and the real processors time. So Go collects seldom: when
// there is ten times as much garbage as was in use after the last time, 40 MiB at least, or the limit is near.
const (
	garbagePercent = 1000
	memoryLimit    = 2 << 30
	perRank        = 4 << 20 // more for every rank
)

// filesPerRank is what a rank may have open, and some.
const filesPerRank = 1100

// threadsPerRank is how many threads of a rank's program may compute at once: what the environment or the job asks of
// OpenMP's, where a program uses it.
func (j *job) threadsPerRank() int {
	threads := 1
	for _, a := range j.apps {
		if rank.UsesOpenMP(a.module.Program()) {
			threads = max(threads, rank.OpenMPThreads(a.Env, a.CPUs))
		}
	}
	return threads
}

// tuneRuntime is for a job of so many ranks with so many threads each.
func tuneRuntime(ranks, threads int) {
	runtime.GOMAXPROCS(processors(ranks*threads, usableCores()))
	debug.SetGCPercent(garbagePercent)
	debug.SetMemoryLimit(memoryLimit + int64(ranks)*perRank)
	raiseFiles(uint64(ranks) * filesPerRank)
}

// givenFiles is what this process was allowed to have open before any job.
var givenFiles = sync.OnceValue(func() (limit unix.Rlimit) {
	unix.Getrlimit(unix.RLIMIT_NOFILE, &limit)
	return limit
})

// raiseFiles lets the ranks have their files open; as far as it is allowed, which is often enough. What an earlier job
// needed more than this one is taken back.
func raiseFiles(wanted uint64) {
	given := givenFiles()
	wanted = max(wanted, given.Cur)
	if given.Max < wanted && unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: wanted, Max: wanted}) == nil {
		return
	}
	unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: min(wanted, given.Max), Max: given.Max})
}
