/*
 * Files: temporary ones, canonical paths, and the modes, owners and file systems that WASI's files have not. Plain files,
 * directories and links can be made, no pipes or devices, and there is one owner.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "fails.h"
#include "host.h"

#define WEAK __attribute__((weak))
#define ST_VALID 0x20 /* a mark of the kernel's among the flags */

WEAK mode_t umask(mode_t mask) { return __faasmrun_host_umask(mask & 0777); }

WEAK int fchmod(int fd, mode_t mode)
{
	int err = __faasmrun_host_fd_chmod(fd, mode & 07777);
	if (err) {
		errno = err;
	}
	return err ? -1 : 0;
}

WEAK int fchmodat(int dir, const char *path, mode_t mode, int flags)
{
	struct stat st;
	if (flags & ~AT_SYMLINK_NOFOLLOW) {
		errno = EINVAL;
		return -1;
	}
	if (flags) {
		if (fstatat(dir, path, &st, flags)) {
			return -1;
		}
		if (S_ISLNK(st.st_mode)) {
			errno = ENOTSUP; /* a link has no mode of its own */
			return -1;
		}
	}
	int fd = openat(dir, path, O_RDONLY | O_NONBLOCK);
	if (fd < 0 && errno == EACCES) {
		fd = openat(dir, path, O_WRONLY | O_NONBLOCK);
	}
	if (fd < 0) {
		return -1;
	}
	int result = fchmod(fd, mode), error = errno;
	close(fd);
	errno = error;
	return result;
}

WEAK int chmod(const char *path, mode_t mode) { return fchmodat(AT_FDCWD, path, mode, 0); }

/* All files are the program's own; nobody else can be given one. */
static int give(int found, uid_t uid, gid_t gid)
{
	if (!found && (uid != (uid_t)-1 && uid != getuid() || gid != (gid_t)-1 && gid != getgid())) {
		errno = EPERM;
		return -1;
	}
	return found;
}

WEAK int chown(const char *path, uid_t uid, gid_t gid)
{
	struct stat st;
	return give(stat(path, &st), uid, gid);
}

WEAK int fchown(int fd, uid_t uid, gid_t gid)
{
	struct stat st;
	return give(fstat(fd, &st), uid, gid);
}

WEAK int lchown(const char *path, uid_t uid, gid_t gid)
{
	struct stat st;
	return give(lstat(path, &st), uid, gid);
}

/* The answer of a file system without pipes and devices: EPERM where one might be made. */
static int special_file(int fd, const char *path)
{
	struct stat st;
	char parent[PATH_MAX];
	if (!fstatat(fd, path, &st, AT_SYMLINK_NOFOLLOW)) {
		errno = EEXIST;
	} else if (errno == ENOENT && strlen(path) < sizeof parent && !fstatat(fd, dirname(strcpy(parent, path)), &st, 0)) {
		errno = EPERM;
	}
	return -1;
}

WEAK int mknodat(int fd, const char *path, mode_t mode, dev_t device)
{
	if (mode & S_IFMT && !S_ISREG(mode)) {
		return special_file(fd, path);
	}
	int file = openat(fd, path, O_WRONLY | O_CREAT | O_EXCL, mode);
	return file < 0 ? -1 : close(file);
}

WEAK int mknod(const char *path, mode_t mode, dev_t device) { return mknodat(AT_FDCWD, path, mode, device); }
FAILS(EPERM) int mkfifoat(int fd, const char *path, mode_t mode) { return mknodat(fd, path, (mode & 0777) | S_IFIFO, 0); }
FAILS(EPERM) int mkfifo(const char *path, mode_t mode) { return mkfifoat(AT_FDCWD, path, mode); }

/* ---- File systems ---- */

enum { TYPE, BSIZE, BLOCKS, BFREE, BAVAIL, FILES, FFREE, FSID0, FSID1, NAMELEN, FRSIZE, FLAGS, FIGURES };

WEAK int fstatfs(int fd, struct statfs *st)
{
	long figures[FIGURES];
	for (int i = 0; i < FIGURES; i++) {
		figures[i] = __faasmrun_host_fd_statvfs(fd, i);
		/* Only the file system's number can be negative otherwise. */
		if (figures[i] < 0 && i != FSID0 && i != FSID1) {
			errno = -figures[i];
			return -1;
		}
	}
	*st = (struct statfs){ figures[TYPE], figures[BSIZE], figures[BLOCKS], figures[BFREE], figures[BAVAIL], figures[FILES],
		figures[FFREE], { { (int)figures[FSID0], (int)figures[FSID1] } }, figures[NAMELEN], figures[FRSIZE], figures[FLAGS] };
	return 0;
}

