package worker

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	"github.com/faasmrun/faasmrun/internal/failpoint"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker/control"
	"github.com/faasmrun/faasmrun/worker/state"
)

// adopt takes over what an earlier worker with the same directory left: executors that run, and ends that were not
// acknowledged. It returns when the state of each is known, so that the scheduler can be told.
func (w *Worker) adopt() error {
	failpoint.Here(failpoint.WorkerBeforeAdoption)
	left, err := w.state.Executors()
	if err != nil {
		w.Logger.Error("some of what the last worker ran can't be read", "err", err)
	}
	// An executor that serves one job after another may stand beside several: it has at most one that has not ended.
	busy, groups := map[state.Process]state.Executor{}, map[string]bool{}
	for _, e := range left {
		if protocolOf(e) > control.Version {
			return fmt.Errorf("job %d runs under an executor of a later release: start that release of faasmrun, or end the "+
				"job with it first", e.Job)
		}
		groups[groupOf(e.Process)] = e.Group
		if !w.hasEnded(e) {
			busy[e.Process] = e
		}
	}
	var adopting sync.WaitGroup
	for _, e := range left {
		other, runs := busy[e.Process]
		adopting.Go(func() { w.adoptOne(e, runs && keyFrom(other) != keyFrom(e)) })
	}
	adopting.Wait()
	if w.Groups != nil {
		if err := w.Groups.Sweep(func(name string) bool { return groups[name] }); err != nil {
			w.Logger.Warn("control groups of the last worker's", "err", err)
		}
	}
	return w.sweep(left)
}

// hasEnded reports whether a job's executor has left its record: nothing of the job runs any more, whatever else the
// process may do.
func (w *Worker) hasEnded(e state.Executor) bool {
	_, err := os.Lstat(filepath.Join(w.jobDir(keyFrom(e)), "exit"))
	return err == nil
}

// protocolOf is the version of control's protocol that an executor knows.
func protocolOf(e state.Executor) int { return max(e.Control, control.Oldest) }

func keyFrom(e state.Executor) jobKey { return jobKey{e.Job, e.Epoch} }

// adoptOne takes over one job. passedOn: its executor has been given another one since.
func (w *Worker) adoptOne(e state.Executor, passedOn bool) {
	order := new(schedpb.StartJob)
	if err := proto.Unmarshal(e.Order, order); err != nil || keyOf(order.GetJob()) != keyFrom(e) {
		w.Logger.Error("a job of the last worker can't be read", "job", e.Job, "err", err)
		return
	}
	j := newJob(w, order)
	j.in.unknown, j.in.plain = true, protocolOf(e) < control.Version
	var p *process
	err := errPassedOn
	if !passedOn {
		p, err = w.find(e, j)
	}
	if err != nil {
		w.Logger.Info("a job's executor has ended while no worker was there", "job", e.Job, "why", err)
		p = &process{done: make(chan struct{}), gone: true}
		close(p.done)
	}
	boot, fault := state.Boot()
	j.rebooted = fault == nil && boot != e.Process.Boot
	if p.gone && j.neverBegan() {
		w.state.Forget(e.Job, e.Epoch) // its ranks never ran: the scheduler sends the order again
		return
	}
	if e.Group && w.Groups != nil && !passedOn {
		p.group = w.Groups.Find(groupOf(e.Process))
	}
	if !passedOn {
		p.files = w.executorFile(e, "")
		p.stderr, _ = os.Open(p.files + stderrSuffix)
	}
	j.process = p
	if !p.gone {
		w.Logger.Info("a job's executor is found again", "job", e.Job, "pid", e.Process.PID)
	}
	w.take(j)
}

var errPassedOn = errors.New("it has served another since")

func (w *Worker) executorFile(e state.Executor, suffix string) string {
	return filepath.Join(w.spawner.dir, filepath.Base(e.Files)+suffix)
}

// adoptionTimeout is how long a running executor that has not begun its job may take to answer.
const adoptionTimeout = 10 * time.Second

// find connects to a running executor.
func (w *Worker) find(e state.Executor, j *job) (*process, error) {
	who := e.Process
	fd, err := unix.PidfdOpen(who.PID, unix.PIDFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("process %d: %w", who.PID, err)
	}
	p := &process{pid: who.PID, pidfd: os.NewFile(uintptr(fd), "pidfd"), done: make(chan struct{}),
		oomKills: oomKills(), supervises: j.spec.GetScript() != nil}
	// Behind the pidfd: what the number stands for now can't change any more without its being seen.
	if now, err := state.Identify(who.PID); err != nil || now != who || exited(fd) {
		p.pidfd.Close()
		return nil, errors.Join(fmt.Errorf("process %d is not there any more", who.PID), err)
	}
	if err = p.call(w.executorFile(e, socketSuffix), protocolOf(e)); err == nil && j.neverBegan() {
		// Perhaps it was told to start just now; perhaps it was not, and ends with its worker.
		if err = p.awaitStarted(j); err == nil {
			j.started = true
		}
	}
	if err == nil {
		return p, nil
	}
	p.kill()
	p.wait()
	p.close()
	return nil, fmt.Errorf("process %d: %w", who.PID, err)
}

// call connects to an executor's adoption socket.
func (p *process) call(socket string, version int) error {
	err := control.AtShortPath(socket, func(short string) (err error) {
		p.socket, err = net.Dial("unix", short)
		return err
	})
	if err != nil {
		return err
	}
	p.conn = control.NewConn(p.socket)
	if err := p.conn.SetVersion(version); err != nil {
		return err
	}
	return p.conn.Send(&control.Resume{})
}

// awaitStarted waits until the executor reports that it has begun its job. What it may send before, it sends again.
func (p *process) awaitStarted(j *job) error {
	p.socket.SetReadDeadline(time.Now().Add(adoptionTimeout))
	defer p.socket.SetReadDeadline(time.Time{})
	for {
		m, err := p.conn.Receive()
		if err != nil {
			return err
		}
		switch m := m.(type) {
		case *control.Started:
			return nil
		case *control.InputTaken:
			j.inputTaken(m)
		case *control.Step:
			j.stepChanged(m)
		case *control.LogGrew, *control.StdinTaken:
		default:
			return fmt.Errorf("its first message is a %T", m)
		}
	}
}

// sweep removes the files of executors that belong to no remembered job.
func (w *Worker) sweep(left []state.Executor) error {
	keep := map[string]bool{}
	for _, e := range left {
		keep[e.Files+stderrSuffix], keep[e.Files+socketSuffix] = true, true
	}
	entries, err := os.ReadDir(w.spawner.dir)
	for _, e := range entries {
		if !keep[e.Name()] {
			os.Remove(filepath.Join(w.spawner.dir, e.Name()))
		}
	}
	return err
}
