/*
 * Linux's own calls. Descriptors that stand for events, attributes of files beside their content and the interfaces of a network are
 * not there; what can be done by other means is.
 */
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <limits.h>
#include <mqueue.h>
#include <net/if.h>
#include <poll.h>
#include <printf.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <ulimit.h>
#include <unistd.h>
#include "fails.h"

#define WEAK __attribute__((weak))

static int wrong(int error)
{
	errno = error;
	return -1;
}

/* ---- Descriptors of events ---- */

FAILS(ENOSYS) int epoll_create(int size) { return wrong(ENOSYS); }
FAILS(ENOSYS) int epoll_create1(int flags) { return wrong(ENOSYS); }
FAILS(EINVAL) int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event) { return wrong(EINVAL); }
FAILS(EINVAL) int epoll_wait(int epoll, struct epoll_event *events, int count, int timeout) { return wrong(EINVAL); }
FAILS(EINVAL) int epoll_pwait(int epoll, struct epoll_event *events, int count, int timeout, const sigset_t *mask) { return wrong(EINVAL); }
FAILS(ENOSYS) int eventfd(unsigned value, int flags) { return wrong(ENOSYS); }
FAILS(ENOSYS) int timerfd_create(int clock, int flags) { return wrong(ENOSYS); }
FAILS(EINVAL) int timerfd_settime(int fd, int flags, const struct itimerspec *value, struct itimerspec *old) { return wrong(EINVAL); }
FAILS(EINVAL) int timerfd_gettime(int fd, struct itimerspec *value) { return wrong(EINVAL); }
FAILS(ENOSYS) int signalfd(int fd, const sigset_t *mask, int flags) { return wrong(ENOSYS); }
FAILS(ENOSYS) int inotify_init(void) { return wrong(ENOSYS); }
FAILS(ENOSYS) int inotify_init1(int flags) { return wrong(ENOSYS); }
FAILS(EINVAL) int inotify_add_watch(int fd, const char *path, uint32_t mask) { return wrong(EINVAL); }
FAILS(EINVAL) int inotify_rm_watch(int fd, int watch) { return wrong(EINVAL); }

WEAK int eventfd_read(int fd, eventfd_t *value) { return read(fd, value, sizeof *value) == sizeof *value ? 0 : -1; }
WEAK int eventfd_write(int fd, eventfd_t value) { return write(fd, &value, sizeof value) == sizeof value ? 0 : -1; }

FAILS(ENOSYS) mqd_t mq_open(const char *name, int flags, ...) { return wrong(ENOSYS); }
FAILS(ENOENT) int mq_unlink(const char *name) { return wrong(ENOENT); }
WEAK int mq_close(mqd_t queue) { return wrong(EBADF); }
WEAK int mq_getattr(mqd_t queue, struct mq_attr *attributes) { return wrong(EBADF); }
WEAK int mq_setattr(mqd_t queue, const struct mq_attr *restrict attributes, struct mq_attr *restrict old) { return wrong(EBADF); }
WEAK int mq_notify(mqd_t queue, const struct sigevent *event) { return wrong(EBADF); }
WEAK int mq_send(mqd_t queue, const char *text, size_t size, unsigned priority) { return wrong(EBADF); }
WEAK ssize_t mq_receive(mqd_t queue, char *text, size_t size, unsigned *priority) { return wrong(EBADF); }

WEAK int mq_timedsend(mqd_t queue, const char *text, size_t size, unsigned priority, const struct timespec *until)
{
	return wrong(EBADF);
}

WEAK ssize_t mq_timedreceive(mqd_t queue, char *restrict text, size_t size, unsigned *restrict priority, const struct timespec *restrict until)
{
	return wrong(EBADF);
}

/* ---- Attributes of files ---- */

