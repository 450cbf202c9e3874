/*
 * Threads for wasi-libc: the locks that malloc, stdio and locale take, and the parts of pthread.h that programs use.
 *
 * A lock is an int: 0 free, 1 held, 2 held with waiters. Waiting is memory.atomic.wait32, which exists in a shared memory
 * alone: in a program without threads nothing is ever held by somebody else.
 *
 * Not here: cancellation, robust and priority mutexes, sharing between processes. pthread_create asks the runtime that
 * owns the threads' instances (__faasmrun_spawn, weak); where there is none it returns EAGAIN, as a system does that has
 * no more threads to give.
 */
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "locale_impl.h"
#include "pthread_impl.h"

#define FAILS(how) /* marks a function that always fails, as overlay/compat/fails.h has it */
#include "stdio_impl.h"

/* ---- The thread itself ---- */

_Thread_local struct __pthread __faasmrun_self = { .tid = 1, .locale = &__libc.global_locale };

uintptr_t __get_tp(void)
{
	return (uintptr_t)&__faasmrun_self;
}

static volatile int last_tid = 1;

/* The runtime calls this once in each new thread, after __wasm_init_tls. */
void __faasmrun_thread_enter(void)
{
	__faasmrun_self.tid = __sync_add_and_fetch(&last_tid, 1);
	__faasmrun_self.self = &__faasmrun_self;
}

static void lock_from_now_on(FILE *f)
{
	if (f && f->lock < 0) {
		f->lock = 0;
	}
}

/* Whether malloc must take its locks (build.go); libc.need_locks for those that do not see musl's own headers. */
int __faasmrun_locks_needed;

/* The runtime calls this before the first thread starts: until then, libc takes no locks. */
void __faasmrun_threads_start(void)
{
	libc.need_locks = 1;
	__faasmrun_locks_needed = 1;
	libc.threaded = 1;
	lock_from_now_on(__stdin_used);
	lock_from_now_on(__stdout_used);
	lock_from_now_on(__stderr_used);
	for (FILE *f = *__ofl_lock(); f; f = f->next) {
		lock_from_now_on(f);
	}
	__ofl_unlock();
}

/* ---- Locks ---- */

static inline int cas(volatile int *p, int expected, int desired)
{
	return __sync_val_compare_and_swap(p, expected, desired);
}

#define SPINS 100

void __faasmrun_lock(volatile int *lock)
{
	int seen = 1;
	for (int i = 0; i <= SPINS && seen; i++) {
		seen = cas(lock, 0, 1);
	}
	if (!seen) {
		return;
	}
	while (__sync_lock_test_and_set(lock, 2)) {
		__futexwait(lock, 2, 1);
	}
}

int __faasmrun_trylock(volatile int *lock)
{
	return cas(lock, 0, 1) == 0;
}

void __faasmrun_unlock(volatile int *lock)
{
	if (__sync_lock_test_and_set(lock, 0) == 2) {
		__wake(lock, 1, 1);
	}
}

/* musl's internal locks. */
void __lock(volatile int *lock)
{
	if (libc.need_locks) {
		__faasmrun_lock(lock);
	}
}

void __unlock(volatile int *lock)
{
	if (*lock) {
		__faasmrun_unlock(lock);
	}
}

/* Nanoseconds from now until t, at least 0. */
static long long until(clockid_t clock, const struct timespec *t)
{
	struct timespec now;
	clock_gettime(clock, &now);
	long long left = (t->tv_sec - now.tv_sec) * 1000000000LL + (t->tv_nsec - now.tv_nsec);
	return left < 0 ? 0 : left;
}

#define TIMED_OUT 2 /* as the instruction says it */

