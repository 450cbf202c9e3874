#include_next <fcntl.h>
#ifndef _FAASMRUN_FCNTL_H
#define _FAASMRUN_FCNTL_H
#define F_DUPFD 0
#ifndef F_DUPFD_CLOEXEC
#define F_DUPFD_CLOEXEC 1030
#endif
/* Locks of records. */
#define F_RDLCK 0
#define F_WRLCK 1
#define F_UNLCK 2
#define F_GETLK 5
#define F_SETLK 6
#define F_SETLKW 7
#define F_OFD_GETLK 36
#define F_OFD_SETLK 37
#define F_OFD_SETLKW 38
#ifdef _GNU_SOURCE
#define AT_NO_AUTOMOUNT 0x800
#define AT_EMPTY_PATH 0x1000
#define AT_STATX_SYNC_TYPE 0x6000
#define AT_STATX_SYNC_AS_STAT 0x0000
#define AT_STATX_FORCE_SYNC 0x2000
#define AT_STATX_DONT_SYNC 0x4000
#endif
#include <sys/types.h>
#ifdef __cplusplus
extern "C" {
#endif
int fallocate(int, int, off_t, off_t);
ssize_t readahead(int, off_t, size_t);
#ifdef __cplusplus
}
#endif
#ifdef _GNU_SOURCE
#define F_GETLK64 F_GETLK
#define F_SETLK64 F_SETLK
#define F_SETLKW64 F_SETLKW
#define flock64 flock
#endif
#endif
