package executor

import (
	"sync"
	"time"

	"github.com/faasmrun/faasmrun/worker/control"
)

// lease is the right to run the job's ranks. After its end the scheduler may start them elsewhere, so they must have
// ended here, even if the agent is dead, stopped or cut off.
type lease struct {
	renewed chan struct{} // holds one

	mu    sync.Mutex // guards until
	until control.Instant
}

func newLease(until control.Instant) *lease {
	return &lease{until: until, renewed: make(chan struct{}, 1)}
}

// renew moves the end. It never moves it back: an old message may arrive late.
func (l *lease) renew(until control.Instant) {
	l.mu.Lock()
	l.until = max(l.until, until)
	l.mu.Unlock()
	select {
	case l.renewed <- struct{}{}:
	default:
	}
}

func (l *lease) left() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.until.Until(control.Now())
}

// leaseSlack is left to an agent that runs: it ends the job with a better reason. A process that was stopped finds the
// renewals of that time in its socket, and may need as long to read them.
const leaseSlack = time.Second

// watch closes over when the lease is over, unless stop is closed before.
func (l *lease) watch(over chan<- struct{}, stop <-chan struct{}) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for warned := false; ; {
		left := l.left()
		switch {
		case left > 0:
			warned = false
			timer.Reset(left)
		case !warned:
			warned = true
			timer.Reset(leaseSlack)
		default:
			close(over)
			return
		}
		select {
		case <-timer.C:
		case <-l.renewed:
			warned = false
		case <-stop:
			return
		}
	}
}
