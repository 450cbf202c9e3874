// Package private owns what makes a directory its user's alone: journals, workers' state and jobs' output hold the
// environments of all tenants. What is put into such a directory is its user's matter.
package private

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Dir makes a directory that its user alone may enter. One that is there and open to others is closed if it is the
// user's own, and refused otherwise: its owner could read, or exchange, what is in it. The directories above are left
// as they are, since they may hold more than ours.
func Dir(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	// looked at and changed is one and the same
	d, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer d.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(d.Fd()), &st); err != nil {
		return &os.PathError{Op: "stat", Path: path, Err: err}
	}
	if st.Uid != uint32(os.Geteuid()) {
		return fmt.Errorf("%s belongs to user %d, and this is user %d: give it a directory of its own, or its owner's "+
			"rights to this user (chown)",
			path, st.Uid, os.Geteuid())
	}
	if st.Mode&0o077 == 0 {
		return nil
	}
	return d.Chmod(0o700)
}