/* Waits as long as the value is there, at most left nanoseconds, of which there are some. A single thread is woken by nobody. */
static int wait_for(volatile int *address, int value, long long left)
{
	if (libc.threaded) {
		return __builtin_wasm_memory_atomic_wait32((int *)address, value, left);
	}
	if (*address != value) {
		return 1;
	}
	int saved = errno;
	struct timespec t = { left / 1000000000, left % 1000000000 };
	while (nanosleep(&t, &t) && errno == EINTR) {
	}
	errno = saved;
	return TIMED_OUT;
}

/* ---- Identity ---- */

#undef pthread_equal
pthread_t pthread_self(void) { return (pthread_t)&__faasmrun_self; }
int getpid(void);
int gettid(void) { return getpid() + __faasmrun_self.tid - 1; } /* the first thread's is the process' */
int pthread_equal(pthread_t a, pthread_t b) { return a == b; }

/* ---- Mutexes. The type stands in the low bits of an attribute; a normal one does not look at its owner. ---- */

#define M_TYPE(m) ((m)->__u.__i[0])
#define M_LOCK(m) (&(m)->__u.__vi[1])
#define M_OWNER(m) ((m)->__u.__vi[2])
#define M_COUNT(m) ((m)->__u.__i[5])

int pthread_mutex_init(pthread_mutex_t *restrict m, const pthread_mutexattr_t *restrict a)
{
	memset(m, 0, sizeof *m);
	if (a) {
		M_TYPE(m) = a->__attr & 3;
	}
	return 0;
}

int pthread_mutex_destroy(pthread_mutex_t *m)
{
	return *M_LOCK(m) ? EBUSY : 0;
}

/* What a mutex that looks at its owner answers its owner; -1: somebody else's. */
static int relock(pthread_mutex_t *m, int busy)
{
	if (M_TYPE(m) == PTHREAD_MUTEX_NORMAL || M_OWNER(m) != __faasmrun_self.tid) {
		return -1;
	}
	if (M_TYPE(m) == PTHREAD_MUTEX_ERRORCHECK) {
		return busy;
	}
	if (M_COUNT(m) == INT_MAX) {
		return EAGAIN;
	}
	M_COUNT(m)++;
	return 0;
}

int pthread_mutex_trylock(pthread_mutex_t *m)
{
	int mine = relock(m, EBUSY);
	if (mine >= 0) {
		return mine;
	}
	if (!__faasmrun_trylock(M_LOCK(m))) {
		return EBUSY;
	}
	M_OWNER(m) = __faasmrun_self.tid;
	return 0;
}

int pthread_mutex_lock(pthread_mutex_t *m)
{
	int mine = relock(m, EDEADLK);
	if (mine >= 0) {
		return mine;
	}
	__faasmrun_lock(M_LOCK(m));
	M_OWNER(m) = __faasmrun_self.tid;
	return 0;
}

int pthread_mutex_timedlock(pthread_mutex_t *restrict m, const struct timespec *restrict t)
{
	int mine = relock(m, EDEADLK);
	if (mine >= 0) {
		return mine;
	}
	while (!__faasmrun_trylock(M_LOCK(m))) {
		long long left = until(CLOCK_REALTIME, t);
		if (!left) {
			return ETIMEDOUT;
		}
		if (cas(M_LOCK(m), 1, 2) != 0) {
			wait_for(M_LOCK(m), 2, left);
		}
	}
	M_OWNER(m) = __faasmrun_self.tid;
	return 0;
}

int pthread_mutex_unlock(pthread_mutex_t *m)
{
	if (M_TYPE(m) != PTHREAD_MUTEX_NORMAL) {
		if (M_OWNER(m) != __faasmrun_self.tid) {
			return EPERM;
		}
		if (M_COUNT(m)) {
			M_COUNT(m)--;
			return 0;
		}
	}
	M_OWNER(m) = 0;
	__faasmrun_unlock(M_LOCK(m));
	return 0;
}

