/*
 * Mutexes. The lock is an int: 0 free, 1 held, 2 held with waiters. A normal one does not look at its owner, who is noted all the
 * same, for who asks why nothing goes on.
 */
#include "thread.h"

#define M_TYPE(m) ((m)->__u.__i[0])
#define M_LOCK(m) (&(m)->__u.__vi[1])
#define M_OWNER(m) ((m)->__u.__vi[2])
#define M_STATE(m) ((m)->__u.__i[3])
#define M_COUNT(m) ((m)->__u.__i[5])
#define M_NEXT(m) ((m)->__u.__p[3])
#define M_BEFORE(m) ((m)->__u.__p[4])

enum { TYPE = 3, ROBUST = 4, INHERIT = 8 }; /* in an attribute; a mutex has the first two */

/* Of a robust one: whose owner has ended with it; which another then gave back without making it consistent. */
enum { SOUND, ABANDONED, LOST };

WEAK int pthread_mutex_init(pthread_mutex_t *restrict m, const pthread_mutexattr_t *restrict a)
{
	memset(m, 0, sizeof *m);
	if (a) {
		M_TYPE(m) = a->__attr & (TYPE | ROBUST);
	}
	return 0;
}

WEAK int pthread_mutex_destroy(pthread_mutex_t *m) { return *M_LOCK(m) ? EBUSY : 0; }

/* The robust mutexes that the thread holds. */
static _Thread_local pthread_mutex_t *held;

static void hold(pthread_mutex_t *m)
{
	M_BEFORE(m) = 0;
	M_NEXT(m) = held;
	if (held) {
		M_BEFORE(held) = m;
	}
	held = m;
}

static void let_go(pthread_mutex_t *m)
{
	pthread_mutex_t *next = (pthread_mutex_t *)M_NEXT(m), *before = (pthread_mutex_t *)M_BEFORE(m);
	if (next) {
		M_BEFORE(next) = before;
	}
	if (before) {
		M_NEXT(before) = next;
	} else {
		held = next;
	}
}

/* What a thread that ends does with those. */
void __faasmrun_end_mutexes(void)
{
	while (held) {
		pthread_mutex_t *m = held;
		let_go(m);
		M_STATE(m) = M_STATE(m) == SOUND ? ABANDONED : LOST;
		M_COUNT(m) = 0;
		M_OWNER(m) = 0;
		__faasmrun_unlock(M_LOCK(m));
	}
}

/* What a mutex that looks at its owner answers its owner; -1: somebody else's. */
static int relock(pthread_mutex_t *m, int busy)
{
	if (M_TYPE(m) == PTHREAD_MUTEX_NORMAL || M_OWNER(m) != __faasmrun_tid) {
		return -1;
	}
	switch (M_TYPE(m) & TYPE) {
	case PTHREAD_MUTEX_NORMAL:
		return -1;
	case PTHREAD_MUTEX_ERRORCHECK:
		return busy;
	}
	if (M_COUNT(m) == INT_MAX) {
		return EAGAIN;
	}
	M_COUNT(m)++;
	return 0;
}

/* The lock is this thread's now. */
static int taken(pthread_mutex_t *m)
{
	if (M_TYPE(m) & ROBUST) {
		if (M_STATE(m) == LOST) {
			__faasmrun_unlock(M_LOCK(m));
			return ENOTRECOVERABLE;
		}
		hold(m);
	}
	M_OWNER(m) = __faasmrun_tid;
	return M_STATE(m) == ABANDONED ? EOWNERDEAD : 0;
}

WEAK int pthread_mutex_trylock(pthread_mutex_t *m)
{
	int mine = relock(m, EBUSY);
	if (mine >= 0) {
		return mine;
	}
	return __faasmrun_trylock(M_LOCK(m)) ? taken(m) : EBUSY;
}

#define SPINS 100

static int lock(pthread_mutex_t *m, clockid_t clock, const struct timespec *until)
{
	int mine = relock(m, EDEADLK);
	if (mine >= 0) {
		return mine;
	}
	for (int i = 0; i <= SPINS; i++) {
		if (__faasmrun_trylock(M_LOCK(m))) {
			return taken(m);
		}
	}
	for (long long left = FOREVER;;) {
		if (until && (left = __faasmrun_left(clock, until)) <= 0) {
			return left < 0 ? EINVAL : ETIMEDOUT;
		}
		if (!swap(M_LOCK(m), 2)) {
			return taken(m);
		}
		wait_for(M_LOCK(m), 2, left, IN_MUTEX_LOCK);
	}
}

WEAK int pthread_mutex_lock(pthread_mutex_t *m)
{
	if (M_TYPE(m) == PTHREAD_MUTEX_NORMAL && __faasmrun_trylock(M_LOCK(m))) {
		M_OWNER(m) = __faasmrun_tid;
		return 0;
	}
	return lock(m, 0, NULL);
}

WEAK int pthread_mutex_timedlock(pthread_mutex_t *restrict m, const struct timespec *restrict until)
{
	return lock(m, CLOCK_REALTIME, until);
}

WEAK int pthread_mutex_clocklock(pthread_mutex_t *restrict m, clockid_t clock, const struct timespec *restrict until)
{
	return clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC ? EINVAL : lock(m, clock, until);
}

