#ifndef _FAASMRUN_SYS_WAIT_H
#define _FAASMRUN_SYS_WAIT_H
#include <stdlib.h>
#include <sys/types.h>
#define WNOHANG 1
#define WUNTRACED 2
#ifdef __cplusplus
extern "C" {
#endif
pid_t wait(int *);
pid_t waitpid(pid_t, int *, int);
struct rusage;
pid_t wait3(int *, int, struct rusage *);
pid_t wait4(pid_t, int *, int, struct rusage *);
#ifdef __cplusplus
}
#endif
#endif
