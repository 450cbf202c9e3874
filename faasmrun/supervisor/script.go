package supervisor

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/scheduler/core/result"
	"github.com/faasmrun/faasmrun/worker/control"
	"github.com/faasmrun/faasmrun/worker/joblog"
)

// script is the job's script, running.
type script struct {
	pid   int
	ended chan result.ScriptEnd // brings its end
	pipes []*os.File            // this side's of its output
	copy  sync.WaitGroup
}

// startScript starts the script, in a session of its own.
func startScript(j *job) (*script, error) {
	x := j.start.Script
	file := filepath.Join(j.private, x.Name)
	if err := os.WriteFile(file, x.Text, 0o700); err != nil {
		return nil, fmt.Errorf("write the script: %w", err)
	}
	words, err := interpreter(x.Text)
	if err != nil {
		return nil, fmt.Errorf("the script %s: %w", x.Name, err)
	}
	compat, err := compatDir(j.private)
	if err != nil {
		return nil, fmt.Errorf("make the directory of the job's commands: %w", err)
	}
	if info, err := os.Stat(x.Dir); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("the script %s can't begin in %s on %s: %w", x.Name, x.Dir, j.start.Node,
			orNoDirectory(err))
	}
	s := &script{ended: make(chan result.ScriptEnd, 1)}
	words = loginWords(words, compat)
	cmd := &exec.Cmd{Path: words[0], Args: append(append(words, file), x.Args...), Dir: x.Dir,
		Env: environment(j, compat), SysProcAttr: &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}}
	if x.Stdin != "" {
		stdin, err := openInput(x)
		if err != nil {
			return nil, fmt.Errorf("the standard input of the script %s on %s: %w", x.Name, j.start.Node, err)
		}
		defer stdin.Close()
		cmd.Stdin = stdin
	}
	stdout, err := s.output(j, joblog.Stdout)
	if err != nil {
		return nil, err
	}
	defer stdout.Close()
	cmd.Stdout, cmd.Stderr = stdout, stdout // one file keeps the order
	if !oneFile(j.start) {
		stderr, err := s.output(j, joblog.Stderr)
		if err != nil {
			return nil, err
		}
		defer stderr.Close()
		cmd.Stderr = stderr
	}
	started := make(chan error, 1)
	go func() {
		// The kernel kills the script when the thread that started it ends: this one does with the script, or the
		// process.
		runtime.LockOSThread()
		if err := confined(cmd); err != nil {
			started <- err
			return
		}
		s.pid = cmd.Process.Pid
		started <- nil
		cmd.Wait()
		s.ended <- endOf(x.Name, cmd.ProcessState)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("the script's interpreter %s on %s: %w", words[0], j.start.Node, cause(err))
	}
	return s, nil
}

// openInput opens the file of a script's standard input. One that is no file, such as a pipe nobody writes, is not
// waited for.
func openInput(x *control.Script) (*os.File, error) {
	path := x.Stdin
	if !filepath.IsAbs(path) {
		path = filepath.Join(x.Dir, path)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || info.IsDir() {
		f.Close()
		return nil, fmt.Errorf("%s is a directory", path)
	}
	return f, nil
}

// maxProcesses is how many processes and threads a job's script may have beside what its user has already.
const maxProcesses = 4096

// confined starts a process on this thread, which gives up new privileges for good, and bounds the processes of it.
func confined(cmd *exec.Cmd) error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up new privileges: %w", err)
	}
	var own unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NPROC, &own); err != nil {
		return err
	}
	least := min(own.Max, maxProcesses+threadsOf(uint32(os.Getuid())))
	if err := unix.Setrlimit(unix.RLIMIT_NPROC, &unix.Rlimit{Cur: min(own.Cur, least), Max: own.Max}); err != nil {
		return err
	}
	defer unix.Setrlimit(unix.RLIMIT_NPROC, &own)
	if err := cmd.Start(); err != nil {
		return err
	}
	// This process's own limit is not for the executors of its steps.
	unix.Prlimit(cmd.Process.Pid, unix.RLIMIT_NPROC, &unix.Rlimit{Cur: min(own.Cur, least), Max: least}, nil)
	return nil
}

func cause(err error) error {
	if path := (*os.PathError)(nil); errors.As(err, &path) {
		return path.Err
	}
	return err
}

func orNoDirectory(err error) error {
	if err == nil {
		return unix.ENOTDIR
	}
	return cause(err)
}

// maxInterpreter bounds the first line, as the kernel does.
const maxInterpreter = 255

