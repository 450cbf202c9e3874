package executor

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// A compile child's memory is bounded in three ways: the engine refuses functions that are too large before it compiles
// them; a goroutine ends the child with a message when it has grown beyond compileMemory; and the kernel refuses what
// that goroutine is too late for. The engine needs up to 0.9 GiB for each MB of one function's straight code, and
// without any bound for functions of many locals and loops.
const (
	compileMemory = 4 << 30 // what straight code of the largest function needs
	watchEvery    = 10 * time.Millisecond
)

// memoryBudget is how much memory a compile child may take, and what it is doing when it takes it.
type memoryBudget struct {
	limit   int64
	step    atomic.Pointer[string] // what is done, for a person
	largest atomic.Pointer[string] // the function that it is most likely done for
}

// begin notes the next step.
func (a *memoryBudget) begin(step string) { a.step.Store(&step) }

// enforce sets the limits and starts the goroutine that checks them. In the worst case the kernel, too, kills this
// process rather than ranks.
func (a *memoryBudget) enforce(stderr io.Writer, exit func(int)) error {
	os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0) // where there is no such file it is as it was
	debug.SetMemoryLimit(a.limit / 4 * 3)                       // from here on Go collects more often
	// Private writable memory: the addresses that Go reserves don't count, as they would by RLIMIT_AS.
	hard := uint64(a.limit) + 1<<30
	if err := unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: hard, Max: hard}); err != nil {
		return fmt.Errorf("bound its memory: %w", err)
	}
	go func() { // it ends with the process
		for range time.Tick(watchEvery) {
			if heldMemory() > uint64(a.limit) {
				fmt.Fprintln(stderr, a.exceeded())
				exit(1)
				return
			}
		}
	}()
	return nil
}

// exceeded is the message about what took too much.
func (a *memoryBudget) exceeded() string {
	step, what := "preparing it", ""
	if s := a.step.Load(); s != nil {
		step = *s
	}
	if l := a.largest.Load(); l != nil {
		what = fmt.Sprintf("; its largest function is %s", *l)
	}
	return fmt.Sprintf("%s takes more than the %d MiB of memory that it may%s: split large functions, or compile their "+
		"files with less "+
		"inlining and unrolling (-O1)", step, a.limit>>20, what)
}

// heldMemory is what Go's runtime holds of the system.
func heldMemory() uint64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64() - samples[1].Value.Uint64()
}
