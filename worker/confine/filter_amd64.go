package confine

import "golang.org/x/sys/unix"

const (
	auditArch = unix.AUDIT_ARCH_X86_64
	// foreignFrom is where the numbers of the x32 interface begin: the same calls once more.
	foreignFrom = 0x40000000
)

// Calls that only this machine has.
var (
	deniedHere      = []uint32{unix.SYS_IOPL, unix.SYS_IOPERM, unix.SYS_MODIFY_LDT, unix.SYS_USELIB}
	deniedToolsHere = []uint32{unix.SYS_CHMOD, unix.SYS_CHOWN, unix.SYS_LCHOWN, unix.SYS_UTIME, unix.SYS_UTIMES,
		unix.SYS_FUTIMESAT}
	forks = []uint32{unix.SYS_FORK, unix.SYS_VFORK}
	opens = []uint32{unix.SYS_OPEN}
)
