/*
 * The calls of faasmrun's own import module, for what POSIX has and WASI has not (worker/wasi/system.go). They take and give
 * integers of fixed width. Those about threads (worker/rank/pthreads.go, worker/futex) alone take addresses.
 */
#ifndef FAASMRUN_HOST_H
#define FAASMRUN_HOST_H

#define HOST_CALL(name) __attribute__((import_module("faasmrun"), import_name(#name))) __faasmrun_host_##name

long long HOST_CALL(cpu_time)(void);
void HOST_CALL(create_mode)(int mode);
int HOST_CALL(fd_chmod)(int fd, int mode);
int HOST_CALL(fd_dup)(int fd, int at, int exact);
int HOST_CALL(fd_flock)(int fd, int operation);
int HOST_CALL(fd_lock)(int fd, int how, long long from, long long size);
int HOST_CALL(fd_lock_test)(int fd, int how, long long from, long long size);
long long HOST_CALL(fd_path)(int fd, int at);
long long HOST_CALL(fd_pipe)(int flags);
long long HOST_CALL(fd_statvfs)(int fd, int field);
long long HOST_CALL(lock_found)(int field);
int HOST_CALL(umask)(int mask);
void HOST_CALL(signal_actions)(int dispatcher, unsigned long long caught, unsigned long long ignored);
unsigned long long HOST_CALL(signal_blocked)(void);
unsigned long long HOST_CALL(signal_mask)(unsigned long long set);
unsigned long long HOST_CALL(signal_pending)(void);
int HOST_CALL(signal_raise)(int sig);
unsigned long long HOST_CALL(signal_suspend)(unsigned long long set);
int HOST_CALL(signal_take)(unsigned long long set, unsigned long long nanoseconds);
_Noreturn void HOST_CALL(thread_end)(unsigned long long thread);
int HOST_CALL(thread_start)(unsigned long long function, unsigned long long thread);
int HOST_CALL(thread_wait)(unsigned long long address, int value, long long nanoseconds, int function);
void HOST_CALL(thread_wake)(unsigned long long address, int count);
long long HOST_CALL(timer_interval)(void);
long long HOST_CALL(timer_left)(void);
long long HOST_CALL(timer_set)(long long value, long long interval);

#undef HOST_CALL
#endif
