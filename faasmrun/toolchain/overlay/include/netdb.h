#ifndef _FAASMRUN_NETDB_H
#define _FAASMRUN_NETDB_H
/* Names of other hosts: a rank reaches none, so nothing is ever found (compat/process.c). */
#include <netinet/in.h>
#include <sys/socket.h>
#ifdef __cplusplus
extern "C" {
#endif
struct hostent {
	char *h_name;
	char **h_aliases;
	int h_addrtype;
	int h_length;
	char **h_addr_list;
};
#define h_addr h_addr_list[0]
struct addrinfo {
	int ai_flags, ai_family, ai_socktype, ai_protocol;
	socklen_t ai_addrlen;
	struct sockaddr *ai_addr;
	char *ai_canonname;
	struct addrinfo *ai_next;
};
#define HOST_NOT_FOUND 1
#define EAI_NONAME -2
#define EAI_FAIL -4
#define AI_PASSIVE 1
#define AI_CANONNAME 2
#define NI_MAXHOST 255
#define NI_MAXSERV 32
int *__h_errno_location(void);
#define h_errno (*__h_errno_location())
struct hostent *gethostbyname(const char *);
int getaddrinfo(const char *__restrict, const char *__restrict, const struct addrinfo *__restrict, struct addrinfo **__restrict);
void freeaddrinfo(struct addrinfo *);
const char *gai_strerror(int);
#ifdef __cplusplus
}
#endif
#endif
