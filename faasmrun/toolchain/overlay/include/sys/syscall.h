#ifndef _FAASMRUN_SYS_SYSCALL_H
#define _FAASMRUN_SYS_SYSCALL_H
/* Of Linux's calls by number syscall does those that say who and where one is, and getrandom; others fail with ENOSYS. */
#define SYS_sched_yield 24
#define SYS_getpid 39
#define SYS_kill 62
#define SYS_getuid 102
#define SYS_getgid 104
#define SYS_geteuid 107
#define SYS_getegid 108
#define SYS_getppid 110
#define SYS_prctl 157
#define SYS_gettid 186
#define SYS_futex 202
#define SYS_sched_setaffinity 203
#define SYS_sched_getaffinity 204
#define SYS_tgkill 234
#define SYS_mbind 237
#define SYS_set_mempolicy 238
#define SYS_get_mempolicy 239
#define SYS_migrate_pages 256
#define SYS_move_pages 279
#define SYS_perf_event_open 298
#define SYS_getcpu 309
#define SYS_getrandom 318
#define SYS_memfd_create 319
#define __NR_sched_yield SYS_sched_yield
#define __NR_getpid SYS_getpid
#define __NR_getppid SYS_getppid
#define __NR_gettid SYS_gettid
#define __NR_futex SYS_futex
#define __NR_sched_setaffinity SYS_sched_setaffinity
#define __NR_sched_getaffinity SYS_sched_getaffinity
#define __NR_tgkill SYS_tgkill
#define __NR_mbind SYS_mbind
#define __NR_get_mempolicy SYS_get_mempolicy
#define __NR_set_mempolicy SYS_set_mempolicy
#define __NR_migrate_pages SYS_migrate_pages
#define __NR_move_pages SYS_move_pages
#define __NR_perf_event_open SYS_perf_event_open
#define __NR_getcpu SYS_getcpu
#define __NR_getrandom SYS_getrandom
#define __NR_memfd_create SYS_memfd_create
#endif
