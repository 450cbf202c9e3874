#include_next <pthread.h>
#ifndef _FAASMRUN_PTHREAD_H
#define _FAASMRUN_PTHREAD_H
#ifdef __cplusplus
extern "C" {
#endif
#ifdef _GNU_SOURCE
int pthread_getname_np(pthread_t, char *, size_t);
#endif
#ifdef __cplusplus
}
#endif
#endif
