#ifndef _FAASMRUN_GLOB_H
#define _FAASMRUN_GLOB_H
/* Names of files by patterns, with what GNU adds but for GLOB_ALTDIRFUNC. */
#include <stddef.h>
#ifdef __cplusplus
extern "C" {
#endif
#define GLOB_ERR 0x01
#define GLOB_MARK 0x02
#define GLOB_NOSORT 0x04
#define GLOB_DOOFFS 0x08
#define GLOB_NOCHECK 0x10
#define GLOB_APPEND 0x20
#define GLOB_NOESCAPE 0x40
#define GLOB_PERIOD 0x80
#if defined(_GNU_SOURCE) || defined(_BSD_SOURCE) || defined(_DEFAULT_SOURCE)
#define GLOB_MAGCHAR 0x100
#define GLOB_BRACE 0x400
#define GLOB_NOMAGIC 0x800
#define GLOB_TILDE 0x1000
#define GLOB_ONLYDIR 0x2000
#define GLOB_TILDE_CHECK 0x4000
#endif
#define GLOB_NOSPACE 1
#define GLOB_ABORTED 2
#define GLOB_NOMATCH 3
#define GLOB_NOSYS 4
#ifdef _GNU_SOURCE
#define GLOB_ABEND GLOB_ABORTED
#endif
typedef struct {
	size_t gl_pathc;
	char **gl_pathv;
	size_t gl_offs;
	int gl_flags;
	void *__reserved[5];
} glob_t;
int glob(const char *__restrict, int, int (*)(const char *, int), glob_t *__restrict);
void globfree(glob_t *);
#ifdef _GNU_SOURCE
int glob_pattern_p(const char *, int);
#define glob64 glob
#define globfree64 globfree
#define glob64_t glob_t
#endif
#ifdef __cplusplus
}
#endif
#endif
