package clang

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/worker/engine/native/object"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "clang" {
		os.Exit(Main(os.Args[2:], os.Stderr))
	}
	os.Exit(m.Run())
}

// found is the machine's compiler.
func found(t *testing.T) *Compiler {
	t.Helper()
	c, err := Find(t.Context(), os.Getenv("PATH"), "")
	if errors.Is(err, ErrAbsent) || !Supported() {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// task is one of some files.
func task(t *testing.T, texts ...string) Task {
	t.Helper()
	task := Task{Command: []string{os.Args[0], "clang"}, Dir: t.TempDir(), Limits: DefaultLimits,
		Flags: []string{"-fPIC", "-ffreestanding", "-fvisibility=hidden", "-w"}}
	for i, text := range texts {
		task.Files = append(task.Files, File{Name: fmt.Sprintf("f%d.c", i), Text: []byte(text)})
	}
	t.Cleanup(func() {
		if left, err := os.ReadDir(task.Dir); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
	return task
}

// whole is C that exports what an object is to export.
const whole = `typedef unsigned long u64; extern u64 twice(u64);
	static const u64 entries[] = {0}; static u64 (*const enter[])(u64) = {twice};
	__attribute__((visibility("default"))) const struct {
		u64 abi, functions; const void *entries; u64 exports; const void *enter;
	} native_object = {1, 1, entries, 1, enter};`

const twice = `typedef unsigned long u64; u64 twice(u64 n) { return 2 * n; }`

func TestMake(t *testing.T) {
	c := found(t)
	for name, change := range map[string]func(*Task){
		"":                 func(*Task) {},
		"idle":             func(task *Task) { task.Idle = true },
		"one at a time":    func(task *Task) { task.Limits.Parallel = 1 },
		"a flag of a file": func(task *Task) { task.Files[1].Flags = []string{"-O3"} },
		"the compiler's own headers": func(task *Task) {
			task.Files[0].Text = append([]byte("#include <immintrin.h>\n"), task.Files[0].Text...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			task := task(t, whole, twice)
			change(&task)
			last := 0
			task.Progress = func(done, all int) {
				if done != last+1 || all != 2 {
					t.Errorf("%d of %d after %d", done, all, last)
				}
				last = done
			}
			file, err := c.Make(t.Context(), task)
			if err != nil {
				t.Fatal(err)
			}
			if last != 2 {
				t.Errorf("%d of 2 files", last)
			}
			if _, err := object.Check(file); err != nil {
				t.Error(err)
			}
		})
	}
}

// The same files make the same object.
func TestMakeIsRepeatable(t *testing.T) {
	c := found(t)
	first, err := c.Make(t.Context(), task(t, whole, twice))
	if err != nil {
		t.Fatal(err)
	}
	second, err := c.Make(t.Context(), task(t, whole, twice))
	if err != nil || string(first) != string(second) {
		t.Errorf("%d and %d bytes, %v", len(first), len(second), err)
	}
}

// doubled is macros of which the last stands for 2^40 times a text.
func doubled(text string) string {
	b := &strings.Builder{}
	fmt.Fprintf(b, "#define A0 %s\n", text)
	for i := range 40 {
		fmt.Fprintf(b, "#define A%d A%d A%d\n", i+1, i, i)
	}
	return b.String()
}

// manySteps is a function that takes clang some seconds.
func manySteps() string {
	b := &strings.Builder{}
	b.WriteString("unsigned a[1024]; unsigned f(unsigned i) {\n")
	for k := range 5000 {
		fmt.Fprintf(b, "a[(i + %d) & 1023] += a[(i * %d) & 1023]; if (a[i & 1023] & %d) i += a[%d];\n", k, k, k, k&1023)
	}
	b.WriteString("return i; }\n")
	return b.String()
}

// What is wrong with a task says so.
func TestMakeFails(t *testing.T) {
	c := found(t)
	for name, test := range map[string]struct {
		text   string
		limits func(*Limits)
		err    error
		says   string
	}{
		"no C":      {"int f( {", func(*Limits) {}, ErrRejected, "expected"},
		"no symbol": {"extern int g(void); int f(void) { return g(); }", func(*Limits) {}, ErrRejected, "undefined symbol"},
		"no end": {doubled("") + "A40", func(l *Limits) { l.Processor = time.Second },
			ErrTime, ""},
		// Beyond the preprocessor it catches the signal.
		"no end of optimizing": {manySteps(), func(l *Limits) { l.Processor = time.Second }, ErrTime, ""},
		"no bounds": {doubled("1 +") + "int n = A40 1;", func(l *Limits) { l.Memory = 512 << 20 },
			ErrMemory, ""},
		"a large file": {"char large[8 << 20] = {1};", func(l *Limits) { l.Output = 1 << 20 }, ErrOutput, ""},
		"another's file": {`#include "/etc/passwd"`, func(*Limits) {}, ErrUnbound,
			"ermission denied"},
		"a memory too small to begin": {"", func(l *Limits) { l.Memory = 16 << 20 }, ErrMemory, ""},
	} {
		t.Run(name, func(t *testing.T) {
			task := task(t, test.text)
			test.limits(&task.Limits)
			_, err := c.Make(t.Context(), task)
			if !errors.Is(err, test.err) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%v; want %v, %q", err, test.err, test.says)
			}
		})
	}
}

// A compiler that ends badly when its time is about over has taken too long; one that ends so before has crashed.
func TestCrashesAtTheEndOfTime(t *testing.T) {
	cmd := exec.Command("sh", "-c", "kill -ABRT $$")
	err := cmd.Run()
	busy := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if got := failure(err, Limits{Processor: busy + busy/10 + 1}, ""); !errors.Is(got, ErrTime) {
		t.Errorf("at the end of its time: %v", got)
	}
	if got := failure(err, Limits{Processor: 2*busy + time.Second}, ""); !errors.Is(got, ErrRejected) {
		t.Errorf("before: %v", got)
	}
}

// A linker on a machine with many processors has as many addresses as on one with few: it takes none for each.
func TestLinkOnManyProcessors(t *testing.T) {
	c := found(t)
	task := task(t, whole, twice)
	task.Limits.Memory = 512 << 20 // two of its threads' stacks
	if _, err := c.Make(t.Context(), task); err != nil {
		t.Error(err)
	}
}

// One file that fails ends the compiling of the others, and so does the context.
func TestMakeIsEnded(t *testing.T) {
	c := found(t)
	endless := doubled("") + "A40"
	if _, err := c.Make(t.Context(), task(t, endless, "int f( {")); !errors.Is(err, ErrRejected) {
		t.Error(err)
	}
	for name, limits := range map[string]int{"both run": 2, "one waits": 1} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		task := task(t, endless, endless)
		task.Limits.Parallel = limits
		if _, err := c.Make(ctx, task); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFind(t *testing.T) {
	c := found(t)
	for _, part := range []string{c.Clang, c.Linker, c.Processor, c.Resources, c.Version} {
		if part == "" {
			t.Errorf("something is missing: %+v", c)
		}
	}
	memory := filepath.Join(t.TempDir(), "compiler")
	first, err := Find(t.Context(), os.Getenv("PATH"), memory)
	if err != nil || first.Identity() != c.Identity() {
		t.Fatal(err)
	}
	if again := recall(memory); again == nil || !again.unchanged() || again.Identity() != c.Identity() {
		t.Errorf("it is not remembered: %+v", again)
	}
	if err := os.WriteFile(memory, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if again, err := Find(t.Context(), os.Getenv("PATH"), memory); err != nil || again.Processor != c.Processor {
		t.Errorf("%+v, %v", again, err)
	}
	c.Parts[0].Modified++
	if c.unchanged() {
		t.Error("a changed compiler is taken for the same")
	}
}

// A compiler that is not there, or no good, is said.
func TestFindsNone(t *testing.T) {
	if _, err := os.Stat("/usr/lib/llvm-19/bin/clang"); err == nil {
		old := debianDir
		debianDir = t.TempDir()
		defer func() { debianDir = old }()
	}
	if _, err := Find(t.Context(), t.TempDir(), ""); !errors.Is(err, ErrAbsent) {
		t.Error(err)
	}
	dir := t.TempDir()
	for name, test := range map[string]struct {
		script string
		err    error
	}{
		"old":    {"echo 'clang version 14.0.6' >&2", ErrTooOld},
		"broken": {"exit 1", nil},
		"none":   {"echo hello", nil},
	} {
		for _, program := range []string{"clang", "ld.lld"} {
			if err := os.WriteFile(filepath.Join(dir, program), []byte("#!/bin/sh\n"+test.script+"\n"), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Find(t.Context(), dir, ""); err == nil || test.err != nil && !errors.Is(err, test.err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A full disk is said, wherever it is met (by our own writing, the compiler's or the linker's), and is not held against
// the program.
func TestFullDisk(t *testing.T) {
	c := found(t)
	made, full := 0, 0
	for kib := 12; kib <= 132; kib += 15 {
		task := task(t, whole, twice, "const char large[40000] = {1};")
		if err := unix.Mount("tmpfs", task.Dir, "tmpfs", 0, fmt.Sprintf("size=%dk", kib)); err != nil {
			t.Skip("no small file system can be mounted:", err)
		}
		_, err := c.Make(t.Context(), task)
		unix.Unmount(task.Dir, unix.MNT_DETACH)
		switch {
		case err == nil:
			made++
		case errors.Is(err, ErrDisk):
			full++
		case !errors.Is(err, unix.ENOSPC):
			t.Errorf("%d KiB: %v", kib, err)
		}
	}
	if made == 0 || full < 2 {
		t.Errorf("on %d disks an object was made, %d were full for a compiler", made, full)
	}
}
