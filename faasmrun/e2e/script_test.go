package e2e

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/faasmrun/daemon"
	"github.com/faasmrun/faasmrun/faasmrun/machine"
)

// Tests are not about compilers beside their jobs, but where they say so. With FAASMRUN_ENGINE=native all of them are
// about that engine.
func init() {
	if os.Getenv("FAASMRUN_ENGINE") == "" {
		os.Setenv("FAASMRUN_ENGINE", "wazero")
	}
}

// patience is how long a script waits for what must come. Nothing waits for it in a test that passes.
const patience = time.Minute

// heedSignals makes children start with the default disposition of signals that this process was started to ignore, as
// under nohup or in the background of a shell: a launcher would rightly go on ignoring them. What is handled here is
// reset in a child; what is ignored is inherited. It holds for the rest of this process: tests overlap, and the first
// to end must not take it from the others.
var heedSignals = sync.OnceFunc(func() {
	received := make(chan os.Signal, 1)
	for _, sig := range []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT} {
		if signal.Ignored(sig) {
			signal.Notify(received, sig)
		}
	}
})

// TestScripts runs testdata/script: each types commands and says what they print and exit with. Beyond testscript's own
// commands there are
//
//	faasmrun …                      succeeds, or with ! before it fails
//	cc FILE.c [flags]               compile to FILE.wasm, once a test run
//	status N COMMAND …              the command exits with N
//	after N RE SIGNALS STATUS COMMAND …
//	                                when N lines of stdout have matched, send the signals (INT,TERM; child:KILL
//	                                to the executor); it exits with STATUS. Its output is in stdout.txt, stderr.txt
//	background READY COMMAND …      start a daemon; go on when its stderr matches. It gets SIGTERM when the script ends
//	end SIGNAL WORD                 send a signal to the daemon with that word in its command line, and wait for its end
//	tell SIGNAL WORD RE             send such a daemon a signal, and wait for a line on its stderr that matches
//	gone                            wait until no process of this script's faasmrun is left
//
// and the condition [engine:native], which holds where the scripts run on that engine (make test-native). A part that
// is about the other one alone sets FAASMRUN_ENGINE=wazero, and says why.
func TestScripts(t *testing.T) {
	heedSignals()
	guests := &guestCache{dir: t.TempDir()}
	bin := buildTree(t)
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			// A name of its own for the command lets a script find its processes.
			own := filepath.Join(env.WorkDir, ".bin")
			if err := os.Mkdir(own, 0o755); err != nil {
				return err
			}
			if err := os.Link(filepath.Join(bin, "faasmrun"), filepath.Join(own, "faasmrun")); err != nil {
				return err
			}
			for _, name := range []string{"mpicc", "mpirun", "faasmc++"} {
				if err := os.Symlink("faasmrun", filepath.Join(own, name)); err != nil {
					return err
				}
			}
			env.Setenv("TENANT", daemon.UserTenant(uint32(os.Getuid())))
			env.Setenv("PATH", own+":"+env.Getenv("PATH"))
			env.Setenv("FAASMRUN_HOME", filepath.Join(env.WorkDir, ".home"))
			env.Setenv("XDG_CACHE_HOME", cache) // where FAASMRUN_HOME is not set: the compiler's names need the sysroot
			env.Setenv("EXAMPLES", examples)
			env.Setenv("FAASMRUN_ENGINE", os.Getenv("FAASMRUN_ENGINE"))
			if me, err := user.Current(); err == nil {
				env.Setenv("ME", me.Username)
			}
			env.Setenv("NODE", machine.This().NodeName())
			env.Values[daemonsKey{}] = &daemons{}
			return nil
		},
		Condition: func(condition string) (bool, error) {
			name, ok := strings.CutPrefix(condition, "engine:")
			if !ok {
				return false, fmt.Errorf("there is no condition %q", condition)
			}
			return name == os.Getenv("FAASMRUN_ENGINE"), nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"faasmrun": scriptRun("faasmrun"), "mpirun": scriptRun("mpirun"),
			"cc": guests.compile, "status": scriptStatus, "after": scriptAfter, "background": scriptBackground, "end": scriptEnd,
			"tell": scriptTell, "gone": scriptGone,
		},
	})
}

