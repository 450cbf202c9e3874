package worker

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker/state"
)

// stop stops the worker and returns its goodbye.
func (b *bench) stop() *schedpb.Goodbye {
	b.t.Helper()
	wait(b.t, b.beats, "heartbeat") // it is connected
	b.worker.Stop()
	b.running.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.goodbye == nil {
		b.t.Fatal("it stopped without a word")
	}
	return b.goodbye
}

// saysNothingOf makes sure that no end was reported of a job.
func (b *bench) saysNothingOf(ref *schedpb.JobRef) {
	b.t.Helper()
	for len(b.ended) > 0 {
		if end := <-b.ended; end.Job.JobId == ref.JobId {
			b.t.Errorf("job %d ended %v", ref.JobId, end.End)
		}
	}
}

// A worker that is stopped says what stays, interactive or not. What ends with it does so without a report of its own:
// the goodbye says all.
func TestGoodbye(t *testing.T) {
	requeue := false
	b := newBench(t, func(c *Config) { c.Requeue = func() bool { return requeue } })
	stays, app := b.lingering(1)
	pid := b.pid(stays)
	too := b.start(interactive(b.app("act", 1, "linger")))
	wait(t, b.started, "start of the ranks")
	toos := b.pid(too)
	if bye := b.stop(); len(bye.Staying) != 2 {
		t.Errorf("staying: %v", bye)
	}
	b.saysNothingOf(too)
	b.restart()
	for range 2 {
		wait(t, b.started, "start, said again")
	}
	if got, gotToo := b.pid(stays), b.pid(too); got != pid || gotToo != toos {
		t.Errorf("executors %d and %d have become %d and %d", pid, toos, got, gotToo)
	}

	// On a machine that goes down nothing stays, and a successor finds nothing.
	requeue = true
	if bye := b.stop(); len(bye.Staying) != 0 {
		t.Errorf("staying: %v", bye)
	}
	waitGone(t, pid)
	waitGone(t, toos)
	b.saysNothingOf(stays)
	if hello := b.restart(); len(hello.Running) != 0 {
		t.Errorf("running: %v", hello.Running)
	}

	// An end that nobody has acknowledged is the successor's to report.
	requeue = false
	ref, app := b.lingering(1)
	release(t, app)
	wait(t, b.ended, "end")
	if bye := b.stop(); len(bye.Staying) != 1 || bye.Staying[0].JobId != ref.JobId {
		t.Errorf("staying: %v", bye)
	}
	b.restart()
	if end := wait(t, b.ended, "end"); end.Job.JobId != ref.JobId || end.End.State != "CD" {
		t.Errorf("ended %v", end)
	}
}

// A scheduler that does not answer the goodbye, or is not there, holds nobody up for long.
func TestGoodbyeToNobody(t *testing.T) {
	b := newBench(t, nil)
	b.lingering(1)
	b.setAway(os.ErrDeadlineExceeded)
	b.hangUp <- struct{}{}
	b.worker.Stop()
	b.running.Wait()
}

// What ran when the machine went down ended with it, whatever stands in the way of finding out how.
func TestReboot(t *testing.T) {
	for _, words := range []string{"", "something on its stderr\n"} {
		b := newBench(t, nil)
		ref, _ := b.lingering(1)
		pid := b.pid(ref)
		b.stop()
		syscall.Kill(pid, syscall.SIGKILL)
		waitGone(t, pid)
		s, err := state.Open(filepath.Join(b.dir, "state"))
		if err != nil {
			t.Fatal(err)
		}
		left, err := s.Executors()
		if err != nil || len(left) != 1 {
			t.Fatalf("%v, %v", left, err)
		}
		left[0].Process.Boot = "another"
		if err := s.Put(left[0]); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(b.dir, "executors", left[0].Files+stderrSuffix), []byte(words),
			0o600); err != nil {
			t.Fatal(err)
		}
		b.restart()
		if end := wait(t, b.ended, "end"); end.End.State != "NF" ||
			!strings.Contains(end.End.Reason, "the machine n1 was restarted") {
			t.Errorf("ended %v", end)
		}
	}
}

func TestStateIsNamed(t *testing.T) {
	b := newBench(t, nil)
	first := b.restart().StateId
	if again := b.restart().StateId; again != first || first == "" {
		t.Errorf("%q has become %q", first, again)
	}
	b.stop()
	if err := os.RemoveAll(filepath.Join(b.dir, "state")); err != nil {
		t.Fatal(err)
	}
	if other := b.restart().StateId; other == first || other == "" {
		t.Errorf("another state is %q, the first was %q", other, first)
	}
}

