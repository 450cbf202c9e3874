package worker

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/internal/bytesize"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// spinning starts a job whose rank 1, or every rank, computes for ever, and waits until it does.
func (b *bench) spinning(act string, ranks int) *schedpb.JobRef {
	b.t.Helper()
	ref := b.start(interactive(b.app("act", ranks, act, "1")))
	wait(b.t, b.started, "start of the ranks")
	out := map[string]string{}
	if b.read(out, func() bool { return out["1"] == "spinning\n" }) {
		b.t.Fatalf("it ended: %v", wait(b.t, b.ended, "end"))
	}
	return ref
}

// pid is the executor's.
func (b *bench) pid(ref *schedpb.JobRef) int {
	b.t.Helper()
	j := b.worker.job(ref)
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.process.pid
}

// waitGone waits until a process that need not be our child has ended.
func waitGone(t testing.TB, pid int) {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(testTimeout.Milliseconds()))
	if n != 1 {
		t.Fatalf("process %d is still there (%v)", pid, err)
	}
}

func (b *bench) terminate(ref *schedpb.JobRef, state string, kill bool) {
	b.order(&schedpb.SchedulerMessage_Terminate{Terminate: &schedpb.TerminateJob{Job: ref, State: state,
		Reason: "the test says so", Kill: kill}})
}

func (b *bench) query(ref *schedpb.JobRef) []*schedpb.RankState {
	b.order(&schedpb.SchedulerMessage_QueryRanks{QueryRanks: &schedpb.QueryJobRanks{Job: ref}})
	return wait(b.t, b.states, "rank states").States.Ranks
}

func inBarrier(s *schedpb.RankState) bool { return strings.HasPrefix(s.Where, "MPI_Barrier on ") }

// newSlowBench is a bench whose compile children wait for a word from the fifo that it returns: opening it for writing
// waits for one.
func newSlowBench(t *testing.T) (b *bench, fifo string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	fifo, slow := filepath.Join(dir, "fifo"), filepath.Join(dir, "slow")
	script := "#!/bin/sh\n[ $1 != prepare ] || read go <" + fifo + "\nexec " + self + " \"$@\"\n"
	if err := errors.Join(unix.Mkfifo(fifo, 0o600), os.WriteFile(slow, []byte(script), 0o755)); err != nil {
		t.Fatal(err)
	}
	return newBench(t, func(c *Config) { c.Executable, c.CacheDir = slow, filepath.Join(dir, "cache") }), fifo
}

// TestCompilingIsTold asks where the ranks of a job stand while its module is being compiled.
func TestCompilingIsTold(t *testing.T) {
	b, fifo := newSlowBench(t)
	app := b.app("act", 2, "spin", "1")
	ref := b.start(interactive(app))
	open, err := os.OpenFile(fifo, os.O_WRONLY, 0) // once the compiler waits there
	if err != nil {
		t.Fatal(err)
	}
	states := b.query(ref)
	want := fmt.Sprintf("compiling %s (%s), once; later runs load it from the cache", app.Program,
		bytesize.String(uint64(len(compiled(t, "act")))))
	if len(states) != 2 || states[1].Rank != 1 || states[0].Where != want || states[1].Where != want {
		t.Errorf("they stand at %v", states)
	}
	if _, err := open.WriteString("go\n"); err != nil {
		t.Fatal(err)
	}
	open.Close()
	wait(t, b.started, "the job's start")
	b.terminate(ref, "CA", true)
	b.collect()
}

