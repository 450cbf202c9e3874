package worker

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// DefaultIdleTimeout is how long an executor waits for its tenant's next job, where Config says nothing.
const DefaultIdleTimeout = time.Minute

// idleMargin is how much longer than its worker's timeout an idle executor waits by itself. A worker that runs ends it
// before.
const idleMargin = 10 * time.Second

// Bounds of what idle executors may keep from others.
const (
	maxIdleHeld = 256 << 20 // bytes charged to one's control group, in files too that its jobs left in memory
	idleReserve = 512 << 20 // bytes that must be left beside them and a job that comes
)

// idleExecutors are the executors that have served a job, of which nothing is left, and wait for their tenants' next
// one. They occupy no slots. When there is one too many, the tenant with the most of them loses the one that has waited
// longest.
type idleExecutors struct {
	limit   int
	timeout time.Duration

	mu      sync.Mutex // guards all below; not held across anything that waits
	closed  bool
	ending  map[*process]chan struct{} // those that are being ended: closed when they are gone
	waiting []idleExecutor             // the one that came last comes last
}

type idleExecutor struct {
	*process
	expiry *time.Timer
}

// executorTimeout is the timeout that executors are given; 0: they don't wait.
func (i *idleExecutors) executorTimeout() time.Duration {
	if i.limit == 0 {
		return 0
	}
	return i.timeout + idleMargin
}

// put adds a process, and reports whether it may wait. If not, the caller has to end it.
func (i *idleExecutors) put(p *process) bool {
	if !p.wroteNothing() || p.group != nil && p.group.Held() > maxIdleHeld {
		return false
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed || i.limit == 0 {
		return false
	}
	i.waiting = append(i.waiting, idleExecutor{p, time.AfterFunc(i.timeout, func() { i.expire(p) })})
	if len(i.waiting) > i.limit {
		i.drop(i.surplus())
	}
	return true
}

// surplus is the index of the one to end.
func (i *idleExecutors) surplus() int {
	count := map[string]int{}
	for _, w := range i.waiting {
		count[w.tenant]++
	}
	worst := 0
	for n, w := range i.waiting {
		if count[w.tenant] > count[i.waiting[worst].tenant] {
			worst = n
		}
	}
	return worst
}

// take returns the tenant's executor that has waited the least, since most of its memory is still in caches; nil: there
// is none.
func (i *idleExecutors) take(tenant string, as *identity) *process {
	i.mu.Lock()
	defer i.mu.Unlock()
	for n, w := range slices.Backward(i.waiting) {
		if w.tenant != tenant || !w.as.equal(as) {
			continue
		}
		if w.isRunning() {
			w.expiry.Stop()
			i.waiting = slices.Delete(i.waiting, n, n+1)
			w.oomKills = oomKills() // those while it waited are no business of its job's
			return w.process
		}
		i.drop(n) // it was killed meanwhile
	}
	return nil
}

// expire ends a process that has waited long enough, unless it was taken.
func (i *idleExecutors) expire(p *process) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if n := slices.IndexFunc(i.waiting, func(w idleExecutor) bool { return w.process == p }); n >= 0 {
		i.drop(n)
	}
}

// drop ends one. It is called with mu held.
func (i *idleExecutors) drop(n int) {
	w, gone := i.waiting[n], make(chan struct{})
	i.waiting = slices.Delete(i.waiting, n, n+1)
	w.expiry.Stop()
	if i.ending == nil {
		i.ending = map[*process]chan struct{}{}
	}
	i.ending[w.process] = gone
	go func() {
		defer close(gone)
		w.discard()
		i.mu.Lock()
		defer i.mu.Unlock()
		delete(i.ending, w.process)
	}()
}

// waitForEnding waits for those that are being ended.
func (i *idleExecutors) waitForEnding() {
	i.mu.Lock()
	ending := slices.Collect(maps.Values(i.ending))
	i.mu.Unlock()
	for _, gone := range ending {
		<-gone
	}
}

// clear ends all that wait, and waits for it. It reports whether there were any.
func (i *idleExecutors) clear() bool {
	i.mu.Lock()
	any := len(i.waiting) > 0
	for len(i.waiting) > 0 {
		i.drop(0)
	}
	i.mu.Unlock()
	i.waitForEnding()
	return any
}

// close is clear for good.
func (i *idleExecutors) close() {
	i.mu.Lock()
	i.closed = true
	i.mu.Unlock()
	i.clear()
}
