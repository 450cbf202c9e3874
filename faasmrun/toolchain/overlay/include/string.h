#include_next <string.h>
#if !defined(_FAASMRUN_STRING_H) && defined(_GNU_SOURCE)
#define _FAASMRUN_STRING_H
#ifdef __cplusplus
extern "C" {
#endif
void *rawmemchr(const void *, int);
void *memfrob(void *, size_t);
const char *strerrorname_np(int);
const char *strerrordesc_np(int);
const char *sigabbrev_np(int);
const char *sigdescr_np(int);
#ifndef basename
char *basename(const char *) __asm__("__faasmrun_gnu_basename");
#endif
#ifdef __cplusplus
}
#endif
#endif
