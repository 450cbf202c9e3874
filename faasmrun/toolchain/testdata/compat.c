/* What the compat layer promises, function by function. */
#define _GNU_SOURCE
#include <assert.h>
#include <dlfcn.h>
#include <err.h>
#include <errno.h>
#include <error.h>
#include <fcntl.h>
#include <fenv.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>
#include <termios.h>
#include <threads.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static volatile sig_atomic_t signalled;
static void handler(int sig) { signalled = sig; }
static void informed(int sig, siginfo_t *info, void *context) { signalled = info->si_pid == getpid() ? sig : -1; }
static sigjmp_buf from_abort;
static void leave(int sig) { siglongjmp(from_abort, sig); }

static void processes(void)
{
	errno = 0;
	assert(fork() == -1 && errno == ENOSYS);
	assert(wait(NULL) == -1 && errno == ECHILD);
	assert(system(NULL) == 0 && system("true") == -1 && popen("true", "r") == NULL);
	assert(kill(getpid(), 0) == 0 && kill(4711, SIGTERM) == -1 && errno == ESRCH);
	struct sigaction action = { .sa_handler = handler }, old;
	assert(sigaction(SIGUSR1, &action, NULL) == 0 && kill(getpid(), SIGUSR1) == 0 && signalled == SIGUSR1);
	assert(sigaction(SIGUSR1, NULL, &old) == 0 && old.sa_handler == handler);
	char room[SIGSTKSZ];
	stack_t stack = { .ss_sp = room, .ss_size = sizeof room }, none = { .ss_sp = room, .ss_size = 1 }, was;
	assert(sigaltstack(&stack, &was) == 0 && was.ss_flags == SS_DISABLE && sigaltstack(NULL, &was) == 0 && was.ss_sp == room);
	assert(sigaltstack(&none, NULL) == -1 && errno == ENOMEM && sigaltstack(&was, &was) == 0 && was.ss_size == sizeof room);
	assert(dlopen("x.so", RTLD_NOW) == NULL && dlerror());
	cpu_set_t cpus;
	assert(sched_getaffinity(0, sizeof cpus, &cpus) == 0 && CPU_COUNT(&cpus) == 1 && CPU_ISSET(0, &cpus));
}

static void signals(void)
{
	struct sigaction action = { .sa_sigaction = informed, .sa_flags = SA_SIGINFO | SA_RESETHAND }, old;
	assert(!sigaddset(&action.sa_mask, SIGTERM) && sigaction(SIGUSR2, &action, NULL) == 0);
	assert(sigaction(SIGUSR2, NULL, &old) == 0 && old.sa_sigaction == informed && sigismember(&old.sa_mask, SIGTERM) == 1);
	assert(raise(SIGUSR2) == 0 && signalled == SIGUSR2 && sigaction(SIGUSR2, NULL, &old) == 0 && old.sa_handler == SIG_DFL);
	assert(sigaction(SIGKILL, &action, NULL) == -1 && errno == EINVAL && kill(getpid(), 99) == -1 && errno == EINVAL);
	assert(signal(SIGTERM, SIG_IGN) == SIG_DFL && raise(SIGTERM) == 0 && signal(SIGTERM, handler) == SIG_IGN);
	sigset_t set, before;
	assert(!sigemptyset(&set) && !sigaddset(&set, SIGTERM) && sigismember(&set, SIGTERM) == 1 && sigismember(&set, SIGINT) == 0);
	assert(!sigprocmask(SIG_BLOCK, &set, NULL) && !raise(SIGTERM) && signalled == SIGUSR2);
	assert(!sigpending(&before) && sigismember(&before, SIGTERM) == 1);
	assert(!sigprocmask(SIG_UNBLOCK, &set, &before) && sigismember(&before, SIGTERM) == 1 && signalled == SIGTERM);
	struct itimerval second = { .it_value.tv_sec = 1 }, none = { 0 };
	assert(setitimer(ITIMER_REAL, &none, NULL) == 0 && setitimer(ITIMER_PROF, &second, NULL) == -1 && errno == ENOSYS);
	signal(SIGABRT, leave);
	if (sigsetjmp(from_abort, 1) == 0) {
		abort();
	}
	signal(SIGABRT, SIG_DFL);
}

static int descending(const void *a, const void *b, void *calls)
{
	++*(int *)calls;
	return *(const int *)b - *(const int *)a;
}

