/*
 * Locks of files and records, which the host keeps: against the job's other ranks, other jobs and other programs of the node.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "host.h"

#define WEAK __attribute__((weak))

enum { WAITS = 4, OF_DESCRIPTION = 8 }; /* beside the type, for fd_lock */

static int answer(int result)
{
	if (result < 0) {
		errno = -result;
		return -1;
	}
	return result;
}

/* Where a record begins, counted from the file's start; -1 with errno. */
static off_t beginning(int fd, const struct flock *record)
{
	struct stat st;
	off_t from = 0;
	switch (record->l_whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		if ((from = lseek(fd, 0, SEEK_CUR)) < 0) {
			return -1;
		}
		break;
	case SEEK_END:
		if (fstat(fd, &st)) {
			return -1;
		}
		from = st.st_size;
		break;
	default:
		errno = EINVAL;
		return -1;
	}
	if (__builtin_add_overflow(from, record->l_start, &from) || from < 0) {
		errno = from < 0 ? EINVAL : EOVERFLOW;
		return -1;
	}
	return from;
}

/* For libc's fcntl. Who holds a lock that is in the way is not known: its l_pid is -1, as of a lock of a description. */
int __faasmrun_lock_record(int fd, int command, struct flock *record)
{
	off_t from = beginning(fd, record);
	if (from < 0) {
		return -1;
	}
	int how = record->l_type;
	if (how != F_RDLCK && how != F_WRLCK && how != F_UNLCK) {
		errno = EINVAL;
		return -1;
	}
	if (command >= F_OFD_GETLK) {
		how |= OF_DESCRIPTION;
		command += F_GETLK - F_OFD_GETLK;
	}
	if (command != F_GETLK) {
		return answer(__faasmrun_host_fd_lock(fd, how | (command == F_SETLKW ? WAITS : 0), from, record->l_len));
	}
	int type = answer(__faasmrun_host_fd_lock_test(fd, how, from, record->l_len));
	if (type < 0) {
		return -1;
	}
	record->l_type = type;
	if (type != F_UNLCK) {
		record->l_whence = SEEK_SET;
		record->l_start = __faasmrun_host_lock_found(0);
		record->l_len = __faasmrun_host_lock_found(1);
		record->l_pid = -1;
	}
	return 0;
}

WEAK int lockf(int fd, int command, off_t size)
{
	struct flock record = { .l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_len = size };
	switch (command) {
	case F_TEST:
		if (fcntl(fd, F_GETLK, &record)) {
			return -1;
		}
		if (record.l_type != F_UNLCK) {
			errno = EACCES;
			return -1;
		}
		return 0;
	case F_ULOCK:
		record.l_type = F_UNLCK;
		return fcntl(fd, F_SETLK, &record);
	case F_TLOCK:
		return fcntl(fd, F_SETLK, &record);
	case F_LOCK:
		return fcntl(fd, F_SETLKW, &record);
	}
	errno = EINVAL;
	return -1;
}

WEAK int flock(int fd, int operation)
{
	return answer(__faasmrun_host_fd_flock(fd, operation));
}
