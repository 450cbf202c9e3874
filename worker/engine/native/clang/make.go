package clang

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// File is a C file.
type File struct {
	Name string // without a directory: "f0.c"
	Text []byte // nil: it is in the task's directory, and goes
	// Flags are more flags for it alone.
	Flags []string
}

// compileFlags are the compiler's, beside those that the C is only right with: to optimise, for lines and frames of
// backtraces, which are not mapped and name no directory of this machine, and to say little.
var compileFlags = []string{machineFlag, "-O1", "-gline-tables-only", "-ffile-compilation-dir=/",
	"-fno-asynchronous-unwind-tables", "-nostdlibinc", "-ferror-limit=3", "-fno-caret-diagnostics",
	"-fno-crash-diagnostics"}

// linkFlags are the linker's. It has one thread: each takes the whole size of a stack (stackSize) of the addresses that
// it may have, and by itself it starts one a processor, which on a machine with ten is more than there are.
var linkFlags = []string{"--threads=1",
	"-shared", "-Bsymbolic", "--hash-style=sysv", "-z", "noseparate-code", "-z", "relro",
	"-z", "now", "-z", "noexecstack", "--no-undefined", "--build-id=none", "--no-color-diagnostics"}

// AllFlags are all flags on which an object depends, of C that is only right with some.
func AllFlags(ofText []string) []string { return slices.Concat(compileFlags, ofText, linkFlags) }

// CompileFlags are the flags that a file is compiled with, of C that is only right with some.
func CompileFlags(ofText []string, f File) []string {
	return slices.Concat(compileFlags, ofText, f.Flags)
}

// Task is an object that is to be made.
type Task struct {
	Files []File
	// Flags are those that the C is only right with.
	Flags []string
	// Command is the command line of this program that comes to Main; what is appended are Main's arguments.
	Command []string
	// Dir is where a private directory is made, and removed at the end.
	Dir string
	// Lax allows a compiler that can reach all files of its user, on kernels without Landlock.
	Lax bool
	// Idle has compilers run when nobody else wants a processor, or nearly so.
	Idle   bool
	Limits Limits
	// Progress is called with how many files of how many have been compiled; nil: nobody asks.
	Progress func(done, all int)
	// Known gives what the compiler made of a file some other time; nil where that is not known. Keep is called with what
	// it makes now. Both are called by several goroutines, and may be nil.
	Known func(f File) []byte
	Keep  func(f File, compiled []byte)
}

// Limits bound each compiler and the linker.
type Limits struct {
	Memory    uint64        // bytes of addresses
	Processor time.Duration // time of it
	Output    uint64        // bytes of a file
	Parallel  int           // how many at once; 0: a processor each
}

// DefaultLimits are for modules of outsiders: what is above them runs on the other engine.
var DefaultLimits = Limits{Memory: compilerMemory, Processor: processorTime, Output: compilerOutput}

// What one file may take: bytes of addresses, bytes that are written.
const (
	compilerMemory = 3 << 30
	compilerOutput = 512 << 20
)

// processorTime is what one file may take.
const processorTime = 10 * time.Minute

// stopPatience is how long output of a compiler that was killed is waited for.
const stopPatience = 5 * time.Second

// Why an object could not be made. Beside these there are the context's errors.
var (
	ErrMemory    = errors.New("the C compiler takes more memory than it may")
	ErrTime      = errors.New("the C compiler takes longer than it may")
	ErrOutput    = errors.New("the C compiler writes more than it may")
	ErrKilled    = errors.New("the C compiler was killed")
	ErrForbidden = errors.New("the C compiler did what it must not")
	ErrRejected  = errors.New("the C compiler rejects what was made of the program")
	ErrUnbound   = errors.New("the C compiler can't be confined")
	ErrDisk      = errors.New("the C compiler can't write: the disk with the cache is full, or broken")
)