FAILS(ENOTSUP) ssize_t getxattr(const char *path, const char *name, void *value, size_t size) { return wrong(ENOTSUP); }
FAILS(ENOTSUP) ssize_t lgetxattr(const char *path, const char *name, void *value, size_t size) { return wrong(ENOTSUP); }
FAILS(ENOTSUP) ssize_t fgetxattr(int fd, const char *name, void *value, size_t size) { return wrong(ENOTSUP); }
FAILS(ENOTSUP) ssize_t listxattr(const char *path, char *list, size_t size) { return wrong(ENOTSUP); }
FAILS(ENOTSUP) ssize_t llistxattr(const char *path, char *list, size_t size) { return wrong(ENOTSUP); }
FAILS(ENOTSUP) ssize_t flistxattr(int fd, char *list, size_t size) { return wrong(ENOTSUP); }
FAILS(ENOTSUP) int setxattr(const char *path, const char *name, const void *value, size_t size, int flags) { return wrong(ENOTSUP); }
FAILS(ENOTSUP) int lsetxattr(const char *path, const char *name, const void *value, size_t size, int flags) { return wrong(ENOTSUP); }
FAILS(ENOTSUP) int fsetxattr(int fd, const char *name, const void *value, size_t size, int flags) { return wrong(ENOTSUP); }
FAILS(ENOTSUP) int removexattr(const char *path, const char *name) { return wrong(ENOTSUP); }
FAILS(ENOTSUP) int lremovexattr(const char *path, const char *name) { return wrong(ENOTSUP); }
FAILS(ENOTSUP) int fremovexattr(int fd, const char *name) { return wrong(ENOTSUP); }

/* ---- Interfaces of a network ---- */

FAILS(ENOSYS) int getifaddrs(struct ifaddrs **list) { return wrong(ENOSYS); }
WEAK void freeifaddrs(struct ifaddrs *list) {}
FAILS(ENOSYS) struct if_nameindex *if_nameindex(void) { errno = ENOSYS; return NULL; }
WEAK void if_freenameindex(struct if_nameindex *list) {}
FAILS(ENODEV) unsigned if_nametoindex(const char *name) { errno = ENODEV; return 0; }
FAILS(ENXIO) char *if_indextoname(unsigned index, char *name) { errno = ENXIO; return NULL; }

/* ---- Processes and the machine ---- */

FAILS(ENOSYS) int clone(int (*f)(void *), void *stack, int flags, void *argument, ...) { return wrong(ENOSYS); }
FAILS(EPERM) int unshare(int flags) { return wrong(EPERM); }
FAILS(EPERM) long ptrace(int request, ...) { return wrong(EPERM); }
FAILS(EPERM) int personality(unsigned long persona) { return wrong(EPERM); }
WEAK int waitid(idtype_t type, id_t id, siginfo_t *info, int options) { return wrong(ECHILD); }

WEAK int getcpu(unsigned *cpu, unsigned *node)
{
	if (cpu) {
		*cpu = (unsigned)sched_getcpu();
	}
	if (node) {
		*node = 0;
	}
	return 0;
}

WEAK int prlimit(pid_t process, int resource, const struct rlimit *new, struct rlimit *old)
{
	if (process && process != getpid()) {
		return wrong(ESRCH);
	}
	return (old && getrlimit(resource, old)) || (new && setrlimit(resource, new)) ? -1 : 0;
}

WEAK long ulimit(int command, ...)
{
	struct rlimit limit;
	va_list args;
	va_start(args, command);
	long blocks = command == UL_SETFSIZE ? va_arg(args, long) : 0;
	va_end(args);
	if (command != UL_GETFSIZE && command != UL_SETFSIZE) {
		return wrong(EINVAL);
	}
	if (getrlimit(RLIMIT_FSIZE, &limit)) {
		return -1;
	}
	if (command == UL_SETFSIZE) {
		limit.rlim_cur = 512UL * (unsigned long)blocks;
		if (setrlimit(RLIMIT_FSIZE, &limit)) {
			return -1;
		}
	}
	return limit.rlim_cur == RLIM_INFINITY ? LONG_MAX : (long)(limit.rlim_cur / 512);
}

