/*
 * Memory, messages and what else programs ask of a system. Advice about memory is taken and changes nothing; protecting
 * pages and sharing memory with others is refused, for a program that relies on them must know.
 */
#include <err.h>
#include <errno.h>
#include <execinfo.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>

#define WEAK __attribute__((weak))

extern char *__progname WEAK;

static int unsupported(void)
{
	errno = ENOSYS;
	return -1;
}

WEAK int madvise(void *at, size_t size, int advice) { return 0; }
WEAK int posix_madvise(void *at, size_t size, int advice) { return 0; }
WEAK int mlock(const void *at, size_t size) { return 0; }
WEAK int munlock(const void *at, size_t size) { return 0; }
WEAK int mlockall(int flags) { return 0; }
WEAK int munlockall(void) { return 0; }
WEAK int mprotect(void *at, size_t size, int protection) { return unsupported(); }
WEAK int msync(void *at, size_t size, int flags) { return unsupported(); }
WEAK void *mremap(void *at, size_t old, size_t size, int flags, ...) { errno = ENOSYS; return MAP_FAILED; }
WEAK int shm_open(const char *name, int flags, mode_t mode) { return unsupported(); }
WEAK int shm_unlink(const char *name) { return unsupported(); }

/* A lock that keeps nobody out would be worse than none. */
WEAK int flock(int fd, int operation)
{
	errno = ENOLCK;
	return -1;
}

WEAK char *secure_getenv(const char *name) { return getenv(name); }

WEAK int sysinfo(struct sysinfo *info)
{
	memset(info, 0, sizeof *info);
	info->totalram = 0xffffffff; /* all that a rank can address */
	info->freeram = info->totalram - __builtin_wasm_memory_size(0) * 65536UL;
	info->procs = 1;
	info->mem_unit = 1;
	return 0;
}

/* ---- err.h ---- */

static void say(int with_errno, const char *format, va_list args)
{
	int error = errno;
	if (&__progname && __progname) {
		fprintf(stderr, "%s: ", __progname);
	}
	if (format) {
		vfprintf(stderr, format, args);
	}
	if (with_errno) {
		fprintf(stderr, "%s%s", format ? ": " : "", strerror(error));
	}
	fputc('\n', stderr);
}

WEAK void vwarn(const char *format, va_list args) { say(1, format, args); }
WEAK void vwarnx(const char *format, va_list args) { say(0, format, args); }

WEAK _Noreturn void verr(int status, const char *format, va_list args)
{
	say(1, format, args);
	exit(status);
}

WEAK _Noreturn void verrx(int status, const char *format, va_list args)
{
	say(0, format, args);
	exit(status);
}

WEAK void warn(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vwarn(format, args);
	va_end(args);
}

WEAK void warnx(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vwarnx(format, args);
	va_end(args);
}

WEAK _Noreturn void err(int status, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	verr(status, format, args);
}

WEAK _Noreturn void errx(int status, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	verrx(status, format, args);
}

/* ---- execinfo.h: the program cannot see its own frames; a trap's backtrace comes from outside. ---- */

WEAK int backtrace(void **frames, int size) { return 0; }
WEAK char **backtrace_symbols(void *const *frames, int size) { return calloc(1, sizeof(char *)); }
WEAK void backtrace_symbols_fd(void *const *frames, int size, int fd) {}

/* ---- unwind.h: the same for a walk over the frames, which finds none. ---- */

#define END_OF_STACK 5

WEAK int _Unwind_Backtrace(int (*trace)(void *, void *), void *argument) { return END_OF_STACK; }
WEAK unsigned long _Unwind_GetIP(void *context) { return 0; }
WEAK unsigned long _Unwind_GetIPInfo(void *context, int *before) { *before = 0; return 0; }
WEAK unsigned long _Unwind_GetCFA(void *context) { return 0; }
WEAK void *_Unwind_FindEnclosingFunction(void *address) { return 0; }
