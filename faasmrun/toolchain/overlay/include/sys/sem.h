#ifndef _FAASMRUN_SYS_SEM_H
#define _FAASMRUN_SYS_SEM_H
#include <stddef.h>
#include <sys/ipc.h>
#ifdef __cplusplus
extern "C" {
#endif
#define SEM_UNDO 0x1000
#define GETPID 11
#define GETVAL 12
#define GETALL 13
#define GETNCNT 14
#define GETZCNT 15
#define SETVAL 16
#define SETALL 17
#define SEM_STAT 18
#define SEM_INFO 19
#define _SEM_SEMUN_UNDEFINED 1 /* the program defines union semun itself, as with glibc */
struct semid_ds {
	struct ipc_perm sem_perm;
	time_t sem_otime;
	unsigned long __reserved1;
	time_t sem_ctime;
	unsigned long __reserved2, sem_nsems, __reserved3, __reserved4;
};
struct sembuf {
	unsigned short sem_num;
	short sem_op, sem_flg;
};
struct timespec;
int semget(key_t, int, int);
int semctl(int, int, int, ...);
int semop(int, struct sembuf *, size_t);
int semtimedop(int, struct sembuf *, size_t, const struct timespec *);
#ifdef __cplusplus
}
#endif
#endif