WEAK int pthread_mutex_unlock(pthread_mutex_t *m)
{
	if (M_TYPE(m) != PTHREAD_MUTEX_NORMAL) {
		if (M_OWNER(m) != __faasmrun_tid) {
			return EPERM;
		}
		if (M_COUNT(m)) {
			M_COUNT(m)--;
			return 0;
		}
		if (M_TYPE(m) & ROBUST) {
			let_go(m);
			if (M_STATE(m) == ABANDONED) {
				M_STATE(m) = LOST;
			}
		}
	}
	M_OWNER(m) = 0;
	__faasmrun_unlock(M_LOCK(m));
	return 0;
}

WEAK int pthread_mutex_consistent(pthread_mutex_t *m)
{
	if (!(M_TYPE(m) & ROBUST) || M_STATE(m) != ABANDONED || M_OWNER(m) != __faasmrun_tid) {
		return EINVAL;
	}
	M_STATE(m) = SOUND;
	return 0;
}

/* ---- Attributes. No thread has a priority, so that inheriting one changes nothing. ---- */

WEAK int pthread_mutexattr_init(pthread_mutexattr_t *a) { a->__attr = 0; return 0; }
WEAK int pthread_mutexattr_destroy(pthread_mutexattr_t *a) { return 0; }
WEAK int pthread_mutexattr_gettype(const pthread_mutexattr_t *restrict a, int *restrict type) { *type = a->__attr & TYPE; return 0; }
WEAK int pthread_mutexattr_getpshared(const pthread_mutexattr_t *restrict a, int *restrict v) { *v = PTHREAD_PROCESS_PRIVATE; return 0; }

static int choose(pthread_mutexattr_t *a, unsigned bits, unsigned value)
{
	a->__attr = (a->__attr & ~bits) | value;
	return 0;
}

WEAK int pthread_mutexattr_settype(pthread_mutexattr_t *a, int type)
{
	return (unsigned)type > PTHREAD_MUTEX_ERRORCHECK ? EINVAL : choose(a, TYPE, type);
}

WEAK int pthread_mutexattr_setpshared(pthread_mutexattr_t *a, int shared)
{
	return shared == PTHREAD_PROCESS_PRIVATE ? 0 : shared == PTHREAD_PROCESS_SHARED ? ENOTSUP : EINVAL;
}

WEAK int pthread_mutexattr_getrobust(const pthread_mutexattr_t *restrict a, int *restrict v)
{
	*v = a->__attr & ROBUST ? PTHREAD_MUTEX_ROBUST : PTHREAD_MUTEX_STALLED;
	return 0;
}

WEAK int pthread_mutexattr_setrobust(pthread_mutexattr_t *a, int v)
{
	return (unsigned)v > PTHREAD_MUTEX_ROBUST ? EINVAL : choose(a, ROBUST, v == PTHREAD_MUTEX_ROBUST ? ROBUST : 0);
}

WEAK int pthread_mutexattr_getprotocol(const pthread_mutexattr_t *restrict a, int *restrict v)
{
	*v = a->__attr & INHERIT ? PTHREAD_PRIO_INHERIT : PTHREAD_PRIO_NONE;
	return 0;
}

WEAK int pthread_mutexattr_setprotocol(pthread_mutexattr_t *a, int v)
{
	if ((unsigned)v > PTHREAD_PRIO_PROTECT) {
		return EINVAL;
	}
	return v == PTHREAD_PRIO_PROTECT ? ENOTSUP : choose(a, INHERIT, v == PTHREAD_PRIO_INHERIT ? INHERIT : 0);
}

FAILS(ENOTSUP) int pthread_mutexattr_getprioceiling(const pthread_mutexattr_t *restrict a, int *restrict v) { return ENOTSUP; }
FAILS(ENOTSUP) int pthread_mutexattr_setprioceiling(pthread_mutexattr_t *a, int v) { return ENOTSUP; }
FAILS(ENOTSUP) int pthread_mutex_getprioceiling(const pthread_mutex_t *restrict m, int *restrict v) { return ENOTSUP; }
FAILS(ENOTSUP) int pthread_mutex_setprioceiling(pthread_mutex_t *restrict m, int v, int *restrict old) { return ENOTSUP; }

/* ---- Spin locks sleep too: a thread that spins keeps a processor from the one that it waits for. ---- */

WEAK int pthread_spin_init(pthread_spinlock_t *s, int shared) { *s = 0; return 0; }
WEAK int pthread_spin_destroy(pthread_spinlock_t *s) { return *s ? EBUSY : 0; }
WEAK int pthread_spin_trylock(pthread_spinlock_t *s) { return __faasmrun_trylock((volatile int *)s) ? 0 : EBUSY; }
WEAK int pthread_spin_unlock(pthread_spinlock_t *s) { __faasmrun_unlock((volatile int *)s); return 0; }

WEAK int pthread_spin_lock(pthread_spinlock_t *s)
{
	for (int i = 0; i <= SPINS; i++) {
		if (__faasmrun_trylock((volatile int *)s)) {
			return 0;
		}
	}
	while (swap((volatile int *)s, 2)) {
		wait_for((volatile int *)s, 2, FOREVER, IN_SPIN_LOCK);
	}
	return 0;
}