// A job that is ended while its module is being compiled ends at once, and so does the compiler, unless another job
// waits for it.
func TestTerminateWhileCompiling(t *testing.T) {
	b, fifo := newSlowBench(t)
	app := b.app("act", 1, "nothing", "0")
	for _, c := range []struct {
		state string
		kill  bool
		code  int32
	}{{"TO", false, 110}, {"CA", false, 1}, {"CA", true, 1}} {
		ref := b.start(interactive(app))
		open, err := os.OpenFile(fifo, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		b.terminate(ref, c.state, c.kill)
		if o := b.collect(); o.End.State != c.state || o.End.ExitCode != c.code || o.End.Reason != "the test says so" {
			t.Errorf("ended %v", o.End)
		}
		if _, err := open.WriteString("go\n"); !errors.Is(err, unix.EPIPE) {
			t.Errorf("the compiler is still there: %v", err)
		}
		open.Close()
	}
	// Another job that waits for the same module has it compiled.
	first := b.start(interactive(app))
	open, err := os.OpenFile(fifo, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	second := b.start(interactive(app))
	b.terminate(first, "TO", false)
	if o := b.collect(); o.Job.JobId != first.JobId || o.End.State != "TO" {
		t.Errorf("ended %v", o.JobEnded)
	}
	defer open.Close()
	// Its compiler may read from the fifo already, while open keeps that from being empty, or be about to: then a word to
	// the one that has just ended breaks the pipe.
	for err = error(unix.EPIPE); errors.Is(err, unix.EPIPE); {
		next, failed := os.OpenFile(fifo, os.O_WRONLY, 0)
		if failed != nil {
			t.Fatal(failed)
		}
		_, err = next.WriteString("go\n")
		next.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if o := b.collect(); o.Job.JobId != second.JobId || o.End.State != "CD" {
		t.Errorf("ended %v", o.JobEnded)
	}
}

func TestTerminate(t *testing.T) {
	b := newBench(t, nil)
	for _, c := range []struct {
		act, state string
		kill       bool
		code       int32
	}{
		{"spin", "CA", false, 1}, {"spin", "TO", false, 110}, {"all-spin", "TO", false, 110}, {"all-spin", "CA", true, 1},
	} {
		t.Run(fmt.Sprint(c.act, c.state, c.kill), func(t *testing.T) {
			ref := b.spinning(c.act, 3)
			states := b.query(ref)
			for c.act == "spin" && (!inBarrier(states[0]) || !inBarrier(states[2])) { // they are on their way there
				states = b.query(ref)
			}
			b.terminate(ref, c.state, c.kill)
			o := b.collect()
			if o.End.State != c.state || o.End.ExitCode != c.code || o.End.Reason != "the test says so" {
				t.Errorf("ended %v", o.End)
			}
			if !c.kill {
				states = append(states, o.End.RankStates.GetRanks()...)
				if len(states) != 6 {
					t.Fatalf("states: %v", states)
				}
			}
			for i, s := range states {
				want := "MPI_Barrier on MPI_COMM_WORLD"
				if c.act == "all-spin" || s.Rank == 1 {
					want = "computing"
				}
				if !strings.Contains(s.Where, want) || s.Rank != uint32(i%3) {
					t.Errorf("rank %d stands at %q, not %q", s.Rank, s.Where, want)
				}
			}
		})
	}
}

// A rank fails while another computes, which ends with it.
func TestFailureBesideComputation(t *testing.T) {
	b := newBench(t, nil)
	spin, fail := b.app("act", 2, "spin", "1"), b.app("act", 1, "cat")
	ref := b.start(interactive(fail, spin)) // rank 0 waits for input, rank 1 of the world spins
	out := map[string]string{}
	b.read(out, func() bool { return strings.Contains(out["1"], "spinning") && out["0?"] != "" })
	b.stdin(ref, "", true)
	o := b.collect()
	if o.End.ExitCode != 1 || !strings.Contains(o.End.Reason,
		"rank 0 of act.wasm on n1 failed with status 1: it ended without calling MPI_Init") {
		t.Errorf("ended %v", o.End)
	}
	var ended *schedpb.RankExit
	for _, x := range o.End.Exits {
		if x.Rank == 1 {
			ended = x
		}
	}
	if ended == nil || !ended.Consequence || ended.ExitCode != 143 {
		t.Errorf("rank 1: %v", ended)
	}
}

func TestSignals(t *testing.T) {
	b := newBench(t, nil)
	ref := b.spinning("spin", 2)
	b.order(&schedpb.SchedulerMessage_Signal{Signal: &schedpb.JobSignal{Job: ref, Number: int32(syscall.SIGUSR1)}})
	o := b.collect()
	if o.End.ExitCode != 138 || !strings.Contains(o.End.Reason, "user defined signal 1") {
		t.Errorf("ended %v", o.End)
	}
}

// waitStopped waits until the process is stopped (or no longer): the kernel says so only to its parent, through wait.
func waitStopped(t testing.TB, pid int, want bool) {
	t.Helper()
	for deadline := time.Now().Add(testTimeout); time.Now().Before(deadline); {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			t.Fatal(err)
		}
		state := b[bytes.LastIndexByte(b, ')')+2]
		if (state == 'T') == want {
			return
		}
	}
	t.Fatalf("process %d: stopped is not %v", pid, want)
}

func TestStopAndContinue(t *testing.T) {
	b := newBench(t, nil)
	signal := func(ref *schedpb.JobRef, s syscall.Signal) {
		b.order(&schedpb.SchedulerMessage_Signal{Signal: &schedpb.JobSignal{Job: ref, Number: int32(s)}})
	}
	ref := b.spinning("spin", 2)
	pid := b.pid(ref)
	signal(ref, syscall.SIGTSTP)
	waitStopped(t, pid, true)
	signal(ref, syscall.SIGCONT)
	waitStopped(t, pid, false)
	signal(ref, syscall.SIGTSTP)
	waitStopped(t, pid, true)
	b.terminate(ref, "CA", false) // a stopped job still ends in order
	if o := b.collect(); o.End.State != "CA" || len(o.End.RankStates.GetRanks()) != 2 {
		t.Errorf("ended %v", o.End)
	}
}

// Whatever ends an executor, what its ranks have printed arrives, and the end says what happened.
func TestExecutorDies(t *testing.T) {
	b := newBench(t, nil)
	for _, c := range []struct {
		signal syscall.Signal
		code   int32
		reason []string
	}{
		{syscall.SIGKILL, 137, []string{"n1", "killed by signal 9"}},
		{syscall.SIGQUIT, 1, []string{"crashed", "report this", "SIGQUIT", "goroutine"}}, // Go's way to crash with a stack
	} {
		t.Run(c.signal.String(), func(t *testing.T) {
			ref := b.start(interactive(b.app("act", 2, "cat")))
			wait(t, b.started, "start of the ranks")
			out := map[string]string{}
			b.read(out, func() bool { return out["0?"] != "" && strings.HasSuffix(out["1"], "0\n") })
			if err := syscall.Kill(b.pid(ref), c.signal); err != nil {
				t.Fatal(err)
			}
			o := b.collect()
			if o.End.State != "F" || o.End.ExitCode != c.code {
				t.Errorf("ended %v", o.End)
			}
			for _, word := range c.reason {
				if !strings.Contains(o.End.Reason, word) {
					t.Errorf("the reason lacks %q: %s", word, o.End.Reason)
				}
			}
			if got := out["0"] + out["1"] + o.out["1"]; got != "name? name? end after 0\n" {
				t.Errorf("printed %q", got)
			}
		})
	}
}

// A worker that is killed takes the executors of interactive jobs along, though they compute or are stopped.
func TestWorkerDies(t *testing.T) {
	for _, stop := range []bool{false, true} {
		holder := exec.Command(os.Args[0], "hold", t.TempDir())
		holder.Stderr = os.Stderr
		in, err := holder.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := holder.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := holder.Start(); err != nil {
			t.Fatal(err)
		}
		var pid int
		if _, err := fmt.Fscan(out, &pid); err != nil {
			t.Fatal(err)
		}
		waitArmed(t, pid)
		if stop {
			if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			waitStopped(t, pid, true)
		}
		holder.Process.Kill()
		holder.Wait()
		in.Close()
		waitGone(t, pid)
	}
}

// waitArmed waits until the executor has its agent watch: descriptor 4 is then asynchronous.
func waitArmed(t testing.TB, pid int) {
	t.Helper()
	for deadline := time.Now().Add(testTimeout); time.Now().Before(deadline); {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/4", pid))
		if err != nil {
			t.Fatal(err)
		}
		var position, flags int
		if _, err := fmt.Sscanf(string(b), "pos: %d\nflags: %o", &position, &flags); err != nil {
			t.Fatal(err)
		}
		if flags&unix.O_ASYNC != 0 {
			return
		}
	}
	t.Fatalf("executor %d does not watch its agent", pid)
}

func testSpawner(dir string) *spawner {
	return &spawner{executable: os.Args[0], dir: dir, adoptable: true}
}

// hold is a process that does nothing but have an executor.
func hold(dir string) {
	p, err := testSpawner(dir).spawn(executorVerb, nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(p.cmd.Process.Pid)
	io.Copy(io.Discard, os.Stdin)
}

func TestStopLeavesNobody(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Prestart, c.Ephemeral = 2, true }) // nobody comes after it
	var pids []int
	for range 2 {
		pids = append(pids, b.pid(b.spinning("spin", 2)))
	}
	b.worker.Stop()
	b.worker.Stop()
	for _, pid := range pids {
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("executor %d: %v", pid, err)
		}
	}
}

