/*
 * The rest of pthread.h, and C11's threads.h on top of it. What needs more than a rank has (priorities, processors to bind
 * to, sharing between processes) answers as a system does that does not offer it.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <string.h>
#include <threads.h>
#include <time.h>
#include "fails.h"

#define WEAK __attribute__((weak))

/* ---- Attributes ---- */

WEAK int pthread_attr_getguardsize(const pthread_attr_t *restrict a, size_t *restrict size) { *size = 0; return 0; }
WEAK int pthread_attr_setguardsize(pthread_attr_t *a, size_t size) { return size ? ENOTSUP : 0; } /* an overflow traps without */
WEAK int pthread_attr_getinheritsched(const pthread_attr_t *restrict a, int *restrict v) { *v = PTHREAD_INHERIT_SCHED; return 0; }
WEAK int pthread_attr_setinheritsched(pthread_attr_t *a, int v) { return v == PTHREAD_INHERIT_SCHED ? 0 : ENOTSUP; }
WEAK int pthread_attr_getschedpolicy(const pthread_attr_t *restrict a, int *restrict v) { *v = SCHED_OTHER; return 0; }
WEAK int pthread_attr_setschedpolicy(pthread_attr_t *a, int v) { return v == SCHED_OTHER ? 0 : ENOTSUP; }
WEAK int pthread_attr_getscope(const pthread_attr_t *restrict a, int *restrict v) { *v = PTHREAD_SCOPE_SYSTEM; return 0; }

WEAK int pthread_attr_getschedparam(const pthread_attr_t *restrict a, struct sched_param *restrict p)
{
	memset(p, 0, sizeof *p);
	return 0;
}

WEAK int pthread_attr_setschedparam(pthread_attr_t *restrict a, const struct sched_param *restrict p)
{
	return p->sched_priority ? ENOTSUP : 0;
}

FAILS(ENOTSUP) int pthread_attr_getstack(const pthread_attr_t *restrict a, void **restrict at, size_t *restrict size) { return ENOTSUP; }
FAILS(ENOTSUP) int pthread_attr_setstack(pthread_attr_t *a, void *at, size_t size) { return ENOTSUP; }

WEAK int pthread_mutexattr_getpshared(const pthread_mutexattr_t *restrict a, int *restrict v) { *v = PTHREAD_PROCESS_PRIVATE; return 0; }
WEAK int pthread_mutexattr_getrobust(const pthread_mutexattr_t *restrict a, int *restrict v) { *v = PTHREAD_MUTEX_STALLED; return 0; }
WEAK int pthread_mutexattr_setrobust(pthread_mutexattr_t *a, int v) { return v == PTHREAD_MUTEX_STALLED ? 0 : ENOTSUP; }
WEAK int pthread_mutexattr_getprotocol(const pthread_mutexattr_t *restrict a, int *restrict v) { *v = PTHREAD_PRIO_NONE; return 0; }
WEAK int pthread_mutexattr_setprotocol(pthread_mutexattr_t *a, int v) { return v == PTHREAD_PRIO_NONE ? 0 : ENOTSUP; }
FAILS(ENOTSUP) int pthread_mutexattr_getprioceiling(const pthread_mutexattr_t *restrict a, int *restrict v) { return ENOTSUP; }
FAILS(ENOTSUP) int pthread_mutexattr_setprioceiling(pthread_mutexattr_t *a, int v) { return ENOTSUP; }
FAILS(ENOTSUP) int pthread_mutex_getprioceiling(const pthread_mutex_t *restrict m, int *restrict v) { return ENOTSUP; }
FAILS(ENOTSUP) int pthread_mutex_setprioceiling(pthread_mutex_t *restrict m, int v, int *restrict old) { return ENOTSUP; }
WEAK int pthread_mutex_consistent(pthread_mutex_t *m) { return EINVAL; }

