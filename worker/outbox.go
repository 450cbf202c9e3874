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
	bytes    int            // of standard input
}

// put appends a message. False means that it was refused: too much standard input is waiting.
func (o *outbox) put(m control.Message) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.bytes+stdinBytes(m) > maxStdinAhead {
		return false
	}
	o.bytes += stdinBytes(m)
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

// stdinBytes is what a message carries of standard input.
func stdinBytes(m control.Message) int {
	switch m := m.(type) {
	case *control.Stdin:
		return len(m.Data)
	case *control.Input:
		return len(m.Data)
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
			if n := stdinBytes(m); n > 0 {
				o.mu.Lock()
				o.bytes -= n
				o.mu.Unlock()
			}
		}
	}
}
