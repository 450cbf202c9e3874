#include_next <sys/stat.h>
#ifndef _FAASMRUN_SYS_STAT_H
#define _FAASMRUN_SYS_STAT_H
#ifdef __cplusplus
extern "C" {
#endif
mode_t umask(mode_t);
int chmod(const char *, mode_t);
int fchmod(int, mode_t);
int fchmodat(int, const char *, mode_t, int);
#ifdef __cplusplus
}
#endif
#endif