// A prestarted executor that was killed while it waited harms no job, and another takes its place.
func TestPrestartedThatDied(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Prestart = 1 })
	waiting := func() *process {
		s := &b.worker.prestarted
		s.fill()
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.waiting) != 1 {
			t.Fatalf("%d are prestarted", len(s.waiting))
		}
		return s.waiting[0]
	}
	first := waiting()
	if !first.isRunning() {
		t.Fatal("a new executor does not live")
	}
	first.kill()
	if err := unix.Waitid(unix.P_PID, first.pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	if end := b.run(interactive(b.app("hello", 1))).End; end.State != "CD" {
		t.Errorf("the job ended as %s: %s", end.State, end.Reason)
	}
	if second := waiting(); second.pid == first.pid || !second.isRunning() {
		t.Error("no new executor")
	}
}

// An executor inherits nothing but what it needs.
func TestExecutorInheritsNothing(t *testing.T) {
	t.Setenv("SECRET", "of the worker")
	leaked, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer leaked.Close()
	if _, err := unix.FcntlInt(leaked.Fd(), unix.F_SETFD, 0); err != nil { // as a careless parent leaves it
		t.Fatal(err)
	}
	b := newBench(t, nil)
	pid := b.pid(b.spinning("spin", 2))
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil || len(environ) > 0 {
		t.Errorf("environment %q, %v", environ, err)
	}
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d descriptors, %v", len(files), err)
	}
	for _, file := range files {
		if to, _ := os.Readlink(file); to == leaked.Name() {
			t.Errorf("%s is %s", file, to)
		}
	}
	if sid, err := unix.Getsid(pid); err != nil || sid != pid {
		t.Errorf("session %d of %d, %v", sid, pid, err)
	}
	st, err := os.Stat(b.worker.jobDir(jobKey{1, 1}))
	if err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("the job's directory: %v, %v", st.Mode(), err)
	}
}

