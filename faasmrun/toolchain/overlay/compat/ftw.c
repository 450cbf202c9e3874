/*
 * ftw and nftw with glibc's results. A directory is read whole and closed before its entries are visited, so the walk has one open
 * directory, whatever depth the program allows. Names are looked up from where the walk began, with FTW_CHDIR too.
 */
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WEAK __attribute__((weak))

struct seen {
	dev_t dev;
	ino_t ino;
};

struct walk {
	__ftw_func_t plain; /* of ftw, or that of nftw */
	__nftw_func_t full;
	int flags;
	dev_t dev;
	void *seen;  /* a tree of the directories that were visited, where links are followed */
	char *start;       /* with FTW_CHDIR: where the walk began, with a slash behind it */
	char *path, *real; /* the name that the program is told; the same, to be looked up */
	size_t size;
};

static int tell(struct walk *w, const struct stat *st, int type, int base, int level)
{
	if (w->plain) {
		static const int old[] = { FTW_F, FTW_D, FTW_DNR, FTW_NS, FTW_F, FTW_D, FTW_NS };
		return w->plain(w->path, st, old[type]);
	}
	struct FTW where = { base, level };
	return w->full(w->path, st, type, &where);
}

/* The name under which the file is found now that the program may have been moved. */
static const char *real(struct walk *w)
{
	if (!w->start || w->path[0] == '/') {
		return w->path;
	}
	char *longer = realloc(w->real, strlen(w->start) + strlen(w->path) + 1);
	if (!longer) {
		return NULL;
	}
	w->real = longer;
	return strcat(strcpy(longer, w->start), w->path);
}

/* The type of the file, -1 where it cannot be told (errno). */
static int look(struct walk *w, struct stat *st)
{
	const char *name = real(w);
	if (!name) {
		return -1;
	}
	if ((w->flags & FTW_PHYS ? lstat : stat)(name, st) < 0) {
		int error = errno;
		if (error == ENOENT && !(w->flags & FTW_PHYS) && lstat(name, st) == 0 && S_ISLNK(st->st_mode)) {
			return FTW_SLN;
		}
		errno = error;
		return error == EACCES || error == ENOENT ? FTW_NS : -1;
	}
	return S_ISDIR(st->st_mode) ? FTW_D : S_ISLNK(st->st_mode) ? FTW_SL : FTW_F;
}

static int by_number(const void *a, const void *b)
{
	const struct seen *l = a, *r = b;
	return l->dev != r->dev ? (l->dev < r->dev ? -1 : 1) : l->ino < r->ino ? -1 : l->ino > r->ino;
}

/* 1 when a directory was visited before, 0 when it is new, -1 without memory. */
static int visited(struct walk *w, const struct stat *st)
{
	struct seen *s = malloc(sizeof *s);
	if (!s) {
		return -1;
	}
	*s = (struct seen){ st->st_dev, st->st_ino };
	struct seen **at = tsearch(s, &w->seen, by_number);
	if (!at || *at != s) {
		free(s);
	}
	return at ? *at != s : -1;
}

/* Moves to the directory that the first length bytes of the path name, or to where the walk began. */
static int move(struct walk *w, size_t length)
{
	if (!(w->flags & FTW_CHDIR)) {
		return 0;
	}
	char kept = w->path[length];
	w->path[length] = 0;
	const char *name = length ? real(w) : w->start;
	int failed = !name || chdir(name);
	w->path[length] = kept;
	return failed ? -1 : 0;
}

/* The names in a directory, one behind the other, each with its zero, and an empty one at the end. */
static char *names(const char *directory)
{
	DIR *d = opendir(directory);
	if (!d) {
		return NULL;
	}
	char *all = NULL;
	size_t used = 0, size = 0;
	struct dirent *entry;
	while (errno = 0, (entry = readdir(d))) {
		const char *name = entry->d_name;
		size_t length = strlen(name) + 1;
		if (!strcmp(name, ".") || !strcmp(name, "..")) {
			continue;
		}
		if (used + length + 1 > size) {
			char *larger = realloc(all, size = 2 * size + length + 1024);
			if (!larger) {
				break;
			}
			all = larger;
		}
		memcpy(all + used, name, length);
		used += length;
	}
	int error = entry ? ENOMEM : errno;
	closedir(d);
	if (!all && !error) {
		all = malloc(1);
	}
	if (error || !all) {
		free(all);
		errno = error ? error : ENOMEM;
		return NULL;
	}
	all[used] = 0;
	return all;
}

static int visit(struct walk *w, size_t length, int base, int level);

