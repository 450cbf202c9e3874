package executor

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/worker/child"
	"github.com/faasmrun/faasmrun/worker/control"
	"github.com/faasmrun/faasmrun/worker/engine/native/clang"
	"github.com/faasmrun/faasmrun/worker/engine/native/maker"
	"github.com/faasmrun/faasmrun/worker/engine/native/object"
	"github.com/faasmrun/faasmrun/worker/program"
)

// objectTime is how long making one program's machine code may take in all. What was compiled until then is kept.
const objectTime = time.Hour

// ObjectMain is the maker's process: it has a module prepared and written as C by a compile child, and machine code
// made of that by the C compiler. Both are children of its own, which are confined; it reads nothing of what they
// work on. It says on stdout how far it is. It returns CompileMain's exit statuses, and control.ExitNotNative. A maker
// that is idle outlives its worker if that is a launcher's, and is not begun beside another of its kind.
func ObjectMain(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("object", flag.ContinueOnError)
	flags.SetOutput(stderr)
	m := &objectMaker{stdout: stdout, limits: clang.DefaultLimits}
	flags.StringVar(&m.cache, "cache", "", "the cache's directory")
	flags.StringVar(&m.module, "module", "", "the module's file")
	flags.StringVar(&m.sha, "sha256", "", "the module's SHA-256")
	flags.StringVar(&m.key, "key", "", "what the program that asks calls itself")
	flags.StringVar(&m.path, "path", "", "where the C compiler is looked for")
	flags.IntVar(&m.limits.Parallel, "compilers", 1, "how many compilers run at once")
	flags.Uint64Var(&m.limits.Memory, "memory", m.limits.Memory, "bytes of addresses that each has")
	flags.DurationVar(&m.limits.Processor, "processor", m.limits.Processor, "processor time of each")
	flags.Uint64Var(&m.limits.Output, "output", m.limits.Output, "bytes of a file that one writes")
	flags.BoolVar(&m.lax, "lax", false, "compile on kernels without Landlock")
	flags.BoolVar(&m.idle, "idle", false, "run when nobody else wants the processors")
	whole := flags.Duration("time", objectTime, "how long all of it may take")
	watched := flags.Bool("watched", false, "standard input is an agent watch")
	if flags.Parse(args) != nil || m.module == "" {
		return 2
	}
	if *watched {
		if err := child.ArmWatch(0); err != nil {
			fmt.Fprintln(stderr, "faasmrun object: only a worker starts this verb:", err)
			return control.ExitOwnFault
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, *whole)
	defer cancel()
	err := m.make(ctx)
	var refused refusal
	switch {
	case err == nil:
		return 0
	case errors.As(err, &refused) && refused.anywhere:
		fmt.Fprintln(stderr, refused.words)
		return 1
	case errors.As(err, &refused):
		fmt.Fprintln(stderr, refused.words)
		return control.ExitNotNative
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		fmt.Fprintf(stderr, "making its machine code takes longer than %v; what is done of it is kept for the next time\n",
			*whole)
		return control.ExitNotNative
	}
	fmt.Fprintln(stderr, err)
	return control.ExitOwnFault
}

// refusal is an error that is the module's fault, as far as can be told. One that would be the same on any engine came
// before there was C; one that may be another the next time is not kept.
type refusal struct {
	words           string
	anywhere, again bool
}

func (r refusal) Error() string { return r.words }

type objectMaker struct {
	cache, module, sha, key, path string
	lax, idle                     bool
	limits                        clang.Limits
	stdout                        io.Writer

	compiler *clang.Compiler
	store    *object.Store
}

func (m *objectMaker) make(ctx context.Context) (err error) {
	if m.idle {
		if err := unix.Setpriority(unix.PRIO_PROCESS, 0, 19); err != nil { // of its children, too
			return err
		}
		turn, err := m.turn()
		if turn == nil || err != nil {
			return err
		}
		defer turn.Close()
	}
	if m.compiler, err = clang.Find(ctx, m.path, maker.CompilerMemory(m.cache)); err != nil {
		return err
	}
	m.store = object.Open(m.cache)
	if key, err := m.objectKey(); err == nil && m.isThere(key) {
		return nil
	}
	text, err := os.MkdirTemp(filepath.Dir(m.module), ".c-") // swept with the modules if this process is killed
	if err != nil {
		return err
	}
	defer os.RemoveAll(text)
	fmt.Fprintln(m.stdout, "translating")
	failed := m.translate(ctx, text)
	key, err := m.objectKey()
	if err != nil { // it was not even prepared
		if refused := (refusal{}); errors.As(failed, &refused) {
			return refusal{words: refused.words, anywhere: true}
		}
		return cmp.Or(failed, err)
	}
	if failed == nil {
		failed = m.compile(ctx, key, text)
	}
	if refused := (refusal{}); errors.As(failed, &refused) && !refused.again {
		return errors.Join(failed, m.store.Fail(key, failed.Error()))
	}
	return failed
}

// turn is held by the one idle maker of a cache; nil where there is another.
func (m *objectMaker) turn() (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(m.cache, "maker.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if err == unix.EWOULDBLOCK {
			err = nil
		}
		return nil, err
	}
	return f, nil
}

