/*
 * fts.h. A directory is read whole and closed before its entries are given out. Without FTS_NOCHDIR the program stands in the
 * directory of the entry that it has just been given, as with BSD's.
 */
#include <dirent.h>
#include <errno.h>
#include <fts.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WEAK __attribute__((weak))

typedef int order(const FTSENT **, const FTSENT **);

struct __fts {
	FTSENT *now, *children; /* the entry that was given out last; its own, if they were asked for */
	FTSENT *in;             /* the directory in which the program stands, NULL for where it began */
	char *start;            /* with a slash behind it; NULL with FTS_NOCHDIR */
	dev_t dev;
	order *order;
	int options;
};

static FTSENT *make(const char *name, FTSENT *parent)
{
	size_t length = strlen(name);
	/* The name's room takes in the status and the whole path, which have its life. */
	size_t at = (sizeof(FTSENT) + length + 15) & ~(size_t)15;
	const char *above = parent && parent->fts_level >= FTS_ROOTLEVEL ? parent->fts_path : "";
	size_t before = strlen(above), slash = before && above[before - 1] != '/';
	FTSENT *e = calloc(1, at + sizeof(struct stat) + before + slash + length + 1);
	if (!e) {
		return NULL;
	}
	e->fts_statp = (struct stat *)((char *)e + at);
	e->fts_path = (char *)(e->fts_statp + 1);
	strcat(strcat(strcpy(e->fts_path, above), slash ? "/" : ""), name);
	strcpy(e->fts_name, name);
	e->fts_namelen = (unsigned short)length;
	e->fts_pathlen = (unsigned short)(before + slash + length);
	e->fts_accpath = e->fts_path;
	e->fts_parent = parent;
	e->fts_level = parent ? (short)(parent->fts_level + 1) : FTS_ROOTPARENTLEVEL;
	e->fts_instr = FTS_NOINSTR;
	e->fts_symfd = -1;
	return e;
}

static void drop(FTSENT *list)
{
	while (list) {
		FTSENT *next = list->fts_link;
		free(list);
		list = next;
	}
}

/* Moves the program to a directory of the walk, or to where it began. */
static int stand(FTS *f, FTSENT *directory)
{
	if (!f->start || f->in == directory) {
		return 0;
	}
	const char *path = directory ? directory->fts_path : "";
	char *whole = malloc(strlen(f->start) + strlen(path) + 1);
	if (!whole) {
		return -1;
	}
	int result = chdir(strcat(strcpy(whole, *path == '/' ? "" : f->start), path)), error = errno;
	free(whole);
	errno = error;
	if (!result) {
		f->in = directory;
	}
	return result;
}

/* Where an entry is found from the directory in which the program is to stand. */
static int approach(FTS *f, FTSENT *e)
{
	int root = e->fts_level == FTS_ROOTLEVEL;
	e->fts_accpath = f->start && !root ? e->fts_name : e->fts_path;
	return stand(f, root ? NULL : e->fts_parent);
}

static int dot(const char *name) { return !strcmp(name, ".") || !strcmp(name, ".."); }

/* The entry's type, for which the program stands beside it. */
static unsigned short look(FTS *f, FTSENT *e, int follow)
{
	struct stat *st = e->fts_statp;
	int logical = f->options & FTS_LOGICAL || follow;
	if ((logical ? stat : lstat)(e->fts_accpath, st)) {
		int error = errno;
		if (logical && error == ENOENT && lstat(e->fts_accpath, st) == 0) {
			errno = 0;
			return FTS_SLNONE;
		}
		e->fts_errno = error;
		memset(st, 0, sizeof *st);
		return FTS_NS;
	}
	if (S_ISLNK(st->st_mode)) {
		return FTS_SL;
	}
	if (!S_ISDIR(st->st_mode)) {
		return S_ISREG(st->st_mode) ? FTS_F : FTS_DEFAULT;
	}
	e->fts_dev = st->st_dev;
	e->fts_ino = st->st_ino;
	e->fts_nlink = st->st_nlink;
	if (dot(e->fts_name)) {
		return FTS_DOT;
	}
	for (FTSENT *above = e->fts_parent; above->fts_level >= FTS_ROOTLEVEL; above = above->fts_parent) {
		if (above->fts_ino == e->fts_ino && above->fts_dev == e->fts_dev) {
			e->fts_cycle = above;
			return FTS_DC;
		}
	}
	return FTS_D;
}

