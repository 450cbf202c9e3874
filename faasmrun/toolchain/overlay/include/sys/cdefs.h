/* What programs use of glibc's. */
#ifndef _FAASMRUN_SYS_CDEFS_H
#define _FAASMRUN_SYS_CDEFS_H
#include <features.h>
#ifdef __cplusplus
#define __BEGIN_DECLS extern "C" {
#define __END_DECLS }
#define __THROW noexcept
#else
#define __BEGIN_DECLS
#define __END_DECLS
#define __THROW
#endif
#define __P(args) args
#define __CONCAT(x, y) x##y
#define __STRING(x) #x
#endif