static void glibc(void)
{
	int numbers[] = { 1, 3, 2 }, calls = 0;
	qsort_r(numbers, 3, sizeof *numbers, descending, &calls);
	assert(numbers[0] == 3 && numbers[1] == 2 && numbers[2] == 1 && calls >= 2);
	assert((uintptr_t)memalign(256, 1) % 256 == 0 && memalign(2, 1) && (uintptr_t)valloc(1) % getpagesize() == 0);
	volatile size_t odd = 48;
	assert(memalign(odd, 1) == NULL && errno == EINVAL && mallinfo().arena > 0 && mallinfo2().uordblks > 0);
	struct passwd user, *found;
	struct group group, *found_group;
	char buf[64];
	assert(getpwuid_r(getuid(), &user, buf, sizeof buf, &found) == 0 && found == &user && user.pw_uid == getuid());
	assert(getpwuid_r(0, &user, buf, sizeof buf, &found) == 0 && found == NULL);
	assert(getgrgid_r(getgid(), &group, buf, sizeof buf, &found_group) == 0 && found_group == &group);
	assert(setuid(getuid()) == 0 && setuid(0) == -1 && errno == EPERM && getgroups(-1, NULL) == -1 && errno == EINVAL);
	assert(wait3(NULL, 0, NULL) == -1 && errno == ECHILD && pipe2((int[2]){ 0 }, 1) == -1 && errno == EINVAL);
	char *here = get_current_dir_name(), *canonical = canonicalize_file_name(".");
	assert(here && canonical && !strcmp(here, canonical));
	struct statfs fs;
	assert(statfs(".", &fs) == 0 && fs.f_blocks > 0);
	tzset();
	assert(!strcmp(tzname[0], "UTC") && timezone == 0 && rawmemchr("ab", 'b'));
	syslog(LOG_ERR, "nobody reads this");
	error(0, ENOENT, "%s", "an error");
	assert(error_message_count == 1);
}

/* What comes while the program waits. */
static void alarms(void)
{
	struct sigaction action = { .sa_handler = handler };
	assert(sigaction(SIGALRM, &action, NULL) == 0 && alarm(100) == 0 && alarm(0) == 100 && alarm(0) == 0);
	struct itimerval timer = { .it_value.tv_usec = 20000, .it_interval.tv_usec = 10000 }, left;
	struct timespec second = { 100, 0 }, rest;
	signalled = 0;
	assert(setitimer(ITIMER_REAL, &timer, NULL) == 0 && nanosleep(&second, &rest) == -1 && errno == EINTR && signalled == SIGALRM);
	assert(rest.tv_sec == 99 && getitimer(ITIMER_REAL, &left) == 0 && left.it_interval.tv_usec == 10000 && left.it_value.tv_usec > 0);
	assert(sleep(100) >= 99 && usleep(1000000) == -1 && errno == EINTR);
	signalled = 0;
	assert(pause() == -1 && errno == EINTR && signalled == SIGALRM);
	struct pollfd none;
	assert(poll(&none, 0, 100000) == -1 && errno == EINTR);
	sigset_t set, old, empty;
	int sig;
	assert(!sigemptyset(&empty) && !sigemptyset(&set) && !sigaddset(&set, SIGALRM) && !sigprocmask(SIG_BLOCK, &set, &old));
	signalled = 0;
	assert(sigwait(&set, &sig) == 0 && sig == SIGALRM && signalled == 0);
	assert(sigsuspend(&empty) == -1 && errno == EINTR && signalled == SIGALRM);
	assert(!sigprocmask(SIG_BLOCK, NULL, &set) && sigismember(&set, SIGALRM) == 1 && ualarm(0, 0) > 0);
	struct timespec soon = { 0, 1000 };
	while (sigtimedwait(&set, NULL, &soon) == SIGALRM) { /* one may have come before */
	}
	assert(errno == EAGAIN && !sigprocmask(SIG_SETMASK, &old, NULL));
	/* A handler may leave, out of the wait too, and the signal comes again. */
	signal(SIGALRM, leave);
	for (volatile int i = 0; i < 3; i++) {
		if (sigsetjmp(from_abort, 1) == 0) {
			ualarm(1000, 0);
			sleep(100);
			assert(0);
		}
	}
	signal(SIGALRM, SIG_DFL);
}

