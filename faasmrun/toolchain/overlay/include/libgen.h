#ifndef _FAASMRUN_LIBGEN_H
#define _FAASMRUN_LIBGEN_H
/* As in glibc: with this header, basename is POSIX's; with string.h alone, GNU's. */
#ifdef __cplusplus
extern "C" {
#endif
char *dirname(char *);
char *__xpg_basename(char *);
#ifdef __cplusplus
}
#endif
#undef basename
#define basename __xpg_basename
#endif
