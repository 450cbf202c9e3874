#include_next <pthread.h>
#ifndef _FAASMRUN_PTHREAD_H
#define _FAASMRUN_PTHREAD_H
#ifdef __cplusplus
extern "C" {
#endif
#ifdef _GNU_SOURCE
enum {
	PTHREAD_RWLOCK_PREFER_READER_NP,
	PTHREAD_RWLOCK_PREFER_WRITER_NP,
	PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP,
	PTHREAD_RWLOCK_DEFAULT_NP = PTHREAD_RWLOCK_PREFER_READER_NP
};
#define PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP { { { PTHREAD_MUTEX_RECURSIVE } } }
#define PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP { { { PTHREAD_MUTEX_ERRORCHECK } } }
struct cpu_set_t;
int pthread_getname_np(pthread_t, char *, size_t);
int pthread_attr_getaffinity_np(const pthread_attr_t *, size_t, struct cpu_set_t *);
int pthread_attr_setaffinity_np(pthread_attr_t *, size_t, const struct cpu_set_t *);
int pthread_rwlockattr_getkind_np(const pthread_rwlockattr_t *, int *);
int pthread_rwlockattr_setkind_np(pthread_rwlockattr_t *, int);
int pthread_clockjoin_np(pthread_t, void **, clockid_t, const struct timespec *);
int pthread_mutex_clocklock(pthread_mutex_t *__restrict, clockid_t, const struct timespec *__restrict);
int pthread_rwlock_clockrdlock(pthread_rwlock_t *__restrict, clockid_t, const struct timespec *__restrict);
int pthread_rwlock_clockwrlock(pthread_rwlock_t *__restrict, clockid_t, const struct timespec *__restrict);
int pthread_cond_clockwait(pthread_cond_t *__restrict, pthread_mutex_t *__restrict, clockid_t, const struct timespec *__restrict);
#endif
#ifdef __cplusplus
}
#endif
#endif