static void clocks(void)
{
	struct timespec from, to;
	struct tms used;
	clock_t before = clock(), ticks = times(&used);
	assert(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from) == 0 && usleep(300000) == 0);
	assert(clock() - before < CLOCKS_PER_SEC / 10 && clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to) == 0);
	assert((to.tv_sec - from.tv_sec) * 1e9 + to.tv_nsec - from.tv_nsec < 1e8);
	assert(times(&used) - ticks >= sysconf(_SC_CLK_TCK) / 4 && used.tms_utime < sysconf(_SC_CLK_TCK) * 100 && used.tms_cutime == 0);
	for (before = clock(); clock() - before < CLOCKS_PER_SEC / 50;) { /* it runs on while the program does */
	}
	time_t winter = 1700000000, summer = 1720000000;
	struct tm tm;
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	assert(localtime_r(&winter, &tm) && tm.tm_hour == 23 && tm.tm_isdst == 0 && tm.tm_gmtoff == 3600 && !strcmp(tm.tm_zone, "CET"));
	assert(mktime(&tm) == winter && localtime_r(&summer, &tm) && tm.tm_hour == 11 && tm.tm_isdst == 1 && !strcmp(tm.tm_zone, "CEST"));
	tzset();
	assert(timezone == -3600 && daylight && !strcmp(tzname[1], "CEST"));
	setenv("TZ", "Europe/Berlin", 1); /* the host's tables are not there for this program, which TZ named too late */
	assert(localtime_r(&winter, &tm) && tm.tm_hour == 22);
	unsetenv("TZ");
	tzset();
}

static void descriptors(void)
{
	int fd = open("twice", O_RDWR | O_CREAT | O_TRUNC, 0640), two = dup(fd);
	assert(fd >= 0 && two > fd && write(fd, "ab", 2) == 2 && write(two, "cd", 2) == 2 && lseek(fd, 0, SEEK_CUR) == 4);
	assert(fcntl(fd, F_DUPFD, 20) == 20 && dup2(fd, 20) == 20 && dup3(fd, 21, O_CLOEXEC) == 21 && close(20) == 0 && close(21) == 0);
	assert(dup(99) == -1 && errno == EBADF && dup2(fd, -1) == -1 && errno == EBADF && dup2(fd, fd) == fd && close(two) == 0);
	struct stat st;
	assert(fstat(fd, &st) == 0 && (st.st_mode & 0777) == 0640 && st.st_size == 4);
	assert(fchmod(fd, 0400) == 0 && stat("twice", &st) == 0 && (st.st_mode & 0777) == 0400 && chmod("twice", 0600) == 0);
	assert(chown("twice", getuid(), -1) == 0 && chown("twice", 0, 0) == -1 && errno == EPERM);
	int out = dup(1);
	fflush(stdout);
	assert(dup2(fd, 1) == 1 && printf("efgh") == 4 && fflush(stdout) == 0 && dup2(out, 1) == 1 && close(out) == 0);
	char *mapped = mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), text[9] = "";
	assert(mapped != MAP_FAILED && !memcmp(mapped, "abcdefgh", 8) && close(fd) == 0);
	mapped[0] = 'X';
	assert(msync(mapped, 8, MS_SYNC) == 0 && (fd = open("twice", O_RDONLY)) >= 0 && read(fd, text, 8) == 8 && !strcmp(text, "Xbcdefgh"));
	mapped[7] = 'Y';
	assert(munmap(mapped, 8) == 0 && pread(fd, text, 8, 0) == 8 && !strcmp(text, "XbcdefgY") && munmap(mapped, 8) == -1);
	assert(mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EACCES);
	close(fd);
	unlink("twice");
	umask(077);
	fclose(fopen("masked", "w"));
	assert(stat("masked", &st) == 0 && (st.st_mode & 0777) == 0600 && unlink("masked") == 0 && mkdir("sub", 0777) == 0);
	assert(stat("sub", &st) == 0 && (st.st_mode & 0777) == 0700 && umask(022) == 077);
	char here[PATH_MAX], there[PATH_MAX];
	assert(getcwd(here, sizeof here) && chdir("sub/../sub/.") == 0 && getcwd(there, sizeof there) && !strcmp(strrchr(there, '/'), "/sub"));
	assert(rmdir("../sub") == 0 && getcwd(there, sizeof there) == NULL && errno == ENOENT && chdir(here) == 0);
}

