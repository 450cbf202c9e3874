package toolchain

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAsGlibc runs programs that print what glibc and g++ on x86-64 give: the file beside each is its output there.
func TestAsGlibc(t *testing.T) {
	bin := launcher(t)
	data, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"random.c", "values.c", "walk.c", "argp.c", "extras.c", "vectors.c", "fts.c", "tr1.cc"} {
		name, suffix, _ := strings.Cut(file, ".")
		t.Run(name, func(t *testing.T) {
			source := filepath.Join(data, file)
			want, err := os.ReadFile(filepath.Join(data, name+".out"))
			if err != nil {
				t.Fatal(err)
			}
			l := newLab(t)
			l.ok(map[string]string{"c": "cc", "cc": "c++"}[suffix], "-O2", "-Wall", "-Wextra", "-Werror", source)
			status, stdout, stderr := execute(t, bin, "./a.out")
			if status != 0 || stdout != string(want) {
				t.Errorf("status %d\n%s%s", status, difference(stdout, string(want)), stderr)
			}
			if got := native(t, source); got != string(want) {
				t.Errorf("natively:\n%s", difference(got, string(want)))
			}
		})
	}
}

// difference shows the lines in which two outputs differ.
func difference(got, want string) string {
	var b strings.Builder
	a, c := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(a), len(c)) {
		var left, right string
		if i < len(a) {
			left = a[i]
		}
		if i < len(c) {
			right = c[i]
		}
		if left != right {
			b.WriteString("got  " + left + "\nwant " + right + "\n")
		}
	}
	return b.String()
}

// TestHeaders compiles each header by itself, in the oldest and the newest C and C++ that programs ask for.
func TestHeaders(t *testing.T) {
	headers := strings.Fields(`aio.h argp.h argz.h arpa/inet.h dirent.h dlfcn.h elf.h envz.h err.h errno.h error.h fcntl.h fenv.h
		fpu_control.h fts.h ftw.h glob.h grp.h ieee754.h ifaddrs.h mntent.h mqueue.h net/if.h netdb.h printf.h search.h sched.h
		sys/auxv.h sys/epoll.h sys/eventfd.h sys/inotify.h sys/mman.h sys/personality.h sys/ptrace.h sys/signalfd.h sys/stat.h
		sys/timerfd.h sys/wait.h sys/xattr.h ulimit.h wchar.h wordexp.h pthread.h
		 libintl.h limits.h
		linux/limits.h math.h obstack.h paths.h poll.h pwd.h signal.h spawn.h stdio.h stdlib.h string.h sys/ioctl.h sys/ipc.h
		sys/msg.h sys/prctl.h sys/queue.h sys/random.h sys/resource.h sys/sem.h sys/sendfile.h sys/shm.h sys/socket.h sys/syscall.h
		sys/syslog.h sys/sysmacros.h sys/termios.h sys/time.h sys/types.h sys/ucontext.h sys/unistd.h termios.h time.h ucontext.h
		unistd.h`)
	l := newLab(t)
	tr1 := strings.Fields(`array ccomplex cctype cfenv cfloat cinttypes climits cmath complex cstdarg cstdbool cstdint cstdio
		cstdlib ctgmath ctime cwchar cwctype functional math.h memory random regex tuple type_traits unordered_map
		unordered_set utility`)
	var std []string // which take longest to compile: each by itself in the older C++ alone
	for _, header := range tr1 {
		std = append(std, "tr1/"+header)
	}
	for _, c := range []struct {
		standard, compiler, suffix string
		alone, together            []string
	}{
		{"c99", "cc", ".c", headers, nil},
		{"gnu17", "cc", ".c", nil, headers},
		{"c++98", "c++", ".cc", std, headers},
		{"c++20", "c++", ".cc", headers, append(std, "bits/stdc++.h")},
	} {
		args := []string{"-fsyntax-only", "-std=" + c.standard, "-Wall", "-Wextra", "-Werror"}
		compile := func(name string, headers ...string) {
			text := ""
			for _, header := range headers {
				text += "#include <" + header + ">\n#include <" + header + ">\n"
			}
			l.write(name+c.suffix, text+"int main(void) { return 0; }\n")
			args = append(args, name+c.suffix)
		}
		for _, header := range c.alone {
			compile(strings.NewReplacer("/", "_", ".", "_").Replace(header), header)
		}
		compile("together", c.together...)
		l.ok(c.compiler, args...)
	}
}

