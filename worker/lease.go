package worker

import (
	"sync"
	"time"

	"github.com/faasmrun/faasmrun/worker/control"
)

// lease is this worker's right to run ranks. It starts at the last moment at which the scheduler is known not to have
// given the worker up, and lasts for the grace; after its end the ranks may be started elsewhere. An answered heartbeat
// renews it from when that heartbeat was sent. The loss of a connection renews nothing, since the scheduler may have
// noticed it long before.
type lease struct {
	mu    sync.Mutex // guards all below
	until control.Instant
	timer *time.Timer
}

// renew moves the end, unless it is known to be later.
func (l *lease) renew(until control.Instant, over func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until <= l.until {
		return
	}
	l.until = until
	if l.timer == nil {
		l.timer = time.AfterFunc(until.Until(control.Now()), over)
	} else {
		l.timer.Reset(until.Until(control.Now()))
	}
}

// end is when it ends; 0 as long as it has not begun.
func (l *lease) end() control.Instant {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.until
}

func (l *lease) over() bool { return l.end().Until(control.Now()) <= 0 }

func (l *lease) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer != nil {
		l.timer.Stop()
	}
}

// renewLease moves the end of the lease, for all executors too: each ends its ranks at the lease's end if this worker
// can't.
//
// An ephemeral worker, which lives in its scheduler's own process, needs none. Nobody could start its ranks elsewhere,
// and a process that was stopped for longer than the grace would kill them when it goes on.
func (w *Worker) renewLease(since control.Instant, grace time.Duration) {
	if w.Ephemeral {
		return
	}
	until := since.Add(grace)
	w.lease.renew(until, func() { w.leaseEnded(grace) })
	for _, j := range w.held() {
		j.orders.put(&control.Lease{Until: until})
	}
}
