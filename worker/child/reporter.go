package child

import (
	"sync"

	"github.com/faasmrun/faasmrun/worker/control"
)

// Reporter tells the agent how far the log and the reading of standard input are. Whoever writes must not wait for the
// agent: it stores the latest figure, and one goroutine sends it.
type Reporter struct {
	agent *Conn
	wake  chan struct{} // holds one
	done  chan struct{}
	quit  chan struct{}

	mu           sync.Mutex // guards all below; never held while sending
	logEnd       uint64
	received     uint64 // the last numbered item of input; 0: there was none
	taken        uint64 // of standard input
	sentLog      uint64
	sentReceived uint64
	sentTaken    uint64
}

// NewReporter starts one. It is to be stopped.
func NewReporter(agent *Conn) *Reporter {
	r := &Reporter{agent: agent, wake: make(chan struct{}, 1), done: make(chan struct{}), quit: make(chan struct{})}
	go r.loop()
	return r
}

// Send sends a message.
func (r *Reporter) Send(m control.Message) error { return r.agent.Send(m) }

// ResendAll sends everything once more, to a new agent.
func (r *Reporter) ResendAll() {
	r.mu.Lock()
	r.sentLog, r.sentTaken = 0, 0
	r.mu.Unlock()
	r.signal()
}

// LogGrew notes where the log ends.
func (r *Reporter) LogGrew(end uint64) {
	r.mu.Lock()
	r.logEnd = end
	r.mu.Unlock()
	r.signal()
}

// StdinTaken counts what has been taken of standard input.
func (r *Reporter) StdinTaken(n uint64) {
	r.mu.Lock()
	r.taken = max(r.taken, n)
	r.mu.Unlock()
	r.signal()
}

// Input is the first message to a new agent: where numbered input goes on.
func (r *Reporter) Input() *control.InputTaken {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &control.InputTaken{Received: r.received, Stdin: r.taken}
}

// InputReceived notes the last numbered item of input.
func (r *Reporter) InputReceived(seq uint64) {
	r.mu.Lock()
	r.received = seq
	r.mu.Unlock()
	r.signal()
}

func (r *Reporter) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *Reporter) loop() {
	defer close(r.done)
	for {
		select {
		case <-r.wake:
			r.flush()
		case <-r.quit:
			r.flush()
			return
		}
	}
}

func (r *Reporter) flush() {
	r.mu.Lock()
	logEnd, received, taken := r.logEnd, r.received, r.taken
	log, stdin := logEnd > r.sentLog, taken > r.sentTaken
	input := received > r.sentReceived || received > 0 && stdin
	r.sentLog, r.sentReceived, r.sentTaken = logEnd, received, taken
	r.mu.Unlock()
	// A failure is the end of the agent, which the agent connection notices.
	if log {
		r.Send(&control.LogGrew{End: logEnd})
	}
	switch {
	case input:
		r.Send(&control.InputTaken{Received: received, Stdin: taken})
	case stdin:
		r.Send(&control.StdinTaken{Bytes: taken})
	}
}

// Stop sends what is left and ends the goroutine.
func (r *Reporter) Stop() {
	close(r.quit)
	<-r.done
}
