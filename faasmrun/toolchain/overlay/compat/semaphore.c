/* Semaphores without names. Those with names belong to several processes. */
#include <semaphore.h>
#include "thread.h"

#define S_VALUE(s) (&(s)->__val[0])
#define S_SLEEPERS(s) (&(s)->__val[1])

static int failed(int err)
{
	errno = err;
	return -1;
}

WEAK int sem_init(sem_t *s, int shared, unsigned value)
{
	if (value > SEM_VALUE_MAX) {
		return failed(EINVAL);
	}
	if (shared) {
		return failed(ENOSYS);
	}
	memset(s, 0, sizeof *s);
	*S_VALUE(s) = value;
	return 0;
}

WEAK int sem_destroy(sem_t *s) { return 0; }
WEAK int sem_getvalue(sem_t *restrict s, int *restrict value) { *value = load(S_VALUE(s)); return 0; }

WEAK int sem_post(sem_t *s)
{
	for (int value = load(S_VALUE(s));;) {
		if (value == SEM_VALUE_MAX) {
			return failed(EOVERFLOW);
		}
		int seen = cas(S_VALUE(s), value, value + 1);
		if (seen == value) {
			break;
		}
		value = seen;
	}
	if (load(S_SLEEPERS(s))) {
		wake(S_VALUE(s), 1);
	}
	return 0;
}

static int take(sem_t *s)
{
	for (int value = load(S_VALUE(s)); value > 0;) {
		int seen = cas(S_VALUE(s), value, value - 1);
		if (seen == value) {
			return 1;
		}
		value = seen;
	}
	return 0;
}

WEAK int sem_trywait(sem_t *s) { return take(s) ? 0 : failed(EAGAIN); }

static int wait(sem_t *s, clockid_t clock, const struct timespec *until)
{
	while (!take(s)) {
		long long left = FOREVER;
		if (until && (left = __faasmrun_left(clock, until)) <= 0) {
			return failed(left < 0 ? EINVAL : ETIMEDOUT);
		}
		__sync_fetch_and_add(S_SLEEPERS(s), 1);
		int how = wait_for(S_VALUE(s), 0, left, IN_SEM_WAIT);
		__sync_fetch_and_sub(S_SLEEPERS(s), 1);
		(void)how;
	}
	return 0;
}

WEAK int sem_wait(sem_t *s) { return wait(s, 0, NULL); }
WEAK int sem_timedwait(sem_t *restrict s, const struct timespec *restrict until) { return wait(s, CLOCK_REALTIME, until); }
WEAK int sem_clockwait(sem_t *restrict s, clockid_t clock, const struct timespec *restrict until)
{
	return clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC ? failed(EINVAL) : wait(s, clock, until);
}

FAILS(ENOSYS) sem_t *sem_open(const char *name, int flags, ...) { errno = ENOSYS; return SEM_FAILED; }
WEAK int sem_close(sem_t *s) { return failed(EINVAL); }
WEAK int sem_unlink(const char *name) { return failed(ENOENT); }
