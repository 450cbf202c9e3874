package worker

import (
	"sync"
	"syscall"
	"time"

	"github.com/faasmrun/faasmrun/internal/failpoint"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker/control"
)

// A job's executor is supervised until it has ended, is idle, or is left to the next worker.

// supervise exchanges messages with the executor until it has ended, is idle again, or is left to the next worker. It
// returns the executor's last message, if there is one.
func (j *job) supervise(p *process) (last *control.Ended, left bool) {
	if !p.gone {
		last, left = j.serveExecutor(p)
	}
	if last == nil && !left {
		last, _ = control.ReadRecord(j.file("exit"))
	}
	return last, left
}

// serveExecutor sends the job's orders to a running executor and handles its messages.
func (j *job) serveExecutor(p *process) (last *control.Ended, left bool) {
	var sending sync.WaitGroup
	stop, awake := make(chan struct{}), make(chan struct{})
	sending.Go(func() {
		begun := awake
		if p.cmd == nil { // it had begun when it was found
			begun = closed
		}
		select {
		case <-begun: // orders to one that dies before it has begun are for the next one
			j.orders.drain(p.conn, stop)
		case <-stop:
		}
	})
	last = j.receiveMessages(p, awake)
	if last != nil && last.Idle {
		close(stop)
		stuck := time.AfterFunc(terminationGrace, p.kill)
		sending.Wait() // nothing of this job's may reach the next
		if stuck.Stop() && j.keepIdle(p, last) {
			return last, false
		}
		last.Idle = false
		p.kill() // nobody needs it
	} else {
		defer sending.Wait()
		defer close(stop)
	}
	if left = j.isLeftRunning(); !left {
		late := time.AfterFunc(terminationGrace, p.kill)
		defer late.Stop()
		p.wait()
		j.killGroup(p)
	}
	p.close() // lets a drain that waits for the socket return
	return last, left
}

var closed = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// keepIdle puts a process that is ready for another job among the idle executors. It reports whether there was room for
// it.
func (j *job) keepIdle(p *process, last *control.Ended) bool {
	j.mu.Lock()
	// One of an earlier release finishes its job and gets no other: it would not know what that asks for.
	if j.terminated != nil || j.stopped || j.leftRunning || p.conn.Version() != control.Version {
		j.mu.Unlock()
		return false
	}
	j.process = nil // no order for this job does anything to it from here on
	j.mu.Unlock()
	billed := p.billed
	p.served, p.billed = p.served+1, billed+last.CPUNs // before another job has it
	if !j.w.idle.put(p) {
		p.billed = billed
		return false
	}
	failpoint.Here(failpoint.WorkerAfterIdle)
	return true
}

// killGroup kills whatever else there is in the job's control group. The group itself is needed until its end has been
// reported.
func (j *job) killGroup(p *process) {
	if p.group == nil {
		return
	}
	if err := p.group.Kill(); err != nil {
		j.w.Logger.Warn("ending all of a job", "job", j.key.id, "err", err)
	}
}

// receiveMessages handles the executor's messages until one of the two closes the connection, or the executor is idle.
// awake is closed at the first message.
func (j *job) receiveMessages(p *process, awake chan<- struct{}) (last *control.Ended) {
	for {
		m, err := p.conn.Receive()
		if err != nil {
			return last // it has ended, or sends nonsense, and then is ended
		}
		if awake != nil {
			close(awake)
			awake = nil
		}
		if ended, ok := m.(*control.Ended); ok {
			last = ended
			if last.Idle {
				return last
			}
			defer time.AfterFunc(terminationGrace, p.kill).Stop()
			continue
		}
		j.handleMessage(m)
	}
}

func (j *job) handleMessage(m control.Message) {
	switch m := m.(type) {
	case *control.Started:
		j.mu.Lock()
		j.started = true
		if j.stopped && j.terminated == nil {
			j.process.signal(syscall.SIGSTOP)
		}
		j.mu.Unlock()
		j.w.Logger.Info("job started", "job", j.key.id, "epoch", j.key.epoch, "tenant", j.order.GetTenant(), "ranks",
			j.order.Ranks, "engine", j.engine)
		j.w.report(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_Started{
			Started: &schedpb.JobStarted{Job: j.key.ref()}}})
	case *control.LogGrew:
		j.mu.Lock()
		close(j.grew)
		j.grew = make(chan struct{})
		j.mu.Unlock()
		if limit := j.order.GetOutputLimitBytes(); limit > 0 && m.End > limit {
			j.endRanks(&termination{outputLimit: limit})
		}
	case *control.StdinTaken:
		j.mu.Lock()
		j.taken = m.Bytes
		j.mu.Unlock()
		j.w.report(j.stdinTaken(m.Bytes))
	case *control.InputTaken:
		j.inputTaken(m)
	case *control.Step:
		j.stepChanged(m)
	case *control.RankStates:
		j.w.report(&schedpb.WorkerMessage{Msg: &schedpb.WorkerMessage_RankStates{
			RankStates: &schedpb.JobRankStates{Job: j.key.ref(), States: j.states(m.Ranks)}}})
	}
}