// OfModule reports whether an error is the module's fault: it would be the same the next time.
func OfModule(err error) bool {
	for _, kind := range []error{ErrMemory, ErrTime, ErrOutput, ErrForbidden, ErrRejected} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// Make compiles and links. What it returns is not checked.
func (c *Compiler) Make(ctx context.Context, t Task) (object []byte, err error) {
	dir, err := os.MkdirTemp(t.Dir, ".object-") // mode 0700
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	m := &making{Compiler: c, Task: t, dir: dir}
	if err := m.compile(ctx); err != nil {
		return nil, err
	}
	link := append([]string{"-o", "object.so"}, linkFlags...)
	for _, f := range t.Files {
		link = append(link, f.Name+".o")
	}
	if err := m.run(ctx, c.Linker, link...); err != nil {
		return nil, fmt.Errorf("link it: %w", err)
	}
	return os.ReadFile(filepath.Join(dir, "object.so"))
}

// making is a task under way.
type making struct {
	*Compiler
	Task
	dir string

	mu   sync.Mutex // held while Progress is called
	done int
}

// progress notes that one more file is compiled.
func (m *making) progress(all int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done++
	if m.Progress != nil {
		m.Progress(m.done, all)
	}
}

// compile compiles all files, several at once. The first that fails ends the others.
func (m *making) compile(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	turns := make(chan struct{}, m.parallel())
	for _, f := range m.Files {
		if err := m.write(f); err != nil {
			cancel(err)
			break
		}
		select {
		case turns <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			defer func() { <-turns }()
			if err := m.compileOne(ctx, f); err != nil {
				cancel(err)
				return
			}
			m.progress(len(m.Files))
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

func (m *making) compileOne(ctx context.Context, f File) error {
	output := f.Name + ".o"
	path := filepath.Join(m.dir, output)
	if m.Known != nil {
		if compiled := m.Known(f); compiled != nil {
			return os.WriteFile(path, compiled, 0o600)
		}
	}
	args := slices.Concat(CompileFlags(m.Flags, f), []string{"-x", "c", "-c", f.Name, "-o", output})
	if err := m.run(ctx, m.Clang, args...); err != nil || m.Keep == nil {
		return err
	}
	compiled, err := os.ReadFile(path)
	if err == nil {
		m.Keep(f, compiled)
	}
	return err
}

func (m *making) write(f File) error {
	if f.Name == "" || f.Name != filepath.Base(f.Name) || strings.HasPrefix(f.Name, "-") {
		return fmt.Errorf("%q is no name of a C file", f.Name)
	}
	path := filepath.Join(m.dir, f.Name)
	if f.Text == nil {
		return os.Rename(filepath.Join(m.Dir, f.Name), path)
	}
	return os.WriteFile(path, f.Text, 0o600)
}

func (m *making) parallel() int {
	n := m.Limits.Parallel
	if n <= 0 {
		n = runtime.NumCPU()
	}
	return max(1, min(n, len(m.Files)))
}

// run runs the compiler or the linker in the private directory.
func (m *making) run(ctx context.Context, program string, args ...string) error {
	runtime.LockOSThread() // the child dies with this thread
	defer runtime.UnlockOSThread()
	words := append(append([]string{}, m.Command[1:]...), m.childArgs(program)...)
	cmd := exec.CommandContext(ctx, m.Command[0], append(append(words, program), args...)...)
	cmd.Env = []string{}
	cmd.Dir = m.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: unix.SIGKILL}
	cmd.WaitDelay = stopPatience
	var stderr head
	cmd.Stderr = &stderr
	err := cmd.Run()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return failure(err, m.Limits, string(stderr.b))
}

// failure says what the end of a compiler means; nil where it has done its work.
func failure(err error, limits Limits, words string) error {
	var exit *exec.ExitError
	if err == nil || !errors.As(err, &exit) {
		return err // it could not be started
	}
	line := firstLine([]byte(words))
	status := exit.Sys().(syscall.WaitStatus)
	busy := exit.SystemTime() + exit.UserTime()
	// clang catches the signal that its time is over, and ends as after a crash. The kernel counts that time by ticks.
	late := (status.Signaled() || exit.ExitCode() == softwareError) && busy >= limits.Processor-limits.Processor/8
	starved := strings.Contains(words, "out of memory") || strings.Contains(words, "bad_alloc") ||
		strings.Contains(words, "annot allocate memory") || strings.Contains(words, "failed to map segment")
	switch {
	// The linker writes by a mapping, and where nothing is behind that the kernel says so by a signal.
	case strings.Contains(words, "o space left on device"), strings.Contains(words, "isk quota exceeded"),
		status.Signal() == unix.SIGBUS:
		return ErrDisk
	case status.Signal() == unix.SIGXCPU || busy >= limits.Processor || late:
		return ErrTime
	case status.Signal() == unix.SIGXFSZ || strings.Contains(words, "File too large"):
		return ErrOutput
	case status.Signal() == unix.SIGSYS:
		return fmt.Errorf("%w: %s", ErrForbidden, line)
	case starved:
		return ErrMemory
	case status.Signaled() && status.Signal() == unix.SIGKILL:
		return ErrKilled
	case status.Signaled() || exit.ExitCode() == softwareError:
		return fmt.Errorf("%w: it crashed (%v): %s", ErrRejected, exit, line)
	case exit.ExitCode() == exitUnbound:
		return fmt.Errorf("%w: %s", ErrUnbound, line)
	case strings.Contains(words, "ermission denied"): // it needs a file that Find didn't find
		return fmt.Errorf("%w: %s", ErrUnbound, line)
	}
	return fmt.Errorf("%w (%v): %s", ErrRejected, exit, line)
}

// softwareError is the exit status of clang's driver when it catches a crash of its own.
const softwareError = 70

// maxStderr bounds what is kept of a compiler's words.
const maxStderr = 16 << 10

// head keeps the first bytes written to it.
type head struct{ b []byte }

func (h *head) Write(p []byte) (int, error) {
	h.b = append(h.b, p[:min(len(p), maxStderr-len(h.b))]...)
	return len(p), nil
}

// childArgs are Main's, in front of the program.
func (m *making) childArgs(program string) []string {
	number := func(n uint64) string { return strconv.FormatUint(n, 10) }
	args := []string{"--dir", m.dir, "--memory", number(m.Limits.Memory), "--output", number(m.Limits.Output),
		"--seconds", number(uint64(m.Limits.Processor / time.Second)), "--execute", program}
	if m.Lax {
		args = append(args, "--lax")
	}
	if m.Idle {
		args = append(args, "--idle")
	}
	for _, path := range m.Loaders {
		args = append(args, "--execute", path)
	}
	for _, p := range m.Parts {
		args = append(args, "--read", p.Path)
	}
	args = append(args, "--read", m.Resources)
	if _, err := os.Stat(loaderCache); err == nil {
		args = append(args, "--read", loaderCache)
	}
	return append(args, "--")
}

// loaderCache is where a loader looks libraries up.
const loaderCache = "/etc/ld.so.cache"
