/*
 * abort: libc's, which traps at once, passes over the handler that a program may have for SIGABRT. It is a file of its own,
 * for nearly every program has it and few have handlers (signals.c).
 */
#include <stdlib.h>

void (*__faasmrun_on_abort)(void);

_Noreturn void abort(void)
{
	void __faasmrun_write_back(void) __attribute__((weak));
	if (__faasmrun_on_abort) {
		__faasmrun_on_abort();
	}
	if (__faasmrun_write_back) {
		__faasmrun_write_back();
	}
	__builtin_trap();
}
