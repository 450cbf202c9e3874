package child

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// ArmWatch makes the kernel kill this process when the other end of the pipe fd is closed: when the process that
// holds it ends, for whatever reason. No goroutine of ours is needed for it, so it works while all processors run
// ranks, and on a stopped process. (PR_SET_PDEATHSIG would follow the thread that started us instead of its process.)
func ArmWatch(fd int) error {
	if err := signalOnClose(fd); err != nil {
		return fmt.Errorf("descriptor %d is no pipe to an agent: %w", fd, err)
	}
	// The other end may have been closed before; then nothing more will happen to the pipe.
	polled := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	if _, err := unix.Poll(polled, 0); err == nil && polled[0].Revents&unix.POLLHUP != 0 {
		return fmt.Errorf("descriptor %d: its other end is closed", fd)
	}
	return nil
}

func signalOnClose(fd int) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFIFO { // others may take the settings and never signal
		return unix.ENOTSUP
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETOWN, unix.Getpid()); err != nil {
		return err
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETSIG, int(unix.SIGKILL)); err != nil {
		return err
	}
	if err := setAsync(fd, unix.O_ASYNC); err != nil {
		return err
	}
	unix.CloseOnExec(fd)
	return nil
}

func setAsync(fd, to int) error {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return err
	}
	_, err = unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags&^unix.O_ASYNC|to)
	return err
}

// DisarmWatch undoes ArmWatch.
func DisarmWatch(fd int) error {
	if err := setAsync(fd, 0); err != nil {
		return fmt.Errorf("disarm the agent watch at descriptor %d: %w", fd, err)
	}
	return nil
}