WEAK int pthread_condattr_getpshared(const pthread_condattr_t *restrict a, int *restrict v) { *v = PTHREAD_PROCESS_PRIVATE; return 0; }
WEAK int pthread_condattr_getclock(const pthread_condattr_t *restrict a, clockid_t *restrict v)
{
	*v = a->__attr ? CLOCK_MONOTONIC : CLOCK_REALTIME;
	return 0;
}

WEAK int pthread_rwlockattr_getpshared(const pthread_rwlockattr_t *restrict a, int *restrict v) { *v = PTHREAD_PROCESS_PRIVATE; return 0; }
WEAK int pthread_rwlockattr_setpshared(pthread_rwlockattr_t *a, int v) { return v == PTHREAD_PROCESS_PRIVATE ? 0 : ENOTSUP; }
WEAK int pthread_barrierattr_init(pthread_barrierattr_t *a) { memset(a, 0, sizeof *a); return 0; }
WEAK int pthread_barrierattr_destroy(pthread_barrierattr_t *a) { return 0; }
WEAK int pthread_barrierattr_getpshared(const pthread_barrierattr_t *restrict a, int *restrict v) { *v = PTHREAD_PROCESS_PRIVATE; return 0; }
WEAK int pthread_barrierattr_setpshared(pthread_barrierattr_t *a, int v) { return v == PTHREAD_PROCESS_PRIVATE ? 0 : ENOTSUP; }

/* ---- Threads ---- */

WEAK int pthread_getschedparam(pthread_t t, int *restrict policy, struct sched_param *restrict p)
{
	*policy = SCHED_OTHER;
	memset(p, 0, sizeof *p);
	return 0;
}

WEAK int pthread_setschedparam(pthread_t t, int policy, const struct sched_param *p)
{
	return policy == SCHED_OTHER && !p->sched_priority ? 0 : ENOTSUP;
}

WEAK int pthread_setschedprio(pthread_t t, int priority) { return priority ? ENOTSUP : 0; }

static _Thread_local char name_of_self[16];

WEAK int pthread_setname_np(pthread_t t, const char *name)
{
	if (strlen(name) >= sizeof name_of_self) {
		return ERANGE;
	}
	if (t != pthread_self()) {
		return ENOTSUP;
	}
	strcpy(name_of_self, name);
	return 0;
}

WEAK int pthread_getname_np(pthread_t t, char *name, size_t size)
{
	if (t != pthread_self()) {
		return ENOTSUP;
	}
	if (size <= strlen(name_of_self)) {
		return ERANGE;
	}
	strcpy(name, name_of_self);
	return 0;
}

WEAK int pthread_getcpuclockid(pthread_t t, clockid_t *clock) { *clock = CLOCK_THREAD_CPUTIME_ID; return 0; }
WEAK int pthread_getattr_np(pthread_t t, pthread_attr_t *a) { return pthread_attr_init(a); }
WEAK int pthread_getattr_default_np(pthread_attr_t *a) { return pthread_attr_init(a); }
WEAK int pthread_attr_getaffinity_np(const pthread_attr_t *a, size_t size, cpu_set_t *set) { return sched_getaffinity(0, size, set) ? errno : 0; }
WEAK int pthread_attr_setaffinity_np(pthread_attr_t *a, size_t size, const cpu_set_t *set) { return sched_setaffinity(0, size, set) ? errno : 0; }
WEAK int pthread_rwlockattr_getkind_np(const pthread_rwlockattr_t *a, int *kind) { *kind = PTHREAD_RWLOCK_PREFER_READER_NP; return 0; }

/* Readers come first. Those that would rather have writers first find no other difference. */
WEAK int pthread_rwlockattr_setkind_np(pthread_rwlockattr_t *a, int kind)
{
	return kind < PTHREAD_RWLOCK_PREFER_READER_NP || kind > PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP ? EINVAL : 0;
}

