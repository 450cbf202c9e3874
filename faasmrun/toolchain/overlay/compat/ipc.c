/* System V's shared memory, semaphores and messages, which no rank can share with another: all but ftok fails. */
#include <errno.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>

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

WEAK int shmget(key_t key, size_t size, int flags) { return unsupported(); }
WEAK int shmdt(const void *at) { return unsupported(); }
WEAK int shmctl(int id, int command, struct shmid_ds *buf) { return unsupported(); }
WEAK int semget(key_t key, int count, int flags) { return unsupported(); }
WEAK int semctl(int id, int number, int command, ...) { return unsupported(); }
WEAK int semop(int id, struct sembuf *operations, size_t count) { return unsupported(); }
WEAK int semtimedop(int id, struct sembuf *operations, size_t count, const struct timespec *t) { return unsupported(); }
WEAK int msgget(key_t key, int flags) { return unsupported(); }
WEAK int msgctl(int id, int command, struct msqid_ds *buf) { return unsupported(); }
WEAK int msgsnd(int id, const void *message, size_t size, int flags) { return unsupported(); }
WEAK ssize_t msgrcv(int id, void *message, size_t size, long type, int flags) { return unsupported(); }

WEAK void *shmat(int id, const void *at, int flags)
{
	unsupported();
	return (void *)-1;
}
