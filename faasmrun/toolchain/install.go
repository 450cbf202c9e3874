package toolchain

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// The sysroot is built on the user's machine from the sources of Debian's packages: wasi-libc with threads, libc++,
// libc++abi and libunwind with exceptions, and our own overlay. It takes 5 MB of download and under a minute; the
// result is kept in the cache under a name made of everything that went into it.

//go:embed overlay overlay/include/__typedef_sigset_t.h
var overlay embed.FS

// recipe counts changes of the build that neither its tables nor the overlay nor the pins show.
const recipe = 7

// Progress is told what Install does: step names the work, done of total says how far it is (total 0: unknown).
type Progress func(step string, done, total int)

// Install makes the sysroot unless it is there, and returns its directory. It may run in any number of processes at
// once: one works, the others wait for it. What was downloaded before an interruption is not downloaded again.
func Install(ctx context.Context, env Env, progress Progress) (string, error) {
	t, err := findTools(env)
	if err != nil {
		return "", err
	}
	cache, err := CacheDir(env)
	if err != nil {
		return "", err
	}
	root := filepath.Join(cache, "sysroot")
	dir, err := install(ctx, env, t, root, progress)
	if err == nil {
		err = installIntrinsics(ctx, env, root, progress)
	}
	if err != nil {
		return "", err
	}
	return dir, nil
}

// installIntrinsics makes the directory of intrinsicsDir unless it is there.
func installIntrinsics(ctx context.Context, env Env, root string, progress Progress) error {
	dir := intrinsicsDir(root)
	if complete(dir) {
		return nil
	}
	unlock, err := lockDirectory(ctx, root, progress)
	if err != nil {
		return err
	}
	defer unlock()
	if complete(dir) {
		return nil
	}
	b := &builder{env: env, root: root, progress: progress}
	if err := b.buildIntrinsics(ctx, dir); err != nil {
		return fmt.Errorf("x86's intrinsics: %w", err)
	}
	return nil
}

func install(ctx context.Context, env Env, t *tools, root string, progress Progress) (string, error) {
	dir := filepath.Join(root, sysrootName(t))
	if complete(dir) && complete(runtimeDir(root, t)) {
		return dir, nil
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return "", fmt.Errorf("cache: %w", err)
	}
	unlock, err := lockDirectory(ctx, root, progress)
	if err != nil {
		return "", err
	}
	defer unlock()
	if err := removeStale(root); err != nil {
		return "", fmt.Errorf("cache: %w", err)
	}
	b := &builder{env: env, tools: t, root: root, progress: progress}
	if !complete(dir) {
		err = b.build(ctx, dir)
	}
	if err == nil && !complete(runtimeDir(root, t)) {
		err = b.buildRuntime(ctx, dir, runtimeDir(root, t))
	}
	if err != nil {
		return "", fmt.Errorf("building the C and C++ libraries: %w", err)
	}
	if in := intrinsicsDir(root); !complete(in) {
		if err := b.buildIntrinsics(ctx, in); err != nil { // few programs want them; their header says what is to be done
			progress(fmt.Sprintf("going on without x86's intrinsics: %v", err), 0, 0)
			progress("", 0, 0)
		}
	}
	return dir, nil
}

// removeStale removes what interrupted builds left. Whoever holds the lock is the only one that builds.
func removeStale(root string) error {
	left, err := filepath.Glob(filepath.Join(root, ".build-*"))
	for _, dir := range left {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
}

// runtimeDir holds our own additions, apart from the libraries: a new version of faasmrun changes them often, and they
// compile in a second.
func runtimeDir(root string, t *tools) string {
	return filepath.Join(root, "runtime-"+digest(sysrootName(t), "overlay/compat", "overlay/runtime"))
}

func complete(dir string) bool { return isFile(filepath.Join(dir, manifestName)) }

// sysrootName hashes all that the libraries are made of.
func sysrootName(t *tools) string {
	pins, _ := json.Marshal([]any{libcSource, llvmSource}) // plain data: it cannot fail
	text := fmt.Sprintf("recipe %d\n%s\n%s\n%v\n%v\n%s\n%v\n%v\n%v", recipe, pins, t.sdk, libcPatches,
		withoutErrors, configSite, abiSources, abiPatches, cxxPatches)
	return "sysroot-" + digest(text, "overlay/libc", "overlay/include")
}

// digest hashes a text and folders of the overlay.
func digest(text string, folders ...string) string {
	sum := sha256.New()
	fmt.Fprintln(sum, text)
	for _, folder := range folders {
		fs.WalkDir(overlay, folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := overlay.ReadFile(path)
			fmt.Fprintf(sum, "%s %d\n%s", path, len(data), data)
			return err
		})
	}
	return hex.EncodeToString(sum.Sum(nil))[:16]
}

// lockDirectory waits until no other process builds here.
func lockDirectory(ctx context.Context, root string, progress Progress) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(root, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		progress("waiting for another faasmrun that builds the libraries", 0, 0)
		locked := make(chan error, 1)
		go func() { locked <- unix.Flock(int(f.Fd()), unix.LOCK_EX) }()
		select {
		case err = <-locked:
		case <-ctx.Done():
			return nil, ctx.Err() // the process is ending, and the lock with it
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("cache: lock: %w", err)
	}
	return func() { f.Close() }, nil
}