func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// What this worker can't do is no end of the job: it goes back, and the worker takes no others until it can again.
func TestLaunchFails(t *testing.T) {
	executable := func(path string) func(w *Worker) func() {
		return func(w *Worker) func() {
			was := w.spawner.executable
			w.spawner.executable = path
			return func() { w.spawner.executable = was }
		}
	}
	for _, c := range []struct {
		name  string
		spoil func(w *Worker) (mend func())
		words string
		unfit bool
	}{
		{"no process", executable("/nonexistent"), "start an executor", true},
		{"an executor that refuses", executable(script(t, "echo no seccomp >&2; exit 2")), "no seccomp", true},
		{"an executor that is killed", executable(script(t, "kill -9 $$")), "signal: killed", false},
		{"no directory for its files", func(w *Worker) func() {
			dir := filepath.Join(w.Dir, "executors")
			os.RemoveAll(dir)
			return func() { os.Mkdir(dir, 0o700) }
		}, "start an executor", true},
		{"no compiler", func(w *Worker) func() {
			was, key := w.modules.executable, w.modules.key
			w.modules.executable, w.modules.key = "/nonexistent", "another"
			return func() { w.modules.executable, w.modules.key = was, key }
		}, "start the compiler", true},
		{"a compiler whose disk is full", func(w *Worker) func() {
			was, key := w.modules.executable, w.modules.key
			w.modules.executable, w.modules.key = script(t, "echo no space >&2; exit 3"), "another"
			return func() { w.modules.executable, w.modules.key = was, key }
		}, "no space", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, func(c *Config) { c.Idle = 0 })
			mend := c.spoil(b.worker)
			b.start(batch(b.app("act", 1, "nothing")))
			end := wait(t, b.ended, "report")
			if !end.LaunchFailed || end.End.State != "NF" || !strings.Contains(end.End.Reason, c.words) ||
				(end.Unfit != "") != c.unfit {
				t.Errorf("reported %v", end)
			}
			b.says(func(unfit string) bool { return unfit == end.Unfit })
			mend()
			b.worker.recheckHealth()
			b.says(func(unfit string) bool { return unfit == "" })
			b.start(batch(b.app("act", 1, "nothing")))
			if end := wait(t, b.ended, "end"); end.End.State != "CD" {
				t.Errorf("then it ended %v", end)
			}
		})
	}
	// Where there is no other worker, it ends.
	b := newBench(t, func(c *Config) { c.Ephemeral = true })
	b.worker.spawner.executable = "/nonexistent"
	b.start(interactive(b.app("act", 1, "nothing")))
	if end := wait(t, b.ended, "end"); end.LaunchFailed || end.End.State != "F" {
		t.Errorf("ended %v", end)
	}
}

// says waits until the worker's heartbeats say of its fitness what they should.
func (b *bench) says(right func(unfit string) bool) {
	b.t.Helper()
	for {
		wait(b.t, b.beats, "heartbeat")
		b.mu.Lock()
		unfit := b.unfit
		b.mu.Unlock()
		if right(unfit) {
			return
		}
	}
}

// What is wrong with a module ends its job, and closes no worker.
func TestBadModuleBlamesNobody(t *testing.T) {
	b := newBench(t, nil)
	app := b.app("act", 1, "nothing")
	app.ModuleSha256 = b.put([]byte("\x00asm\x01\x00\x00\x00\x01\xff"))
	b.start(batch(app))
	if end := wait(t, b.ended, "end"); end.LaunchFailed || end.Unfit != "" || end.End.State != "F" {
		t.Errorf("ended %v", end)
	}
	if why := b.worker.health.reason(); why != "" {
		t.Errorf("the worker %s", why)
	}
}

// A worker that is still broken when it looks stays closed, and looks less often.
func TestStaysUnfit(t *testing.T) {
	b := newBench(t, nil)
	b.worker.spawner.executable = "/nonexistent"
	for range 3 {
		b.worker.recheckHealth()
	}
	h := &b.worker.health
	h.mu.Lock()
	waits := h.wait
	h.mu.Unlock()
	if why := b.worker.health.reason(); !strings.Contains(why, "it can't start jobs") || waits != 4*firstProbe {
		t.Errorf("it %q and looks again after %v", why, waits)
	}
}

// A scheduler that restarts while a module is fetched costs the job nothing.
func TestFetchIsTriedAgain(t *testing.T) {
	b := newBench(t, func(c *Config) { c.CacheDir = t.TempDir() })
	b.busy = 2
	if o := b.run(interactive(b.app("act", 1, "nothing"))); o.End.State != "CD" {
		t.Errorf("ended %v", o.End)
	}
}

// An order that comes again, of a job whose ranks an earlier worker has started and taken along, starts nothing.
func TestOrderOfTheDead(t *testing.T) {
	b := newBench(t, nil)
	dir := b.worker.jobDir(jobKey{1, 1})
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "log"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b.start(interactive(b.app("act", 1, "nothing")))
	if end := wait(t, b.ended, "end"); end.End.State != "NF" || end.LaunchFailed {
		t.Errorf("ended %v", end)
	}
}
