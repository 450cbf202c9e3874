/* Walks over a tree of files by ftw, nftw, readdir and scandir. walk.out is what glibc prints, each walk's lines sorted. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char lines[4000][400];
static int count, answer, from, found;

static int compare(const void *a, const void *b) { return strcmp(a, b); }

static void show(const char *what, int result)
{
	int error = errno;
	qsort(lines, (size_t)count, sizeof *lines, compare);
	printf("-- %s: %d%s%s\n", what, result, result == -1 ? " " : "", result == -1 ? strerror(error) : "");
	for (int i = 0; i < count; i++) {
		puts(lines[i]);
	}
	count = 0;
}

static const char *kinds[] = { "F", "D", "DNR", "NS", "SL", "DP", "SLN" };

static int note(const char *path, const struct stat *st, int type)
{
	sprintf(lines[count++], "%s %s %d", path, kinds[type], type == FTW_NS ? -1 : S_ISREG(st->st_mode) ? (int)st->st_size : 0);
	return strstr(path, "stop") ? answer : 0;
}

static int note_more(const char *path, const struct stat *st, int type, struct FTW *where)
{
	struct stat here;
	int right = type == FTW_NS || (lstat(path + where->base, &here) == 0 && here.st_ino == st->st_ino);
	sprintf(lines[count++], "%s %s, base %d, level %d, found from here %d", path, kinds[type], where->base, where->level,
		type == FTW_SLN || !found ? 0 : right);
	return strstr(path, "stop") && where->level >= from ? answer : 0;
}

/* The places of a file's parts in the tree are told apart, but not in which order a directory's entries come. */
static int tell_order(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st, (void)where;
	static char last[400];
	if (type == FTW_DP) {
		sprintf(lines[count++], "%s after its entries %d", path, !*last || strncmp(last, path, strlen(path)) == 0);
	}
	strcpy(last, path);
	return 0;
}

static void file(const char *name, const char *text)
{
	FILE *f = fopen(name, "w");
	fputs(text, f);
	fclose(f);
}

static void tree(void)
{
	mkdir("tree", 0755), mkdir("tree/a", 0755), mkdir("tree/a/deep", 0755), mkdir("tree/b", 0755), mkdir("tree/empty", 0755);
	mkdir("tree/b/stop", 0755), mkdir("tree/b/stop/below", 0755);
	file("tree/one", "1"), file("tree/a/two", "22"), file("tree/a/deep/three", "333"), file("tree/b/four", "4444");
	file("tree/b/stop/below/five", "55555");
	symlink("a/two", "tree/link"), symlink("a", "tree/directory"), symlink("nowhere", "tree/dangling");
	symlink("../tree", "tree/b/loop");
}

static int only_files(const struct dirent *entry) { return entry->d_type == DT_REG; }

static void entries(void)
{
	DIR *d = opendir("tree");
	struct dirent *entry, copy, *result;
	long second = 0;
	int n = 0;
	while ((entry = readdir(d))) {
		copy = *entry;
		sprintf(lines[count++], "%s %d %d", copy.d_name, copy.d_type, copy.d_reclen);
		if (++n == 1) {
			second = entry->d_off;
		}
	}
	show("readdir", n);
	seekdir(d, second);
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
	for (n = 1; readdir_r(d, &copy, &result) == 0 && result; n++) {
		count += sprintf(lines[count], "%s", result->d_name) > 0;
	}
	count = 0;
	show("from the second entry on, and it", n);
	closedir(d);
	struct dirent **names;
	n = scandir("tree/a", &names, only_files, alphasort);
	for (int i = 0; i < n; i++) {
		strcpy(lines[count++], names[i]->d_name);
	}
	show("scandir", n);
	n = scandir("tree", &names, NULL, NULL);
	show("scandir without an order", n);
	printf("%d %d\n", IFTODT(S_IFLNK), DTTOIF(DT_DIR) == S_IFDIR);
}

int main(void)
{
	struct stat st;
	mkdir("room", 0755), chdir("room");
	tree();
	show("ftw", ftw("tree", note, 1));
	answer = 7;
	show("ftw of a file", ftw("tree/a/two", note, 1));
	show("ftw of none", ftw("tree/none", note, 1));
	show("ftw of a dangling link", ftw("tree/dangling", note, 1));
	show("ftw of an empty name", ftw("", note, 1));
	answer = 0;
	show("nftw", nftw("tree", note_more, 1, 0));
	show("nftw, a slash behind", nftw("tree/a///", note_more, 20, 0));
	show("nftw of a file below", nftw("./tree/a/two", note_more, 20, 0));
	show("nftw of a dangling link", nftw("tree/dangling", note_more, 20, 0));
	show("nftw of a link", nftw("tree/directory", note_more, 20, FTW_PHYS));
	show("PHYS", nftw("tree", note_more, 20, FTW_PHYS));
	show("PHYS MOUNT DEPTH", nftw("tree/a", note_more, 20, FTW_PHYS | FTW_MOUNT | FTW_DEPTH));
	show("DEPTH", nftw("tree", note_more, 20, FTW_DEPTH));
	show("order", nftw("tree/a", tell_order, 20, FTW_DEPTH | FTW_PHYS));
	found = 1;
	show("CHDIR PHYS", nftw("tree", note_more, 20, FTW_CHDIR | FTW_PHYS));
	show("CHDIR PHYS DEPTH", nftw("tree/a", note_more, 20, FTW_CHDIR | FTW_PHYS | FTW_DEPTH));
	show("CHDIR of .", nftw(".", note_more, 20, FTW_CHDIR | FTW_PHYS | FTW_DEPTH));
	printf("back: %d\n", stat("tree", &st));
	found = 0;
	show("an unknown flag", nftw("tree", note_more, 20, 4096));
	answer = FTW_SKIP_SUBTREE;
	show("SKIP_SUBTREE", nftw("tree", note_more, 20, FTW_PHYS | FTW_ACTIONRETVAL));
	answer = FTW_SKIP_SIBLINGS, from = 3;
	show("SKIP_SIBLINGS", nftw("tree/b/stop", note_more, 20, FTW_PHYS | FTW_ACTIONRETVAL));
	from = 0;
	show("SKIP_SIBLINGS of the root", nftw("tree/b/stop", note_more, 20, FTW_PHYS | FTW_ACTIONRETVAL));
	answer = FTW_STOP;
	show("STOP", nftw("tree/b/stop", note_more, 20, FTW_PHYS | FTW_ACTIONRETVAL));
	entries();
	return 0;
}
