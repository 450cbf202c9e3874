#ifndef _FAASMRUN_SYS_RESOURCE_H
#define _FAASMRUN_SYS_RESOURCE_H
/* wasi-libc's struct rusage has two fields; programs print ru_maxrss. */
#define rusage __wasi_libc_rusage
#define getrusage __wasi_libc_getrusage
#include_next <sys/resource.h>
#undef rusage
#undef getrusage
#include <sys/types.h>
#ifdef __cplusplus
extern "C" {
#endif
struct rusage {
	struct timeval ru_utime, ru_stime;
	long ru_maxrss, ru_ixrss, ru_idrss, ru_isrss, ru_minflt, ru_majflt, ru_nswap, ru_inblock, ru_oublock, ru_msgsnd,
		ru_msgrcv, ru_nsignals, ru_nvcsw, ru_nivcsw;
};
int getrusage(int, struct rusage *) __asm__("__faasmrun_getrusage");
#ifndef RLIM_INFINITY
typedef unsigned long rlim_t;
struct rlimit {
	rlim_t rlim_cur, rlim_max;
};
#define RLIM_INFINITY (~0UL)
#define RLIMIT_CPU 0
#define RLIMIT_FSIZE 1
#define RLIMIT_DATA 2
#define RLIMIT_STACK 3
#define RLIMIT_CORE 4
#define RLIMIT_RSS 5
#define RLIMIT_NPROC 6
#define RLIMIT_NOFILE 7
#define RLIMIT_MEMLOCK 8
#define RLIMIT_AS 9
int getrlimit(int, struct rlimit *);
int setrlimit(int, const struct rlimit *);
#endif
#ifdef _GNU_SOURCE
int prlimit(pid_t, int, const struct rlimit *, struct rlimit *);
#endif
#ifndef PRIO_PROCESS
#define PRIO_PROCESS 0
int getpriority(int, id_t);
int setpriority(int, id_t, int);
#endif
#ifdef __cplusplus
}
#endif
#endif
