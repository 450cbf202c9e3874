#include_next <sys/types.h>
#ifndef _FAASMRUN_SYS_TYPES_H
#define _FAASMRUN_SYS_TYPES_H
/* glibc's names for the exact-width types, which programs pick up from here. */
typedef signed char __int8_t;
typedef short __int16_t;
typedef int __int32_t;
typedef long __int64_t;
typedef unsigned char __uint8_t;
typedef unsigned short __uint16_t;
typedef unsigned __uint32_t;
typedef unsigned long __uint64_t;
#if defined(_GNU_SOURCE) || defined(_BSD_SOURCE)
typedef int daddr_t;
typedef long loff_t;
#endif
#endif
