/* Walks by fts.h, and fchdir. fts.out is what glibc prints. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *kinds[] = { "", "D", "DC", "DEFAULT", "DNR", "DOT", "DP", "ERR", "F", "INIT", "NS", "NSOK", "SL", "SLNONE", "W" };
static int skip, again, follow;

static int by_name(const FTSENT **a, const FTSENT **b) { return strcmp((*a)->fts_name, (*b)->fts_name); }
static int backwards(const FTSENT **a, const FTSENT **b) { return -by_name(a, b); }

static void file(const char *name, const char *text)
{
	FILE *f = fopen(name, "w");
	fputs(text, f);
	fclose(f);
}

static void tree(void)
{
	mkdir("room", 0755), chdir("room");
	mkdir("tree", 0755), mkdir("tree/a", 0755), mkdir("tree/a/deep", 0755), mkdir("tree/b", 0755), mkdir("tree/empty", 0755);
	mkdir("tree/b/skip", 0755), mkdir("tree/b/skip/below", 0755);
	file("tree/one", "1"), file("tree/a/two", "22"), file("tree/a/deep/three", "333"), file("tree/b/four", "4444");
	symlink("a/two", "tree/link"), symlink("a", "tree/directory"), symlink("nowhere", "tree/dangling");
	symlink("../../tree", "tree/b/loop");
}

static void walk(const char *what, int options, int (*order)(const FTSENT **, const FTSENT **), char *first, char *second)
{
	char *roots[] = { first, second, NULL };
	FTS *f = fts_open(roots, options, order);
	printf("-- %s %d\n", what, f != NULL);
	if (!f) {
		printf("%s\n", strerror(errno));
		return;
	}
	FTSENT *e;
	int steps = 0;
	while (errno = 0, (e = fts_read(f)) && steps++ < 100) {
		struct stat st;
		int found = lstat(e->fts_accpath, &st) == 0, here = options & (FTS_NOCHDIR | FTS_LOGICAL) || e->fts_level == 0 || lstat(e->fts_name, &st) == 0;
		int told = !(options & FTS_NOSTAT) && e->fts_info != FTS_NS;
		printf("%d %s %s (%s) %d %d, %d letters of %d, size %d, errno %d, cycle %s, number %ld, access %d\n", e->fts_level,
			kinds[e->fts_info], e->fts_path, e->fts_name, found, here, e->fts_namelen, e->fts_pathlen,
			told && S_ISREG(e->fts_statp->st_mode) ? (int)e->fts_statp->st_size : -1, e->fts_errno != 0,
			e->fts_info == FTS_DC ? e->fts_cycle->fts_name : "-", e->fts_number,
			strcmp(e->fts_accpath, e->fts_path) == 0);
		e->fts_number = 7;
		if (skip && e->fts_info == FTS_D && !strcmp(e->fts_name, "skip")) {
			printf("skip %d\n", fts_set(f, e, FTS_SKIP));
		}
		if (again && e->fts_info == FTS_F) {
			printf("again %d\n", fts_set(f, e, FTS_AGAIN));
			again--;
		}
		if (follow && e->fts_info == FTS_SL && strcmp(e->fts_name, "loop")) {
			printf("follow %d\n", fts_set(f, e, FTS_FOLLOW));
		}
	}
	printf("errno %d, ", errno);
	printf("close %d, back %d\n", fts_close(f), access("tree", F_OK) == 0);
}

static void children(int instruction)
{
	char *roots[] = { "tree", NULL };
	FTS *f = fts_open(roots, FTS_PHYSICAL, by_name);
	FTSENT *list = fts_children(f, instruction), *e;
	printf("-- children: root %s %d\n", list->fts_name, list->fts_link == NULL);
	while ((e = fts_read(f))) {
		list = fts_children(f, instruction);
		printf("%s %s:", e->fts_path, kinds[e->fts_info]);
		for (; list; list = list->fts_link) {
			printf(" %s %s", list->fts_name, instruction ? "" : kinds[list->fts_info]);
			if (!instruction && !strcmp(list->fts_name, "skip")) {
				fts_set(f, list, FTS_SKIP);
			}
		}
		printf(" errno %d\n", errno);
	}
	printf("%d", fts_children(f, 99) == NULL);
	printf(" %d", errno == EINVAL);
	printf(" %d\n", fts_close(f));
}

static void directories(void)
{
	char name[4096], *base;
	int start = open(".", O_RDONLY), deep = open("tree/a/deep", O_RDONLY), plain = open("tree/one", O_RDONLY);
	printf("-- fchdir %d", fchdir(deep));
	base = getcwd(name, sizeof name);
	printf(" %s %d", strstr(base, "room"), access("three", F_OK));
	printf(" %d", fchdir(start));
	printf(" %s %d", strstr(getcwd(name, sizeof name), "room"), access("tree", F_OK));
	printf(" %d", fchdir(plain));
	printf(" %s", errno == ENOTDIR ? "ENOTDIR" : "?");
	printf(" %d", fchdir(99));
	printf(" %s\n", errno == EBADF ? "EBADF" : "?");
	rename("tree/a", "tree/moved");
	mkdir("tree/a", 0755), mkdir("tree/a/deep", 0755);
	int moved = open("tree/moved", O_RDONLY), below = openat(moved, "deep", O_RDONLY | O_DIRECTORY), copy = dup(below);
	printf("%d", fchdir(copy));
	printf(" %s\n", strstr(getcwd(name, sizeof name), "room"));
	fchdir(start);
}

int main(void)
{
	tree();
	walk("physical", FTS_PHYSICAL, by_name, "tree", NULL);
	walk("physical, not moving", FTS_PHYSICAL | FTS_NOCHDIR, by_name, "tree", NULL);
	walk("logical", FTS_LOGICAL, by_name, "tree", NULL);
	walk("without status", FTS_PHYSICAL | FTS_NOSTAT, by_name, "tree/b", NULL);
	walk("dots", FTS_PHYSICAL | FTS_SEEDOT, by_name, "tree/a/", "tree/empty");
	walk("two", FTS_PHYSICAL, backwards, "tree/a", "./tree/b/");
	walk("a file and none", FTS_PHYSICAL, NULL, "tree/one", "tree/none");
	walk("links", FTS_PHYSICAL | FTS_COMFOLLOW, NULL, "tree/directory", "tree/dangling");
	walk("link", FTS_PHYSICAL, NULL, "tree/directory", NULL);
	walk("here", FTS_PHYSICAL | FTS_XDEV, by_name, ".", NULL);
	skip = 1, again = 1;
	walk("skip", FTS_PHYSICAL, by_name, "tree/b", NULL);
	skip = 0, follow = 1;
	walk("follow", FTS_PHYSICAL | FTS_NOCHDIR, by_name, "tree", NULL);
	follow = 0;
	walk("both", FTS_PHYSICAL | FTS_LOGICAL, by_name, "tree", NULL);
	walk("neither", FTS_NOCHDIR, by_name, "tree", NULL);
	walk("nameless", FTS_PHYSICAL, NULL, "", NULL);
	children(0);
	children(FTS_NAMEONLY);
	directories();
	return 0;
}