static int directory(struct walk *w, struct stat *st, size_t length, int base, int level)
{
	const char *name = real(w);
	char *inside = name ? names(name) : NULL;
	if (!inside) {
		return name && errno == EACCES ? tell(w, st, FTW_DNR, base, level) : -1;
	}
	int result = 0;
	if (!(w->flags & FTW_DEPTH)) {
		result = tell(w, st, FTW_D, base, level);
		if (w->flags & FTW_ACTIONRETVAL && result == FTW_SKIP_SUBTREE) {
			free(inside);
			return 0;
		}
	}
	if (result == 0) {
		result = move(w, length);
	}
	size_t from = length && w->path[length - 1] == '/' ? length : length + 1;
	for (char *entry = inside; *entry && result == 0; entry += strlen(entry) + 1) {
		size_t needed = from + strlen(entry) + 1;
		if (needed > w->size) {
			char *larger = realloc(w->path, 2 * needed);
			if (!larger) {
				result = -1;
				break;
			}
			w->path = larger;
			w->size = 2 * needed;
		}
		w->path[from - 1] = '/';
		strcpy(w->path + from, entry);
		result = visit(w, needed - 1, (int)from, level + 1);
		w->path[length] = 0;
	}
	int error = errno;
	free(inside);
	errno = error;
	if (w->flags & FTW_ACTIONRETVAL && result == FTW_SKIP_SIBLINGS) {
		result = 0;
	}
	if (result == 0 && w->flags & FTW_DEPTH) {
		result = tell(w, st, FTW_DP, base, level); /* still in it, as with glibc */
	}
	if (result == 0) {
		/* Back to the directory that holds this one: all but its name, and the slash unless it is the root. */
		result = move(w, base > 1 ? (size_t)base - 1 : (size_t)base);
	}
	return result;
}

static int visit(struct walk *w, size_t length, int base, int level)
{
	struct stat st = { 0 };
	int type = look(w, &st);
	if (type < 0) {
		return -1;
	}
	if (type == FTW_NS && level == 0) {
		return -1; /* errno says why */
	}
	if (level == 0) {
		w->dev = st.st_dev;
	} else if (type != FTW_NS && w->flags & FTW_MOUNT && st.st_dev != w->dev) {
		return 0;
	}
	int result;
	if (type == FTW_D) {
		result = w->flags & FTW_PHYS ? 0 : visited(w, &st);
		if (result) {
			return result < 0 ? -1 : 0;
		}
		result = directory(w, &st, length, base, level);
	} else {
		result = tell(w, &st, type, base, level);
	}
	if (w->flags & FTW_ACTIONRETVAL && result == FTW_SKIP_SUBTREE) {
		result = 0; /* of what has none */
	}
	return result;
}

static int walk(const char *root, struct walk *w)
{
	size_t length = strlen(root), base;
	if (!length) {
		errno = ENOENT;
		return -1;
	}
	w->size = length + PATH_MAX;
	if (!(w->path = malloc(w->size))) {
		return -1;
	}
	strcpy(w->path, root);
	while (length > 1 && w->path[length - 1] == '/') {
		w->path[--length] = 0;
	}
	for (base = length; base > 0 && w->path[base - 1] != '/'; base--) {
	}
	if (length == 1 && w->path[0] == '/') {
		base = 1;
	}
	int result = 0;
	char here[PATH_MAX + 1];
	if (w->flags & FTW_CHDIR) {
		if (!getcwd(here, PATH_MAX)) {
			result = -1;
		} else {
			w->start = strcat(here, here[1] ? "/" : "");
			result = base ? move(w, base) : 0;
		}
	}
	if (result == 0) {
		result = visit(w, length, (int)base, 0);
	}
	int error = errno;
	if (w->start) {
		chdir(w->start);
	}
	tdestroy(w->seen, free);
	free(w->path);
	free(w->real);
	errno = error;
	if (w->flags & FTW_ACTIONRETVAL && (result == FTW_SKIP_SIBLINGS || result == FTW_SKIP_SUBTREE)) {
		result = 0;
	}
	return result;
}

WEAK int ftw(const char *root, __ftw_func_t tell, int depth)
{
	return walk(root, &(struct walk){ .plain = tell });
}

WEAK int nftw(const char *root, __nftw_func_t tell, int depth, int flags)
{
	if (flags & ~(FTW_PHYS | FTW_MOUNT | FTW_CHDIR | FTW_DEPTH | FTW_ACTIONRETVAL)) {
		errno = EINVAL;
		return -1;
	}
	return walk(root, &(struct walk){ .full = tell, .flags = flags });
}
