#ifndef _FAASMRUN_SETJMP_H
#define _FAASMRUN_SETJMP_H
/* The compiler turns both calls into exceptions (runtime/setjmp.c). Signal masks are not saved: after a handler that
 * leaves by longjmp the mask is what it was before the signal. */
#ifdef __cplusplus
extern "C" {
#endif
typedef struct __jmp_buf_tag {
	unsigned long __jb[8];
} jmp_buf[1];
typedef jmp_buf sigjmp_buf;
int setjmp(jmp_buf) __attribute__((__returns_twice__));
__attribute__((__noreturn__)) void longjmp(jmp_buf, int);
#ifdef __cplusplus
}
#endif
#define setjmp setjmp
#define _setjmp setjmp
#define _longjmp longjmp
#define sigsetjmp(env, save) setjmp(env)
#define siglongjmp longjmp
#endif