// guestCache holds the programs that scripts compile, by content. They are compiled with the user's own home, where the
// sysroot is.
type guestCache struct {
	dir string
	mu  sync.Mutex
}

func (g *guestCache) compile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: cc FILE.c [flags]")
	}
	source := ts.MkAbs(args[0])
	text, err := os.ReadFile(source)
	ts.Check(err)
	name := strings.TrimSuffix(filepath.Base(source), filepath.Ext(source)) + ".wasm"
	sum := sha256.Sum256([]byte(strings.Join(args, "\x00") + string(text)))
	made := filepath.Join(g.dir, fmt.Sprintf("%x-%s", sum[:8], name))

	g.mu.Lock()
	defer g.mu.Unlock()
	if _, err := os.Stat(made); err != nil {
		verb := "cc"
		if filepath.Ext(source) != ".c" {
			verb = "c++"
		}
		command := exec.Command(filepath.Join(ts.Getenv("WORK"), ".bin", "faasmrun"),
			append([]string{verb, "-o", made, source}, args[1:]...)...)
		command.Dir = filepath.Dir(source) // so that no directory's name gets into messages
		command.Args[4] = filepath.Base(source)
		if out, err := command.CombinedOutput(); err != nil {
			ts.Fatalf("%s: %v\n%s", args[0], err, out)
		}
	}
	data, err := os.ReadFile(made)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(name), data, 0o644))
}

func scriptRun(name string) func(ts *testscript.TestScript, neg bool, args []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		status := statusOf(ts, ts.Exec(name, args...))
		if (status != 0) != neg {
			ts.Fatalf("exited with %d", status)
		}
		said := ts.ReadFile("stderr")
		if rest := withoutNotes(said, ts.Getenv("FAASMRUN_ENGINE")); rest != said {
			out := ts.ReadFile("stdout")
			ts.Check(ts.Exec("sh", "-c", `printf %s "$1"; printf %s "$2" >&2`, "sh", out, rest))
		}
	}
}

func scriptStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND …")
	}
	err := ts.Exec(args[1], args[2:]...)
	if got := statusOf(ts, err); strconv.Itoa(got) != args[0] {
		ts.Fatalf("exited with %d, not %s", got, args[0])
	}
}

// statusOf gives an exit status as a shell does.
func statusOf(ts *testscript.TestScript, err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &exit):
		ts.Fatalf("%v", err)
	}
	if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return exit.ExitCode()
}

// scriptCommand makes a command with the script's directory and environment.
func scriptCommand(ts *testscript.TestScript, name string, args []string) *exec.Cmd {
	path := filepath.Join(ts.Getenv("WORK"), ".bin", name)
	if _, err := os.Stat(path); err != nil {
		path = name
	}
	c := exec.Command(path, args...)
	c.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "WORK", "FAASMRUN_HOME", "FAASMRUN_SCHEDULER",
		"OMP_NUM_THREADS"} {
		if value := ts.Getenv(name); value != "" {
			c.Env = append(c.Env, name+"="+value)
		}
	}
	return c
}

