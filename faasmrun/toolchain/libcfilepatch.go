package toolchain

// createMode declares the call that says with which mode the next file or directory is made.
const createMode = `__attribute__((import_module("faasmrun"), import_name("create_mode"))) void __faasmrun_create_mode(int mode);
`

// filePatches: names, descriptors, directories and addresses of sockets.
var filePatches = []patch{
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
	// Times that are not used must have some value all the same: else clang takes it that there are times, and reads
	// them through a null pointer.
	{file: "libc-bottom-half/cloudlibc/src/libc/sys/stat/utimensat.c", old: "  __wasi_timestamp_t st_atim;\n" +
		"  __wasi_timestamp_t st_mtim;", new: "  __wasi_timestamp_t st_atim = 0, st_mtim = 0;"},
	{file: "libc-bottom-half/cloudlibc/src/libc/sys/stat/futimens.c", old: "  __wasi_timestamp_t st_atim;\n" +
		"  __wasi_timestamp_t st_mtim;", new: "  __wasi_timestamp_t st_atim = 0, st_mtim = 0;"},
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
	// open(name, 0) reads, as where O_RDONLY is 0.
	{file: "libc-bottom-half/cloudlibc/src/libc/fcntl/openat.c", old: "  switch (oflag & O_ACCMODE) {",
		new: "  if ((oflag & O_ACCMODE) == 0)\n    oflag |= O_RDONLY;\n  switch (oflag & O_ACCMODE) {"},
	// What GNU adds to glob is around musl's (overlay/compat/glob.c).
	{file: globSource, old: "#ifdef __wasilibc_unmodified_upstream // WASI has no usernames\n#include <pwd.h>\n#endif",
		new: `struct passwd {
	char *pw_name, *pw_passwd;
	uid_t pw_uid;
	gid_t pw_gid;
	char *pw_gecos, *pw_dir, *pw_shell;
};
int getpwnam_r(const char *, struct passwd *, char *, size_t, struct passwd **);
int getpwuid_r(uid_t, struct passwd *, char *, size_t, struct passwd **);
uid_t getuid(void);
char *__strchrnul(const char *, int);
#define DT_REG 8
#define DT_DIR 4
#define GLOB_TILDE 0x1000
#define GLOB_TILDE_CHECK 0x4000`},
	{file: globSource, old: "#ifdef __wasilibc_unmodified_upstream // WASI has no usernames", new: "#if 1", all: true},
	{file: globSource, old: "int glob(const char *restrict pat,", new: "int __faasmrun_glob(const char *restrict pat,"},
	{file: globSource, old: "weak_alias(glob, glob64);\n", new: ""},
}
