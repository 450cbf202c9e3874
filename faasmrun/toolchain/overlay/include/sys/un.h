#ifndef _FAASMRUN_SYS_UN_H
#define _FAASMRUN_SYS_UN_H
/* wasi-libc's address of a local socket lacks its path. */
#include <sys/socket.h>
#include <stddef.h>
#include <string.h>
struct sockaddr_un {
	sa_family_t sun_family;
	char sun_path[108];
};
#define SUN_LEN(s) (offsetof(struct sockaddr_un, sun_path) + strlen((s)->sun_path))
#endif
