#ifndef _FAASMRUN_SYS_PTRACE_H
#define _FAASMRUN_SYS_PTRACE_H
/* Nothing can be traced: ptrace gives EPERM. */
#ifdef __cplusplus
extern "C" {
#endif
#define PTRACE_TRACEME 0
#define PTRACE_PEEKTEXT 1
#define PTRACE_PEEKDATA 2
#define PTRACE_CONT 7
#define PTRACE_KILL 8
#define PTRACE_ATTACH 16
#define PTRACE_DETACH 17
#define PT_TRACE_ME PTRACE_TRACEME
#define PT_ATTACH PTRACE_ATTACH
#define PT_DETACH PTRACE_DETACH
long ptrace(int, ...);
#ifdef __cplusplus
}
#endif
#endif
