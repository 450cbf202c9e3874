/*
 * Attributes of threads. What needs more than a rank has (priorities, processors to bind to) answers as a system does that does not
 * offer it.
 */
#include <sched.h>
#include "thread.h"

#define STACK (2 << 20)   /* of a thread whose attributes do not say */
#define GUARD (64 << 10)  /* below a stack: a function whose variables take more can come past it */

static pthread_attr_t standard = { .__u.__s = { STACK, GUARD } };

WEAK int pthread_attr_init(pthread_attr_t *a) { *a = standard; return 0; }
WEAK int pthread_attr_destroy(pthread_attr_t *a) { return 0; }
WEAK int pthread_getattr_default_np(pthread_attr_t *a) { *a = standard; return 0; }

WEAK int pthread_setattr_default_np(const pthread_attr_t *a)
{
	if (A_ADDRESS(a) || A_DETACHED(a)) {
		return EINVAL;
	}
	standard = *a;
	return 0;
}

WEAK int pthread_attr_getdetachstate(const pthread_attr_t *a, int *state) { *state = A_DETACHED(a); return 0; }

WEAK int pthread_attr_setdetachstate(pthread_attr_t *a, int state)
{
	if (state != PTHREAD_CREATE_JOINABLE && state != PTHREAD_CREATE_DETACHED) {
		return EINVAL;
	}
	A_DETACHED(a) = state;
	return 0;
}

WEAK int pthread_attr_getstacksize(const pthread_attr_t *restrict a, size_t *restrict size) { *size = A_STACK(a); return 0; }
WEAK int pthread_attr_getguardsize(const pthread_attr_t *restrict a, size_t *restrict size) { *size = A_GUARD(a); return 0; }
WEAK int pthread_attr_setguardsize(pthread_attr_t *a, size_t size) { A_GUARD(a) = size; return 0; }

WEAK int pthread_attr_setstacksize(pthread_attr_t *a, size_t size)
{
	if (size < PTHREAD_STACK_MIN) {
		return EINVAL;
	}
	A_STACK(a) = size;
	return 0;
}

WEAK int pthread_attr_getstack(const pthread_attr_t *restrict a, void **restrict at, size_t *restrict size)
{
	*at = (void *)A_ADDRESS(a);
	*size = A_STACK(a);
	return 0;
}

WEAK int pthread_attr_setstack(pthread_attr_t *a, void *at, size_t size)
{
	if (size < PTHREAD_STACK_MIN || (uintptr_t)at % 16 || ((uintptr_t)at + size) % 16) {
		return EINVAL;
	}
	A_ADDRESS(a) = (uintptr_t)at;
	A_STACK(a) = size;
	return 0;
}

WEAK int pthread_attr_getinheritsched(const pthread_attr_t *restrict a, int *restrict v) { *v = a->__u.__i[7]; return 0; }

/* All have the same policy and priority: inherited or not makes no difference. */
WEAK int pthread_attr_setinheritsched(pthread_attr_t *a, int v)
{
	if (v != PTHREAD_INHERIT_SCHED && v != PTHREAD_EXPLICIT_SCHED) {
		return EINVAL;
	}
	a->__u.__i[7] = v;
	return 0;
}

WEAK int pthread_attr_getschedpolicy(const pthread_attr_t *restrict a, int *restrict v) { *v = SCHED_OTHER; return 0; }
WEAK int pthread_attr_getscope(const pthread_attr_t *restrict a, int *restrict v) { *v = PTHREAD_SCOPE_SYSTEM; return 0; }

WEAK int pthread_attr_setschedpolicy(pthread_attr_t *a, int v)
{
	return v == SCHED_OTHER ? 0 : v == SCHED_FIFO || v == SCHED_RR ? ENOTSUP : EINVAL;
}

WEAK int pthread_attr_setscope(pthread_attr_t *a, int v)
{
	return v == PTHREAD_SCOPE_SYSTEM ? 0 : v == PTHREAD_SCOPE_PROCESS ? ENOTSUP : EINVAL;
}

WEAK int pthread_attr_getschedparam(const pthread_attr_t *restrict a, struct sched_param *restrict p)
{
	memset(p, 0, sizeof *p);
	return 0;
}

WEAK int pthread_attr_setschedparam(pthread_attr_t *restrict a, const struct sched_param *restrict p)
{
	return p->sched_priority ? ENOTSUP : 0;
}

WEAK int pthread_attr_getaffinity_np(const pthread_attr_t *a, size_t size, cpu_set_t *set) { return sched_getaffinity(0, size, set) ? errno : 0; }
WEAK int pthread_attr_setaffinity_np(pthread_attr_t *a, size_t size, const cpu_set_t *set) { return sched_setaffinity(0, size, set) ? errno : 0; }
