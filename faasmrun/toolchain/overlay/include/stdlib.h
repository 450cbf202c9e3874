#include_next <stdlib.h>
#ifndef _FAASMRUN_STDLIB_H
#define _FAASMRUN_STDLIB_H
/* glibc has the macros of wait here too. */
#ifndef WEXITSTATUS
#define WEXITSTATUS(s) (((s) & 0xff00) >> 8)
#define WTERMSIG(s) ((s) & 0x7f)
#define WSTOPSIG(s) WEXITSTATUS(s)
#define WIFEXITED(s) (!WTERMSIG(s))
#define WIFSTOPPED(s) (((s) & 0xff) == 0x7f)
#define WIFSIGNALED(s) (((s) & 0xffff) - 1U < 0xffu)
#endif
#ifdef __cplusplus
extern "C" {
#endif
int system(const char *);
char *mktemp(char *);
int mkstemp(char *);
int mkostemp(char *, int);
int mkstemps(char *, int);
int mkostemps(char *, int, int);
char *mkdtemp(char *);
char *realpath(const char *__restrict, char *__restrict);
void *valloc(size_t);
int getloadavg(double *, int);
#ifdef _GNU_SOURCE
char *canonicalize_file_name(const char *);
void qsort_r(void *, size_t, size_t, int (*)(const void *, const void *, void *), void *);
#endif
#ifdef __cplusplus
}
#endif
#endif
