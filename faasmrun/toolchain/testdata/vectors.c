/* argz.h, envz.h, glob.h with GNU's additions, wordexp.h, names of errors and signals. vectors.out is what glibc gives. */
#define _GNU_SOURCE
#include <argz.h>
#include <envz.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <mntent.h>
#include <search.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>
#include <wordexp.h>

static void show(const char *what, const char *v, size_t size)
{
	printf("%s: %zu in %zu:", what, argz_count(v, size), size);
	for (const char *e = argz_next(v, size, NULL); e; e = argz_next(v, size, e)) {
		printf(" [%s]", e);
	}
	puts(v ? "" : " null");
}

static void vectors(void)
{
	char *v, *w, *words[] = { "one", "two", "", "four", NULL }, *out[9];
	size_t size, other;
	unsigned count = 0;
	argz_create(words, &v, &size), show("create", v, size);
	argz_extract(v, size, out);
	printf("%s %s, end %d\n", out[0], out[3], out[4] == NULL);
	argz_add(&v, &size, "five"), argz_append(&v, &size, "six\0seven", 10), show("added", v, size);
	argz_add_sep(&v, &size, ":a::b:", ':'), show("by separators", v, size);
	argz_insert(&v, &size, v + 5, "before two"), argz_insert(&v, &size, NULL, "last"), show("inserted", v, size);
	printf("%d\n", argz_insert(&v, &size, v + size, "nowhere") == EINVAL);
	argz_delete(&v, &size, v), argz_delete(&v, &size, NULL), show("deleted", v, size);
	argz_replace(&v, &size, "e", "EE", &count), printf("%u places, ", count), show("replaced", v, size);
	argz_replace(&v, &size, "nothing", "", NULL), show("not replaced", v, size);
	argz_stringify(v, size, '|'), puts(v), free(v);
	printf("%d ", argz_create_sep("", ' ', &v, &size)), show("of none", v, size);
	argz_create_sep("  a  b ", ' ', &v, &size), show("of two", v, size);
	argz_delete(&v, &size, v), argz_delete(&v, &size, v), show("deleted all", v, size);

	w = NULL, other = 0;
	envz_add(&w, &other, "A", "1"), envz_add(&w, &other, "B", NULL), envz_add(&w, &other, "AB", ""), show("envz", w, other);
	printf("%s %d %s %d\n", envz_get(w, other, "A"), envz_get(w, other, "B") == NULL, envz_entry(w, other, "AB"),
		envz_entry(w, other, "none") == NULL);
	envz_add(&w, &other, "A", "2"), show("set anew", w, other);
	argz_create_sep("A=3 C=4 B=5", ' ', &v, &size);
	envz_merge(&w, &other, v, size, 0), show("merged", w, other);
	envz_merge(&w, &other, v, size, 1), show("merged over", w, other);
	envz_add(&w, &other, "D", NULL), envz_strip(&w, &other), envz_remove(&w, &other, "C"), show("stripped", w, other);
}

static void names(const char *pattern, int flags)
{
	glob_t g = { .gl_offs = 2 };
	int result = glob(pattern, flags, NULL, &g);
	printf("%s %x: %d", pattern, flags, result);
	for (size_t i = 0; result == 0 && i < g.gl_pathc; i++) {
		printf(" %s", g.gl_pathv[i + (flags & GLOB_DOOFFS ? 2 : 0)]);
	}
	printf(", magic %d\n", result == 0 && !(flags & GLOB_NOCHECK) && g.gl_flags & GLOB_MAGCHAR);
	globfree(&g);
}

static void file(const char *name)
{
	close(open(name, O_CREAT | O_WRONLY, 0644));
}

