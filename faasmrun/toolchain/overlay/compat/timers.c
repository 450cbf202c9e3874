/*
 * Timers of POSIX, for programs that ask for what is left (SIGEV_NONE). One that is to send a signal or start a thread is refused
 * when it is made: the host keeps one timer for a rank, that of setitimer and alarm.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#define WEAK __attribute__((weak))
#define SECOND 1000000000LL

struct timer {
	clockid_t clock;
	long long ends, interval; /* in nanoseconds of the clock; 0: not armed */
};

static int wrong(int error)
{
	errno = error;
	return -1;
}

static int now(clockid_t clock, long long *t)
{
	struct timespec ts;
	if (clock_gettime(clock, &ts)) {
		return -1;
	}
	*t = ts.tv_sec * SECOND + ts.tv_nsec;
	return 0;
}

WEAK int timer_create(clockid_t clock, struct sigevent *restrict event, timer_t *restrict made)
{
	long long t;
	if (now(clock, &t)) {
		return -1;
	}
	if (!event || event->sigev_notify != SIGEV_NONE) {
		int known = !event || event->sigev_notify == SIGEV_SIGNAL || event->sigev_notify == SIGEV_THREAD ||
			event->sigev_notify == SIGEV_THREAD_ID;
		return wrong(known ? ENOTSUP : EINVAL);
	}
	struct timer *timer = calloc(1, sizeof *timer);
	if (!timer) {
		return wrong(EAGAIN);
	}
	timer->clock = clock;
	*made = timer;
	return 0;
}

WEAK int timer_delete(timer_t timer)
{
	free(timer);
	return 0;
}

static struct timespec spec(long long t) { return (struct timespec){ t / SECOND, t % SECOND }; }

static int valid(const struct timespec *t) { return t->tv_sec >= 0 && t->tv_nsec >= 0 && t->tv_nsec < SECOND; }

/* Beyond 292 years a timer never ends. */
static long long nanoseconds(const struct timespec *t)
{
	return t->tv_sec >= 9000000000LL ? 9000000000LL * SECOND : t->tv_sec * SECOND + t->tv_nsec;
}

WEAK int timer_gettime(timer_t which, struct itimerspec *value)
{
	struct timer *timer = which;
	long long t;
	if (now(timer->clock, &t)) {
		return -1;
	}
	if (timer->ends && timer->ends <= t) {
		timer->ends = timer->interval ? timer->ends + ((t - timer->ends) / timer->interval + 1) * timer->interval : 0;
	}
	value->it_interval = spec(timer->interval);
	value->it_value = spec(timer->ends ? timer->ends - t : 0);
	return 0;
}

WEAK int timer_settime(timer_t which, int flags, const struct itimerspec *restrict value, struct itimerspec *restrict before)
{
	struct timer *timer = which;
	long long t;
	if (!valid(&value->it_value) || !valid(&value->it_interval)) {
		return wrong(EINVAL);
	}
	if ((before && timer_gettime(which, before)) || now(timer->clock, &t)) {
		return -1;
	}
	long long length = nanoseconds(&value->it_value);
	timer->interval = nanoseconds(&value->it_interval);
	if (length == 0 || flags & TIMER_ABSTIME) {
		timer->ends = length;
	} else {
		timer->ends = length > 9000000000LL * SECOND - t ? 9000000000LL * SECOND : t + length;
	}
	return 0;
}

WEAK int timer_getoverrun(timer_t timer) { return 0; }
