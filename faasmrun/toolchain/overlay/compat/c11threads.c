/* C11's threads.h, on top of pthread.h. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <threads.h>
#include <time.h>

#define WEAK __attribute__((weak))

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
