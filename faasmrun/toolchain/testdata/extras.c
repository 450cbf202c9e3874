/* Smaller headers of glibc's: stacks of objects, lists, messages, addresses, old names. extras.out is what glibc gives. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <libintl.h>
#include <math.h>
#include <obstack.h>
#include <paths.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int chunks;
static void *get(size_t size) { chunks++; return malloc(size); }
static void put(void *chunk) { chunks--; free(chunk); }
#define obstack_chunk_alloc get
#define obstack_chunk_free put

static void stacks(void)
{
	struct obstack o;
	obstack_init(&o);
	char *first = obstack_copy0(&o, "first", 5), *objects[300];
	size_t sum = 0;
	for (int i = 0; i < 300; i++) {
		for (int j = 0; j < i; j++) {
			obstack_1grow(&o, 'a' + j % 26);
		}
		obstack_grow0(&o, "!", 1);
		sum += obstack_object_size(&o);
		objects[i] = obstack_finish(&o);
		sum += (uintptr_t)objects[i] % 16 + strlen(objects[i]);
	}
	printf("%s %s %zu, chunks %d\n", first, objects[27], sum, chunks > 10);
	obstack_ptr_grow(&o, first);
	obstack_int_grow(&o, 42);
	obstack_blank(&o, 3);
	printf("size %zu, room %d, aligned to %d\n", (size_t)obstack_object_size(&o), obstack_room(&o) > 0, (int)obstack_alignment_mask(&o) + 1);
	char **pointers = obstack_finish(&o);
	printf("%s %d\n", pointers[0], *(int *)(void *)&pointers[1]);
	obstack_free(&o, objects[100]);
	char *again = obstack_alloc(&o, 10);
	printf("again %d, inside %d\n", again == objects[100], _obstack_allocated_p(&o, first) != 0);
	char *huge = obstack_alloc(&o, 100000);
	memset(huge, 1, 100000);
	int length = obstack_printf(&o, "%d and %s", 7, "text");
	obstack_1grow(&o, 0);
	printf("%d %s\n", length, (char *)obstack_finish(&o));
	obstack_free(&o, NULL);
	printf("chunks %d\n", chunks);
	obstack_specify_allocation(&o, 200, 8, get, put);
	for (int i = 0; i < 1000; i++) {
		obstack_1grow(&o, 'x'); /* one object moves from chunk to chunk */
	}
	printf("%zu in %d chunk, %d\n", (size_t)obstack_object_size(&o), chunks, (int)obstack_alignment_mask(&o));
	obstack_finish(&o);
	printf("empty %d\n", obstack_empty_p(&o));
	obstack_free(&o, NULL);
}

struct item {
	int n;
	SLIST_ENTRY(item) s;
	LIST_ENTRY(item) l;
	STAILQ_ENTRY(item) q;
	SIMPLEQ_ENTRY(item) p;
	TAILQ_ENTRY(item) t;
};
SLIST_HEAD(slist, item);
LIST_HEAD(list, item);
STAILQ_HEAD(stailq, item);
SIMPLEQ_HEAD(simpleq, item);
TAILQ_HEAD(tailq, item);