// scriptAfter sends a command signals once so many of its lines have matched, and wants its exit status. QUIT/RE/ asks
// where the ranks stand until a line of the answers matches.
func scriptAfter(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 5 {
		ts.Fatalf("usage: after N RE SIGNALS STATUS COMMAND …")
	}
	times, err := strconv.Atoi(args[0])
	ts.Check(err)
	pattern := regexp.MustCompile(args[1])
	command := scriptCommand(ts, args[4], args[5:])
	stdout, stopStdout := teed(ts, "stdout.txt", command.StdoutPipe)
	stderr, stopStderr := teed(ts, "stderr.txt", command.StderrPipe)
	defer stopStdout()
	defer stopStderr()
	ts.Check(command.Start())
	overdue := time.AfterFunc(patience, func() { command.Process.Kill() })
	defer overdue.Stop()
	rest := make(chan struct{})
	tell := func() {
		defer close(rest)
		io.Copy(io.Discard, stderr)
	}

	for seen := 0; seen < times; {
		line, err := stdout.ReadString('\n')
		if err != nil {
			tell()
			command.Wait()
			said, _ := os.ReadFile(ts.MkAbs("stderr.txt"))
			ts.Fatalf("ended before %d lines matched %s:\n%s", times, pattern, said)
		}
		if pattern.MatchString(line) {
			seen++
		}
	}
	for _, sig := range strings.Split(args[2], ",") {
		if re, ok := strings.CutPrefix(sig, "QUIT/"); ok {
			askUntil(ts, command.Process, stderr, regexp.MustCompile(strings.TrimSuffix(re, "/")))
			continue
		}
		target := command.Process.Pid
		if name, ok := strings.CutPrefix(sig, "child:"); ok {
			sig, target = name, childOf(ts, target)
		}
		ts.Check(syscall.Kill(target, unix.SignalNum("SIG"+sig)))
		if sig == "TSTP" { // what comes next is for a launcher that has stopped
			ts.Check(unix.Waitid(unix.P_PID, target, nil, unix.WSTOPPED|unix.WNOWAIT, nil))
		}
	}
	go tell()
	io.Copy(io.Discard, stdout)
	<-rest
	if got := statusOf(ts, command.Wait()); strconv.Itoa(got) != args[3] {
		said, _ := os.ReadFile(ts.MkAbs("stderr.txt"))
		ts.Fatalf("exited with %d, not %s:\n%s", got, args[3], said)
	}
}

// teed reads a command's output, of which a file has a copy.
func teed(ts *testscript.TestScript, name string, pipe func() (io.ReadCloser, error)) (*bufio.Reader, func() error) {
	file, err := os.Create(ts.MkAbs(name))
	ts.Check(err)
	output, err := pipe()
	ts.Check(err)
	return bufio.NewReader(io.TeeReader(output, file)), file.Close
}

// askUntil asks a launcher where the ranks stand until a line matches: nothing tells a test that a rank has come to
// wait. It asks again when the answer's first line is there.
func askUntil(ts *testscript.TestScript, launcher *os.Process, stderr *bufio.Reader, pattern *regexp.Regexp) {
	ts.Check(launcher.Signal(syscall.SIGQUIT))
	for {
		line, err := stderr.ReadString('\n')
		switch {
		case pattern.MatchString(line):
			return
		case err != nil:
			ts.Fatalf("no rank stood where %s says", pattern)
		case strings.HasSuffix(line, "where the ranks stand:\n"):
			ts.Check(launcher.Signal(syscall.SIGQUIT))
		}
	}
}

// childOf finds the executor of a launcher.
func childOf(ts *testscript.TestScript, pid int) int {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	ts.Check(err)
	for _, file := range threads {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for _, child := range strings.Fields(string(text)) {
			n, err := strconv.Atoi(child)
			ts.Check(err)
			return n
		}
	}
	ts.Fatalf("process %d has no child", pid)
	return 0
}

func scriptBackground(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: background READY COMMAND …")
	}
	pattern := regexp.MustCompile(args[0])
	command := scriptCommand(ts, args[1], args[2:])
	pipe, err := command.StderrPipe()
	ts.Check(err)
	ts.Check(command.Start())
	overdue := time.AfterFunc(patience, func() { command.Process.Kill() })
	lines, said := bufio.NewScanner(pipe), ""
	ready := false
	for !ready && lines.Scan() {
		said += lines.Text() + "\n"
		found := pattern.FindStringSubmatch(lines.Text())
		ready = found != nil
		for i, name := range pattern.SubexpNames() { // (?P<NAME>…) becomes a variable
			if ready && name != "" {
				ts.Setenv(name, found[i])
			}
		}
	}
	overdue.Stop()
	d := &backgroundDaemon{command: command, more: make(chan struct{}, 1)}
	d.drained.Go(func() {
		for lines.Scan() {
			d.read(lines.Text())
		}
		io.Copy(io.Discard, pipe) // behind a line that is too long
	})
	all := ts.Value(daemonsKey{}).(*daemons)
	all.list = append(all.list, d)
	ts.Defer(func() { d.end(syscall.SIGTERM) })
	if !ready {
		ts.Fatalf("%v was never ready:\n%s", args[1:], said)
	}
}

