/*
 * Files in memory: copies, which a shared mapping that may be written brings back to its file at msync, munmap and the program's
 * end by itself (a crash loses what was not brought back). Other mappings and other ranks see it then, and not before.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "host.h"

#define WEAK __attribute__((weak))
#define PAGE 65536UL

struct map {
	struct map *next;
	char *at;
	size_t size;
	off_t offset;
	int fd; /* its own, to write back; -1: none */
};

static struct map *maps;

static void *failed(int error)
{
	errno = error;
	return MAP_FAILED;
}

/* Writes back what of the bytes lies within the file. */
static int write_back(struct map *m, size_t from, size_t to)
{
	struct stat st;
	if (m->fd < 0) {
		return 0;
	}
	if (fstat(m->fd, &st)) {
		return -1;
	}
	off_t inside = st.st_size - m->offset;
	to = inside < (off_t)to ? (inside < 0 ? 0 : (size_t)inside) : to;
	while (from < to) {
		ssize_t n = pwrite(m->fd, m->at + from, to - from, m->offset + from);
		if (n < 0 && errno != EINTR) {
			return -1;
		}
		from += n < 0 ? 0 : n;
	}
	return 0;
}

/* For atexit, _exit and abort. */
void __faasmrun_write_back(void)
{
	for (struct map *m = maps; m; m = m->next) {
		write_back(m, 0, m->size);
	}
}

/* Reads the file's bytes; behind its end there are zeros. */
static int fill(struct map *m, int fd)
{
	for (size_t at = 0; at < m->size;) {
		ssize_t n = pread(fd, m->at + at, m->size - at, m->offset + at);
		if (n == 0) {
			break;
		}
		if (n < 0 && errno != EINTR) {
			return -1;
		}
		at += n < 0 ? 0 : n;
	}
	return 0;
}

static int supported(int prot, int flags)
{
	int kind = flags & MAP_TYPE;
	return (kind == MAP_PRIVATE || kind == MAP_SHARED) && !(flags & ~(MAP_TYPE | MAP_ANON)) && prot != PROT_NONE && !(prot & PROT_EXEC);
}

WEAK void *mmap(void *hint, size_t size, int prot, int flags, int fd, off_t offset)
{
	static int registered;
	if (!supported(prot, flags) || size == 0 || offset < 0) {
		return failed(EINVAL);
	}
	int writes = !(flags & MAP_ANON) && (flags & MAP_TYPE) == MAP_SHARED && prot & PROT_WRITE;
	if (writes && (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDWR) {
		return failed(fcntl(fd, F_GETFL) < 0 ? EBADF : EACCES);
	}
	struct map *m = malloc(sizeof *m);
	if (!m) {
		return failed(ENOMEM);
	}
	*m = (struct map){ .next = maps, .at = size > SIZE_MAX - PAGE ? NULL : memalign(PAGE, size), .size = size, .offset = offset, .fd = -1 };
	if (!m->at) {
		free(m);
		return failed(ENOMEM);
	}
	memset(m->at, 0, size);
	if (!(flags & MAP_ANON) && fill(m, fd) || writes && (m->fd = __faasmrun_host_fd_dup(fd, 0, 0)) < 0) {
		int error = m->fd < -1 ? -m->fd : errno;
		free(m->at);
		free(m);
		return failed(error);
	}
	if (writes && !registered) {
		registered = atexit(__faasmrun_write_back) == 0;
	}
	maps = m;
	return m->at;
}

static struct map **find(void *at, size_t size)
{
	for (struct map **m = &maps; *m; m = &(*m)->next) {
		if ((char *)at >= (*m)->at && (char *)at < (*m)->at + (*m)->size && size <= (*m)->size - ((char *)at - (*m)->at)) {
			return m;
		}
	}
	return NULL;
}

/* A mapping goes as a whole. */
WEAK int munmap(void *at, size_t size)
{
	struct map **place = find(at, size), *m = place ? *place : NULL;
	if (!m || m->at != at || (size + PAGE - 1) / PAGE != (m->size + PAGE - 1) / PAGE) {
		errno = EINVAL;
		return -1;
	}
	int result = write_back(m, 0, m->size), error = errno;
	*place = m->next;
	if (m->fd >= 0) {
		close(m->fd);
	}
	free(m->at);
	free(m);
	errno = error;
	return result;
}

WEAK int msync(void *at, size_t size, int flags)
{
	struct map **m = find(at, size);
	if (flags & ~(MS_ASYNC | MS_SYNC | MS_INVALIDATE) || flags & MS_ASYNC && flags & MS_SYNC) {
		errno = EINVAL;
		return -1;
	}
	if (!m) {
		errno = ENOMEM;
		return -1;
	}
	size_t from = (char *)at - (*m)->at;
	if (write_back(*m, from, from + size)) {
		return -1;
	}
	return flags & MS_SYNC && (*m)->fd >= 0 ? fsync((*m)->fd) : 0;
}