// TestSocketNames compiles what programs take for granted of sockets: both names of each family, types, flags and
// options, no two alike where a switch tells them apart, and ancillary data, which is walked as anywhere.
func TestSocketNames(t *testing.T) {
	bin := launcher(t)
	l := newLab(t)
	cases := func(names string) string {
		var b strings.Builder
		b.WriteString("switch (x) { ")
		for _, name := range strings.Fields(names) {
			b.WriteString("case " + name + ": ")
		}
		b.WriteString("x++; }\n")
		return b.String()
	}
	source := "#include <sys/socket.h>\n#include <netinet/in.h>\n#include <sys/un.h>\n#include <string.h>\n" +
		"int known(int x)\n{\n" +
		cases("AF_UNSPEC AF_LOCAL AF_INET AF_INET6 AF_NETLINK AF_PACKET AF_BLUETOOTH AF_ALG AF_VSOCK AF_MAX") +
		cases("PF_UNSPEC PF_UNIX PF_INET PF_INET6 PF_NETLINK PF_PACKET PF_BLUETOOTH PF_ALG PF_VSOCK PF_MAX") +
		cases("SOCK_STREAM SOCK_DGRAM SOCK_RAW SOCK_RDM SOCK_SEQPACKET SOCK_DCCP SOCK_PACKET") +
		cases(`MSG_PEEK MSG_WAITALL MSG_DONTROUTE MSG_CTRUNC MSG_DONTWAIT MSG_EOR MSG_OOB MSG_ERRQUEUE MSG_NOSIGNAL MSG_MORE
			MSG_CMSG_CLOEXEC`) +
		cases(`SO_DEBUG SO_REUSEADDR SO_TYPE SO_ERROR SO_BROADCAST SO_SNDBUF SO_RCVBUF SO_KEEPALIVE SO_OOBINLINE SO_PRIORITY
			SO_LINGER SO_REUSEPORT SO_PASSCRED SO_PEERCRED SO_RCVTIMEO SO_SNDTIMEO SO_BINDTODEVICE SO_TIMESTAMP SO_DOMAIN`) +
		cases("SOL_SOCKET SOL_IP SOL_IPV6 SOL_RAW SOL_PACKET SOL_NETLINK") +
		`	return x;
}
_Static_assert(PF_INET == AF_INET && PF_INET6 == AF_INET6 && PF_LOCAL == AF_UNIX && AF_FILE == PF_FILE, "one family");
int main(void)
{
	_Alignas(8) char control[2 * CMSG_SPACE(sizeof(int))] = {0};
	struct msghdr message = {.msg_control = control, .msg_controllen = sizeof control};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	int n = 0;
	for (; c; n++) {
		if (n < 2) {
			c->cmsg_level = SOL_SOCKET;
			c->cmsg_type = SCM_RIGHTS;
			c->cmsg_len = CMSG_LEN(sizeof(int));
			memcpy(CMSG_DATA(c), &n, sizeof n);
		}
		c = CMSG_NXTHDR(&message, c);
	}
	return n == 2 && sockatmark(0) == -1 ? known(-1) + 1 : 1;
}
`
	l.write("sockets.c", source)
	l.ok("cc", "-Wall", "-Werror", "-o", "sockets.wasm", "sockets.c")
	if status, stdout, stderr := execute(t, bin, "./sockets.wasm"); status != 0 {
		t.Errorf("status %d\n%s%s", status, stdout, stderr)
	}
}