/* There is no thread that could be joined. */
WEAK int pthread_tryjoin_np(pthread_t t, void **result) { return pthread_equal(t, pthread_self()) ? EDEADLK : ESRCH; }
WEAK int pthread_timedjoin_np(pthread_t t, void **result, const struct timespec *until) { return pthread_tryjoin_np(t, result); }
WEAK int pthread_clockjoin_np(pthread_t t, void **result, clockid_t clock, const struct timespec *until) { return pthread_tryjoin_np(t, result); }
FAILS(ENOTSUP) int pthread_setattr_default_np(const pthread_attr_t *a) { return ENOTSUP; }
WEAK int pthread_getaffinity_np(pthread_t t, size_t size, cpu_set_t *set) { return sched_getaffinity(0, size, set); }
WEAK int pthread_setaffinity_np(pthread_t t, size_t size, const cpu_set_t *set) { return sched_setaffinity(0, size, set) ? errno : 0; }

/* ---- Semaphores with names belong to several processes. ---- */

FAILS(ENOSYS) sem_t *sem_open(const char *name, int flags, ...) { errno = ENOSYS; return SEM_FAILED; }
WEAK int sem_close(sem_t *s) { errno = EINVAL; return -1; }
WEAK int sem_unlink(const char *name) { errno = ENOENT; return -1; }

/* ---- C11 ---- */

static int answer(int err)
{
	switch (err) {
	case 0:
		return thrd_success;
	case EBUSY:
		return thrd_busy;
	case ENOMEM:
		return thrd_nomem;
	case ETIMEDOUT:
		return thrd_timedout;
	}
	return thrd_error;
}

struct start {
	thrd_start_t f;
	void *argument;
};

WEAK int thrd_create(thrd_t *t, thrd_start_t f, void *argument)
{
	/* The function returns an int in place of a pointer; calls through a table check the type, so it needs a frame. */
	extern void *__faasmrun_thrd_start(void *);
	extern void *malloc(size_t);
	extern void free(void *);
	struct start *s = malloc(sizeof *s);
	if (!s) {
		return thrd_nomem;
	}
	*s = (struct start){ f, argument };
	int err = pthread_create(t, 0, __faasmrun_thrd_start, s);
	if (err) {
		free(s);
	}
	return err == EAGAIN ? thrd_nomem : answer(err);
}

void *__faasmrun_thrd_start(void *argument)
{
	extern void free(void *);
	struct start s = *(struct start *)argument;
	free(argument);
	return (void *)(long)s.f(s.argument);
}

WEAK int thrd_join(thrd_t t, int *result)
{
	void *value;
	int err = pthread_join(t, &value);
	if (!err && result) {
		*result = (int)(long)value;
	}
	return answer(err);
}

WEAK _Noreturn void thrd_exit(int result) { pthread_exit((void *)(long)result); }
WEAK int thrd_detach(thrd_t t) { return answer(pthread_detach(t)); }
WEAK void thrd_yield(void) { sched_yield(); }

#undef thrd_current
#undef thrd_equal
WEAK thrd_t thrd_current(void) { return pthread_self(); }
WEAK int thrd_equal(thrd_t a, thrd_t b) { return a == b; }

WEAK int thrd_sleep(const struct timespec *t, struct timespec *left)
{
	if (!nanosleep(t, left)) {
		return 0;
	}
	return errno == EINTR ? -1 : -2;
}

WEAK void call_once(once_flag *flag, void (*f)(void)) { pthread_once(flag, f); }

WEAK int mtx_init(mtx_t *m, int type)
{
	pthread_mutexattr_t a = { .__attr = type & mtx_recursive ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL };
	return answer(pthread_mutex_init((pthread_mutex_t *)m, &a));
}

WEAK void mtx_destroy(mtx_t *m) {}
WEAK int mtx_lock(mtx_t *m) { return answer(pthread_mutex_lock((pthread_mutex_t *)m)); }
WEAK int mtx_trylock(mtx_t *m) { return answer(pthread_mutex_trylock((pthread_mutex_t *)m)); }
WEAK int mtx_timedlock(mtx_t *restrict m, const struct timespec *restrict t) { return answer(pthread_mutex_timedlock((pthread_mutex_t *)m, t)); }
WEAK int mtx_unlock(mtx_t *m) { return answer(pthread_mutex_unlock((pthread_mutex_t *)m)); }