/* What can't be done says so. */
static void refusals(void)
{
	char page[8192];
	struct rlimit limit = { 1, 1 };
	cpu_set_t cpus;
	assert(mlock(page, 1) == -1 && errno == EPERM && mlockall(MCL_CURRENT) == -1 && nice(1) == -1 && errno == EPERM && nice(0) == 0);
	assert(setrlimit(RLIMIT_CPU, &limit) == -1 && errno == EPERM && getrlimit(77, &limit) == -1 && errno == EINVAL);
	assert(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == sysconf(_SC_OPEN_MAX) && setrlimit(RLIMIT_NOFILE, &limit) == 0);
	CPU_ZERO(&cpus);
	CPU_SET(1, &cpus);
	assert(sched_setaffinity(0, sizeof cpus, &cpus) == -1 && errno == EINVAL && sched_getaffinity(0, sizeof cpus, &cpus) == 0);
	assert(sched_setaffinity(0, sizeof cpus, &cpus) == 0);
	char *at = (char *)(((uintptr_t)page + 4095) & ~(uintptr_t)4095);
	*at = 1;
	assert(madvise(at, 1, MADV_DONTNEED) == 0 && *at == 0 && siginterrupt(99, 1) == -1);
	for (int i = 0; i < 250; i++) {
		assert(sysconf(i) >= -1);
	}
	assert(sysconf(_SC_PHYS_PAGES) > sysconf(_SC_AVPHYS_PAGES) && sysconf(_SC_AVPHYS_PAGES) > 0 && sysconf(_SC_NPROCESSORS_ONLN) == 1);
	char name[16];
	assert(pthread_setname_np(pthread_self(), "a name of sixteen") == ERANGE && pthread_setname_np(pthread_self(), "short") == 0);
	assert(pthread_getname_np(pthread_self(), name, sizeof name) == 0 && !strcmp(name, "short"));
}

static void identity(void)
{
	char name[64];
	assert(getuid() == geteuid() && getpwuid(getuid()) && getpwuid(0) == NULL);
	assert(gethostname(name, sizeof name) == 0 && *name && gethostname(name, 1) == -1 && errno == ENAMETOOLONG);
	struct rusage usage;
	struct rlimit limit;
	assert(getrusage(RUSAGE_SELF, &usage) == 0 && usage.ru_maxrss >= 8 * 1024); /* the stack alone */
	assert(getrusage(77, &usage) == -1 && errno == EINVAL);
	assert(getrlimit(RLIMIT_STACK, &limit) == 0 && getpagesize() == 65536);
}

static void files(void)
{
	char template[] = "fileXXXXXX", bad[] = "file", path[PATH_MAX], buf[] = "/a/b/";
	int fd = mkstemp(template);
	assert(fd >= 0 && write(fd, "x", 1) == 1 && close(fd) == 0 && strcmp(template, "fileXXXXXX"));
	assert(mkstemp(bad) == -1 && errno == EINVAL);
	assert(chmod(template, 0644) == 0 && chmod("none", 0644) == -1 && errno == ENOENT);
	assert(realpath(template, path) && path[0] == '/' && !strcmp(strrchr(path, '/') + 1, template));
	assert(realpath("none", path) == NULL && errno == ENOENT && unlink(template) == 0);
	char name[L_tmpnam];
	FILE *f = fopen(tmpnam(name), "w");
	assert(f && fclose(f) == 0 && unlink(name) == 0);
	f = tmpfile();
	assert(f && fputs("text", f) >= 0 && fseek(f, 0, SEEK_SET) == 0 && fgetc(f) == 't' && fclose(f) == 0);
	assert(!strcmp(basename(buf), "b") && umask(077) == 022 && umask(022) == 077);
	errno = 0;
	assert(mkfifo("fifo", 0600) == -1 && errno == EPERM && access("fifo", F_OK) == -1);
	assert(mkfifo(".", 0600) == -1 && errno == EEXIST && mkfifo("none/fifo", 0600) == -1 && errno == ENOENT);
	assert(mknod("plain", S_IFREG | 0600, 0) == 0 && access("plain", F_OK) == 0 && mknod("plain", 0600, 0) == -1 && errno == EEXIST);
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	fd = open("plain", O_RDWR);
	assert(fd >= 0 && fcntl(fd, F_SETLK, &lock) == 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type == F_UNLCK && close(fd) == 0);
	struct stat st;
	assert(stat("plain", &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0777) == 0600);
	assert(stat(".", &st) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & 0777) == 0755);
	assert(unlink("plain") == 0 && lchown("plain", 0, 0) == -1 && errno == ENOENT);
	assert(madvise(path, 1, 0) == 0 && mprotect(path, 1, PROT_READ) == -1 && errno == ENOSYS);
}

static void sockets(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "socket" };
	assert(SUN_LEN(&address) == 8);
	int pair[2], file = open("file", O_RDWR | O_CREAT, 0600);
	assert(file >= 0 && unlink("file") == 0);
	assert(socket(AF_UNIX, SOCK_STREAM, 0) == -1 && errno == EAFNOSUPPORT);
	assert(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1 && errno == EAFNOSUPPORT);
	struct sockaddr *to = (struct sockaddr *)&address;
	socklen_t length = sizeof address;
	struct msghdr message = { 0 };
	char byte = 0;