static void patterns(void)
{
	mkdir("room", 0755), chdir("room"), mkdir("dir", 0755), mkdir("dir.d", 0755), mkdir("home", 0755);
	file("a.c"), file("b.c"), file("c.h"), file("dir/x.c"), file("dir/y.h"), file(".hidden"), file("home/h"), file("br{ce"), file("x[y");
	setenv("HOME", "home", 1);
	static const char *list[] = { "*.c", "*.{c,h}", "{b,a}.c", "{a,none}.c", "{none,nothing}", "d{ir,ir.d}", "dir/{x,y}.{c,h}", "{}", "{a.c",
		"{{a,b}.c,c.h}", "br{ce", "br\\{ce", "~", "~/h", "~/*", "~nobody-here/x", "nothing", "none*", "[", "x[y", "*/", ".*d*n", "\\a.c",
		"{a.c,a.c}", "dir*", "" };
	for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
		names(list[i], 0);
		names(list[i], GLOB_BRACE);
		names(list[i], GLOB_NOCHECK | GLOB_BRACE);
	}
	names("dir*", GLOB_ONLYDIR), names("*", GLOB_ONLYDIR), names("dir*", GLOB_MARK);
	names("nothing", GLOB_NOMAGIC), names("none*", GLOB_NOMAGIC), names("{none,nothing}", GLOB_NOMAGIC | GLOB_BRACE);
	names("~", GLOB_TILDE), names("~/h", GLOB_TILDE), names("~/*", GLOB_TILDE), names("~nobody-here", GLOB_TILDE_CHECK);
	names("{a,b}.c", GLOB_BRACE | GLOB_DOOFFS), names("*.c", GLOB_DOOFFS), names(".*n", GLOB_PERIOD), names("\\a.c", GLOB_NOESCAPE);
	glob_t g = { 0 };
	printf("%d", glob("*.h", 0, NULL, &g));
	printf(" %d", glob("{b,a}.c", GLOB_BRACE | GLOB_APPEND, NULL, &g));
	for (size_t i = 0; i < g.gl_pathc; i++) {
		printf(" %s", g.gl_pathv[i]);
	}
	printf(" %d\n", g.gl_pathv[g.gl_pathc] == NULL);
	globfree(&g);
	printf("%d %d %d %d %d\n", glob_pattern_p("a", 1), glob_pattern_p("a*", 1), glob_pattern_p("a\\*", 1), glob_pattern_p("a\\*", 0),
		glob_pattern_p("[a]", 1));
}

static void expand(const char *text, int flags)
{
	wordexp_t w = { .we_offs = 1 };
	int result = wordexp(text, &w, flags);
	printf("<%s> %d: %d", text, flags, result);
	for (size_t i = 0; result == 0 && i < w.we_wordc; i++) {
		printf(" [%s]", w.we_wordv[i + (flags & WRDE_DOOFFS ? 1 : 0)]);
	}
	puts("");
	if (result == 0) {
		wordfree(&w);
	}
}

static void words(void)
{
	setenv("A", "one  two", 1), setenv("E", "", 1), setenv("STAR", "*.c", 1), setenv("PATHS", "/usr:/bin::/x", 1), setenv("BS", "a\\b", 1);
	setenv("HOME", "/home/me", 1);
	static const char *list[] = { "a b", "  a\tb ", "", "$A", "\"$A\"", "x${A}y", "'$A'", "$E", "''", "\"\"", "$UNSET", "\"$UNSET\"",
		"a$UNSET", "*.c", "$STAR", "\"$STAR\"", "'*.c'", "\\*.c", "none*", "no\\ne*", "~", "~/x", "a~", "\"~\"", "~root-not-here/x",
		"${UNSET:-def}", "${E:-def}", "${E-def}", "${A:-def}", "${A:+alt}", "${UNSET+alt}", "\"${UNSET:-a b}\"", "${UNSET:-a b}",
		"${UNSET:-$A}", "${#A}", "${#UNSET}", "${PATHS%:*}", "${PATHS%%:*}", "${PATHS#*:}", "${PATHS##*:}", "\"${A%two}\"", "${A#none}",
		"${NEW:=set}", "$NEW", "$((1+2*3))", "$(( (1 + 2) * 3 ))", "$((10/3))", "$((0x10 - 010))", "$((1/0))", "$((1+))",
		"\"$((2+3)) x\"", "$(ls)", "`ls`", "\"`ls`\"", "a|b", "a&b", "a;b", "a<b", "(a)", "{a}", "a\nb", "\"a|b\"", "'a;b'", "a\\;b", "\"a",
		"'a", "a\\", "\"a\\\"b\\$c\\d\"", "$BS", "\"$BS\"", "\\$A", "$", "a$ b", "${", "${A", "${}", "${A!}", "$1", "$#", "a'b'\"c\"d",
		"dir/*", "\"dir\"/*.c", "a{b,c}" };
	for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
		expand(list[i], WRDE_NOCMD);
	}
	expand("a$UNSET", WRDE_UNDEF), expand("$A", WRDE_DOOFFS);
	setenv("IFS", ":", 1);
	expand("$PATHS x:y", 0), expand("$A", 0), expand("\"$PATHS\"", 0);
	unsetenv("IFS");
	wordexp_t w;
	printf("%d", wordexp("a b", &w, 0));
	printf(" %d", wordexp("c $A", &w, WRDE_APPEND));
	printf(" %zu %s %s", w.we_wordc, w.we_wordv[2], w.we_wordv[4]);
	printf(" %d", wordexp("z", &w, WRDE_REUSE));
	printf(" %zu %s %d\n", w.we_wordc, w.we_wordv[0], w.we_wordv[1] == NULL);
	wordfree(&w);
}

