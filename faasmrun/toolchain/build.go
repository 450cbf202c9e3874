package toolchain

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Names of the target in paths: as wasi-libc's makefile and we call it, below a sysroot.
const (
	multiarch = "wasm64-wasi"
	libDir    = "lib/" + multiarch
)

// patch is one change to a source file: old must be there, exactly once unless all.
type patch struct {
	file, old, new string
	all            bool
}

// createMode declares the call that says with which mode the next file or directory is made.
const createMode = `__attribute__((import_module("faasmrun"), import_name("create_mode"))) void __faasmrun_create_mode(int mode);
`

// libcPatches make wasi-libc of 2022 build with threads. Its locks become ours (overlay/libc), which malloc takes only
// once there are threads (four atomic instructions are most of what a malloc and a free cost), and what its makefile or
// an
// #error keeps out of a threaded build goes in.
var libcPatches = []patch{
	// Pointers and long have 64 bits: what WASI's header asserts, and what musl says of itself.
	{file: wasiHeader, old: "#ifndef __wasm32__", new: "#ifndef __wasm64__"},
	{file: wasiHeader, old: "_Static_assert(_Alignof(void*) == 4,", new: "_Static_assert(_Alignof(void*) == 8,"},
	{file: wasiHeader, old: "(__wasi_size_t) == 4,", new: "(__wasi_size_t) == 8,", all: true},
	{file: wasiHeader, old: "sizeof(__wasi_iovec_t) == 8,", new: "sizeof(__wasi_iovec_t) == 16,"},
	{file: wasiHeader, old: "_Alignof(__wasi_iovec_t) == 4,", new: "_Alignof(__wasi_iovec_t) == 8,"},
	{file: wasiHeader, old: "offsetof(__wasi_iovec_t, buf_len) == 4,", new: "offsetof(__wasi_iovec_t, buf_len) == 8,"},
	{file: wasiHeader, old: "sizeof(__wasi_ciovec_t) == 8,", new: "sizeof(__wasi_ciovec_t) == 16,"},
	{file: wasiHeader, old: "_Alignof(__wasi_ciovec_t) == 4,", new: "_Alignof(__wasi_ciovec_t) == 8,"},
	{file: wasiHeader, old: "offsetof(__wasi_ciovec_t, buf_len) == 4,", new: "offsetof(__wasi_ciovec_t, buf_len) == 8,"},
	{file: wasiHeader, old: "(__wasi_prestat_dir_t) == 4,", new: "(__wasi_prestat_dir_t) == 8,", all: true},
	{file: wasiHeader, old: "sizeof(__wasi_prestat_t) == 8,", new: "sizeof(__wasi_prestat_t) == 16,"},
	{file: wasiHeader, old: "_Alignof(__wasi_prestat_t) == 4,", new: "_Alignof(__wasi_prestat_t) == 8,"},
	{file: muslArch + "bits/posix.h", old: "ILP32_OFFBIG", new: "LP64_OFF64", all: true},
	{file: muslArch + "bits/stdint.h", old: `#define INTPTR_MIN      INT32_MIN
#define INTPTR_MAX      INT32_MAX
#define UINTPTR_MAX     UINT32_MAX
#define PTRDIFF_MIN     INT32_MIN
#define PTRDIFF_MAX     INT32_MAX
#define SIZE_MAX        UINT32_MAX`, new: `#define INTPTR_MIN      INT64_MIN
#define INTPTR_MAX      INT64_MAX
#define UINTPTR_MAX     UINT64_MAX
#define PTRDIFF_MIN     INT64_MIN
#define PTRDIFF_MAX     INT64_MAX
#define SIZE_MAX        UINT64_MAX`},
	// The fast types of 16 and 32 bits are long, as glibc's are: programs hash and count with them.
	{file: muslArch + "bits/stdint.h", old: `typedef int16_t int_fast16_t;
typedef int32_t int_fast32_t;
typedef uint16_t uint_fast16_t;
typedef uint32_t uint_fast32_t;

#define INT_FAST16_MIN  INT16_MIN
#define INT_FAST32_MIN  INT32_MIN

#define INT_FAST16_MAX  INT16_MAX
#define INT_FAST32_MAX  INT32_MAX

#define UINT_FAST16_MAX UINT16_MAX
#define UINT_FAST32_MAX UINT32_MAX
`, new: `typedef int64_t int_fast16_t;
typedef int64_t int_fast32_t;
typedef uint64_t uint_fast16_t;
typedef uint64_t uint_fast32_t;

#define INT_FAST16_MIN  INT64_MIN
#define INT_FAST32_MIN  INT64_MIN

#define INT_FAST16_MAX  INT64_MAX
#define INT_FAST32_MAX  INT64_MAX

#define UINT_FAST16_MAX UINT64_MAX
#define UINT_FAST32_MAX UINT64_MAX
`},
	{file: muslInclude + "inttypes.h", old: "FAST16 \"", new: "FAST16 __PRI64 \"", all: true},
	{file: muslInclude + "inttypes.h", old: "FAST32 \"", new: "FAST32 __PRI64 \"", all: true},
	{file: muslArch + "reloc.h", old: "wasm32", new: "wasm64"},
	// int64_t and the types that are as wide are long, as on every 64-bit Linux: programs print them with %ld and overload
	// on it.
	{file: muslArch + "bits/alltypes.h.in", old: "#define _Int64 long long", new: "#define _Int64 long"},
	{file: muslArch + "bits/alltypes.h.in", old: "#define _Reg long long", new: "#define _Reg long"},
	// intmax_t and wint_t stay what clang takes %jd and %lc for, and the formats of int64_t are those of long.
	{file: muslTypes, old: "TYPEDEF signed _Int64   intmax_t;", new: "TYPEDEF long long intmax_t;"},
	{file: muslTypes, old: "TYPEDEF unsigned _Int64 uintmax_t;", new: "TYPEDEF unsigned long long uintmax_t;"},
	{file: muslInclude + "stdint.h",
		old: "#define INTMAX_MIN  INT64_MIN\n#define INTMAX_MAX  INT64_MAX\n#define UINTMAX_MAX UINT64_MAX",
		new: "#define INTMAX_MIN  (-1-0x7fffffffffffffffLL)\n#define INTMAX_MAX  0x7fffffffffffffffLL\n#define UINTMAX_MAX " +
			"0xffffffffffffffffULL"},
	{file: muslInclude + "stdint.h", old: "#define INTMAX_C(c)  c ## L\n#define UINTMAX_C(c) c ## UL\n",
		new: "#define INTMAX_C(c)  c ## LL\n#define UINTMAX_C(c) c ## ULL\n"},
	{file: muslInclude + "inttypes.h", old: "#ifdef __wasilibc_unmodified_upstream /* Use alternate WASI libc headers */",
		new: "#if 1"},
	{file: muslInclude + "inttypes.h", old: "MAX __PRI64", new: `MAX "j"`, all: true},
	{file: typedefs + "time_t.h", old: "long long", new: "long"},
	{file: typedefs + "ino_t.h", old: "long long", new: "long"},
	{file: typedefs + "off_t.h", old: "long long", new: "long"},
	{file: typedefs + "blkcnt_t.h", old: "long long", new: "long"},
	{file: typedefs + "nlink_t.h", old: "long long", new: "long"},
	{file: typedefs + "suseconds_t.h", old: "long long", new: "long"},
	{file: typedefs + "dev_t.h", old: "long long", new: "long"},
	{file: typedefs + "clock_t.h", old: "long long", new: "long"},
	{file: "dlmalloc/src/dlmalloc.c", old: "#define USE_LOCKS 1", new: `void __faasmrun_lock(volatile int *);
void __faasmrun_unlock(volatile int *);
int __faasmrun_trylock(volatile int *);
extern int __faasmrun_locks_needed;
#define USE_LOCKS 2
#define MLOCK_T int
#define INITIAL_LOCK(l) (*(l) = 0)
#define DESTROY_LOCK(l) (0)
#define ACQUIRE_LOCK(l) (__faasmrun_locks_needed ? (__faasmrun_lock(l), 0) : 0)
#define RELEASE_LOCK(l) (__faasmrun_locks_needed ? __faasmrun_unlock(l) : (void)0)
#define TRY_LOCK(l) (!__faasmrun_locks_needed || __faasmrun_trylock(l))
static MLOCK_T malloc_global_mutex = 0;`},
	{file: "libc-bottom-half/cloudlibc/src/libc/time/nanosleep.c", old: "if defined(_REENTRANT)", new: "if 0", all: true},
	{file: "libc-top-half/musl/src/prng/random.c", old: "#ifdef __wasilibc_unmodified_upstream", new: "#if 1 //",
		all: true},
	// What sysconf has no answer for, musl's table holds a code for, which is none.
	{file: "libc-top-half/musl/src/conf/sysconf.c", old: "__syscall(SYS_sched_getaffinity, 0, sizeof set, set)", new: "0"},
	{file: "libc-top-half/musl/src/conf/sysconf.c", old: "		// Rlimit is not supported on wasi.\n		[_SC_OPEN_MAX] = -1,",
		new: "		[_SC_OPEN_MAX] = 1024,"},
	{file: "libc-top-half/musl/src/conf/sysconf.c", old: "	case JT_ZERO & 255:", new: `	case JT_PHYS_PAGES & 255:
	case JT_AVPHYS_PAGES & 255: ;
		long __faasmrun_pages(int);
		return __faasmrun_pages(name == _SC_AVPHYS_PAGES);
	case JT_ZERO & 255:`},
	{file: "libc-top-half/musl/src/conf/sysconf.c", old: "	return values[name];\n}",
		new: "	return values[name] < -1 ? -1 : values[name];\n}"},
	// Zones of time, whose rules are in TZ or in a file that the program sees.
	{file: "libc-top-half/musl/src/time/__tz.c", old: `#ifdef __wasilibc_unmodified_upstream // timezone data
#include <sys/mman.h>
#endif`, new: `#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#define index zone_index
static unsigned char *__map_file(const char *path, size_t *size)
{
	struct stat st;
	unsigned char *data = 0;
	int fd = open(path, O_RDONLY);
	if (fd < 0) return 0;
	if (!fstat(fd, &st) && st.st_size > 0 && st.st_size < 1<<20 && (data = malloc(st.st_size)) && read(fd, data, st.st_size) != st.st_size) {
		free(data);
		data = 0;
	}
	close(fd);
	*size = st.st_size;
	return data;
}
static void __munmap(void *at, size_t size) { free(at); }`},
	{file: "libc-top-half/musl/src/time/__tz.c",
		old: "#define malloc __libc_malloc\n#define calloc undef\n#define realloc undef\n#define free undef\n", new: ""},
	{file: "libc-top-half/musl/src/time/__tz.c", old: "#ifdef __wasilibc_unmodified_upstream // timezone data",
		new: "#if 1 // timezone data", all: true},
	{file: "libc-top-half/musl/src/time/__tz.c", old: "!libc.secure || !strcmp(s, \"/etc/localtime\")", new: "1"},
	// tm_gmtoff is a long.
	{file: "libc-bottom-half/headers/public/__struct_tm.h", old: "int __tm_gmtoff;", new: "long __tm_gmtoff;"},
	{file: "libc-top-half/musl/src/time/time_impl.h", old: "#ifdef __wasilibc_unmodified_upstream // type of",
		new: "#if 1 //"},
	{file: "libc-top-half/musl/src/time/strftime.c", old: "#ifdef __wasilibc_unmodified_upstream // wasi-libc's __tm",
		new: "#if 1 //"},
	// clock counts microseconds (overlay/compat): POSIX says so, and programs divide by 1000000.
	{file: "libc-bottom-half/headers/public/__header_time.h", old: "((clock_t)1000000000)", new: "((clock_t)1000000)"},
	{file: "libc-bottom-half/clocks/clock.c", old: "CLOCKS_PER_SEC == NSEC_PER_SEC", new: "1"},
	{file: "libc-bottom-half/clocks/times.c", old: "CLOCKS_PER_SEC == NSEC_PER_SEC", new: "1"},
	// Programs read lines into BUFSIZ bytes.
	{file: muslInclude + "stdio.h", old: "#define BUFSIZ 1024", new: "#define BUFSIZ 8192"},
	// fcntl can duplicate a descriptor, and files are made with the mode that was asked for (overlay/compat).
	{file: "libc-bottom-half/cloudlibc/src/libc/fcntl/fcntl.c", old: "  switch (cmd) {\n    case F_GETFD:", new: `  switch (cmd) {
    case 0: // F_DUPFD
    case 1030: { // F_DUPFD_CLOEXEC
      int __faasmrun_dupfd(int, int);
      va_list ap;
      va_start(ap, cmd);
      int least = va_arg(ap, int);
      va_end(ap);
      return __faasmrun_dupfd(fildes, least);
    }
    case 5: // F_GETLK, F_SETLK, F_SETLKW
    case 6:
    case 7:
    case 36: // F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW
    case 37:
    case 38: {
      int __faasmrun_lock_record(int, int, void *);
      va_list ap;
      va_start(ap, cmd);
      void *record = va_arg(ap, void *);
      va_end(ap);
      return __faasmrun_lock_record(fildes, cmd, record);
    }
    case F_GETFD:`},
	{file: "libc-bottom-half/cloudlibc/src/libc/sys/ioctl/ioctl.c",
		old: "      // Invalid request.\n      errno = EINVAL;", new: "      errno = ENOTTY;"},
	{file: "libc-bottom-half/sources/posix.c", old: "    return __wasilibc_open_nomode(path, oflag);", new: `    if (oflag & O_CREAT) {
        va_list ap;
        va_start(ap, oflag);
        __faasmrun_create_mode(va_arg(ap, int));
        va_end(ap);
    }
    return __wasilibc_open_nomode(path, oflag);`},
	{file: "libc-bottom-half/sources/at_fdcwd.c", old: `    if (dirfd == AT_FDCWD || pathname[0] == '/') {
        return open(pathname, flags);
    }
`, new: `    if (flags & O_CREAT) {
        va_list ap;
        va_start(ap, flags);
        __faasmrun_create_mode(va_arg(ap, int));
        va_end(ap);
    }
    if (dirfd == AT_FDCWD || pathname[0] == '/') {
        return __wasilibc_open_nomode(pathname, flags);
    }
`},
	{file: "libc-bottom-half/sources/at_fdcwd.c", old: "    return __wasilibc_nocwd_mkdirat_nomode(dirfd, pathname);",
		new: "    __faasmrun_create_mode(mode);\n    return __wasilibc_nocwd_mkdirat_nomode(dirfd, pathname);"},
	{file: "libc-bottom-half/sources/at_fdcwd.c", old: "#include <wasi/libc-nocwd.h>\n",
		new: "#include <wasi/libc-nocwd.h>\n#include <stdarg.h>\n" + createMode},
	{file: "libc-bottom-half/sources/posix.c", old: "#include <wasi/libc-nocwd.h>\n",
		new: "#include <wasi/libc-nocwd.h>\n#include <stdarg.h>\n" + createMode},
	{file: "libc-bottom-half/sources/posix.c", old: "    return __wasilibc_nocwd_mkdirat_nomode(dirfd, relative_path);",
		new: "    __faasmrun_create_mode(mode);\n    return __wasilibc_nocwd_mkdirat_nomode(dirfd, relative_path);"},
	// Two functions that are there after all (overlay/compat/files.c).
	{file: "libc-top-half/musl/include/stdio.h", old: `__attribute__((__deprecated__("tmpnam is not defined on WASI")))`,
		new: ""},
	{file: "libc-top-half/musl/include/stdio.h", old: `__attribute__((__deprecated__("tmpfile is not defined on WASI")))`,
		new: ""},
	// An empty path is no name of the current directory: chdir(""), stat("") and all others say ENOENT.
	// The working directory is what the host calls it, and every relative name is one in it.
	{file: "libc-bottom-half/headers/public/wasi/libc-find-relpath.h", old: ") __attribute__((weak));", new: ");"},
	{file: "libc-bottom-half/sources/preopens.c", old: "    return;\noserr:", new: `    extern char *__wasilibc_cwd;
    __wasi_fd_t cwd = __faasmrun_cwd();
    for (size_t i = 0; i < num_preopens; ++i) {
        if (preopens[i].fd == cwd && preopens[i].prefix[0]) {
            char *name = malloc(strlen(preopens[i].prefix) + 2);
            if (name == NULL)
                goto software;
            name[0] = '/';
            strcpy(name + 1, preopens[i].prefix);
            __wasilibc_cwd = name;
        }
    }
    return;
oserr:`},
	{file: "libc-bottom-half/sources/preopens.c", old: "/// A name and file descriptor pair.",
		new: `__attribute__((import_module("faasmrun"), import_name("cwd"))) int __faasmrun_cwd(void);

/// A name and file descriptor pair.`},
	{file: "libc-bottom-half/sources/preopens.c", old: "    if (__wasilibc_find_relpath_alloc)\n        return", new: `    if (path[0] == 0) {
        errno = ENOENT;
        return -1;
    }
    if (__wasilibc_find_relpath_alloc)
        return`},
	{file: "libc-bottom-half/sources/chdir.c", old: "    const char *abspath = make_absolute(path);", new: `    if (path[0] == 0) {
        errno = ENOENT;
        return -1;
    }
    const char *abspath = make_absolute(path);`},
	// A path outside of what the program may see does not exist for it.
	{file: "libc-bottom-half/sources/posix.c", old: "errno = ENOTCAPABLE;", new: "errno = ENOENT;", all: true},
	// WASI tells no modes; ours do, where WASI has padding. All of them missing would say that nothing may be read.
	{file: "libc-bottom-half/cloudlibc/src/libc/sys/stat/stat_impl.h", old: "out->st_mode |= S_IFDIR;",
		new: "out->st_mode |= S_IFDIR | 0755;"},
	{file: "libc-bottom-half/cloudlibc/src/libc/sys/stat/stat_impl.h", old: "out->st_mode |= S_IFREG;",
		new: "out->st_mode |= S_IFREG | 0644;"},
	{file: "libc-bottom-half/cloudlibc/src/libc/sys/stat/stat_impl.h", old: "out->st_mode |= S_IFCHR;",
		new: "out->st_mode |= S_IFCHR | 0620;"},
	{file: "libc-bottom-half/cloudlibc/src/libc/sys/stat/stat_impl.h", old: "out->st_mode |= S_IFLNK;",
		new: "out->st_mode |= S_IFLNK | 0777;"},
	{file: "libc-bottom-half/cloudlibc/src/libc/sys/stat/stat_impl.h", old: `      out->st_mode |= S_IFLNK | 0777;
      break;
  }`, new: `      out->st_mode |= S_IFLNK | 0777;
      break;
  }
  unsigned short mode;
  __builtin_memcpy(&mode, (const char *)in + 18, sizeof mode);
  if (mode & 0x8000)
    out->st_mode = (out->st_mode & ~07777) | (mode & 07777);`},
	// The current directory has one name, without dots and links, and none when it is removed.
	{file: "libc-bottom-half/sources/getcwd.c", old: "{\n    if (!buf) {", new: `{
    struct stat st;
    if (__wasilibc_cwd[1] && stat(__wasilibc_cwd, &st)) {
        errno = ENOENT;
        return NULL;
    }
    if (buf && size == 0) {
        errno = EINVAL;
        return NULL;
    }
    if (!buf) {`},
	{file: "libc-bottom-half/sources/getcwd.c", old: "#include <string.h>",
		new: "#include <string.h>\n#include <sys/stat.h>"},
	{file: "libc-bottom-half/sources/chdir.c", old: "    // Find a preopen'd directory as well", new: `    char *__faasmrun_realpath(const char *);
    char *resolved = __faasmrun_realpath(path);
    struct stat there;
    if (!resolved || stat(resolved, &there) || !S_ISDIR(there.st_mode)) {
        if (resolved)
            errno = ENOTDIR;
        free(resolved);
        return -1;
    }
    if (__wasilibc_cwd_mallocd)
        free(__wasilibc_cwd);
    __wasilibc_cwd = resolved;
    __wasilibc_cwd_mallocd = 1;
    return 0;
}

#if 0
    // Find a preopen'd directory as well`},
	{file: "libc-bottom-half/sources/chdir.c", old: "static const char *make_absolute",
		new: "#endif\nstatic const char *make_absolute"},
	// errno is what its address's function says, as in glibc: C++98 knows no thread_local, and programs declare
	// "extern int errno;" after errno.h. The name itself stays the program's.
	{file: "libc-bottom-half/headers/public/__errno.h", old: `#ifdef __cplusplus
extern thread_local int errno;
#else
extern _Thread_local int errno;
#endif

#define errno errno
`, new: `int *__errno_location(void) __attribute__((__const__, __nothrow__));
#define errno (*__errno_location())
`},
	{file: "libc-bottom-half/cloudlibc/src/libc/errno/errno.c", old: "thread_local int errno = 0;",
		new: `static thread_local int value;

int *__errno_location(void)
{
	return &value;
}`},
	// access says what the program may do with the file, by bits that the host adds, not what it might with the directory.
	{file: "libc-bottom-half/cloudlibc/src/libc/unistd/faccessat.c",
		old: "lookup_flags = __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW;",
		new: "lookup_flags = __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW | (amode ? 2 : 0);"},
	{file: "libc-bottom-half/cloudlibc/src/libc/unistd/faccessat.c",
		old: "  // Test whether the requested access rights are present", new: `  unsigned char access = ((const unsigned char *)&file)[20];
  if (access & 8) {
    if (amode & W_OK && access & 16) {
      errno = EROFS;
      return -1;
    }
    if (amode & ~access) {
      errno = EACCES;
      return -1;
    }
    return 0;
  }

  // Test whether the requested access rights are present`},
	// What was written to a shared mapping reaches its file, however the program ends by itself (overlay/compat/mman.c).
	{file: "libc-bottom-half/cloudlibc/src/libc/stdlib/_Exit.c", old: "  __wasi_proc_exit(status);", new: `  void __faasmrun_write_back(void) __attribute__((weak));
  if (__faasmrun_write_back)
    __faasmrun_write_back();
  __wasi_proc_exit(status);`},
	// A directory's entry is glibc's, with room for its name, so that programs can copy it; so are the numbers of types.
	{file: "libc-bottom-half/headers/public/__struct_dirent.h", old: `    ino_t d_ino;
    unsigned char d_type;
    char d_name[];`, new: `    ino_t d_ino;
    off_t d_off;
    unsigned short d_reclen;
    unsigned char d_type;
    char d_name[256];`},
	{file: "libc-bottom-half/headers/public/__struct_dirent.h", old: "#define _DIRENT_HAVE_D_TYPE",
		new: "#include <__typedef_off_t.h>\n\n" +
			"#define _DIRENT_HAVE_D_TYPE\n#define _DIRENT_HAVE_D_OFF\n#define _DIRENT_HAVE_D_RECLEN"},
	{file: directories, old: "DT_BLK __WASI_FILETYPE_BLOCK_DEVICE",
		new: "DT_FIFO 1\n#define DT_SOCK 12\n#define DT_WHT 14\n#define DT_BLK 6"},
	{file: directories, old: "DT_CHR __WASI_FILETYPE_CHARACTER_DEVICE", new: "DT_CHR 2"},
	{file: directories, old: "DT_DIR __WASI_FILETYPE_DIRECTORY", new: "DT_DIR 4"},
	{file: directories, old: "#define DT_FIFO __WASI_FILETYPE_SOCKET_STREAM\n", new: ""},
	{file: directories, old: "DT_LNK __WASI_FILETYPE_SYMBOLIC_LINK", new: "DT_LNK 10"},
	{file: directories, old: "DT_REG __WASI_FILETYPE_REGULAR_FILE", new: "DT_REG 8"},
	{file: directories, old: "DT_UNKNOWN __WASI_FILETYPE_UNKNOWN", new: "DT_UNKNOWN 0"},
	{file: directories, old: "(__wasilibc_iftodt(x))", new: "((x) >> 12 & 017)"},
	{file: directories, old: "(__wasilibc_dttoif(x))", new: "((x) << 12)"},
	{file: readDirectory + "dirent_impl.h", old: "struct dirent;", new: `struct dirent;

// By WASI's file type.
static const unsigned char __faasmrun_types[] = { 0, 6, 2, 4, 8, 12, 12, 10 };

#define FILL_DIRENT(dirent, entry) \
  (dirent)->d_off = (entry).d_next; \
  (dirent)->d_reclen = (offsetof(struct dirent, d_name) + (entry).d_namlen + 8) & ~7; \
  (dirent)->d_type = (entry).d_type < sizeof __faasmrun_types ? __faasmrun_types[(entry).d_type] : 0`},
	{file: readDirectory + "readdir.c", old: "static_assert(", new: "// ", all: true},
	{file: readDirectory + "readdir.c", old: "dirent->d_type = entry.d_type;", new: "FILL_DIRENT(dirent, entry);"},
	{file: readDirectory + "readdir.c", old: "offsetof(struct dirent, d_name) + entry.d_namlen + 1",
		new: "sizeof(struct dirent) + entry.d_namlen"},
	{file: readDirectory + "scandirat.c", old: "dirent->d_type = entry.d_type;", new: "FILL_DIRENT(dirent, entry);"},
	{file: readDirectory + "scandirat.c", old: "offsetof(struct dirent, d_name) + entry.d_namlen + 1",
		new: "sizeof(struct dirent) + entry.d_namlen"},
	{file: readDirectory + "scandirat.c", old: "  (qsort)(", new: "  if (compar)\n    (qsort)("},
	{file: "libc-bottom-half/headers/public/__mode_t.h", old: "#define S_IFIFO (0xc000)", new: "#define S_IFIFO (0x1000)"},
	// Addresses of sockets have glibc's sizes, and compile as C99.
	{file: addresses + ".h", old: "_Alignas(max_align_t) ", new: ""},
	{file: addresses + ".h", old: "char sa_data[0];", new: "char sa_data[14];"},
	{file: addresses + "_in.h", old: "_Alignas(max_align_t) sa_family_t sin_family;",
		new: "sa_family_t sin_family;"},
	{file: addresses + "_in.h", old: "struct in_addr sin_addr;",
		new: "struct in_addr sin_addr;\n    unsigned char sin_zero[8];"},
	{file: addresses + "_in6.h", old: "_Alignas(max_align_t) ", new: ""},
	{file: addresses + "_storage.h", old: "_Alignas(max_align_t) ", new: ""},
	{file: addresses + "_storage.h", old: "char __ss_data[32];",
		new: "char __ss_data[118];\n    unsigned long __ss_align;"},
	{file: addresses + "_un.h", old: "_Alignas(max_align_t) ", new: ""},
	// Clocks are numbers, as Linux counts them; WASI counts its own likewise.
	{file: typedefs + "clockid_t.h", old: "const struct __clockid *clockid_t", new: "int clockid_t"},
	{file: clocks, old: "(&_CLOCK_REALTIME)", new: "0"},
	{file: clocks, old: "(&_CLOCK_MONOTONIC)", new: "1"},
	{file: clocks, old: "(&_CLOCK_PROCESS_CPUTIME_ID)", new: "2"},
	{file: clocks, old: "(&_CLOCK_THREAD_CPUTIME_ID)", new: `3
#define CLOCK_MONOTONIC_RAW 4
#define CLOCK_REALTIME_COARSE 5
#define CLOCK_MONOTONIC_COARSE 6
#define CLOCK_BOOTTIME 7`},
	{file: "libc-bottom-half/cloudlibc/src/common/clock.h", old: "#endif",
		new: `static inline __wasi_clockid_t __faasmrun_clock(int clock) {
  return clock == 4 || clock == 6 || clock == 7 ? 1 : clock == 5 ? 0 : clock;
}

#endif`},
	{file: cloudTime + "clock_gettime.c", old: "clock_id->id", new: "__faasmrun_clock(clock_id)"},
	{file: cloudTime + "clock_getres.c", old: "clock_id->id", new: "__faasmrun_clock(clock_id)"},
	{file: cloudTime + "clock_getres.c", old: "  *res =", new: "  if (res)\n    *res ="},
	{file: cloudTime + "clock_nanosleep.c", old: "clock_id->id", new: "__faasmrun_clock(clock_id)"},
	// glibc's widths and limits of what programs declare, compare and overload on.
	{file: muslInclude + "signal.h", old: "typedef long sig_atomic_t;", new: "typedef int sig_atomic_t;"},
	{file: muslInclude + "sys/types.h", old: "long long quad_t", new: "long quad_t"},
	{file: muslInclude + "sys/types.h", old: "long long u_quad_t", new: "long u_quad_t"},
	{file: muslInclude + "limits.h", old: "#ifdef __wasilibc_unmodified_upstream /* WASI",
		new: "#if 1 /* WASI", all: true},
	{file: muslInclude + "limits.h", old: "#define LINE_MAX 4096", new: "#define LINE_MAX 2048"},
	{file: muslInclude + "limits.h", old: "#define NGROUPS_MAX 32", new: "#define NGROUPS_MAX 65536"},
	{file: muslInclude + "limits.h", old: "#define HOST_NAME_MAX 255", new: "#define HOST_NAME_MAX 64"},
	// open(name, 0) reads, as where O_RDONLY is 0.
	{file: "libc-bottom-half/cloudlibc/src/libc/fcntl/openat.c", old: "  switch (oflag & O_ACCMODE) {",
		new: "  if ((oflag & O_ACCMODE) == 0)\n    oflag |= O_RDONLY;\n  switch (oflag & O_ACCMODE) {"},
	// The program's name is known before its constructors run, where anything asks for it.
	{file: "libc-bottom-half/crt/crt1.c", old: "void _start(void) {", new: `void _start(void) {
    __attribute__((weak)) void __faasmrun_name_program(void);
    if (__faasmrun_name_program)
        __faasmrun_name_program();`},
	{file: "libc-top-half/musl/src/internal/libc.c", old: "#include \"libc.h\"", new: `#include "libc.h"
#include <stdlib.h>
#include <string.h>
#include <wasi/api.h>

extern char *__progname, *__progname_full;

void __faasmrun_name_program(void)
{
	size_t count, size;
	if (__progname || __wasi_args_sizes_get(&count, &size) || count == 0) return;
	char **args = calloc(count + 1, sizeof *args), *text = malloc(size);
	if (!args || !text || __wasi_args_get((uint8_t **)args, (uint8_t *)text)) return;
	char *slash = strrchr(args[0], '/');
	__progname_full = args[0];
	__progname = slash ? slash + 1 : args[0];
	free(args);
}`},
	// Without a variable the locale is C, as glibc's is, and C.UTF-8 has one name for all categories. A locale that is
	// asked for by name and that differs from C in more than its letters is not there; the user's own only lends its
	// name.
	{file: "libc-top-half/musl/src/locale/locale_map.c", old: "	if (!*val) {", new: "	int named = *val;\n	if (!*val) {"},
	{file: "libc-top-half/musl/src/locale/locale_map.c", old: `		|| !strcmp(val, "C.UTF-8")`,
		new: `		|| !strcmp(val, "C.UTF-8") || !strcmp(val, "C.utf8")`},
	{file: "libc-top-half/musl/src/locale/locale_map.c", old: "		if (!strcmp(val, p->name)) return p;\n", new: `		if (!strcmp(val, p->name)) return p;
	if (named && strcmp(val, "en_US.UTF-8") && strcmp(val, "en_US.utf8")) return LOC_MAP_FAILED;
`},
	{file: "libc-top-half/musl/src/locale/locale_map.c", old: `		(val = "C.UTF-8");`, new: `		(val = "C");`},
	{file: "libc-top-half/musl/src/locale/locale_map.c", old: "		if (cat == LC_CTYPE && val[1]=='.')",
		new: "		if (val[1]=='.')"},
	// Variables that are a thread's own end before the static ones (overlay/libc/threads.c).
	{file: "libc-top-half/musl/src/exit/exit.c", old: "weak_alias(dummy, __stdio_exit);", new: `weak_alias(dummy, __stdio_exit);
weak_alias(dummy, __faasmrun_end_thread_locals);`},
	{file: "libc-top-half/musl/src/exit/exit.c", old: "void __wasm_call_dtors(void)\n{", new: `void __wasm_call_dtors(void)
{
	__faasmrun_end_thread_locals();`},
	{file: "Makefile", old: "%/flockfile.c %/funlockfile.c %/__lockfile.c %/ftrylockfile.c", new: "%/none.c"},
	{file: "Makefile", old: `"setjmp.h" \`, new: `\`, all: true},
}

// Where the files are that are patched more than once.
const (
	wasiHeader  = "libc-bottom-half/headers/public/wasi/api.h"
	muslInclude = "libc-top-half/musl/include/"
	muslTypes   = muslInclude + "alltypes.h.in"
	typedefs    = "libc-bottom-half/headers/public/__typedef_"
	muslArch    = "libc-top-half/musl/arch/wasm32/" // wasi-libc has no other
	directories = "libc-bottom-half/headers/public/__header_dirent.h"
	clocks      = "libc-bottom-half/headers/public/__header_time.h"
	cloudTime   = "libc-bottom-half/cloudlibc/src/libc/time/"

	addresses     = "libc-bottom-half/headers/public/__struct_sockaddr"
	readDirectory = "libc-bottom-half/cloudlibc/src/libc/dirent/"
)

// abiPatches tell std::terminate which exception is on its way. Elsewhere that is known because a function that must
// not throw catches what comes (__clang_call_terminate); clang's code for WebAssembly only calls terminate, which would
// know neither the type nor what(). So exceptions that were raised and are not yet caught are kept in a list, through a
// field of the unwinder's header that is free here, and terminate catches the last one.
var abiPatches = []patch{
	{file: "src/cxa_exception.h", old: `    unsigned int        uncaughtExceptions;
`, new: `    unsigned int        uncaughtExceptions;
    _Unwind_Exception * raised;
`},
	{file: "src/cxa_exception.h", old: `__cxa_get_globals_fast ();
`, new: `__cxa_get_globals_fast ();

static inline void __faasmrun_raise(_Unwind_Exception *e) {
    __cxa_eh_globals *globals = __cxa_get_globals();
    e->private_1 = reinterpret_cast<uintptr_t>(globals->raised);
    globals->raised = e;
    _Unwind_RaiseException(e);
}
`},
	{file: "src/cxa_exception.cpp", old: "_Unwind_RaiseException(&", new: "__faasmrun_raise(&", all: true},
	{file: "src/cxa_exception.cpp", old: `        globals->uncaughtExceptions -= 1;`,
		new: `        if (globals->raised == unwind_exception)
            globals->raised = reinterpret_cast<_Unwind_Exception *>(unwind_exception->private_1);
        globals->uncaughtExceptions -= 1;`},
	{file: "src/cxa_handlers.cpp", old: `        __cxa_exception* exception_header = globals->caughtExceptions;`,
		new: `        if (globals->uncaughtExceptions > 0 && globals->raised)
            __cxa_begin_catch(globals->raised);
        __cxa_exception* exception_header = globals->caughtExceptions;`},
}

// cxxPatches make libc++'s headers as generous as libstdc++'s, where programs count on it.
var cxxPatches = []patch{
	// C's headers bring their C++ ones along: std::abs after math.h.
	{file: "include/math.h", old: `} // extern "C++"

#  endif // __cplusplus
`, new: `#    include <cmath>
} // extern "C++"