#define REFUSES(call) errno = 0, assert(call == -1 && errno == want)
	for (int i = 0; i < 2; i++) {
		int fd = i ? file : -1, want = i ? ENOTSOCK : EBADF;
		REFUSES(bind(fd, to, length));
		REFUSES(connect(fd, to, length));
		REFUSES(listen(fd, 1));
		REFUSES(getsockname(fd, to, &length));
		REFUSES(getpeername(fd, to, &length));
		REFUSES(setsockopt(fd, SOL_SOCKET, SO_TYPE, &byte, 1));
		REFUSES(sendto(fd, &byte, 1, 0, to, length));
		REFUSES(recvfrom(fd, &byte, 1, 0, to, &length));
		REFUSES(sendmsg(fd, &message, 0));
		REFUSES(recvmsg(fd, &message, 0));
		REFUSES(send(fd, &byte, 1, 0));
		REFUSES(recv(fd, &byte, 1, 0));
		REFUSES(shutdown(fd, SHUT_RDWR));
	}
	close(file);
}

/* Arithmetic that the compiler leaves to its runtime's library. */
static void wide(void)
{
	volatile unsigned __int128 big = ((unsigned __int128)7 << 100) + 5, by = ((unsigned __int128)3 << 70) + 1;
	volatile __int128 low = -(__int128)big, divisor = by;
	assert((big / by) * by + big % by == big && big % by < by && big / by == 2505397589u);
	assert((low / divisor) * divisor + low % divisor == low && low % divisor < 0);
	volatile long double third = 1.0L / 3, root = third * third;
	assert(root < third && (long long)(third * 3e18L) == 1000000000000000000 && (double)(__int128)(third * 3e30L) > 9.9e29);
}

/* A saved state that was damaged, and one that only the program's owner could have told from a good one. */
static void states(void)
{
	int array[32];
	char *before = initstate(1, (char *)array, 128);
	assert(before && setstate(before) == (char *)array && array[0] % 5 == 3);
	for (int rear = 31; rear < 100; rear++) {
		array[0] = rear * 5 + 3;
		errno = 0;
		assert(setstate((char *)array) == NULL && errno == EINVAL);
	}
	array[0] = -1;
	assert(setstate((char *)array) == NULL);
	array[0] = 30 * 5 + 3;
	assert(setstate((char *)array) == before && random() >= 0 && setstate(before) == (char *)array && array[0] == 3);
	struct random_data data = { 0 };
	int value;
	errno = 0;
	assert(random_r(&data, &value) == -1 && errno == EINVAL && srandom_r(1, &data) == -1);
	data.rand_type = 5;
	assert(initstate_r(1, (char *)array, 128, &data) == 0 && random_r(&data, &value) == 0 && value == 1804289383);
	data.rand_type = 7;
	assert(random_r(&data, &value) == -1 && srandom_r(1, &data) == -1);
}

#define FAILS(call, error) errno = 0, assert((call) == -1 && errno == (error))

