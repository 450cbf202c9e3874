/* What a C program does with files, through wasi-libc. Each CHECK that fails is printed; so is what the test compares. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CHECK(x) \
	do { \
		if (!(x)) \
			printf("line %d: %s: %s\n", __LINE__, #x, strerror(errno)); \
	} while (0)

static void stream(void) {
	char line[100];
	struct stat st;
	FILE *f = fopen("out.txt", "w");
	CHECK(f);
	for (int i = 0; i < 5000; i++)
		CHECK(fprintf(f, "line %d\n", i) > 0);
	CHECK(fseek(f, 0, SEEK_SET) == 0);
	fputs("LINE", f);
	CHECK(fclose(f) == 0);
	CHECK(stat("out.txt", &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 48890);
	f = fopen("out.txt", "r+");
	CHECK(fgets(line, 100, f) && !strcmp(line, "LINE 0\n"));
	CHECK(fseek(f, -5, SEEK_END) == 0 && fgets(line, 100, f) && !strcmp(line, "4999\n"));
	CHECK(ftell(f) == st.st_size);
	CHECK(ftruncate(fileno(f), 10) == 0);
	fclose(f);
	f = fopen("out.txt", "a+");
	fputs("appended", f);
	rewind(f);
	CHECK(fread(line, 1, 100, f) == 18 && !memcmp(line, "LINE 0\nlinappended", 18));
	fclose(f);
}

static void directory(void) {
	char name[100];
	struct stat st;
	struct dirent *e;
	int files = 0, dots = 0, fd;
	CHECK(mkdir("d", 0777) == 0);
	CHECK(mkdir("d", 0777) == -1 && errno == EEXIST);
	for (int i = 0; i < 300; i++) {
		sprintf(name, "d/file%d", i);
		fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0600);
		CHECK(fd > 2 && write(fd, "x", 1) == 1);
		CHECK(read(fd, name, 1) == -1 && errno == EBADF);
		close(fd);
	}
	CHECK(open("d/file1", O_CREAT | O_EXCL | O_RDWR, 0600) == -1 && errno == EEXIST);
	DIR *d = opendir("d");
	CHECK(d);
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.') {
			dots++;
			continue;
		}
		files++;
		sprintf(name, "d/%s", e->d_name);
		CHECK(e->d_type == DT_REG && stat(name, &st) == 0 && st.st_ino == e->d_ino);
	}
	CHECK(files == 300 && dots == 2);
	rewinddir(d);
	while ((e = readdir(d)))
		if (e->d_name[0] != '.') {
			CHECK(unlinkat(dirfd(d), e->d_name, 0) == 0);
			files--;
		}
	CHECK(files == 0);
	closedir(d);
	CHECK(rmdir("d") == 0);
}

static void names(const char *here) {
	char buf[100] = {0}, path[1000];
	struct stat st;
	CHECK(rename("out.txt", "other.txt") == 0);
	CHECK(access("out.txt", F_OK) == -1 && errno == ENOENT);
	CHECK(access("other.txt", R_OK) == 0);
	CHECK(symlink("other.txt", "link") == 0);
	CHECK(lstat("link", &st) == 0 && S_ISLNK(st.st_mode));
	CHECK(stat("link", &st) == 0 && S_ISREG(st.st_mode));
	CHECK(readlink("link", buf, 100) == 9 && !strcmp(buf, "other.txt"));
	CHECK(link("other.txt", "hard") == 0 && stat("hard", &st) == 0 && st.st_nlink == 2);
	CHECK(unlink("link") == 0 && unlink("hard") == 0);
	snprintf(path, sizeof path, "%s/other.txt", here);
	CHECK(rename(path, "again.txt") == 0 && rename("again.txt", path) == 0);
	CHECK(open("../outside", O_RDONLY) == -1);
	CHECK(open("/etc/passwd", O_RDONLY) == -1);
}

static void descriptor(void) {
	char buf[10];
	struct stat st;
	struct timespec times[2] = {{1000, 5}, {2000, 7}};
	int fd = open("other.txt", O_RDWR | O_APPEND);
	CHECK((fcntl(fd, F_GETFL) & (O_APPEND | O_ACCMODE)) == (O_APPEND | O_RDWR));
	CHECK(fcntl(fd, F_SETFL, 0) == 0 && !(fcntl(fd, F_GETFL) & O_APPEND));
	CHECK(pwrite(fd, "ZZ", 2, 1) == 2 && pread(fd, buf, 3, 0) == 3 && !memcmp(buf, "LZZ", 3));
	CHECK(lseek(fd, 0, SEEK_CUR) == 0 && fsync(fd) == 0);
	CHECK(futimens(fd, times) == 0 && fstat(fd, &st) == 0);
	CHECK(st.st_mtim.tv_sec == 2000 && st.st_mtim.tv_nsec == 7 && st.st_atim.tv_nsec == 5);
	CHECK(close(fd) == 0 && close(fd) == -1 && errno == EBADF);
	CHECK(unlink("other.txt") == 0);
}

static void waiting(void) {
	char line[100];
	struct timespec from, to, nap = {0, 2000000};
	struct pollfd input = {0, POLLIN, 0};
	clock_gettime(CLOCK_MONOTONIC, &from);
	CHECK(nanosleep(&nap, 0) == 0);
	clock_gettime(CLOCK_MONOTONIC, &to);
	CHECK((to.tv_sec - from.tv_sec) * 1000000000LL + to.tv_nsec - from.tv_nsec >= nap.tv_nsec);
	printf("name? ");
	fflush(stdout);
	CHECK(poll(&input, 1, 60000) == 1 && input.revents & POLLIN);
	while (fgets(line, 100, stdin))
		printf("%s", line);
	CHECK(feof(stdin));
}

int main(int argc, char **argv) {
	CHECK(argc == 2 && getenv("HERE") && !strcmp(getenv("HERE"), argv[1]));
	CHECK(isatty(1) && !isatty(0));
	stream();
	directory();
	names(argv[1]);
	descriptor();
	waiting();
	return 3;
}
