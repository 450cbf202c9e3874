/*
 * Processes: a rank is one, and can make no others. What would start one fails with ENOSYS; waiting finds no children.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fails.h"
#include "host.h"

#define WEAK __attribute__((weak)) /* a program may bring its own */

static int unsupported(void)
{
	errno = ENOSYS;
	return -1;
}

FAILS(ENOSYS) pid_t fork(void) { return unsupported(); }
FAILS(ENOSYS) pid_t vfork(void) { return unsupported(); }
FAILS(ENOSYS) int execv(const char *path, char *const argv[]) { return unsupported(); }
FAILS(ENOSYS) int execvp(const char *file, char *const argv[]) { return unsupported(); }
FAILS(ENOSYS) int execve(const char *path, char *const argv[], char *const envp[]) { return unsupported(); }
FAILS(ENOSYS) int execl(const char *path, const char *arg, ...) { return unsupported(); }
FAILS(ENOSYS) int execlp(const char *file, const char *arg, ...) { return unsupported(); }
FAILS(ENOSYS) int execle(const char *path, const char *arg, ...) { return unsupported(); }
FAILS(ENOSYS) int execvpe(const char *file, char *const argv[], char *const envp[]) { return unsupported(); }

/* A pipe from one part of the program to another. */
WEAK int pipe2(int fds[2], int flags)
{
	if (flags & ~(O_CLOEXEC | O_NONBLOCK)) {
		errno = EINVAL;
		return -1;
	}
	long long ends = __faasmrun_host_fd_pipe(flags & O_NONBLOCK);
	if (ends < 0) {
		errno = -ends;
		return -1;
	}
	fds[0] = (int)ends;
	fds[1] = (int)(ends >> 32);
	return 0;
}

WEAK int pipe(int fds[2]) { return pipe2(fds, 0); }

/* Both numbers then stand for one open file, with one offset. */
static int duplicate(int fd, int at, int exact)
{
	int got = __faasmrun_host_fd_dup(fd, at, exact);
	if (got < 0) {
		errno = -got;
		return -1;
	}
	return got;
}

WEAK int dup(int fd) { return duplicate(fd, 0, 0); }
WEAK int dup2(int from, int to) { return duplicate(from, to, 1); }

WEAK int dup3(int from, int to, int flags)
{
	if (from == to || flags & ~O_CLOEXEC) {
		errno = EINVAL;
		return -1;
	}
	return duplicate(from, to, 1);
}

int __faasmrun_dupfd(int fd, int least) { return duplicate(fd, least, 0); } /* fcntl's F_DUPFD */

FAILS(ENOSYS) FILE *popen(const char *command, const char *mode)
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
FAILS(ENOSYS) int system(const char *command) { return command ? unsupported() : 0; }

WEAK pid_t waitpid(pid_t pid, int *status, int options)
{
	errno = ECHILD;
	return -1;
}

WEAK pid_t wait(int *status) { return waitpid(-1, status, 0); }
WEAK pid_t wait3(int *status, int options, struct rusage *usage) { return waitpid(-1, status, options); }
WEAK pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage) { return waitpid(pid, status, options); }

/* Whoever waits for the program. Not 1: programs take that for the sign of a daemon, and log instead of printing. */
WEAK pid_t getppid(void) { return getpid() - 1; }
WEAK pid_t getpgrp(void) { return getpid(); }
WEAK pid_t getpgid(pid_t pid) { return pid ? pid : getpid(); }
WEAK pid_t getsid(pid_t pid) { return pid ? pid : getpid(); }

FAILS(EPERM) pid_t setsid(void)
{
	errno = EPERM; /* the leader of a group already */
	return -1;
}

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

WEAK int sched_getparam(pid_t pid, struct sched_param *p) { p->sched_priority = 0; return 0; }

WEAK int sched_setparam(pid_t pid, const struct sched_param *p)
{
	if (p->sched_priority) {
		errno = EINVAL; /* the policy has one priority */
		return -1;
	}
	return 0;
}

