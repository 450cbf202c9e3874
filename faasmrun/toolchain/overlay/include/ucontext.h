#ifndef _FAASMRUN_UCONTEXT_H
#define _FAASMRUN_UCONTEXT_H
/* The stack of calls is the engine's, so there is one: getcontext, setcontext and swapcontext fail with ENOSYS. */
#include <sys/ucontext.h>
#ifdef __cplusplus
extern "C" {
#endif
int getcontext(ucontext_t *);
int setcontext(const ucontext_t *);
int swapcontext(ucontext_t *__restrict, const ucontext_t *__restrict);
void makecontext(ucontext_t *, void (*)(void), int, ...);
#ifdef __cplusplus
}
#endif
#endif
