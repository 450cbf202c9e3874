package control

import (
	"time"

	"golang.org/x/sys/unix"
)

// Instant is a moment on the machine's boot clock, in nanoseconds: the one clock that an agent, its successor and their
// executors share, that nobody can set, and that goes on while the machine sleeps. 0 is no moment.
type Instant uint64

// Now reads the boot clock.
func Now() Instant {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		panic("control: the machine has no boot clock: " + err.Error()) // every Linux since 2.6.39 has it
	}
	return Instant(t.Nano())
}

// Add is the moment d later.
func (i Instant) Add(d time.Duration) Instant { return i + Instant(d) }

// Until is how far off the moment is; negative when it has passed.
func (i Instant) Until(now Instant) time.Duration { return time.Duration(i - now) }
