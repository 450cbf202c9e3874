#include_next <time.h>
#ifndef _FAASMRUN_TIME_H
#define _FAASMRUN_TIME_H
#include <sys/types.h>
/* Zones of time are as TZ says; UTC without it. */
#ifdef __cplusplus
extern "C" {
#endif
void tzset(void);
extern char *tzname[2];
#if defined(_POSIX_SOURCE) || defined(_POSIX_C_SOURCE) || defined(_XOPEN_SOURCE) || defined(_GNU_SOURCE) || defined(_BSD_SOURCE)
/* Timers that the program asks for what is left are there; one that is to send a signal can't be made (compat/timers.c). */
int timespec_getres(struct timespec *, int);
int clock_getcpuclockid(pid_t, clockid_t *);
int clock_settime(clockid_t, const struct timespec *);
struct sigevent;
int timer_create(clockid_t, struct sigevent *__restrict, timer_t *__restrict);
int timer_delete(timer_t);
int timer_settime(timer_t, int, const struct itimerspec *__restrict, struct itimerspec *__restrict);
int timer_gettime(timer_t, struct itimerspec *);
int timer_getoverrun(timer_t);
#endif
#if defined(_BSD_SOURCE) || defined(_GNU_SOURCE)
time_t timelocal(struct tm *);
int dysize(int);
#endif
#if defined(_XOPEN_SOURCE) || defined(_BSD_SOURCE) || defined(_GNU_SOURCE)
extern int daylight;
extern long timezone;
#endif
#ifdef __cplusplus
}
#endif
#endif
