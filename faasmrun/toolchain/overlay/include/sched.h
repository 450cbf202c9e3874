#include_next <sched.h>
#ifndef _FAASMRUN_SCHED_H
#define _FAASMRUN_SCHED_H
#include <sys/types.h>
#ifdef __cplusplus
extern "C" {
#endif
#ifndef CPU_SETSIZE
#define CPU_SETSIZE 1024
typedef struct cpu_set_t {
	unsigned long __bits[CPU_SETSIZE / (8 * sizeof(long))];
} cpu_set_t;
#define __CPU_WORD(i) ((i) / (8 * sizeof(long)))
#define __CPU_BIT(i) (1UL << ((i) % (8 * sizeof(long))))
#define CPU_ZERO(set) __builtin_memset((set), 0, sizeof(cpu_set_t))
#define CPU_SET(i, set) ((void)((set)->__bits[__CPU_WORD(i)] |= __CPU_BIT(i)))
#define CPU_CLR(i, set) ((void)((set)->__bits[__CPU_WORD(i)] &= ~__CPU_BIT(i)))
#define CPU_ISSET(i, set) (((set)->__bits[__CPU_WORD(i)] & __CPU_BIT(i)) != 0)
static __inline int __faasmrun_cpu_count(const cpu_set_t *set)
{
	int n = 0;
	for (unsigned i = 0; i < sizeof set->__bits / sizeof set->__bits[0]; i++) {
		n += __builtin_popcountl(set->__bits[i]);
	}
	return n;
}
#define CPU_COUNT(set) __faasmrun_cpu_count(set)
#endif
#ifndef SCHED_OTHER
#define SCHED_OTHER 0
#define SCHED_FIFO 1
#define SCHED_RR 2
struct sched_param {
	int sched_priority;
};
int sched_get_priority_max(int);
int sched_get_priority_min(int);
int sched_getscheduler(pid_t);
int sched_setscheduler(pid_t, int, const struct sched_param *);
#endif
int sched_getcpu(void);
int sched_getparam(pid_t, struct sched_param *);
int sched_setparam(pid_t, const struct sched_param *);
struct timespec;
int sched_rr_get_interval(pid_t, struct timespec *);
#ifdef _GNU_SOURCE
int getcpu(unsigned *, unsigned *);
int clone(int (*)(void *), void *, int, void *, ...);
int unshare(int);
#ifndef CLONE_VM
#define CLONE_VM 0x100
#define CLONE_FS 0x200
#define CLONE_FILES 0x400
#define CLONE_SIGHAND 0x800
#define CLONE_THREAD 0x10000
#define CLONE_NEWNS 0x20000
#define CLONE_NEWUSER 0x10000000
#define CLONE_NEWNET 0x40000000
#endif
#endif
int sched_getaffinity(pid_t, size_t, cpu_set_t *);
int sched_setaffinity(pid_t, size_t, const cpu_set_t *);
#ifdef __cplusplus
}
#endif
#endif
