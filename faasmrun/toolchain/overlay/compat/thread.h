/*
 * What the files of pthread.h share: a thread as pthread_t names it, the host's calls about threads, and the one way to wait.
 */
#ifndef FAASMRUN_THREAD_H
#define FAASMRUN_THREAD_H

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include "fails.h"
#include "host.h"

#define WEAK __attribute__((weak))

#define NAME 16 /* bytes of a thread's name, as on Linux */

/* A thread. Its memory is used for another once both its end and its state allow it, and is never given back: what is named by a
   pthread_t that is no longer valid can be looked at. */
struct __pthread {
	/* What the host sees of it (worker/rank/pthreads.go). It writes where the stack is, if that is 0 and so its to choose, and in the
	   end that nothing of the thread runs any more, of which it notifies. */
	uint64_t stack, size, guard;
	volatile int alive;

	volatile int state;
	void *(*f)(void *);
	void *argument, *result;
	char name[NAME];
	struct __pthread *next; /* of all that were ever made */
};

enum { UNUSED, JOINABLE, JOINED, DETACHED }; /* of state */

extern _Thread_local int __faasmrun_tid; /* libc/threads.c; the host's number of the thread, and 1 */

/* pointers.c */
void *__call_start_routine(void *(*f)(void *), void *argument);
void __call_cleanup(void (*f)(void *), void *argument);
void __call_once(void (*f)(void));

/* ---- Waiting ---- */

/* In which function a thread waits, for who asks why nothing goes on (worker/futex/function.go). */
enum {
	IN_MUTEX_LOCK = 1,
	IN_COND_WAIT,
	IN_JOIN,
	IN_RDLOCK,
	IN_WRLOCK,
	IN_BARRIER_WAIT,
	IN_SEM_WAIT,
	IN_ONCE,
	IN_SPIN_LOCK,
	IN_COND_DESTROY,
	IN_BARRIER_DESTROY,
	IN_EXIT,
};

enum { WOKEN, NOT_EQUAL, TIMED_OUT }; /* what a wait returns */

#define FOREVER (-1LL)

/* Waits as long as the value is there, at most so many nanoseconds. */
static inline int wait_for(volatile int *address, int value, long long nanoseconds, int function)
{
	return __faasmrun_host_thread_wait((uintptr_t)address, value, nanoseconds, function);
}

static inline void wake(volatile int *address, int count) { __faasmrun_host_thread_wake((uintptr_t)address, count); }

static inline int cas(volatile int *p, int expected, int desired)
{
	return __sync_val_compare_and_swap(p, expected, desired);
}

static inline int swap(volatile int *p, int value) { return __atomic_exchange_n((int *)p, value, __ATOMIC_SEQ_CST); }
static inline int load(volatile int *p) { return __atomic_load_n((int *)p, __ATOMIC_SEQ_CST); }
static inline void store(volatile int *p, int value) { __atomic_store_n((int *)p, value, __ATOMIC_SEQ_CST); }

/* Nanoseconds from now until t, at least 0; -EINVAL: t is no time, or the clock none that is waited by. */
long long __faasmrun_left(clockid_t clock, const struct timespec *t);

/* ---- Locks of our own state; see libc/threads.c. ---- */

void __faasmrun_lock(volatile int *);
int __faasmrun_trylock(volatile int *);
void __faasmrun_unlock(volatile int *);

/* ---- The end of a thread ---- */

void __faasmrun_end_thread_locals(void); /* libc/threads.c */
void __faasmrun_end_keys(void);          /* keys.c */
void __faasmrun_end_mutexes(void);       /* mutex.c */

/* ---- What attributes hold; attributes.c makes them. ---- */

#define A_STACK(a) ((a)->__u.__s[0])
#define A_GUARD(a) ((a)->__u.__s[1])
#define A_ADDRESS(a) ((a)->__u.__s[2])
#define A_DETACHED(a) ((a)->__u.__i[6])

#endif