/* No terminal, nothing that is shared with other processes, no other stack. */
static void absent(void)
{
	struct termios t = { 0 };
	struct winsize size;
	int file = open("file", O_RDWR | O_CREAT, 0600), rest = 0, yes = 1, no = 0;
	assert(file >= 0 && unlink("file") == 0 && write(file, "12345", 5) == 5 && lseek(file, 2, SEEK_SET) == 2);
	for (int i = 0; i < 2; i++) {
		int fd = i ? file : 99, want = i ? ENOTTY : EBADF;
		FAILS(tcgetattr(fd, &t), want);
		FAILS(tcsetattr(fd, TCSADRAIN, &t), want);
		FAILS(tcsendbreak(fd, 0), want);
		FAILS(tcdrain(fd), want);
		FAILS(tcflush(fd, TCIFLUSH), want);
		FAILS(tcflow(fd, TCOON), want);
		FAILS(tcgetsid(fd), want);
		FAILS(tcgetpgrp(fd), want);
		FAILS(tcsetpgrp(fd, 1), want);
		FAILS(ioctl(fd, TIOCGWINSZ, &size), want);
		FAILS(ioctl(fd, TCGETS, &t), want);
		assert(ttyname(fd) == NULL && errno == want && ttyname_r(fd, NULL, 0) == want);
	}
	FAILS(tcsetattr(file, 3, &t), EINVAL);
	assert(ioctl(file, FIONREAD, &rest) == 0 && rest == 3 && ioctl(file, FIOCLEX) == 0);
	assert(ioctl(file, FIONBIO, &yes) == 0 && fcntl(file, F_GETFL) & O_NONBLOCK && ioctl(file, FIONBIO, &no) == 0 &&
		!(fcntl(file, F_GETFL) & O_NONBLOCK) && close(file) == 0 && open("none", 0) == -1 && errno == ENOENT);
	cfmakeraw(&t);
	assert(t.c_cflag == CS8 && t.c_cc[VMIN] == 1 && cfsetspeed(&t, 9600) == 0 && cfgetospeed(&t) == B9600);
	assert(cfsetospeed(&t, B115200) == 0 && cfgetispeed(&t) == B115200 && cfsetispeed(&t, B0) == 0 && cfgetispeed(&t) == B0);
	assert(cfgetospeed(&t) == B115200 && cfsetispeed(&t, B300) == 0 && cfgetospeed(&t) == B300 && cfgetispeed(&t) == B300);
	FAILS(cfsetospeed(&t, 9600), EINVAL);
	FAILS(cfsetspeed(&t, 9601), EINVAL);
	struct sembuf operation = { 0 };
	ucontext_t context = { 0 };
	FAILS(shmget(IPC_PRIVATE, 1, IPC_CREAT), ENOSYS);
	FAILS((long)shmat(0, NULL, 0), ENOSYS);
	FAILS(shmdt(&t), ENOSYS);
	FAILS(shmctl(0, IPC_RMID, NULL), ENOSYS);
	FAILS(semget(IPC_PRIVATE, 1, IPC_CREAT), ENOSYS);
	FAILS(semctl(0, 0, GETVAL), ENOSYS);
	FAILS(semop(0, &operation, 1), ENOSYS);
	FAILS(msgget(IPC_PRIVATE, IPC_CREAT), ENOSYS);
	FAILS(msgctl(0, IPC_RMID, NULL), ENOSYS);
	FAILS(msgsnd(0, "", 0, 0), ENOSYS);
	FAILS(msgrcv(0, NULL, 0, 0, 0), ENOSYS);
	FAILS(getcontext(&context), ENOSYS);
	FAILS(swapcontext(&context, &context), ENOSYS);
	FAILS(setcontext(&context), ENOSYS);
	struct stat st;
	assert(stat(".", &st) == 0 && ftok(".", 0x1234567) == (key_t)((st.st_ino & 0xffff) | (st.st_dev & 0xff) << 16 | 0x67 << 24));
	FAILS(ftok("none", 1), ENOENT);
}

static void floating(void)
{
	volatile double zero = 0;
	fexcept_t flags = 7;
	fenv_t kept;
	assert(1 / zero > 1e308 && fetestexcept(FE_ALL_EXCEPT) == 0 && feclearexcept(FE_ALL_EXCEPT) == 0 && feraiseexcept(0) == 0);
	assert(feraiseexcept(FE_DIVBYZERO) != 0 && fegetround() == FE_TONEAREST && fesetround(FE_TONEAREST) == 0);
	assert(fesetround(FE_UPWARD) != 0 && fesetround(FE_DOWNWARD) != 0 && fesetround(FE_TOWARDZERO) != 0 && fesetround(77) != 0);
	assert(feenableexcept(FE_INVALID | FE_OVERFLOW) == -1 && feenableexcept(0) == 0 && fedisableexcept(FE_ALL_EXCEPT) == 0);
	assert(fegetexcept() == 0 && fegetexceptflag(&flags, FE_ALL_EXCEPT) == 0 && flags == 0 && fesetexceptflag(&flags, FE_INEXACT) == 0);
	flags = FE_INEXACT;
	assert(fesetexceptflag(&flags, FE_INEXACT) != 0 && fesetexceptflag(&flags, FE_INVALID) == 0 && feholdexcept(&kept) == 0);
	assert(fesetenv(&kept) == 0 && feupdateenv(FE_DFL_ENV) == 0 && fesetenv(FE_NOMASK_ENV) != 0);
}

