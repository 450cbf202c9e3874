#ifndef _FAASMRUN_SYS_SYSMACROS_H
#define _FAASMRUN_SYS_SYSMACROS_H
#define major(d) ((unsigned)(((d) >> 8 & 0xfff) | ((unsigned long)(d) >> 32 & 0xfffff000)))
#define minor(d) ((unsigned)(((d) & 0xff) | ((d) >> 12 & 0xffffff00)))
#define makedev(x, y) \
	(((x) & 0xfffUL) << 8 | ((x) & 0xfffff000UL) << 32 | ((y) & 0xffUL) | ((y) & 0xffffff00UL) << 12)
#endif
