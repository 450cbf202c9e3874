/*
 * Threads: making, joining and ending them. The host runs a thread (worker/rank/pthreads.go): it chooses the stack, unless the
 * program has, makes the thread-local variables, and says when nothing of the thread runs any more.
 */
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>
#include "thread.h"

static struct __pthread first = { .alive = 1, .state = JOINABLE };
static struct __pthread *all = &first;
static volatile int all_lock, running = 1; /* those of pthread_create, and the first */

static _Thread_local struct __pthread *self; /* NULL: the first, or one that is no thread of pthread_create's */
static _Thread_local struct __pthread other = { .alive = 1, .state = DETACHED };

#undef pthread_equal
WEAK int pthread_equal(pthread_t a, pthread_t b) { return a == b; }

WEAK pthread_t pthread_self(void)
{
	if (!self) {
		self = __faasmrun_tid == 1 ? &first : &other;
	}
	return self;
}

WEAK int gettid(void) { return getpid() + __faasmrun_tid - 1; } /* the first thread's is the process' */

/* ---- Those that there are ---- */

/* A thread that is new, for the caller alone; NULL: no memory. */
static struct __pthread *make(void)
{
	struct __pthread *t;
	__faasmrun_lock(&all_lock);
	for (t = all; t && (t == &first || t->alive || t->state != UNUSED && t->state != DETACHED); t = t->next) {
	}
	if (!t && (t = malloc(sizeof *t))) {
		t->next = all;
		all = t;
	}
	if (t) {
		struct __pthread *next = t->next;
		memset(t, 0, sizeof *t);
		t->next = next;
		t->alive = 1;
	}
	__faasmrun_unlock(&all_lock);
	return t;
}

/* Changes the state of a thread that has that one. It says what is wrong: there is no such thread, or it has another state. */
static int change(pthread_t t, int from, int to)
{
	struct __pthread *known;
	__faasmrun_lock(&all_lock);
	for (known = all; known && known != t; known = known->next) {
	}
	__faasmrun_unlock(&all_lock);
	if (!known || known->state == UNUSED || known->state == DETACHED && !known->alive) {
		return ESRCH;
	}
	return cas(&t->state, from, to) == from ? 0 : EINVAL;
}

/* ---- From the beginning to the end ---- */

/* What a thread does last: all that is done in its name. */
static void end(struct __pthread *t, void *result)
{
	__faasmrun_end_thread_locals();
	__faasmrun_end_keys();
	__faasmrun_end_mutexes();
	t->result = result;
	if (__sync_sub_and_fetch(&running, 1) == 0) {
		exit(0);
	}
}

static void start_thread(struct __pthread *t)
{
	self = t;
	end(t, __call_start_routine(t->f, t->argument));
}

WEAK int pthread_create(pthread_t *restrict made, const pthread_attr_t *restrict a, void *(*f)(void *), void *restrict argument)
{
	pthread_attr_t standard;
	if (!a) {
		pthread_getattr_default_np(&standard);
		a = &standard;
	}
	struct __pthread *t = make();
	if (!t) {
		return EAGAIN;
	}
	t->f = f;
	t->argument = argument;
	t->stack = A_ADDRESS(a);
	t->size = A_STACK(a);
	t->guard = t->stack ? 0 : A_GUARD(a);
	t->state = A_DETACHED(a) ? DETACHED : JOINABLE;
	*made = t;
	__sync_fetch_and_add(&running, 1);
	int err = __faasmrun_host_thread_start((uintptr_t)start_thread, (uintptr_t)t);
	if (err) {
		__sync_fetch_and_sub(&running, 1);
		t->state = UNUSED;
		store(&t->alive, 0);
	}
	return err;
}

/* Handlers that are to run when the thread ends within them. */
static _Thread_local struct __ptcb *cleanup;

WEAK void _pthread_cleanup_push(struct __ptcb *cb, void (*f)(void *), void *argument)
{
	*cb = (struct __ptcb){ f, argument, cleanup };
	cleanup = cb;
}

WEAK void _pthread_cleanup_pop(struct __ptcb *cb, int run)
{
	cleanup = cb->__next;
	if (run) {
		__call_cleanup(cb->__f, cb->__x);
	}
}

WEAK _Noreturn void pthread_exit(void *result)
{
	struct __pthread *t = pthread_self();
	while (cleanup) {
		struct __ptcb *cb = cleanup;
		cleanup = cb->__next;
		__call_cleanup(cb->__f, cb->__x);
	}
	end(t, result);
	__faasmrun_host_thread_end((uintptr_t)t);
}