static void timers(void)
{
	timer_t timer;
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	FAILS(timer_create(CLOCK_REALTIME, NULL, &timer), ENOTSUP);
	FAILS(timer_create(CLOCK_MONOTONIC, &event, &timer), ENOTSUP);
	event.sigev_notify = SIGEV_THREAD;
	FAILS(timer_create(CLOCK_REALTIME, &event, &timer), ENOTSUP);
	event.sigev_notify = 77;
	FAILS(timer_create(CLOCK_REALTIME, &event, &timer), EINVAL);
	event.sigev_notify = SIGEV_NONE;
	FAILS(timer_create(77, &event, &timer), EINVAL);
	struct itimerspec value = { .it_value = { 100, 5 }, .it_interval = { 3, 0 } }, left;
	for (int clock = CLOCK_REALTIME; clock <= CLOCK_BOOTTIME; clock++) {
		assert(timer_create(clock, &event, &timer) == 0 && timer_gettime(timer, &left) == 0 && left.it_value.tv_sec == 0);
		assert(timer_settime(timer, 0, &value, NULL) == 0 && timer_gettime(timer, &left) == 0 && left.it_interval.tv_sec == 3);
		assert(left.it_value.tv_sec >= 98 && left.it_value.tv_sec <= 100 && timer_getoverrun(timer) == 0);
		value.it_value.tv_nsec = 1000000000;
		FAILS(timer_settime(timer, 0, &value, NULL), EINVAL);
		value.it_value.tv_nsec = 5;
		struct itimerspec past = { .it_value = { 0, 1 }, .it_interval = { 1000, 0 } };
		assert(timer_settime(timer, TIMER_ABSTIME, &past, &left) == 0 && left.it_value.tv_sec >= 98);
		assert(timer_gettime(timer, &left) == 0 && left.it_value.tv_sec < 1000 && (left.it_value.tv_sec || left.it_value.tv_nsec));
		past.it_interval.tv_sec = 0;
		assert(timer_settime(timer, TIMER_ABSTIME, &past, NULL) == 0 && timer_gettime(timer, &left) == 0 && left.it_value.tv_sec == 0 &&
			left.it_value.tv_nsec == 0 && timer_delete(timer) == 0);
	}
	clockid_t clock;
	struct timespec t;
	assert(clock_getcpuclockid(0, &clock) == 0 && clock == CLOCK_PROCESS_CPUTIME_ID && clock_getcpuclockid(4711, &clock) == ESRCH);
	FAILS(clock_settime(CLOCK_REALTIME, &t), EPERM);
	FAILS(clock_gettime(77, &t), EINVAL);
	FAILS(clock_getres(-1, &t), EINVAL);
	assert(clock_getres(CLOCK_MONOTONIC_RAW, NULL) == 0 && clock_nanosleep(77, 0, &t, NULL) == EINVAL);
	t = (struct timespec){ 0, 1 };
	assert(clock_nanosleep(CLOCK_MONOTONIC_RAW, 0, &t, NULL) == ENOTSUP && clock_nanosleep(CLOCK_BOOTTIME, 0, &t, NULL) == 0);
}

/* Calls of Unix and Linux that are not for a rank, and the few that are. */
static void calls(void)
{
	char name[16];
	pid_t process;
	struct timeval t = { 0 };
	uid_t ids[3];
	unsigned cpu;
	FAILS(sethostname("x", 1), EPERM);
	FAILS(chroot("."), EPERM);
	FAILS(settimeofday(&t, NULL), EPERM);
	FAILS(adjtime(&t, NULL), EPERM);
	FAILS(daemon(0, 0), ENOSYS);
	FAILS(fexecve(0, NULL, NULL), ENOSYS);
	FAILS(brk(NULL), ENOMEM);
	FAILS(setpgid(4711, 0), ESRCH);
	FAILS(setpgid(0, 4711), EPERM);
	FAILS(setreuid(0, -1), EPERM);
	FAILS(setresgid(-1, 0, -1), EPERM);
	FAILS(fchdir(0), ENOTDIR);
	FAILS(fchdir(99), EBADF);
	FAILS(prctl(77), EINVAL);
	FAILS(syscall(SYS_perf_event_open), ENOSYS);
	FAILS(sigqueue(getpid(), SIGUSR1, (union sigval){ 1 }), ENOSYS);
	FAILS(getrandom(name, 1, 64), EINVAL);
	assert(getpass("") == NULL && errno == ENXIO && posix_spawn(&process, "x", NULL, NULL, NULL, NULL) == ENOSYS);
	assert(getppid() > 1 && getppid() != getpid() && syscall(SYS_getppid) == getppid());
	assert(syscall(SYS_gettid) == getpid() && gettid() == getpid() && syscall(SYS_getcpu, &cpu, NULL, NULL) == 0 && cpu == 0);
	assert(prctl(PR_SET_NAME, "a name that is too long") == 0 && prctl(PR_GET_NAME, name) == 0 && !strcmp(name, "a name that is "));
	char bytes[1000] = { 0 }, zeros[1000] = { 0 };
	assert(getrandom(bytes, sizeof bytes, GRND_NONBLOCK) == 1000 && memcmp(bytes + 900, zeros, 100));
	assert(getresuid(&ids[0], &ids[1], &ids[2]) == 0 && ids[0] == getuid() && ids[2] == getuid() && setresuid(-1, getuid(), -1) == 0);
	setpwent();
	assert(getpwent()->pw_uid == getuid() && getpwent() == NULL && getgrent()->gr_gid == getgid() && getgrent() == NULL);
	int count = 1;
	assert(getgrouplist("x", 5, (gid_t *)ids, &count) == 1 && ids[0] == 5 && dladdr((void *)calls, &(Dl_info){ 0 }) == 0);
}

