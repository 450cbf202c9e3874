#ifndef _FAASMRUN_SYS_UCONTEXT_H
#define _FAASMRUN_SYS_UCONTEXT_H
/* A program can see no registers. A handler's third argument is NULL. */
#include <signal.h>
#ifdef __cplusplus
extern "C" {
#endif
typedef struct {
	unsigned long __reserved[4];
} mcontext_t;
typedef struct ucontext_t {
	unsigned long uc_flags;
	struct ucontext_t *uc_link;
	stack_t uc_stack;
	mcontext_t uc_mcontext;
	sigset_t uc_sigmask;
} ucontext_t;
#ifdef __cplusplus
}
#endif
#endif
