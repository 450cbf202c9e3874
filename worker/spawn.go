package worker

import (
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/internal/failpoint"
	"github.com/faasmrun/faasmrun/worker/control"
)

// spawner starts executors.
type spawner struct {
	executable string
	dir        string // of their files
	adoptable  bool   // a later worker may adopt them
}

// Suffixes of an executor's files in the directory, after a name of its own.
const stderrSuffix, socketSuffix = ".stderr", ".socket"

// The verbs of this program that wait for a Start.
const executorVerb, supervisorVerb = "executor", "supervisor"

// spawn starts an executor, or a script's supervisor, which waits for its Start, as a user. lent are directories that
// it gets as descriptors from firstLent on, for which it needs no permission on the path.
func (s *spawner) spawn(verb string, as *identity, lent ...*os.File) (*process, error) {
	p := &process{done: make(chan struct{}), oomKills: oomKills(), as: as}
	theirs, err := s.makeShared(p)
	defer func() {
		for _, f := range theirs {
			f.Close()
		}
	}()
	if err == nil {
		cmd := exec.Command(s.executable, verb)
		// not by what name this program was called: a verb is asked for, whatever mpirun would take
		cmd.Args[0] = "faasmrun"
		// Nothing of the worker's, but for tests; the ranks' own arrives with Start.
		cmd.Env = append(failpoint.ForChild(), control.TestAidsForChild()...)
		cmd.Dir = "/"
		cmd.Stdout, cmd.Stderr = p.stderr, p.stderr
		cmd.ExtraFiles = append(append([]*os.File{}, theirs...), lent...)
		// A session of its own: the terminal's Ctrl-C reaches the launcher alone, which asks it to end in order.
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: as.credential()}
		keepDescriptors()
		p.cmd = cmd
		err = cmd.Start()
	}
	if err != nil {
		p.close()
		p.removeFiles()
		return nil, fmt.Errorf("start an %s: %w", verb, err)
	}
	p.pid = p.cmd.Process.Pid
	p.conn = control.NewConn(p.socket)
	return p, nil
}

// makeShared makes what a worker and its executor share, and returns the executor's ends.
func (s *spawner) makeShared(p *process) (theirs []*os.File, err error) {
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	ours := os.NewFile(uintptr(pair[0]), "control")
	theirs = append(theirs, os.NewFile(uintptr(pair[1]), "control"))
	p.socket, err = net.FileConn(ours) // a *net.UnixConn
	if err = errors.Join(err, ours.Close()); err != nil {
		return theirs, err
	}
	held, end, err := os.Pipe()
	if err != nil {
		return theirs, err
	}
	theirs, p.agentWatch = append(theirs, held), end
	if p.stderr, err = os.CreateTemp(s.dir, "*"+stderrSuffix); err != nil {
		return theirs, err
	}
	p.files = strings.TrimSuffix(p.stderr.Name(), stderrSuffix)
	socket, err := s.listenForAdoption(p.files + socketSuffix)
	if err != nil {
		return theirs, err
	}
	return append(theirs, socket), nil
}

// listenForAdoption makes the socket at which a later worker adopts the executor; /dev/null, where there will be none.
func (s *spawner) listenForAdoption(path string) (socket *os.File, err error) {
	if !s.adoptable {
		return os.Open(os.DevNull)
	}
	err = control.AtShortPath(path, func(short string) error {
		listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"})
		if err != nil {
			return err
		}
		listener.SetUnlinkOnClose(false) // only this side's is closed
		socket, err = listener.File()
		return errors.Join(err, listener.Close())
	})
	return socket, err
}

const firstLent = 6

// lend replaces one of the process's lent descriptors by that of another directory.
func (p *process) lend(index int, path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return control.SendLend(p.socket.(*net.UnixConn), dir, firstLent+index)
}

// lentPath is the path of a file in a lent directory, as the process sees it that has the descriptor.
func lentPath(index int, name string) string {
	return filepath.Join(fmt.Sprintf("/proc/self/fd/%d", firstLent+index), name)
}

// keepDescriptors makes sure that a child inherits no descriptor but those meant for it. Our own parent may have left
// one open for us, such as a lock that would then be held for as long as a job runs. On kernels without the call those
// leak.
func keepDescriptors() { unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC) }
