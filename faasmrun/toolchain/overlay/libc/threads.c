/*
 * Threads for wasi-libc: what it keeps of each thread, and the locks that malloc, stdio and locale take. What programs use of
 * pthread.h is in overlay/compat.
 *
 * A lock is an int: 0 free, 1 held, 2 held with waiters. Waiting is memory.atomic.wait32, which exists in a shared memory
 * alone: in a program without threads nothing is ever held by somebody else.
 */
#include <stdlib.h>
#include <string.h>
#include "locale_impl.h"
#include "pthread_impl.h"
#include "stdio_impl.h"

/* ---- The thread itself ---- */

_Thread_local struct __pthread __faasmrun_self = { .tid = 1, .locale = &__libc.global_locale };

uintptr_t __get_tp(void)
{
	return (uintptr_t)&__faasmrun_self;
}

_Thread_local int __faasmrun_tid = 1;

__attribute__((import_module("faasmrun"), import_name("thread_self"))) int __faasmrun_host_thread_self(void);

/* The runtime calls this once in each new thread, after __wasm_init_tls. */
void __faasmrun_thread_enter(void)
{
	__faasmrun_tid = __faasmrun_self.tid = __faasmrun_host_thread_self() + 1;
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

