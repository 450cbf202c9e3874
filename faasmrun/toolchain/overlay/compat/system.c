/*
 * Memory, messages, logs and what else programs ask of a system. Protecting pages, keeping them in memory and sharing them with
 * others is refused, for a program that relies on them must know.
 */
#include <err.h>
#include <errno.h>
#include <error.h>
#include <execinfo.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
#include "fails.h"

#define WEAK __attribute__((weak))

extern char *__progname WEAK, *__progname_full WEAK;

static int unsupported(void)
{
	errno = ENOSYS;
	return -1;
}

/* Advice changes nothing but the contents, where it is to be forgotten: pages read as zeros after MADV_DONTNEED. */
WEAK int madvise(void *at, size_t size, int advice)
{
	if (advice == MADV_DONTNEED) {
		if ((uintptr_t)at % 4096) {
			errno = EINVAL;
			return -1;
		}
		memset(at, 0, size);
	}
	return 0;
}

WEAK int posix_madvise(void *at, size_t size, int advice) { return 0; }

/* A job's control group may swap. */
static int unlockable(void)
{
	errno = EPERM;
	return -1;
}

FAILS(EPERM) int mlock(const void *at, size_t size) { return size ? unlockable() : 0; }
WEAK int munlock(const void *at, size_t size) { return 0; }
FAILS(EPERM) int mlockall(int flags) { return unlockable(); }
WEAK int munlockall(void) { return 0; }
FAILS(ENOSYS) int mprotect(void *at, size_t size, int protection) { return unsupported(); }
FAILS(ENOSYS) void *mremap(void *at, size_t old, size_t size, int flags, ...) { errno = ENOSYS; return MAP_FAILED; }
FAILS(ENOSYS) int shm_open(const char *name, int flags, mode_t mode) { return unsupported(); }
FAILS(ENOSYS) int shm_unlink(const char *name) { return unsupported(); }

/* ---- malloc.h ---- */

WEAK void *memalign(size_t alignment, size_t size)
{
	void *at;
	int err = posix_memalign(&at, alignment < sizeof at ? sizeof at : alignment, size);
	if (err) {
		errno = err;
		return NULL;
	}
	return at;
}

#define PAGE 65536UL

WEAK void *valloc(size_t size) { return memalign(PAGE, size); }
WEAK void *pvalloc(size_t size) { return memalign(PAGE, (size + PAGE - 1) & -PAGE); }

extern char __heap_base;

WEAK struct mallinfo2 mallinfo2(void)
{
	size_t got = __builtin_wasm_memory_size(0) * PAGE - (size_t)&__heap_base;
	return (struct mallinfo2){ .arena = got, .uordblks = got };
}

WEAK struct mallinfo mallinfo(void)
{
	struct mallinfo2 info = mallinfo2();
	return (struct mallinfo){ .arena = (int)info.arena, .uordblks = (int)info.uordblks };
}

WEAK int malloc_trim(size_t pad) { return 0; } /* nothing can be given back */
WEAK int mallopt(int parameter, int value) { return 0; }

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

long __faasmrun_pages(int available) /* for libc's sysconf */
{
	struct sysinfo info;
	sysinfo(&info);
	return (available ? info.freeram : info.totalram) / PAGE;
}

FAILS(-1) int getloadavg(double *averages, int count) { return -1; }

/* ---- Functions of glibc's ---- */

WEAK void *rawmemchr(const void *at, int byte) { return memchr(at, byte, SIZE_MAX - (size_t)at); }

typedef int compare(const void *, const void *, void *);

static _Thread_local struct order {
	compare *compare;
	void *argument;
} order;

static int by_order(const void *a, const void *b) { return order.compare(a, b, order.argument); }

WEAK void qsort_r(void *at, size_t count, size_t size, compare *f, void *argument)
{
	struct order outer = order;
	order = (struct order){ f, argument };
	qsort(at, count, size, by_order);
	order = outer;
}

/* ---- syslog.h ---- */

static struct {
	const char *name;
	int options, mask;
} syslogger = { .mask = 0xff };

WEAK void openlog(const char *name, int options, int facility)
{
	syslogger.name = name;
	syslogger.options = options;
}

WEAK void closelog(void) { syslogger.name = NULL, syslogger.options = 0; }

WEAK int setlogmask(int mask)
{
	int before = syslogger.mask;
	syslogger.mask = mask ? mask : before;
	return before;
}

WEAK void vsyslog(int priority, const char *format, va_list args)
{
	if (!(syslogger.options & LOG_PERROR) || !(syslogger.mask & LOG_MASK(LOG_PRI(priority)))) {
		return;
	}
	const char *name = syslogger.name ? syslogger.name : &__progname && __progname ? __progname : "";
	fprintf(stderr, syslogger.options & LOG_PID ? "%s[%d]: " : "%s: ", name, getpid());
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

WEAK void syslog(int priority, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsyslog(priority, format, args);
	va_end(args);
}

/* ---- err.h and error.h ---- */

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

WEAK unsigned error_message_count;
WEAK int error_one_per_line;
WEAK void (*error_print_progname)(void);

static void report(int status, int error, const char *file, unsigned line, const char *format, va_list args)
{
	static const char *last_file;
	static unsigned last_line;
	if (file && error_one_per_line) {
		if (line == last_line && last_file && !strcmp(file, last_file)) {
			return;
		}
		last_file = file;
		last_line = line;
	}
	fflush(stdout);
	if (error_print_progname) {
		error_print_progname();
	} else if (&__progname_full && __progname_full) {
		fprintf(stderr, file ? "%s:" : "%s: ", __progname_full);
	}
	if (file) {
		fprintf(stderr, "%s:%u: ", file, line);
	}
	vfprintf(stderr, format, args);
	if (error) {
		fprintf(stderr, ": %s", strerror(error));
	}
	fputc('\n', stderr);
	error_message_count++;
	if (status) {
		exit(status);
	}
}

WEAK void error(int status, int error, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	report(status, error, NULL, 0, format, args);
	va_end(args);
}

WEAK void error_at_line(int status, int error, const char *file, unsigned line, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	report(status, error, file, line, format, args);
	va_end(args);
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
