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

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/internal/failpoint"
	"github.com/faasmrun/faasmrun/worker/child"
	"github.com/faasmrun/faasmrun/worker/confine"
	"github.com/faasmrun/faasmrun/worker/control"
	"github.com/faasmrun/faasmrun/worker/program"
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
	if err := child.ArmWatch(child.WatchFD); err != nil {
		return 2, fmt.Errorf("only a worker starts this verb: %w", err)
	}
	if err := confine.Guests(); err != nil {
		return 2, err
	}
	agent, err := child.NewConn(child.ControlFD, child.AdoptionFD)
	if err != nil {
		return 2, err
	}
	go agent.Serve()
	p := &process{agent: agent}
	start, err := agent.NextStart(0)
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
	agent    *child.Conn
	programs programs
	spent    uint64    // processor time up to the end of the last job
	baseline footprint // of this process when it was idle for the first time
}

// serve runs one job and says how it ended: in the record, which counts, and to the agent. idle says that this process
// has told its agent that it waits for another.
func (p *process) serve(start *control.Start) (status int, idle bool, err error) {
	if !start.Interactive {
		failpoint.Here(failpoint.ExecutorBeforeOutlive)
		if err := child.DisarmWatch(child.WatchFD); err != nil {
			return 2, false, err
		}
	}
	failpoint.Here(failpoint.ExecutorBeforeLog)
	j, last := p.run(start)
	last.CPUNs, last.MaxRSS = p.consumed()
	failpoint.Here(failpoint.ExecutorBeforeRecord)
	if err := control.WriteRecord(start.ExitPath, last); err != nil {
		p.agent.Send(last) // it may still get through
		return 1, false, err
	}
	failpoint.Here(failpoint.ExecutorAfterRecord)
	if start.IdleTimeout > 0 && j.endedCleanly() && j.stopped() {
		idle = p.reset(j)
	}
	if last.Idle = idle; !idle {
		return 0, false, p.agent.Send(last)
	}
	failpoint.Here(failpoint.ExecutorBeforeIdle)
	err = p.agent.Send(last)
	failpoint.Here(failpoint.ExecutorAfterIdle)
	return 0, true, err
}

// run runs the job and returns its end, and the job if it has begun.
func (p *process) run(start *control.Start) (*job, *control.Ended) {
	out := child.NewReporter(p.agent)
	defer out.Stop()
	j, err := newJob(start, out, &p.programs)
	if err != nil {
		return nil, &control.Ended{NotBegun: err.Error(), Unprepared: errors.Is(err, program.ErrUnusable)}
	}
	p.agent.Attach(j)
	if err := p.agent.Send(&control.Started{}); err != nil && start.Interactive {
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
