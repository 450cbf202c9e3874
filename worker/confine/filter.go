package confine

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// denied are the calls that kill, on every machine.
var denied = []uint32{
	// what is not this process's
	unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PIDFD_GETFD, unix.SYS_KCMP,
	unix.SYS_EXECVEAT,
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

// deniedTools are those that kill a tool, too.
var deniedTools = []uint32{
	// the network, and sockets on the machine
	unix.SYS_SOCKET, unix.SYS_SOCKETPAIR, unix.SYS_BIND, unix.SYS_CONNECT, unix.SYS_LISTEN, unix.SYS_ACCEPT,
	unix.SYS_ACCEPT4,
	unix.SYS_SENDTO, unix.SYS_SENDMSG, unix.SYS_SENDMMSG,
	// other processes
	unix.SYS_TKILL, unix.SYS_PIDFD_OPEN, unix.SYS_PIDFD_SEND_SIGNAL, unix.SYS_RT_SIGQUEUEINFO, unix.SYS_RT_TGSIGQUEUEINFO,
	unix.SYS_PROCESS_MADVISE, unix.SYS_MIGRATE_PAGES, unix.SYS_MOVE_PAGES,
	unix.SYS_SHMGET, unix.SYS_SHMAT, unix.SYS_SHMCTL, unix.SYS_MSGGET, unix.SYS_MSGSND, unix.SYS_MSGRCV, unix.SYS_SEMGET,
	unix.SYS_MQ_OPEN, unix.SYS_FANOTIFY_INIT, unix.SYS_USERFAULTFD,
	// what Landlock does not see: attributes and owners of files, and their lengths on kernels before 6.2
	unix.SYS_TRUNCATE, unix.SYS_FCHMODAT, unix.SYS_FCHOWNAT, unix.SYS_FCHOWN, unix.SYS_SETXATTR, unix.SYS_LSETXATTR,
	unix.SYS_FSETXATTR, unix.SYS_REMOVEXATTR, unix.SYS_LREMOVEXATTR, unix.SYS_FREMOVEXATTR, unix.SYS_UTIMENSAT,
	unix.SYS_FCHMODAT2,
}

// Offsets in the kernel's struct seccomp_data.
const (
	offNumber = 0
	offArch   = 4
	offArgs   = 16 // 8 bytes each, the lower half first
)

const kill = unix.SECCOMP_RET_KILL_PROCESS

// newNamespaces are the flags of clone that make some.
const newNamespaces = unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWUSER |
	unix.CLONE_NEWPID |
	unix.CLONE_NEWNET | unix.CLONE_NEWCGROUP

// filter is one under construction. The accumulator holds the call's number before each check and after it: each stands
// alone, and jumps only forward over a few instructions of its own.
type filter []unix.SockFilter

func load(at uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
}

func arg(n uint32) unix.SockFilter { return load(offArgs + 8*n) }

func ret(v uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: v} }

func refuse(errno unix.Errno) unix.SockFilter { return ret(unix.SECCOMP_RET_ERRNO | uint32(errno)) }

func and(mask uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: mask}
}

// when jumps over so many instructions unless the accumulator compares.
func when(op uint16, k uint32, n uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | op | unix.BPF_K, Jt: 0, Jf: n, K: k}
}

// unless jumps over so many instructions when the accumulator compares.
func unless(op uint16, k uint32, n uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | op | unix.BPF_K, Jt: n, Jf: 0, K: k}
}

// on has a call checked by instructions of its own; one that they do not decide is checked on.
func (f *filter) on(number uint32, body ...unix.SockFilter) {
	*f = append(*f, when(unix.BPF_JEQ, number, uint8(len(body)+1)))
	*f = append(append(*f, body...), load(offNumber))
}

func (f *filter) kill(numbers ...uint32) {
	for _, nr := range numbers {
		*f = append(*f, when(unix.BPF_JEQ, nr, 1), ret(kill))
	}
}

// begin is what every filter begins with.
func begin() filter {
	f := filter{
		load(offArch),
		unless(unix.BPF_JEQ, auditArch, 1), // another machine's calls have other numbers
		ret(kill),
		load(offNumber),
	}
	if foreignFrom != 0 {
		f = append(f, when(unix.BPF_JGE, foreignFrom, 1), ret(kill))
	}
	f.kill(denied...)
	f.kill(deniedHere...)
	// clone3's flags are in memory, where a filter can't look: callers fall back to clone.
	f.on(unix.SYS_CLONE3, refuse(unix.ENOSYS))
	f.on(unix.SYS_CLONE, arg(0), when(unix.BPF_JSET, newNamespaces, 1), ret(kill))
	return f
}

// guests is the filter of executors and compile children.
func guests() filter {
	f := begin()
	f.kill(unix.SYS_EXECVE)
	f.kill(forks...)
	return append(f, ret(unix.SECCOMP_RET_ALLOW))
}

// tools is the filter of a compiler, which this process is about to become, with this number.
func tools(pid uint32) filter {
	f := begin()
	f.kill(deniedTools...)
	f.kill(deniedToolsHere...)
	// A compiler that wants another process goes on without.
	for _, nr := range forks {
		f.on(nr, refuse(unix.EPERM))
	}
	f.on(unix.SYS_CLONE, arg(0), unless(unix.BPF_JSET, unix.CLONE_THREAD, 1), refuse(unix.EPERM))
	for _, nr := range []uint32{unix.SYS_KILL, unix.SYS_TGKILL} { // abort sends itself one
		f.on(nr, arg(0), unless(unix.BPF_JEQ, pid, 1), ret(kill))
	}
	// getrlimit is this call; limits of others can be changed by it, too.
	f.on(unix.SYS_PRLIMIT64, arg(0), unless(unix.BPF_JEQ, 0, 2), unless(unix.BPF_JEQ, pid, 1), ret(kill))
	// Files that are opened to be read only, and emptied: before kernel 6.2 Landlock lets that pass.
	f.on(unix.SYS_OPENAT2, refuse(unix.ENOSYS)) // its flags are in memory
	f.on(unix.SYS_OPENAT, emptying(2)...)
	for _, nr := range opens {
		f.on(nr, emptying(1)...)
	}
	return append(f, ret(unix.SECCOMP_RET_ALLOW))
}

// emptying kills an open that reads only and empties the file, by its flags in an argument.
func emptying(n uint32) []unix.SockFilter {
	return []unix.SockFilter{arg(n), and(unix.O_TRUNC | unix.O_ACCMODE),
		when(unix.BPF_JEQ, unix.O_TRUNC|unix.O_RDONLY, 1), ret(kill)}
}

// install has the filter be in force for all threads: those that Go has started by now too, which get no_new_privs by
// it as well.
func install(f filter) error {
	program := unix.SockFprog{Len: uint16(len(f)), Filter: &f[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC,
		uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return fmt.Errorf("install the filter of system calls: %w", errno)
	}
	return nil
}
