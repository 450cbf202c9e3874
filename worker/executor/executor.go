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
	if !start.Interactive {
		outlive(lifelineFD)
	}
	tuneRuntime(int(start.Ranks))
	last := run(start, conn)
	status := 0
	if err := control.WriteRecord(start.ExitPath, last); err != nil {
		fmt.Fprintln(os.Stderr, "faasmrun executor:", err)
		status = 1 // the message may still get through
	}
	if err := conn.Send(last); err != nil {
		fmt.Fprintln(os.Stderr, "faasmrun executor:", err)
	}
	return status
}

// run runs the job and returns its end.
func run(start *control.Start, conn *control.Conn) *control.Ended {
	out := newReporter(conn)
	defer out.stop()
	j, err := newJob(start, out)
	if err != nil {
		return &control.Ended{ExitCode: exitFailed, Reason: err.Error()}
	}
	if err := out.send(&control.Started{}); err != nil && start.Interactive {
		return &control.Ended{ExitCode: exitFailed, Reason: err.Error()}
	}
	go listen(conn, j)
	return j.run()
}

// listen follows the agent's orders for the rest of the process's life. The end of the connection is the end of the agent,
// and of an interactive job.
func listen(conn *control.Conn, j *job) {
	for {
		m, err := conn.Receive()
		if err != nil {
			if j.start.Interactive {
				os.Exit(1)
			}
			return
		}
		j.obey(m)
	}
}

// reporter tells the agent how far the log and the taking of standard input are. Ranks must not wait for the agent: they
// leave the latest figure, and one goroutine sends it.
type reporter struct {
	conn *control.Conn
	wake chan struct{} // holds one
	done chan struct{}
	quit chan struct{}

	mu        sync.Mutex // guards all below; never held while sending
	logEnd    uint64
	taken     uint64
	sentLog   uint64
	sentTaken uint64
}

func newReporter(conn *control.Conn) *reporter {
	r := &reporter{conn: conn, wake: make(chan struct{}, 1), done: make(chan struct{}), quit: make(chan struct{})}
	go r.loop()
	return r
}

func (r *reporter) send(m control.Message) error { return r.conn.Send(m) }

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
	// A failure is the end of the agent, which listen sees.
	if log {
		r.conn.Send(&control.LogGrew{End: logEnd})
	}
	if stdin {
		r.conn.Send(&control.StdinTaken{Bytes: taken})
	}
}

// stop sends what is left and ends the goroutine.
func (r *reporter) stop() {
	close(r.quit)
	<-r.done
}