func TestBadModules(t *testing.T) {
	b := newBench(t, nil)
	for _, c := range []struct {
		name string
		wasm []byte
		want []string
	}{
		{"text", []byte("#!/bin/sh\necho hello\n"), []string{"bad.wasm: "}},
		{"truncated", compiled(t, "hello")[:1000], []string{"bad.wasm: "}},
		{"unknown imports", importing("mpi", "MPI_Frobnicate", "MPI_Unheard_of"),
			[]string{"bad.wasm: ", "MPI_Frobnicate, MPI_Unheard_of"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			spec := interactive(&schedpb.App{ModuleSha256: b.put(c.wasm), Program: "bad.wasm", Dir: "/", Ranks: 2})
			o := b.run(spec)
			if o.End.State != "F" || o.End.ExitCode != 1 {
				t.Errorf("ended %v", o.End)
			}
			for _, word := range c.want {
				if !strings.Contains(o.End.Reason, word) {
					t.Errorf("the reason lacks %q: %s", word, o.End.Reason)
				}
			}
		})
	}
	t.Run("damaged on the way", func(t *testing.T) {
		b.damaging = true
		defer func() { b.damaging = false }()
		o := b.run(interactive(&schedpb.App{ModuleSha256: b.put([]byte("x")), Program: "x.wasm", Dir: "/", Ranks: 1}))
		if !strings.Contains(o.End.Reason, "damaged") {
			t.Errorf("ended %v", o.End)
		}
	})
	t.Run("no directory", func(t *testing.T) {
		app := b.app("hello", 1)
		app.Dir = filepath.Join(b.dir, "none")
		o := b.run(interactive(app))
		if o.End.State != "F" || !strings.Contains(o.End.Reason, "hello.wasm: ") || !strings.Contains(o.End.Reason, app.Dir) {
			t.Errorf("ended %v", o.End)
		}
	})
}

