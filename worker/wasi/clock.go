package wasi

import (
	"time"

	"golang.org/x/sys/unix"
)

// Clock identifiers of the specification.
const (
	clockRealtime = iota
	clockMonotonic
	clockProcessCPU
	clockThreadCPU
)

// clock is a rank's time, plain data because it travels in images.
//
// The monotonic clock is the host's plus offset. Ranks of one node thus agree on it, as processes would, and a rank
// restored elsewhere gets the offset with which its clock goes on where it stood.
//
// The CPU-time clocks show the monotonic time since the rank's start less what it waited: asleep, for input, for other
// ranks. What the kernel knows is the time of the whole executor, which many ranks share, and goroutines have none.
// Where ranks outnumber the processors, what a rank waits for one of them counts as its own.
type clock struct {
	offset  time.Duration
	started time.Duration // monotonic time of the rank's start
}

func newClock() clock {
	var c clock
	c.started = c.monotonic()
	return c
}

// epoch ties Go's monotonic time, which has no absolute value but costs no system call, to the host's clock.
var epoch, epochMonotonic = func() (time.Time, time.Duration) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return time.Now(), 0 // any start will do for a monotonic clock
	}
	return time.Now(), time.Duration(ts.Nano())
}()

func (c *clock) monotonic() time.Duration { return epochMonotonic + time.Since(epoch) + c.offset }

// now returns a clock's time in nanoseconds, or false for an unknown clock.
func (p *Process) now(id uint32) (time.Duration, bool) {
	c := &p.clock
	switch id {
	case clockRealtime:
		return time.Duration(time.Now().UnixNano()), true
	case clockMonotonic:
		return c.monotonic(), true
	case clockProcessCPU, clockThreadCPU:
		return p.cpuTime(), true
	}
	return 0, false
}

// clock_time_get(id u32, precision u64, time *u64): nanoseconds. EINVAL for an unknown clock, EFAULT.
func clockTimeGet(p *Process, a args) errno {
	now, ok := p.now(a.u32(0))
	if !ok {
		return eINVAL
	}
	return p.mem().putU64(a.ptr(2), uint64(now))
}

// clock_res_get(id u32, resolution *u64): one nanosecond, as Linux answers. EINVAL for an unknown clock, EFAULT.
func clockResGet(p *Process, a args) errno {
	if a.u32(0) > clockThreadCPU {
		return eINVAL
	}
	return p.mem().putU64(a.ptr(1), 1)
}
