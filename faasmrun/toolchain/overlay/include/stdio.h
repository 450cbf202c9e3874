#include_next <stdio.h>
#ifndef _FAASMRUN_STDIO_H
#define _FAASMRUN_STDIO_H
#ifndef L_tmpnam
#define L_tmpnam 20
#endif
#ifndef TMP_MAX
#define TMP_MAX 238328
#endif
#ifndef P_tmpdir
#define P_tmpdir "/tmp"
#endif
#ifdef __cplusplus
extern "C" {
#endif
FILE *popen(const char *, const char *);
int pclose(FILE *);
FILE *tmpfile(void);
char *tmpnam(char *);
char *tempnam(const char *, const char *);
void flockfile(FILE *);
int ftrylockfile(FILE *);
void funlockfile(FILE *);
char *tempnam(const char *, const char *);
char *tmpnam_r(char *);
int fcloseall(void);
int renameat2(int, const char *, int, const char *, unsigned);
struct obstack;
int obstack_printf(struct obstack *, const char *, ...) __attribute__((__format__(__printf__, 2, 3)));
int obstack_vprintf(struct obstack *, const char *, __builtin_va_list) __attribute__((__format__(__printf__, 2, 0)));
#ifdef __cplusplus
}
#endif
#endif
