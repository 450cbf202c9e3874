package worker

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/internal/failpoint"
	"github.com/faasmrun/faasmrun/worker/cgroup"
	"github.com/faasmrun/faasmrun/worker/control"
)

// process is an executor as its worker sees it: its parent, or the successor of its parent. Its descriptors: 0 nothing, 1 and
// 2 a file for its last words, 3 the control socket, 4 the lifeline: a pipe without a word, whose other end the worker holds; of
// another user's, 5 the cache and 6 the directory of its job.
// Whatever ends the worker closes that end, and the kernel then kills the executor of an interactive job, even one that was
// stopped or that computes, and one that was given nothing to do yet.
type process struct {
	pid      int
	cmd      *exec.Cmd // nil: it is another's child, and its status never ours to know
	pidfd    *os.File  // of such a one
	gone     bool      // it had ended before this worker looked for it
	conn     *control.Conn
	socket   net.Conn
	lifeline *os.File
	words    *os.File
	group    *cgroup.Group // nil: none
	oomKills uint64        // of the machine, before

	tenant string    // whose jobs it runs; nobody else's ever
	as     *identity // nil: the worker's own user
	served int       // jobs
	billed uint64    // processor time of those

	waited sync.Once
	done   chan struct{}
}

// spawn starts an executor, which waits for its Start, as a user. lent are what it finds as descriptors from firstLent on, so that
// it needs no way there that its user may go.
func spawn(executable, dir string, as *identity, lent ...*os.File) (*process, error) {
	p := &process{done: make(chan struct{}), oomKills: oomKills(), as: as}
	var theirs []*os.File
	defer func() {
		for _, f := range theirs {
			f.Close()
		}
	}()
	fail := func(err error) (*process, error) {
		p.close()
		p.forgetWords()
		return nil, fmt.Errorf("start an executor: %w", err)
	}
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return fail(err)
	}
	ours := os.NewFile(uintptr(pair[0]), "control")
	theirs = append(theirs, os.NewFile(uintptr(pair[1]), "control"))
	p.socket, err = net.FileConn(ours) // a *net.UnixConn
	if err = errors.Join(err, ours.Close()); err != nil {
		return fail(err)
	}
	held, end, err := os.Pipe()
	if err != nil {
		return fail(err)
	}
	theirs, p.lifeline = append(theirs, held), end
	if p.words, err = os.CreateTemp(dir, wordsPattern); err != nil {
		return fail(err)
	}

	p.cmd = exec.Command(executable, "executor")
	p.cmd.Args[0] = "faasmrun"       // not by what name this program was called: a verb is asked for, whatever mpirun would take
	p.cmd.Env = failpoint.ForChild() // nothing of the worker's; the ranks' own arrives with Start
	p.cmd.Dir = "/"
	p.cmd.Stdout, p.cmd.Stderr = p.words, p.words
	p.cmd.ExtraFiles = append(append([]*os.File{}, theirs...), lent...)
	// A session of its own: the terminal's Ctrl-C reaches the launcher alone, which asks it to end in order.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: as.credential()}
	keepDescriptors()
	if err := p.cmd.Start(); err != nil {
		p.cmd = nil
		return fail(err)
	}
	p.pid = p.cmd.Process.Pid
	p.conn = control.NewConn(p.socket)
	return p, nil
}

const firstLent = 5

// lend gives it a directory in place of the one that it had as a descriptor.
func (p *process) lend(index int, path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return control.SendLend(p.socket.(*net.UnixConn), dir, firstLent+index)
}

// lentPath is the path of what is in a lent directory, for the process that it is lent to.
func lentPath(index int, name string) string {
	return filepath.Join(fmt.Sprintf("/proc/self/fd/%d", firstLent+index), name)
}

// keepDescriptors makes sure that a child gets no descriptor but those meant for it: also none that our own parent left open
// for us, such as a lock that would then be held for as long as a job runs. On kernels without the call those leak.
func keepDescriptors() { unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC) }

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

func (p *process) kill() { p.signal(syscall.SIGKILL) }

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

// exited tells whether the process of a pidfd has ended.
func exited(pidfd int) bool {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, 0)
	return err == nil && n == 1
}

// discard ends a process that was given nothing to do. It may be one that was to be remembered.
func (p *process) discard() {
	p.kill()
	p.wait()
	p.close()
	p.forgetWords()
	p.dissolve()
}

// dissolve takes its control group away.
func (p *process) dissolve() {
	if p.group != nil {
		p.group.Remove() // one that stays is empty, and found by the next job of its name
	}
}

// hangUp ends the conversation.
func (p *process) hangUp() { p.socket.Close() }

// close gives back this side's ends. Its last words can still be read.
func (p *process) close() {
	if p.socket != nil {
		p.socket.Close()
	}
	if p.lifeline != nil {
		p.lifeline.Close()
	}
}

// wordsPattern names what processes write to their stderr.
const wordsPattern = ".words-*"

// keepWords gives the file of last words a name where a successor finds it.
func (p *process) keepWords(path string) error {
	os.Remove(path) // of a process that died before it began
	return os.Link(p.words.Name(), path)
}

// silent says that the process has written nothing to its stderr.
func (p *process) silent() bool {
	st, err := p.words.Stat()
	return err == nil && st.Size() == 0
}

// forgetWords is for a process that was given nothing to do, or whose words were read.
func (p *process) forgetWords() {
	if p.words != nil {
		p.words.Close()
		if p.pidfd == nil && !p.gone { // else the name is the job's, which may be adopted once more
			os.Remove(p.words.Name())
		}
	}
}

// lastWords is what the process wrote to its stderr. It may be asked once.
func (p *process) lastWords() []byte {
	if p.words == nil {
		return nil
	}
	defer p.forgetWords()
	b, _ := io.ReadAll(io.NewSectionReader(p.words, 0, maxComplaint))
	return b
}

// usage is what a job consumed.
type usage struct{ cpuNs, maxRSS uint64 }

// usage asks the kernel, which only tells a parent, and only at the end; otherwise the process has told it in its last message, if
// it could.
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

// outOfMemory tells whether the system has killed the process for want of memory; where it has no group, whether it has killed
// something since the process was started.
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

// spares holds executors that were started ahead of their jobs, which then need not wait for a process to start.
type spares struct {
	executable, dir string
	want            int  // how many are kept ready
	renew           bool // start another for each that is taken

	mu      sync.Mutex // held while a process is started: who takes it waits for it
	closed  bool
	waiting []*process
}

// fill starts what is missing, while the caller goes on. Failing is no harm: take tries again and says why.
func (s *spares) fill() {
	s.mu.Lock()
	go func() {
		defer s.mu.Unlock()
		for len(s.waiting) < s.want && !s.closed {
			p, err := spawn(s.executable, s.dir, nil)
			if err != nil {
				return
			}
			s.waiting = append(s.waiting, p)
		}
	}()
}

// take returns a spare executor, the one that has had most time to start, or else a new one.
func (s *spares) take() (*process, error) {
	p := s.pop()
	if s.renew {
		go s.fill()
	}
	if p != nil {
		return p, nil
	}
	return spawn(s.executable, s.dir, nil)
}

func (s *spares) pop() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.waiting) > 0 {
		p := s.waiting[0]
		s.waiting = s.waiting[1:]
		if p.lives() {
			return p
		}
		p.discard() // it may have waited for days, and have been killed meanwhile
	}
	return nil
}

// lives tells whether a child has not ended yet, without taking note of its end.
func (p *process) lives() bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, p.pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	return err == nil && info.Signo == 0
}

func (s *spares) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, p := range s.waiting {
		p.discard()
	}
	s.waiting = nil
}
