package worker

import (
	"sync"

	"github.com/faasmrun/faasmrun/worker/control"
)

// outbox queues messages for an executor until its socket takes them: a stopped executor reads nothing, and whoever
// gives orders must not wait for it.
type outbox struct {
	wake chan struct{} // holds one

	mu       sync.Mutex // guards all below
	messages []control.Message
	lease    *control.Lease // the latest; what it replaces need not be sent
	bytes    int            // that they occupy
}

// put appends a message, and reports whether it was taken: not while too much standard input, or too many signals and
// questions, are waiting.
func (o *outbox) put(m control.Message) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, limit := cost(m), maxStdinAhead
	if n == itemCost {
		limit *= 2 // what has no data gets through behind much that has
	}
	if n > 0 && o.bytes+n > limit {
		return false
	}
	o.bytes += n
	if lease, ok := m.(*control.Lease); ok {
		o.lease = lease
	} else {
		o.messages = append(o.messages, m)
	}
	select {
	case o.wake <- struct{}{}:
	default:
	}
	return true
}

// itemCost is what a message occupies beside its data. A launcher has at most 1,024 items on their way.
const itemCost = 256

// cost is what a message occupies that tenants may send as often as they like.
func cost(m control.Message) int {
	switch m := m.(type) {
	case *control.Stdin: // of release 0.1, whose launchers may send each byte by itself
		if len(m.Data) > 0 {
			return len(m.Data)
		}
		return itemCost
	case *control.Input:
		return len(m.Data) + itemCost
	case *control.Signal, *control.QueryRanks:
		return itemCost
	}
	return 0
}

func (o *outbox) take() []control.Message {
	o.mu.Lock()
	defer o.mu.Unlock()
	messages := o.messages
	if o.lease != nil {
		messages = append(messages, o.lease)
	}
	o.messages, o.lease = nil, nil
	return messages
}

// drain sends what comes in until stop is closed or the connection fails.
func (o *outbox) drain(conn *control.Conn, stop <-chan struct{}) {
	for {
		select {
		case <-o.wake:
		case <-stop:
			return
		}
		for _, m := range o.take() {
			if conn.Send(m) != nil {
				return // the executor has ended
			}
			if n := cost(m); n > 0 {
				o.mu.Lock()
				o.bytes -= n
				o.mu.Unlock()
			}
		}
	}
}
