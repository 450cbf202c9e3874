/*
 * spawn.h. What a new process is to be like is noted, and checked as glibc does, and given back to who asks; what is to be done with
 * its files is only checked, for nobody can ask. There is never a process: posix_spawn says so.
 */
#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <unistd.h>
#include "fails.h"

#define WEAK __attribute__((weak))
#define FLAGS 0xff

FAILS(ENOSYS) int posix_spawn(pid_t *process, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
	char *const argv[], char *const envp[])
{
	return ENOSYS;
}

FAILS(ENOSYS) int posix_spawnp(pid_t *process, const char *file, const posix_spawn_file_actions_t *actions,
	const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
	return ENOSYS;
}

WEAK int posix_spawnattr_init(posix_spawnattr_t *a)
{
	memset(a, 0, sizeof *a);
	return 0;
}

WEAK int posix_spawnattr_destroy(posix_spawnattr_t *a) { return 0; }

WEAK int posix_spawnattr_setflags(posix_spawnattr_t *a, short flags)
{
	if (flags & ~FLAGS) {
		return EINVAL;
	}
	a->__flags = flags;
	return 0;
}

WEAK int posix_spawnattr_setschedpolicy(posix_spawnattr_t *a, int policy)
{
	if (policy != SCHED_OTHER && policy != SCHED_FIFO && policy != SCHED_RR) {
		return EINVAL;
	}
	a->__policy = policy;
	return 0;
}

#define GET(name, type, field) \
	WEAK int posix_spawnattr_get##name(const posix_spawnattr_t *restrict a, type *restrict value) { *value = a->field; return 0; }
#define SET(name, type, field) \
	WEAK int posix_spawnattr_set##name(posix_spawnattr_t *restrict a, const type *restrict value) { a->field = *value; return 0; }

GET(flags, short, __flags)
GET(pgroup, pid_t, __group)
GET(sigdefault, sigset_t, __defaults)
SET(sigdefault, sigset_t, __defaults)
GET(sigmask, sigset_t, __mask)
SET(sigmask, sigset_t, __mask)
GET(schedparam, struct sched_param, __priority)
SET(schedparam, struct sched_param, __priority)
GET(schedpolicy, int, __policy)
WEAK int posix_spawnattr_setpgroup(posix_spawnattr_t *a, pid_t group) { a->__group = group; return 0; }

/* ---- Files ---- */

static int note(posix_spawn_file_actions_t *a, int fd)
{
	if (fd < 0 || fd >= getdtablesize()) {
		return EBADF;
	}
	a->__count++;
	return 0;
}

WEAK int posix_spawn_file_actions_init(posix_spawn_file_actions_t *a) { a->__count = 0; return 0; }
WEAK int posix_spawn_file_actions_destroy(posix_spawn_file_actions_t *a) { return 0; }
WEAK int posix_spawn_file_actions_addclose(posix_spawn_file_actions_t *a, int fd) { return note(a, fd); }
WEAK int posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *a, int from, int to) { return note(a, from) ? EBADF : note(a, to); }
WEAK int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *restrict a, const char *restrict path) { return note(a, 0); }
WEAK int posix_spawn_file_actions_addfchdir_np(posix_spawn_file_actions_t *a, int fd) { return note(a, fd); }

WEAK int posix_spawn_file_actions_addopen(posix_spawn_file_actions_t *restrict a, int fd, const char *restrict path, int flags, mode_t mode)
{
	return note(a, fd);
}
