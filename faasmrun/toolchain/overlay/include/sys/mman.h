#include_next <sys/mman.h>
#if !defined(_FAASMRUN_SYS_MMAN_H) && defined(_GNU_SOURCE)
#define _FAASMRUN_SYS_MMAN_H
#define MFD_CLOEXEC 1U
#define MFD_ALLOW_SEALING 2U
#ifdef __cplusplus
extern "C" {
#endif
int memfd_create(const char *, unsigned);
#ifdef __cplusplus
}
#endif
#endif
