/* What Linux and glibc add for files: copies between descriptors, times by descriptor, names for temporary files, ranges to close. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include "host.h"

#define WEAK __attribute__((weak))

static int wrong(int error)
{
	errno = error;
	return -1;
}

/* Copies through a buffer. An offset stands for the descriptor's own, and moves on in its place. */
static ssize_t copy(int from, off_t *at, int to, off_t *to_at, size_t size)
{
	char buf[16384];
	size_t done = 0;
	while (done < size) {
		size_t part = size - done < sizeof buf ? size - done : sizeof buf;
		ssize_t got = at ? pread(from, buf, part, *at) : read(from, buf, part);
		if (got <= 0) {
			return got < 0 && !done ? -1 : (ssize_t)done;
		}
		for (ssize_t put = 0, n; put < got; put += n) {
			n = to_at ? pwrite(to, buf + put, (size_t)(got - put), *to_at) : write(to, buf + put, (size_t)(got - put));
			if (n < 0) {
				return done ? (ssize_t)done : -1;
			}
			done += (size_t)n;
			if (to_at) {
				*to_at += n;
			}
			if (at) {
				*at += n;
			}
		}
	}
	return (ssize_t)done;
}

WEAK ssize_t sendfile(int to, int from, off_t *at, size_t size) { return copy(from, at, to, NULL, size); }

WEAK ssize_t copy_file_range(int from, off_t *at, int to, off_t *to_at, size_t size, unsigned flags)
{
	return flags ? wrong(EINVAL) : copy(from, at, to, to_at, size);
}

WEAK int fallocate(int fd, int mode, off_t offset, off_t size)
{
	int error = mode ? EOPNOTSUPP : posix_fallocate(fd, offset, size);
	return error ? wrong(error) : 0;
}

WEAK ssize_t readahead(int fd, off_t offset, size_t size)
{
	int error = posix_fadvise(fd, offset, (off_t)size, POSIX_FADV_WILLNEED);
	return error ? wrong(error) : 0;
}

WEAK int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	return flags ? wrong(EINVAL) : renameat(from_dir, from, to_dir, to);
}

WEAK int syncfs(int fd) { return fcntl(fd, F_GETFL) == -1 ? -1 : fsync(fd); }
WEAK int eaccess(const char *path, int mode) { return access(path, mode); }
WEAK int euidaccess(const char *path, int mode) { return access(path, mode); }

WEAK int fchownat(int dir, const char *path, uid_t owner, gid_t group, int flags)
{
	struct stat st;
	if (fstatat(dir, path, &st, flags & AT_SYMLINK_NOFOLLOW) < 0) {
		return -1;
	}
	int same = (owner == (uid_t)-1 || owner == getuid()) && (group == (gid_t)-1 || group == getgid());
	return same ? 0 : wrong(EPERM);
}

/* By the directory's name, as the host tells it. Who removes or moves it meanwhile is found out, and is told so. */
WEAK int fchdir(int fd)
{
	char path[PATH_MAX + 8];
	struct stat is, named;
	size_t n = 0;
	do {
		long long part = __faasmrun_host_fd_path(fd, (int)n);
		if (part < 0) {
			return wrong((int)-part);
		}
		memcpy(path + n, &part, 8);
		n += 7;
	} while (strlen(path) == n && n < PATH_MAX);
	if (strlen(path) >= PATH_MAX) {
		return wrong(ENAMETOOLONG);
	}
	if (fstat(fd, &is) || stat(path, &named)) {
		return -1;
	}
	return is.st_dev == named.st_dev && is.st_ino == named.st_ino ? chdir(path) : wrong(ENOENT);
}

WEAK char *getwd(char *buf) { return getcwd(buf, PATH_MAX); }

WEAK int close_range(unsigned first, unsigned last, int flags)
{
	if (first > last || flags & ~6) {
		return wrong(EINVAL);
	}
	for (unsigned fd = first; fd <= last && fd < (unsigned)getdtablesize() && !(flags & 4); fd++) {
		close((int)fd);
	}
	return 0;
}

WEAK void closefrom(int fd) { close_range(fd < 0 ? 0 : (unsigned)fd, UINT_MAX, 0); }

static int times(const struct timeval t[2], struct timespec out[2])
{
	for (int i = 0; t && i < 2; i++) {
		if (t[i].tv_usec < 0 || t[i].tv_usec >= 1000000) {
			return wrong(EINVAL);
		}
		out[i] = (struct timespec){ t[i].tv_sec, t[i].tv_usec * 1000L };
	}
	return 0;
}

WEAK int futimes(int fd, const struct timeval t[2])
{
	struct timespec at[2];
	return times(t, at) ? -1 : futimens(fd, t ? at : NULL);
}

WEAK int lutimes(const char *path, const struct timeval t[2])
{
	struct timespec at[2];
	return times(t, at) ? -1 : utimensat(AT_FDCWD, path, t ? at : NULL, AT_SYMLINK_NOFOLLOW);
}

/* ---- Standard streams ---- */

WEAK int fcloseall(void)
{
	return fflush(NULL);
}
