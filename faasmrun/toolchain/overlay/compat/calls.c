/*
 * What else of Unix's and Linux's calls programs make: of these the rank may do little. Who would become the system's owner is
 * refused with EPERM, what would start or leave a process with ENOSYS.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include "fails.h"

#define WEAK __attribute__((weak))

static int wrong(int error)
{
	errno = error;
	return -1;
}

FAILS(EPERM) int sethostname(const char *name, size_t size) { return wrong(EPERM); }
FAILS(EPERM) int chroot(const char *path) { return wrong(EPERM); }
FAILS(EPERM) int settimeofday(const struct timeval *t, const struct timezone *zone) { return wrong(EPERM); }

WEAK int adjtime(const struct timeval *delta, struct timeval *old)
{
	if (delta) {
		return wrong(EPERM);
	}
	if (old) {
		*old = (struct timeval){ 0 };
	}
	return 0;
}

FAILS(ENOSYS) int daemon(int stay, int keep) { return wrong(ENOSYS); }
FAILS(ENOSYS) int fexecve(int fd, char *const argv[], char *const envp[]) { return wrong(ENOSYS); }
FAILS(ENOMEM) int brk(void *end) { return wrong(ENOMEM); }

/* A rank leads its group, which it can't leave. */
WEAK int setpgid(pid_t process, pid_t group)
{
	if (process && process != getpid()) {
		return wrong(ESRCH);
	}
	return group == 0 || group == getpid() ? 0 : wrong(EPERM);
}

WEAK pid_t setpgrp(void) { return setpgid(0, 0); }

/* getentropy gives 256 bytes at a time. */
WEAK ssize_t getrandom(void *buf, size_t size, unsigned flags)
{
	if (flags & ~(unsigned)(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE)) {
		return wrong(EINVAL);
	}
	for (size_t done = 0; done < size;) {
		size_t part = size - done < 256 ? size - done : 256;
		if (getentropy((char *)buf + done, part)) {
			return done ? (ssize_t)done : -1;
		}
		done += part;
	}
	return (ssize_t)size;
}

/* There is no terminal to read it from. */
WEAK char *getpass(const char *prompt)
{
	errno = ENXIO;
	return NULL;
}

WEAK int prctl(int what, ...)
{
	va_list args;
	va_start(args, what);
	char *name = what == PR_SET_NAME || what == PR_GET_NAME ? va_arg(args, char *) : NULL;
	va_end(args);
	if (!name) {
		return wrong(EINVAL);
	}
	if (what == PR_GET_NAME) {
		return pthread_getname_np(pthread_self(), name, 16) ? wrong(EINVAL) : 0;
	}
	char kept[16] = "";
	strncpy(kept, name, sizeof kept - 1);
	return pthread_setname_np(pthread_self(), kept) ? wrong(EINVAL) : 0;
}

WEAK long syscall(long number, ...)
{
	va_list args;
	va_start(args, number);
	long result = -1;
	switch (number) {
	case SYS_gettid:
		result = gettid();
		break;
	case SYS_getpid:
		result = getpid();
		break;
	case SYS_getppid:
		result = getppid();
		break;
	case SYS_getuid:
	case SYS_geteuid:
		result = getuid();
		break;
	case SYS_getgid:
	case SYS_getegid:
		result = getgid();
		break;
	case SYS_sched_yield:
		result = sched_yield();
		break;
	case SYS_getcpu: {
		unsigned *cpu = va_arg(args, unsigned *), *node = va_arg(args, unsigned *);
		if (cpu) {
			*cpu = (unsigned)sched_getcpu();
		}
		if (node) {
			*node = 0;
		}
		result = 0;
		break;
	}
	case SYS_getrandom: {
		void *buf = va_arg(args, void *);
		size_t size = va_arg(args, size_t);
		result = getrandom(buf, size, 0);
		break;
	}
	default:
		errno = ENOSYS;
	}
	va_end(args);
	return result;
}

/* ---- Old names of time.h, stdlib.h and string.h ---- */

WEAK time_t timelocal(struct tm *tm) { return mktime(tm); }
WEAK int dysize(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 366 : 365; }
WEAK long long strtoq(const char *text, char **end, int base) { return strtoll(text, end, base); }
WEAK unsigned long long strtouq(const char *text, char **end, int base) { return strtoull(text, end, base); }

WEAK int rpmatch(const char *answer) { return *answer == 'y' || *answer == 'Y' ? 1 : *answer == 'n' || *answer == 'N' ? 0 : -1; }

WEAK void *memfrob(void *at, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		((char *)at)[i] ^= 42;
	}
	return at;
}
