#ifndef _FAASMRUN_ENVZ_H
#define _FAASMRUN_ENVZ_H
/* Vectors of name=value, or of names alone. */
#include <argz.h>
#ifdef __cplusplus
extern "C" {
#endif
char *envz_entry(const char *__restrict, size_t, const char *__restrict);
char *envz_get(const char *__restrict, size_t, const char *__restrict);
error_t envz_add(char **__restrict, size_t *__restrict, const char *__restrict, const char *__restrict);
error_t envz_merge(char **__restrict, size_t *__restrict, const char *__restrict, size_t, int);
void envz_remove(char **__restrict, size_t *__restrict, const char *__restrict);
void envz_strip(char **__restrict, size_t *__restrict);
#ifdef __cplusplus
}
#endif
#endif
