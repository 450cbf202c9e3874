package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openTerminal makes a pseudo-terminal that answers no question: master is the side of whoever looks and types.
func openTerminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here:", err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slave.Close() })
	return master, slave
}

// onTerminal runs a command in the foreground of a terminal on which text has been typed already, and gives what it
// wrote.
func onTerminal(t *testing.T, typed string, env []string, name string, args ...string) (written string,
	settings [2]unix.Termios) {
	t.Helper()
	master, slave := openTerminal(t)
	settings[0] = termios(t, slave)
	if _, err := io.WriteString(master, typed); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(name, args...)
	c.Stdin, c.Stdout, c.Stderr = slave, slave, slave
	c.Env = append(append(os.Environ(), "TERM=xterm-256color", "CI="), env...)
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	overdue := time.AfterFunc(patience, func() { c.Process.Kill() })
	defer overdue.Stop()
	var all bytes.Buffer
	read := make(chan struct{})
	go func() {
		defer close(read)
		io.Copy(&all, master) // ends with EIO when nobody has the other side open
	}()
	err := c.Wait()
	settings[1] = termios(t, slave)
	slave.Close()
	<-read
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && !exit.Exited() {
		t.Errorf("%s %s: %v, having written %q", filepath.Base(name), strings.Join(args, " "), err, all.String())
	}
	return all.String(), settings
}

func termios(t *testing.T, f *os.File) unix.Termios {
	t.Helper()
	settings, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *settings
}

// TestTerminalLeftAlone sees that no verb but top asks the terminal anything, changes its settings or takes what was
// typed for someone else.
func TestTerminalLeftAlone(t *testing.T) {
	faasmrun := filepath.Join(buildTree(t), "faasmrun")
	dir := t.TempDir()
	source, program := filepath.Join(dir, "line.c"), filepath.Join(dir, "line.wasm")
	if err := os.WriteFile(source, []byte(`#include <stdio.h>
int main(void) { char b[100]; if (fgets(b, sizeof b, stdin)) printf("got %s", b); return 0; }
`), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(faasmrun, "cc", "-o", program, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	nowhere := "--scheduler=unix:" + filepath.Join(dir, "nobody")
	for _, args := range [][]string{{"--version"}, {"--help"}, {"help", "top"}, {"cc", "-dumpmachine"}, {"queue", nowhere},
		{"top", "--help"},
		{"-np", "1", program}, {"-np", "2", program}, {"-np", "1", "--report-bindings", program}} {
		written, settings := onTerminal(t, "hello\n", nil, faasmrun, args...)
		if strings.Contains(written, "\x1b") {
			t.Errorf("faasmrun %s wrote an escape sequence: %q", strings.Join(args, " "), written)
		}
		if settings[0] != settings[1] {
			t.Errorf("faasmrun %s changed the terminal's settings", strings.Join(args, " "))
		}
		if args[len(args)-1] == program && !strings.Contains(written, "got hello") {
			t.Errorf("faasmrun %s: what was typed did not arrive: %q", strings.Join(args, " "), written)
		}
	}
}

// TestStartWithoutTheScreens holds what the libraries of top cost the other verbs at their start: on a terminal, too,
// less than three tenths of what all other packages take.
func TestStartWithoutTheScreens(t *testing.T) {
	faasmrun := filepath.Join(buildTree(t), "faasmrun")
	line := regexp.MustCompile(`init (\S+) @\S+ ms, (\S+) ms clock`)
	screens := regexp.MustCompile(`^(charm\.land/|github\.com/(charmbracelet|muesli|lucasb-eyer|clipperhouse|mattn|rivo|xo)/|.*/faasmrun/tui$)`)
	const tries = 5 // a busy machine may interrupt one
	best := 1e9
	for range tries {
		text, _ := onTerminal(t, "", []string{"GODEBUG=inittrace=1"}, faasmrun, "--version")
		ui, rest := 0.0, 0.0
		for _, found := range line.FindAllStringSubmatch(text, -1) {
			ms, err := strconv.ParseFloat(found[2], 64)
			if err != nil {
				t.Fatal(err)
			}
			if screens.MatchString(found[1]) {
				ui += ms
			} else {
				rest += ms
			}
		}
		if rest == 0 {
			t.Fatalf("no trace of what starts: %q", text)
		}
		best = min(best, ui/rest)
	}
	if best > 0.3 {
		t.Errorf("the screens' libraries take %.2f of what all others take at the start", best)
	}
}
