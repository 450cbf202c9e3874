package executor

import "golang.org/x/sys/unix"

const (
	auditArch   = unix.AUDIT_ARCH_AARCH64
	foreignFrom = 0 // nothing
)

// deniedHere are calls that only this machine has.
var deniedHere []uint32
