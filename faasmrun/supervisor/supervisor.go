// Package supervisor is the child process that runs a job's script on its node, as the job's tenant: in place of an
// executor, and to the worker's agent alike. It owns the script's process and its output, the processes that it leaves
// behind, what signals and the end of the job mean for them, and the socket at which the job's steps are asked for. The
// steps themselves run under a scheduler and a worker of this process's own (faasmrun/daemon), with the job's slots. It
// leaves the connection to the agent to worker/child, and what the script's end makes of the job to
// scheduler/core/result.
package supervisor

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/internal/failpoint"
	"github.com/faasmrun/faasmrun/worker/child"
	"github.com/faasmrun/faasmrun/worker/control"
	"github.com/faasmrun/faasmrun/worker/joblog"
)

// Main is the supervisor's process. It returns the exit status, which means nothing: the exit record has the job's end.
func Main([]string) int {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, "faasmrun supervisor:", err)
		return 2
	}
	return 0
}

func serve() error {
	killed := make(chan os.Signal, 1)
	signal.Notify(killed, syscall.SIGTERM) // the agent's word that all of the job is to be killed
	signal.Ignore(syscall.SIGINT, syscall.SIGHUP, syscall.SIGPIPE)
	os.Setenv("PATH", defaultPath) // for the compiler
	if err := child.ArmWatch(child.WatchFD); err != nil {
		return fmt.Errorf("only a worker starts this verb: %w", err)
	}
	if err := becomeSupervisor(); err != nil {
		return err
	}
	agent, err := child.NewConn(child.ControlFD, child.AdoptionFD)
	if err != nil {
		return err
	}
	go agent.Serve()
	start, err := agent.NextStart(0)
	if err != nil || start == nil {
		return err
	}
	if start.Script == nil {
		return errors.New("the job has no script")
	}
	if err := child.DisarmWatch(child.WatchFD); err != nil {
		return err
	}
	out := child.NewReporter(agent)
	last := run(agent, start, out, killed)
	out.Stop()
	last.CPUNs, last.MaxRSS = consumed()
	failpoint.Here(failpoint.SupervisorBeforeRecord)
	err = control.WriteRecord(start.ExitPath, last)
	failpoint.Here(failpoint.SupervisorAfterRecord)
	return errors.Join(err, agent.Send(last))
}

// becomeSupervisor has this process inherit whatever its descendants leave, and none of them gain privileges.
func becomeSupervisor() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become the parent of what a script leaves behind: %w", err)
	}
	return nil
}

// consumed is what the script and its steps have used; all of them have been waited for.
func consumed() (cpuNs, maxRSS uint64) {
	for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var u unix.Rusage
		if unix.Getrusage(who, &u) == nil {
			cpuNs += uint64(u.Utime.Nano() + u.Stime.Nano())
			maxRSS = max(maxRSS, uint64(u.Maxrss)<<10)
		}
	}
	return cpuNs, maxRSS
}

// job is the job of this process.
type job struct {
	start *control.Start
	out   *child.Reporter
	agent *child.Conn
	lease *child.Lease

	log     *joblog.Writer
	files   *child.Outfiles
	private string // a directory of this job's own
	script  *script
	steps   *steps

	orders chan control.Message
	fence  chan struct{} // closed when the lease is over
	over   chan struct{} // closed when the job is over: orders come too late

	lostOutput atomic.Pointer[error]
	closed     sync.Once
}

// run runs the script and returns the job's end. Nothing of the job but this process is left then.
func run(agent *child.Conn, start *control.Start, out *child.Reporter, killed <-chan os.Signal) *control.Ended {
	j := &job{start: start, out: out, agent: agent, lease: child.NewLease(start.LeaseUntil),
		orders: make(chan control.Message, 16), fence: make(chan struct{}), over: make(chan struct{})}
	defer j.close()
	if err := j.open(); err != nil {
		return &control.Ended{NotBegun: err.Error()}
	}
	agent.Attach(j)
	if err := j.begin(); err != nil {
		return &control.Ended{NotBegun: err.Error(), LogEnd: j.log.End()}
	}
	failpoint.Here(failpoint.SupervisorBegun)
	agent.Send(&control.Started{}) // a later agent is told again
	last := j.follow(killed)
	failpoint.Here(failpoint.SupervisorScriptEnded)
	kill(j.script.pid, false)
	j.steps.close() // nobody is left to ask for one
	kill(j.script.pid, true)
	j.script.drain()
	if err := j.files.Flush(); err != nil {
		j.lost(err)
	}
	if lost := j.lostOutput.Load(); lost != nil {
		last.LostOutput = (*lost).Error()
	}
	last.LogEnd = j.log.End()
	return last
}

