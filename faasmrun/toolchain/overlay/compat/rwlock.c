/* Read-write locks: -1 written, else the number of readers. Readers come first. */
#include "thread.h"

#define RW(l) (&(l)->__u.__vi[0])
#define RW_SLEEPERS(l) (&(l)->__u.__vi[1])
#define RW_WRITER(l) ((l)->__u.__vi[2])

WEAK int pthread_rwlock_init(pthread_rwlock_t *restrict l, const pthread_rwlockattr_t *restrict a)
{
	memset(l, 0, sizeof *l);
	return 0;
}

WEAK int pthread_rwlock_destroy(pthread_rwlock_t *l) { return *RW(l) ? EBUSY : 0; }

/* EAGAIN: there are too many readers. */
WEAK int pthread_rwlock_tryrdlock(pthread_rwlock_t *l)
{
	for (int readers = load(RW(l));;) {
		if (readers < 0) {
			return EBUSY;
		}
		if (readers == INT_MAX) {
			return EAGAIN;
		}
		int seen = cas(RW(l), readers, readers + 1);
		if (seen == readers) {
			return 0;
		}
		readers = seen;
	}
}

WEAK int pthread_rwlock_trywrlock(pthread_rwlock_t *l)
{
	if (cas(RW(l), 0, -1)) {
		return EBUSY;
	}
	RW_WRITER(l) = __faasmrun_tid;
	return 0;
}

static int lock(pthread_rwlock_t *l, int (*try)(pthread_rwlock_t *), int where, clockid_t clock, const struct timespec *until)
{
	int err;
	while ((err = try(l)) == EBUSY) {
		long long left = FOREVER;
		if (load(RW(l)) < 0 && RW_WRITER(l) == __faasmrun_tid) {
			return EDEADLK;
		}
		if (until && (left = __faasmrun_left(clock, until)) <= 0) {
			return left < 0 ? EINVAL : ETIMEDOUT;
		}
		/* Who unlocks looks for sleepers afterwards, and the host looks at the lock once more. */
		__sync_fetch_and_add(RW_SLEEPERS(l), 1);
		int held = load(RW(l));
		if (held < 0 || held && where == IN_WRLOCK) {
			wait_for(RW(l), held, left, where);
		}
		__sync_fetch_and_sub(RW_SLEEPERS(l), 1);
	}
	return err;
}

WEAK int pthread_rwlock_rdlock(pthread_rwlock_t *l) { return lock(l, pthread_rwlock_tryrdlock, IN_RDLOCK, 0, NULL); }
WEAK int pthread_rwlock_wrlock(pthread_rwlock_t *l) { return lock(l, pthread_rwlock_trywrlock, IN_WRLOCK, 0, NULL); }

WEAK int pthread_rwlock_clockrdlock(pthread_rwlock_t *restrict l, clockid_t clock, const struct timespec *restrict until)
{
	return lock(l, pthread_rwlock_tryrdlock, IN_RDLOCK, clock, until);
}

WEAK int pthread_rwlock_clockwrlock(pthread_rwlock_t *restrict l, clockid_t clock, const struct timespec *restrict until)
{
	return lock(l, pthread_rwlock_trywrlock, IN_WRLOCK, clock, until);
}

WEAK int pthread_rwlock_timedrdlock(pthread_rwlock_t *restrict l, const struct timespec *restrict until)
{
	return pthread_rwlock_clockrdlock(l, CLOCK_REALTIME, until);
}

WEAK int pthread_rwlock_timedwrlock(pthread_rwlock_t *restrict l, const struct timespec *restrict until)
{
	return pthread_rwlock_clockwrlock(l, CLOCK_REALTIME, until);
}

WEAK int pthread_rwlock_unlock(pthread_rwlock_t *l)
{
	int held = load(RW(l));
	if (held == 0 || held < 0 && RW_WRITER(l) != __faasmrun_tid) {
		return EPERM;
	}
	if (held < 0) {
		RW_WRITER(l) = 0;
		store(RW(l), 0);
	} else {
		held = __sync_sub_and_fetch(RW(l), 1);
		if (held > 0 && load(RW_SLEEPERS(l)) == 0) {
			return 0;
		}
	}
	if (load(RW_SLEEPERS(l))) {
		wake(RW(l), INT_MAX);
	}
	return 0;
}

/* ---- Attributes ---- */

WEAK int pthread_rwlockattr_init(pthread_rwlockattr_t *a) { memset(a, 0, sizeof *a); return 0; }
WEAK int pthread_rwlockattr_destroy(pthread_rwlockattr_t *a) { return 0; }
WEAK int pthread_rwlockattr_getpshared(const pthread_rwlockattr_t *restrict a, int *restrict v) { *v = PTHREAD_PROCESS_PRIVATE; return 0; }

WEAK int pthread_rwlockattr_setpshared(pthread_rwlockattr_t *a, int shared)
{
	return shared == PTHREAD_PROCESS_PRIVATE ? 0 : shared == PTHREAD_PROCESS_SHARED ? ENOTSUP : EINVAL;
}

/* Readers come first. Those that would rather have writers first find no other difference. */
WEAK int pthread_rwlockattr_setkind_np(pthread_rwlockattr_t *a, int kind)
{
	if (kind < PTHREAD_RWLOCK_PREFER_READER_NP || kind > PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP) {
		return EINVAL;
	}
	a->__attr[1] = kind;
	return 0;
}

WEAK int pthread_rwlockattr_getkind_np(const pthread_rwlockattr_t *a, int *kind) { *kind = a->__attr[1]; return 0; }
