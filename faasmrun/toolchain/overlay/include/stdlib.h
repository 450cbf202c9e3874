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
#if defined(_GNU_SOURCE) || defined(_BSD_SOURCE)
struct random_data {
	int *fptr, *rptr, *state, rand_type, rand_deg, rand_sep, *end_ptr;
};
int random_r(struct random_data *__restrict, int *__restrict);
int srandom_r(unsigned, struct random_data *);
int initstate_r(unsigned, char *__restrict, size_t, struct random_data *__restrict);
int setstate_r(char *__restrict, struct random_data *__restrict);
struct drand48_data {
	unsigned short __x[3], __old_x[3], __c, __init;
	unsigned long long __a;
};
int drand48_r(struct drand48_data *__restrict, double *__restrict);
int erand48_r(unsigned short[3], struct drand48_data *__restrict, double *__restrict);
int lrand48_r(struct drand48_data *__restrict, long *__restrict);
int nrand48_r(unsigned short[3], struct drand48_data *__restrict, long *__restrict);
int mrand48_r(struct drand48_data *__restrict, long *__restrict);
int jrand48_r(unsigned short[3], struct drand48_data *__restrict, long *__restrict);
int srand48_r(long, struct drand48_data *);
int seed48_r(unsigned short[3], struct drand48_data *);
int lcong48_r(unsigned short[7], struct drand48_data *);
#endif
#if defined(_GNU_SOURCE) || defined(_BSD_SOURCE) || defined(_DEFAULT_SOURCE)
int on_exit(void (*)(int, void *), void *);
#endif
int strfromd(char *__restrict, size_t, const char *__restrict, double);
int strfromf(char *__restrict, size_t, const char *__restrict, float);
int strfroml(char *__restrict, size_t, const char *__restrict, long double);
#ifdef _GNU_SOURCE
long strtol_l(const char *__restrict, char **__restrict, int, struct __locale_struct *);
unsigned long strtoul_l(const char *__restrict, char **__restrict, int, struct __locale_struct *);
#ifndef __cplusplus /* libc++ has these two of its own */
long long strtoll_l(const char *__restrict, char **__restrict, int, struct __locale_struct *);
unsigned long long strtoull_l(const char *__restrict, char **__restrict, int, struct __locale_struct *);
#endif
long long strtoq(const char *__restrict, char **__restrict, int);
unsigned long long strtouq(const char *__restrict, char **__restrict, int);
int rpmatch(const char *);
char *canonicalize_file_name(const char *);
void qsort_r(void *, size_t, size_t, int (*)(const void *, const void *, void *), void *);
#endif
#ifdef __cplusplus
}
#endif
#endif