// open makes what the job needs before its script runs: its log first of all, without which it has never begun.
func (j *job) open() (err error) {
	// What the worker lends is this process's alone.
	if err := unix.CloseRange(child.ControlFD, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return fmt.Errorf("keep descriptors from the script: %w", err)
	}
	if j.private, err = os.MkdirTemp("", control.PrivatePrefix+fmt.Sprint(j.start.Job)+"-"); err != nil {
		return fmt.Errorf("make the job's private directory: %w", err)
	}
	record := filepath.Join(filepath.Dir(j.start.LogPath), control.PrivateFile)
	if err := os.WriteFile(record, []byte(j.private), 0o600); err != nil {
		return fmt.Errorf("note the job's private directory: %w", err)
	}
	if j.log, err = joblog.Create(j.start.LogPath, j.start.LogWindow, j.out.LogGrew); err != nil {
		return err
	}
	if j.files, err = child.OpenOutfiles(j.start); err != nil {
		return err
	}
	return nil
}

// begin starts the script, and listens for its steps before.
func (j *job) begin() (err error) {
	if j.steps, err = listenForSteps(j); err != nil {
		return err
	}
	j.script, err = startScript(j)
	return err
}

// follow waits for the script's end, and carries out what comes meanwhile.
func (j *job) follow(killed <-chan os.Signal) *control.Ended {
	if j.start.LeaseUntil != 0 {
		go j.lease.Watch(j.fence, j.over)
	}
	defer close(j.over)
	var warning, late <-chan time.Time
	if s := j.start.Script; s.Signal > 0 {
		warning = time.After(s.SignalAt)
	}
	reaping := time.NewTicker(reapEvery)
	defer reaping.Stop()
	var left zombies
	last := &control.Ended{}
	for {
		select {
		case end := <-j.script.ended:
			if !last.Terminated {
				last.Script = &end
			}
			return last
		case m := <-j.orders:
			if _, ok := m.(*control.Terminate); ok && !last.Terminated {
				last.Terminated = true
				j.script.signalAll(syscall.SIGTERM)
				late = time.After(control.ScriptGrace)
			}
		case <-warning:
			warning = nil
			j.warn()
		case <-late:
			return last
		case <-j.fence:
			last.Fenced = true
			return last
		case <-killed:
			last.Terminated = true
			return last
		case <-reaping.C:
			left = left.reap(j.script.pid)
		}
	}
}

// warn sends the signal that was asked for some time before the end of the limit.
func (j *job) warn() {
	sig := syscall.Signal(j.start.Script.Signal)
	if j.start.Script.SignalScript {
		j.script.signal(sig)
		return
	}
	for _, pid := range j.steps.launchers() {
		syscall.Kill(pid, sig)
	}
}

// HandleMessage implements child.Job.
func (j *job) HandleMessage(m control.Message) {
	switch m := m.(type) {
	case *control.Delivered:
		if m.Offset == math.MaxUint64 {
			j.log.Unbind()
		} else {
			j.log.Delivered(m.Offset)
		}
	case *control.Lease:
		j.lease.Renew(m.Until)
	case *control.QueryRanks:
		j.out.Send(&control.RankStates{Ranks: j.states()})
	case *control.Input: // a script reads nothing; what is taken is not sent again
		j.out.InputReceived(m.Seq)
	default:
		select {
		case j.orders <- m:
		case <-j.over:
		}
	}
}

// Resume implements child.Job.
func (j *job) Resume() *control.InputTaken { return j.out.Input() }

// ResendAll implements child.Job.
func (j *job) ResendAll() {
	j.out.ResendAll()
	j.steps.resend()
}

// states says what the job does, in place of its ranks.
func (j *job) states() []control.RankState {
	return []control.RankState{{Where: "the script " + j.start.Script.Name + j.steps.text()}}
}

func (j *job) lost(err error) { j.lostOutput.CompareAndSwap(nil, &err) }

// close removes what open made.
func (j *job) close() {
	j.closed.Do(func() {
		if j.steps != nil {
			j.steps.close()
		}
		if j.private != "" && os.RemoveAll(j.private) == nil {
			os.Remove(filepath.Join(filepath.Dir(j.start.LogPath), control.PrivateFile))
		}
	})
}
