#include_next <time.h>
#ifndef _FAASMRUN_TIME_H
#define _FAASMRUN_TIME_H
/* Zones of time are as TZ says; UTC without it. */
#ifdef __cplusplus
extern "C" {
#endif
void tzset(void);
extern char *tzname[2];
#if defined(_XOPEN_SOURCE) || defined(_BSD_SOURCE) || defined(_GNU_SOURCE)
extern int daylight;
extern long timezone;
#endif
#ifdef __cplusplus
}
#endif
#endif