/* What a kernel would have told the program at its start, as far as it is known. */
WEAK unsigned long getauxval(unsigned long type)
{
	switch (type) {
	case AT_PAGESZ:
		return (unsigned long)getpagesize();
	case AT_CLKTCK:
		return 100;
	case AT_UID:
	case AT_EUID:
		return getuid();
	case AT_GID:
	case AT_EGID:
		return getgid();
	case AT_SECURE:
		return 0;
	}
	errno = ENOENT;
	return 0;
}

/* The mask is in force for the wait; a signal that it lets through may come before the wait begins, which then takes its time. */
WEAK int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
	sigset_t before;
	int left = -1;
	if (timeout) {
		if (timeout->tv_sec < 0 || timeout->tv_nsec < 0 || timeout->tv_nsec >= 1000000000) {
			return wrong(EINVAL);
		}
		left = timeout->tv_sec > INT_MAX / 1000 - 1 ? INT_MAX : (int)(timeout->tv_sec * 1000 + (timeout->tv_nsec + 999999) / 1000000);
	}
	if (mask && sigprocmask(SIG_SETMASK, mask, &before)) {
		return -1;
	}
	int result = poll(fds, count, left), error = errno;
	if (mask) {
		sigprocmask(SIG_SETMASK, &before, NULL);
	}
	errno = error;
	return result;
}

/* A file of the job's temporary directory that has no name. */
WEAK int memfd_create(const char *name, unsigned flags)
{
	char path[] = "/tmp/memfdXXXXXX";
	if (flags & ~3u || strlen(name) > 249) {
		return wrong(EINVAL);
	}
	int fd = mkstemp(path);
	if (fd >= 0) {
		unlink(path);
	}
	return fd;
}

/* ---- statx, of what stat knows ---- */

static struct statx_timestamp stamp(const struct timespec *t) { return (struct statx_timestamp){ t->tv_sec, (uint32_t)t->tv_nsec, 0 }; }

WEAK int statx(int dir, const char *restrict path, int flags, unsigned mask, struct statx *restrict out)
{
	struct stat st;
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE) || mask & STATX__RESERVED) {
		return wrong(EINVAL);
	}
	if (flags & AT_EMPTY_PATH && !*path ? dir == AT_FDCWD ? stat(".", &st) : fstat(dir, &st) : fstatat(dir, path, &st, flags & AT_SYMLINK_NOFOLLOW)) {
		return -1;
	}
	*out = (struct statx){
		.stx_mask = STATX_BASIC_STATS,
		.stx_blksize = (uint32_t)st.st_blksize,
		.stx_nlink = (uint32_t)st.st_nlink,
		.stx_uid = st.st_uid,
		.stx_gid = st.st_gid,
		.stx_mode = (uint16_t)st.st_mode,
		.stx_ino = st.st_ino,
		.stx_size = (uint64_t)st.st_size,
		.stx_blocks = (uint64_t)st.st_blocks,
		.stx_atime = stamp(&st.st_atim),
		.stx_ctime = stamp(&st.st_ctim),
		.stx_mtime = stamp(&st.st_mtim),
		.stx_dev_major = major(st.st_dev),
		.stx_dev_minor = minor(st.st_dev),
	};
	return 0;
}

/* ---- printf.h: libc's printf takes no conversions of the program's ---- */

FAILS(EINVAL) int register_printf_function(int letter, printf_function *print, printf_arginfo_function *arguments) { return wrong(EINVAL); }
FAILS(EINVAL) int register_printf_specifier(int letter, printf_function *print, printf_arginfo_size_function *arguments) { return wrong(EINVAL); }
FAILS(EINVAL) int register_printf_modifier(const wchar_t *letters) { return wrong(EINVAL); }
FAILS(EINVAL) int register_printf_type(printf_va_arg_function *take) { return wrong(EINVAL); }
