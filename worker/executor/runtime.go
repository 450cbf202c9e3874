package executor

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/worker/safepoint"
)

// Go can't interrupt code compiled from WebAssembly: with as many threads in long loops as Go has processors nothing
// else runs, neither other threads nor the goroutines of this package. So there are more processors than threads of all
// ranks, set once a job: a change stops the world. The operating system shares the real ones out.
const (
	spareProcessors = 4
	maxProcessors   = 1024
)

// The Go heap holds what the host side needs: no linear memory, no message. Go never collects it by itself below
// memoryLimit, because it would stop the world; a safepoint does, at the next good moment once there is collectAt,
// and with ranks held up at collectNow.
const (
	memoryLimit   = 2 << 30
	collectAt     = 128 << 20
	collectNow    = 1 << 30
	perRank       = 4 << 20 // more of each for every rank
	watchInterval = time.Second
)

// filesPerRank is what a rank may have open, and some.
const filesPerRank = 1100

// threadsPerRank is how many threads of a rank's program may compute at once.
const threadsPerRank = 1

// tuneRuntime is for a job of so many ranks with so many threads each.
func tuneRuntime(ranks, threads int) {
	runtime.GOMAXPROCS(min(ranks*threads+spareProcessors, maxProcessors))
	debug.SetGCPercent(-1)
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

// watchHeap asks for a collection when garbage has piled up, until over is closed. Reading the metric stops nothing.
func watchHeap(over <-chan struct{}, at *safepoint.Safepoint, ranks int) {
	soon, now := uint64(collectAt+ranks*perRank/4), uint64(collectNow+ranks*perRank/2)
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if n := heapBytes(); n >= soon {
				at.Want(n >= now)
			}
		case <-over:
			return
		}
	}
}

func heapBytes() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
