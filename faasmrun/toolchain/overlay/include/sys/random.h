#include_next <sys/random.h>
#ifndef _FAASMRUN_SYS_RANDOM_H
#define _FAASMRUN_SYS_RANDOM_H
#include <stddef.h>
#include <sys/types.h>
#define GRND_NONBLOCK 1
#define GRND_RANDOM 2
#define GRND_INSECURE 4
#ifdef __cplusplus
extern "C" {
#endif
ssize_t getrandom(void *, size_t, unsigned);
#ifdef __cplusplus
}
#endif
#endif
