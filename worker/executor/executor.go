// Package executor is the child process that runs one job's ranks on one node. It owns the policy of its Go runtime
// (processors, garbage, descriptors), what a job's ranks share (modules, world, standard input, output log), what the end
// of one rank means for the others and for the job's exit status, and the exit record. It leaves the life of a rank to
// worker/rank and the way to its agent to worker/control. The child that compiles modules is here too (compile.go).
package executor

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/internal/failpoint"
	"github.com/faasmrun/faasmrun/worker/control"
)

// The descriptors that an executor is born with, beside standard input, output and error.
const (
	controlFD  = 3 // the socket to the agent
	lifelineFD = 4 // a pipe whose other end the agent holds and never writes to
)

// Main is the executor's process. It returns the exit status, which nobody reads anything from: the exit record says all.
func Main() int {
	if err := dieWith(lifelineFD); err != nil {
		fmt.Fprintln(os.Stderr, "faasmrun executor: this verb is for workers to start:", err)
		return 2
	}
	if err := confine(); err != nil {
		fmt.Fprintln(os.Stderr, "faasmrun executor:", err)
		return 2
	}
	socket := os.NewFile(controlFD, "control")
	conn := control.NewConn(socket)
	m, err := conn.Receive()
	if err != nil {
		if errors.Is(err, io.EOF) {
			return 0 // a spare that nobody needed
		}
		fmt.Fprintln(os.Stderr, "faasmrun executor:", err)
		return 2
	}
	start, ok := m.(*control.Start)
	if !ok {
		fmt.Fprintf(os.Stderr, "faasmrun executor: the first message is a %T\n", m)
		return 2
	}
	line := newLine(conn, start)
	if !start.Interactive {
		failpoint.Here(failpoint.ExecutorBeforeListen)
		if err := line.listen(); err != nil {
			fmt.Fprintln(os.Stderr, "faasmrun executor:", err)
			return 2
		}
		failpoint.Here(failpoint.ExecutorBeforeOutlive)
		outlive(lifelineFD)
	}
	failpoint.Here(failpoint.ExecutorBeforeLog)
	tuneRuntime(int(start.Ranks))
	last := run(start, line)
	last.CPUNs, last.MaxRSS = consumed()
	status := 0
	failpoint.Here(failpoint.ExecutorBeforeRecord)
	if err := control.WriteRecord(start.ExitPath, last); err != nil {
		fmt.Fprintln(os.Stderr, "faasmrun executor:", err)
		status = 1 // the message may still get through
	}
	failpoint.Here(failpoint.ExecutorAfterRecord)
	if err := line.send(last); err != nil {
		fmt.Fprintln(os.Stderr, "faasmrun executor:", err)
	}
	return status
}

// run runs the job and returns its end.
func run(start *control.Start, line *line) *control.Ended {
	out := newReporter(line)
	defer out.stop()
	j, err := newJob(start, out)
	if err != nil {
		return &control.Ended{ExitCode: exitFailed, Reason: err.Error()}
	}
	if err := line.send(&control.Started{}); err != nil && start.Interactive {
		return &control.Ended{ExitCode: exitFailed, Reason: err.Error()}
	}
	go line.follow(j)
	if start.LeaseUntil != 0 {
		go j.lease.watch(j.fence)
	}
	return j.run()
}

// consumed is what this process has used so far.
func consumed() (cpuNs, maxRSS uint64) {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0, 0
	}
	return uint64(u.Utime.Nano() + u.Stime.Nano()), uint64(u.Maxrss) << 10
}

// reporter tells the agent how far the log and the taking of standard input are. Ranks must not wait for the agent: they
// leave the latest figure, and one goroutine sends it.
type reporter struct {
	line *line
	wake chan struct{} // holds one
	done chan struct{}
	quit chan struct{}

	mu        sync.Mutex // guards all below; never held while sending
	logEnd    uint64
	taken     uint64
	sentLog   uint64
	sentTaken uint64
}

func newReporter(line *line) *reporter {
	r := &reporter{line: line, wake: make(chan struct{}, 1), done: make(chan struct{}), quit: make(chan struct{})}
	go r.loop()
	return r
}

func (r *reporter) send(m control.Message) error { return r.line.send(m) }

// again has everything told once more: there is a new agent.
func (r *reporter) again() {
	r.mu.Lock()
	r.sentLog, r.sentTaken = 0, 0
	r.mu.Unlock()
	r.poke()
}

func (r *reporter) logGrew(end uint64) {
	r.mu.Lock()
	r.logEnd = end
	r.mu.Unlock()
	r.poke()
}

func (r *reporter) stdinTaken(n uint64) {
	r.mu.Lock()
	r.taken = max(r.taken, n)
	r.mu.Unlock()
	r.poke()
}

func (r *reporter) poke() {
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
	logEnd, taken := r.logEnd, r.taken
	log, stdin := logEnd > r.sentLog, taken > r.sentTaken
	r.sentLog, r.sentTaken = logEnd, taken
	r.mu.Unlock()
	// A failure is the end of the agent, which the line sees.
	if log {
		r.send(&control.LogGrew{End: logEnd})
	}
	if stdin {
		r.send(&control.StdinTaken{Bytes: taken})
	}
}

// stop sends what is left and ends the goroutine.
func (r *reporter) stop() {
	close(r.quit)
	<-r.done
}
