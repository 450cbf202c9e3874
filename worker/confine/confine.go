// Package confine takes from a process of ours, for good, what it does not need of the kernel: from executors and
// compile children, which run or read what outsiders wrote, and from the C compiler before it is started. It knows
// system calls and files. Which files those are, limits of memory and time, and what becomes of a process that is
// killed it leaves to whoever confines itself.
//
// Its lists are of what is forbidden, not of what is allowed: Go's runtime, an engine or a compiler may use other calls
// with every version, and a job that dies of one that was forgotten is worse than a call too many behind two other
// barriers.
package confine

import (
	"errors"
	"fmt"
	"os"

	"github.com/landlock-lsm/go-landlock/landlock"
	landlocksys "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// Guests confines a process that runs or compiles programs: no new privileges, no other programs, no other processes'
// memory, no mounts, namespaces, kernel modules or keys. A forbidden call kills the process: nothing of ours makes one,
// so it comes from code that has broken out of its sandbox.
func Guests() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up new privileges: %w", err)
	}
	return install(guests())
}

// ErrNoLandlock is of a kernel that can't bound which files a process reaches.
var ErrNoLandlock = errors.New("the kernel has no Landlock, by which a compiler is kept from other files")

// HasLandlock reports whether the kernel can bound which files a process reaches.
func HasLandlock() bool {
	version, err := landlocksys.LandlockGetABIVersion()
	return err == nil && version >= 1
}

// Files are all that a tool can reach. Names of files are not hidden from it: the kernel has no means against looking.
type Files struct {
	Execute []string // programs, and the loader that they name
	Read    []string // files, and directories with all below them
	Write   string   // a directory in which it reads, writes, makes and removes files; none of them can be executed
}

// Tool confines the calling thread's process to be: a program that is about to be executed on this thread, which
// reads files and writes others, in one process. Beyond what Guests forbids, it has no network, no messages or memory
// shared with other processes, sends no signals to them, and starts none; where it is root, it has none of root's
// capabilities. The caller has locked the goroutine to its thread. lax has it go without Landlock where the kernel
// has none.
func Tool(files Files, lax bool) error {
	if err := dropCapabilities(); err != nil {
		return err
	}
	if HasLandlock() {
		if err := bound(files); err != nil {
			return err
		}
	} else if !lax {
		return ErrNoLandlock
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up new privileges: %w", err)
	}
	return install(tools(uint32(os.Getpid())))
}

const (
	readFile = unix.LANDLOCK_ACCESS_FS_READ_FILE
	readDir  = readFile | unix.LANDLOCK_ACCESS_FS_READ_DIR
	writeDir = readDir | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_MAKE_REG |
		unix.LANDLOCK_ACCESS_FS_REMOVE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE
)

// bound has the kernel refuse every other file. Older kernels have fewer rights to refuse: what they lack, the filter
// of system calls forbids.
func bound(files Files) error {
	rules := []landlock.Rule{
		landlock.PathAccess(readFile|unix.LANDLOCK_ACCESS_FS_EXECUTE, files.Execute...),
		landlock.PathAccess(writeDir, files.Write),
		landlock.PathAccess(readFile|unix.LANDLOCK_ACCESS_FS_WRITE_FILE, os.DevNull),
	}
	for _, path := range files.Read {
		st, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("bound the files that a compiler reaches: %w", err)
		}
		access := landlock.AccessFSSet(readFile)
		if st.IsDir() {
			access = readDir
		}
		rules = append(rules, landlock.PathAccess(access, path))
	}
	if err := landlock.V11.BestEffort().Restrict(rules...); err != nil {
		return fmt.Errorf("bound the files that a compiler reaches: %w", err)
	}
	return nil
}

// noRoot are the kernel's bits SECBIT_NOROOT, NO_SETUID_FIXUP and KEEP_CAPS' lock, and locks of the others, by which
// user 0 gets no capabilities when it executes something.
const noRoot = 1<<0 | 1<<1 | 1<<2 | 1<<3 | 1<<5

// dropCapabilities has root be a user without any, in what it executes too. They belong to a thread.
func dropCapabilities() error {
	if os.Geteuid() != 0 {
		return nil
	}
	err := unix.Prctl(unix.PR_SET_SECUREBITS, noRoot, 0, 0, 0)
	if err == nil {
		none := [2]unix.CapUserData{}
		err = unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &none[0])
	}
	if err == unix.EPERM {
		return nil // root of a container, who has none that would let it do so
	}
	if err != nil {
		return fmt.Errorf("give up root's capabilities: %w", err)
	}
	return nil
}
