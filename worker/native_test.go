package worker

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker/control"
	"github.com/faasmrun/faasmrun/worker/engine/native/clang"
	"github.com/faasmrun/faasmrun/worker/engine/native/object"
	"github.com/faasmrun/faasmrun/worker/executor"
)

// newNativeBench has a worker with both engines.
func newNativeBench(t *testing.T) (*bench, *modules, *clang.Compiler) {
	t.Helper()
	path := os.Getenv("PATH")
	c, err := clang.Find(t.Context(), path, "")
	if err != nil || !clang.Supported() {
		t.Skip("there is no C compiler for it", err)
	}
	cache := t.TempDir()
	b := newBench(t, func(config *Config) {
		config.Idle = 0 // each job loads its programs
		config.CacheDir, config.Native = cache, &Native{Compiler: c, Path: path}
		config.Engines = []*schedpb.Engine{{Name: schedpb.EngineWazero, MaxRankMemBytes: 4 << 30},
			{Name: schedpb.EngineNative, MaxRankMemBytes: 64 << 30}}
	})
	return b, b.worker.modules, c
}

// A job that asks for the native engine waits for machine code, which the next one finds; it is counted and removed
// with its module, and made anew where it is damaged.
func TestNative(t *testing.T) {
	b, m, c := newNativeBench(t)
	app := b.app("hello", 2)
	run := func(engine string, variant control.Variant) {
		t.Helper()
		spec := interactive(app)
		spec.Engine = engine
		if o := b.run(spec); o.End.State != "CD" || o.End.ExitCode != 0 {
			t.Fatalf("%q: %v", engine, o.End)
		}
		if m.ready(app.ModuleSha256, variant) == nil {
			t.Errorf("%q: nothing is prepared for %q", engine, variant)
		}
	}
	run(schedpb.EngineNative, control.ForNative)
	found, err := m.findObject(app.ModuleSha256, c)
	if err != nil {
		t.Fatal(err)
	}
	run("", control.ForNative)
	if m.ready(app.ModuleSha256, control.ForWazero) != nil {
		t.Error("a job whose machine code is there was prepared for wazero, too")
	}
	for _, c := range m.inventory() {
		own := slices.Contains(c.paths, filepath.Dir(found.object.Path))
		if own != (c.sha == app.ModuleSha256) || own && len(c.locks) != 1 { // compiled parts are of no module
			t.Errorf("machine code is not its module's: %+v", c)
		}
	}

	// Its trailer says that it is whole: only the executor finds out.
	code, err := os.ReadFile(found.object.Path)
	if err != nil {
		t.Fatal(err)
	}
	code[len(code)/2] ^= 1
	if err := os.WriteFile(found.object.Path, code, 0o644); err != nil {
		t.Fatal(err)
	}
	run("", control.ForWazero) // nobody waits for what he did not ask for
	run(schedpb.EngineNative, control.ForNative)
	if again, err := m.findObject(app.ModuleSha256, c); err != nil || again.object.Digest != found.object.Digest {
		t.Errorf("it is not made anew: %v", err)
	}
	run(schedpb.EngineWazero, control.ForWazero)

	// More ranks than the engine has addresses for are wazero's.
	for engine, want := range map[string]string{"": "CD", schedpb.EngineNative: "F"} {
		spec := interactive(b.app("hello", maxNativeRanks+1))
		spec.Engine = engine
		o := b.run(spec)
		if o.End.State != want || engine != "" && !strings.Contains(o.End.Reason, "addresses for 1200 of them") {
			t.Errorf("%q with %d ranks: %v", engine, maxNativeRanks+1, o.End)
		}
	}
	m.evict(0, time.Now().Add(2*recent))
	if in, native := cacheFiles(t, m); in != 0 || native != 0 {
		t.Errorf("%d files of modules and %d directories of machine code are left", in, native)
	}
}

// Why a program has no machine code is kept, and said to who asks for it; others run on wazero.
func TestNoMachineCode(t *testing.T) {
	b, m, c := newNativeBench(t)
	app := b.app("hello", 1)
	spec := interactive(app)
	spec.Engine = schedpb.EngineNative
	if o := b.run(spec); o.End.State != "CD" {
		t.Fatal(o.End)
	}
	found, err := m.findObject(app.ModuleSha256, c)
	if err != nil {
		t.Fatal(err)
	}
	key, err := m.objectKey(found.Prepared, c)
	if err == nil {
		err = m.objects.Remove(key)
	}
	if err == nil {
		err = m.objects.Fail(key, "it is too large")
	}
	if err != nil {
		t.Fatal(err)
	}
	const why = "hello.wasm: the native engine can't run it: it is too large; --engine auto runs it on wazero"
	if o := b.run(spec); o.End.State != "F" || o.End.Reason != why {
		t.Errorf("%v", o.End)
	}
	if o := b.run(interactive(app)); o.End.State != "CD" {
		t.Errorf("%v", o.End)
	}
	results, err := inspectHello(t)
	if err != nil || len(results) != 2 || results[0].Err != nil || results[1].Err != nil {
		t.Errorf("%v, %v", results, err)
	}
}