type daemonsKey struct{}

// daemons are those that a script has started.
type daemons struct{ list []*backgroundDaemon }

type backgroundDaemon struct {
	command *exec.Cmd
	drained sync.WaitGroup
	ended   bool

	mu   sync.Mutex // guards said
	said []string   // on stderr since it was ready
	more chan struct{}
}

func (d *backgroundDaemon) read(line string) {
	d.mu.Lock()
	d.said = append(d.said, line)
	d.mu.Unlock()
	select {
	case d.more <- struct{}{}:
	default:
	}
}

// after is what it has said since it had said so many lines.
func (d *backgroundDaemon) after(n int) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.said[n:]
}

// scriptTell sends a daemon a signal that it is to live on with, and waits for what it then says.
func scriptTell(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: tell SIGNAL WORD RE")
	}
	for _, d := range ts.Value(daemonsKey{}).(*daemons).list {
		if d.ended || !slices.Contains(d.command.Args, args[1]) {
			continue
		}
		before, pattern, late := len(d.after(0)), regexp.MustCompile(args[2]), time.After(patience)
		ts.Check(d.command.Process.Signal(unix.SignalNum("SIG" + args[0])))
		for !slices.ContainsFunc(d.after(before), pattern.MatchString) {
			select {
			case <-d.more:
			case <-late:
				ts.Fatalf("%s did not say %q after SIG%s:\n%s", args[1], args[2], args[0], strings.Join(d.after(before), "\n"))
			}
		}
		return
	}
	ts.Fatalf("no daemon has %q in its command line", args[1])
}

// end sends a signal, waits for the end, and may be repeated.
func (d *backgroundDaemon) end(sig syscall.Signal) {
	if d.ended {
		return
	}
	d.ended = true
	d.command.Process.Signal(sig)
	hard := time.AfterFunc(patience, func() { d.command.Process.Kill() })
	defer hard.Stop()
	d.drained.Wait()
	d.command.Wait()
}

func scriptEnd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: end SIGNAL WORD")
	}
	for _, d := range ts.Value(daemonsKey{}).(*daemons).list {
		if !d.ended && slices.Contains(d.command.Args, args[1]) {
			d.end(unix.SignalNum("SIG" + args[0]))
			return
		}
	}
	ts.Fatalf("no daemon has %q in its command line", args[1])
}

// scriptGone waits for the end of every process whose program is this script's own faasmrun.
func scriptGone(ts *testscript.TestScript, neg bool, args []string) {
	own := filepath.Join(ts.Getenv("WORK"), ".bin", "faasmrun")
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	ts.Check(err)
	deadline := time.Now().Add(patience)
	for _, link := range links {
		if target, err := os.Readlink(link); err != nil || target != own {
			continue
		}
		pid, err := strconv.Atoi(strings.Split(link, "/")[2])
		ts.Check(err)
		handle, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			continue
		}
		// A process that has ended makes its descriptor readable.
		events := []unix.PollFd{{Fd: int32(handle), Events: unix.POLLIN}}
		for {
			n, err := unix.Poll(events, int(max(0, time.Until(deadline).Milliseconds())))
			if errors.Is(err, unix.EINTR) {
				continue
			}
			if n == 0 {
				args, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
				ts.Fatalf("process %d is left behind: %s", pid, strings.ReplaceAll(string(args), "\x00", " "))
			}
			break
		}
		unix.Close(handle)
	}
}
