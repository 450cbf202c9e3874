#include_next <sys/socket.h>
#ifndef _FAASMRUN_SYS_SOCKET_H
#define _FAASMRUN_SYS_SOCKET_H
/* A rank reaches no network: what would make a socket fails (compat/sockets.c). */
/* Names of options that WASI lacks. */
#ifndef SO_DEBUG
#define SO_DEBUG 1
#endif
#ifndef SO_REUSEADDR
#define SO_REUSEADDR 2
#endif
#ifndef SO_ERROR
#define SO_ERROR 4
#endif
#ifndef SO_DONTROUTE
#define SO_DONTROUTE 5
#endif
#ifndef SO_BROADCAST
#define SO_BROADCAST 6
#endif
#ifndef SO_SNDBUF
#define SO_SNDBUF 7
#endif
#ifndef SO_RCVBUF
#define SO_RCVBUF 8
#endif
#ifndef SO_KEEPALIVE
#define SO_KEEPALIVE 9
#endif
#ifndef SO_OOBINLINE
#define SO_OOBINLINE 10
#endif
#ifndef SO_LINGER
#define SO_LINGER 13
#endif
#ifndef SO_REUSEPORT
#define SO_REUSEPORT 15
#endif
#ifndef SO_RCVLOWAT
#define SO_RCVLOWAT 18
#endif
#ifndef SO_SNDLOWAT
#define SO_SNDLOWAT 19
#endif
#ifndef SO_RCVTIMEO
#define SO_RCVTIMEO 20
#endif
#ifndef SO_SNDTIMEO
#define SO_SNDTIMEO 21
#endif
#ifndef SO_ACCEPTCONN
#define SO_ACCEPTCONN 30
#endif
#ifndef SOMAXCONN
#define SOMAXCONN 4096
#endif
/*
 * Families, types and flags that WASI lacks. Its own AF_INET, AF_INET6 and AF_UNIX are 1 to 3 and its MSG_PEEK and
 * MSG_WAITALL 1 and 2; the other values are Linux's, which stay clear of those but for MSG_OOB's.
 */
#ifndef PF_UNSPEC
#define AF_LOCAL AF_UNIX
#define AF_FILE AF_UNIX
#define AF_NETLINK 16
#define AF_ROUTE AF_NETLINK
#define AF_PACKET 17
#define AF_BLUETOOTH 31
#define AF_ALG 38
#define AF_VSOCK 40
#define AF_MAX 45
#define PF_UNSPEC AF_UNSPEC
#define PF_UNIX AF_UNIX
#define PF_LOCAL AF_LOCAL
#define PF_FILE AF_FILE
#define PF_INET AF_INET
#define PF_INET6 AF_INET6
#define PF_NETLINK AF_NETLINK
#define PF_ROUTE AF_ROUTE
#define PF_PACKET AF_PACKET
#define PF_BLUETOOTH AF_BLUETOOTH
#define PF_ALG AF_ALG
#define PF_VSOCK AF_VSOCK
#define PF_MAX AF_MAX
#endif
#ifndef SOCK_RAW
#define SOCK_RAW 3
#define SOCK_RDM 4
#define SOCK_SEQPACKET 1 /* 5 and 6 are WASI's datagrams and streams */
#define SOCK_DCCP 7
#define SOCK_PACKET 10
#endif
#ifndef SOL_IP
#define SOL_IP 0
#define SOL_IPV6 41
#define SOL_RAW 255
#define SOL_PACKET 263
#define SOL_NETLINK 270
#endif
#ifndef MSG_DONTWAIT
#define MSG_DONTROUTE 0x4
#define MSG_CTRUNC 0x8
#define MSG_DONTWAIT 0x40
#define MSG_EOR 0x80
#define MSG_OOB 0x100
#define MSG_ERRQUEUE 0x2000
#define MSG_NOSIGNAL 0x4000
#define MSG_MORE 0x8000
#define MSG_CMSG_CLOEXEC 0x40000000
#endif
#ifndef SO_PASSCRED
#define SO_NO_CHECK 11
#define SO_PRIORITY 12
#define SO_PASSCRED 16
#define SO_PEERCRED 17
#define SO_BINDTODEVICE 25
#define SO_TIMESTAMP 29
#define SO_SNDBUFFORCE 32
#define SO_RCVBUFFORCE 33
#define SO_PROTOCOL 38
#define SO_DOMAIN 39
#define SO_BUSY_POLL 46
#endif
#ifndef SCM_RIGHTS
#define SCM_RIGHTS 1
#define SCM_CREDENTIALS 2
struct cmsghdr {
	socklen_t cmsg_len;
	int __pad;
	int cmsg_level;
	int cmsg_type;
};
#define CMSG_ALIGN(length) (((length) + sizeof(size_t) - 1) & ~(sizeof(size_t) - 1))
#define CMSG_LEN(length) (CMSG_ALIGN(sizeof(struct cmsghdr)) + (length))
#define CMSG_SPACE(length) (CMSG_ALIGN(sizeof(struct cmsghdr)) + CMSG_ALIGN(length))
#define CMSG_DATA(header) ((unsigned char *)((struct cmsghdr *)(header) + 1))
#define CMSG_FIRSTHDR(message) \
	((size_t)(message)->msg_controllen >= sizeof(struct cmsghdr) ? (struct cmsghdr *)(message)->msg_control \
								     : (struct cmsghdr *)0)
#define __CMSG_LEFT(message, header) \
	((size_t)((unsigned char *)(message)->msg_control + (message)->msg_controllen - (unsigned char *)(header)))
#define CMSG_NXTHDR(message, header) \
	((header)->cmsg_len < sizeof(struct cmsghdr) || \
			 CMSG_ALIGN((header)->cmsg_len) + sizeof(struct cmsghdr) > __CMSG_LEFT(message, header) \
		 ? (struct cmsghdr *)0 \
		 : (struct cmsghdr *)((unsigned char *)(header) + CMSG_ALIGN((header)->cmsg_len)))
#endif
#ifdef __cplusplus
extern "C" {
#endif
int socket(int, int, int);
int socketpair(int, int, int, int[2]);
int bind(int, const struct sockaddr *, socklen_t);
int connect(int, const struct sockaddr *, socklen_t);
int listen(int, int);
int getsockname(int, struct sockaddr *__restrict, socklen_t *__restrict);
int getpeername(int, struct sockaddr *__restrict, socklen_t *__restrict);
int setsockopt(int, int, int, const void *, socklen_t);
ssize_t sendto(int, const void *, size_t, int, const struct sockaddr *, socklen_t);
ssize_t recvfrom(int, void *__restrict, size_t, int, struct sockaddr *__restrict, socklen_t *__restrict);
ssize_t sendmsg(int, const struct msghdr *, int);
ssize_t recvmsg(int, struct msghdr *, int);
int sockatmark(int);
#ifdef __cplusplus
}
#endif
#endif
