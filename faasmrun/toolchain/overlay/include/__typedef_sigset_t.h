#ifndef __wasilibc___typedef_sigset_t_h
#define __wasilibc___typedef_sigset_t_h
/* wasi-libc's is a placeholder of one byte. */
typedef struct __sigset_t {
	unsigned long long __bits;
} sigset_t;
#endif
