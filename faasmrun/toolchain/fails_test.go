package toolchain

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/unsupported.md anew")

const unsupportedPage = "../../docs/unsupported.md"

// TestUnsupportedPage compares the page's table with the marks in the library's sources.
func TestUnsupportedPage(t *testing.T) {
	page, err := os.ReadFile(unsupportedPage)
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	for _, f := range alwaysFailing() {
		fmt.Fprintf(&table, "| `%s` | %s |\n", f.name, f.how)
	}
	const head = "| function | fails with |\n|---|---|\n"
	wanted := regexp.MustCompile(`(?m)`+regexp.QuoteMeta(head)+"(\\| `.*\n)*").ReplaceAllLiteralString(string(page),
		head+table.String())
	if *update {
		if err := os.WriteFile(unsupportedPage, []byte(wanted), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(page) != wanted || !strings.Contains(wanted, head) {
		t.Errorf("%s is out of date: go test ./faasmrun/toolchain -run TestUnsupportedPage -update", unsupportedPage)
	}
}

// failingCalls call each function that always fails, with arguments with which it would succeed elsewhere. The value is
// what it returns where it fails, unless that is -1.
var failingCalls = map[string][2]string{
	"dlopen":                           {`dlopen("libm.so.6", RTLD_NOW)`, "0"},
	"dlsym":                            {`dlsym(0, "main")`, "0"},
	"execl":                            {`execl("/bin/true", "true", (char *)0)`},
	"execle":                           {`execle("/bin/true", "true", (char *)0, none)`},
	"execlp":                           {`execlp("true", "true", (char *)0)`},
	"execv":                            {`execv("/bin/true", none)`},
	"execve":                           {`execve("/bin/true", none, none)`},
	"execvp":                           {`execvp("true", none)`},
	"execvpe":                          {`execvpe("true", none, none)`},
	"fork":                             {`fork()`},
	"getaddrinfo":                      {`getaddrinfo("localhost", "http", 0, &found)`, "EAI_NONAME"},
	"gethostbyname":                    {`gethostbyname("localhost")`, "0"},
	"gethostbyname2":                   {`gethostbyname2("localhost", AF_INET)`, "0"},
	"gethostbyname_r":                  {`gethostbyname_r("localhost", &host, page, 99, &entry, &number)`, "ENOENT"},
	"gethostbyaddr":                    {`gethostbyaddr(page, 4, AF_INET)`, "0"},
	"getnameinfo":                      {`getnameinfo((void *)page, 16, page, 9, 0, 0, 0)`, "EAI_FAIL"},
	"getservbyname":                    {`getservbyname("http", "tcp")`, "0"},
	"getservbyport":                    {`getservbyport(80, "tcp")`, "0"},
	"getloadavg":                       {`getloadavg(averages, 1)`},
	"mkfifo":                           {`mkfifo("fifo", 0600)`},
	"mkfifoat":                         {`mkfifoat(AT_FDCWD, "fifo", 0600)`},
	"mlock":                            {`mlock(page, 1)`},
	"mlockall":                         {`mlockall(MCL_CURRENT)`},
	"mprotect":                         {`mprotect(page, 1, PROT_READ)`},
	"mremap":                           {`mremap(page, 1, 2, 1)`, "MAP_FAILED"},
	"popen":                            {`popen("true", "r")`, "0"},
	"pthread_mutex_getprioceiling":     {`pthread_mutex_getprioceiling(&mutex, &number)`, "ENOTSUP"},
	"pthread_mutex_setprioceiling":     {`pthread_mutex_setprioceiling(&mutex, 1, &number)`, "ENOTSUP"},
	"pthread_mutexattr_getprioceiling": {`pthread_mutexattr_getprioceiling(&kind, &number)`, "ENOTSUP"},
	"pthread_mutexattr_setprioceiling": {`pthread_mutexattr_setprioceiling(&kind, 1)`, "ENOTSUP"},
	"sem_open":                         {`sem_open("/s", O_CREAT, 0600, 1)`, "SEM_FAILED"},
	"setsid":                           {`setsid()`},
	"shm_open":                         {`shm_open("/m", O_CREAT | O_RDWR, 0600)`},
	"shm_unlink":                       {`shm_unlink("/m")`},
	"socket":                           {`socket(AF_INET, SOCK_STREAM, 0)`},
	"socketpair":                       {`socketpair(AF_UNIX, SOCK_STREAM, 0, pair)`},
	"system":                           {`system("true")`},
	"vfork":                            {`vfork()`},
	"getcontext":                       {`getcontext(&context)`},
	"makecontext":                      {`(makecontext(&context, 0, 0), -1)`},
	"setcontext":                       {`setcontext(&context)`},
	"swapcontext":                      {`swapcontext(&context, &context)`},
	"msgctl":                           {`msgctl(1, IPC_RMID, 0)`},
	"msgget":                           {`msgget(IPC_PRIVATE, 0600)`},
	"msgrcv":                           {`msgrcv(1, page, 1, 0, IPC_NOWAIT)`},
	"msgsnd":                           {`msgsnd(1, page, 1, 0)`},
	"semctl":                           {`semctl(1, 0, IPC_RMID)`},
	"semget":                           {`semget(IPC_PRIVATE, 1, 0600)`},
	"semop":                            {`semop(1, &operation, 1)`},
	"semtimedop":                       {`semtimedop(1, &operation, 1, 0)`},
	"shmat":                            {`shmat(1, 0, 0)`, "(void *)-1"},
	"shmctl":                           {`shmctl(1, IPC_RMID, 0)`},
	"shmdt":                            {`shmdt(page)`},
	"shmget":                           {`shmget(IPC_PRIVATE, 4096, 0600)`},
	"brk":                              {`brk(page)`},
	"chroot":                           {`chroot(".")`},
	"daemon":                           {`daemon(1, 1)`},
	"clone":                            {`clone(0, page, 0, 0)`},
	"epoll_create":                     {`epoll_create(1)`},
	"epoll_create1":                    {`epoll_create1(0)`},
	"epoll_ctl":                        {`epoll_ctl(1, EPOLL_CTL_ADD, 0, &event)`},
	"epoll_pwait":                      {`epoll_pwait(1, &event, 1, 0, 0)`},
	"epoll_wait":                       {`epoll_wait(1, &event, 1, 0)`},
	"eventfd":                          {`eventfd(0, 0)`},
	"fgetxattr":                        {`fgetxattr(0, "user.x", page, 1)`},
	"flistxattr":                       {`flistxattr(0, page, 1)`},
	"fremovexattr":                     {`fremovexattr(0, "user.x")`},
	"fsetxattr":                        {`fsetxattr(0, "user.x", page, 1, 0)`},
	"getifaddrs":                       {`getifaddrs(&interfaces)`},
	"getxattr":                         {`getxattr(".", "user.x", page, 1)`},
	"if_indextoname":                   {`if_indextoname(1, page)`, "0"},
	"if_nameindex":                     {`if_nameindex()`, "0"},
	"if_nametoindex":                   {`if_nametoindex("lo")`, "0"},
	"inotify_add_watch":                {`inotify_add_watch(1, ".", IN_MODIFY)`},
	"inotify_init":                     {`inotify_init()`},
	"inotify_init1":                    {`inotify_init1(0)`},
	"inotify_rm_watch":                 {`inotify_rm_watch(1, 1)`},
	"lgetxattr":                        {`lgetxattr(".", "user.x", page, 1)`},
	"listxattr":                        {`listxattr(".", page, 1)`},
	"llistxattr":                       {`llistxattr(".", page, 1)`},
	"lremovexattr":                     {`lremovexattr(".", "user.x")`},
	"lsetxattr":                        {`lsetxattr(".", "user.x", page, 1, 0)`},
	"mq_open":                          {`mq_open("/q", O_CREAT | O_RDWR, 0600, 0)`},
	"mq_unlink":                        {`mq_unlink("/q")`},
	"personality":                      {`personality(0)`},
	"pthread_cancel":                   {`pthread_cancel(pthread_self())`, "ENOSYS"},
	"ptrace":                           {`ptrace(PTRACE_TRACEME, 0, 0, 0)`},
	"register_printf_function":         {`register_printf_function('Y', 0, 0)`},
	"register_printf_modifier":         {`register_printf_modifier(L"Y")`},
	"register_printf_specifier":        {`register_printf_specifier('Y', 0, 0)`},
	"register_printf_type":             {`register_printf_type(0)`},
	"removexattr":                      {`removexattr(".", "user.x")`},
	"setxattr":                         {`setxattr(".", "user.x", page, 1, 0)`},
	"signalfd":                         {`signalfd(-1, &signals, 0)`},
	"timerfd_create":                   {`timerfd_create(CLOCK_MONOTONIC, 0)`},
	"timerfd_gettime":                  {`timerfd_gettime(1, &period)`},
	"timerfd_settime":                  {`timerfd_settime(1, 0, &period, 0)`},
	"unshare":                          {`unshare(0)`},
	"fexecve":                          {`fexecve(0, none, none)`},
	"posix_spawn":                      {`posix_spawn(&number, "/bin/true", 0, 0, none, none)`, "ENOSYS"},
	"posix_spawnp":                     {`posix_spawnp(&number, "true", 0, 0, none, none)`, "ENOSYS"},
	"sethostname":                      {`sethostname("name", 4)`},
	"settimeofday":                     {`settimeofday(&now, 0)`},
}

const failingProgram = `#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <mqueue.h>
#include <net/if.h>
#include <netdb.h>
#include <printf.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/xattr.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#define CALL(name, call, failure) \
	errno = 0; \
	printf("%s: %s %d\n", name, (call) == failure ? "failed" : "succeeded", errno);
static char page[65536], *none[2];
int main(void)
{
	struct addrinfo *found;
	pthread_attr_t attributes;
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_mutexattr_t kind;
	double averages[3];
	ucontext_t context;
	struct timeval now = { 0 };
	struct sembuf operation = { 0 };
	struct epoll_event event = { 0 };
	struct hostent host, *entry;
	struct ifaddrs *interfaces;
	struct itimerspec period = { 0 };
	pthread_t thread;
	sigset_t signals;
	int number, pair[2];
	void *at;
	size_t size;
	sigemptyset(&signals);
	pthread_attr_init(&attributes);
	pthread_mutexattr_init(&kind);
`

// TestAlwaysFailing: each of these functions is named when it is linked, and fails as the list says when it is called.
func TestAlwaysFailing(t *testing.T) {
	bin := launcher(t)
	l := newLab(t)
	var program, names, want strings.Builder
	program.WriteString(failingProgram)
	var errnos []string
	for i, f := range alwaysFailing() {
		call, there := failingCalls[f.name]
		if !there {
			t.Fatalf("no call of %s to try", f.name)
		}
		failure := call[1]
		if failure == "" {
			failure = "-1"
		}
		fmt.Fprintf(&program, "\tCALL(%q, %s, %s)\n", f.name, call[0], failure)
		errnos = append(errnos, f.how)
		if i > 0 {
			names.WriteString(", ")
		}
		names.WriteString(f.name)
	}
	if len(failingCalls) != len(errnos) {
		t.Errorf("%d calls of %d functions", len(failingCalls), len(errnos))
	}
	program.WriteString("\treturn 0;\n}\n")
	l.write("all.c", program.String())
	note := "faasmrun cc: all.wasm uses " + names.String() + ": these always fail here (docs/unsupported.md)\n"
	if _, _, stderr := l.try("cc", "all.c", "-w", "-o", "all.wasm"); stderr != note {
		t.Errorf("linking said %q", stderr)
	}
	status, stdout, stderr := execute(t, bin, "./all.wasm")
	for _, f := range alwaysFailing() {
		// What the program says of errno is a number of WASI's.
		number := map[string]string{"ENOSYS": "52", "EPERM": "63", "EAFNOSUPPORT": "5", "ENOMEM": "48", "EINVAL": "28",
			"ENOTSUP": "58", "ENODEV": "43", "ENOENT": "44", "ENXIO": "60"}[f.how]
		if failingCalls[f.name][1] == f.how { // it returns the number, and leaves errno alone
			number = "0"
		}
		if number == "" {
			number = "0"
		}
		fmt.Fprintf(&want, "%s: failed %s\n", f.name, number)
	}
	if status != 0 || stdout != want.String() {
		t.Errorf("status %d, %s\n%s\nwant\n%s", status, stdout, stderr, want.String())
	}
}

// TestFailingNote: what nothing calls is not named, nor what the program brings itself; a probe is told nothing.
func TestFailingNote(t *testing.T) {
	l := newLab(t)
	l.write("one.c", `#include <unistd.h>
int main(void) { return fork() == 0; }
`)
	l.write("none.c", `#include <stdlib.h>
int never(void) { return system("true"); }
int main(void) { return 0; }
`)
	l.write("own.c", `int fork(void) { return 7; }
int main(void) { return fork(); }
`)
	l.write("conftest.c", `#include <unistd.h>
int main(void) { return fork() == 0; }
`)
	const note = ": this always fails here (docs/unsupported.md)\n"
	var maps []string
	for i := range 4 {
		maps = append(maps, filepath.Join(t.TempDir(), fmt.Sprint("map", i)))
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"one.c", "-o", "x.wasm"}, "faasmrun cc: x.wasm uses fork" + note},
		{[]string{"one.c", "-s", "-O2"}, "faasmrun cc: a.out uses fork" + note},
		{[]string{"-c", "one.c"}, ""},
		{[]string{"none.c"}, ""},
		{[]string{"own.c"}, ""},
		{[]string{"conftest.c", "-o", "conftest"}, ""},
		{[]string{"one.c", "-Wl,-Map=" + maps[0]}, "faasmrun cc: a.out uses fork" + note},
		{[]string{"one.c", "-Wl,-Map," + maps[1], "-o", "y"}, "faasmrun cc: y uses fork" + note},
		{[]string{"one.c", "-Xlinker", "--Map=" + maps[2]}, "faasmrun cc: a.out uses fork" + note},
		{[]string{"own.c", "-r", "-o", "own.o", "-Wl,-Map=" + maps[3]}, ""},
	} {
		if status, _, stderr := l.try("cc", c.args...); status != 0 || stderr != c.want {
			t.Errorf("%q: status %d, %q", c.args, status, stderr)
		}
	}
	for _, name := range maps {
		if text, err := os.ReadFile(name); err != nil || !strings.Contains(string(text), "main") {
			t.Errorf("%v, the linker's map %q", err, text)
		}
	}
	if status, stdout, stderr := l.try("cc", "one.c", "-Wl,--print-map"); status != 0 ||
		!strings.Contains(stdout, "):(fork)") || !strings.Contains(stderr, "uses fork") {
		t.Errorf("a map on the standard output: status %d, %q, %q", status, stdout, stderr)
	}
}