int pthread_mutexattr_init(pthread_mutexattr_t *a) { a->__attr = 0; return 0; }
int pthread_mutexattr_destroy(pthread_mutexattr_t *a) { (void)a; return 0; }
int pthread_mutexattr_gettype(const pthread_mutexattr_t *restrict a, int *restrict type) { *type = a->__attr & 3; return 0; }
int pthread_mutexattr_setpshared(pthread_mutexattr_t *a, int shared) { (void)a; return shared ? ENOTSUP : 0; }

int pthread_mutexattr_settype(pthread_mutexattr_t *a, int type)
{
	if ((unsigned)type > 2) {
		return EINVAL;
	}
	a->__attr = type;
	return 0;
}

/* ---- Condition variables: a sequence number that every signal moves on. ---- */

#define C_SEQUENCE(c) (&(c)->__u.__vi[2])
#define C_CLOCK(c) ((c)->__u.__i[4])

int pthread_cond_init(pthread_cond_t *restrict c, const pthread_condattr_t *restrict a)
{
	memset(c, 0, sizeof *c);
	if (a) {
		C_CLOCK(c) = a->__attr;
	}
	return 0;
}

int pthread_cond_destroy(pthread_cond_t *c) { (void)c; return 0; }

static int cond_wake(pthread_cond_t *c, int count)
{
	__sync_fetch_and_add(C_SEQUENCE(c), 1);
	__wake(C_SEQUENCE(c), count, 1);
	return 0;
}

int pthread_cond_signal(pthread_cond_t *c) { return cond_wake(c, 1); }
int pthread_cond_broadcast(pthread_cond_t *c) { return cond_wake(c, -1); }

int pthread_cond_wait(pthread_cond_t *restrict c, pthread_mutex_t *restrict m)
{
	int sequence = *C_SEQUENCE(c);
	int err = pthread_mutex_unlock(m);
	if (err) {
		return err;
	}
	__futexwait(C_SEQUENCE(c), sequence, 1);
	return pthread_mutex_lock(m);
}

int pthread_cond_timedwait(pthread_cond_t *restrict c, pthread_mutex_t *restrict m, const struct timespec *restrict t)
{
	int sequence = *C_SEQUENCE(c);
	int err = pthread_mutex_unlock(m);
	if (err) {
		return err;
	}
	long long left = until(C_CLOCK(c) ? CLOCK_MONOTONIC : CLOCK_REALTIME, t);
	int woken = left ? wait_for(C_SEQUENCE(c), sequence, left) : TIMED_OUT;
	err = pthread_mutex_lock(m);
	return err ? err : woken == TIMED_OUT ? ETIMEDOUT : 0;
}

int pthread_condattr_init(pthread_condattr_t *a) { a->__attr = 0; return 0; }
int pthread_condattr_destroy(pthread_condattr_t *a) { (void)a; return 0; }
int pthread_condattr_setclock(pthread_condattr_t *a, clockid_t clock) { a->__attr = clock == CLOCK_MONOTONIC; return 0; }
int pthread_condattr_setpshared(pthread_condattr_t *a, int shared) { (void)a; return shared ? ENOTSUP : 0; }

/* ---- Once: 0 not yet, 1 running, 2 done. ---- */

int pthread_once(pthread_once_t *once, void (*f)(void))
{
	while (*(volatile int *)once != 2) {
		if (cas(once, 0, 1) == 0) {
			f();
			__atomic_store_n((int *)once, 2, __ATOMIC_SEQ_CST);
			__wake(once, -1, 1);
		} else if (*(volatile int *)once == 1) {
			__futexwait(once, 1, 1);
		}
	}
	return 0;
}

/* ---- Keys ---- */

#define KEYS 128 /* PTHREAD_KEYS_MAX */
static void (*key_destructors[KEYS])(void *);
static volatile int key_used[KEYS];
static _Thread_local void *key_values[KEYS];

int pthread_key_create(pthread_key_t *key, void (*destructor)(void *))
{
	for (int i = 1; i < KEYS; i++) { /* 0 stays free: programs take it for "no key" */
		if (!cas(&key_used[i], 0, 1)) {
			key_destructors[i] = destructor;
			*key = i;
			return 0;
		}
	}
	return EAGAIN;
}

