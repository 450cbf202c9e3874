package executor

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// confine gives up, for good, what neither ranks nor a compiler need of the kernel: new privileges, other programs,
// other processes' memory, mounts, namespaces, modules, keys. A forbidden call kills the process: nothing of ours makes
// one, so it comes from code that has broken out of the sandbox.
//
// It is a list of what is forbidden, not of what is allowed: Go's runtime and the engine may use other calls with every
// version, and a job that dies of one that was forgotten is worse than a call too many behind two other barriers.
func confine() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up new privileges: %w", err)
	}
	filter := denial()
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	// For all threads: those that Go has started by now too, which get no_new_privs by it as well.
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC,
		uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return fmt.Errorf("install the filter of system calls: %w", errno)
	}
	return nil
}

// denied are the calls that kill, on every machine.
var denied = []uint32{
	// other programs, and what is not this process's
	unix.SYS_EXECVE, unix.SYS_EXECVEAT, unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV,
	unix.SYS_PIDFD_GETFD,
	unix.SYS_KCMP,
	// the file system's shape, and ways around its paths
	unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_OPEN_TREE, unix.SYS_MOVE_MOUNT,
	unix.SYS_FSOPEN,
	unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK, unix.SYS_MOUNT_SETATTR, unix.SYS_NAME_TO_HANDLE_AT,
	unix.SYS_OPEN_BY_HANDLE_AT,
	unix.SYS_QUOTACTL, unix.SYS_QUOTACTL_FD, unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_ACCT,
	// namespaces and identities
	unix.SYS_SETNS, unix.SYS_UNSHARE, unix.SYS_SETUID, unix.SYS_SETGID, unix.SYS_SETREUID, unix.SYS_SETREGID,
	unix.SYS_SETRESUID,
	unix.SYS_SETRESGID, unix.SYS_SETGROUPS, unix.SYS_SETFSUID, unix.SYS_SETFSGID, unix.SYS_CAPSET, unix.SYS_SETHOSTNAME,
	unix.SYS_SETDOMAINNAME,
	// the kernel's inside
	unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE, unix.SYS_KEXEC_LOAD, unix.SYS_KEXEC_FILE_LOAD,
	unix.SYS_BPF,
	unix.SYS_PERF_EVENT_OPEN, unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
	unix.SYS_ADD_KEY,
	unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL, unix.SYS_REBOOT, unix.SYS_SYSLOG, unix.SYS_PERSONALITY, unix.SYS_SETTIMEOFDAY,
	unix.SYS_CLOCK_SETTIME, unix.SYS_ADJTIMEX, unix.SYS_CLOCK_ADJTIME,
}

// Offsets in the kernel's struct seccomp_data.
const (
	offNumber = 0
	offArch   = 4
	offArg0   = 16
)

// newNamespaces are the flags of clone that make some.
const newNamespaces = unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWUSER |
	unix.CLONE_NEWPID |
	unix.CLONE_NEWNET | unix.CLONE_NEWCGROUP

// denial is the filter. Every jump is short and forward: each check stands alone and ends in its own return.
func denial() []unix.SockFilter {
	load := func(at uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
	}
	ret := func(v uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: v} }
	// skip jumps over the next instruction unless the accumulator fits.
	skip := func(op uint16, k uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | op | unix.BPF_K, Jt: 0, Jf: 1, K: k}
	}
	const kill = unix.SECCOMP_RET_KILL_PROCESS
	f := []unix.SockFilter{
		load(offArch),
		// another machine's calls have other numbers
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: 1, Jf: 0, K: auditArch},
		ret(kill),
		load(offNumber),
	}
	for _, nr := range append(append([]uint32{}, denied...), deniedHere...) {
		f = append(f, skip(unix.BPF_JEQ, nr), ret(kill))
	}
	if foreignFrom != 0 {
		f = append(f, skip(unix.BPF_JGE, foreignFrom), ret(kill))
	}
	return append(f,
		// clone3's flags are in memory, where a filter can't look: callers fall back to clone.
		skip(unix.BPF_JEQ, unix.SYS_CLONE3), ret(unix.SECCOMP_RET_ERRNO|uint32(unix.ENOSYS)),
		unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: 0, Jf: 3, K: unix.SYS_CLONE},
		load(offArg0), skip(unix.BPF_JSET, newNamespaces), ret(kill),
		ret(unix.SECCOMP_RET_ALLOW))
}
