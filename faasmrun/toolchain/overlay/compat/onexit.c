/* on_exit: functions that are told the status. They and atexit's are one list. */
#include <stdlib.h>

#define WEAK __attribute__((weak))

int __faasmrun_exit_status; /* libc's exit and the start file write it, where it is linked */

int __cxa_atexit(void (*)(void *), void *, void *);

struct handler {
	void (*f)(int, void *);
	void *argument;
};

static void call(void *handler)
{
	struct handler h = *(struct handler *)handler;
	free(handler);
	h.f(__faasmrun_exit_status, h.argument);
}

WEAK int on_exit(void (*f)(int, void *), void *argument)
{
	struct handler *h = malloc(sizeof *h);
	if (!h) {
		return -1;
	}
	*h = (struct handler){ f, argument };
	if (__cxa_atexit(call, h, NULL)) {
		free(h);
		return -1;
	}
	return 0;
}