int pthread_key_delete(pthread_key_t key)
{
	if (key >= KEYS || !key_used[key]) {
		return EINVAL;
	}
	key_destructors[key] = 0;
	__atomic_store_n((int *)&key_used[key], 0, __ATOMIC_SEQ_CST);
	return 0;
}

void *pthread_getspecific(pthread_key_t key) { return key < KEYS ? key_values[key] : 0; }

int pthread_setspecific(pthread_key_t key, const void *value)
{
	if (key >= KEYS || !key_used[key]) {
		return EINVAL;
	}
	key_values[key] = (void *)value;
	return 0;
}

/* ---- C++'s thread_local variables with destructors, which run when their thread ends, before the keys' ---- */

struct ending {
	struct ending *next;
	void (*f)(void *);
	void *argument;
};
static _Thread_local struct ending *endings;

weak int __cxa_thread_atexit_impl(void (*f)(void *), void *argument, void *dso)
{
	struct ending *e = malloc(sizeof *e);
	if (!e) {
		return -1;
	}
	*e = (struct ending){ endings, f, argument };
	endings = e;
	return 0;
}

/* exit calls this too, before all that atexit was given: the first thread's variables end before the static ones. */
void __faasmrun_end_thread_locals(void)
{
	while (endings) {
		struct ending e = *endings;
		free(endings);
		endings = e.next;
		e.f(e.argument);
	}
}

/* The runtime calls this when a thread ends. */
void __faasmrun_thread_exit(void)
{
	__faasmrun_end_thread_locals();
	for (int round = 0; round < PTHREAD_DESTRUCTOR_ITERATIONS; round++) {
		for (int i = 1; i < KEYS; i++) {
			void *value = key_values[i];
			key_values[i] = 0;
			if (value && key_destructors[i]) {
				key_destructors[i](value);
			}
		}
	}
}

/* ---- Read-write locks: -1 written, else the number of readers. ---- */

#define RW(l) (&(l)->__u.__vi[0])

int pthread_rwlock_init(pthread_rwlock_t *restrict l, const pthread_rwlockattr_t *restrict a)
{
	(void)a;
	memset(l, 0, sizeof *l);
	return 0;
}

int pthread_rwlock_destroy(pthread_rwlock_t *l) { return *RW(l) ? EBUSY : 0; }

int pthread_rwlock_tryrdlock(pthread_rwlock_t *l)
{
	for (;;) {
		int readers = *RW(l);
		if (readers < 0) {
			return EBUSY;
		}
		if (cas(RW(l), readers, readers + 1) == readers) {
			return 0;
		}
	}
}

int pthread_rwlock_trywrlock(pthread_rwlock_t *l) { return cas(RW(l), 0, -1) ? EBUSY : 0; }

int pthread_rwlock_rdlock(pthread_rwlock_t *l)
{
	while (pthread_rwlock_tryrdlock(l)) {
		__futexwait(RW(l), -1, 1);
	}
	return 0;
}

int pthread_rwlock_timedrdlock(pthread_rwlock_t *restrict l, const struct timespec *restrict t)
{
	while (pthread_rwlock_tryrdlock(l)) {
		long long left = until(CLOCK_REALTIME, t);
		if (!left) {
			return ETIMEDOUT;
		}
		wait_for(RW(l), -1, left);
	}
	return 0;
}

int pthread_rwlock_wrlock(pthread_rwlock_t *l)
{
	while (pthread_rwlock_trywrlock(l)) {
		int held = *RW(l);
		if (held) {
			__futexwait(RW(l), held, 1);
		}
	}
	return 0;
}

int pthread_rwlock_timedwrlock(pthread_rwlock_t *restrict l, const struct timespec *restrict t)
{
	while (pthread_rwlock_trywrlock(l)) {
		int held = *RW(l);
		long long left = until(CLOCK_REALTIME, t);
		if (!left) {
			return ETIMEDOUT;
		}
		if (held) {
			wait_for(RW(l), held, left);
		}
	}
	return 0;
}

