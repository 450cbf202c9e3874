package confine

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The test binary is the process that is confined, too: with these words it makes a system call, or becomes a tool that
// does something.
const (
	guestWord = "guest" // and a call's number
	toolWord  = "tool"  // a directory, a deed: confines itself and executes itself for it
	deedWord  = "deed"  // a directory, a deed
)

func TestMain(m *testing.M) {
	if len(os.Args) > 2 {
		switch os.Args[1] {
		case guestWord:
			guest(os.Args[2])
		case toolWord:
			becomeTool(os.Args[2], os.Args[3])
		case deedWord:
			if err := deeds[os.Args[3]].do(os.Args[2]); err != nil {
				fmt.Println(err)
			}
			os.Exit(7)
		}
	}
	os.Exit(m.Run())
}

// outcome runs the test binary and gives what it printed and whether a filter killed it.
func outcome(t *testing.T, words ...string) (says string, killed bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0], words...)
	cmd.Env = []string{}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatalf("%q: %v, %s", words, err, out)
	}
	status := exit.Sys().(syscall.WaitStatus)
	killed = status.Signaled() && status.Signal() == syscall.SIGSYS
	if !killed && status.ExitStatus() != 7 {
		t.Errorf("%q: %v, %s", words, err, out)
	}
	return strings.TrimSpace(string(out)), killed
}

func guest(number string) {
	nr, err := strconv.Atoi(number)
	if err == nil {
		err = Guests()
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	done := make(chan syscall.Errno)
	go func() { // on whatever thread
		_, _, errno := syscall.RawSyscall6(uintptr(nr), 0, 0, 0, 0, 0, 0)
		done <- errno
	}()
	fmt.Println("errno", int(<-done))
	os.Exit(7)
}

// A forbidden call kills; the others are as they were.
func TestGuests(t *testing.T) {
	for name, c := range map[string]struct {
		nr     int
		killed bool
		says   string
	}{
		"getpid": {unix.SYS_GETPID, false, "errno 0"},
		"clone3": {unix.SYS_CLONE3, false, fmt.Sprint("errno ", int(unix.ENOSYS))},
		"execve": {unix.SYS_EXECVE, true, ""}, "ptrace": {unix.SYS_PTRACE, true, ""}, "mount": {unix.SYS_MOUNT, true, ""},
		"setuid": {unix.SYS_SETUID, true, ""}, "io_uring_setup": {unix.SYS_IO_URING_SETUP, true, ""},
		"bpf": {unix.SYS_BPF, true, ""},
	} {
		if says, killed := outcome(t, guestWord, strconv.Itoa(c.nr)); killed != c.killed || says != c.says {
			t.Errorf("%s: killed: %v, %q", name, killed, says)
		}
	}
}

func becomeTool(dir, deed string) {
	runtime.LockOSThread()
	self, err := os.Executable()
	if err == nil {
		err = Tool(Files{Execute: []string{self}, Read: []string{filepath.Join(dir, "read")},
			Write: filepath.Join(dir, "write")}, false)
	}
	if err == nil {
		err = unix.Exec(self, []string{self, deedWord, dir, deed}, []string{})
	}
	fmt.Println("not confined:", err)
	os.Exit(1)
}

// deed is what a tool tries. It is killed, or gets an error that says so, or none.
type deed struct {
	do     func(dir string) error
	killed bool
	says   string
}

// call makes a system call.
func call(nr uintptr, args ...uintptr) func(string) error {
	return func(string) error {
		var a [6]uintptr
		copy(a[:], args)
		if _, _, errno := syscall.RawSyscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5]); errno != 0 {
			return errno
		}
		return nil
	}
}

func read(name string) func(string) error {
	return func(dir string) error {
		_, err := os.ReadFile(filepath.Join(dir, name))
		return err
	}
}

func list(name string) func(string) error {
	return func(dir string) error {
		_, err := os.ReadDir(filepath.Join(dir, name))
		return err
	}
}

func write(name string) func(string) error {
	return func(dir string) error { return os.WriteFile(filepath.Join(dir, name), nil, 0o700) }
}

func open(name string, flags int) func(string) error {
	return func(dir string) error {
		_, err := unix.Open(filepath.Join(dir, name), flags, 0o600)
		return err
	}
}

const denied13, denied1 = "permission denied", "operation not permitted"