WEAK int fstatvfs(int fd, struct statvfs *st)
{
	struct statfs f;
	if (fstatfs(fd, &f)) {
		return -1;
	}
	*st = (struct statvfs){ f.f_bsize, f.f_frsize, f.f_blocks, f.f_bfree, f.f_bavail, f.f_files, f.f_ffree, f.f_ffree,
		(unsigned)f.f_fsid.__val[0], f.f_flags & ~ST_VALID, f.f_namelen };
	return 0;
}

/* A file that may not be read is on the file system of its directory. */
static int open_any(const char *path)
{
	char parent[PATH_MAX];
	int fd = open(path, O_RDONLY | O_NONBLOCK);
	if (fd < 0 && errno == EACCES && strlen(path) < sizeof parent) {
		fd = open(dirname(strcpy(parent, path)), O_RDONLY);
	}
	return fd;
}

static int closed(int fd, int result)
{
	int error = errno;
	close(fd);
	errno = error;
	return result;
}

WEAK int statfs(const char *path, struct statfs *st)
{
	int fd = open_any(path);
	return fd < 0 ? -1 : closed(fd, fstatfs(fd, st));
}

WEAK int statvfs(const char *restrict path, struct statvfs *restrict st)
{
	int fd = open_any(path);
	return fd < 0 ? -1 : closed(fd, fstatvfs(fd, st));
}

/* ---- Temporary files ---- */

#define TRIES 100

/* The six X before the suffix, or NULL with EINVAL. */
static char *pattern(char *template, int suffix)
{
	size_t length = strlen(template);
	if (suffix < 0 || length < (size_t)suffix + 6 || memcmp(template + length - suffix - 6, "XXXXXX", 6)) {
		errno = EINVAL;
		return NULL;
	}
	return template + length - suffix - 6;
}

static void randomise(char *x)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345";
	unsigned char bytes[6];
	getentropy(bytes, sizeof bytes);
	for (int i = 0; i < 6; i++) {
		x[i] = letters[bytes[i] & 31];
	}
}

WEAK int mkostemps(char *template, int suffix, int flags)
{
	char *x = pattern(template, suffix);
	for (int i = 0; x && i < TRIES; i++) {
		randomise(x);
		int fd = open(template, O_RDWR | O_CREAT | O_EXCL | flags, 0600);
		if (fd >= 0 || errno != EEXIST) {
			return fd;
		}
	}
	return -1;
}

WEAK int mkstemps(char *template, int suffix) { return mkostemps(template, suffix, 0); }
WEAK int mkostemp(char *template, int flags) { return mkostemps(template, 0, flags); }
WEAK int mkstemp(char *template) { return mkostemps(template, 0, 0); }

WEAK char *mkdtemp(char *template)
{
	char *x = pattern(template, 0);
	for (int i = 0; x && i < TRIES; i++) {
		randomise(x);
		if (mkdir(template, 0700) == 0) {
			return template;
		}
		if (errno != EEXIST) {
			break;
		}
	}
	return NULL;
}

WEAK char *mktemp(char *template)
{
	char *x = pattern(template, 0);
	for (int i = 0; x && i < TRIES; i++) {
		randomise(x);
		if (access(template, F_OK)) {
			return template;
		}
	}
	*template = 0;
	return template;
}

/* The user may have put a directory in the place of /tmp that can't be written. */
static const char *temporary(void)
{
	const char *dir = getenv("TMPDIR");
	if (dir && *dir) {
		return dir;
	}
	return access("/tmp", F_OK) ? "." : "/tmp";
}

WEAK char *tmpnam(char *buf)
{
	static char own[L_tmpnam];
	char *name = buf ? buf : own;
	strcpy(name, access("/tmp", F_OK) ? "./tmpXXXXXX" : "/tmp/tmpXXXXXX");
	return *mktemp(name) ? name : NULL;
}

WEAK char *tmpnam_r(char *buf) { return buf ? tmpnam(buf) : NULL; }

/* In TMPDIR, in the directory that is given, in /tmp or here: the first that is one. */
WEAK char *tempnam(const char *directory, const char *prefix)
{
	const char *choices[] = { getenv("TMPDIR"), directory, P_tmpdir, "." };
	struct stat st;
	for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
		const char *dir = choices[i];
		if (!dir || stat(dir, &st) < 0 || !S_ISDIR(st.st_mode)) {
			continue;
		}
		char *name;
		if (asprintf(&name, "%s/%.5sXXXXXX", dir, prefix ? prefix : "file") < 0) {
			return NULL;
		}
		if (*mktemp(name)) {
			return name;
		}
		free(name);
		return NULL;
	}
	errno = ENOENT;
	return NULL;
}

