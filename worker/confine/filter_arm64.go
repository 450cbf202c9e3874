package confine

import "golang.org/x/sys/unix"

const (
	auditArch   = unix.AUDIT_ARCH_AARCH64
	foreignFrom = 0 // nothing
)

// Calls that only this machine has: none.
var deniedHere, deniedToolsHere, forks, opens []uint32
