/*
 * Sockets: a rank reaches no network, so no family of addresses is supported, and no descriptor is a socket: EBADF or
 * ENOTSOCK.
 */
#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include "fails.h"

#define WEAK __attribute__((weak)) /* a program may bring its own */

FAILS(EAFNOSUPPORT) int socket(int domain, int type, int protocol)
{
	errno = EAFNOSUPPORT;
	return -1;
}

FAILS(EAFNOSUPPORT) int socketpair(int domain, int type, int protocol, int fds[2]) { return socket(domain, type, protocol); }

static int not_a_socket(int fd)
{
	struct stat st;
	if (fstat(fd, &st) == 0) {
		errno = ENOTSOCK;
	}
	return -1;
}

WEAK int bind(int fd, const struct sockaddr *address, socklen_t length) { return not_a_socket(fd); }
WEAK int connect(int fd, const struct sockaddr *address, socklen_t length) { return not_a_socket(fd); }
WEAK int listen(int fd, int backlog) { return not_a_socket(fd); }
WEAK int getsockname(int fd, struct sockaddr *restrict address, socklen_t *restrict length) { return not_a_socket(fd); }
WEAK int getpeername(int fd, struct sockaddr *restrict address, socklen_t *restrict length) { return not_a_socket(fd); }
WEAK int sockatmark(int fd) { return not_a_socket(fd); }
WEAK int setsockopt(int fd, int level, int name, const void *value, socklen_t length) { return not_a_socket(fd); }

WEAK ssize_t sendto(int fd, const void *data, size_t size, int flags, const struct sockaddr *to, socklen_t length)
{
	return not_a_socket(fd);
}

WEAK ssize_t recvfrom(int fd, void *restrict data, size_t size, int flags, struct sockaddr *restrict from, socklen_t *restrict length)
{
	return not_a_socket(fd);
}

WEAK ssize_t sendmsg(int fd, const struct msghdr *message, int flags) { return not_a_socket(fd); }
WEAK ssize_t recvmsg(int fd, struct msghdr *message, int flags) { return not_a_socket(fd); }
