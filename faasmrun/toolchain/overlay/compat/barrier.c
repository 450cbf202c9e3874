/*
 * Barriers: the last to arrive opens the next generation. A lock keeps arriving one step: of more threads than a barrier is for, one
 * may come between the last of a generation and the next.
 */
#include "thread.h"

#define B_GENERATION(b) (&(b)->__u.__vi[0])
#define B_LOCK(b) (&(b)->__u.__vi[1])
#define B_LIMIT(b) ((b)->__u.__i[2])
#define B_ARRIVED(b) ((b)->__u.__vi[3])
#define B_INSIDE(b) (&(b)->__u.__vi[4]) /* with DESTROYED */

#define DESTROYED INT_MIN

WEAK int pthread_barrier_init(pthread_barrier_t *restrict b, const pthread_barrierattr_t *restrict a, unsigned count)
{
	if (count == 0 || count > INT_MAX) {
		return EINVAL;
	}
	memset(b, 0, sizeof *b);
	B_LIMIT(b) = count;
	return 0;
}

/* Who comes out of a barrier may destroy it while others are on their way out. */
WEAK int pthread_barrier_destroy(pthread_barrier_t *b)
{
	__faasmrun_lock(B_LOCK(b));
	int waiting = B_ARRIVED(b);
	__faasmrun_unlock(B_LOCK(b));
	if (waiting) {
		return EBUSY;
	}
	int inside = __sync_fetch_and_or(B_INSIDE(b), DESTROYED) & ~DESTROYED;
	while (inside) {
		wait_for(B_INSIDE(b), inside | DESTROYED, FOREVER, IN_BARRIER_DESTROY);
		inside = load(B_INSIDE(b)) & ~DESTROYED;
	}
	return 0;
}

WEAK int pthread_barrier_wait(pthread_barrier_t *b)
{
	__sync_fetch_and_add(B_INSIDE(b), 1);
	__faasmrun_lock(B_LOCK(b));
	int generation = *B_GENERATION(b), last = ++B_ARRIVED(b) == B_LIMIT(b);
	if (last) {
		B_ARRIVED(b) = 0;
		store(B_GENERATION(b), generation + 1);
	}
	__faasmrun_unlock(B_LOCK(b));
	if (last) {
		wake(B_GENERATION(b), INT_MAX);
	}
	while (!last && load(B_GENERATION(b)) == generation) {
		wait_for(B_GENERATION(b), generation, FOREVER, IN_BARRIER_WAIT);
	}
	if (__sync_sub_and_fetch(B_INSIDE(b), 1) == DESTROYED) {
		wake(B_INSIDE(b), 1);
	}
	return last ? PTHREAD_BARRIER_SERIAL_THREAD : 0;
}

WEAK int pthread_barrierattr_init(pthread_barrierattr_t *a) { memset(a, 0, sizeof *a); return 0; }
WEAK int pthread_barrierattr_destroy(pthread_barrierattr_t *a) { return 0; }
WEAK int pthread_barrierattr_getpshared(const pthread_barrierattr_t *restrict a, int *restrict v) { *v = PTHREAD_PROCESS_PRIVATE; return 0; }

WEAK int pthread_barrierattr_setpshared(pthread_barrierattr_t *a, int shared)
{
	return shared == PTHREAD_PROCESS_PRIVATE ? 0 : shared == PTHREAD_PROCESS_SHARED ? ENOTSUP : EINVAL;
}
