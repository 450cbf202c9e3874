/*
 * Sleeping, which a signal's handler interrupts, and processor time: that for which the rank did not wait. There are no children.
 */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>
#include <wasi/api.h>
#include "host.h"

#define WEAK __attribute__((weak))
#define SECOND 1000000000LL

static long long monotonic(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

WEAK int clock_nanosleep(clockid_t clock, int flags, const struct timespec *t, struct timespec *left)
{
	if (flags & ~TIMER_ABSTIME || t->tv_sec < 0 || t->tv_nsec < 0 || t->tv_nsec >= SECOND || clock == CLOCK_THREAD_CPUTIME_ID ||
		clock < CLOCK_REALTIME || clock > CLOCK_BOOTTIME) {
		return EINVAL;
	}
	if (clock == CLOCK_PROCESS_CPUTIME_ID || (clock >= CLOCK_MONOTONIC_RAW && clock <= CLOCK_MONOTONIC_COARSE)) {
		return ENOTSUP; /* who sleeps uses no processor time; Linux has no timers on the others */
	}
	__wasi_subscription_t wait = { .u.tag = __WASI_EVENTTYPE_CLOCK };
	wait.u.u.clock.id = clock != CLOCK_REALTIME ? __WASI_CLOCKID_MONOTONIC : __WASI_CLOCKID_REALTIME;
	wait.u.u.clock.flags = flags;
	wait.u.u.clock.timeout = t->tv_sec > 9000000000LL ? 9000000000LL * SECOND : t->tv_sec * SECOND + t->tv_nsec;
	long long began = monotonic();
	__wasi_size_t count;
	__wasi_event_t event;
	__wasi_errno_t error = __wasi_poll_oneoff(&wait, &event, 1, &count);
	if (error != EINTR) {
		return error ? error : event.error;
	}
	if (left && !flags) {
		long long rest = (long long)wait.u.u.clock.timeout - (monotonic() - began);
		rest = rest < 0 ? 0 : rest;
		*left = (struct timespec){ rest / SECOND, rest % SECOND };
	}
	return EINTR;
}

WEAK int nanosleep(const struct timespec *t, struct timespec *left)
{
	int error = clock_nanosleep(CLOCK_REALTIME, 0, t, left);
	if (error) {
		errno = error;
	}
	return error ? -1 : 0;
}

WEAK unsigned sleep(unsigned seconds)
{
	struct timespec t = { .tv_sec = seconds };
	return nanosleep(&t, &t) ? (unsigned)t.tv_sec + (t.tv_nsec >= SECOND / 2) : 0;
}

WEAK int usleep(useconds_t t)
{
	struct timespec wait = { t / 1000000, t % 1000000 * 1000L };
	return nanosleep(&wait, NULL);
}

WEAK int clock_getcpuclockid(pid_t process, clockid_t *clock)
{
	if (process != 0 && process != getpid()) {
		return ESRCH;
	}
	*clock = CLOCK_PROCESS_CPUTIME_ID;
	return 0;
}

WEAK int clock_settime(clockid_t clock, const struct timespec *t)
{
	errno = clock == CLOCK_REALTIME ? EPERM : EINVAL;
	return -1;
}

/* ---- Processor time ---- */

clock_t __clock(void) { return __faasmrun_host_cpu_time() / (SECOND / CLOCKS_PER_SEC); }
WEAK clock_t clock(void) { return __clock(); }

#define TICK (SECOND / 100) /* sysconf(_SC_CLK_TCK) */

WEAK clock_t times(struct tms *used)
{
	*used = (struct tms){ .tms_utime = __faasmrun_host_cpu_time() / TICK };
	return monotonic() / TICK;
}

/* All of it as user time, and the size of the linear memory in KiB: its high-water mark, for it never shrinks. */
WEAK int __faasmrun_getrusage(int who, struct rusage *usage)
{
	if (who != RUSAGE_SELF && who != RUSAGE_CHILDREN) {
		errno = EINVAL;
		return -1;
	}
	memset(usage, 0, sizeof *usage);
	if (who == RUSAGE_CHILDREN) {
		return 0;
	}
	long long used = __faasmrun_host_cpu_time();
	usage->ru_utime.tv_sec = used / SECOND;
	usage->ru_utime.tv_usec = used % SECOND / 1000;
	usage->ru_maxrss = __builtin_wasm_memory_size(0) * 64;
	return 0;
}
