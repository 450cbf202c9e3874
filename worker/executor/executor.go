// Package executor is the child process that runs a job's ranks on one node and then, if nothing of it is left, the
// next job of the same tenant. It owns the settings of its Go runtime (processors, garbage collection, descriptors),
// what a job's ranks share (modules, world, standard input, output log), what the end of one rank means for the others,
// the exit record, which says how all ended, and the checks that the process may run another job (idle.go). It leaves
// the life of a rank to worker/rank, the frames to and from its agent to worker/control, and what the ranks' ends make
// of the job to scheduler/core/result. The child that compiles modules is here too (compile.go).
package executor

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/internal/failpoint"
	"github.com/faasmrun/faasmrun/worker/confine"
	"github.com/faasmrun/faasmrun/worker/control"
	"github.com/faasmrun/faasmrun/worker/program"
)

// The descriptors that an executor starts with, beside standard input, output and error.
const (
	controlFD    = 3 // the socket to the agent
	agentWatchFD = 4 // a pipe whose other end the agent holds and never writes to
	adoptionFD   = 5 // a socket to which a later agent connects
)

// Main is the executor's process. It returns the exit status, which means nothing: the exit record has the job's end.
func Main() int {
	status, err := serve()
	if err != nil {
		fmt.Fprintln(os.Stderr, "faasmrun executor:", err)
	}
	return status
}

// serve runs one job after another, until one leaves something behind or no other comes.
func serve() (status int, err error) {
	if err := armAgentWatch(agentWatchFD); err != nil {
		return 2, fmt.Errorf("only a worker starts this verb: %w", err)
	}
	if err := confine.Guests(); err != nil {
		return 2, err
	}
	agent, err := newAgentConn(controlFD, adoptionFD)
	if err != nil {
		return 2, err
	}
	go agent.serve()
	p := &process{agent: agent}
	start, err := agent.nextStart(0)
	for err == nil && start != nil {
		var idle bool
		if status, idle, err = p.serve(start); !idle || err != nil {
			return status, err
		}
		start, err = p.wait(start.IdleTimeout)
	}
	if err != nil {
		return 2, err
	}
	return 0, nil // nobody needed it, or needs it any more
}

// process is the state that stays from one job of a tenant to the next.
type process struct {
	agent    *agentConn
	programs programs
	spent    uint64    // processor time up to the end of the last job
	baseline footprint // of this process when it was idle for the first time
}

// serve runs one job and says how it ended: in the record, which counts, and to the agent. idle says that this process
// has told its agent that it waits for another.
func (p *process) serve(start *control.Start) (status int, idle bool, err error) {
	if !start.Interactive {
		failpoint.Here(failpoint.ExecutorBeforeOutlive)
		if err := disarmAgentWatch(agentWatchFD); err != nil {
			return 2, false, err
		}
	}
	failpoint.Here(failpoint.ExecutorBeforeLog)
	j, last := p.run(start)
	last.CPUNs, last.MaxRSS = p.consumed()
	failpoint.Here(failpoint.ExecutorBeforeRecord)
	if err := control.WriteRecord(start.ExitPath, last); err != nil {
		p.agent.send(last) // it may still get through
		return 1, false, err
	}
	failpoint.Here(failpoint.ExecutorAfterRecord)
	if start.IdleTimeout > 0 && j.endedCleanly() && j.stopped() {
		idle = p.reset(j)
	}
	if last.Idle = idle; !idle {
		return 0, false, p.agent.send(last)
	}
	failpoint.Here(failpoint.ExecutorBeforeIdle)
	err = p.agent.send(last)
	failpoint.Here(failpoint.ExecutorAfterIdle)
	return 0, true, err
}

// run runs the job and returns its end, and the job if it has begun.
func (p *process) run(start *control.Start) (*job, *control.Ended) {
	out := newReporter(p.agent)
	defer out.stop()
	j, err := newJob(start, out, &p.programs)
	if err != nil {
		return nil, &control.Ended{NotBegun: err.Error(), Unprepared: errors.Is(err, program.ErrUnusable)}
	}
	p.agent.attach(j)
	if err := p.agent.send(&control.Started{}); err != nil && start.Interactive {
		return nil, &control.Ended{NotBegun: err.Error()}
	}
	return j, j.run()
}

// consumed is what this process has used since the end of its last job, and the most memory that it has had since.
func (p *process) consumed() (cpuNs, maxRSS uint64) {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) == nil {
		total := uint64(u.Utime.Nano() + u.Stime.Nano())
		cpuNs, p.spent = total-p.spent, total
	}
	return cpuNs, peak()
}

// reporter tells the agent how far the log and the reading of standard input are. Ranks must not wait for the agent:
// they store the latest figure, and one goroutine sends it.
type reporter struct {
	agent *agentConn
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

func newReporter(agent *agentConn) *reporter {
	r := &reporter{agent: agent, wake: make(chan struct{}, 1), done: make(chan struct{}), quit: make(chan struct{})}
	go r.loop()
	return r
}

func (r *reporter) send(m control.Message) error { return r.agent.send(m) }

// resendAll sends everything once more, to a new agent.
func (r *reporter) resendAll() {
	r.mu.Lock()
	r.sentLog, r.sentTaken = 0, 0
	r.mu.Unlock()
	r.signal()
}

func (r *reporter) logGrew(end uint64) {
	r.mu.Lock()
	r.logEnd = end
	r.mu.Unlock()
	r.signal()
}

func (r *reporter) stdinTaken(n uint64) {
	r.mu.Lock()
	r.taken = max(r.taken, n)
	r.mu.Unlock()
	r.signal()
}

// input is the first message to a new agent: where numbered input goes on.
func (r *reporter) input() *control.InputTaken {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &control.InputTaken{Received: r.received, Stdin: r.taken}
}

func (r *reporter) inputReceived(seq uint64) {
	r.mu.Lock()
	r.received = seq
	r.mu.Unlock()
	r.signal()
}

func (r *reporter) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *reporter) loop() {
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

func (r *reporter) flush() {
	r.mu.Lock()
	logEnd, received, taken := r.logEnd, r.received, r.taken
	log, stdin := logEnd > r.sentLog, taken > r.sentTaken
	input := received > r.sentReceived || received > 0 && stdin
	r.sentLog, r.sentReceived, r.sentTaken = logEnd, received, taken
	r.mu.Unlock()
	// A failure is the end of the agent, which the agent connection notices.
	if log {
		r.send(&control.LogGrew{End: logEnd})
	}
	switch {
	case input:
		r.send(&control.InputTaken{Received: received, Stdin: taken})
	case stdin:
		r.send(&control.StdinTaken{Bytes: taken})
	}
}

// stop sends what is left and ends the goroutine.
func (r *reporter) stop() {
	close(r.quit)
	<-r.done
}
