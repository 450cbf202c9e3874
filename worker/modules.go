package worker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/faasmrun/faasmrun/internal/bytesize"
	"github.com/faasmrun/faasmrun/internal/passes"
	"github.com/faasmrun/faasmrun/scheduler/core/result"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker/control"
	"github.com/faasmrun/faasmrun/worker/engine/native/object"
)

// modules is the machine's cache of modules. Several workers may share the directory. Only complete files ever get
// their final names, so no lock is needed to read. Compiling at the same time is the engine's matter: the children of
// two workers take turns at its lock, and the second finds the first one's result.
//
//	modules/<sha256>.wasm       as the user submitted it
//	modules/<sha256>.<hash>.run.wasm, .layout   as it runs, and what is known of it (worker/program); <hash> is of both
//	modules/<sha256>.prepared   what the compile child found, the name of what runs among it: the mark that all is ready
//	modules/<sha256>.checked.prepared   the same of the program with its addresses checked, which is another that runs
//	modules/<sha256>.native.prepared    the same of the program for the native engine, without machine code (native.go)
type modules struct {
	dir        string // CACHEDIR/modules
	cacheDir   string
	executable string
	bound      int64         // bytes that it may take
	memory     int64         // of a compile child; 0: what that sets itself
	key        string        // of this program: another build may compile or bind differently
	objects    *object.Store // machine code for the native engine
	client     schedpb.WorkersClient
	worker     string // whose jobs the modules are for

	mu   sync.Mutex
	busy map[string]chan struct{} // by hash: closed when the goroutine that prepares the module is through
}

func newModules(cacheDir, executable, worker string, client schedpb.WorkersClient) (*modules, error) {
	dir := filepath.Join(cacheDir, "modules")
	if err := openCache(cacheDir, dir, filepath.Join(cacheDir, "native")); err != nil {
		return nil, fmt.Errorf("make the module cache: %w", err)
	}
	st, err := os.Stat(executable)
	if err != nil {
		return nil, fmt.Errorf("look at the program that runs executors: %w", err)
	}
	key := fmt.Sprintf("passes%s.%d.%d", passes.Version, st.Size(), st.ModTime().UnixNano())
	return &modules{dir: dir, cacheDir: cacheDir, executable: executable, key: key, client: client, worker: worker,
		bound: maxCache, objects: object.Open(cacheDir),
		busy: map[string]chan struct{}{}}, nil
}

// openCache makes the cache's directories. Executors of other users read files whose names, which contain the hash of a
// program, they know: nobody can list what others run, and nobody but the worker's user writes.
func openCache(dirs ...string) error {
	mode := os.FileMode(0o700)
	if os.Geteuid() == 0 {
		mode = 0o711
	}
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, mode); err != nil {
			return err
		}
		if err := os.Chmod(dir, mode); err != nil {
			return err
		}
	}
	return nil
}

// maxCache bounds the cache of a machine: hundreds of programs.
const maxCache = 10 << 30

// native is where the engine keeps machine code.
func (m *modules) native() string { return filepath.Join(m.cacheDir, "native") }

// prepare makes a module ready to run on wazero and returns what is known of it. program is its name in messages. An
// error is for the user, and so is what report is called with when something takes long.
func (m *modules) prepare(ctx context.Context, sha, program string, v control.Variant, report func(string)) (
	*control.Prepared, error) {
	if err := checkSHA(sha, program); err != nil {
		return nil, err
	}
	if p := m.ready(sha, v); p != nil {
		return p, nil
	}
	path := filepath.Join(m.dir, sha+".wasm")
	report(compiling(program, path)) // or another does
	done, err := m.take(ctx, sha)
	if err != nil {
		return nil, err
	}
	defer done()
	if p := m.ready(sha, v); p != nil {
		return p, nil
	}
	if err := m.get(ctx, sha, program, report); err != nil {
		return nil, err
	}
	if err := m.compile(ctx, sha, path, v); err != nil {
		return nil, fmt.Errorf("%s: %w", program, err)
	}
	if p := m.ready(sha, v); p != nil {
		return p, nil
	}
	return nil, asWorkerFault(fmt.Errorf("%s: the compiler left no result in %s: is the disk full?", program, m.dir))
}

func checkSHA(sha, program string) error {
	if b, err := hex.DecodeString(sha); err != nil || len(b) != sha256.Size || sha != strings.ToLower(sha) {
		return fmt.Errorf("%s: %q is no SHA-256 of a module", program, sha)
	}
	return nil
}

// get gets a module from the scheduler, unless it is there.
func (m *modules) get(ctx context.Context, sha, program string, report func(string)) error {
	m.sweep(time.Now())
	m.evict(m.bound, time.Now())
	path := filepath.Join(m.dir, sha+".wasm")
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	report("getting " + program + " from the scheduler")
	if err := m.fetchWhole(ctx, sha, path); err != nil {
		return fmt.Errorf("%s: get the module from the scheduler: %w", program, err)
	}
	report(compiling(program, path))
	return nil
}

// compiling says what may take a minute, and how much there is of it.
func compiling(program, path string) string {
	much := ""
	if st, err := os.Stat(path); err == nil {
		much = " (" + bytesize.String(uint64(st.Size())) + ")"
	}
	return "compiling " + program + much + ", once; later runs load it from the cache"
}

