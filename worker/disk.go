package worker

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// A job that starts on a full disk can't be compiled, and its output is lost: a worker asks for no new ones until there
// is space again. Coming back takes a little more free space than staying, so that the state does not flip all the
// time.
const (
	diskReserve = 64 << 20
	diskRegain  = 2 * diskReserve
)

// disks watches the space where a worker writes. Only the session's goroutine uses it.
type disks struct {
	dirs []string
	free func(dir string) (uint64, error)
	full bool
}

// trouble is the reason why no job should come, "" if there is none.
func (d *disks) trouble() string {
	need := uint64(diskReserve)
	if d.full {
		need = diskRegain
	}
	d.full = false
	for _, dir := range d.dirs {
		if free, err := d.free(dir); err == nil && free < need {
			d.full = true
			return fmt.Sprintf("its disk is full: less than %d MiB are free in %s", need>>20, dir)
		}
	}
	return ""
}

func freeSpace(dir string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return st.Bavail * uint64(st.Bsize), nil
}
