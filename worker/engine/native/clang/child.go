package clang

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/worker/confine"
)

// exitUnbound is Main's status when it could not confine itself, or start the compiler.
const exitUnbound = 125

// maxFiles bounds the files that a compiler has open.
const maxFiles = 256

// stackSize is for deeply nested code: clang parses it by recursion.
const stackSize = 256 << 20

// environment is all that a compiler gets: when it crashes, it is to end by its signal, and not to look for a program
// that would tell it where.
var environment = []string{"LLVM_DISABLE_SYMBOLIZATION=1"}

// Main is the compiler's process before it is one: it bounds and confines itself, and executes the compiler. It returns
// only if that fails, with an exit status. Go can't do this between making a process and executing a program in it, so
// that this program is started as its own child.
func Main(args []string, stderr io.Writer) int {
	flags := flag.NewFlagSet("clang", flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("dir", "", "the one directory that may be written")
	memory := flags.Uint64("memory", 0, "bytes of addresses")
	output := flags.Uint64("output", 0, "bytes of a file")
	seconds := flags.Uint64("seconds", 0, "seconds of processor time")
	lax := flags.Bool("lax", false, "go without Landlock where the kernel has none")
	idle := flags.Bool("idle", false, "run at the lowest priority")
	files := confine.Files{}
	flags.Func("execute", "a program that may be executed", func(path string) error {
		files.Execute = append(files.Execute, path)
		return nil
	})
	flags.Func("read", "a file or directory that may be read", func(path string) error {
		files.Read = append(files.Read, path)
		return nil
	})
	if flags.Parse(args) != nil || flags.NArg() == 0 || *dir == "" {
		fmt.Fprintln(stderr, "faasmrun clang: only a worker starts this verb")
		return exitUnbound
	}
	files.Write = *dir
	runtime.LockOSThread() // limits and rights of this thread are what the compiler gets
	err := prioritize(*idle)
	if err == nil {
		err = limit(*output, *seconds)
	}
	if err == nil {
		err = confine.Tool(files, *lax)
	}
	if err == nil {
		err = execute(flags.Args(), *memory)
	}
	fmt.Fprintln(stderr, "faasmrun clang:", err)
	return exitUnbound
}

// execute bounds the memory of this process and executes a program in its place. Go's own addresses may be more than
// that: whatever its runtime asks for in between it would not get, and be at its end.
func execute(args []string, memory uint64) error {
	path, err := syscall.BytePtrFromString(args[0])
	if err != nil {
		return err
	}
	words, err := syscall.SlicePtrFromStrings(args)
	if err != nil {
		return err
	}
	env, err := syscall.SlicePtrFromStrings(environment)
	if err != nil {
		return err
	}
	debug.SetGCPercent(-1)
	if err := setLimit(unix.RLIMIT_AS, memory, memory); err != nil {
		return err
	}
	_, _, errno := syscall.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(path)), uintptr(unsafe.Pointer(&words[0])),
		uintptr(unsafe.Pointer(&env[0])))
	return errno
}

// prioritize puts the compiler behind ranks, and has the kernel kill it first when memory ends.
func prioritize(idle bool) error {
	os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0) // where there is no such file it is as it was
	if !idle {
		return nil
	}
	if err := unix.SchedSetAttr(0, &unix.SchedAttr{Policy: unix.SCHED_BATCH, Nice: lowest}, 0); err != nil {
		return fmt.Errorf("give up priority: %w", err)
	}
	return nil
}

// lowest is the priority of what runs when nobody else wants to.
const lowest = 19

func limit(output, seconds uint64) error {
	unix.Umask(0o077)
	for _, l := range []struct {
		which      int
		soft, hard uint64
	}{
		{unix.RLIMIT_CPU, seconds, seconds + 1}, // the first has the kernel say so
		{unix.RLIMIT_FSIZE, output, output},
		{unix.RLIMIT_NOFILE, maxFiles, maxFiles},
		{unix.RLIMIT_CORE, 0, 0},
		{unix.RLIMIT_STACK, stackSize, stackSize},
	} {
		if err := setLimit(l.which, l.soft, l.hard); err != nil {
			return err
		}
	}
	return nil
}

// setLimit sets a limit, or as much of it as an administrator has left.
func setLimit(which int, soft, hard uint64) error {
	var old unix.Rlimit
	if err := unix.Getrlimit(which, &old); err != nil {
		return fmt.Errorf("bound the compiler: %w", err)
	}
	hard = min(hard, old.Max)
	// By this package Go knows that it is not to restore the number of files.
	if err := syscall.Setrlimit(which, &syscall.Rlimit{Cur: min(soft, hard), Max: hard}); err != nil {
		return fmt.Errorf("bound the compiler: %w", err)
	}
	return nil
}
