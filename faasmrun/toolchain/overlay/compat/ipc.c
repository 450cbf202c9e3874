/* System V's shared memory, semaphores and messages, which no rank can share with another: all but ftok fails. */
#include <errno.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include "fails.h"

#define WEAK __attribute__((weak))

static int unsupported(void)
{
	errno = ENOSYS;
	return -1;
}

WEAK key_t ftok(const char *path, int project)
{
	struct stat st;
	if (stat(path, &st) < 0) {
		return -1;
	}
	return (key_t)((st.st_ino & 0xffff) | (st.st_dev & 0xff) << 16 | (unsigned)(project & 0xff) << 24);
}

FAILS(ENOSYS) int shmget(key_t key, size_t size, int flags) { return unsupported(); }
FAILS(ENOSYS) int shmdt(const void *at) { return unsupported(); }
FAILS(ENOSYS) int shmctl(int id, int command, struct shmid_ds *buf) { return unsupported(); }
FAILS(ENOSYS) int semget(key_t key, int count, int flags) { return unsupported(); }
FAILS(ENOSYS) int semctl(int id, int number, int command, ...) { return unsupported(); }
FAILS(ENOSYS) int semop(int id, struct sembuf *operations, size_t count) { return unsupported(); }
FAILS(ENOSYS) int semtimedop(int id, struct sembuf *operations, size_t count, const struct timespec *t) { return unsupported(); }
FAILS(ENOSYS) int msgget(key_t key, int flags) { return unsupported(); }
FAILS(ENOSYS) int msgctl(int id, int command, struct msqid_ds *buf) { return unsupported(); }
FAILS(ENOSYS) int msgsnd(int id, const void *message, size_t size, int flags) { return unsupported(); }
FAILS(ENOSYS) ssize_t msgrcv(int id, void *message, size_t size, long type, int flags) { return unsupported(); }

FAILS(ENOSYS) void *shmat(int id, const void *at, int flags)
{
	unsupported();
	return (void *)-1;
}