// importing hand-builds a module that imports functions without parameters.
func importing(module string, names ...string) []byte {
	var imports []byte
	for _, name := range names {
		imports = append(imports, byte(len(module)))
		imports = append(imports, module...)
		imports = append(imports, byte(len(name)))
		imports = append(imports, name...)
		imports = append(imports, 0, 0)
	}
	b := []byte("\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00") // one type: func()
	b = append(b, 2, byte(len(imports)+1), byte(len(names)))
	b = append(b, imports...)
	b = append(b, "\x03\x02\x01\x00"...)     // one function of that type
	b = append(b, "\x05\x03\x01\x00\x01"...) // a memory of one page
	b = append(b, "\x07\x13\x02\x06memory\x02\x00\x06_start\x00"...)
	b = append(b, byte(len(names)))
	return append(b, "\x0a\x04\x01\x02\x00\x0b"...)
}

// A compile child can be ended, and its death is told. The child here is a shell that never compiles.
func TestCompileChild(t *testing.T) {
	script := filepath.Join(t.TempDir(), "slow")
	pids := filepath.Join(t.TempDir(), "pids")
	if err := syscall.Mkfifo(pids, 0o600); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("#!/bin/sh\necho $$ > %s\nexec sleep 1000\n", pids)
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	b := newBench(t, func(c *Config) { c.Executable = script; c.CacheDir = t.TempDir() })
	child := func() int {
		var pid int
		words, err := os.ReadFile(pids) // waits for the child to write
		if err != nil {
			t.Fatal(err)
		}
		fmt.Sscan(string(words), &pid)
		return pid
	}

	ref := b.start(interactive(b.app("hello", 1)))
	pid := child()
	b.terminate(ref, "CA", false)
	if o := b.collect(); o.End.State != "CA" || o.End.ExitCode != 1 {
		t.Errorf("ended %v", o.End)
	}
	waitGone(t, pid)

	b.start(interactive(b.app("hello", 1)))
	if err := syscall.Kill(child(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if o := b.collect(); o.End.State != "F" ||
		!strings.Contains(o.End.Reason, "hello.wasm: the compiler was ended by a signal") {
		t.Errorf("ended %v", o.End)
	}
}

// The log tells when a job started and how it ended, whose it is, and nothing that it was given or said.
func TestJobsAreLogged(t *testing.T) {
	var log bytes.Buffer // written to by one job's goroutine at a time, and read behind the worker's end
	b := newBench(t, func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	app := b.app("act", 2, "abort", "0", "--password=hunter2")
	app.Env = []*schedpb.EnvVar{{Name: "TOKEN", Value: "s3cret"}}
	if o := b.run(interactive(app)); o.End.ExitCode != 42 || o.End.Reason == "" {
		t.Fatalf("ended %v", o.End)
	}
	refused := &schedpb.App{ModuleSha256: b.put([]byte("no module")), Program: "none.wasm", Dir: t.TempDir(), Ranks: 1}
	b.run(interactive(refused))
	b.worker.Stop()
	b.running.Wait()
	for _, want := range []string{
		`level=INFO msg="job started" job=1 epoch=1 tenant=` + ownTenant() + " ranks=2 engine=wazero\n",
		`level=INFO msg="job ended" job=1 epoch=1 tenant=` + ownTenant() + " state=F exit=42\n",
		`level=INFO msg="job ended" job=2 epoch=1 tenant=` + ownTenant() + ` state=F exit=1 reason="none.wasm: `,
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, &log)
		}
	}
	for _, secret := range []string{"hunter2", "s3cret", "TOKEN", "MPI_Abort"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log tells %s:\n%s", secret, &log)
		}
	}
}
