/* ucontext.h: a program can't leave its stack of calls for another, for it is the engine's. */
#include <errno.h>
#include <ucontext.h>

#define WEAK __attribute__((weak))

static int unsupported(void)
{
	errno = ENOSYS;
	return -1;
}

WEAK int getcontext(ucontext_t *context) { return unsupported(); }
WEAK int setcontext(const ucontext_t *context) { return unsupported(); }
WEAK int swapcontext(ucontext_t *restrict from, const ucontext_t *restrict to) { return unsupported(); }
WEAK void makecontext(ucontext_t *context, void (*function)(void), int count, ...) { unsupported(); }