/* Links a list by the program's order. */
static FTSENT *sorted(FTS *f, FTSENT *list)
{
	size_t count = 0, i = 0;
	for (FTSENT *e = list; e; e = e->fts_link) {
		count++;
	}
	const FTSENT **all = f->order && count > 1 ? malloc(count * sizeof *all) : NULL;
	if (!all) {
		return list;
	}
	for (FTSENT *e = list; e; e = e->fts_link) {
		all[i++] = e;
	}
	qsort(all, count, sizeof *all, (int (*)(const void *, const void *))f->order);
	for (i = 0; i < count; i++) {
		((FTSENT *)all[i])->fts_link = i + 1 < count ? (FTSENT *)all[i + 1] : NULL;
	}
	list = (FTSENT *)all[0];
	free(all);
	return list;
}

enum wanted { READ, CHILDREN, NAMES };

/* What is to be known of an entry of a directory. */
static void describe(FTS *f, FTSENT *e, unsigned char type, enum wanted wanted)
{
	int known = f->options & FTS_NOSTAT && f->options & FTS_PHYSICAL && type != DT_DIR && type != DT_UNKNOWN;
	if (wanted == NAMES || known) {
		e->fts_info = FTS_NSOK;
	} else if (approach(f, e)) {
		e->fts_errno = errno;
		e->fts_info = FTS_NS;
	} else {
		e->fts_info = look(f, e, 0);
	}
}

/* The entries of the directory that was given out last; NULL where there are none, and errno and its type say why. */
static FTSENT *entries(FTS *f, enum wanted wanted)
{
	FTSENT *directory = f->now, *list = NULL, **end = &list;
	if (approach(f, directory)) {
		return NULL;
	}
	DIR *d = opendir(directory->fts_accpath);
	if (!d) {
		if (wanted == READ) {
			directory->fts_info = FTS_DNR;
			directory->fts_errno = errno;
		}
		return NULL;
	}
	struct dirent *entry;
	while ((entry = readdir(d))) {
		if (!(f->options & FTS_SEEDOT) && dot(entry->d_name)) {
			continue;
		}
		FTSENT *e = make(entry->d_name, directory);
		if (!e) {
			drop(list);
			closedir(d);
			directory->fts_info = FTS_ERR;
			f->options |= FTS_STOP;
			errno = ENOMEM;
			return NULL;
		}
		describe(f, e, entry->d_type, wanted);
		*end = e;
		end = &e->fts_link;
	}
	closedir(d);
	if (!list && wanted == READ) {
		directory->fts_info = FTS_DP;
	}
	list = sorted(f, list);
	errno = 0;
	return list;
}

WEAK FTS *fts_open(char *const *names, int options, order *by)
{
	if (options & ~FTS_OPTIONMASK) {
		errno = EINVAL;
		return NULL;
	}
	FTS *f = calloc(1, sizeof *f);
	FTSENT *above = make("", NULL), *list = NULL, **end = &list;
	if (!f || !above) {
		free(f);
		free(above);
		return NULL;
	}
	f->order = by;
	f->options = options | (options & FTS_LOGICAL ? FTS_NOCHDIR : 0);
	if (!(f->options & FTS_NOCHDIR)) {
		char *here = getcwd(NULL, 0), *start = here ? realloc(here, strlen(here) + 2) : NULL;
		f->start = start ? strcat(start, "/") : NULL;
		f->options |= start ? 0 : FTS_NOCHDIR;
	}
	for (; *names; names++) {
		FTSENT *e = **names ? make(*names, above) : NULL;
		if (!e) {
			int error = **names ? ENOMEM : ENOENT;
			drop(list);
			free(above);
			free(f->start);
			free(f);
			errno = error;
			return NULL;
		}
		e->fts_info = look(f, e, options & FTS_COMFOLLOW);
		e->fts_info = e->fts_info == FTS_DOT ? FTS_D : e->fts_info; /* these are directories as any other */
		*end = e;
		end = &e->fts_link;
	}
	/* What was given out before the first: the walk goes on behind it. */
	FTSENT *first = make("", above);
	if (!first) {
		drop(list);
		free(above);
		free(f->start);
		free(f);
		errno = ENOMEM;
		return NULL;
	}
	first->fts_info = FTS_INIT;
	first->fts_link = sorted(f, list);
	f->now = first;
	return f;
}

/* A root's name is its path's last part from now on. */
static FTSENT *enter_root(FTS *f, FTSENT *e)
{
	char *slash = strrchr(e->fts_name, '/');
	if (slash && (slash != e->fts_name || slash[1])) {
		memmove(e->fts_name, slash + 1, strlen(slash + 1) + 1);
		e->fts_namelen = (unsigned short)strlen(e->fts_name);
	}
	approach(f, e);
	f->dev = e->fts_dev;
	return f->now = e;
}

