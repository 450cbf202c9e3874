/*
 * Processes: a rank is one, and can make no others. What would start one fails with ENOSYS; waiting finds no children.
 * Signals reach only the program itself, by raise or by kill of its own number.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WEAK __attribute__((weak)) /* a program may bring its own */

static int unsupported(void)
{
	errno = ENOSYS;
	return -1;
}

WEAK pid_t fork(void) { return unsupported(); }
WEAK pid_t vfork(void) { return unsupported(); }
WEAK int execv(const char *path, char *const argv[]) { return unsupported(); }
WEAK int execvp(const char *file, char *const argv[]) { return unsupported(); }
WEAK int execve(const char *path, char *const argv[], char *const envp[]) { return unsupported(); }
WEAK int execl(const char *path, const char *arg, ...) { return unsupported(); }
WEAK int execlp(const char *file, const char *arg, ...) { return unsupported(); }
WEAK int pipe(int fds[2]) { return unsupported(); }
WEAK int dup(int fd) { return unsupported(); }
WEAK int dup2(int from, int to) { return unsupported(); }

WEAK FILE *popen(const char *command, const char *mode)
{
	errno = ENOSYS;
	return NULL;
}

WEAK int pclose(FILE *f)
{
	errno = ECHILD;
	return -1;
}

/* system(NULL) asks whether there is a shell: no. */
WEAK int system(const char *command) { return command ? unsupported() : 0; }

WEAK pid_t waitpid(pid_t pid, int *status, int options)
{
	errno = ECHILD;
	return -1;
}

WEAK pid_t wait(int *status) { return waitpid(-1, status, 0); }

WEAK pid_t getppid(void) { return 1; }
WEAK pid_t getpgrp(void) { return getpid(); }
WEAK pid_t getpgid(pid_t pid) { return pid ? pid : getpid(); }
WEAK pid_t getsid(pid_t pid) { return pid ? pid : getpid(); }

WEAK pid_t setsid(void)
{
	errno = EPERM; /* the leader of a group already */
	return -1;
}

WEAK int kill(pid_t pid, int sig)
{
	if (pid != getpid() && pid != 0) {
		errno = ESRCH;
		return -1;
	}
	return sig ? raise(sig) : 0;
}

/* ---- Signals: handlers run for raise, abort and kill of oneself. Masks are kept nowhere: nothing arrives unasked. ---- */

WEAK int sigaction(int sig, const struct sigaction *restrict action, struct sigaction *restrict old)
{
	void (*before)(int);
	if (action) {
		before = signal(sig, action->sa_handler);
	} else {
		before = signal(sig, SIG_DFL);
		if (before != SIG_ERR) {
			signal(sig, before);
		}
	}
	if (before == SIG_ERR) {
		errno = EINVAL;
		return -1;
	}
	if (old) {
		memset(old, 0, sizeof *old);
		old->sa_handler = before;
	}
	return 0;
}

WEAK int sigemptyset(sigset_t *set) { memset(set, 0, sizeof *set); return 0; }
WEAK int sigfillset(sigset_t *set) { memset(set, 0xff, sizeof *set); return 0; }

/* The place of a signal in a set; 0 for one that wasi-libc's sigset_t, of one byte, has no room for: it is never a member. */
static int bit(int sig, unsigned char **byte, sigset_t *set)
{
	if (sig < 1 || sig > 64) {
		errno = EINVAL;
		return -1;
	}
	if ((unsigned)sig > 8 * sizeof *set) {
		*byte = (unsigned char *)set;
		return 0;
	}
	*byte = (unsigned char *)set + (sig - 1) / 8;
	return 1 << (sig - 1) % 8;
}

WEAK int sigaddset(sigset_t *set, int sig)
{
	unsigned char *byte;
	int mask = bit(sig, &byte, set);
	if (mask > 0) {
		*byte |= mask;
	}
	return mask < 0 ? -1 : 0;
}

WEAK int sigdelset(sigset_t *set, int sig)
{
	unsigned char *byte;
	int mask = bit(sig, &byte, set);
	if (mask > 0) {
		*byte &= ~mask;
	}
	return mask < 0 ? -1 : 0;
}

WEAK int sigismember(const sigset_t *set, int sig)
{
	unsigned char *byte;
	int mask = bit(sig, &byte, (sigset_t *)set);
	return mask < 0 ? -1 : (*byte & mask) != 0;
}

WEAK int sigprocmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
	if (old) {
		sigemptyset(old);
	}
	return 0;
}

WEAK int pthread_sigmask(int how, const sigset_t *restrict set, sigset_t *restrict old) { return sigprocmask(how, set, old); }

/* A stack for handlers is remembered, not used: they run on the stack of whoever raised the signal. */
static _Thread_local stack_t handlers = { .ss_flags = SS_DISABLE };

WEAK int sigaltstack(const stack_t *restrict stack, stack_t *restrict old)
{
	if (stack && stack->ss_flags & ~SS_DISABLE) {
		errno = EINVAL;
		return -1;
	}
	if (stack && !stack->ss_flags && stack->ss_size < MINSIGSTKSZ) {
		errno = ENOMEM;
		return -1;
	}
	stack_t before = handlers;
	if (stack) {
		handlers = *stack;
	}
	if (old) {
		*old = before;
	}
	return 0;
}

/* No alarm was ever set, and none will be. */
WEAK unsigned alarm(unsigned seconds) { return 0; }

/* ---- Processors: a rank has one. ---- */

WEAK int sched_getcpu(void) { return 0; }

WEAK int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set)
{
	memset(set, 0, size);
	CPU_SET(0, set);
	return 0;
}

WEAK int sched_get_priority_max(int policy) { return 0; }
WEAK int sched_get_priority_min(int policy) { return 0; }
WEAK int sched_getscheduler(pid_t pid) { return SCHED_OTHER; }

WEAK int sched_setscheduler(pid_t pid, int policy, const struct sched_param *p)
{
	errno = EPERM;
	return policy == SCHED_OTHER ? 0 : -1;
}

WEAK int sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *set) { return 0; }

/* ---- Loading code at run time: there is nothing to load. ---- */

#include <dlfcn.h>

WEAK void *dlopen(const char *path, int flags) { return NULL; }
WEAK void *dlsym(void *restrict handle, const char *restrict name) { return NULL; }
WEAK int dlclose(void *handle) { return -1; }
WEAK char *dlerror(void) { return (char *)"a module cannot load shared objects"; }

/* ---- Other hosts: there are none. ---- */

#include <netdb.h>

WEAK int *__h_errno_location(void)
{
	static _Thread_local int error;
	return &error;
}

WEAK struct hostent *gethostbyname(const char *name)
{
	h_errno = HOST_NOT_FOUND;
	return NULL;
}

WEAK int getaddrinfo(const char *restrict host, const char *restrict service, const struct addrinfo *restrict hints,
	struct addrinfo **restrict found)
{
	return EAI_NONAME;
}

WEAK void freeaddrinfo(struct addrinfo *list) {}
WEAK const char *gai_strerror(int error) { return "no other hosts can be reached"; }

/* ---- What code compiled with -fstack-protector looks at, as Debian's division of 128-bit integers is. ---- */

WEAK unsigned long __stack_chk_guard = 0x000aff0d; /* what no string function copies whole */

WEAK _Noreturn void __stack_chk_fail(void)
{
	fputs("*** stack smashing detected ***: terminated\n", stderr);
	abort();
}