static void count(const void *node, VISIT when, void *sum)
{
	if (when == postorder || when == leaf) {
		*(long *)sum = *(long *)sum * 3 + **(const long *const *)node;
	}
}

static int compare(const void *a, const void *b) { return *(const long *)a < *(const long *)b ? -1 : *(const long *)a > *(const long *)b; }

static void others(void)
{
	printf("%s %s %s %s %d\n", strerrorname_np(EINVAL), strerrorname_np(0), strerrordesc_np(0), strerrorname_np(ENODATA),
		strerrorname_np(-1) == NULL);
	printf("%s %s %d %d\n", sigabbrev_np(SIGSEGV), sigdescr_np(SIGTERM), sigabbrev_np(0) == NULL, sigdescr_np(64) == NULL);
	long numbers[] = { 5, 2, 8, 1, 9, 3 }, sum = 0;
	void *tree = NULL;
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		tsearch(&numbers[i], &tree, compare);
	}
	twalk_r(tree, count, &sum);
	wchar_t wide[8];
	char text[40];
	printf("%ld %td", sum, wmempcpy(wide, L"abc", 4) - wide);
	printf(" %ls %td %td\n", wide, wcschrnul(wide, L'b') - wide, wcschrnul(wide, L'z') - wide);
	printf("%d", strfromd(text, sizeof text, "%.3f", 2.5));
	printf(" %s %d", text, strfromf(text, sizeof text, "%g", 0.1f));
	printf(" %s\n", text);
	struct stat st;
	struct statx sx;
	stat("a.c", &st);
	printf("%d", statx(AT_FDCWD, "a.c", 0, STATX_BASIC_STATS, &sx));
	printf(" %d %d\n", sx.stx_ino == st.st_ino, sx.stx_mode == st.st_mode);
	int fd = memfd_create("name", 0);
	printf("%zd\n", write(fd, "abc", 3));
	double small[] = { 0x1p-1074, -0x1.8p-1070, 0x1p-1022, 0x0.fffffffffffffp-1022, 0x1.8p+3, 0 };
	for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
		printf("%a %.0a %+.3A [%25a] %g\n", small[i], small[i], small[i], small[i], small[i]);
	}
	posix_spawnattr_t a;
	posix_spawn_file_actions_t f;
	short flags;
	pid_t group;
	posix_spawnattr_init(&a), posix_spawn_file_actions_init(&f);
	printf("%d", posix_spawnattr_setflags(&a, POSIX_SPAWN_SETPGROUP));
	printf(" %d", posix_spawnattr_setpgroup(&a, 7));
	posix_spawnattr_getflags(&a, &flags), posix_spawnattr_getpgroup(&a, &group);
	printf(" %d %d %d %d %d\n", flags, group, posix_spawnattr_setschedpolicy(&a, 99) == EINVAL,
		posix_spawn_file_actions_addclose(&f, -1) == EBADF, posix_spawn_file_actions_adddup2(&f, 1, 2));
	file("mounts");
	FILE *m = setmntent("mounts", "r+");
	struct mntent entry = { "/dev/x", "/mnt", "ext4", "rw,noatime", 1, 2 }, *got;
	printf("%d", addmntent(m, &entry));
	rewind(m);
	got = getmntent(m);
	printf(" %s %s %s %d %d\n", got->mnt_fsname, got->mnt_dir, got->mnt_type, got->mnt_passno, hasmntopt(got, "noatime") != NULL);
	endmntent(m);
}

static void bye(int status, void *name) { printf("%s: %d\n", (char *)name, status); }
static void end(void) { puts("atexit"); }

int main(void)
{
	vectors();
	patterns();
	words();
	others();
	on_exit(bye, "first"), atexit(end), on_exit(bye, "second");
	fflush(stdout);
	return 0;
}