/* The file has no name any more when the caller gets it. */
WEAK FILE *tmpfile(void)
{
	char path[PATH_MAX];
	if (snprintf(path, sizeof path, "%s/tmpXXXXXX", temporary()) >= (int)sizeof path) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	int fd = mkstemp(path);
	if (fd < 0) {
		return NULL;
	}
	unlink(path);
	FILE *f = fdopen(fd, "w+");
	if (!f) {
		close(fd);
	}
	return f;
}

/* ---- Paths ---- */

/* Appends one component to a canonical path; ".." takes one away. Returns the new length, or 0 when there is no room. */
static size_t step(char out[PATH_MAX], size_t length, const char *name)
{
	if (!strcmp(name, ".")) {
		return length;
	}
	if (!strcmp(name, "..")) {
		while (length > 1 && out[--length] != '/') {
		}
		return length ? length : 1;
	}
	size_t more = strlen(name), slash = length > 1;
	if (length + slash + more >= PATH_MAX) {
		return 0;
	}
	if (slash) {
		out[length] = '/';
	}
	memcpy(out + length + slash, name, more);
	return length + slash + more;
}

/* Follows links itself, a component at a time; what leads out of the directories that the program sees was refused by stat. */
WEAK char *realpath(const char *restrict path, char *restrict resolved)
{
	char in[2 * PATH_MAX], out[PATH_MAX] = "/";
	struct stat st;
	if (!path || !*path) {
		errno = path ? ENOENT : EINVAL;
		return NULL;
	}
	if (stat(path, &st)) {
		return NULL;
	}
	in[0] = 0;
	if (*path != '/' && !getcwd(in, PATH_MAX)) {
		return NULL;
	}
	if (strlen(in) + strlen(path) + 2 > sizeof in) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	strcat(strcat(in, "/"), path);
	size_t length = 1;
	char *rest = in;
	for (int links = 0; *rest;) {
		size_t n = strcspn(rest, "/");
		if (n == 0) {
			rest++;
			continue;
		}
		char *after = rest + n, target[PATH_MAX];
		after += *after == '/';
		rest[n] = 0;
		size_t before = length;
		length = step(out, length, rest);
		if (!length) {
			errno = ENAMETOOLONG;
			return NULL;
		}
		out[length] = 0;
		rest = after;
		ssize_t size = length > before ? readlink(out, target, sizeof target) : -1;
		if (size < 0) {
			continue; /* no link: the file is known to exist */
		}
		size_t left = strlen(rest);
		if (++links > 40 || size + left + 2 > sizeof in) {
			errno = links > 40 ? ELOOP : ENAMETOOLONG;
			return NULL;
		}
		length = target[0] == '/' ? 1 : before;
		memmove(in + size + 1, rest, left + 1);
		memcpy(in, target, size);
		in[size] = '/';
		rest = in;
	}
	out[length] = 0;
	return resolved ? strcpy(resolved, out) : strdup(out);
}

WEAK char *canonicalize_file_name(const char *path) { return realpath(path, NULL); }
WEAK char *get_current_dir_name(void) { return getcwd(NULL, 0); }

/* Of the whole machine's files these are the program's. */
WEAK void sync(void)
{
	int error = errno;
	for (int fd = 3; fd < getdtablesize(); fd++) {
		fsync(fd);
	}
	errno = error;
}

char *__faasmrun_realpath(const char *path) { return realpath(path, NULL); } /* for libc's chdir */

/* string.h's basename, GNU's, never changes its argument; libgen.h's, POSIX's, does. */
char *__faasmrun_gnu_basename(const char *path)
{
	const char *slash = strrchr(path, '/');
	return (char *)(slash ? slash + 1 : path);
}

#undef basename
char *libc_basename(char *) __asm__("basename");
char *__xpg_basename(char *path) { return libc_basename(path); }

/* The number of the error, as it is in no errno; the end of the directory is none. */
WEAK int readdir_r(DIR *restrict directory, struct dirent *restrict entry, struct dirent **restrict result)
{
	int before = errno;
	errno = 0;
	struct dirent *next = readdir(directory);
	int error = next ? 0 : errno;
	errno = before;
	*result = next ? memcpy(entry, next, sizeof *entry) : NULL;
	return error;
}