static void lists(void)
{
	struct item items[6], *i;
	struct slist s = SLIST_HEAD_INITIALIZER(s);
	struct list l = LIST_HEAD_INITIALIZER(l);
	struct stailq q = STAILQ_HEAD_INITIALIZER(q), q2;
	struct simpleq p;
	struct tailq t = TAILQ_HEAD_INITIALIZER(t), t2;
	STAILQ_INIT(&q2);
	SIMPLEQ_INIT(&p);
	TAILQ_INIT(&t2);
	for (int n = 0; n < 6; n++) {
		items[n].n = n;
		SLIST_INSERT_HEAD(&s, &items[n], s);
		LIST_INSERT_HEAD(&l, &items[n], l);
		if (n % 2) {
			STAILQ_INSERT_TAIL(&q, &items[n], q);
			SIMPLEQ_INSERT_TAIL(&p, &items[n], p);
			TAILQ_INSERT_TAIL(&t, &items[n], t);
		} else {
			STAILQ_INSERT_HEAD(&q2, &items[n], q);
			SIMPLEQ_INSERT_HEAD(&p, &items[n], p);
			TAILQ_INSERT_HEAD(&t2, &items[n], t);
		}
	}
	STAILQ_CONCAT(&q, &q2);
	TAILQ_CONCAT(&t, &t2, t);
#define SHOW(FOREACH, head, field) FOREACH(i, head, field) { printf(" %d", i->n); } puts("")
	SHOW(SLIST_FOREACH, &s, s);
	SHOW(LIST_FOREACH, &l, l);
	SHOW(STAILQ_FOREACH, &q, q);
	SHOW(SIMPLEQ_FOREACH, &p, p);
	SHOW(TAILQ_FOREACH, &t, t);
	SLIST_REMOVE(&s, &items[0], item, s);
	SLIST_REMOVE_HEAD(&s, s);
	SLIST_INSERT_AFTER(&items[3], &items[0], s);
	LIST_REMOVE(&items[3], l);
	LIST_INSERT_BEFORE(&items[5], &items[3], l);
	LIST_REMOVE(&items[0], l);
	LIST_INSERT_AFTER(&items[1], &items[0], l);
	STAILQ_REMOVE(&q, &items[0], item, q);
	STAILQ_INSERT_AFTER(&q, &items[2], &items[0], q);
	STAILQ_REMOVE_HEAD(&q, q);
	SIMPLEQ_REMOVE_HEAD(&p, p);
	SIMPLEQ_REMOVE(&p, &items[5], item, p);
	SIMPLEQ_INSERT_TAIL(&p, &items[4], p);
	TAILQ_REMOVE(&t, &items[0], t);
	TAILQ_INSERT_BEFORE(&items[1], &items[0], t);
	TAILQ_REMOVE(&t, &items[3], t);
	i = TAILQ_LAST(&t, tailq);
	TAILQ_INSERT_AFTER(&t, i, &items[3], t);
	SHOW(SLIST_FOREACH, &s, s);
	SHOW(LIST_FOREACH, &l, l);
	SHOW(STAILQ_FOREACH, &q, q);
	SHOW(SIMPLEQ_FOREACH, &p, p);
	SHOW(TAILQ_FOREACH, &t, t);
	TAILQ_FOREACH_REVERSE(i, &t, tailq, t) {
		printf(" %d", i->n);
	}
	printf(", empty %d %d\n", TAILQ_EMPTY(&t), STAILQ_EMPTY(&q2));
}

static void messages(void)
{
	printf("%s\n", textdomain(NULL));
	char *set = textdomain("prog");
	printf("%s", set);
	printf(", %s\n", textdomain(NULL));
	printf("%s, ", bindtextdomain("prog", NULL));
	printf("%s, ", bindtextdomain("prog", "/share"));
	printf("%s", bindtextdomain("prog", NULL));
	printf(", %d\n", bindtextdomain("", "/x") == NULL);
	printf("%d", bind_textdomain_codeset("prog", NULL) == NULL);
	printf(" %s\n", bind_textdomain_codeset("prog", "UTF-8"));
	printf("%s %s %s\n", gettext("text"), dgettext("prog", "other"), dcgettext("prog", "more", 5));
	for (unsigned long n = 0; n < 3; n++) {
		printf("%s %s\n", ngettext("one", "many", n), dngettext("prog", "one", "many", n));
	}
	printf("back to %s\n", textdomain(""));
}

static void addresses(void)
{
	struct in_addr a = { inet_addr("10.1.2.3") };
	printf("%s %x %x\n", inet_ntoa(a), ntohl(a.s_addr), inet_addr("nonsense"));
	printf("%x %x %x %x\n", inet_network("10.1"), inet_network("0x7f.0.0.1"), inet_network("1.2.3.4.5"), inet_network("256"));
	for (const char *const *s = (const char *const[]){ "10.1.2.3", "172.16.5.6", "192.168.7.8", NULL }; *s; s++) {
		inet_aton(*s, &a);
		printf("%x %x %s\n", inet_netof(a), inet_lnaof(a), inet_ntoa(inet_makeaddr(inet_netof(a), inet_lnaof(a))));
	}
	dev_t d = makedev(259, 70000);
	printf("%u %u %lx, %s %s\n", major(d), minor(d), (unsigned long)d, _PATH_DEVNULL, _PATH_TMP);
}