// manifest stands in a finished sysroot and says what it is.
type manifest struct {
	Built      time.Time `json:"built"`
	Clang      string    `json:"clang"`
	Libc       string    `json:"libc"`
	LLVM       string    `json:"llvm"`
	Downloaded int64     `json:"downloaded_bytes"` // in this build; less when an earlier one was interrupted
	Seconds    float64   `json:"seconds"`
	Bytes      int64     `json:"bytes"`
}

const manifestName = "manifest.json"

// Status describes what is there, for a person.
func Status(env Env) (string, error) {
	var out strings.Builder
	t, err := findTools(env)
	if err != nil {
		fmt.Fprintf(&out, "compiler   %v\n", err)
		t = &tools{}
	} else {
		fmt.Fprintf(&out, "compiler   %s (%s)\nlinker     %s\nbuiltins   %s\n", t.clang, clangVersion(env, t), t.linker,
			t.builtins)
	}
	cache, err := CacheDir(env)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "sysroot", sysrootName(t))
	data, err := os.ReadFile(filepath.Join(dir, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(&out, "libraries  not built yet: faasmrun toolchain install, or the first faasmrun cc, does it\n")
		return out.String(), nil
	}
	var m manifest
	if err == nil {
		err = json.Unmarshal(data, &m)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", dir, err)
	}
	fmt.Fprintf(&out, "libraries  %s\n           wasi-libc %s, libc++ %s, built %s by %s in %.0f s, %.1f MB\n", dir,
		m.Libc, m.LLVM,
		m.Built.Format(time.DateOnly), m.Clang, m.Seconds, float64(m.Bytes)/1e6)
	return out.String(), nil
}

func clangVersion(env Env, t *tools) string {
	cmd := exec.Command(t.clang, "--version")
	cmd.Env = env.toolEnviron()
	out, err := cmd.Output()
	if err != nil {
		return "unknown version"
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}

// PrintProgress shows progress on one line of a terminal, and one line a step elsewhere.
func PrintProgress(w io.Writer, name string) Progress {
	terminal := isTerminal(w)
	last := ""
	return func(step string, done, total int) {
		switch {
		case !terminal:
			if step != last && step != "" {
				fmt.Fprintf(w, "faasmrun %s: %s\n", name, step)
			}
		case total > 0:
			fmt.Fprintf(w, "\r\x1b[Kfaasmrun %s: %s %d/%d", name, step, done, total)
		case step == "":
			fmt.Fprint(w, "\r\x1b[K")
		default:
			fmt.Fprintf(w, "\r\x1b[Kfaasmrun %s: %s", name, step)
		}
		last = step
	}
}

// builder makes one sysroot.
type builder struct {
	env      Env
	tools    *tools
	root     string // the directory of all sysroots and of the downloads
	progress Progress

	work       string // scratch: sources and objects
	out        string // the sysroot, new or finished
	downloaded int64
}

func (b *builder) build(ctx context.Context, dir string) (err error) {
	start := time.Now()
	if b.work, err = os.MkdirTemp(b.root, ".build-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.work)
	b.out = filepath.Join(b.work, "out")
	for _, step := range []func(context.Context) error{b.fetch, b.buildLibc, b.buildCxx} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if err := b.writeManifest(start); err != nil {
		return err
	}
	b.progress("", 0, 0)
	if err := os.Rename(b.out, dir); err != nil && !complete(dir) { // a copy of the same may have been put there by hand
		return err
	}
	return nil
}

func (b *builder) writeManifest(start time.Time) error {
	m := manifest{Built: time.Now().UTC(), Clang: clangVersion(b.env, b.tools), Libc: libcSource.Version,
		LLVM:       llvmSource.Version,
		Downloaded: b.downloaded, Seconds: time.Since(start).Seconds()}
	err := filepath.WalkDir(b.out, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			m.Bytes += info.Size()
		}
		return err
	})
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(m, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.out, manifestName), data, 0o644)
}

// run runs a tool of the build; what it prints is shown only when it fails.
func (b *builder) run(ctx context.Context, dir, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = dir, append(b.env.toolEnviron(), "LC_ALL=C", "MAKEFLAGS=", "MFLAGS=", "MAKELEVEL=")
	said, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, exec.ErrNotFound) {
		return &missingError{what: program}
	}
	if err != nil {
		text := strings.TrimSpace(string(said))
		if len(text) > maxSaid {
			text = "…" + text[len(text)-maxSaid:]
		}
		return fmt.Errorf("%s: %w\n%s", filepath.Base(program), err, text)
	}
	return nil
}

const maxSaid = 4000

// compile runs compiler commands on all processors; each is a command line for clang without the program.
func (b *builder) compile(ctx context.Context, step string, commands [][]string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work := make(chan []string)
	done := make(chan error)
	workers := runtime.NumCPU()
	for range workers {
		go func() {
			for args := range work {
				done <- b.run(ctx, b.work, b.tools.clang, args...)
			}
		}()
	}
	go func() {
		defer close(work)
		for _, args := range commands {
			work <- args
		}
	}()
	for i := range commands {
		if err := <-done; err != nil {
			cancel(err) // the others end at once, and the first error is the one to tell
		}
		b.progress(step, i+1, len(commands))
	}
	return context.Cause(ctx)
}