var deeds = map[string]deed{
	"nothing":                  {do: func(string) error { return nil }},
	"read what it may":         {do: read("read/file")},
	"list what it may":         {do: list("read")},
	"write what it may":        {do: write("write/new")},
	"empty what it may":        {do: open("write/file", unix.O_WRONLY|unix.O_TRUNC)},
	"read another":             {do: read("other/file"), says: denied13},
	"read a system's file":     {do: func(string) error { return read("passwd")("/etc") }, says: denied13},
	"read a process's memory":  {do: func(string) error { return read("1/environ")("/proc") }, says: denied13},
	"list another":             {do: list(""), says: denied13},
	"write what is to be read": {do: write("read/file"), says: denied13},
	"write another":            {do: write("other/file"), says: denied13},
	"make another":             {do: write("other/new"), says: denied13},
	"remove another": {do: func(dir string) error { return os.Remove(filepath.Join(dir, "other/file")) },
		says: denied13},
	"move another": {do: func(dir string) error {
		return os.Rename(filepath.Join(dir, "other/file"), filepath.Join(dir, "write/moved"))
	}, says: denied13},
	"link another": {do: func(dir string) error {
		return os.Link(filepath.Join(dir, "other/file"), filepath.Join(dir, "write/link"))
	}, says: "cross-device"},
	"a link to another": {do: func(dir string) error {
		return os.Symlink(filepath.Join(dir, "other"), filepath.Join(dir, "write/link"))
	}, says: denied13},
	"empty another by reading": {do: open("other/file", unix.O_RDONLY|unix.O_TRUNC), killed: true},
	"truncate another": {do: func(dir string) error { return os.Truncate(filepath.Join(dir, "other/file"), 0) },
		killed: true},
	"change a mode": {do: func(dir string) error { return os.Chmod(filepath.Join(dir, "other/file"), 0o777) },
		killed: true},
	"execute another program": {do: func(string) error {
		return unix.Exec("/bin/true", []string{"true"}, []string{})
	}, says: denied13},
	"execute what it wrote": {do: func(dir string) error {
		self, err := os.ReadFile(os.Args[0])
		path := filepath.Join(dir, "write/program")
		if err := errors.Join(err, os.WriteFile(path, self, 0o700)); err != nil {
			return err
		}
		return unix.Exec(path, []string{path, guestWord, "0"}, []string{})
	}, says: denied13},
	"another process":       {do: call(unix.SYS_CLONE, uintptr(unix.SIGCHLD)), says: denied1},
	"a socket":              {do: call(unix.SYS_SOCKET, unix.AF_INET, unix.SOCK_STREAM, 0), killed: true},
	"a socket of the host":  {do: call(unix.SYS_SOCKET, unix.AF_UNIX, unix.SOCK_STREAM, 0), killed: true},
	"trace":                 {do: call(unix.SYS_PTRACE, unix.PTRACE_TRACEME), killed: true},
	"a namespace":           {do: call(unix.SYS_UNSHARE, unix.CLONE_NEWUSER), killed: true},
	"a signal to itself":    {do: func(string) error { return unix.Kill(os.Getpid(), 0) }},
	"a signal to another":   {do: func(string) error { return unix.Kill(os.Getppid(), 0) }, killed: true},
	"a signal to everybody": {do: func(string) error { return unix.Kill(-1, 0) }, killed: true},
	"another's limits": {do: func(string) error {
		return unix.Prlimit(os.Getppid(), unix.RLIMIT_CPU, nil, &unix.Rlimit{})
	}, killed: true},
	"its own limits": {do: func(string) error { return unix.Getrlimit(unix.RLIMIT_CPU, &unix.Rlimit{}) }},
	"be root": {do: func(string) error {
		var have [2]unix.CapUserData
		err := unix.Capget(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &have[0])
		if have != ([2]unix.CapUserData{}) {
			err = fmt.Errorf("has capabilities %x", have)
		}
		return err
	}},
	"an attribute": {do: func(dir string) error {
		path, _ := unix.BytePtrFromString(filepath.Join(dir, "other/file"))
		return call(unix.SYS_SETXATTR, uintptr(unsafe.Pointer(path)))(dir)
	}, killed: true},
}

// A tool reaches the files that it is given, and nothing else of the machine.
func TestTool(t *testing.T) {
	if !HasLandlock() {
		t.Skip("the kernel has no Landlock")
	}
	for name, d := range deeds {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, sub := range []string{"read", "write", "other"} {
				if err := errors.Join(os.Mkdir(filepath.Join(dir, sub), 0o700),
					os.WriteFile(filepath.Join(dir, sub, "file"), []byte("what was there"), 0o600)); err != nil {
					t.Fatal(err)
				}
			}
			says, killed := outcome(t, toolWord, dir, name)
			if killed != d.killed || !killed && (d.says == "" && says != "" || !strings.Contains(says, d.says)) {
				t.Errorf("killed: %v, %q; want %v, %q", killed, says, d.killed, d.says)
			}
			for _, sub := range []string{"read", "other"} {
				if b, err := os.ReadFile(filepath.Join(dir, sub, "file")); err != nil || string(b) != "what was there" {
					t.Errorf("%s: %q, %v", sub, b, err)
				}
			}
		})
	}
}
