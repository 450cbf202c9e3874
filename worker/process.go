package worker

import (
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/worker/cgroup"
	"github.com/faasmrun/faasmrun/worker/control"
)

// process is an executor as its worker sees it: its parent, or the successor of its parent. The executor's descriptors
// are 0 /dev/null, 1 and 2 a file for its stderr, 3 the control socket, 4 the agent watch, 5 the adoption socket and,
// where it runs as another user, 6 the cache and 7 the directory of its job.
//
// The agent watch is a pipe that nobody writes to, whose other end the worker holds. Whatever ends the worker closes
// that end, and the kernel then kills the executor of an interactive job, even one that is stopped or that computes,
// and one that has no job yet.
type process struct {
	pid        int
	cmd        *exec.Cmd // nil: it is another's child, and its status never ours to know
	pidfd      *os.File  // of such a one
	gone       bool      // it had ended before this worker looked for it
	conn       *control.Conn
	socket     net.Conn
	agentWatch *os.File
	stderr     *os.File
	files      string        // the base of its files' names
	group      *cgroup.Group // nil: none
	oomKills   uint64        // of the machine, before

	supervises bool // a script: it is asked to kill what it has started before it is killed

	tenant string    // whose jobs it runs; nobody else's ever
	as     *identity // nil: the worker's own user
	served int       // jobs
	billed uint64    // processor time of those

	waited sync.Once
	done   chan struct{}
}

func (p *process) signal(s syscall.Signal) {
	if p.cmd != nil {
		p.cmd.Process.Signal(s)
		return
	}
	raw, err := p.pidfd.SyscallConn()
	if err == nil { // closed, it had ended
		raw.Control(func(fd uintptr) { unix.PidfdSendSignal(int(fd), s, nil, 0) })
	}
}

// kill kills the process. A script's supervisor, beside which there may be others to kill, gets a moment for those; it
// does nothing else with it.
func (p *process) kill() {
	if !p.supervises {
		p.signal(syscall.SIGKILL)
		return
	}
	p.signal(syscall.SIGTERM)
	p.signal(syscall.SIGCONT)
	time.AfterFunc(terminationGrace, func() { p.signal(syscall.SIGKILL) })
}

// wait waits for the end of the process. It may be repeated.
func (p *process) wait() {
	p.waited.Do(func() {
		if p.cmd != nil {
			p.cmd.Wait()
		} else {
			p.watch()
		}
		close(p.done)
	})
	<-p.done
}

// watch waits for the end of another's child.
func (p *process) watch() {
	raw, err := p.pidfd.SyscallConn()
	if err != nil {
		return
	}
	raw.Read(func(fd uintptr) bool { return exited(int(fd)) })
	p.pidfd.Close()
}

// exited reports whether the process of a pidfd has ended.
func exited(pidfd int) bool {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, 0)
	return err == nil && n == 1
}

// discard ends a process that has no job. It may be one that was to be remembered.
func (p *process) discard() {
	p.kill()
	p.wait()
	p.close()
	p.removeFiles()
	p.removeGroup()
}

// removeGroup removes its control group.
func (p *process) removeGroup() {
	if p.group != nil {
		p.group.Remove() // one that stays is empty, and found by the next job of its name
	}
}

// closeConn closes the connection to the executor.
func (p *process) closeConn() { p.socket.Close() }

// close closes this side's descriptors. Its stderr can still be read.
func (p *process) close() {
	if p.socket != nil {
		p.socket.Close()
	}
	if p.agentWatch != nil {
		p.agentWatch.Close()
	}
}

// wroteNothing reports whether the process has written nothing to its stderr.
func (p *process) wroteNothing() bool {
	st, err := p.stderr.Stat()
	return err == nil && st.Size() == 0
}

// removeFiles is for a process that has ended, and whose stderr nobody needs any more.
func (p *process) removeFiles() {
	if p.stderr == nil {
		return
	}
	p.stderr.Close()
	for _, suffix := range []string{stderrSuffix, socketSuffix} {
		os.Remove(p.files + suffix)
	}
}

// readStderr is what the process wrote to its stderr. It is called once, after the process has ended.
func (p *process) readStderr() []byte {
	if p.stderr == nil {
		return nil
	}
	defer p.stderr.Close()
	b, _ := io.ReadAll(io.NewSectionReader(p.stderr, 0, maxStderr))
	return b
}

// usage is what a job consumed.
type usage struct{ cpuNs, maxRSS uint64 }

// usage asks the kernel, which answers only a parent, and only at the end; otherwise the process has sent it in its
// last message, if it could.
func (p *process) usage(last *control.Ended) (u usage) {
	if last != nil {
		u = usage{last.CPUNs, last.MaxRSS}
	}
	if p.cmd == nil || p.cmd.ProcessState == nil {
		return u
	}
	state := p.cmd.ProcessState
	u.cpuNs = uint64(state.UserTime()+state.SystemTime()) - p.billed
	if r, ok := state.SysUsage().(*syscall.Rusage); ok && last == nil {
		u.maxRSS = uint64(r.Maxrss) << 10
	}
	return u
}

// outOfMemory reports whether the system has killed the process for want of memory; where it has no group, whether it
// has killed something since the process was started.
func (p *process) outOfMemory() bool {
	if p.group != nil && p.group.OutOfMemory() {
		return true
	}
	return oomKills() > p.oomKills
}

// oomKills counts the system's killings for want of memory; 0 where the kernel doesn't count.
func oomKills() uint64 {
	stat, err := os.ReadFile("/proc/vmstat")
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(stat, []byte("\noom_kill "))
	number, _, _ := bytes.Cut(rest, []byte("\n"))
	n, _ := strconv.ParseUint(string(number), 10, 64)
	return n
}

// isRunning reports whether a child has not ended yet, without reaping it.
func (p *process) isRunning() bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, p.pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	return err == nil && info.Signo == 0
}