static int join(pthread_t t, void **result, clockid_t clock, const struct timespec *until)
{
	if (t == pthread_self()) {
		return EDEADLK;
	}
	int err = change(t, JOINABLE, JOINED);
	if (err) {
		return err;
	}
	for (long long left = FOREVER; load(&t->alive);) {
		if (until && (left = __faasmrun_left(clock, until)) <= 0) {
			t->state = JOINABLE;
			return left < 0 ? EINVAL : ETIMEDOUT;
		}
		wait_for(&t->alive, 1, left, IN_JOIN);
	}
	if (result) {
		*result = t->result;
	}
	t->state = UNUSED;
	return 0;
}

WEAK int pthread_join(pthread_t t, void **result) { return join(t, result, 0, NULL); }
WEAK int pthread_timedjoin_np(pthread_t t, void **result, const struct timespec *until) { return join(t, result, CLOCK_REALTIME, until); }

WEAK int pthread_clockjoin_np(pthread_t t, void **result, clockid_t clock, const struct timespec *until)
{
	return clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC ? EINVAL : join(t, result, clock, until);
}

WEAK int pthread_tryjoin_np(pthread_t t, void **result)
{
	struct timespec past = { 0, 0 };
	int err = join(t, result, CLOCK_REALTIME, &past);
	return err == ETIMEDOUT ? EBUSY : err;
}

WEAK int pthread_detach(pthread_t t) { return change(t, JOINABLE, DETACHED); }

/* ---- What there is to ask of a thread ---- */

WEAK int pthread_getattr_np(pthread_t t, pthread_attr_t *a)
{
	extern char __stack_low, __stack_high;
	pthread_attr_init(a);
	if (t == &first) {
		A_ADDRESS(a) = (uintptr_t)&__stack_low;
		A_STACK(a) = &__stack_high - &__stack_low;
		A_GUARD(a) = 0;
	} else if (t->stack) {
		A_ADDRESS(a) = t->stack;
		A_STACK(a) = t->size;
		A_GUARD(a) = t->guard;
	}
	A_DETACHED(a) = t->state == DETACHED;
	return 0;
}

WEAK int pthread_setname_np(pthread_t t, const char *name)
{
	if (strlen(name) >= NAME) {
		return ERANGE;
	}
	strcpy(t->name, name);
	return 0;
}

WEAK int pthread_getname_np(pthread_t t, char *name, size_t size)
{
	if (size <= strlen(t->name)) {
		return ERANGE;
	}
	strcpy(name, t->name);
	return 0;
}

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
WEAK int pthread_getcpuclockid(pthread_t t, clockid_t *clock) { *clock = CLOCK_THREAD_CPUTIME_ID; return 0; }
WEAK int pthread_getaffinity_np(pthread_t t, size_t size, cpu_set_t *set) { return sched_getaffinity(0, size, set) ? errno : 0; }
WEAK int pthread_setaffinity_np(pthread_t t, size_t size, const cpu_set_t *set) { return sched_setaffinity(0, size, set) ? errno : 0; }
WEAK int pthread_getconcurrency(void) { return 0; }
WEAK int pthread_setconcurrency(int level) { return level < 0 ? EINVAL : 0; }

/* ---- Cancellation: nobody can be cancelled. The state and the type are kept for who asks. ---- */

static _Thread_local int cancel_state, cancel_type;

static int set_value(int *kept, int value, int *old)
{
	if (value & ~1) {
		return EINVAL;
	}
	if (old) {
		*old = *kept;
	}
	*kept = value;
	return 0;
}

WEAK int pthread_setcancelstate(int state, int *old) { return set_value(&cancel_state, state, old); }
WEAK int pthread_setcanceltype(int type, int *old) { return set_value(&cancel_type, type, old); }
WEAK void pthread_testcancel(void) {}
FAILS(ENOSYS) int pthread_cancel(pthread_t t) { return ENOSYS; }

/* There is no fork, so its handlers are never called. */
WEAK int pthread_atfork(void (*before)(void), void (*parent)(void), void (*child)(void)) { return 0; }

/* ---- Times ---- */

long long __faasmrun_left(clockid_t clock, const struct timespec *t)
{
	struct timespec now;
	if (t->tv_nsec < 0 || t->tv_nsec >= 1000000000 || clock_gettime(clock, &now)) {
		return -EINVAL;
	}
	if (t->tv_sec < now.tv_sec) {
		return 0;
	}
	long long left;
	if (__builtin_mul_overflow(t->tv_sec - now.tv_sec, 1000000000LL, &left) ||
	    __builtin_add_overflow(left, t->tv_nsec - now.tv_nsec, &left)) {
		return LLONG_MAX; /* centuries */
	}
	return left < 0 ? 0 : left;
}