#  endif // __cplusplus
`},
	// abs of an unsigned number is C's, of an int: here the overloads for all the signed types would make it ambiguous. A
	// function of the program's own comes first, a template too.
	{file: "include/stdlib.h", old: `} // extern "C++"
#  endif   // __cplusplus
`, new: `
#    include <__type_traits/enable_if.h>
template <class _Tp, class... _None,
          std::__enable_if_t<__is_integral(_Tp) && __is_unsigned(_Tp) && sizeof(_Tp) >= sizeof(int) &&
                             sizeof...(_None) == 0, int> = 0>
_LIBCPP_NODISCARD inline _LIBCPP_HIDE_FROM_ABI int abs(_Tp __x, _None...) _NOEXCEPT {
  return __builtin_abs(static_cast<int>(__x));
}

#    include <cstdlib>
} // extern "C++"
#  endif   // __cplusplus
`},
	// What waits on an atomic has the library's width, also in a program that says it is for Linux.
	{file: "include/__atomic/contention_t.h", old: "defined(__linux__) || ", new: ""},
}

// withoutErrors are files that refuse a threaded build; what they do at start is done before any thread exists.
var withoutErrors = []string{"chdir", "getcwd", "preopens", "getentropy"}

// buildLibc builds wasi-libc by its own makefile.
func (b *builder) buildLibc(ctx context.Context) error {
	src := filepath.Join(b.work, "libc")
	if err := b.patchLibc(src); err != nil {
		return err
	}
	b.progress("building the C library", 0, 0)
	ar, err := hostArchiver(b.env)
	if err != nil {
		return err
	}
	err = b.run(ctx, src, "make", "-s", fmt.Sprintf("-j%d", runtime.NumCPU()), "CC="+b.tools.clang, "AR="+ar, "NM=true",
		"THREAD_MODEL=posix",
		"TARGET_TRIPLE="+triple, "MULTIARCH_TRIPLE="+multiarch,
		"SYSROOT="+b.out, "OBJDIR="+filepath.Join(b.work, "libc-objects"), "EXTRA_CFLAGS=-O2 -DNDEBUG -w --sysroot="+b.out,
		"startup_files", "libc")
	if err != nil {
		return err
	}
	return copyOverlay("include", filepath.Join(b.out, "include", triple))
}

func (b *builder) patchLibc(src string) error {
	musl := filepath.Join(src, "libc-top-half/musl")
	for file, to := range map[string]string{"atomic_arch.h": "arch/wasm32", "pthread_arch.h": "arch/wasm32",
		"pthread_impl.h": "src/internal", "threads.c": "src/internal"} {
		data, err := overlay.ReadFile("overlay/libc/" + file)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(musl, to, file), data, 0o644); err != nil {
			return err
		}
	}
	for _, p := range libcPatches {
		if err := p.apply(src); err != nil {
			return err
		}
	}
	if err := widenCalls(filepath.Join(src, wasiCalls)); err != nil {
		return err
	}
	for _, name := range withoutErrors {
		if err := removeErrors(filepath.Join(src, "libc-bottom-half/sources", name+".c")); err != nil {
			return err
		}
	}
	return nil
}

func (p *patch) apply(src string) error {
	file := filepath.Join(src, p.file)
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if n := strings.Count(string(text), p.old); n == 0 || n > 1 && !p.all {
		return fmt.Errorf("%s holds %q %d times", p.file, p.old, n)
	}
	return os.WriteFile(file, []byte(strings.ReplaceAll(string(text), p.old, p.new)), 0o644)
}

func removeErrors(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	lines := slices.DeleteFunc(strings.Split(string(text), "\n"),
		func(line string) bool { return strings.HasPrefix(line, "#error") })
	return os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o644)
}

func copyOverlay(from, to string) error {
	root := "overlay/" + from
	return fs.WalkDir(overlay, root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(path, root))
		if d.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		data, err := overlay.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, data, 0o644)
	})
}

// libraryFlags compile what goes into the sysroot: for both kinds of module, without debug information, and without a
// trace of where it was built.
func (b *builder) libraryFlags() []string {
	return []string{"--no-default-config", "--target=" + triple, "--sysroot=" + b.out, "-pthread", "-O2", "-DNDEBUG", "-w",
		"-msimd128", "-mbulk-memory", "-mnontrapping-fptoint", "-ffile-prefix-map=" + b.work + "=."}
}

// compatSources are the files of overlay/compat.
var compatSources = []string{"abort", "atomics", "compare", "random", "process", "signals", "identity", "files",
	"sockets", "threads", "system", "main", "locks",
	"clocks", "mman", "longmath", "fenv", "terminals", "ipc", "contexts", "timers", "ftw",
	"argp", "argphelp", "fused", "gettext", "obstack", "addresses", "transfer", "oldsignals", "calls", "spawn",
	"glibcmath"}

// buildRuntime compiles our own additions to libc and the start of C++ programs into dir.
func (b *builder) buildRuntime(ctx context.Context, sysroot, dir string) error {
	b.out = sysroot
	var err error
	if b.work, err = os.MkdirTemp(b.root, ".build-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.work)
	src, objects, lib := filepath.Join(b.work, "src"), filepath.Join(b.work, "objects"), filepath.Join(b.work, "lib")
	if err := errors.Join(copyOverlay("compat", src), copyOverlay("runtime", src), os.Mkdir(objects, 0o755),
		os.Mkdir(lib, 0o755)); err != nil {
		return err
	}
	flags := slices.Concat(b.libraryFlags(), emulation, []string{"-D_GNU_SOURCE"})
	unit := func(flags []string, source, object string) []string {
		return slices.Concat(flags, []string{"-c", filepath.Join(src, source), "-o", object})
	}
	var commands [][]string
	for _, name := range compatSources {
		commands = append(commands, unit(flags, name+".c", filepath.Join(objects, name+".o")))
	}
	commands = append(commands,
		unit(slices.Concat(flags, sjljFlags), "setjmp.c", filepath.Join(objects, "setjmp.o")),
		unit(slices.Concat([]string{"--driver-mode=g++"}, b.libraryFlags(), cxxExceptions), "start.cc",
			filepath.Join(lib, "crt1-c++.o")),
		unit([]string{"--target=" + triple}, "tls.s", filepath.Join(lib, "tls.o")))
	if err := b.compile(ctx, "building the runtime", commands); err != nil {
		return err
	}
	if err := b.archive(ctx, filepath.Join(lib, ownLibrary), objects); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(lib, manifestName), []byte("{}\n"), 0o644); err != nil {
		return err
	}
	b.progress("", 0, 0)
	return os.Rename(lib, dir)
}

// archive packs a directory's objects. Names are sorted and times left out, so the same objects give the same archive.
func (b *builder) archive(ctx context.Context, name string, dirs ...string) error {
	args := []string{"crsD", name}
	for _, dir := range dirs {
		objects, err := filepath.Glob(filepath.Join(dir, "*.o"))
		if err != nil {
			return err
		}
		args = append(args, objects...)
	}
	ar, err := hostArchiver(b.env)
	if err != nil {
		return err
	}
	return b.run(ctx, b.work, ar, args...)
}

// configSite is libc++'s configuration, which its CMake files would write.
const configSite = `#ifndef _LIBCPP___CONFIG_SITE
#define _LIBCPP___CONFIG_SITE
#define _LIBCPP_ABI_VERSION 2
#define _LIBCPP_ABI_NAMESPACE __2
#define _LIBCPP_HAS_MUSL_LIBC
#define _LIBCPP_HAS_THREAD_API_PTHREAD
#define _LIBCPP_HAS_NO_VENDOR_AVAILABILITY_ANNOTATIONS
#define _LIBCPP_HAS_NO_STD_MODULES
#define _LIBCPP_HAS_NO_TIME_ZONE_DATABASE
#define _LIBCPP_PSTL_BACKEND_SERIAL
#define _LIBCPP_HARDENING_MODE_DEFAULT 2
#endif
`

// abiSources are libc++abi's files for a program with exceptions and threads; unwinding is libunwind's Unwind-wasm.c.
var abiSources = []string{"cxa_aux_runtime", "cxa_default_handlers", "cxa_demangle", "cxa_exception_storage",
	"cxa_guard", "cxa_handlers",
	"cxa_vector", "cxa_virtual", "stdlib_exception", "stdlib_stdexcept", "stdlib_typeinfo", "abort_message",
	"fallback_malloc",
	"private_typeinfo", "stdlib_new_delete", "cxa_thread_atexit", "cxa_exception", "cxa_personality"}

// notOurs are libc++'s files that libc++abi replaces (new) or that compiler-rt has (int128).
var notOurs = map[string]bool{"new.cpp": true, "int128_builtins.cpp": true}

// buildCxx compiles libc++, libc++abi and libunwind by direct clang commands: their CMake files want a CMake, a Python
// and a working compiler for the target to ask questions of.
func (b *builder) buildCxx(ctx context.Context) error {
	llvm := filepath.Join(b.work, "llvm")
	for _, p := range cxxPatches {
		if err := p.apply(filepath.Join(llvm, "libcxx")); err != nil {
			return err
		}
	}
	if err := b.installCxxHeaders(llvm); err != nil {
		return err
	}
	for _, p := range abiPatches {
		if err := p.apply(filepath.Join(llvm, "libcxxabi")); err != nil {
			return err
		}
	}
	cxx := slices.Concat([]string{"--driver-mode=g++"}, b.libraryFlags(), cxxExceptions,
		[]string{"-fvisibility=hidden", "-fvisibility-inlines-hidden",
			"-std=c++23", "-fno-sized-deallocation", "-D_GNU_SOURCE", "-D_LIBCPP_BUILDING_LIBRARY", "-I" + llvm + "/libcxx/src",
			"-I" + llvm + "/libcxxabi/include"})
	var commands [][]string
	objects := map[string]string{}
	for _, lib := range []string{"cxx", "abi"} {
		objects[lib] = filepath.Join(b.work, lib+"-objects")
		if err := os.MkdirAll(objects[lib], 0o755); err != nil {
			return err
		}
	}
	for _, pattern := range []string{"*.cpp", "ryu/*.cpp", "filesystem/*.cpp"} {
		files, err := filepath.Glob(filepath.Join(llvm, "libcxx/src", pattern))
		if err != nil {
			return err
		}
		for _, file := range files {
			base := filepath.Base(file)
			if !notOurs[base] {
				commands = append(commands, slices.Concat(cxx, []string{"-DLIBCXX_BUILDING_LIBCXXABI",
					"-D_LIBCPP_REMOVE_TRANSITIVE_INCLUDES",
					"-c", file, "-o", filepath.Join(objects["cxx"], strings.TrimSuffix(base, ".cpp")+".o")}))
			}
		}
	}
	for _, name := range abiSources {
		commands = append(commands, slices.Concat(cxx, []string{"-D_LIBCXXABI_BUILDING_LIBRARY",
			"-DHAVE___CXA_THREAD_ATEXIT_IMPL", "-I" + llvm + "/libcxxabi/src", "-I" + llvm + "/libunwind/include",
			"-c", filepath.Join(llvm, "libcxxabi/src", name+".cpp"), "-o", filepath.Join(objects["abi"], name+".o")}))
	}
	commands = append(commands, slices.Concat(b.libraryFlags(), cxxExceptions, []string{"-D_LIBUNWIND_HIDE_SYMBOLS",
		"-I" + llvm + "/libunwind/include",
		"-I" + llvm + "/libunwind/src", "-c", filepath.Join(llvm, "libunwind/src/Unwind-wasm.c"), "-o",
		filepath.Join(objects["abi"], "Unwind-wasm.o")}))
	if err := b.compile(ctx, "building the C++ library", commands); err != nil {
		return err
	}
	return errors.Join(b.archive(ctx, filepath.Join(b.out, libDir, "libc++.a"), objects["cxx"]),
		b.archive(ctx, filepath.Join(b.out, libDir, "libc++abi.a"), objects["abi"]))
}

func (b *builder) installCxxHeaders(llvm string) error {
	v1 := filepath.Join(b.out, "include/c++/v1")
	handler, err := os.ReadFile(filepath.Join(llvm, "libcxx/vendor/llvm/default_assertion_handler.in"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(v1, 0o755); err != nil {
		return err
	}
	for from, to := range map[string]string{"libcxx/include": v1, "libcxxabi/include": v1,
		"libunwind/include": filepath.Join(b.out, "include")} {
		if err := copyHeaders(filepath.Join(llvm, from), to); err != nil {
			return err
		}
	}
	return errors.Join(os.WriteFile(filepath.Join(v1, "__assertion_handler"), handler, 0o644),
		os.WriteFile(filepath.Join(v1, "__config_site"), []byte(configSite), 0o644))
}

// copyHeaders copies a tree but for the build system's files.
func copyHeaders(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(path, from))
		switch {
		case d.IsDir():
			return os.MkdirAll(target, 0o755)
		case d.Name() == "CMakeLists.txt", filepath.Ext(path) == ".in":
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, data, 0o644)
	})
}
