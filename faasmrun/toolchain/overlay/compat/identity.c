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
#include <unistd.h>

#define WEAK __attribute__((weak))

#define ID 1000

WEAK uid_t getuid(void) { return ID; }
WEAK uid_t geteuid(void) { return ID; }
WEAK gid_t getgid(void) { return ID; }
WEAK gid_t getegid(void) { return ID; }

/* A rank is what it is: to become it again works, anything else is not allowed. */
static int become(unsigned id)
{
	if (id != ID) {
		errno = EPERM;
	}
	return id == ID ? 0 : -1;
}

WEAK int setuid(uid_t id) { return become(id); }
WEAK int seteuid(uid_t id) { return become(id); }
WEAK int setgid(gid_t id) { return become(id); }
WEAK int setegid(gid_t id) { return become(id); }

WEAK int setreuid(uid_t real, uid_t effective) { return real != (uid_t)-1 && become(real) ? -1 : effective != (uid_t)-1 ? become(effective) : 0; }
WEAK int setregid(gid_t real, gid_t effective) { return setreuid(real, effective); }

WEAK int setresuid(uid_t real, uid_t effective, uid_t saved)
{
	return setreuid(real, effective) ? -1 : setreuid(saved, -1);
}

WEAK int setresgid(gid_t real, gid_t effective, gid_t saved) { return setresuid(real, effective, saved); }

WEAK int getresuid(uid_t *real, uid_t *effective, uid_t *saved)
{
	*real = *effective = *saved = ID;
	return 0;
}

WEAK int getresgid(gid_t *real, gid_t *effective, gid_t *saved) { return getresuid(real, effective, saved); }

WEAK int setgroups(size_t size, const gid_t *list) { return size == 1 ? become(list[0]) : become(0); }
WEAK int initgroups(const char *name, gid_t group) { return become(group); }

WEAK int getgrouplist(const char *name, gid_t group, gid_t *list, int *count)
{
	int room = *count;
	*count = 1;
	if (room < 1) {
		return -1;
	}
	list[0] = group;
	return 1;
}

WEAK int getgroups(int size, gid_t list[])
{
	if (size < 0) {
		errno = EINVAL;
		return -1;
	}
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

/* The strings are the environment's, so the caller's buffer stays unused. */
static int copy_user(const struct passwd *found, struct passwd *entry, struct passwd **result)
{
	if (found) {
		*entry = *found;
	}
	*result = found ? entry : NULL;
	return 0;
}

WEAK int getpwuid_r(uid_t uid, struct passwd *entry, char *buf, size_t size, struct passwd **result)
{
	return copy_user(getpwuid(uid), entry, result);
}

WEAK int getpwnam_r(const char *name, struct passwd *entry, char *buf, size_t size, struct passwd **result)
{
	return copy_user(getpwnam(name), entry, result);
}

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

/* Lists of one. */
static int users_read, groups_read;
WEAK void setpwent(void) { users_read = 0; }
WEAK void endpwent(void) { users_read = 0; }
WEAK struct passwd *getpwent(void) { return users_read++ ? NULL : getpwuid(ID); }
WEAK void setgrent(void) { groups_read = 0; }
WEAK void endgrent(void) { groups_read = 0; }
WEAK struct group *getgrent(void) { return groups_read++ ? NULL : getgrgid(ID); }

static int copy_group(const struct group *found, struct group *entry, struct group **result)
{
	if (found) {
		*entry = *found;
	}
	*result = found ? entry : NULL;
	return 0;
}

WEAK int getgrgid_r(gid_t gid, struct group *entry, char *buf, size_t size, struct group **result)
{
	return copy_group(getgrgid(gid), entry, result);
}

WEAK int getgrnam_r(const char *name, struct group *entry, char *buf, size_t size, struct group **result)
{
	return copy_group(getgrnam(name), entry, result);
}

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

#define OPEN_FILES 1024 /* worker/wasi's DefaultMaxOpen */

WEAK int getpagesize(void) { return 65536; }
WEAK int getdtablesize(void) { return OPEN_FILES; }

/* What a rank may have is the job's to say (--mem-per-rank, --time); here stands what is known of it. */
WEAK int getrlimit(int resource, struct rlimit *limit)
{
	if (resource < RLIMIT_CPU || resource > RLIMIT_AS) {
		errno = EINVAL;
		return -1;
	}
	rlim_t most = resource == RLIMIT_NOFILE ? OPEN_FILES : resource == RLIMIT_CORE ? 0 : RLIM_INFINITY;
	*limit = (struct rlimit){ most, most };
	return 0;
}

/* Limits that are in force already can be asked for again; others could not be kept. */
WEAK int setrlimit(int resource, const struct rlimit *limit)
{
	struct rlimit now;
	if (getrlimit(resource, &now)) {
		return -1;
	}
	if (limit->rlim_cur > limit->rlim_max) {
		errno = EINVAL;
		return -1;
	}
	if (limit->rlim_cur != now.rlim_cur || limit->rlim_max > now.rlim_max) {
		errno = EPERM;
		return -1;
	}
	return 0;
}

WEAK int getpriority(int which, id_t who) { return 0; }

/* The scheduler gives ranks their processors: there is one priority. */
WEAK int setpriority(int which, id_t who, int priority)
{
	if (priority) {
		errno = EPERM;
	}
	return priority ? -1 : 0;
}

WEAK int nice(int increment) { return setpriority(PRIO_PROCESS, 0, increment); }
