package worker

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker/control"
	"github.com/faasmrun/faasmrun/worker/engine/native/clang"
)

// natively is a job that asks for the native engine.
func natively(app *schedpb.App) *schedpb.JobSpec {
	spec := interactive(app)
	spec.Engine = schedpb.EngineNative
	return spec
}

// Each limit of the C compilers is reached by one program, and not by another. A job that asks for the native engine is
// told so, and what to do; others go on with wazero, and their user is told once. It is not tried again, and nothing is
// left.
func TestCompilersReachTheirLimits(t *testing.T) {
	for _, test := range []struct {
		name   string
		limits clang.Limits
		why    string
	}{
		{"processor time", clang.Limits{Processor: 2 * time.Second}, "the C compiler takes longer than it may"},
		{"memory", clang.Limits{Memory: 400 << 20}, "the C compiler takes more memory than it may"},
		{"length of a file", clang.Limits{Output: 300 << 10}, "the C compiler writes more than it may"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b, m, c := newNativeBench(t)
			var told []string
			b.worker.Notice = func(what string) { told = append(told, what) }
			b.worker.Native.Limits = test.limits
			small, large := b.app("hello", 1), b.app("large", 1)
			if o := b.run(natively(small)); o.End.State != "CD" {
				t.Errorf("a small program, too: %v", o.End)
			}
			why := "large.wasm: the native engine can't run it: " + test.why
			refused := func() {
				t.Helper()
				if o := b.run(natively(large)); o.End.State != "F" || o.End.Reason != why+"; --engine auto runs it on wazero" {
					t.Errorf("natively: %v", o.End)
				}
			}
			refused()
			if why := m.noObject(large.ModuleSha256, c); why != test.why {
				t.Errorf("what is kept of it is %q", why)
			}
			b.checkNothingLeft()
			b.worker.Executable = "/nonexistent" // a maker can't be started any more
			b.worker.makeLater(large.ModuleSha256, large.Program)
			for range 2 {
				if o := b.run(interactive(large)); o.End.State != "CD" || m.ready(large.ModuleSha256, control.ForWazero) == nil {
					t.Errorf("with wazero: %v", o.End)
				}
			}
			if len(told) != 1 || told[0] != why+"; it goes on with wazero" {
				t.Errorf("the user was told %q", told)
			}
			refused()
		})
	}
}

// A program that takes too long in all is refused, and not for ever.
func TestMakerReachesItsTime(t *testing.T) {
	b, m, c := newNativeBench(t)
	app := b.app("hello", 1)
	b.worker.Native.Time = time.Millisecond
	const why = "hello.wasm: the native engine can't run it: making its machine code takes longer than 1ms; " +
		"what is done of it is kept for the next time; --engine auto runs it on wazero"
	if o := b.run(natively(app)); o.End.State != "F" || o.End.Reason != why || b.worker.health.reason() != "" {
		t.Errorf("%v", o.End)
	}
	if why := m.noObject(app.ModuleSha256, c); why != "" {
		t.Errorf("it is not to be tried again: %s", why)
	}
	b.checkNothingLeft()
	if o := b.run(interactive(app)); o.End.State != "CD" {
		t.Errorf("with wazero: %v", o.End)
	}
}

// A compiler that was killed, as the system does when memory ends, is the end of a job that waits for machine code, and
// of no more: it is tried again.
func TestCompilerIsKilled(t *testing.T) {
	b, m, c := newNativeBench(t)
	app := b.app("large", 1)
	killed := make(chan struct{})
	go func() {
		defer close(killed)
		b.waitUntil("a compiler runs", func() bool {
			all := b.compilers()
			for _, pid := range all {
				unix.Kill(pid, unix.SIGKILL)
			}
			return len(all) > 0
		})
	}()
	o := b.run(natively(app))
	<-killed
	const why = "large.wasm: the native engine can't run it: the C compiler was killed, as the system does when " +
		"memory ends; --engine auto runs it on wazero"
	if o.End.State != "F" || o.End.Reason != why || b.worker.health.reason() != "" {
		t.Errorf("%v", o.End)
	}
	if why := m.noObject(app.ModuleSha256, c); why != "" {
		t.Errorf("it is not to be tried again: %s", why)
	}
	b.checkNothingLeft()
	if o := b.run(natively(app)); o.End.State != "CD" {
		t.Errorf("again: %v", o.End)
	}
}

// compilers are the C compilers and linkers that work in the worker's cache.
func (b *bench) compilers() (pids []int) {
	working, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, link := range working {
		if dir, err := os.Readlink(link); err == nil && strings.HasPrefix(dir, b.worker.CacheDir+"/") {
			pid, _ := strconv.Atoi(strings.Split(link, "/")[2])
			pids = append(pids, pid)
		}
	}
	return pids
}

// checkNothingLeft sees that of a maker that has failed no process and no file is left.
func (b *bench) checkNothingLeft() {
	b.t.Helper()
	if left := b.compilers(); len(left) > 0 {
		b.t.Errorf("processes are left: %v", left)
	}
	for _, pattern := range []string{"modules/.*", "native/*/.*", "native/.*", ".*"} {
		if left, err := filepath.Glob(filepath.Join(b.worker.CacheDir, pattern)); err != nil || len(left) > 0 {
			b.t.Errorf("left behind: %q, %v", left, err)
		}
	}
}