WEAK int cnd_init(cnd_t *c) { return answer(pthread_cond_init((pthread_cond_t *)c, 0)); }
WEAK void cnd_destroy(cnd_t *c) {}
WEAK int cnd_signal(cnd_t *c) { return answer(pthread_cond_signal((pthread_cond_t *)c)); }
WEAK int cnd_broadcast(cnd_t *c) { return answer(pthread_cond_broadcast((pthread_cond_t *)c)); }
WEAK int cnd_wait(cnd_t *c, mtx_t *m) { return answer(pthread_cond_wait((pthread_cond_t *)c, (pthread_mutex_t *)m)); }
WEAK int cnd_timedwait(cnd_t *restrict c, mtx_t *restrict m, const struct timespec *restrict t)
{
	return answer(pthread_cond_timedwait((pthread_cond_t *)c, (pthread_mutex_t *)m, t));
}

WEAK int tss_create(tss_t *key, tss_dtor_t f) { return answer(pthread_key_create(key, f)); }
WEAK void tss_delete(tss_t key) { pthread_key_delete(key); }
WEAK void *tss_get(tss_t key) { return pthread_getspecific(key); }
WEAK int tss_set(tss_t key, void *value) { return answer(pthread_setspecific(key, value)); }

/* ---- Waits until a time of a clock that the call names: the locks' own is that of the day. ---- */

static int by_day(clockid_t clock, const struct timespec *t, struct timespec *day)
{
	struct timespec now, other;
	*day = *t;
	if (clock == CLOCK_REALTIME) {
		return 0;
	}
	if (clock != CLOCK_MONOTONIC || t->tv_nsec < 0 || t->tv_nsec >= 1000000000) {
		return EINVAL;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(clock, &other);
	day->tv_sec += now.tv_sec - other.tv_sec;
	day->tv_nsec += now.tv_nsec - other.tv_nsec;
	long carry = day->tv_nsec >= 1000000000 ? 1 : day->tv_nsec < 0 ? -1 : 0;
	day->tv_sec += carry;
	day->tv_nsec -= carry * 1000000000;
	return 0;
}

WEAK int pthread_mutex_clocklock(pthread_mutex_t *restrict m, clockid_t clock, const struct timespec *restrict t)
{
	struct timespec day;
	return by_day(clock, t, &day) ? EINVAL : pthread_mutex_timedlock(m, &day);
}

WEAK int pthread_rwlock_clockrdlock(pthread_rwlock_t *restrict l, clockid_t clock, const struct timespec *restrict t)
{
	struct timespec day;
	return by_day(clock, t, &day) ? EINVAL : pthread_rwlock_timedrdlock(l, &day);
}

WEAK int pthread_rwlock_clockwrlock(pthread_rwlock_t *restrict l, clockid_t clock, const struct timespec *restrict t)
{
	struct timespec day;
	return by_day(clock, t, &day) ? EINVAL : pthread_rwlock_timedwrlock(l, &day);
}

WEAK int sem_clockwait(sem_t *restrict s, clockid_t clock, const struct timespec *restrict t)
{
	struct timespec day;
	if (by_day(clock, t, &day)) {
		errno = EINVAL;
		return -1;
	}
	return sem_timedwait(s, &day);
}

/* The condition's own clock is the one that its times are of. */
WEAK int pthread_cond_clockwait(pthread_cond_t *restrict c, pthread_mutex_t *restrict m, clockid_t clock, const struct timespec *restrict t)
{
	struct timespec at;
	if (clock == CLOCK_MONOTONIC && c->__u.__i[4]) {
		return pthread_cond_timedwait(c, m, t);
	}
	return by_day(clock, t, &at) ? EINVAL : pthread_cond_timedwait(c, m, &at);
}
