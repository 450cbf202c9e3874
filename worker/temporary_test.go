package worker

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker/control"
)

// fillTemporary puts files where the job's programs have /tmp, and a link that leads out.
func (b *bench) fillTemporary(key jobKey) (dir string) {
	b.t.Helper()
	dir = filepath.Join(b.worker.jobDir(key), control.TemporaryDir)
	if err := os.MkdirAll(filepath.Join(dir, "a/b"), 0o700); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a/b/file"), []byte("x"), 0o600); err != nil {
		b.t.Fatal(err)
	}
	if err := os.Symlink(b.kept(), filepath.Join(dir, "link")); err != nil {
		b.t.Fatal(err)
	}
	return dir
}

// kept is a directory outside, with a file.
func (b *bench) kept() string {
	b.t.Helper()
	dir := filepath.Join(b.worker.Dir, "kept")
	os.Mkdir(dir, 0o700)
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		b.t.Fatal(err)
	}
	return dir
}

func (b *bench) expectRemoved(what, dir string) {
	b.t.Helper()
	if _, err := os.Lstat(dir); !os.IsNotExist(err) {
		b.t.Errorf("%s: %s is there: %v", what, dir, err)
	}
	if _, err := os.Stat(filepath.Join(b.kept(), "file")); err != nil {
		b.t.Errorf("%s: a link was followed: %v", what, err)
	}
}

// TestTemporaryFilesAreRemoved: however a job ends, what it had in its /tmp is gone when its end is reported.
func TestTemporaryFilesAreRemoved(t *testing.T) {
	for what, end := range map[string]func(*bench, *schedpb.JobRef, *schedpb.App){
		"in order":           func(b *bench, _ *schedpb.JobRef, app *schedpb.App) { release(b.t, app) },
		"cancelled":          func(b *bench, ref *schedpb.JobRef, _ *schedpb.App) { b.terminate(ref, "CA", false) },
		"its process killed": signalled(syscall.SIGKILL),
		"between two workers": func(b *bench, ref *schedpb.JobRef, _ *schedpb.App) {
			pid := b.pid(ref)
			b.worker.Stop()
			b.running.Wait()
			syscall.Kill(pid, syscall.SIGKILL)
			waitGone(b.t, pid)
			b.restart()
		},
	} {
		t.Run(strings.ReplaceAll(what, " ", "_"), func(t *testing.T) {
			b := newBench(t, nil)
			ref, app := b.lingering(2)
			dir := filepath.Join(b.worker.jobDir(keyOf(ref)), control.TemporaryDir)
			if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
				t.Fatalf("it has no directory of its own: %v, %v", info, err)
			}
			b.fillTemporary(keyOf(ref))
			end(b, ref, app)
			wait(t, b.ended, "end")
			b.expectRemoved(what, dir)
		})
	}
}

// TestTemporaryFilesOfEarlierWorkers: a worker that was killed, or has killed what it ran, leaves them to the next;
// those of a job that goes on stay.
func TestTemporaryFilesOfEarlierWorkers(t *testing.T) {
	b := newBench(t, nil)
	ref, app := b.lingering(1)
	left, goesOn := b.fillTemporary(jobKey{1000, 1}), b.fillTemporary(keyOf(ref))
	b.restart()
	b.expectRemoved("left by an earlier worker", left)
	if _, err := os.Stat(filepath.Join(goesOn, "a/b/file")); err != nil {
		t.Errorf("a job that runs lost its files: %v", err)
	}
	release(t, app)
	wait(t, b.ended, "end")
	b.expectRemoved("of an adopted job", goesOn)
}