// objectKey is the key of the object, once the module has been prepared.
func (m *objectMaker) objectKey() (key object.Key, err error) {
	dir := filepath.Dir(m.module)
	p, err := control.ReadPrepared(control.PreparedPath(dir, m.sha, control.ForNative))
	if err == nil && p.Key != m.key {
		err = errors.New("another program has prepared the module")
	}
	if err != nil {
		return key, err
	}
	hash, err := program.HashOf(filepath.Join(dir, filepath.Base(p.Module)))
	return maker.KeyOf(hash, m.compiler), err
}

func (m *objectMaker) isThere(key object.Key) bool {
	r, err := m.store.Find(key)
	if err != nil {
		return false
	}
	o, err := object.Load(r) // an executor may have found it damaged
	if err != nil {
		return false
	}
	o.Close()
	return true
}

// translate runs the compile child, which ends with this process.
func (m *objectMaker) translate(ctx context.Context, text string) error {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", "prepare", "--cache", m.cache, "--module", m.module,
		"--sha256", m.sha, "--key", m.key, "--for", string(control.ForNative), "--c-dir", text)
	cmd.Args[0] = "faasmrun"
	cmd.Env = []string{}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	watch, end, err := os.Pipe()
	if err != nil {
		return err
	}
	defer watch.Close()
	defer end.Close()
	cmd.Stdin = watch
	var words bytes.Buffer
	cmd.Stderr = &words
	err = cmd.Run()
	var exit *exec.ExitError
	switch text := strings.TrimSpace(words.String()); {
	case err == nil || ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &exit) && exit.ExitCode() == 1 && text != "":
		return refusal{words: text}
	case errors.As(err, &exit) && exit.ExitCode() != control.ExitOwnFault:
		return refusal{words: fmt.Sprintf("translating it failed (%v): %s", err, text)}
	case errors.As(err, &exit) && text != "":
		return fmt.Errorf("translate it: %s", text)
	default:
		return fmt.Errorf("translate it: %w", err)
	}
}

// compile has the C compiled, unless another maker has done so by now.
func (m *objectMaker) compile(ctx context.Context, key object.Key, text string) error {
	unlock, err := m.store.Lock(key)
	if err != nil {
		return err
	}
	defer unlock()
	if m.isThere(key) {
		return nil
	}
	err = maker.Make(ctx, m.store, key, m.compiler, text, clang.Task{Command: []string{"/proc/self/exe", "clang"},
		Lax: m.lax, Idle: m.idle, Limits: m.limits,
		Progress: func(done, all int) { fmt.Fprintf(m.stdout, "compiled %d of %d files\n", done, all) }})
	if clang.OfModule(err) || errors.Is(err, object.ErrBad) {
		return refusal{words: err.Error()}
	}
	if errors.Is(err, clang.ErrKilled) { // by the system, which takes it first when memory ends; the module may be why
		return refusal{words: err.Error() + ", as the system does when memory ends", again: true}
	}
	return err
}
