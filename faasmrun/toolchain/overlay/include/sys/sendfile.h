#ifndef _FAASMRUN_SYS_SENDFILE_H
#define _FAASMRUN_SYS_SENDFILE_H
#include <sys/types.h>
#ifdef __cplusplus
extern "C" {
#endif
ssize_t sendfile(int, int, off_t *, size_t);
#ifdef __cplusplus
}
#endif
#endif