func inspectHello(t *testing.T) ([]executor.EngineResult, error) {
	_, results, err := executor.Inspect(compiled(t, "hello"))
	return results, err
}

// Compilers take no more memory together than is free, if each takes all that it may.
func TestCompilers(t *testing.T) {
	const gib = 1 << 30
	for _, test := range []struct {
		processors int
		free       uint64
		want       int
	}{{8, 4 * gib, 1}, {8, 2 * gib, 1}, {8, 7 * gib, 2}, {8, 64 * gib, 8}, {2, 20 * gib, 2}, {1, 0, 1},
		{4, math.MaxUint64, 4}} {
		if got := compilers(test.processors, test.free, 3*gib); got != test.want {
			t.Errorf("%d compilers on %d processors with %d bytes, and not %d", got, test.processors, test.free, test.want)
		}
	}
}

// A maker that is told to end, early or late, leaves neither processes nor files, and the next one is not misled.
func TestMakerIsEnded(t *testing.T) {
	b, m, c := newNativeBench(t)
	app := b.app("hello", 1)
	if o := b.run(interactive(app)); o.End.State != "CD" { // the module is there now
		t.Fatal(o.End)
	}
	for _, at := range []string{"translating", "compiled 1 of"} {
		ctx, cancel := context.WithCancel(t.Context())
		said := false
		err := b.worker.runMaker(ctx, app.ModuleSha256, app.Program, func(words string) {
			if strings.HasPrefix(words, at) {
				said = true
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) || !said {
			t.Errorf("at %q: %v", at, err)
		}
		unfinished, err := filepath.Glob(filepath.Join(m.dir, ".*"))
		if err != nil || len(unfinished) > 0 {
			t.Errorf("at %q: left behind: %q, %v", at, unfinished, err)
		}
		if _, err := m.findObject(app.ModuleSha256, c); !errors.Is(err, object.ErrNone) {
			t.Errorf("at %q: there is machine code: %v", at, err)
		}
		if why := m.noObject(app.ModuleSha256, c); why != "" {
			t.Errorf("at %q: it is not to be tried again: %s", at, why)
		}
	}
	if err := b.worker.runMaker(t.Context(), app.ModuleSha256, app.Program, func(string) {}); err != nil {
		t.Error(err)
	}
	if _, err := m.findObject(app.ModuleSha256, c); err != nil {
		t.Error(err)
	}
}

// waitClosed waits until a file that somebody could write is closed. A maker, which has the lowest priority, may take
// minutes on a machine with other work.
func waitClosed(t *testing.T, events int, name string) {
	t.Helper()
	buffer := make([]byte, 4096)
	for end := time.Now().Add(5 * time.Minute); ; {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(events), Events: unix.POLLIN}}, int(time.Until(end).Milliseconds()))
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			t.Fatalf("%s was not closed: %v", name, err)
		}
		if n, err = unix.Read(events, buffer); err != nil || bytes.Contains(buffer[:n], []byte(name+"\x00")) {
			return
		}
	}
}

// What a job that ran on wazero has left to be made is there for the next one, which nobody has asked to wait.
func TestMadeInTheBackground(t *testing.T) {
	b, m, c := newNativeBench(t)
	app := b.app("hello", 1)
	if o := b.run(interactive(app)); o.End.State != "CD" {
		t.Fatal(o.End)
	}
	events, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(events)
	if _, err := unix.InotifyAddWatch(events, m.cacheDir, unix.IN_CLOSE_WRITE); err != nil {
		t.Fatal(err)
	}
	b.worker.makeLater(app.ModuleSha256, app.Program)
	waitClosed(t, events, "maker.lock")
	if _, err := m.findObject(app.ModuleSha256, c); err != nil {
		t.Fatal(err)
	}
	m.forget(app.ModuleSha256, control.ForWazero)
	if o := b.run(interactive(app)); o.End.State != "CD" {
		t.Fatal(o.End)
	}
	if m.ready(app.ModuleSha256, control.ForWazero) != nil {
		t.Error("the second job ran on wazero")
	}
}

// A worker that stops ends a maker that nobody waits for, whose work may take minutes.
func TestStopWithAMaker(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Native = &Native{} })
	wait(t, b.beats, "heartbeat")
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	held, err := os.OpenFile(pipe, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { held.Close() }) // it ends then at the latest
	b.worker.Executable = script(t, "exec cat "+pipe)
	b.worker.makeLater(strings.Repeat("0", 64), "slow.wasm")
	stopped := make(chan bool)
	go func() {
		b.worker.Stop()
		close(stopped)
	}()
	wait(t, stopped, "end of the worker")
	b.running.Wait()
}
