/*
 * Condition variables: a sequence number that every signal moves on. Those that wait are counted before they give the mutex back,
 * so that a signal for nobody costs no call of the host; the last to leave tells who destroys the variable.
 */
#include "thread.h"

#define C_SEQUENCE(c) (&(c)->__u.__vi[2])
#define C_WAITERS(c) (&(c)->__u.__vi[3]) /* with DESTROYED */
#define C_CLOCK(c) ((c)->__u.__i[4])

#define DESTROYED INT_MIN

WEAK int pthread_cond_init(pthread_cond_t *restrict c, const pthread_condattr_t *restrict a)
{
	memset(c, 0, sizeof *c);
	if (a) {
		C_CLOCK(c) = a->__attr;
	}
	return 0;
}

/* Those that were woken may not have left yet. */
WEAK int pthread_cond_destroy(pthread_cond_t *c)
{
	int waiters = __sync_fetch_and_or(C_WAITERS(c), DESTROYED) & ~DESTROYED;
	while (waiters) {
		wait_for(C_WAITERS(c), waiters | DESTROYED, FOREVER, IN_COND_DESTROY);
		waiters = load(C_WAITERS(c)) & ~DESTROYED;
	}
	return 0;
}

static int signal_waiters(pthread_cond_t *c, int count)
{
	if (load(C_WAITERS(c))) {
		__sync_fetch_and_add(C_SEQUENCE(c), 1);
		wake(C_SEQUENCE(c), count);
	}
	return 0;
}

WEAK int pthread_cond_signal(pthread_cond_t *c) { return signal_waiters(c, 1); }
WEAK int pthread_cond_broadcast(pthread_cond_t *c) { return signal_waiters(c, INT_MAX); }

static int wait(pthread_cond_t *c, pthread_mutex_t *m, clockid_t clock, const struct timespec *until)
{
	long long left = FOREVER;
	if (until && (left = __faasmrun_left(clock, until)) < 0) {
		return EINVAL;
	}
	__sync_fetch_and_add(C_WAITERS(c), 1);
	int sequence = load(C_SEQUENCE(c));
	int err = pthread_mutex_unlock(m), how = WOKEN;
	if (!err) {
		how = left ? wait_for(C_SEQUENCE(c), sequence, left, IN_COND_WAIT) : TIMED_OUT;
	}
	if (__sync_sub_and_fetch(C_WAITERS(c), 1) == DESTROYED) {
		wake(C_WAITERS(c), 1);
	}
	if (err) {
		return err;
	}
	err = pthread_mutex_lock(m);
	return err ? err : how == TIMED_OUT ? ETIMEDOUT : 0;
}

WEAK int pthread_cond_wait(pthread_cond_t *restrict c, pthread_mutex_t *restrict m) { return wait(c, m, 0, NULL); }

WEAK int pthread_cond_timedwait(pthread_cond_t *restrict c, pthread_mutex_t *restrict m, const struct timespec *restrict until)
{
	return wait(c, m, C_CLOCK(c), until);
}

WEAK int pthread_cond_clockwait(pthread_cond_t *restrict c, pthread_mutex_t *restrict m, clockid_t clock, const struct timespec *restrict until)
{
	return clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC ? EINVAL : wait(c, m, clock, until);
}

/* ---- Attributes: the clock ---- */

WEAK int pthread_condattr_init(pthread_condattr_t *a) { a->__attr = CLOCK_REALTIME; return 0; }
WEAK int pthread_condattr_destroy(pthread_condattr_t *a) { return 0; }
WEAK int pthread_condattr_getclock(const pthread_condattr_t *restrict a, clockid_t *restrict clock) { *clock = a->__attr; return 0; }
WEAK int pthread_condattr_getpshared(const pthread_condattr_t *restrict a, int *restrict v) { *v = PTHREAD_PROCESS_PRIVATE; return 0; }

WEAK int pthread_condattr_setclock(pthread_condattr_t *a, clockid_t clock)
{
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC) {
		return EINVAL;
	}
	a->__attr = clock;
	return 0;
}

WEAK int pthread_condattr_setpshared(pthread_condattr_t *a, int shared)
{
	return shared == PTHREAD_PROCESS_PRIVATE ? 0 : shared == PTHREAD_PROCESS_SHARED ? ENOTSUP : EINVAL;
}