// interpreter reads a script's first line as the kernel does: a program, and all that follows as one argument.
func interpreter(text []byte) ([]string, error) {
	line, _, _ := bytes.Cut(text, []byte{'\n'})
	rest, ok := bytes.CutPrefix(line, []byte("#!"))
	if !ok {
		return nil, errors.New("it does not begin with #!")
	}
	program, argument, _ := strings.Cut(strings.Trim(string(rest), " \t"), " ")
	program, tabbed, _ := strings.Cut(program, "\t")
	argument = strings.Trim(tabbed+" "+argument, " \t")
	switch {
	case len(line) > maxInterpreter:
		return nil, fmt.Errorf("its first line has %d bytes; the name of an interpreter has at most %d", len(line),
			maxInterpreter)
	case program == "":
		return nil, errors.New("its first line names no interpreter")
	case !filepath.IsAbs(program):
		return nil, fmt.Errorf("its interpreter %q is not named by an absolute path", program)
	case strings.ContainsAny(program+argument, "\x00\r"):
		return nil, errors.New("its first line has characters that the name of an interpreter can't have: lines of a " +
			"script end in a newline alone")
	}
	if argument != "" {
		return []string{program, argument}, nil
	}
	return []string{program}, nil
}

// loginWords are the words of an interpreter. A login shell reads files that set PATH anew, and would not find the
// job's commands: it goes on with the script only when they are first in PATH again.
func loginWords(words []string, compat string) []string {
	if len(words) != 2 || !strings.HasPrefix(words[1], "-") {
		return words
	}
	switch filepath.Base(words[0]) {
	case "bash", "sh", "dash", "ksh", "zsh":
	default:
		return words
	}
	short := !strings.HasPrefix(words[1], "--") && strings.Contains(words[1], "l")
	if !short && words[1] != "--login" {
		return words
	}
	quoted := "'" + strings.ReplaceAll(compat, "'", `'\''`) + "'"
	return append(words, "-c", "PATH="+quoted+`:"$PATH"; . "$0"`)
}

// compatNames are the names by which a script finds this program: all that launch, and ours.
var compatNames = []string{"faasmrun", "mpirun", "mpiexec", "srun", "sbatch"}

// compatDir is a directory of these names: the one that was installed with this program, or one made in a directory.
func compatDir(private string) (string, error) {
	exe, err := os.Executable()
	if err == nil {
		installed := filepath.Join(filepath.Dir(filepath.Dir(exe)), "libexec", "faasmrun", "compat")
		if sameFile(filepath.Join(installed, "srun"), "/proc/self/exe") {
			return installed, nil
		}
	}
	if !sameFile(exe, "/proc/self/exe") { // it was replaced, or lies where this user can't go
		exe = fmt.Sprintf("/proc/%d/exe", os.Getpid())
	}
	dir := filepath.Join(private, "compat")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	for _, name := range compatNames {
		if err := os.Symlink(exe, filepath.Join(dir, name)); err != nil {
			return "", err
		}
	}
	return dir, nil
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// defaultPath is that of a job that came without one.
const defaultPath = "/usr/local/bin:/usr/bin:/bin"

// environment is the script's: the job's, and the way to its steps.
func environment(j *job, compat string) []string {
	path := defaultPath
	var env []string
	for _, v := range j.start.Script.Env {
		if p, found := strings.CutPrefix(v, "PATH="); found {
			if p != "" {
				path = p
			}
			continue
		}
		env = append(env, v)
	}
	return append(env, "PATH="+compat+":"+path, control.MarkVariable+"="+j.start.Script.Mark,
		control.StepsVariable+"="+j.steps.path)
}

// oneFile reports whether standard output and error go to the same place.
func oneFile(start *control.Start) bool {
	if len(start.Stdout) != len(start.Stderr) {
		return false
	}
	for i := range start.Stdout {
		if start.Stdout[i] != start.Stderr[i] {
			return false
		}
	}
	return true
}

// output makes a pipe whose other end is copied to the job's log and files.
func (s *script) output(j *job, stream joblog.Stream) (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	s.pipes = append(s.pipes, r)
	s.copy.Go(func() {
		defer r.Close()
		buf := make([]byte, 64<<10)
		for {
			n, err := r.Read(buf)
			if n > 0 {
				if _, fault := j.log.Write(0, stream, buf[:n], j.over); fault != nil {
					j.lost(fault)
				}
				if fault := j.files.Write(0, stream, buf[:n]); fault != nil {
					j.lost(fault)
				}
			}
			if err != nil {
				if !errors.Is(err, io.EOF) && !errors.Is(err, os.ErrClosed) {
					j.lost(err)
				}
				return
			}
		}
	})
	return w, nil
}

// drain waits until all that the script and its steps have written is in the log. None of them runs any more.
func (s *script) drain() { s.copy.Wait() }

func (s *script) signal(sig syscall.Signal) { syscall.Kill(s.pid, sig) }

// signalAll sends a signal to the script and all that it has started, but for the ranks of its steps: their launchers
// see to those.
func (s *script) signalAll(sig syscall.Signal) {
	for _, p := range processes().below(os.Getpid()) {
		if !p.isExecutor() {
			syscall.Kill(p.pid, sig)
			syscall.Kill(p.pid, syscall.SIGCONT)
		}
	}
}

func endOf(name string, state *os.ProcessState) result.ScriptEnd {
	end := result.ScriptEnd{Name: name}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		end.Signal, end.SignalName = int32(status.Signal()), status.Signal().String()
	} else {
		end.Status = int32(state.ExitCode())
	}
	return end
}