int pthread_rwlock_unlock(pthread_rwlock_t *l)
{
	if (*RW(l) < 0) {
		__atomic_store_n((int *)RW(l), 0, __ATOMIC_SEQ_CST);
	} else {
		__sync_fetch_and_sub(RW(l), 1);
	}
	__wake(RW(l), -1, 1);
	return 0;
}

int pthread_rwlockattr_init(pthread_rwlockattr_t *a) { memset(a, 0, sizeof *a); return 0; }
int pthread_rwlockattr_destroy(pthread_rwlockattr_t *a) { (void)a; return 0; }

/* ---- Spin locks sleep too: a thread that spins starves the others of its host. ---- */

int pthread_spin_init(pthread_spinlock_t *s, int shared) { (void)shared; *s = 0; return 0; }
int pthread_spin_destroy(pthread_spinlock_t *s) { (void)s; return 0; }
int pthread_spin_lock(pthread_spinlock_t *s) { __faasmrun_lock((volatile int *)s); return 0; }
int pthread_spin_trylock(pthread_spinlock_t *s) { return __faasmrun_trylock((volatile int *)s) ? 0 : EBUSY; }
int pthread_spin_unlock(pthread_spinlock_t *s) { __faasmrun_unlock((volatile int *)s); return 0; }

/* ---- Barriers: the last to arrive opens the next generation. ---- */

#define B_GENERATION(b) (&(b)->__u.__vi[0])
#define B_LIMIT(b) ((b)->__u.__i[2])
#define B_ARRIVED(b) (&(b)->__u.__vi[3])

int pthread_barrier_init(pthread_barrier_t *restrict b, const pthread_barrierattr_t *restrict a, unsigned count)
{
	(void)a;
	memset(b, 0, sizeof *b);
	B_LIMIT(b) = count;
	return count ? 0 : EINVAL;
}

int pthread_barrier_destroy(pthread_barrier_t *b) { (void)b; return 0; }

int pthread_barrier_wait(pthread_barrier_t *b)
{
	int generation = *B_GENERATION(b);
	if (__sync_add_and_fetch(B_ARRIVED(b), 1) == B_LIMIT(b)) {
		*B_ARRIVED(b) = 0;
		__sync_fetch_and_add(B_GENERATION(b), 1);
		__wake(B_GENERATION(b), -1, 1);
		return PTHREAD_BARRIER_SERIAL_THREAD;
	}
	while (*B_GENERATION(b) == generation) {
		__futexwait(B_GENERATION(b), generation, 1);
	}
	return 0;
}

/* ---- Semaphores ---- */

int sem_init(sem_t *s, int shared, unsigned value)
{
	if (shared) {
		errno = ENOSYS;
		return -1;
	}
	memset(s, 0, sizeof *s);
	s->__val[0] = value;
	return 0;
}

int sem_destroy(sem_t *s) { (void)s; return 0; }
int sem_getvalue(sem_t *restrict s, int *restrict value) { *value = s->__val[0]; return 0; }

int sem_post(sem_t *s)
{
	__sync_fetch_and_add(&s->__val[0], 1);
	__wake(&s->__val[0], 1, 1);
	return 0;
}

int sem_trywait(sem_t *s)
{
	for (;;) {
		int value = s->__val[0];
		if (value <= 0) {
			errno = EAGAIN;
			return -1;
		}
		if (cas(&s->__val[0], value, value - 1) == value) {
			return 0;
		}
	}
}

int sem_wait(sem_t *s)
{
	int saved = errno;
	while (sem_trywait(s)) {
		__futexwait(&s->__val[0], 0, 1);
	}
	errno = saved;
	return 0;
}