static void names(void)
{
	assert(program_invocation_name && !strcmp(program_invocation_name, "./a.out") && !strcmp(program_invocation_short_name, "a.out"));
}

static void *nothing(void *argument) { return argument; }

static struct timespec soon(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_nsec += 2000000;
	return t.tv_nsec < 1000000000 ? t : (struct timespec){ t.tv_sec + 1, t.tv_nsec - 1000000000 };
}

static int passed(const struct timespec *t)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec > t->tv_sec || now.tv_sec == t->tv_sec && now.tv_nsec >= t->tv_nsec;
}

/* Nobody comes: each waits until its time. */
static void timed_waits(void)
{
	pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
	pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
	sem_t s;
	assert(!pthread_mutex_lock(&held) && !pthread_rwlock_wrlock(&rw) && !sem_init(&s, 0, 0));
	struct timespec t = soon();
	assert(pthread_cond_timedwait(&cond, &held, &t) == ETIMEDOUT && passed(&t) && pthread_mutex_trylock(&held) == EBUSY);
	t = soon();
	assert(pthread_mutex_timedlock(&held, &t) == ETIMEDOUT && passed(&t));
	t = soon();
	assert(pthread_rwlock_timedrdlock(&rw, &t) == EDEADLK && pthread_rwlock_timedwrlock(&rw, &t) == EDEADLK); /* it is its own */
	assert(!pthread_rwlock_unlock(&rw) && !pthread_rwlock_rdlock(&rw));
	t = soon();
	assert(pthread_rwlock_timedwrlock(&rw, &t) == ETIMEDOUT && passed(&t));
	t = soon();
	assert(sem_timedwait(&s, &t) == -1 && errno == ETIMEDOUT && passed(&t));
	assert(!pthread_rwlock_unlock(&rw) && !pthread_rwlock_timedwrlock(&rw, &t) && !sem_post(&s) && !sem_timedwait(&s, &t));
}

static void threads(void)
{
	pthread_t t;
	void *result = NULL;
	assert(!pthread_create(&t, NULL, nothing, &t) && !pthread_join(t, &result) && result == &t);
	pthread_mutex_t m;
	pthread_mutexattr_t a;
	pthread_mutexattr_init(&a);
	pthread_mutexattr_settype(&a, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&m, &a);
	assert(!pthread_mutex_lock(&m) && !pthread_mutex_lock(&m) && !pthread_mutex_unlock(&m) && !pthread_mutex_unlock(&m));
	assert(pthread_mutex_unlock(&m) == EPERM);
	pthread_mutex_t check = PTHREAD_MUTEX_INITIALIZER;
	assert(!pthread_mutex_lock(&check) && pthread_mutex_trylock(&check) == EBUSY && !pthread_mutex_unlock(&check));
	sem_t s;
	assert(!sem_init(&s, 0, 1) && !sem_wait(&s) && sem_trywait(&s) == -1 && errno == EAGAIN && !sem_post(&s));
	pthread_key_t key;
	assert(!pthread_key_create(&key, NULL) && !pthread_setspecific(key, &s) && pthread_getspecific(key) == &s);
	mtx_t mtx;
	assert(mtx_init(&mtx, mtx_plain) == thrd_success && mtx_lock(&mtx) == thrd_success && mtx_trylock(&mtx) == thrd_busy);
}

static jmp_buf env;
static void jump(int depth) { depth ? jump(depth - 1) : longjmp(env, 7); }
static _Thread_local int local = 5;

int main(void)
{
	processes();
	signals();
	alarms();
	clocks();
	descriptors();
	refusals();
	identity();
	glibc();
	files();
	sockets();
	wide();
	states();
	absent();
	floating();
	timers();
	names();
	calls();
	threads();
	timed_waits();
	volatile int times = 0;
	int value = setjmp(env);
	if (times++ < 3) {
		jump(times);
	}
	char frame[6 << 20]; /* a native program's stack holds it */
	memset(frame, value, sizeof frame);
	printf("jumped %d times, %d, %d, thread-local %d\n", times - 1, value, frame[sizeof frame - 1], ++local);
	warnx("%s", "a warning");
	printf("%Lg %a\n", 1.5L, 0.1);
	return 0;
}
