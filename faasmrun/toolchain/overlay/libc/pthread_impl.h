/* What libc's own files see of a thread, in place of musl's: no cancellation, no robust lists, no signals. */
#ifndef _PTHREAD_IMPL_H
#define _PTHREAD_IMPL_H

#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <pthread.h>
#include <stdint.h>
#include "atomic.h"
#include "libc.h"

#define pthread __pthread

struct __pthread {
	struct __pthread *self;
	int tid;
	locale_t locale;
	void *stdio_locks; /* files that this thread holds by flockfile */
};

uintptr_t __get_tp(void);
#define __pthread_self() ((struct __pthread *)__get_tp())

static inline void __wake(volatile void *address, int count, int private_)
{
	(void)private_;
	__builtin_wasm_memory_atomic_notify((int *)(uintptr_t)address, count < 0 ? INT_MAX : count);
}

static inline void __futexwait(volatile void *address, int value, int private_)
{
	(void)private_;
	__builtin_wasm_memory_atomic_wait32((int *)(uintptr_t)address, value, -1);
}

#endif
