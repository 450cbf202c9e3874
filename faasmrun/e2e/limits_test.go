package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// starved runs a shell's line and sees that, should it fail, it says why in one line, with status 1: never by a panic,
// never by hanging. It gives that line, "" after a success.
func starved(t *testing.T, what, line string) string {
	t.Helper()
	c := exec.Command("bash", "-c", line)
	var out bytes.Buffer
	c.Stderr = &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	overdue := time.AfterFunc(patience, func() { c.Process.Kill() })
	defer overdue.Stop()
	err := c.Wait()
	var lines []string
	for _, l := range strings.Split(withoutNotes(out.String(), os.Getenv("FAASMRUN_ENGINE")), "\n") {
		if l != "" && !strings.Contains(l, "level=INFO") { // a daemon's log
			lines = append(lines, l)
		}
	}
	var exit *exec.ExitError
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &exit) || exit.ExitCode() != 1 || len(lines) != 1 || !strings.HasPrefix(lines[0], "faasmrun: "):
		t.Errorf("%s: %v:\n%s", what, err, out.String())
		return "failed"
	}
	return lines[0]
}

// TestStarvedLauncher takes a launcher, a scheduler and a worker what they need: open files, the size of files, room on
// the disk.
func TestStarvedLauncher(t *testing.T) {
	heedSignals()
	faasmrun := filepath.Join(buildTree(t), "faasmrun")
	dir := t.TempDir()
	source, program := filepath.Join(dir, "ok.c"), filepath.Join(dir, "ok.wasm")
	if err := os.WriteFile(source, []byte("int main(void) { return 0; }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(faasmrun, "cc", "-o", program, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Chdir(dir)
	launch := func(home string) string { return fmt.Sprintf("FAASMRUN_HOME=%s exec %s -np 2 ok.wasm", home, faasmrun) }
	t.Run("files", func(t *testing.T) {
		worked := false
		for n := 8; n <= 40; n++ { // with less Go's own runtime can't begin
			why := starved(t, fmt.Sprintf("ulimit -n %d", n), fmt.Sprintf("ulimit -n %d; %s", n, launch(dir+"/home")))
			worked = worked || why == ""
			if strings.Contains(why, "cannot be used for this run's state") && !strings.Contains(why, "ulimit -n") {
				t.Errorf("with %d files it does not say what to do: %s", n, why)
			}
		}
		if !worked {
			t.Error("it runs with none of these limits")
		}
	})
	t.Run("sizes", func(t *testing.T) {
		for i, kib := range []int{0, 1, 8, 64, 1000} {
			why := starved(t, fmt.Sprintf("ulimit -f %d", kib),
				fmt.Sprintf("ulimit -f %d; %s", kib, launch(fmt.Sprintf("%s/home%d", dir, i))))
			if why == "" || !strings.Contains(why, "ulimit -f") && !strings.Contains(why, "file too large") {
				t.Errorf("with files of %d KiB: %q", kib, why)
			}
		}
		for _, daemon := range []string{"scheduler --listen unix:" + dir + "/sock",
			"worker --no-cgroups --scheduler unix:" + dir + "/nobody"} {
			for _, limit := range []string{"-f 0", "-f 1", "-n 9"} {
				line := fmt.Sprintf("ulimit %s; exec %s %s --state %s/state", limit, faasmrun, daemon, t.TempDir())
				if why := starved(t, daemon+" with ulimit "+limit, line); !strings.Contains(why, "ulimit "+limit[:2]) ||
					strings.Contains(why, "FAASMRUN_HOME") {
					t.Errorf("%s with ulimit %s: %q", daemon, limit, why)
				}
			}
		}
	})
	t.Run("room", func(t *testing.T) {
		for _, size := range []string{"16k", "64k", "256k", "2m"} {
			small := t.TempDir()
			if err := unix.Mount("none", small, "tmpfs", 0, "size="+size); err != nil {
				t.Skip("no small file systems without root:", err)
			}
			t.Cleanup(func() { unix.Unmount(small, unix.MNT_DETACH) })
			if why := starved(t, size, launch(small)); !strings.Contains(why, "no space left on device") ||
				!strings.Contains(why, "FAASMRUN_HOME") {
				t.Errorf("with %s: %q", size, why)
			}
			for _, daemon := range []string{"scheduler --listen unix:" + dir + "/sock",
				"worker --no-cgroups --scheduler unix:" + dir + "/nobody"} {
				why := starved(t, daemon, fmt.Sprintf("exec %s %s --state %s/state", faasmrun, daemon, small))
				if !strings.Contains(why, "no space left on device") || !strings.Contains(why, "--state") ||
					strings.Contains(why, "FAASMRUN_HOME") {
					t.Errorf("%s with %s: %q", daemon, size, why)
				}
			}
		}
	})
}