static void numbers(void)
{
	double xs[] = { 0.5, 1.5, 2.5, -0.5, -2.5, 1e300, INFINITY, -INFINITY, NAN };
	for (size_t i = 0; i < sizeof xs / sizeof *xs; i++) {
		double x = xs[i];
		printf("%g: %g %g, %a %a, %ld %ld, %d %d %d %d\n", x, roundeven(x), (double)roundevenf((float)x), nextup(x), nextdown(x), llogb(x),
			llogbf((float)x), isnanf((float)x) != 0, isinff((float)x) != 0, isinfl(x) != 0, finitel(x) != 0);
	}
	printf("%g %ld %a %a %g\n", nextup(0) / nextdown(0), llogb(0), (double)nextupf(1), (double)nextdownf(1), gamma(10));
	printf("%lld %llu %d %d, %d %d\n", strtoq("-77x", NULL, 10), strtouq("ff", NULL, 16), dysize(2000), dysize(1900), rpmatch("Yes"), rpmatch("?"));
	char frob[] = "frob";
	printf("%s", (char *)memfrob(frob, 4));
	printf(" %s\n", (char *)memfrob(frob, 4));
}

static int caught;
static void handler(int sig) { caught = sig; }

static void signals(void)
{
	sigset_t a, b, c;
	sigemptyset(&a), sigemptyset(&b);
	printf("%d", sigisemptyset(&a));
	sigaddset(&a, SIGUSR1), sigaddset(&a, SIGTERM), sigaddset(&b, SIGTERM);
	sigandset(&c, &a, &b);
	printf(" %d %d", sigismember(&c, SIGTERM), sigismember(&c, SIGUSR1));
	sigorset(&c, &a, &b);
	printf(" %d %d\n", sigismember(&c, SIGUSR1), sigismember(&c, SIGINT));
	printf("%d", sigset(SIGUSR1, handler) == SIG_DFL);
	printf(" %d", sighold(SIGUSR1));
	raise(SIGUSR1);
	printf(" %d", caught);
	printf(" %d", sigrelse(SIGUSR1));
	printf(" %d", caught == SIGUSR1);
	printf(" %d", sigset(SIGUSR1, SIG_HOLD) == handler);
	printf(" %d", sigset(SIGUSR1, handler) == SIG_HOLD);
	printf(" %d", sigignore(SIGUSR1));
	printf(" %d\n", raise(SIGUSR1));
}

static void files(void)
{
	int fd = open("one", O_RDWR | O_CREAT | O_TRUNC, 0644), to = open("two", O_RDWR | O_CREAT | O_TRUNC, 0644);
	char text[20] = "";
	off_t at = 2, at2 = 1;
	struct timeval t[2] = { { 1000000, 500000 }, { 2000000, 250000 } };
	struct stat st;
	printf("%d", (int)write(fd, "0123456789", 10));
	printf(" %d", (int)sendfile(to, fd, &at, 3));
	printf(" %d", (int)at);
	lseek(fd, 8, SEEK_SET);
	printf(" %d", (int)copy_file_range(fd, NULL, to, NULL, 100, 0));
	printf(" %d", (int)copy_file_range(fd, &at2, to, NULL, 2, 0));
	printf(" %d", (int)pread(to, text, 19, 0));
	printf(" %s", text);
	printf(" %d", fallocate(to, 0, 0, 100));
	fstat(to, &st);
	printf(" %d %d", (int)st.st_size, futimes(fd, t));
	fstat(fd, &st);
	printf(" %ld %ld", (long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	symlink("one", "link");
	printf(" %d", lutimes("link", t));
	lstat("link", &st);
	printf(" %ld", (long)st.st_mtim.tv_sec);
	printf(" %d", renameat2(AT_FDCWD, "two", AT_FDCWD, "three", 0));
	printf(" %d", access("three", F_OK));
	printf(" %d %d", eaccess("one", R_OK), fchownat(AT_FDCWD, "one", getuid(), -1, 0));
	printf(" %d", close_range((unsigned)fd, (unsigned)to, 0));
	printf(" %d %d\n", fcntl(fd, F_GETFL), fcntl(to, F_GETFL));
	char *name = tempnam(".", "abcdefg");
	printf("%.7s %d\n", name, access(name, F_OK));
	printf("%d %d\n", gettid() == getpid(), setreuid(-1, geteuid()));
}

int main(void)
{
	stacks();
	lists();
	messages();
	addresses();
	numbers();
	signals();
	unsetenv("TMPDIR");
	files();
	return 0;
}
