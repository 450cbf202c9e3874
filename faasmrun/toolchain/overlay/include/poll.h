#include_next <poll.h>
/* Kinds of data that no descriptor of a rank has. */
#ifndef POLLPRI
#define POLLPRI 0x004
#define POLLRDBAND 0x008
#define POLLWRBAND 0x010
#endif
#if !defined(_FAASMRUN_POLL_H) && defined(_GNU_SOURCE)
#define _FAASMRUN_POLL_H
#include <signal.h>
#include <time.h>
#ifdef __cplusplus
extern "C" {
#endif
int ppoll(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);
#ifdef __cplusplus
}
#endif
#endif