int sem_timedwait(sem_t *restrict s, const struct timespec *restrict t)
{
	while (sem_trywait(s)) {
		long long left = until(CLOCK_REALTIME, t);
		if (!left) {
			errno = ETIMEDOUT;
			return -1;
		}
		wait_for(&s->__val[0], 0, left);
	}
	return 0;
}

/* ---- Threads and their attributes ---- */

#define A_STACK(a) ((a)->__u.__s[0])
#define A_DETACHED(a) ((a)->__u.__i[3])
#define DEFAULT_STACK (1 << 20)

int pthread_attr_init(pthread_attr_t *a) { memset(a, 0, sizeof *a); return 0; }
int pthread_attr_destroy(pthread_attr_t *a) { (void)a; return 0; }
int pthread_attr_getdetachstate(const pthread_attr_t *a, int *state) { *state = A_DETACHED(a); return 0; }
int pthread_attr_setdetachstate(pthread_attr_t *a, int state) { A_DETACHED(a) = state; return 0; }
int pthread_attr_setstacksize(pthread_attr_t *a, size_t size) { A_STACK(a) = size; return 0; }
int pthread_attr_setscope(pthread_attr_t *a, int scope) { (void)a; return scope == PTHREAD_SCOPE_SYSTEM ? 0 : ENOTSUP; }

int pthread_attr_getstacksize(const pthread_attr_t *restrict a, size_t *restrict size)
{
	*size = A_STACK(a) ? A_STACK(a) : DEFAULT_STACK;
	return 0;
}

/* The runtime that owns the threads' instances defines these. */
weak int __faasmrun_spawn(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *argument) { return EAGAIN; }
weak int __faasmrun_join(pthread_t t, void **result) { return ESRCH; }
weak int __faasmrun_detach(pthread_t t) { return ESRCH; }
weak _Noreturn void __faasmrun_thread_leave(void *result) { exit(0); }

FAILS(EAGAIN) int pthread_create(pthread_t *restrict t, const pthread_attr_t *restrict a, void *(*f)(void *), void *restrict argument)
{
	return __faasmrun_spawn(t, a, f, argument);
}

int pthread_join(pthread_t t, void **result) { return t == pthread_self() ? EDEADLK : __faasmrun_join(t, result); }
int pthread_detach(pthread_t t) { return __faasmrun_detach(t); }

_Noreturn void pthread_exit(void *result)
{
	while (__faasmrun_self.cleanup) {
		struct __ptcb *cb = __faasmrun_self.cleanup;
		__faasmrun_self.cleanup = cb->__next;
		cb->__f(cb->__x);
	}
	__faasmrun_thread_exit();
	__faasmrun_thread_leave(result);
}

void _pthread_cleanup_push(struct __ptcb *cb, void (*f)(void *), void *argument)
{
	cb->__f = f;
	cb->__x = argument;
	cb->__next = __faasmrun_self.cleanup;
	__faasmrun_self.cleanup = cb;
}

void _pthread_cleanup_pop(struct __ptcb *cb, int run)
{
	__faasmrun_self.cleanup = cb->__next;
	if (run) {
		cb->__f(cb->__x);
	}
}

/* Cancellation: nobody can be cancelled; the state and the type are kept for who asks. */
static _Thread_local int cancel_state, cancel_type;

static int change(int *kept, int value, int *old)
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

int pthread_setcancelstate(int state, int *old) { return change(&cancel_state, state, old); }
int pthread_setcanceltype(int type, int *old) { return change(&cancel_type, type, old); }
FAILS(ENOSYS) int pthread_cancel(pthread_t t) { (void)t; return ENOSYS; }
void pthread_testcancel(void) {}

/* There is no fork, so its handlers are never called. */
int pthread_atfork(void (*before)(void), void (*parent)(void), void (*child)(void)) { (void)before; (void)parent; (void)child; return 0; }
int pthread_getconcurrency(void) { return 0; }
int pthread_setconcurrency(int level) { return level < 0 ? EINVAL : 0; }
