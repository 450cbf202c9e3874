/*
 * Who and where the program is. The answers are constants or come from the environment, so that a rank that moves to
 * another node goes on getting the same ones.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define WEAK __attribute__((weak))

#define ID 1000

WEAK uid_t getuid(void) { return ID; }
WEAK uid_t geteuid(void) { return ID; }
WEAK gid_t getgid(void) { return ID; }
WEAK gid_t getegid(void) { return ID; }

WEAK int getgroups(int size, gid_t list[])
{
	if (size > 0) {
		list[0] = ID;
	}
	return 1;
}

static char *user(void)
{
	char *name = getenv("USER");
	return name && *name ? name : (char *)"user";
}

WEAK char *getlogin(void) { return user(); }

WEAK int getlogin_r(char *buf, size_t size)
{
	if (strlen(user()) >= size) {
		return ERANGE;
	}
	strcpy(buf, user());
	return 0;
}

/* One user and one group exist: the program's own. */
WEAK struct passwd *getpwuid(uid_t uid)
{
	static struct passwd entry;
	if (uid != ID) {
		return NULL;
	}
	char *home = getenv("HOME");
	entry = (struct passwd){ .pw_name = user(), .pw_passwd = (char *)"x", .pw_uid = ID, .pw_gid = ID,
		.pw_gecos = (char *)"", .pw_dir = home ? home : (char *)"/", .pw_shell = (char *)"/bin/sh" };
	return &entry;
}

WEAK struct passwd *getpwnam(const char *name) { return strcmp(name, user()) ? NULL : getpwuid(ID); }

WEAK struct group *getgrgid(gid_t gid)
{
	static char *members[1];
	static struct group entry;
	if (gid != ID) {
		return NULL;
	}
	entry = (struct group){ .gr_name = user(), .gr_passwd = (char *)"x", .gr_gid = ID, .gr_mem = members };
	return &entry;
}

WEAK struct group *getgrnam(const char *name) { return strcmp(name, user()) ? NULL : getgrgid(ID); }

/* The name is the environment's, which the launcher sets; programs print it, and make names of files from it. */
WEAK int gethostname(char *buf, size_t size)
{
	const char *name = getenv("HOSTNAME");
	if (!name || !*name) {
		name = "wasm";
	}
	if (strlen(name) >= size) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(buf, name);
	return 0;
}

WEAK int getpagesize(void) { return 65536; }

WEAK int getrlimit(int resource, struct rlimit *limit)
{
	limit->rlim_cur = limit->rlim_max = RLIM_INFINITY;
	return 0;
}

WEAK int setrlimit(int resource, const struct rlimit *limit) { return 0; }

WEAK int getpriority(int which, id_t who) { return 0; }
WEAK int setpriority(int which, id_t who, int priority) { return 0; }
WEAK int nice(int increment) { return 0; }

/* Time since the first call, as user time, and the size of the linear memory in KiB: its high-water mark, for it never
 * shrinks. */
WEAK int __faasmrun_getrusage(int who, struct rusage *usage)
{
	static struct timespec first;
	struct timespec now;
	if (clock_gettime(CLOCK_MONOTONIC, &now)) {
		return -1;
	}
	if (!first.tv_sec && !first.tv_nsec) {
		first = now;
	}
	long long us = (now.tv_sec - first.tv_sec) * 1000000LL + (now.tv_nsec - first.tv_nsec) / 1000;
	memset(usage, 0, sizeof *usage);
	usage->ru_utime.tv_sec = us / 1000000;
	usage->ru_utime.tv_usec = us % 1000000;
	usage->ru_maxrss = __builtin_wasm_memory_size(0) * 64;
	return 0;
}