// take waits for whoever prepares the same module in this process.
func (m *modules) take(ctx context.Context, sha string) (done func(), err error) {
	for {
		m.mu.Lock()
		other := m.busy[sha]
		if other == nil {
			mine := make(chan struct{})
			m.busy[sha] = mine
			m.mu.Unlock()
			return func() {
				m.mu.Lock()
				delete(m.busy, sha)
				m.mu.Unlock()
				close(mine)
			}, nil
		}
		m.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// ready returns what an earlier compile left, nil when there is none that this program can use.
func (m *modules) ready(sha string, v control.Variant) *control.Prepared {
	mark := control.PreparedPath(m.dir, sha, v)
	p, err := control.ReadPrepared(mark)
	if err != nil || p.Key != m.key {
		return nil
	}
	if p.Module != filepath.Base(p.Module) {
		return nil
	}
	p.Module = filepath.Join(m.dir, p.Module)
	if _, err := os.Stat(p.Module); err != nil {
		return nil
	}
	m.use(mark)
	return p
}

// forget has a module prepared anew by the next job.
func (m *modules) forget(sha string, v control.Variant) {
	os.Remove(control.PreparedPath(m.dir, sha, v))
}

// leftover is the age from which on an unfinished file belongs to nobody.
const leftover = 24 * time.Hour

// sweep removes unfinished files of processes that were killed. Their names begin with a dot.
func (m *modules) sweep(now time.Time) {
	entries, err := os.ReadDir(m.dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && strings.HasPrefix(e.Name(), ".") && now.Sub(info.ModTime()) > leftover {
			os.RemoveAll(filepath.Join(m.dir, e.Name()))
		}
	}
}

// fetchWhole gets the module from the scheduler, however often the connection to it breaks meanwhile.
func (m *modules) fetchWhole(ctx context.Context, sha, path string) error {
	for retry := firstRetry; ; retry = min(2*retry, lastRetry) {
		err := m.fetch(ctx, sha, path)
		if status.Code(err) != codes.Unavailable {
			return err
		}
		select {
		case <-time.After(retry):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// fetch gets the module from the scheduler, whole and as its name says, or not at all.
func (m *modules) fetch(ctx context.Context, sha, path string) error {
	stream, err := m.client.GetModule(ctx, &schedpb.GetModuleRequest{Sha256: sha, Worker: m.worker})
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(m.dir, ".fetch-*")
	if err != nil {
		return asWorkerFault(err)
	}
	defer os.Remove(tmp.Name()) // of no effect after the rename
	defer tmp.Close()
	hash := sha256.New()
	for {
		chunk, err := stream.Recv()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		hash.Write(chunk.GetData())
		if _, err := tmp.Write(chunk.GetData()); err != nil {
			return asWorkerFault(err)
		}
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != sha {
		return fmt.Errorf("it was damaged on its way: its SHA-256 is %s, not %s", got, sha)
	}
	if err := errors.Join(tmp.Chmod(0o644), tmp.Sync(), tmp.Close()); err != nil { // who may, the directory says
		return asWorkerFault(err)
	}
	return asWorkerFault(os.Rename(tmp.Name(), path))
}

// maxStderr bounds what of a child's stderr becomes part of a message.
const maxStderr = 16 << 10

// starved reports whether the stderr of a Go program says that the kernel refused it memory.
func starved(words string) bool {
	return strings.Contains(words, "out of memory") || strings.Contains(words, "cannot allocate memory")
}

// compile runs the compile child, which ends with ctx.
func (m *modules) compile(ctx context.Context, sha, path string, v control.Variant) error {
	args := []string{"prepare", "--cache", m.cacheDir, "--module", path, "--sha256", sha, "--key", m.key}
	if v != control.ForWazero {
		args = append(args, "--for", string(v))
	}
	if m.memory > 0 {
		args = append(args, "--memory", strconv.FormatInt(m.memory, 10))
	}
	cmd := exec.CommandContext(ctx, m.executable, args...)
	cmd.Env = []string{} // nothing of the worker's
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	agentWatch, end, err := os.Pipe() // as an executor's
	if err != nil {
		return asWorkerFault(fmt.Errorf("start the compiler: %w", err))
	}
	defer end.Close()
	defer agentWatch.Close()
	cmd.Stdin = agentWatch
	var stderr head
	cmd.Stderr = &stderr
	keepDescriptors()
	err = cmd.Run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit) && exit.ExitCode() == 1 && len(stderr.b) > 0:
		return errors.New(strings.TrimSpace(string(stderr.b))) // its own words on what is wrong with the module
	case errors.As(err, &exit) && exit.ExitCode() == control.ExitOwnFault:
		return asWorkerFault(fmt.Errorf("the compiler failed: %s", strings.TrimSpace(string(stderr.b))))
	case errors.As(err, &exit) && !exit.Exited():
		return fmt.Errorf("the compiler was ended by a signal (%v): %s", exit, result.KillHint)
	case errors.As(err, &exit) && starved(string(stderr.b)):
		return errors.New("compiling it takes more memory than the system gives its compiler: split large functions, or " +
			"compile their " +
			"files with less inlining and unrolling (-O1)")
	case errors.As(err, &exit):
		return fmt.Errorf("the compiler crashed (%v; please report it): %s", exit, crash(stderr.b))
	}
	return asWorkerFault(fmt.Errorf("start the compiler: %w", err))
}

// head keeps the first bytes written to it, for a crash says what it is at its beginning.
type head struct{ b []byte }

func (h *head) Write(p []byte) (int, error) {
	h.b = append(h.b, p[:min(len(p), maxStderr-len(h.b))]...)
	return len(p), nil
}