static FTSENT *give(FTS *f, FTSENT *e)
{
	if (e->fts_info == FTS_SL && e->fts_instr == FTS_FOLLOW) {
		approach(f, e);
		e->fts_info = look(f, e, 1);
		e->fts_instr = FTS_NOINSTR;
	}
	if (approach(f, e)) {
		f->options |= FTS_STOP;
		return NULL;
	}
	return f->now = e;
}

/* Down into the directory that was given out last; NULL where it is done with, and given out once more. */
static FTSENT *descend(FTS *f, int instruction)
{
	FTSENT *e = f->now;
	if (f->options & FTS_NAMEONLY) {
		drop(f->children);
		f->children = NULL;
		f->options &= ~FTS_NAMEONLY;
	}
	if (instruction == FTS_SKIP || (f->options & FTS_XDEV && e->fts_dev != f->dev)) {
		drop(f->children);
		f->children = NULL;
		e->fts_info = FTS_DP;
		return NULL;
	}
	FTSENT *list = f->children ? f->children : entries(f, READ);
	f->children = NULL;
	if (!list && e->fts_info == FTS_D) {
		e->fts_info = FTS_DP;
	}
	return list;
}

WEAK FTSENT *fts_read(FTS *f)
{
	FTSENT *e = f->now;
	if (!e || f->options & FTS_STOP) {
		return NULL;
	}
	int instruction = e->fts_instr;
	e->fts_instr = FTS_NOINSTR;
	if (instruction == FTS_AGAIN || (instruction == FTS_FOLLOW && (e->fts_info == FTS_SL || e->fts_info == FTS_SLNONE))) {
		e->fts_info = look(f, e, instruction == FTS_FOLLOW);
		return e;
	}
	if (e->fts_info == FTS_D) {
		FTSENT *below = descend(f, instruction);
		if (below) {
			e = below;
			while (e->fts_instr == FTS_SKIP && e->fts_link) {
				e = e->fts_link;
			}
			return give(f, e);
		}
		if (f->options & FTS_STOP) {
			return NULL;
		}
		approach(f, e);
		return e;
	}
	FTSENT *last;
	do {
		last = e;
		e = e->fts_link;
		if (!e) {
			break;
		}
		free(last);
		f->now = e;
		if (e->fts_level == FTS_ROOTLEVEL) {
			return enter_root(f, e);
		}
	} while (e->fts_instr == FTS_SKIP);
	if (e) {
		return give(f, e);
	}
	e = last->fts_parent;
	free(last);
	f->now = e;
	if (e->fts_level == FTS_ROOTPARENTLEVEL) {
		stand(f, NULL);
		free(e);
		f->now = NULL;
		errno = 0;
		return NULL;
	}
	e->fts_info = e->fts_errno ? FTS_ERR : FTS_DP;
	if (approach(f, e)) {
		f->options |= FTS_STOP;
		return NULL;
	}
	return e;
}

WEAK FTSENT *fts_children(FTS *f, int instruction)
{
	if (instruction && instruction != FTS_NAMEONLY) {
		errno = EINVAL;
		return NULL;
	}
	errno = 0;
	if (!f->now || f->options & FTS_STOP) {
		return NULL;
	}
	if (f->now->fts_info == FTS_INIT) {
		return f->now->fts_link;
	}
	if (f->now->fts_info != FTS_D) {
		return NULL;
	}
	drop(f->children);
	f->options = instruction ? f->options | FTS_NAMEONLY : f->options & ~FTS_NAMEONLY;
	f->children = entries(f, instruction ? NAMES : CHILDREN);
	int error = errno;
	approach(f, f->now);
	errno = error;
	return f->children;
}

WEAK int fts_set(FTS *f, FTSENT *e, int instruction)
{
	if (instruction < 0 || instruction > FTS_SKIP) {
		errno = EINVAL;
		return 1;
	}
	e->fts_instr = (unsigned short)instruction;
	return 0;
}

WEAK int fts_close(FTS *f)
{
	for (FTSENT *e = f->now; e;) {
		FTSENT *next = e->fts_link ? e->fts_link : e->fts_parent;
		free(e);
		e = next;
	}
	drop(f->children);
	int result = stand(f, NULL), error = errno;
	free(f->start);
	free(f);
	errno = error;
	return result;
}
