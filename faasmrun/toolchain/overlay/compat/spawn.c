/* spawn.h: what is to be done for a new process is taken down by nobody, for there is never one. */
#include <errno.h>
#include <spawn.h>
#include "fails.h"

#define WEAK __attribute__((weak))

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

WEAK int posix_spawnattr_init(posix_spawnattr_t *a) { return 0; }
WEAK int posix_spawnattr_destroy(posix_spawnattr_t *a) { return 0; }
WEAK int posix_spawnattr_setflags(posix_spawnattr_t *a, short flags) { return 0; }
WEAK int posix_spawnattr_setpgroup(posix_spawnattr_t *a, pid_t group) { return 0; }
WEAK int posix_spawn_file_actions_init(posix_spawn_file_actions_t *a) { return 0; }
WEAK int posix_spawn_file_actions_destroy(posix_spawn_file_actions_t *a) { return 0; }
WEAK int posix_spawn_file_actions_addclose(posix_spawn_file_actions_t *a, int fd) { return 0; }
WEAK int posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *a, int from, int to) { return 0; }

WEAK int posix_spawn_file_actions_addopen(posix_spawn_file_actions_t *a, int fd, const char *path, int flags, mode_t mode)
{
	return 0;
}