/* As Linux answers for who has no slice of a fixed length. */
WEAK int sched_rr_get_interval(pid_t pid, struct timespec *t)
{
	*t = (struct timespec){ 0 };
	return 0;
}

WEAK int sched_setscheduler(pid_t pid, int policy, const struct sched_param *p)
{
	errno = EPERM;
	return policy == SCHED_OTHER ? 0 : -1;
}

WEAK int sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *set)
{
	if (size < sizeof(unsigned long) || !CPU_ISSET(0, set)) {
		errno = EINVAL;
		return -1;
	}
	return 0;
}

/* ---- Loading code at run time: there is nothing to load. ---- */

#include <dlfcn.h>

FAILS(NULL) void *dlopen(const char *path, int flags) { return NULL; }
FAILS(NULL) void *dlsym(void *restrict handle, const char *restrict name) { return NULL; }
WEAK int dlclose(void *handle) { return -1; }
WEAK int dladdr(const void *address, Dl_info *info) { return 0; }
WEAK char *dlerror(void) { return (char *)"a module cannot load shared objects"; }

/* ---- Other hosts: there are none. ---- */

#include <netdb.h>

WEAK int *__h_errno_location(void)
{
	static _Thread_local int error;
	return &error;
}

FAILS(HOST_NOT_FOUND) struct hostent *gethostbyname(const char *name)
{
	h_errno = HOST_NOT_FOUND;
	return NULL;
}

FAILS(HOST_NOT_FOUND) struct hostent *gethostbyname2(const char *name, int family) { return gethostbyname(name); }
FAILS(HOST_NOT_FOUND) struct hostent *gethostbyaddr(const void *address, socklen_t size, int family) { return gethostbyname(NULL); }

FAILS(ENOENT) int gethostbyname_r(const char *restrict name, struct hostent *restrict entry, char *restrict buf, size_t size,
	struct hostent **restrict found, int *restrict error)
{
	*found = NULL;
	*error = HOST_NOT_FOUND;
	return ENOENT;
}

FAILS(NULL) struct servent *getservbyname(const char *name, const char *protocol) { return NULL; }
FAILS(NULL) struct servent *getservbyport(int port, const char *protocol) { return NULL; }

FAILS(EAI_FAIL) int getnameinfo(const struct sockaddr *restrict address, socklen_t length, char *restrict host, socklen_t host_size,
	char *restrict service, socklen_t service_size, int flags)
{
	return EAI_FAIL;
}

/* The three that every list of them begins with. */
static struct protoent protocols[] = { { "icmp", (char *[]){ "ICMP", NULL }, 1 }, { "tcp", (char *[]){ "TCP", NULL }, 6 },
	{ "udp", (char *[]){ "UDP", NULL }, 17 } };

WEAK struct protoent *getprotobyname(const char *name)
{
	for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++) {
		if (!strcmp(name, protocols[i].p_name) || !strcmp(name, protocols[i].p_aliases[0])) {
			return &protocols[i];
		}
	}
	return NULL;
}

WEAK struct protoent *getprotobynumber(int number)
{
	for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++) {
		if (number == protocols[i].p_proto) {
			return &protocols[i];
		}
	}
	return NULL;
}

WEAK const char *hstrerror(int error)
{
	static const char *const texts[] = { "Resolver Error 0 (no error)", "Unknown host", "Host name lookup failure", "Unknown server error",
		"No address associated with name" };
	return error < 0 ? "Resolver internal error" : error < 5 ? texts[error] : "Unknown resolver error";
}

WEAK void herror(const char *what) { fprintf(stderr, "%s%s%s\n", what ? what : "", what && *what ? ": " : "", hstrerror(h_errno)); }

FAILS(EAI_NONAME) int getaddrinfo(const char *restrict host, const char *restrict service, const struct addrinfo *restrict hints,
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
