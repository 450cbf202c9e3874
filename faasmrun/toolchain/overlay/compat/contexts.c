/* ucontext.h: a program can't leave its stack of calls for another, for it is the engine's. */
#include <errno.h>
#include <ucontext.h>
#include "fails.h"

static int unsupported(void)
{
	errno = ENOSYS;
	return -1;
}

FAILS(ENOSYS) int getcontext(ucontext_t *context) { return unsupported(); }
FAILS(ENOSYS) int setcontext(const ucontext_t *context) { return unsupported(); }
FAILS(ENOSYS) int swapcontext(ucontext_t *restrict from, const ucontext_t *restrict to) { return unsupported(); }
FAILS(ENOSYS) void makecontext(ucontext_t *context, void (*function)(void), int count, ...) { unsupported(); }
