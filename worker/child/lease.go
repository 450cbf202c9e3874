package child

import (
	"sync"
	"time"

	"github.com/faasmrun/faasmrun/worker/control"
)

// Lease is the right to run the job's ranks. After its end the scheduler may start them elsewhere, so they must have
// ended here, even if the agent is dead, stopped or cut off.
type Lease struct {
	renewed chan struct{} // holds one

	mu    sync.Mutex // guards until
	until control.Instant
}

// NewLease is a lease that ends at a time.
func NewLease(until control.Instant) *Lease {
	return &Lease{until: until, renewed: make(chan struct{}, 1)}
}

// Renew moves the end. It never moves it back: an old message may arrive late.
func (l *Lease) Renew(until control.Instant) {
	l.mu.Lock()
	l.until = max(l.until, until)
	l.mu.Unlock()
	select {
	case l.renewed <- struct{}{}:
	default:
	}
}

func (l *Lease) left() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.until.Until(control.Now())
}

// leaseSlack is left to an agent that runs: it ends the job with a better reason. A process that was stopped finds the
// renewals of that time in its socket, and may need as long to read them.
const leaseSlack = time.Second

// Watch closes over when the lease is over, unless stop is closed before.
func (l *Lease) Watch(over chan<- struct{}, stop <-chan struct{}) {
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
