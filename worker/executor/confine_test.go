package executor

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// confinedCall names the variable by which this test binary becomes a confined process that makes one system call.
const confinedCall = "CONFINED_CALL"

func TestConfinedProcess(t *testing.T) {
	nr := os.Getenv(confinedCall)
	if nr == "" {
		t.Skip("is a child of TestConfine")
	}
	if err := confine(); err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(nr)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan syscall.Errno)
	go func() { // on whatever thread
		_, _, errno := syscall.RawSyscall6(uintptr(n), 0, 0, 0, 0, 0, 0)
		done <- errno
	}()
	fmt.Println("errno", int(<-done))
	os.Exit(7)
}

// A forbidden call kills; the others are as they were.
func TestConfine(t *testing.T) {
	for name, c := range map[string]struct {
		nr     int
		killed bool
		says   string
	}{
		"getpid": {unix.SYS_GETPID, false, "errno 0\n"},
		"clone3": {unix.SYS_CLONE3, false, fmt.Sprintln("errno", int(unix.ENOSYS))},
		"execve": {unix.SYS_EXECVE, true, ""}, "ptrace": {unix.SYS_PTRACE, true, ""}, "mount": {unix.SYS_MOUNT, true, ""},
		"setuid": {unix.SYS_SETUID, true, ""}, "io_uring_setup": {unix.SYS_IO_URING_SETUP, true, ""},
		"bpf": {unix.SYS_BPF, true, ""},
	} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestConfinedProcess$")
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", confinedCall, c.nr))
		out, err := cmd.Output()
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			t.Fatalf("%s: %v", name, err)
		}
		status := exit.Sys().(syscall.WaitStatus)
		killed := status.Signaled() && status.Signal() == syscall.SIGSYS
		if killed != c.killed || string(out) != c.says || !killed && status.ExitStatus() != 7 {
			t.Errorf("%s: %v, %q", name, err, out)
		}
	}
}
