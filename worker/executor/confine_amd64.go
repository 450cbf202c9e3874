package executor

import "golang.org/x/sys/unix"

const (
	auditArch = unix.AUDIT_ARCH_X86_64
	// foreignFrom is where the numbers of the x32 interface begin: the same calls once more.
	foreignFrom = 0x40000000
)

// deniedHere are calls that only this machine has.
var deniedHere = []uint32{unix.SYS_FORK, unix.SYS_VFORK, unix.SYS_IOPL, unix.SYS_IOPERM, unix.SYS_MODIFY_LDT,
	unix.SYS_USELIB}
