#ifndef _FAASMRUN_WORDEXP_H
#define _FAASMRUN_WORDEXP_H
/* Words as a shell expands them. There is no shell: a command to be substituted is WRDE_CMDSUB, with and without WRDE_NOCMD. */
#include <stddef.h>
#ifdef __cplusplus
extern "C" {
#endif
#define WRDE_DOOFFS 1
#define WRDE_APPEND 2
#define WRDE_NOCMD 4
#define WRDE_REUSE 8
#define WRDE_SHOWERR 16
#define WRDE_UNDEF 32
#define WRDE_NOSYS -1
#define WRDE_NOSPACE 1
#define WRDE_BADCHAR 2
#define WRDE_BADVAL 3
#define WRDE_CMDSUB 4
#define WRDE_SYNTAX 5
typedef struct {
	size_t we_wordc;
	char **we_wordv;
	size_t we_offs;
} wordexp_t;
int wordexp(const char *__restrict, wordexp_t *__restrict, int);
void wordfree(wordexp_t *);
#ifdef __cplusplus
}
#endif
#endif
